"""Convert an outcome into sections of lines, tables, findings and steps.

Each module here converts one or more kinds of outcome. `text.py` and `markdown.py` format
the sections, and do not depend on outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ctxsize.findings import Finding
from ctxsize.formats import Look
from ctxsize.formats.names import visible
from ctxsize.model import Directory, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.formats import Outcome


class Name(str):
    """A cell that is a name from a tree: quoted in text, a code span in Markdown."""

    __slots__ = ()


class Prose(NamedTuple):
    """A line of text, wrapped if it is too long. Names in it are already safe to print.

    A text that begins with blanks is an item of a list.
    """

    text: str
    hang: int = 0
    """Number of blanks before all lines except the first."""
    marks: Sequence[tuple[str, str]] = ()
    """Parts of the first line in their order, each with a style; `""` for none."""
    whole: bool = False
    """True to never wrap it."""


class Fact(NamedTuple):
    """A label and a text."""

    label: str
    text: str


class Answer(NamedTuple):
    """The answer in one sentence, after a label."""

    label: str
    style: str
    sentence: str


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
    """Rows of a table; the last column is as wide as the output allows."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    """A row with a single cell is a note below the row before."""
    rest: str = ""
    """A line about the rows that are not shown."""
    numbers: int = 2
    """Number of columns that are numbers, aligned right."""


class SizeTree(NamedTuple):
    """The largest directories, as a tree."""

    root: Directory
    limit: int
    """Number of directories to show."""


class Example(NamedTuple):
    """Lines of a file."""

    lines: Sequence[str]


class Findings(NamedTuple):
    """Findings in their order."""

    findings: Sequence[Finding]
    brief: bool = False
    """True to show in text only one line for each, and few for each code."""


Item = Prose | Fact | Answer | NextStep | Card | Table | SizeTree | Example | Findings


class Section(NamedTuple):
    """Items under a title; a section without items is not shown."""

    items: Sequence[Item]
    title: str = ""
    style: str = "bold"
    folded: bool = False
    """True if Markdown folds it."""


def notes(problems: Iterable[Problem]) -> list[Item]:
    """Return `problems` with the files that were read, as notes."""
    lines: list[Item] = []
    for each in problems:
        where = ":".join(str(part) for part in (each.path, each.line) if part is not None)
        text = f"note: {where}: {each.message}" if where else f"note: {each.message}"
        lines.append(Prose(visible(text), whole=True))
    return lines


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return the sections of `outcome`."""
    match outcome.kind:
        case "measure":
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "check" | "diff":
            from ctxsize.formats.sections import guarded

            return guarded.sections(outcome, look)
        case "suggest" | "plan":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome)
        case _:
            from ctxsize.formats.sections import found

            return found.sections(outcome, look)


def heading(outcome: Outcome) -> str:
    """Return the heading of a comment: for a check, the verdict."""
    if outcome.kind == "check":
        return f"Build context budget: {'🟢 kept' if outcome.passes else '🔴 not kept'}"
    return f"ctxsize {outcome.kind}"
