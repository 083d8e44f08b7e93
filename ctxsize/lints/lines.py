"""The lines of an ignore file, as a builder reads each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ctxsize.engine.builders import Builder
from ctxsize.engine.ignorefile import BOM, LONGEST_LINE
from ctxsize.engine.patterns import DockerIgnorePattern, sent_text
from ctxsize.errors import IgnoreFileError

_WILD = frozenset("*?[\\")


def is_control(char: str) -> bool:
    """Return whether no header of ASCII may hold it."""
    return char < " " or char == "\x7f"


def up_to(path: str) -> list[str]:
    """Return the directories above `path` and itself, the top first."""
    return [path[:at] for at, char in enumerate(f"{path}/") if char == "/"]


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

    @property
    def controls(self) -> str:
        """Return the control characters that travel to the builder, which may stop the build."""
        return "".join(filter(is_control, sent_text(self.raw) or ""))

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


def read_line(number: int, data: bytes, raw: str, builder: Builder) -> Line:
    """Return the line `data`, decoded `raw`, as `builder` reads it."""
    marked = number == 1 and raw.startswith(BOM)
    line = Line(number, raw[1:] if marked else raw, marked=marked)
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
    pattern.line = number
    if pattern.fault is not None:
        return replace(line, error=pattern.error())
    return replace(line, pattern=pattern)
