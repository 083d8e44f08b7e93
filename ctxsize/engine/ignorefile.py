"""Reads an ignore file into lines, and writes lines back as bytes.

Every line keeps its bytes, so writing a file back changes nothing:
`b"".join(file.lines) == data` always.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctxsize.engine import golang
from ctxsize.errors import IgnoreFileError

BOM = "\ufeff"
"""The byte order mark, which readers drop from the first line."""
LONGEST_LINE = 65_535
"""Number of bytes of the longest line that `bufio.Scanner` of Docker's reader accepts."""


@dataclass(frozen=True)
class IgnoreFile:
    """An ignore file: its path, and its lines with their line ends."""

    path: str
    lines: tuple[bytes, ...]

    @classmethod
    def parse(cls, path: str, data: bytes) -> IgnoreFile:
        """Return the file with the content `data`. A lone CR does not end a line."""
        parts = data.split(b"\n")
        lines = [part + b"\n" for part in parts[:-1]]
        if parts[-1]:
            lines.append(parts[-1])
        return cls(path, tuple(lines))

    @property
    def data(self) -> bytes:
        """Return the bytes given to `parse`."""
        return b"".join(self.lines)

    def texts(self) -> list[str]:
        """Return each line without its end, undecodable bytes as surrogate escapes."""
        return [*map(text_of, self.lines)]

    def check_line_lengths(self) -> None:
        """Raise `IgnoreFileError` for a line too long for Docker's reader."""
        for number, line in enumerate(self.lines, 1):
            length = len(line.removesuffix(b"\n"))
            if length > LONGEST_LINE:
                raise IgnoreFileError(
                    "bufio.Scanner: token too long",
                    path=self.path,
                    line=number,
                    hint=f"the line has {length:,} bytes, Docker reads at most {LONGEST_LINE:,}",
                )


def text_of(line: bytes) -> str:
    """Return a line without its end, undecodable bytes as surrogate escapes."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


def without_mark(lines: Iterable[str]) -> list[str]:
    """Return `lines` without a byte order mark at the start of the first."""
    texts = list(lines)
    return [texts[0].removeprefix(BOM), *texts[1:]] if texts else []


def sent_text(line: str) -> str | None:
    """Return the pattern that Docker's reader gets from a line; None if the line contains none.

    >>> sent_text(" ! ./foo//bar/ ")
    '!foo/bar'
    """
    if line.startswith("#"):
        return None
    # `ReadAll` of moby/patternmatcher trims before `!` and after it, then calls `filepath.Clean`.
    text = golang.trim_space(line)
    if not text:
        return None
    mark = "!" if text.startswith("!") else ""
    text = golang.trim_space(text.removeprefix(mark))
    if text:
        text = golang.clean(text)
        text = text[1:] if len(text) > 1 and text.startswith("/") else text
    return mark + text
