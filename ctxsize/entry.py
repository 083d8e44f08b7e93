"""One entry of a context, and what the ignore file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """What an entry of a directory is; a further name of a file is a `HARDLINK`."""

    FILE = "file"
    HARDLINK = "hardlink"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"


@dataclass(frozen=True)
class Pattern:
    """One pattern of an ignore file; `line` is 1-based, 0 for one that the builder adds."""

    text: str
    line: int
    exception: bool
    source: str = ""
    """The line as it stands in the file."""

    def __str__(self) -> str:
        return ("!" if self.exception else "") + self.text


@dataclass(frozen=True)
class Verdict:
    """Whether an entry is ignored, and the pattern that decided (None: no pattern did)."""

    ignored: bool
    by: Pattern | None = None


@dataclass(frozen=True)
class Entry:
    """One entry of a context in the order in which the builder sends it."""

    path: str
    """Relative, `/`-separated; bytes that are not UTF-8 as surrogate escapes."""
    kind: Kind
    size_bytes: int
    """As the builder announces it: `st_size`, 0 for a directory."""
    content_bytes: int
    """What travels of it: 0 for hard links, and for files that arrive empty."""
    verdict: Verdict
    arrives_empty: str | None = None
    """Why a file with content arrives without it, or None."""
