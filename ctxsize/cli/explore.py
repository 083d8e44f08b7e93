"""`ctxsize explore`: a screen to walk through a context and to try patterns on it."""

from __future__ import annotations

import os

import click

from ctxsize.build import Build
from ctxsize.cli import options, output
from ctxsize.errors import InputError


@click.command("explore")
@options.build
def explore(build: Build) -> int:
    """Walk through CONTEXT on a screen, and try patterns of its ignore file on it.

    The tree is sorted by size and starts on the largest entry. Each pattern that is tried
    changes the figures above it at once, and they are those of `ctxsize measure`; a red line
    appears if a COPY would lose its source. Nothing is written before the keys w and y.
    The screen needs textual: pip install 'ctxsize[tui]'

    \b
    Keys:
      up down left right enter   move, open and close; the mouse does it too
      /        show only entries with a text in their path
      i I      try the pattern for the entry, or for every place of its name
      u        undo the last change
      s        choose among the suggestions of `ctxsize suggest`
      e        explain the entry: the lines that match, the instructions that take it
      w        show the change as a diff; y writes it, Esc cancels
      q ?      leave, show all keys
    \b
    Examples:
      ctxsize explore
      ctxsize explore services/api
      ctxsize explore --target builder -f docker/Dockerfile .
    """  # noqa: D301
    if not output.is_interactive():
        hint = "ctxsize measure prints the figures, ctxsize suggest --write the patterns"
        raise InputError("explore needs a terminal with a keyboard", hint=hint)
    try:
        from ctxsize.explore.app import Explorer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual", "rich"):
            raise
        hint = "pip install 'ctxsize[tui]'"
        raise InputError("explore needs the package textual", hint=hint) from None
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # textual would obey an empty one too
    explorer = Explorer(build)
    code = explorer.run(mouse=True)
    output.write(explorer.summary())
    if explorer.failure is not None:
        raise explorer.failure
    return output.INTERRUPTED if code is None else code
