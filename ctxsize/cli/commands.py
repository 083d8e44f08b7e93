"""The list of commands, and the one that a mistyped word may mean."""

from __future__ import annotations

from typing import NamedTuple

from ctxsize.shipped import shipped_text

COMPLETE = "_CTXSIZE_COMPLETE"


class Listed(NamedTuple):
    """A command in the list of the help."""

    module: str
    summary: str


_ROWS = [row.split(None, 2) for row in shipped_text("cli/commands.txt").splitlines()]
COMMANDS = {name: Listed(module, summary) for name, module, summary in _ROWS}
"""The commands by name, in the order of the help."""


def suggestion(word: str) -> str:
    """Return a question about the command that `word` may stand for, `""` for none."""
    from difflib import get_close_matches

    if word == "build":
        return "did you mean `ctxsize .`?"
    for command in get_close_matches(word, COMMANDS, 1):
        return f"did you mean `ctxsize {command}`?"
    return ""
