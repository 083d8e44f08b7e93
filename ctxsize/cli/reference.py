"""`ctxsize rule`, `schema` and `completion`: constants of ctxsize, printed."""

from __future__ import annotations

import json

import click
from click.shell_completion import get_completion_class

from ctxsize.cli import options, output
from ctxsize.codes import Rules, all_codes
from ctxsize.errors import InputError, hint_at
from ctxsize.formats import json as shapes


@click.command("rule")
@click.argument("names", metavar="[CODE]...", nargs=-1)
@options.display
def rule(*, names: tuple[str, ...], display: output.Display) -> None:
    """Explain what CODE means and what to write instead; without one, list all codes.

    A code is `CTX101` or its name, `root-only-name`; `CTX1` stands for all that begin so.

    \b
    Examples:
      ctxsize rule
      ctxsize rule CTX101
      ctxsize rule trailing-comment
    """  # noqa: D301
    known = all_codes()
    chosen = known
    if names:
        wanted = [_matching(name, [(each.name, each.slug) for each in known]) for name in names]
        chosen = tuple(code for code in known if any(code.name in found for found in wanted))
    at_length = bool(names) and len(chosen) <= len(names)
    display.emit(Rules(chosen, at_length), top=len(chosen))


def _matching(name: str, known: list[tuple[str, str]]) -> list[str]:
    """Return the codes that `name` stands for. Raises `InputError` if there is none."""
    found = [code for code, slug in known if code.startswith(name.upper()) or slug == name]
    if not found:
        raise InputError(f"no such code: {name!r}", hint="`ctxsize rule` lists them")
    return found


@click.command("schema")
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of what `--format json` of the command NAME prints.

    It refers to no other file. Without NAME the names are listed; `plan` is what the
    modes of `suggest` print, `baseline` what `check --baseline` reads.

    \b
    Examples:
      ctxsize schema
      ctxsize schema measure > measure.schema.json
    """  # noqa: D301
    if name is None:
        output.write("".join(f"{each}\n" for each in shapes.SCHEMAS))
        return
    if name not in shapes.SCHEMAS:
        raise InputError(f"no such schema: {name!r}", hint=hint_at(name, shapes.SCHEMAS))
    output.write(json.dumps(shapes.schema(name), indent=2) + "\n")


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script for SHELL that completes ctxsize's commands, options and files.

    \b
    Examples:
      ctxsize completion bash > ~/.local/share/bash-completion/completions/ctxsize
      ctxsize completion zsh > ~/.zfunc/_ctxsize    with fpath+=~/.zfunc before compinit
      ctxsize completion fish > ~/.config/fish/completions/ctxsize.fish
    """  # noqa: D301
    from ctxsize.cli.app import COMPLETE, app

    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"no completion for {shell}")
    # bash would be asked for its version first, on a machine that may have none.
    script = maker(app, {}, "ctxsize", COMPLETE)
    output.write(script.source_template % script.source_vars() + "\n")
