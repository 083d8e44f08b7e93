"""The lines of an ignore file as a builder reads them."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from functools import cached_property, lru_cache

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.ignorefile import BOM, LONGEST_LINE, sent_text, text_of
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import IgnoreFileError
from ctxsize.units import as_code, cut
from ctxsize.values import Value

_WILD = frozenset("*?[\\")
_WIDEST = 60
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")  # the characters that an ASCII header may not contain


class Line(Value):
    """One line of an ignore file."""

    number: int
    raw: str  # the text without line end and byte order mark
    pattern: DockerIgnorePattern  # a comment also in place of one that fails
    text: str = ""  # the pattern as the builder normalizes it, without `!`; `""` if there is none
    exception: bool = False
    error: IgnoreFileError | None = None
    """The reason for which the build fails, always or once the builder reaches this pattern."""
    marked: bool = False  # True if a byte order mark precedes it, which counts as a column

    @property
    def written(self) -> str:
        """Return the line without surrounding blanks."""
        return self.raw.strip()

    @property
    def shown(self) -> str:
        return shown(self.written)

    @property
    def cited(self) -> str:
        """Return the number and the text for a message about another line."""
        return f"line {self.number} ({self.shown})"

    @property
    def marked_raw(self) -> str:
        """Return the text without line end, as it is in the file."""
        if self.marked:
            return BOM + self.raw
        return self.raw

    @property
    def sign(self) -> str:
        """Return `!` for an exception, else `""`."""
        if self.exception:
            return "!"
        return ""

    def numbered(self, number: int) -> Line:
        """Return a copy of the line, and of its pattern, with this number."""
        pattern = copy(self.pattern)
        pattern.line = number
        return replace(self, number=number, pattern=pattern)

    @cached_property
    def control(self) -> str:
        """Return the first control character that is sent to the builder, or `""`."""
        return "".join(CONTROLS.findall(sent_text(self.raw) or "")[:1])

    @property
    def ignores(self) -> bool:
        return bool(self.pattern.include)

    @property
    def is_wild(self) -> bool:
        """Return whether it may match more than one path."""
        return not _WILD.isdisjoint(self.text)

    @property
    def base(self) -> str | None:
        """Return the path of `path`, `path/*` and `path/**`; None for other wildcards."""
        base = self.text.removesuffix("/**")
        if base == self.text:
            base = self.text.removesuffix("/*")
        if set(self.pattern.wildcards) & set(base):
            return None
        return base

    @property
    def names_no_entry(self) -> bool:
        """Return whether it names the context itself or a path outside of it."""
        if self.text in (".", "..", "/"):
            return True
        return self.text.startswith("../")


def shown(text: str) -> str:
    """Return a line for a message: as code, without its end if it is long."""
    return as_code(cut(text, _WIDEST))


@lru_cache(maxsize=20_000)  # a trial of a fix changes few lines of a file
def read_line(data: bytes, builder_name: str, *, first: bool) -> Line:
    """Return the line `data` as a builder reads it, without a number."""
    builder = BUILDERS[builder_name]
    pattern_class = builder.spec_class.pattern_class
    text = text_of(data)
    raw = text
    if first:
        raw = text.removeprefix(BOM)
    line = Line(0, raw, pattern_class("#"), marked=raw != text)
    # `ignorefile.ReadAll` of moby/patternmatcher stops at a line longer than its Scanner's buffer.
    if builder.longest_line and len(data.removesuffix(b"\n")) > LONGEST_LINE:
        return replace(
            line,
            error=IgnoreFileError(
                "bufio.Scanner: token too long", hint=f"Docker reads at most {LONGEST_LINE:,} bytes"
            ),
        )
    parsed = pattern_class.split(raw)
    if parsed is None:
        return line
    line = replace(line, text=parsed.text, exception=parsed.exception)
    try:
        pattern = pattern_class(raw)
        if pattern.fault is not None:
            raise pattern.error()
    except IgnoreFileError as error:
        return replace(line, error=error)
    return replace(line, pattern=pattern)
