"""The values of cleaning: what was found, what would be deleted and what became of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Literal

from ctxsize.findings import Finding
from ctxsize.model import Problem


class CleanCategory(str, Enum):
    """What kind of thing a regenerable directory is."""

    ARTEFACT = "artefact"
    """What a build makes."""
    CACHE = "cache"
    """What makes the next run faster."""
    DEPS = "deps"
    """Installed packages: regenerable with a network, so only on request."""
    LEFTOVER = "leftover"
    """What an earlier run renamed and did not get to delete."""


@dataclass(frozen=True)
class CleanObjection:
    """A reason to leave a directory alone."""

    code: str
    """A stable word for programs, for instance `tracked`."""
    message: str


@dataclass(frozen=True)
class Part:
    """A part of a directory, for instance `debug/deps`."""

    name: str
    files: int
    content_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Stamp:
    """The identity and times of a directory, which must still be the same to delete it."""

    device: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    changed_ns: int
    """The newest `ctime` of the files below that have one name only."""


@dataclass(frozen=True)
class Shared:
    """A file with several names: how many were met, how many there are, and its size."""

    met: int
    names: int
    disk_bytes: int
    content_bytes: int = 0


@dataclass(frozen=True)
class Inventory:
    """All that is in a directory, symlinks not followed."""

    stamp: Stamp
    tokens: frozenset[int] = field(repr=False)
    """A number for each entry: its place, type, inode, size and time of change."""
    files: int = 0
    directories: int = 0
    symlinks: int = 0
    content_bytes: int = 0
    """Apparent, each file once, however many names it has."""
    disk_bytes: int = 0
    """What it takes on disk, each file once."""
    newest_ns: int = 0
    """When anything in it was last written."""
    parts: tuple[Part, ...] = ()
    shared: Mapping[int, Shared] = field(default_factory=dict, repr=False)
    """The files with several names, by inode."""
    locks: tuple[str, ...] = ()
    """Files in it that a build locks while it runs."""
    objections: tuple[CleanObjection, ...] = ()

    @property
    def held_elsewhere_bytes(self) -> int:
        """Return what stays on disk, as other names outside hold it."""
        return sum(each.disk_bytes for each in self.shared.values() if each.met < each.names)


@dataclass(frozen=True)
class CleanCandidate:
    """A directory that is proven regenerable, and all that speaks against deleting it."""

    path: str
    """Relative to ROOT."""
    kind: str
    """A name of `ctxsize.clean.proofs`."""
    ecosystem: str
    category: CleanCategory
    title: str
    service: str
    """The nearest directory above with a manifest or a Dockerfile; `""` is ROOT."""
    evidence: tuple[str, ...]
    inventory: Inventory
    objections: tuple[CleanObjection, ...] = ()

    def left_alone(self, code: str, message: str, *, by_choice: bool = False) -> Passed:
        """Return it as something that is left alone."""
        inventory = self.inventory
        sizes = inventory.files, inventory.content_bytes, inventory.disk_bytes
        where = self.path, self.kind, self.ecosystem, self.service
        return Passed(*where, code, message, *sizes, by_choice=by_choice)


@dataclass(frozen=True)
class Passed:
    """Something that is left alone, and why."""

    path: str
    kind: str
    ecosystem: str
    service: str
    code: str
    message: str
    files: int | None = None
    content_bytes: int | None = None
    disk_bytes: int | None = None
    """None where it was not measured."""
    by_choice: bool = False
    """Whether it is an option that leaves it alone, not a danger."""


@dataclass(frozen=True)
class CleanChoice:
    """What of the regenerable is wanted."""

    ecosystems: frozenset[str] = frozenset()
    """Empty for all."""
    deps: bool = False
    incremental_only: bool = False
    older_than_s: float | None = None
    keep_bytes: int | None = None
    recent_s: float = 600.0
    """Whatever was written in so many last seconds is taken to be in use."""


@dataclass(frozen=True)
class CleanSums:
    """What a set of directories comes to, files with several names counted once."""

    files: int = 0
    content_bytes: int = 0
    disk_bytes: int = 0
    held_elsewhere_bytes: int = 0
    """What of `disk_bytes` deleting them does not free."""


@dataclass(frozen=True)
class CleanPlan:
    """What would be deleted below ROOT, and what is left alone."""

    root: str
    """The real path of ROOT."""
    device: int
    inode: int
    choice: CleanChoice
    items: tuple[CleanCandidate, ...] = ()
    passed: tuple[Passed, ...] = ()
    sums: CleanSums = field(default_factory=CleanSums)
    records: tuple[str, ...] = ()
    """What killed runs noted of directories that are gone; they are deleted along the way."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of one item of a plan."""

    path: str
    done: bool
    files: int = 0
    """How many were deleted."""
    disk_bytes: int = 0
    """What that freed."""
    message: str = ""
    """Why it was not done, or not all of it."""
    left: tuple[str, ...] = ()
    """Where the rest is, relative to ROOT."""


@dataclass(frozen=True)
class Cleaning:
    """Everything that `ctxsize clean` has to say."""

    kind: ClassVar[Literal["clean"]] = "clean"

    root: str
    """As the user named it."""
    plan: CleanPlan
    applied: bool = False
    """Whether deleting was asked for."""
    results: tuple[Result, ...] = ()
    command: str = ""
    """The command that deletes what a dry run lists."""
    apparent: bool = False
    """Whether a person sees apparent sizes only, as of `du --apparent-size`."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what was not done or not looked at, for formats that know nothing else."""
        from ctxsize.problems import of_edits

        told = [(each.path or "", each.message) for each in self.plan.problems]
        told += [(each.path, each.message) for each in self.results if not each.done]
        return of_edits(
            Problem("not-deleted", message, os.path.normpath(os.path.join(self.root, path)))
            for path, message in told
        )

    @property
    def complete(self) -> bool:
        """Return whether all that was asked for was done."""
        return all(each.done for each in self.results)
