"""One entry of a context, what the ignore file says of it, and what is odd about an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a report without problems needs none of it
    from ctxsize.findings import Finding


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


class Effect(str, Enum):
    """What a problem does to the numbers."""

    NONE = "none"
    """The numbers are exact, but the user should know."""
    LOWER_BOUND = "lower_bound"
    """Something could not be counted: each total is "at least"."""


@dataclass(frozen=True)
class Problem:
    """What made an answer incomplete, or is worth knowing beside it."""

    code: str
    """A stable word for programs, for instance `arrives-empty`."""
    message: str
    path: str | None = None
    line: int | None = None
    effect: Effect = Effect.NONE
    count: int = 1
    """How many entries it concerns; `path` is the first of them."""
    fails: bool = False
    """Whether the builder rejects the Dockerfile, so that nothing is built of it."""

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
