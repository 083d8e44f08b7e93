"""`ctxsize rule`: what a code means."""

from __future__ import annotations

import click

from ctxsize.cli import output
from ctxsize.cli.options import display_options
from ctxsize.codes import Rules, all_codes
from ctxsize.errors import InputError


@click.command("rule")
@click.argument("names", metavar="[CODE]...", nargs=-1)
@display_options
def command(*, names: tuple[str, ...], display: output.Display) -> None:
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
