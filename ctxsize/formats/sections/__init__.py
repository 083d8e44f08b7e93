"""What an outcome has to say, as plain values: sections of lines, tables, findings and steps.

A module here makes them of one or more kinds of outcome: `sections` all that a person
reads in a terminal, `summary` what a comment or a step summary holds. `text.py` and
`markdown.py` show them, and know no outcome.
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

_LABEL = 13


class Name(str):
    """A cell that is a name from a tree: quoted in text, a code span in Markdown."""

    __slots__ = ()


class Prose(NamedTuple):
    """A line of text, wrapped where it is too long; its words are ours, its names visible."""

    text: str
    hang: int = 0
    """Number of blanks before what follows the first line."""
    marks: Sequence[tuple[str, str]] = ()
    """Parts of the first line in their order, and a style for each; `""` for none."""
    style: str = ""
    """Of all of it, where there are no marks."""
    whole: bool = False
    """Whether it is never wrapped."""


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


class Findings(NamedTuple):
    """Findings in their order."""

    findings: Sequence[Finding]
    counted: bool = True
    """Whether their number follows."""


Item = Prose | Answer | NextStep | Card | Table | SizeTree | Findings


class Section(NamedTuple):
    """Some items under a title; nothing is shown of a section without items."""

    items: Sequence[Item]
    title: str = ""
    style: str = "bold"
    more: str = ""
    """What follows the title, in no style."""
    folded: bool = False
    """Whether Markdown folds it up."""


def fact(label: str, text: str, *, width: int = _LABEL, mark: str = "") -> Prose:
    """Return a label and what there is to say; `mark` begins the text and is a warning."""
    return Prose(
        f"  {label:<{width}}{text}", width + 2, ((label, "dim"), (mark, "yellow" if mark else ""))
    )


def notes(problems: Iterable[Problem]) -> list[Prose]:
    """Return what was not understood of the files that say what there is to do."""
    return [
        Prose(
            visible(f"note: {where}: {each.message}" if where else f"note: {each.message}"),
            whole=True,
        )
        for each in problems
        for where in [":".join(str(part) for part in (each.path, each.line) if part is not None)]
    ]


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return all that `outcome` has to say."""
    match outcome.kind:
        case "measure":
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "check":
            from ctxsize.formats.sections import guarded

            return guarded.checked(outcome, look)
        case "diff":
            from ctxsize.formats.sections import guarded

            return guarded.compared(outcome, look)
        case "suggest":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome)
        case "plan":
            from ctxsize.formats.sections import suggested

            return suggested.planned(outcome)
        case "lint":
            from ctxsize.formats.sections import found

            return found.linted(outcome)
        case "advise":
            from ctxsize.formats.sections import found

            return found.advised(outcome)
        case "rules":
            from ctxsize.formats.sections import found

            return found.codes(outcome)
        case "scan":
            from ctxsize.formats.sections import scanned

            return scanned.sections(outcome, look)
        case "clean":
            from ctxsize.formats.sections import cleaned

            return cleaned.sections(outcome)


def summary(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return what is worth a comment: of most kinds of outcome that is the findings."""
    match outcome.kind:
        case "measure":
            from ctxsize.formats.sections import measured

            return measured.summary(outcome, look)
        case "check":
            from ctxsize.formats.sections import guarded

            return guarded.check_summary(outcome, look)
        case "diff":
            from ctxsize.formats.sections import guarded

            return guarded.diff_summary(outcome, look)
        case "scan":
            from ctxsize.formats.sections import scanned

            return scanned.summary(outcome)
    from ctxsize.formats import findings

    counted = Prose(f"{findings.summary(outcome.findings)}.")
    return [Section([counted, Findings(outcome.findings)], f"ctxsize {outcome.kind}")]
