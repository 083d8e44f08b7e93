"""The values of cleaning: candidates, plan, results; and the choice of what to delete.

Pure: `ctxsize.clean.look` reads, `ctxsize.clean.delete` deletes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import ClassVar, Literal

from ctxsize import units
from ctxsize.findings import Finding
from ctxsize.model import Problem

_SECOND = 1_000_000_000


class CleanCategory(str, Enum):
    """The kind of a regenerable directory."""

    ARTEFACT = "artefact"
    """Output of a build."""
    CACHE = "cache"
    """Files that make the next run faster."""
    DEPS = "deps"
    """Installed packages: regenerable with a network, so only on request."""
    LEFTOVER = "leftover"
    """A directory that an earlier run renamed and did not delete."""


@dataclass(frozen=True)
class CleanObjection:
    """A reason to leave a directory alone."""

    code: str
    """A stable word for programs, for instance `tracked`."""
    message: str


@dataclass(frozen=True)
class DiskSize:
    """The size of some files; a file with several names counts once."""

    files: int = 0
    content_bytes: int = 0
    """Apparent."""
    disk_bytes: int = 0
    """Blocks on disk, those of directories included."""
    held_elsewhere_bytes: int = 0
    """Part of `disk_bytes` that deleting does not free, as other names outside keep it."""

    def __add__(self, other: DiskSize) -> DiskSize:
        return DiskSize(
            self.files + other.files,
            self.content_bytes + other.content_bytes,
            self.disk_bytes + other.disk_bytes,
            self.held_elsewhere_bytes + other.held_elsewhere_bytes,
        )


@dataclass(frozen=True)
class Part:
    """A part of a directory, for instance `debug/deps`."""

    name: str
    size: DiskSize


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
    size: DiskSize = field(default_factory=DiskSize)
    directories: int = 0
    symlinks: int = 0
    newest_ns: int = 0
    """Time of the last write to anything in it."""
    parts: tuple[Part, ...] = ()
    """The largest first."""
    shared: Mapping[int, Shared] = field(default_factory=dict, repr=False)
    """The files with several names, by inode."""
    locks: tuple[str, ...] = ()
    """Files in it that a build locks while it runs."""
    objections: tuple[CleanObjection, ...] = ()


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
        where = self.path, self.kind, self.ecosystem, self.service
        return Passed(*where, code, message, self.inventory.size, by_choice=by_choice)


@dataclass(frozen=True)
class Passed:
    """Something that is left alone, and why."""

    path: str
    kind: str
    ecosystem: str
    service: str
    code: str
    message: str
    size: DiskSize | None = None
    """None where it was not measured."""
    by_choice: bool = False
    """True if an option leaves it alone, and not a danger."""


@dataclass(frozen=True)
class CleanChoice:
    """The options that choose among regenerable directories."""

    ecosystems: frozenset[str] = frozenset()
    """Empty for all."""
    deps: bool = False
    incremental_only: bool = False
    older_than_s: float | None = None
    keep_bytes: int | None = None
    recent_s: float = 600.0
    """Seconds since the last write in which a directory counts as in use."""


@dataclass(frozen=True)
class CleanPlan:
    """The directories to delete below ROOT, and those left alone."""

    root: str
    """The real path of ROOT."""
    device: int
    inode: int
    choice: CleanChoice
    items: tuple[CleanCandidate, ...] = ()
    passed: tuple[Passed, ...] = ()
    sums: DiskSize = field(default_factory=DiskSize)
    """Size of all items; a file with names in several of them counts once."""
    records: tuple[str, ...] = ()
    """Records of killed runs whose directories are gone; they are deleted too."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Result:
    """The result for one item of a plan."""

    path: str
    done: bool
    files: int = 0
    """Number of files that were deleted."""
    disk_bytes: int = 0
    """Number of bytes that this freed."""
    message: str = ""
    """The reason if it was not deleted, or not completely."""
    left: tuple[str, ...] = ()
    """Paths of the rest, relative to ROOT."""


@dataclass(frozen=True)
class Cleaning:
    """The outcome of `ctxsize clean`."""

    kind: ClassVar[Literal["clean"]] = "clean"

    root: str
    """The name that the user gave."""
    plan: CleanPlan
    applied: bool = False
    """True if `--yes` was given."""
    results: tuple[Result, ...] = ()
    command: str = ""
    """The command that deletes what a dry run lists."""
    apparent: bool = False
    """True if only apparent sizes are shown, as by `du --apparent-size`."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return failures and unread paths, for formats that show only findings."""
        from ctxsize.findings import in_order

        undone = [(each.path or "", each.message) for each in self.plan.problems]
        undone += [(each.path, each.message) for each in self.results if not each.done]
        return in_order(
            [
                Problem("not-deleted", message).as_finding(
                    os.path.normpath(os.path.join(self.root, path))
                )
                for path, message in undone
            ]
        )

    @property
    def complete(self) -> bool:
        """Return whether everything was deleted."""
        return all(each.done for each in self.results)


def plan(seen: CleanPlan, *, now_ns: int) -> CleanPlan:
    """Return `seen` with only the items to delete; ages count back from `now_ns`."""
    choice = seen.choice
    items: list[CleanCandidate] = []
    passed = [*seen.passed]
    for candidate in seen.items:
        left = _danger(candidate, choice, now_ns) or _unwanted(candidate, choice, now_ns)
        if left is None:
            items.append(candidate)
        else:
            passed.append(left)
    if choice.keep_bytes is not None:
        items, kept = _without_newest(items, choice.keep_bytes)
        passed += kept
    passed.sort(key=lambda each: each.path)
    return replace(seen, items=tuple(items), passed=tuple(passed), sums=sums(items))


def _danger(candidate: CleanCandidate, choice: CleanChoice, now_ns: int) -> Passed | None:
    """Return it as left alone if it must not be deleted."""
    for each in candidate.objections:
        return candidate.left_alone(each.code, each.message)
    age_s = _age_s(candidate, now_ns)
    if candidate.category is CleanCategory.LEFTOVER or age_s >= choice.recent_s:
        return None
    words = "in the future" if age_s < 0 else f"{units.human_age(age_s)} ago"
    message = f"it may be in use: something in it was written {words}"
    return candidate.left_alone("recent", message)


def _unwanted(candidate: CleanCandidate, choice: CleanChoice, now_ns: int) -> Passed | None:
    """Return it as left alone if an option spares it."""
    if candidate.category is CleanCategory.DEPS and not choice.deps:
        message = "installed packages; --deps takes them too"
        return candidate.left_alone("deps", message, by_choice=True)
    age_s = _age_s(candidate, now_ns)
    if choice.older_than_s is not None and age_s < choice.older_than_s:
        message = f"written {units.human_age(age_s)} ago, which --older-than spares"
        return candidate.left_alone("young", message, by_choice=True)
    return None


def _age_s(candidate: CleanCandidate, now_ns: int) -> float:
    return (now_ns - candidate.inventory.newest_ns) / _SECOND


def _without_newest(
    items: Sequence[CleanCandidate], keep_bytes: int
) -> tuple[list[CleanCandidate], list[Passed]]:
    """Return the items without the newest `keep_bytes` on disk, and those newest ones."""
    newest = sorted(items, key=lambda each: (-each.inventory.newest_ns, each.path))
    kept: list[Passed] = []
    taken = 0
    for each in newest:
        taken += each.inventory.size.disk_bytes
        if taken > keep_bytes:
            break
        message = "among the newest, which --keep-size keeps"
        kept.append(each.left_alone("kept", message, by_choice=True))
    names = {each.path for each in kept}
    return [each for each in items if each.path not in names], kept


def sums(items: Iterable[CleanCandidate]) -> DiskSize:
    """Return the size of `items`; a file with names in several of them counts once."""
    total = DiskSize()
    shared: dict[int, Shared] = {}
    for inventory in (item.inventory for item in items):
        total += inventory.size
        for inode, each in inventory.shared.items():
            if (known := shared.get(inode)) is not None:
                total += DiskSize(0, -each.content_bytes, -each.disk_bytes)
                each = replace(each, met=known.met + each.met)
            shared[inode] = each
    return replace(total, held_elsewhere_bytes=held_elsewhere(shared))


def held_elsewhere(shared: Mapping[int, Shared]) -> int:
    """Return the bytes of the files that have names elsewhere."""
    return sum(each.disk_bytes for each in shared.values() if each.met < each.names)


def by_service(items: Iterable[CleanCandidate]) -> Iterator[tuple[str, list[CleanCandidate]]]:
    """Yield the items of each service, services in order of their names."""
    groups: dict[str, list[CleanCandidate]] = {}
    for item in items:
        groups.setdefault(item.service, []).append(item)
    yield from sorted(groups.items())
