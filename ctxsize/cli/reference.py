"""`ctxsize rule`, `schema`, `completion` and `help`: documentation and integration."""

from __future__ import annotations

import json

import click
from click import argument, command
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from ctxsize.cli import completing, options, output
from ctxsize.cli.commands import COMMANDS, COMPLETE, suggestion
from ctxsize.codes import Rules, all_codes
from ctxsize.errors import InputError
from ctxsize.formats import json as shapes
from ctxsize.model import Texts

_SCHEMAS = click.Choice([*shapes.SCHEMAS])


class _Fish(FishComplete):
    """Completion for fish whose descriptions may have commas."""

    source_template = FishComplete.source_template.replace('split ","', 'split -m 1 ","')


_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": _Fish}


@command("rule")
@argument("names", metavar="[CODE]...", nargs=-1, shell_complete=completing.codes(""))
@options.display_as_is
def rule(names: Texts, display: output.Display) -> None:
    """Explain what CODE means and what to write instead; without one, list all codes."""
    codes = all_codes()
    if names:
        chosen = set()
        for name in names:
            start = name.upper()
            matches = [code for code in codes if code.name.startswith(start) or code.slug == name]
            if not matches:
                raise InputError(f"no such code: {name!r}", hint="`ctxsize rule` lists them")
            chosen.update(matches)
        codes = tuple(code for code in codes if code in chosen)
    display.emit(Rules(codes, asked=len(codes) <= len(names)))


@command("schema")
@argument("name", required=False, shell_complete=_SCHEMAS.shell_complete)
def schema(name: str | None) -> None:
    """Print the JSON Schema of the output of the command NAME with `--format json`."""
    if name is None:
        output.write("\n".join(shapes.SCHEMAS) + "\n")
        return
    if name not in shapes.SCHEMAS:
        raise InputError(f"no such schema: {name!r}", hint=f"one of {', '.join(shapes.SCHEMAS)}")
    output.write(json.dumps(shapes.schema(name), indent=2) + "\n")


@command("completion")
@argument("shell", type=click.Choice([*_SHELLS]))
def completion(shell: str) -> None:
    """Print a script for SHELL that completes ctxsize's commands, options and files."""
    # `source()` would run bash to check its version, and this machine may not have it.
    program = click.get_current_context().find_root().command
    script = _SHELLS[shell](program, {}, "ctxsize", COMPLETE)
    output.write(script.source_template % script.source_vars() + "\n")


@command("help")
@argument("command", required=False, shell_complete=click.Choice([*COMMANDS]).shell_complete)
def help(command: str | None) -> None:  # noqa: A001
    """Show the help of COMMAND, or list the commands: the same as `ctxsize COMMAND --help`."""
    context = click.get_current_context().find_root()
    if command is not None:
        documented = None
        if isinstance(context.command, click.Group):
            documented = context.command.get_command(context, command)
        if documented is None:
            raise InputError(
                f"no such command: {command!r}",
                hint=suggestion(command) or f"one of {', '.join(COMMANDS)}",
            )
        context = click.Context(documented, parent=context, info_name=command)
    output.write(context.get_help() + "\n")
