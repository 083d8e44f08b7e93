"""The values that cross package borders.

Everything here is frozen, and imports no more of the package than other values.
Integers of bytes end in `_bytes`; sizes are apparent ones (`st_size`). A *context*
is what the ignore file leaves, a *transfer* what one Dockerfile asks for of it.
Verdicts are only ever *ignored* or *sent*.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

from ctxsize.entry import Effect as Effect
from ctxsize.entry import Pattern
from ctxsize.entry import Problem as Problem

if TYPE_CHECKING:
    from ctxsize.findings import Finding


_OF_BUILDERS = frozenset({"figure-by-chance", "older-figure"})
"""Codes of problems that no change of a context can solve."""
_IN_CONTEXT = frozenset(
    {"arrives-empty", "unreadable-file", "changed-during-walk", "unreadable-ignored", "not-utf8"}
)
"""The codes of problems whose `path` is relative to the context."""


class Counted(Protocol):
    """Something that holds files, and bytes in them."""

    @property
    def files(self) -> int: ...
    @property
    def content_bytes(self) -> int: ...


class Amount(NamedTuple):
    """So many files with so much content."""

    files: int = 0
    """Neither directories nor symlinks."""
    content_bytes: int = 0

    @classmethod
    def of(cls, *parts: Counted) -> Amount:
        """Return what `parts` hold together."""
        return cls(sum(each.files for each in parts), sum(each.content_bytes for each in parts))

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.files - other.files, self.content_bytes - other.content_bytes)


@dataclass(frozen=True)
class Totals:
    """Sums over a set of entries."""

    content_bytes: int = 0
    files: int = 0
    """Everything that is neither a directory nor a symlink, hard links included."""
    directories: int = 0
    symlinks: int = 0

    @property
    def entries(self) -> int:
        """Return how many entries there are, of all kinds."""
        return self.files + self.directories + self.symlinks


@dataclass(frozen=True)
class Directory:
    """A directory of the size tree; totals include everything below it."""

    path: str
    content_bytes: int
    files: int
    children: tuple[Directory, ...] = ()
    """The subdirectories that hold anything, largest first."""


@dataclass(frozen=True)
class Share:
    """A named part of a context: a file, a directory, an extension or a pattern."""

    name: str
    content_bytes: int
    files: int
    line: int | None = None


@dataclass(frozen=True)
class Clue:
    """A part of what is sent that may be worth a look."""

    kind: str
    """`unneeded` or `secret`, by its name; `directory` or `file` for one that is large."""
    path: str
    content_bytes: int
    files: int


@dataclass(frozen=True)
class Reason:
    """Why a report is worth a look."""

    kind: str
    """`unneeded`, `secret`, `large-file` or `git-ignored`."""
    paths: tuple[str, ...]
    count: int
    content_bytes: int
    files: int


@dataclass(frozen=True)
class Ignored:
    """What the ignore file keeps out.

    Unless `complete`, ignored directories were passed by unopened, as the
    builder does: then `totals` holds just what the walk met, with no bytes.
    """

    totals: Totals
    unopened: int
    complete: bool
    by_pattern: tuple[Share, ...] = ()
    """What each pattern saves, most first; empty unless `complete`."""


@dataclass(frozen=True)
class Measurement:
    """What would be sent: the sums, and where they come from."""

    totals: Totals
    wire_bytes: int | None
    """What the builder prints for a cold build, to the byte; None where it sends nothing.
    Where chance decides between two (`figure-by-chance`), the smaller."""
    printed: str | None
    """`wire_bytes` in the builder's own words; both figures where chance decides."""
    warm_bytes: int | None
    """What it prints in the next build if nothing changed."""
    warm_printed: str | None
    tree: Directory
    largest_files: tuple[Share, ...]
    largest_directories: tuple[Share, ...]
    """By the files that lie directly in each."""
    by_extension: tuple[Share, ...]
    by_pattern: tuple[Share, ...]
    """By the exception that let the files in; `""` where no pattern matched."""
    ignored: Ignored
    hardlinks: int = 0
    clues: tuple[Clue, ...] = ()


@dataclass(frozen=True)
class IgnoreFileInfo:
    """The ignore file that governs a context."""

    path: str
    """As the user would name it: relative to the working directory where that is shorter."""
    patterns: tuple[Pattern, ...]
    dockerfile_specific: bool = False


@dataclass(frozen=True)
class Difference:
    """Where another builder would send something else for the same context.

    The paths are the first few of each kind, directories with a trailing `/`;
    the counts are of all.
    """

    builder: str
    only_here: tuple[str, ...] = ()
    only_there: tuple[str, ...] = ()
    error: str | None = None
    """Why the other builder would fail; then nothing was compared."""
    only_here_count: int = 0
    only_there_count: int = 0
    content_differs: tuple[str, ...] = ()
    """Sent by both, with content by one and without by the other."""
    content_differs_count: int = 0
    ignore_file: str | None = None

    @property
    def same(self) -> bool:
        """Return whether both builders send the same."""
        counts = self.only_here_count + self.only_there_count + self.content_differs_count
        return self.error is None and not counts


@dataclass(frozen=True)
class SourceShare:
    """What one source of an instruction takes from the context, were it the only one."""

    instruction: str
    line: int
    """Of the Dockerfile, 1-based."""
    stage: str
    source: str
    """As it is written."""
    path: str
    """What it comes to, relative to the context: a pattern, `.` for all of it."""
    kind: str
    """`copy`, `add` or `bind`; `tmpfs` or `git` for what only widens the transfer."""
    files: int
    content_bytes: int


@dataclass(frozen=True)
class Transfer:
    """What of the context a build of one target makes travel."""

    context_used: bool
    follow_paths: tuple[str, ...] | None
    """The paths that the builder asks for; None where it asks for all that is not ignored."""
    content_bytes: int
    files: int
    wire_bytes: int | None
    """This and the next three as in `Measurement`; None where it prints nothing."""
    printed: str | None
    warm_bytes: int | None = None
    """At least, where several take from one context."""
    warm_printed: str | None = None
    platforms: tuple[str, ...] = ()
    """Those that ask for this; empty where it was not asked."""
    sources: tuple[SourceShare, ...] = ()
    """In the order in which the builder evaluates them."""
    problems: tuple[Problem, ...] = ()
    """What was assumed, as the Dockerfile alone cannot tell it."""
    clues: tuple[Clue, ...] = ()

    @property
    def everything(self) -> bool:
        """Return whether the whole context travels."""
        return self.context_used and self.follow_paths is None


@dataclass(frozen=True)
class NamedContext:
    """A context that `--build-context` adds."""

    name: str
    value: str
    """What it stands for, as it was given."""
    kind: str
    """`local` for a directory; what else there is, is fetched by the builder and not sent."""
    announced: str
    """What the builder calls it: `transferring <announced>:`."""
    used: bool | None
    """Whether this build asks for anything of it; None where that is not known."""
    ignore_file: IgnoreFileInfo | None = None
    context: Measurement | None = None
    """What its ignore file leaves; None for what is not sent or not used."""
    transfers: tuple[Transfer, ...] = ()
    """One for each set of paths that is asked for; they run side by side."""
    problems: tuple[Problem, ...] = ()

    @property
    def local(self) -> bool:
        """Return whether it is a directory, so that it is sent."""
        return self.kind == "local"


@dataclass(frozen=True)
class Report:
    """Everything that `ctxsize measure` has to say."""

    kind: ClassVar[Literal["measure"]] = "measure"

    context_path: str
    dockerfile: str | None
    builder: str
    ignore_file: IgnoreFileInfo | None
    context: Measurement
    problems: tuple[Problem, ...] = ()
    differences: tuple[Difference, ...] = ()
    transfer: Transfer | None = None
    """That of the first platform; None without a Dockerfile, and where `problems` says why."""
    more_transfers: tuple[Transfer, ...] = ()
    """Those of other platforms, where they ask for something else."""
    named_contexts: tuple[NamedContext, ...] = ()
    options: tuple[str, ...] = ()
    """Further options of the build, as words of the command line."""
    reasons: tuple[Reason, ...] = ()
    """What of it looks unneeded or secret, though little may be sent."""

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Return all that travels of the build context; nothing where that is not known."""
        return () if self.transfer is None else (self.transfer, *self.more_transfers)

    @property
    def parts(self) -> tuple[Measurement | Transfer, ...]:
        """Return all that travels, named contexts included; the context where that is not known."""
        named = (each for one in self.named_contexts for each in one.transfers)
        return (*(self.transfers or (self.context,)), *named)

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Return those of named contexts too."""
        named = (problem for each in self.named_contexts for problem in each.problems)
        return (*self.problems, *named)

    @property
    def failing(self) -> tuple[Problem, ...]:
        """Return those on which the build fails before anything of the Dockerfile is built."""
        return tuple(each for each in self.all_problems if each.fails)

    @property
    def suspicious(self) -> tuple[Problem, ...]:
        """Return those that say something of the build or its contexts."""
        return tuple(each for each in self.all_problems if each.code not in _OF_BUILDERS)

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be counted, so that each total is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.all_problems)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the problems and a transfer's assumptions, for formats that know only these."""
        from ctxsize.findings import in_order

        assumed = dict.fromkeys(problem for each in self.transfers for problem in each.problems)
        # Triggers of base images are rare, and the line would stand in every report.
        others = [each for each in assumed if each.code != "unknown-onbuild"]
        placed = [(each, self.place_of(each)) for each in (*self.problems, *others)]
        for context in self.named_contexts:
            placed += [(each, self.place_of(each, context.value)) for each in context.problems]
        return in_order([problem.as_finding(path) for problem, path in placed])

    def place_of(self, problem: Problem, context: str | None = None) -> str:
        """Return the path that a problem is about; `context` is the directory of a named one."""
        inside = context or self.context_path
        if problem.path is not None and problem.code in _IN_CONTEXT:
            return os.path.normpath(os.path.join(inside, problem.path))
        return problem.path or context or self.dockerfile or self.context_path
