"""Reads an ignore file into lines, which keep their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from ctxsize.errors import IgnoreFileError
from ctxsize.go.paths import clean
from ctxsize.go.strings import WHITE_SPACE
from ctxsize.values import Value

BOM = "\ufeff"  # the byte order mark, which readers drop from the first line
LONGEST_LINE = 65_535  # bytes of the longest line that Docker's `bufio.Scanner` accepts


class IgnoreFile(Value):
    """An ignore file: its path, and its lines with their line ends."""

    path: str
    lines: tuple[bytes, ...]

    @classmethod
    def parse(cls, path: str, data: bytes) -> IgnoreFile:
        """Return the file with the content `data`. A lone CR does not end a line."""
        return cls(path, tuple(BytesIO(data)))

    @property
    def data(self) -> bytes:
        """Return the bytes given to `parse`."""
        return b"".join(self.lines)

    def texts(self) -> list[str]:
        """Return each line as `text_of` does."""
        return [*map(text_of, self.lines)]

    def texts_with_cr(self) -> list[str]:
        """Return each line as `text_of` does, but with the CR before its end."""
        return [line.removesuffix(b"\n").decode("utf-8", "surrogateescape") for line in self.lines]

    def check_line_lengths(self) -> None:
        """Raise `IgnoreFileError` for a line too long for Docker's reader."""
        for number, line in enumerate(self.lines, 1):
            if len(line.removesuffix(b"\n")) > LONGEST_LINE:
                hint = f"Docker reads at most {LONGEST_LINE:,} bytes of a line"
                message = "bufio.Scanner: token too long"
                raise IgnoreFileError(message, path=self.path, line=number, hint=hint)


def text_of(line: bytes) -> str:
    """Return a line without its end, undecodable bytes as surrogate escapes."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


def without_mark(lines: Iterable[str]) -> list[str]:
    """Return `lines` without a byte order mark at the start of the first."""
    texts = [*lines]
    if texts:
        texts[0] = texts[0].removeprefix(BOM)
    return texts


def sent_text(line: str) -> str | None:
    """Return the pattern that Docker's reader gets from a line; None if the line contains none.

    >>> sent_text(" ! ./foo//bar/ ")
    '!foo/bar'
    """
    if line.startswith("#"):
        return None
    # `ReadAll` of moby/patternmatcher trims before `!` and after it, then calls `filepath.Clean`.
    text = line.strip(WHITE_SPACE)
    if not text:
        return None
    mark = ""
    if text.startswith("!"):
        mark = "!"
    text = text.removeprefix(mark).strip(WHITE_SPACE)
    if text:
        text = clean(text)
        if len(text) > 1:
            text = text.removeprefix("/")
    return mark + text
