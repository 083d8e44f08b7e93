"""Convert an outcome into sections of lines, tables, findings and steps, for text and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import nsmallest
from importlib import import_module
from typing import NamedTuple, TypeVar

from ctxsize.findings import Finding
from ctxsize.formats import GLANCE, Look, Outcome
from ctxsize.formats.wording import more, quoted, visible
from ctxsize.model import Amount, Directory, Problem
from ctxsize.units import human, percent

T = TypeVar("T")
_LONGEST_BAR = 20
_MODULES = {"measure": "measured", "check": "checked", "diff": "compared"}
_MODULES |= dict.fromkeys(("suggest", "plan"), "suggested")
"""The module of each kind of outcome; the others have only findings."""
_EIGHTHS = ("", *"▏▎▍▌▋▊▉")


class Prose(NamedTuple):
    """A line of text in which names are already safe.

    It is not wrapped unless `hang` has the number of blanks before its further lines.
    """

    text: str
    hang: int = -1
    mark: str = ""  # the part of `text` that has a `style`
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
    rest: str = ""  # a line about the rows that are not shown
    names: int = 1  # number of columns of names, 1 or 2: they come last, and text aligns them left
    prose: bool = False  # True if a column of words follows the name; text wraps it


class Findings(NamedTuple):
    """Findings in their order."""

    findings: Sequence[Finding]
    brief: int = 0  # number of findings that text shows without details; 0 for all with them
    fixed: int = 0  # number of findings that fixes removed


Item = Prose | Fact | NextStep | Table | Findings


class Section(NamedTuple):
    """Items under a title, not shown if they are empty; Markdown folds one that is `folded`."""

    items: Sequence[Item]
    title: str = ""
    folded: bool = False
    style: str = "bold"  # the style of the title


def without_steps(section: Section) -> Section:
    """Return the section without the commands to type next."""
    items = [each for each in section.items if not isinstance(each, NextStep)]
    return section._replace(items=items)


def cut(found: Sequence[T], most: int, look: Look, noun: str = "") -> tuple[Sequence[T], str]:
    """Return the first `most` of `found`, and a line about the others; all and `""` if full."""
    if look.full or len(found) <= most:
        return found, ""
    return found[:most], f"{more(len(found) - most, noun)}: -v"


def notes(problems: Iterable[Problem]) -> list[Item]:
    """Return `problems` with the files that were read, as notes."""
    lines: list[Item] = []
    for each in problems:
        where = ":".join(str(part) for part in (each.path, each.line) if part is not None)
        lines.append(Prose(visible(f"note: {f'{where}: ' if where else ''}{each.message}"), 6))
    return lines


def few(lines: Sequence[Item], most: int, look: Look, noun: str = "") -> list[Item]:
    """Return the first `most` of `lines`, all if full, and a line about the others."""
    shown, rest = cut(lines, most, look, noun)
    return [*shown, *([Prose(f"  {rest}")] if rest else [])]


def folded(node: Directory) -> Directory:
    """Return the first directory at or below `node` that has files of its own, or a choice."""
    while len(node.children) == 1 and Amount.of(node) == Amount.of(node.children[0]):
        node = node.children[0]
    return node


def tree(root: Directory, limit: int, width: int) -> Table:
    """Return the largest directories as a table, with bars where there is room for them.

    A directory that has nothing but another one shares its row. Guides take a quarter of the width.
    """
    every = [root]
    for node in every:
        every += map(folded, node.children)
    limit += len(every) == limit + 1  # a line about one more would take as much room
    # A parent is never smaller, and its path is less: no child is chosen without it.
    largest = nsmallest(limit, every, lambda each: (-each.content_bytes, each.path))
    chosen = {each.path for each in largest}
    pending = [(root, "", "", 0)]
    rows = []
    longest = min(_LONGEST_BAR, max(0, width - 60))
    whole = root.content_bytes or 1
    while pending and root.children:
        node, guides, below, at = pending.pop()
        figures = (human(node.content_bytes), f"{node.files:,}", percent(node.content_bytes, whole))
        name = quoted(node.path[at:]) or "."
        rows.append((*figures, bar(node.content_bytes / whole, longest), guides + name))
        shown = [each for each in map(folded, node.children) if each.path in chosen]
        if 4 * len(below) > width:
            inner = at
        else:
            inner = len(node.path) + bool(node.path)
        for child in reversed(shown):
            if child is shown[-1]:
                lead = "└─ "
                under = "   "
            else:
                lead = "├─ "
                under = "│  "
            if inner == at and node is not root:
                lead = under = ""
            pending.append((child, below + lead, below + under, inner))
    if rows:
        rest = more(len(every) - len(rows), "directory")
    else:
        rest = ""
    return Table(("size", "files", "%", "", "directory"), rows, rest)


def bar(share: float, longest: int) -> str:
    """Return a bar for a share of the whole, which has `longest` columns."""
    blocks, eighths = divmod(round(share * longest * 8), 8)
    return f"{'█' * blocks}{_EIGHTHS[eighths]}".ljust(longest)


def sections(outcome: Outcome, look: Look) -> Iterable[Section]:
    """Return the sections of `outcome`."""
    name = _MODULES.get(outcome.kind, "found")
    if outcome.kind == "measure" and look.only == GLANCE:
        look = replace(look, only=None)
        if look.full:
            name = name
        else:
            name = GLANCE
    made: Iterable[Section] = import_module(f"{__name__}.{name}").sections(outcome, look)
    return made


def heading(outcome: Outcome) -> str:
    """Return the heading of a comment: for a check, the verdict."""
    if outcome.kind == "check":
        return f"Build context budget: {'🟢 kept' if outcome.passes else '🔴 not kept'}"
    if outcome.kind == "diff":
        from ctxsize.formats.sections import compared

        return compared.heading(outcome)
    return f"ctxsize {outcome.kind}"
