"""The command `ctxsize`: runs a subcommand, and turns its result into an exit code.

0 fine, 1 findings, 2 usage or input error, 3 a bug in ctxsize, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from errno import ENOSPC
from os.path import isdir, lexists
from typing import TYPE_CHECKING

import click

from ctxsize import errors
from ctxsize.cli import output, pages
from ctxsize.cli.commands import COMMANDS, COMPLETE, suggestion
from ctxsize.shipped import shipped_text
from ctxsize.version import version_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

FRONT = ""  # the name of the command that `ctxsize [DIR]` runs
Commands = Mapping[str, click.Command]


def _check() -> Commands:
    from ctxsize.cli.check import check, diff, scan

    return {"check": check, "diff": diff, "scan": scan}


def _clean() -> Commands:
    from ctxsize.cli.clean import clean

    return {"clean": clean}


def _explain() -> Commands:
    from ctxsize.cli.explain import explain

    return {"explain": explain}


def _explore() -> Commands:
    from ctxsize.cli.explore import explore

    return {"explore": explore}


def _init() -> Commands:
    from ctxsize.cli.init import init

    return {"init": init}


def _lint() -> Commands:
    from ctxsize.cli.lint import advise, lint

    return {"advise": advise, "lint": lint}


def _measure() -> Commands:
    from ctxsize.cli.measure import glance, ls, measure

    return {FRONT: glance, "ls": ls, "measure": measure}


def _reference() -> Commands:
    from ctxsize.cli import reference

    return {
        "completion": reference.completion,
        "help": reference.help,
        "rule": reference.rule,
        "schema": reference.schema,
    }


def _suggest() -> Commands:
    from ctxsize.cli.suggest import suggest

    return {"suggest": suggest}


_MODULES: dict[str, Callable[[], Commands]] = {
    "check": _check,
    "clean": _clean,
    "explain": _explain,
    "explore": _explore,
    "init": _init,
    "lint": _lint,
    "measure": _measure,
    "reference": _reference,
    "suggest": _suggest,
}
"""Import a module of this package, and return its commands."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is used, not when it is listed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the name of the front door before a directory or options."""
        first = ""
        if args:
            first = args[0]
        is_door = first.startswith("-") and first not in ("-h", "--help", "-V", "--version")
        if is_door and "--" not in args and not ctx.resilient_parsing:
            door = self.get_command(ctx, FRONT) or self
            parser = door.make_parser(ctx)
            parser.ignore_unknown_options = True
            word = parser.parse_args([*args])[0].get("context")
            if word in COMMANDS:
                typed = f"ctxsize {word} {first.partition('=')[0]}"
                ctx.fail(f"Options follow the command: {typed}")
        is_door |= first not in COMMANDS and isdir(first)
        if is_door or (not args and not ctx.resilient_parsing):
            args = [FRONT, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the first argument. Raises `UsageError` if there is none."""
        word = args[0]
        if word not in COMMANDS and word != FRONT and not ctx.resilient_parsing:
            hint = suggestion(word)
            if not hint and lexists(word):
                hint = "it is a file (name it with -f)"
            elif not hint:
                hint = "there is no such directory either"
            ctx.fail(f"No such command: {word!r}; {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command, or else a directory."""
        commands = super().shell_complete(ctx, incomplete)
        if commands:
            return commands
        return click.Path(file_okay=False).shell_complete(ctx, self.params[0], incomplete)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("ctxsize", "[DIR] [OPTIONS]")
        formatter.write_usage("ctxsize", "COMMAND [ARGS]...", prefix="       ")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name != FRONT:
            return None
        module = COMMANDS[cmd_name].module if cmd_name else "measure"
        return pages.documented(_MODULES[module]()[cmd_name], cmd_name or "glance")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _show_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
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


pages.documented(app, "ctxsize")


def run(arguments: list[str]) -> int:
    """Run `ctxsize` with `arguments`, print what it reports, and return the exit code."""
    output.prepare()
    code = _code(arguments)
    try:
        output.write("", flushed=True)
    except BrokenPipeError:
        output.abandon()
    except errors.CtxsizeError as error:
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
    except click.ClickException as error:
        output.error(_usage(error))
    except errors.CtxsizeError as error:
        output.failed(error)
    except RecursionError:
        output.error("a file is nested too deeply to be read (look for brackets within brackets)")
    except MemoryError:
        output.error("not enough memory (a file or a tree is too large)")
    except Exception as error:
        return _unexpected(error)
    return output.USAGE


def _usage(error: click.ClickException) -> str:
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
        raise errors.InputError(f"COMP_WORDS and COMP_CWORD are invalid: {error}") from None
