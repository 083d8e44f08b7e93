"""The values of one entry: kind, pattern, verdict, and problems of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a report without problems needs none of it
    from ctxsize.findings import Finding


class Kind(str, Enum):
    """The kind of an entry; a further name of a file is a `HARDLINK`."""

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
    """The line as written."""

    def __str__(self) -> str:
        return ("!" if self.exception else "") + self.text


@dataclass(frozen=True)
class Verdict:
    """The decision on an entry, and the pattern that made it (None if no pattern matched)."""

    ignored: bool
    by: Pattern | None = None


@dataclass(frozen=True)
class Entry:
    """One entry of a context in the order in which the builder sends it."""

    path: str
    """Relative, `/`-separated; bytes that are not UTF-8 as surrogate escapes."""
    kind: Kind
    size_bytes: int
    """Size that the builder announces: `st_size`, 0 for a directory."""
    content_bytes: int
    """Bytes of content sent: 0 for hard links, and for files that arrive empty."""
    verdict: Verdict
    arrives_empty: str | None = None
    """The reason why a file with content arrives without it, or None."""


class Effect(str, Enum):
    """The effect of a problem on the numbers."""

    NONE = "none"
    LOWER_BOUND = "lower_bound"
    """An entry could not be counted: each total is "at least"."""


@dataclass(frozen=True)
class Problem:
    """A problem that makes an answer incomplete, or that is worth a note beside it."""

    code: str
    """A word for programs, for instance `arrives-empty`."""
    message: str
    path: str | None = None
    line: int | None = None
    effect: Effect = Effect.NONE
    count: int = 1
    """Number of entries concerned; `path` is the first of them."""
    fails: bool = False
    """True if the builder rejects the Dockerfile, so that nothing is built of it."""

    def as_finding(self, path: str) -> Finding:
        """Return the problem as a finding about `path`."""
        from ctxsize.codes import code_of, names
        from ctxsize.findings import Confidence, Finding, Location, Severity

        by_slug = {each.slug: each for each in map(code_of, names("CTX0"))}
        code = by_slug.get(self.code, code_of("CTX000"))
        return Finding(
            code.name,
            Severity.ERROR if self.fails else code.severity,
            self.message,
            Location(path, self.line),
            Confidence.CERTAIN if self.effect is Effect.NONE else Confidence.LIKELY,
            files=self.count if self.count > 1 else None,
        )
