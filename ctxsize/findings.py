"""The values of findings and fixes, which cross package borders; all are frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from enum import Enum
from operator import attrgetter

from ctxsize.values import Value


class Severity(str, Enum):
    """The weight of a finding."""

    ERROR = "error"  # the build fails, a secret leaks, or the file does the opposite of its text
    WARNING = "warning"  # it costs bytes, time or a cache
    INFO = "info"  # it is untidy, or worth a note

    @property
    def rank(self) -> int:
        """Return 0 for `ERROR`, and more for lighter ones."""
        return list(Severity).index(self)


class Confidence(str, Enum):
    """The certainty of a finding."""

    CERTAIN = "certain"  # proved by simulation or by the text of the files
    LIKELY = "likely"
    POSSIBLE = "possible"


class Location(Value):
    """A place in a file; lines and columns are 1-based, columns count characters."""

    path: str  # for the user: relative to the working directory if that is shorter
    line: int | None = None
    column: int | None = None
    end_line: int | None = None  # the last line, itself included; None for `line` alone
    end_column: int | None = None  # one past the last character
    text: str | None = field(default=None, compare=False, repr=False)
    """The content of `line`, to be shown; None if it is unknown or may contain a secret."""

    def __str__(self) -> str:
        parts = (self.path, self.line, self.column)
        return ":".join(str(part) for part in parts if part is not None)


class Edit(Value):
    """A file before and after a change, which `ctxsize.writer.apply` writes."""

    path: str  # of the file after the change
    before: bytes | None  # None if there is no file yet; another content refuses the change
    after: bytes
    old_path: str | None = None  # where the file is before, if the change renames it

    @property
    def changes_nothing(self) -> bool:
        return self.old_path is None and self.before == self.after


class Paths(Value):
    """Some paths of a context, with their sums."""

    paths: tuple[str, ...] = ()  # in the builder's order, directories with a trailing `/`
    files: int = 0
    content_bytes: int = 0


class Changes(Value):
    """The exact difference of a change, by simulation; lines that fail the build do not count."""

    ignored: Paths = Paths()
    sent: Paths = Paths()
    emptied: Paths = Paths()  # files that lose their content, with the bytes that they lose
    filled: Paths = Paths()  # files that were sent without their content, and get it


class Fix(Value):
    """A change that removes a finding."""

    message: str  # the change as an order: "write `**/node_modules`"
    edits: tuple[Edit, ...]
    certain: bool  # it is proved to do only that; else it needs `--unsafe-fixes` or a person
    changes: Changes | None = None  # None if not known, for instance without a tree
    lines: tuple[tuple[int, str | None], ...] = ()  # those of an ignore file that it replaces
    added: str = ""  # the lines that it adds at the end of an ignore file


class Finding(Value):
    """A finding about a place in a file."""

    code: str
    severity: Severity
    message: str  # one sentence that states the problem, with figures of this tree
    location: Location
    confidence: Confidence = Confidence.CERTAIN
    evidence: tuple[str, ...] = ()  # paths, and lines of other files
    content_bytes: int | None = None  # that are sent without need, or that would be re-included
    files: int | None = None
    help: str = ""  # advice, if there is no `fix` or more than one way
    fix: Fix | None = None
    lines: tuple[str, ...] = ()  # those that it would add, if it is about no line of the file
    paths: tuple[str, ...] | None = None
    """All paths counted in `files` and `content_bytes`, directories with a trailing `/`."""
    more_locations: tuple[Location, ...] = ()  # the other places, if one cause has several
    shared: str = ""  # of a group, its message after the number of its findings


FrozenFindings = tuple[Finding, ...]  # of an outcome, in the order of its output


def in_order(findings: list[Finding]) -> FrozenFindings:
    """Return findings by file, line, column and code: the order of all output."""

    def place(finding: Finding) -> tuple[str, int, int, str, str]:
        location = finding.location
        return (
            location.path,
            (location.line or 0),
            location.column or 0,
            finding.code,
            finding.message,
        )

    return tuple(sorted(findings, key=place))


def merge_alike(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; those alike on several lines of a file become one, if it has no fix."""
    what = attrgetter("code", "location.path", "message", "help")
    alike: dict[object, list[Finding]] = {}
    for finding in findings:
        line = None
        if finding.fix:
            line = finding.location.line
        key = (what(finding), line)
        alike.setdefault(key, []).append(finding)
    for group in alike.values():
        places = dict.fromkeys(finding.location for finding in group)
        yield replace(group[0], more_locations=tuple(places)[1:])
