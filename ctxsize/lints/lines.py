"""The lines of an ignore file as a builder reads them, and changes of some of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.engine.builders import Builder
from ctxsize.engine.ignorefile import BOM, LONGEST_LINE, IgnoreFile, sent_text, text_of
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import IgnoreFileError
from ctxsize.writer.merge import edit_lines

_WILD = frozenset("*?[\\")
NOTHING: frozenset[str] = frozenset()
"""What a change means that moves comments or drops lines without effect."""


def is_control(char: str) -> bool:
    """Return whether no header of ASCII may hold it."""
    return char < " " or char == "\x7f"


@dataclass(frozen=True)
class Line:
    """One line of an ignore file."""

    number: int
    """1-based."""
    raw: str
    """Without its end and without a byte order mark."""
    pattern: DockerIgnorePattern | None = None
    """None for a comment, a blank line, and a pattern that fails the build."""
    text: str = ""
    """The pattern as the builder's matcher holds it, without `!`; `""` where there is none."""
    exception: bool = False
    error: IgnoreFileError | None = None
    """Why the build fails, at once or as soon as it comes to this pattern."""
    marked: bool = False
    """Whether a byte order mark stands in front, which counts as a column."""

    @property
    def written(self) -> str:
        """Return the line without the blanks around it."""
        return self.raw.strip()

    def numbered(self, number: int) -> Line:
        """Return the same line with its number, which its pattern has too."""
        pattern = copy(self.pattern)
        if pattern is not None:
            pattern.line = number
        return replace(self, number=number, pattern=pattern)

    @cached_property
    def sent(self) -> str:
        """Return what travels to the builder."""
        return sent_text(self.raw) or ""

    @cached_property
    def controls(self) -> str:
        """Return the control characters that travel to the builder, which may stop the build."""
        return "".join(filter(is_control, self.sent))

    @property
    def ignores(self) -> bool:
        """Return whether it is a pattern that can be evaluated, and no exception."""
        return self.pattern is not None and not self.exception

    @property
    def is_wild(self) -> bool:
        """Return whether it may match more than one path."""
        return not _WILD.isdisjoint(self.text)

    def matches(self, path: str) -> bool:
        """Return whether its pattern matches `path` itself."""
        return self.pattern is not None and self.pattern.match_file(path) is not None

    @property
    def blanks(self) -> int:
        """Return the number of blanks in front of it."""
        return len(self.raw) - len(self.raw.lstrip())

    def columns(self, at: int, length: int = 1) -> tuple[int, int]:
        """Return the columns of some characters of `raw`: the first one, and the one behind."""
        start = 1 + self.marked + at
        return start, start + length


def read_line(data: bytes, builder: Builder, *, first: bool) -> Line:
    """Return the line `data` as `builder` reads it, without a number."""
    raw = text_of(data)
    marked = first and raw.startswith(BOM)
    line = Line(0, raw[1:] if marked else raw, marked=marked)
    pattern_class = builder.spec_class.pattern_class
    # `ignorefile.ReadAll` of moby/patternmatcher stops at a line longer than its Scanner's buffer.
    if builder.longest_line and len(data.removesuffix(b"\n")) > LONGEST_LINE:
        hint = f"Docker reads at most {LONGEST_LINE:,} bytes"
        return replace(line, error=IgnoreFileError("bufio.Scanner: token too long", hint=hint))
    parsed = pattern_class.split(line.raw)
    if parsed is None:
        return line
    line = replace(line, text=parsed.text, exception=parsed.exception)
    try:
        pattern = pattern_class(line.raw)
    except IgnoreFileError as error:
        return replace(line, error=error)
    if pattern.fault is not None:
        return replace(line, error=pattern.error())
    return replace(line, pattern=pattern)


@dataclass(frozen=True)
class Proposal:
    """A change of some lines, and the paths that it means to change."""

    message: str
    """As an order: "write `**/node_modules`"."""
    lines: Mapping[int, str | None] = field(default_factory=dict)
    """New texts by line; None removes a line, and a line end separates several."""
    append: str | None = None
    """A line to add at the end, or several."""
    drops_bom: bool = False
    means: frozenset[str] | None = None
    """The paths that shall be sent no more, or sent from now on; None if that is not known."""
    without_tree: bool = False
    """Whether it follows from the text alone that it changes what it means to."""

    @classmethod
    def write(cls, number: int, text: str, *, means: frozenset[str] | None = None) -> Proposal:
        """Return the change that puts `text` in place of a line."""
        return cls(f"write {text}", {number: text}, means=means)

    @classmethod
    def remove(cls, number: int, *, means: frozenset[str] | None = None) -> Proposal:
        """Return the change that removes a line."""
        return cls("remove the line", {number: None}, means=means)

    @classmethod
    def last(cls, number: int, text: str) -> Proposal:
        """Return the change that moves an exception behind all that undoes it."""
        return cls("put the exception last", {number: None}, append=text)

    @property
    def added(self) -> tuple[str, ...]:
        """Return the lines at the end."""
        return () if self.append is None else tuple(self.append.split("\n"))

    def edited(self, file: IgnoreFile) -> bytes:
        """Return the bytes of `file` after the change."""
        changes, texts = dict(self.lines), file.texts()
        if self.append is not None:
            if not texts:
                return f"{self.append}\n".encode("utf-8", "surrogateescape")
            last = changes.get(len(texts), texts[-1].removeprefix(BOM))
            changes[len(texts)] = self.append if last is None else f"{last}\n{self.append}"
        data = edit_lines(file, changes)
        return data.removeprefix(BOM.encode()) if self.drops_bom else data
