"""The command `ctxsize`: runs a subcommand, and turns its result into an exit code.

0 fine, 1 findings, 2 usage or input error, 3 a bug in ctxsize, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from errno import ENOSPC
from importlib import import_module
from os.path import isdir, lexists
from typing import TYPE_CHECKING

import click
from click import ClickException, Command, Context, HelpFormatter

from ctxsize.cli import output
from ctxsize.cli.commands import COMMANDS, COMPLETE, suggestion
from ctxsize.cli.pages import documented
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.shipped import shipped_text
from ctxsize.version import version_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

FRONT = ""  # the name of the command that `ctxsize [DIR]` runs


class LazyGroup(click.Group):
    """Imports a command's module when the command is used, not when it is listed."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Insert the name of the front door before a directory or options."""
        first = next(iter(args), "")
        is_asked = not ctx.resilient_parsing
        is_door = first.startswith("-") and first not in ("-h", "--help", "-V", "--version")
        if is_door and is_asked and "--" not in args:
            door = self.get_command(ctx, FRONT) or self
            parser = door.make_parser(ctx)
            parser.ignore_unknown_options = True
            options, _, _ = parser.parse_args([*args])
            word = options.get("context")
            if word in COMMANDS:
                option = first.partition("=")[0]
                ctx.fail(f"Options follow the command: ctxsize {word} {option}")
        is_door |= first not in COMMANDS and isdir(first)
        if is_door or (is_asked and not args):
            args = [FRONT, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        """Return the command of the first argument. Raises `UsageError` if there is none."""
        word = args[0]
        if word not in (*COMMANDS, FRONT) and not ctx.resilient_parsing:
            hint = "there is no such directory either"
            if lexists(word):
                hint = "it is a file (name it with -f)"
            ctx.fail(f"No such command: {word!r}; {suggestion(word) or hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command, or else a directory."""
        commands = super().shell_complete(ctx, incomplete)
        if commands:
            return commands
        return click.Path(file_okay=False).shell_complete(ctx, self.params[0], incomplete)

    def format_usage(self, ctx: Context, formatter: HelpFormatter) -> None:
        formatter.write_usage("ctxsize", "[DIR] [OPTIONS]")
        formatter.write_usage("ctxsize", "COMMAND [ARGS]...", prefix="       ")

    def list_commands(self, ctx: Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name == FRONT:
            from ctxsize.cli.measure import glance

            return documented(glance, "glance")
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"ctxsize.cli.{COMMANDS[cmd_name].module}")
        return documented(getattr(module, cmd_name), cmd_name)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, listed.summary) for name, listed in COMMANDS.items()]
            formatter.write_dl(rows)


def _show_version(context: Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(version_line())
        context.exit()


@click.command(
    "ctxsize",
    cls=LazyGroup,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 findings, 2 usage or input error, 3 a bug, 130 interrupted.",
)
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version
)
def app() -> None:
    """Report exactly what `docker build` will send, and keep it small."""


documented(app, "ctxsize")


def run(arguments: list[str]) -> int:
    """Run `ctxsize` with `arguments`, print what it reports, and return the exit code."""
    output.prepare()
    code = _code(arguments)
    try:
        output.write("", flushed=True)
    except BrokenPipeError:
        output.abandon()
    except CtxsizeError as error:
        output.error(str(error))
        return output.USAGE
    return code


def _code(arguments: list[str]) -> int:
    try:
        if COMPLETE in os.environ:
            return _complete()
        # `clean` repeats its arguments, which click takes out of the list.
        with app.make_context("ctxsize", [*arguments], obj=arguments) as context:
            return app.invoke(context) or output.FINE
    except BrokenPipeError:
        output.abandon()
        return output.FINE
    except (KeyboardInterrupt, click.Abort):
        return output.INTERRUPTED
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except ClickException as error:
        output.error(_usage(error))
    except CtxsizeError as error:
        output.failed(error)
    except RecursionError:
        output.error("a file is nested too deeply to be read (look for brackets within brackets)")
    except MemoryError:
        output.error("not enough memory (a file or a tree is too large)")
    except Exception as error:
        return _unexpected(error)
    return output.USAGE


def _usage(error: ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "ctxsize").strip()
    message = " ".join(error.format_message().split()).rstrip(".")
    # What is gone, and what to do instead.
    for line in shipped_text("cli/removed.txt").splitlines():
        removed, _, instead = line.partition(": ")
        command, _, name = removed.rpartition(" ")
        if message.startswith("No such") and path == command and name in message:
            message = f"{name} was removed: {instead}"
    if context and context.info_name == FRONT:
        path = f"{path} ."
    return f"{message} ({path} --help)"


def _unexpected(error: Exception) -> int:
    """Report an error of the environment, or else a bug."""
    if isinstance(error, OSError) and error.errno == ENOSPC:  # click writes help by itself
        output.error(str(output.cannot_write(error)))
        return output.USAGE
    try:
        os.getcwd()
    except OSError:
        output.error("the working directory was deleted (cd to one that exists)")
        return output.USAGE
    if os.environ.get("CTXSIZE_DEBUG", "0") not in ("", "0"):
        sys.excepthook(type(error), error, error.__traceback__)
    output.error(
        f"internal error: {type(error).__name__}: {error} (this is a bug in ctxsize, please "
        "report it with the command; CTXSIZE_DEBUG=1 shows where)"
    )
    return output.BUG


def _complete() -> int:
    from click.shell_completion import shell_complete

    try:
        return shell_complete(app, {}, "ctxsize", COMPLETE, os.environ[COMPLETE])
    except (KeyError, ValueError) as error:
        raise InputError(f"COMP_WORDS and COMP_CWORD are invalid: {error}") from None
