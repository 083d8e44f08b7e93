"""What `explain` says about a path or a source: values that cross package borders, frozen too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ctxsize.entry import Pattern, Verdict


class Outcome(str, Enum):
    """What became of one pattern at one path."""

    MATCHED = "matched"
    NO_MATCH = "no match"
    SKIPPED = "skipped"
    """Not evaluated, because a match could not have changed anything."""
    INHERITED = "inherited"
    """Counts as matched because it did for the directory above."""


@dataclass(frozen=True)
class Check:
    """What the builder did with one pattern at one path."""

    pattern: Pattern
    outcome: Outcome
    ignored: bool
    """Whether the path was ignored just before this pattern had its turn."""


@dataclass(frozen=True)
class Level:
    """The evaluation of one path on the way down: a directory above, or the path itself."""

    path: str
    verdict: Verdict
    checks: tuple[Check, ...]
    entered: bool = True
    """Whether the builder looks for entries to send below it."""


@dataclass(frozen=True)
class NearMiss:
    """A pattern that looks as if it decided otherwise, and did not.

    Tested alone it matches `matches`, which is the path or a directory above.
    `pruned` tells that the builder never gets there, rather than skips it.
    """

    pattern: Pattern
    matches: str
    pruned: bool


@dataclass(frozen=True)
class Taker:
    """An instruction that would carry a path into the build, were it not ignored."""

    instruction: str
    """`COPY`, `ADD` or `RUN`."""
    line: int
    source: str
    """As it is written."""
    kind: str
    """As in `SourceShare`."""
    below: bool = False
    """Whether it may only take something below the path, which is a directory."""


@dataclass(frozen=True)
class Explanation:
    """Why a path is ignored or sent, step by step from the top of the context."""

    path: str
    verdict: Verdict
    ignore_file: str | None
    levels: tuple[Level, ...] = ()
    """Ends early at an ignored directory that is not entered."""
    near_misses: tuple[NearMiss, ...] = ()
    arrives_empty: str | None = None
    """Why the file would be listed but arrive without its content, or None."""
    not_there: str | None = None
    """Why the context holds no such entry, or None if it does."""
    takers: tuple[Taker, ...] | None = None
    """The instructions that take it, in order; None where that is not known or was not asked."""
    takers_unknown: str | None = None
    """Why it is not known."""
    stops: str | None = None
    """Why the build stops at it, or None."""

    @property
    def pruned_at(self) -> str | None:
        """Return the ignored directory above that is not entered, if there is one."""
        last = self.levels[-1] if self.levels else None
        return None if last is None or last.path == self.path else last.path


class Fate(str, Enum):
    """What the builder finds for a source; all but the first two fail the build."""

    FOUND = "found"
    NO_MATCH = "no match"
    """A source with wildcards that match nothing: the build goes on without it."""
    IGNORED = "ignored"
    ABSENT = "absent"
    LOOP = "loop"
    """A symlink leads back to itself."""
    NOT_ASKED = "not asked for"
    """The context holds it, but what the Dockerfile takes makes it stay behind."""

    @property
    def is_found(self) -> bool:
        """Return whether the build gets past it."""
        return self in (Fate.FOUND, Fate.NO_MATCH)


@dataclass(frozen=True)
class SourceCheck:
    """Whether the builder finds one source of an instruction, and why not."""

    instruction: str
    line: int | None
    """Of the Dockerfile; None if the instruction is only supposed to stand there."""
    source: str
    """As it is written."""
    path: str
    """What it comes to, relative to the context."""
    fate: Fate
    at: str
    """The entry that decides: `path`, or where symlinks lead from it."""
    matches: int | None = None
    """How many entries wildcards match and the builder gets; None without wildcards."""
    hidden: tuple[Explanation, ...] = ()
    """The entries that would be found if they were not ignored."""
    notes: tuple[str, ...] = ()
    """What may be behind it."""
    context: str = ""
    """The named context that was looked at; empty for the build context."""

    @property
    def found(self) -> bool:
        """Return whether the build gets past it."""
        return self.fate.is_found
