"""What an outcome has to say, as plain values: sections of lines, tables, findings and steps.

A module here makes them of one or more kinds of outcome. `text.py` and `markdown.py`
show them, and know no outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
    """A line of text, wrapped where it is too long; its words are ours, its names visible.

    One that begins with blanks is an item of a list.
    """

    text: str
    hang: int = 0
    """Number of blanks before what follows the first line."""
    marks: Sequence[tuple[str, str]] = ()
    """Parts of the first line in their order, and a style for each; `""` for none."""
    style: str = ""
    """Of all of it, where there are no marks."""
    whole: bool = False
    """Whether it is never wrapped."""


class Fact(NamedTuple):
    """A label and what there is to say."""

    label: str
    text: str
    width: int = 13
    """Number of columns that the labels take."""
    mark: str = ""
    """What begins the text and is a warning."""


class Answer(NamedTuple):
    """The answer in one sentence, behind a label."""

    label: str
    style: str
    sentence: str
    sign: str = ""
    """Before the label where there are no colours."""


class NextStep(NamedTuple):
    """What to type next, `""` where that is no command, and what for."""

    command: str
    purpose: str
    label: str = "Next"


class Card(NamedTuple):
    """A head line, what stands at its right end, and what follows."""

    head: str
    figures: str
    texts: Sequence[str]


class Table(NamedTuple):
    """Rows to show; the last column is a name and takes what is left of the width."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    """One cell alone is a note below the row before, beside its figures."""
    rest: str = ""
    """What was left out, in words."""
    numbers: int = 2
    """Number of columns that Markdown aligns to the right."""


class SizeTree(NamedTuple):
    """The largest directories of a tree, in their places."""

    root: Directory
    limit: int
    """Number of directories that are shown."""


class Example(NamedTuple):
    """Lines of a file."""

    lines: Sequence[str]


class Findings(NamedTuple):
    """Findings in their order."""

    findings: Sequence[Finding]
    counted: bool = True
    """Whether their number follows."""
    brief: bool = False
    """Whether text has just a line for each, and for the first few of a code."""
    known: Collection[str | None] = ()
    """Paths that such a line need not name, where it is about no line of them."""


Item = Prose | Fact | Answer | NextStep | Card | Table | SizeTree | Example | Findings


class Section(NamedTuple):
    """Some items under a title; nothing is shown of a section without items."""

    items: Sequence[Item]
    title: str = ""
    style: str = "bold"
    folded: bool = False
    """Whether Markdown folds it up."""


def notes(problems: Iterable[Problem]) -> list[Prose]:
    """Return what was not understood of the files that say what there is to do."""
    lines = []
    for each in problems:
        where = ":".join(str(part) for part in (each.path, each.line) if part is not None)
        text = f"note: {where}: {each.message}" if where else f"note: {each.message}"
        lines.append(Prose(visible(text), whole=True))
    return lines


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return all that `outcome` has to say."""
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
        case "lint" | "advise" | "rules" | "scan":
            from ctxsize.formats.sections import found

            return found.sections(outcome, look)
        case "clean":
            from ctxsize.formats.sections import cleaned

            return cleaned.sections(outcome)


def heading(outcome: Outcome) -> str:
    """Return what stands above a comment: of a check whether the budgets are kept."""
    if outcome.kind == "check":
        return f"Build context budget: {'🟢 kept' if outcome.passes else '🔴 not kept'}"
    return f"ctxsize {outcome.kind}"


def summary(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return what is worth a comment: the limits of a check and what breaks them, else all."""
    if outcome.kind == "check":
        from ctxsize.formats.sections import guarded

        return guarded.summary(outcome, look)
    return sections(outcome, look)
