"""The values that outcomes become for text and Markdown: sections of lines, tables and steps.

They know neither width nor height: the renderer decides what of them fits on a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from ctxsize.findings import Finding
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import more, visible
from ctxsize.model import Amount, Directory, Problem
from ctxsize.values import Value

T = TypeVar("T")


class Fit(Value):
    """The most lines of text for an item: on most screens, and on a low or a narrow one."""

    lines: int
    on_low: int = 0
    on_narrow: int = 0

    def of(self, look: Look) -> int:
        """Return the most lines on this screen."""
        if self.on_low and look.is_low:
            return self.on_low
        if self.on_narrow and look.is_narrow:
            return self.on_narrow
        return self.lines


class Prose(Value):
    """A line of text in which names are already safe.

    It is not wrapped unless `hang` has the number of blanks before its further lines.
    """

    text: str
    hang: int = -1
    mark: str = ""  # the part of `text` that has a `style`
    style: str = "bold"
    fit: Fit | None = None  # None for as many lines as it takes


class Fact(Value):
    """A label and a text, which may begin with a path that is cut first."""

    label: str
    text: str
    fit: Fit | None = None  # as in `Prose`
    path: str = ""
    short: str = ""  # the text if the other one is wider than the screen


class NextStep(Value):
    """The command to type next, and its purpose; without a command, what to do."""

    command: str
    purpose: str
    label: str = "Next"
    fit: Fit | None = None  # as in `Prose`, for a step without a command


class Room(Value):
    """The number of rows that are shown: `most` where all is shown, else as many as fit."""

    most: int
    total: int = 0  # number of rows that there are; a line counts those that are not shown
    noun: str = ""  # a name of a row for that line; without one there is no line
    least: int = 0  # number of rows even if they do not fit, unless the screen is low
    leaves: Literal["nothing", "half", "all"] = "nothing"  # of the room that later tables want
    is_shared: bool = True  # False if its rows were asked for and take no room from others
    spare: int = 0  # number of rows above `most` that are shown in place of a line about them

    @property
    def whole(self) -> int:
        """Return the number of rows where all is shown."""
        if self.total <= self.most + self.spare:
            return self.total
        return self.most


class Table(Value):
    """Rows of a table; a row with a single cell is a note below the row before."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    rest: str = ""  # a line about the rows that are not shown
    names: int = 1  # number of columns of names, 1 or 2: they come last, and text aligns them left
    prose: bool = False  # True if a column of words follows the name; text wraps it
    room: Room | None = None  # None if all rows are shown

    @property
    def figures(self) -> int:
        """Return the number of columns of figures, which come first."""
        return len(self.headers) - self.names - self.prose


class SizeTree(Value):
    """The largest directories at and below `root`, as a table with guides and bars."""

    root: Directory
    room: Room


class LargePart(Value):
    """A part of what is sent; none contains another."""

    name: str
    files: int
    content_bytes: int
    note: str = ""  # why it is not needed, or may not be


class LargeParts(Value):
    """Parts of a whole as a table with bars, the most important first; all others are one row."""

    parts: Sequence[LargePart]
    whole: Amount
    room: Room


class Findings(Value):
    """Findings in their order."""

    findings: Sequence[Finding]
    brief: int = 0  # number of findings that text shows without details; 0 for all with them
    fixed: int = 0  # number of findings that fixes removed
    brief_on_low: int = 0  # `brief` on a low screen, if it is another number


SectionItem = Prose | Fact | NextStep | Table | SizeTree | LargeParts | Findings
Items = Iterable[SectionItem]


class Section(Value):
    """Items under a title, not shown if they are empty; Markdown folds one that is `folded`."""

    items: Sequence[SectionItem]
    title: str = ""
    folded: bool = False
    style: str = "bold"  # the style of the title

    @property
    def sections(self) -> Sequence[Section]:
        """Return the section alone, as one of a screen."""
        return [self]


class Screen(Value):
    """Sections that are shown together on one screen; a blank line follows each."""

    sections: Sequence[Section]
    lines: int = 0  # number of its lines; 0 for those of the terminal


ScreenPart = Section | Screen
Sections = Iterable[Section]


def cut(things: Sequence[T], most: int, look: Look, noun: str = "") -> tuple[Sequence[T], str]:
    """Return the first `most` of `things`, and a line about the others; all and `""` if full."""
    if look.full or len(things) <= most:
        return things, ""
    return things[:most], f"{more(len(things) - most, noun)}: -v"


def notes(problems: Iterable[Problem]) -> list[Prose]:
    """Return `problems` with the files that were read, as notes."""
    lines = []
    for problem in problems:
        text = problem.message
        place = [str(part) for part in (problem.path, problem.line) if part is not None]
        if place:
            text = f"{':'.join(place)}: {text}"
        lines.append(Prose(visible(f"note: {text}"), 6))
    return lines


def fate(failures: Iterable[Problem], context: str, most: int = 0) -> Findings:
    """Return why the build of `context` fails, in the words of every command; at most `most`."""
    findings = [failure.as_finding(failure.place(context) or context) for failure in failures]
    return Findings(findings, most or len(findings))


def few(lines: Sequence[SectionItem], most: int, look: Look, noun: str = "") -> list[SectionItem]:
    """Return the first `most` of `lines`, all if full, and a line about the others."""
    shown, rest = cut(lines, most, look, noun)
    items = list(shown)
    if rest:
        items.append(Prose(f"  {rest}"))
    return items


def folded(node: Directory) -> Directory:
    """Return the first directory at or below `node` that has files of its own, or a choice."""
    while len(node.children) == 1:
        child = node.children[0]
        if Amount.of(node) != Amount.of(child):
            break
        node = child
    return node
