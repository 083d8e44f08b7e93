"""Convert an outcome into sections of lines, tables, findings and steps, for text and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import NamedTuple

from ctxsize.findings import Finding
from ctxsize.formats import Look
from ctxsize.formats.wording import quoted, visible
from ctxsize.model import Directory, Problem
from ctxsize.units import human, percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.formats import Outcome

_LONGEST_BAR = 20
_EIGHTHS = ("", *"▏▎▍▌▋▊▉")


class Prose(NamedTuple):
    """A line of text in which names are already safe.

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


class Table(NamedTuple):
    """Rows of a table; a row with a single cell is a note below the row before."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    rest: str = ""
    """A line about the rows that are not shown."""


class Findings(NamedTuple):
    """Findings in their order; if `brief`, text has a line for each, and few for each code."""

    findings: Sequence[Finding]
    brief: bool = False
    at_length: bool = False
    """True if text shows the line of each finding, and the reason of its code."""
    fixed: int = 0
    """Number of findings that fixes removed."""


Item = Prose | Fact | NextStep | Table | Findings


class Section(NamedTuple):
    """Items under a title, not shown if they are empty; Markdown folds one that is `folded`."""

    items: Sequence[Item]
    title: str = ""
    folded: bool = False


def without_steps(section: Section) -> Section:
    """Return the section without the commands to type next."""
    items = [each for each in section.items if not isinstance(each, NextStep)]
    return section._replace(items=items)


def notes(problems: Iterable[Problem]) -> list[Item]:
    """Return `problems` with the files that were read, as notes."""
    lines: list[Item] = []
    for each in problems:
        where = ":".join(str(part) for part in (each.path, each.line) if part is not None)
        lines.append(Prose(visible(f"note: {f'{where}: ' if where else ''}{each.message}")))
    return lines


def tree(root: Directory, limit: int, width: int) -> Table:
    """Return the largest directories as a table, with bars where there is room for them."""
    every = [root]
    for node in every:
        every += node.children
    # A parent is never smaller, and its path is less: no child is chosen without it.
    largest = nsmallest(limit, every, lambda each: (-each.content_bytes, each.path))
    chosen, pending, rows = {each.path for each in largest}, [(root, "", "")], []
    longest, whole = min(_LONGEST_BAR, max(0, width - 60)), root.content_bytes or 1
    while pending and root.children:
        node, guides, below = pending.pop()
        blocks, eighths = divmod(round(node.content_bytes / whole * longest * 8), 8)
        bar = ("█" * blocks + _EIGHTHS[eighths]).ljust(longest)
        figures = (human(node.content_bytes), f"{node.files:,}", percent(node.content_bytes, whole))
        rows.append((*figures, bar, guides + (quoted(node.path.rpartition("/")[2]) or ".")))
        shown = [each for each in node.children if each.path in chosen]
        for child in reversed(shown):
            lead, under = ("└─ ", "   ") if child is shown[-1] else ("├─ ", "│  ")
            pending.append((child, below + lead, below + under))
    return Table(("size", "files", "%", "", "directory"), rows)


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return the sections of `outcome`."""
    match outcome.kind:
        case "measure" | "check":
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "diff":
            from ctxsize.formats.sections import compared

            return compared.sections(outcome, look)
        case "suggest" | "plan":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome)
    from ctxsize.formats.sections import found

    return found.sections(outcome, look)


def heading(outcome: Outcome) -> str:
    """Return the heading of a comment: for a check, the verdict."""
    if outcome.kind == "check":
        return f"Build context budget: {'🟢 kept' if outcome.passes else '🔴 not kept'}"
    if outcome.kind == "diff":
        from ctxsize.formats.sections import compared

        return compared.heading(outcome)
    return f"ctxsize {outcome.kind}"
