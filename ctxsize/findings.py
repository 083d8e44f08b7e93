"""What commands find, and what they would change: values that cross package borders.

Frozen, and importing nothing from the package, as those of `ctxsize.model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much is at stake."""

    ERROR = "error"
    """The build fails, a secret leaks, or the file does the opposite of what it says."""
    WARNING = "warning"
    """It costs: bytes, time, a cache that busts."""
    INFO = "info"
    """Untidy, or worth knowing."""

    @property
    def rank(self) -> int:
        """Return 0 for the gravest."""
        return list(Severity).index(self)


class Confidence(str, Enum):
    """How sure a finding is; none of it is a guess without evidence."""

    CERTAIN = "certain"
    """Proved by simulation or by what the files say."""
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True)
class Location:
    """A place in a file; lines and columns are 1-based, columns count characters."""

    path: str
    """As the user would name it, relative to the working directory where that is shorter."""
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    """The last line, itself included; None for `line` alone."""
    end_column: int | None = None
    """One past the last character."""

    def __str__(self) -> str:
        parts = (self.path, self.line, self.column)
        return ":".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True)
class Edit:
    """A file before and after a change; pure data, `ctxsize.writer.apply` carries it out."""

    path: str
    before: bytes | None
    """None where there is no file yet. The change is refused if this is no longer true."""
    after: bytes


@dataclass(frozen=True)
class Paths:
    """Some paths of a context, and what they are together."""

    paths: tuple[str, ...] = ()
    """All of them in the builder's order, directories too, these with a trailing `/`."""
    files: int = 0
    """How many are no directories."""
    content_bytes: int = 0


@dataclass(frozen=True)
class Changes:
    """What is sent otherwise after a change: every path of which that is true, and no other.

    It was simulated by the builder's rules, with lines that fail the build left
    out before and after.
    """

    ignored: Paths = Paths()
    """Sent before, and no more."""
    sent: Paths = Paths()
    """Sent from now on."""
    emptied: Paths = Paths()
    """Sent as before, without their content from now on; the bytes are those that they lose."""
    filled: Paths = Paths()
    """Sent as before, with content from now on."""

    @property
    def nothing(self) -> bool:
        """Return whether all is sent as before."""
        groups = (self.ignored, self.sent, self.emptied, self.filled)
        return not any(each.paths for each in groups)


@dataclass(frozen=True)
class Fix:
    """A change that removes a finding."""

    message: str
    """What it does, as an order: "write `**/node_modules`"."""
    edits: tuple[Edit, ...]
    certain: bool
    """Whether it is proved to do just that; else it needs `--unsafe-fixes` or a person."""
    changes: Changes | None = None
    """What is sent otherwise by it; None where that is not known, as without a tree."""


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about a place."""

    code: str
    severity: Severity
    message: str
    """One sentence: what is wrong here, with figures of this tree."""
    location: Location
    confidence: Confidence = Confidence.CERTAIN
    evidence: tuple[str, ...] = ()
    """What shows it: paths, lines of other files."""
    content_bytes: int | None = None
    """What is at stake: bytes that travel for nothing, or that would be let through."""
    files: int | None = None
    help: str = ""
    """What to do, where there is no `fix` or more than one way."""
    fix: Fix | None = None
    lines: tuple[str, ...] = ()
    """What it would add to the file, where it is about no line of it."""
    paths: tuple[str, ...] | None = None
    """All paths that `files` and `content_bytes` count, directories with a trailing `/`."""


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings by file, line, column and code: the order of all output."""

    def place(each: Finding) -> tuple[str, int, int, str, str]:
        at = each.location
        return at.path, at.line or 0, at.column or 0, each.code, each.message

    return tuple(sorted(findings, key=place))
