"""The values that cross package borders; all are frozen.

Numbers of bytes end in `_bytes`; sizes are apparent ones (`st_size`). A *context* is
everything that is not ignored, a *transfer* the part of it that one Dockerfile requests.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from os.path import join, normpath
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

from ctxsize.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxsize.findings import Finding, FrozenFindings


Texts = tuple[str, ...]
_IF_TAKEN = "-if-taken"
"""The end of a problem's code if it is not known whether the build takes the file concerned."""
_IN_CONTEXT = (
    "arrives-empty",
    "changed-during-walk",
    "not-utf8",
    f"not-utf8{_IF_TAKEN}",
    "unreadable-directory",
    "unreadable-file",
    "unreadable-ignored",
)
"""Codes of problems whose `path` is relative to the context."""
LACKING = "unknown-argument"  # a build argument without a value, without which it may fail
_FATAL = ("empty-source", "not-utf8", "source-not-found", "unreadable-directory")
"""Codes of problems with which a build of a Dockerfile that the builder accepts must fail."""


class Kind(str, Enum):
    """The kind of an entry; a further name of a file is a `HARDLINK`."""

    FILE = "file"
    HARDLINK = "hardlink"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"


class Pattern(Value):
    """One pattern of an ignore file."""

    text: str
    line: int  # 1-based, 0 for a pattern that the builder adds
    exception: bool
    source: str = ""  # the line as written

    def __str__(self) -> str:
        if self.exception:
            return f"!{self.text}"
        return self.text


class Verdict(Value):
    """The decision on an entry, and the pattern that made it (None if no pattern matched)."""

    ignored: bool
    by: Pattern | None = None


class Entry(NamedTuple):
    """One entry of a context in the order in which the builder sends it."""

    path: str  # relative, `/`-separated; bytes that are not UTF-8 as surrogate escapes
    kind: Kind
    size_bytes: int  # as the builder announces it: `st_size`, 0 for a directory
    content_bytes: int  # as sent: 0 for hard links, and for files that arrive empty
    verdict: Verdict
    arrives_empty: str | None = None  # the reason why a file with content arrives without it


class Effect(str, Enum):
    """The effect of a problem on the numbers."""

    NONE = "none"
    LOWER_BOUND = "lower_bound"  # an entry could not be counted: each total is "at least"


class Problem(Value):
    """A problem that makes an answer incomplete, or that is worth a note beside it."""

    code: str  # a word for programs, for instance `arrives-empty`
    message: str
    path: str | None = None
    line: int | None = None
    effect: Effect = Effect.NONE
    count: int = 1  # the number of entries concerned; `path` is the first of them
    fails: bool = False  # the builder rejects the Dockerfile, so that nothing is built of it
    skipped: bool = False  # something that may define a build was not read

    @property
    def if_taken(self) -> Problem:
        """Return the same problem for a build that may not take the file concerned."""
        return replace(self, code=f"{self.code}{_IF_TAKEN}")

    @property
    def is_fatal(self) -> bool:
        """Return whether the build is known to fail, before its first instruction or after it."""
        return self.fails or self.code in _FATAL

    def place(self, context: str) -> str | None:
        """Return its path for a person; `context` is the directory of the build."""
        if self.path is not None and self.code in _IN_CONTEXT:
            return normpath(join(context, self.path))
        return self.path

    def as_finding(self, path: str) -> Finding:
        """Return the problem as a finding about `path`."""
        from ctxsize.codes import code_of, names
        from ctxsize.findings import Confidence, Finding, Location, Severity

        by_slug = {code.slug: code for code in map(code_of, names("CTX0"))}
        code = by_slug.get(self.code.removesuffix(_IF_TAKEN), code_of("CTX000"))
        severity = code.severity
        if self.fails:
            severity = Severity.ERROR
        confidence = Confidence.LIKELY
        if self.effect is Effect.NONE:
            confidence = Confidence.CERTAIN
        files = None
        if self.count > 1:
            files = self.count
        return Finding(
            code.name,
            severity,
            self.message,
            Location(path, self.line),
            confidence,
            files=files,
        )


Problems = tuple[Problem, ...]


class Counted(Protocol):
    """A value with a number of files and of their bytes."""

    @property
    def files(self) -> int: ...
    @property
    def content_bytes(self) -> int: ...


class Amount(NamedTuple):
    """A number of files, which are neither directories nor symlinks, and of their bytes."""

    files: int = 0
    content_bytes: int = 0

    @classmethod
    def of(cls, *parts: Counted) -> Amount:
        """Return the sums over `parts`."""
        files = sum(part.files for part in parts)
        return cls(files, sum(part.content_bytes for part in parts))

    @property
    def bytes_and_files(self) -> tuple[int, int]:
        """Return the pair in the order that it has in JSON."""
        return self.content_bytes, self.files

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.files - other.files, self.content_bytes - other.content_bytes)


class Totals(Value):
    """Sums over a set of entries; `files` are as in `Amount`, hard links included."""

    content_bytes: int = 0
    files: int = 0
    directories: int = 0
    symlinks: int = 0

    @property
    def entries(self) -> int:
        """Return the number of entries of all kinds."""
        return self.files + self.directories + self.symlinks


class Directory(Value):
    """A directory of the size tree; totals include everything below it."""

    path: str
    content_bytes: int
    files: int
    children: tuple[Directory, ...] = ()  # those that are not empty, largest first


class Share(Value):
    """A named part of a context: a file, a directory, an extension or a pattern."""

    name: str
    content_bytes: int
    files: int
    line: int | None = None


Shares = tuple[Share, ...]


class Difference(Value):
    """The files in which a working tree differs from a checkout for one reason."""

    kind: str  # `untracked`, `modified`, …
    paths: Texts  # the largest few
    content_bytes: int  # the change
    files: int


class Ignored(Value):
    """The ignored entries; unless `complete`, those that the walk reached, without bytes."""

    totals: Totals
    unopened: int
    complete: bool
    by_pattern: Shares = ()  # the bytes that each saves; empty unless `complete`


class Measurement(Value):
    """The size of a context or a transfer, with several breakdowns."""

    totals: Totals
    wire_bytes: int | None
    """Bytes that the builder prints for a cold build, exactly; None if it sends nothing.
    If either of two figures is possible by chance, the smaller."""
    printed: str | None
    """`wire_bytes` in the builder's own words; both figures if either is possible."""
    tree: Directory
    largest_files: Shares
    largest_directories: Shares  # by the size of the files directly in them
    by_extension: Shares
    by_pattern: Shares  # by the exception that re-included the files; `""` for none
    ignored: Ignored
    hardlinks: int = 0


class IgnoreFileInfo(Value):
    """The ignore file that governs a context."""

    path: str
    patterns: tuple[Pattern, ...]
    dockerfile_specific: bool = False


class SourceShare(Value):
    """The share of one source of an instruction, as if it were the only source."""

    instruction: str
    line: int
    stage: str
    source: str  # as written
    path: str  # or pattern, relative to the context; `.` for the whole context
    kind: str  # `copy`, `add` or `bind`; `tmpfs` or `git` if it only adds to the transfer
    files: int
    content_bytes: int


class Transfer(Value):
    """The part of a context that a build of one target requests."""

    context_used: bool
    follow_paths: Texts | None
    """The paths that the builder requests; None if it requests everything that is not ignored."""
    content_bytes: int
    files: int
    wire_bytes: int | None  # this and the next are as in `Measurement`
    printed: str | None
    platforms: Texts = ()  # empty if the builder requests no paths
    sources: tuple[SourceShare, ...] = ()
    problems: Problems = ()  # assumptions about values from elsewhere
    tree: Directory | None = None

    @property
    def everything(self) -> bool:
        """Return whether the whole context is requested."""
        return self.context_used and self.follow_paths is None


Transfers = tuple[Transfer, ...]


class NamedContext(Value):
    """A context that `--build-context` adds."""

    name: str
    value: str  # its directory, URL or image, as given
    kind: str  # `local` for a directory; any other kind is fetched by the builder and not sent
    announced: str  # its name in the builder's output: `transferring <announced>:`
    used: bool | None  # whether this build requests any of it; None if that is not known
    ignore_file: IgnoreFileInfo | None = None
    context: Measurement | None = None  # None if it is not sent or not used
    transfers: Transfers = ()  # one for each set of requested paths
    problems: Problems = ()

    @property
    def local(self) -> bool:
        """Return whether it is a directory, so that it is sent."""
        return self.kind == "local"


class Report(Value):
    """The result of `ctxsize measure`."""

    kind: ClassVar[Literal["measure"]] = "measure"

    context_path: str
    dockerfile: str | None
    builder: str
    ignore_file: IgnoreFileInfo | None
    context: Measurement
    problems: Problems = ()
    transfer: Transfer | None = None
    """Transfer of the first platform; None without a Dockerfile, and if `problems` explains why."""
    more_transfers: Transfers = ()  # of other platforms, if they request other paths
    named_contexts: tuple[NamedContext, ...] = ()
    options: Texts = ()  # further options of the build, as on the command line

    @property
    def transfers(self) -> Transfers:
        """Return all transfers of the build context; none if they are not known."""
        if self.transfer is None:
            return ()
        return (self.transfer, *self.more_transfers)

    @property
    def parts(self) -> tuple[Measurement | Transfer, ...]:
        """Return all transfers, named contexts included; the context if they are not known."""
        parts: list[Measurement | Transfer] = [*self.transfers]
        if not parts:
            parts.append(self.context)
        for context in self.named_contexts:
            parts += context.transfers
        return tuple(parts)

    @property
    def all_problems(self) -> Problems:
        """Return the problems, those of named contexts included."""
        problems = [*self.problems]
        for context in self.named_contexts:
            problems += context.problems
        return tuple(problems)

    @property
    def failing(self) -> Problems:
        """Return the problems that fail the build before its first instruction."""
        return tuple(problem for problem in self.all_problems if problem.fails)

    @property
    def failures(self) -> Problems:
        """Return the problems with which the build is known to fail; those of `failing` too."""
        return tuple(problem for problem in self.all_problems if problem.is_fatal)

    @property
    def lower_bound(self) -> bool:
        """Return whether each total is "at least", as an entry could not be counted."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.all_problems)

    @property
    def findings(self) -> FrozenFindings:
        """Return the problems and assumptions as findings, for formats that have only these."""
        return self.findings_but(lambda problem: False)

    def findings_but(self, is_left_out: Callable[[Problem], bool]) -> FrozenFindings:
        """Return `findings` without those of some problems."""
        from ctxsize.findings import in_order

        assumed = dict.fromkeys(problem for part in self.transfers for problem in part.problems)
        # Triggers of base images are rare, but the assumption is part of almost every report.
        others = (problem for problem in assumed if problem.code != "unknown-onbuild")
        places = [(problem, self.place_of(problem)) for problem in (*self.problems, *others)]
        for context in self.named_contexts:
            for problem in context.problems:
                places.append((problem, self.place_of(problem, context.value)))
        return in_order(
            [problem.as_finding(place) for problem, place in places if not is_left_out(problem)]
        )

    def place_of(self, problem: Problem, context: str | None = None) -> str:
        """Return the path of a problem; `context` is the directory of a named context."""
        place = problem.place(context or self.context_path)
        return place or context or self.dockerfile or self.context_path
