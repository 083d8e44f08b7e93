"""Convert an outcome into sections of lines, tables, findings and steps.

Each module here converts one or more kinds of outcome. `text.py` and `markdown.py` format
the sections, and do not depend on outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ctxsize.findings import Finding
from ctxsize.formats import Look
from ctxsize.formats.wording import visible
from ctxsize.model import Directory, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.formats import Outcome


class Name(str):
    """A cell that is a name from a tree: quoted in text, a code span in Markdown."""

    __slots__ = ()


class Prose(NamedTuple):
    """A line of text in which names are already safe; an item of a list if it begins with blanks.

    It is not wrapped unless `hang` has the number of blanks before its further lines.
    """

    text: str
    hang: int = -1
    mark: str = ""
    """The part of `text` that has a `style`."""
    style: str = "bold"


class Fact(NamedTuple):
    """A label and a text."""

    label: str
    text: str


class NextStep(NamedTuple):
    """The command to type next, and its purpose; without a command, what to do."""

    command: str
    purpose: str
    label: str = "Next"


class Card(NamedTuple):
    """A head line with figures at its right end, and texts below."""

    head: str
    figures: str
    texts: Sequence[str]


class Table(NamedTuple):
    """Rows of a table; a row with a single cell is a note below the row before."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    rest: str = ""
    """A line about the rows that are not shown."""
    numbers: int = 2
    """Number of columns that are numbers, aligned right."""


class SizeTree(NamedTuple):
    """The largest `limit` directories, as a tree."""

    root: Directory
    limit: int


class Example(NamedTuple):
    """Lines of a file."""

    lines: Sequence[str]


class Findings(NamedTuple):
    """Findings in their order; if `brief`, text has a line for each, and few for each code."""

    findings: Sequence[Finding]
    brief: bool = False


Item = Prose | Fact | NextStep | Card | Table | SizeTree | Example | Findings


class Section(NamedTuple):
    """Items under a title, not shown without items; Markdown folds one that is `folded`."""

    items: Sequence[Item]
    title: str = ""
    style: str = "bold"
    folded: bool = False


def notes(problems: Iterable[Problem]) -> list[Item]:
    """Return `problems` with the files that were read, as notes."""
    lines: list[Item] = []
    for each in problems:
        where = ":".join(str(part) for part in (each.path, each.line) if part is not None)
        lines.append(Prose(visible(f"note: {f'{where}: ' if where else ''}{each.message}")))
    return lines


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return the sections of `outcome`."""
    match outcome.kind:
        case "measure" | "check" | "diff":
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "suggest" | "plan":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome)
    from ctxsize.formats.sections import found

    return found.sections(outcome, look)


def heading(outcome: Outcome) -> str:
    """Return the heading of a comment: for a check, the verdict."""
    if outcome.kind == "check":
        return f"Build context budget: {'🟢 kept' if outcome.passes else '🔴 not kept'}"
    return f"ctxsize {outcome.kind}"
