"""Deletes what is proven regenerable: `look` plans, `delete` carries it out; values are here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import ClassVar, Literal, NamedTuple

from ctxsize.build import joined
from ctxsize.clean.proofs import ArtefactKind
from ctxsize.findings import FrozenFindings, in_order
from ctxsize.model import Problem, Problems, Texts
from ctxsize.values import Value


class CleanObjection(NamedTuple):
    """A reason to leave a directory alone."""

    code: str  # a stable word, for instance `tracked`
    message: str
    by_choice: bool = False  # True if an option leaves it alone, and not a danger


class DiskSize(NamedTuple):
    """The size of some files; a file with several names in a directory counts once there."""

    files: int = 0
    content_bytes: int = 0
    disk_bytes: int = 0  # blocks on disk, those of directories included


def total_size(sizes: Iterable[DiskSize]) -> DiskSize:
    """Return the sum of sizes."""
    return DiskSize(*map(sum, zip(*sizes, strict=True)))


class Part(NamedTuple):
    """A part of a directory, for instance `debug/deps`, without the parts below it."""

    name: str
    size: DiskSize


FileId = tuple[int, int]  # device and inode


class Inventory(Value):
    """All that is in a directory, symlinks not followed."""

    place: FileId  # of the directory
    times: tuple[int, int, int]
    """Its time of change, its `ctime`, and the newest `ctime` of files with one name in it."""
    tokens: frozenset[int] = field(repr=False)  # for each entry: place, type, inode, size, time
    size: DiskSize
    directories: int = 0
    symlinks: int = 0
    newest_ns: int = 0  # time of the last write to anything in it
    parts: tuple[Part, ...] = ()  # the largest first
    linked: frozenset[int] = field(default=frozenset(), repr=False)  # files with several names
    locks: Texts = ()  # files in it that a build locks while it runs
    objection: CleanObjection | None = None


class CleanCandidate(Value):
    """A directory that is proven regenerable."""

    path: str  # relative to ROOT
    kind: ArtefactKind
    service: str  # the nearest directory above with a manifest or a Dockerfile; `""` is ROOT
    evidence: Texts
    inventory: Inventory


class Passed(Value):
    """Something that is left alone, and why."""

    path: str
    kind: ArtefactKind
    service: str
    objection: CleanObjection
    size: DiskSize | None = None  # None where it was not measured


class CleanPlan(Value):
    """The directories to delete below ROOT, and those left alone, by path."""

    root: str  # the real path of ROOT
    place: FileId  # of ROOT
    items: tuple[CleanCandidate, ...] = ()
    passed: tuple[Passed, ...] = ()
    records: Texts = ()  # of killed runs whose directories are gone; deleted as well
    problems: Problems = ()

    @property
    def sums(self) -> DiskSize:
        """Return the size of all items together."""
        return total_size(candidate.inventory.size for candidate in self.items)


class Result(Value):
    """The result for one item of a plan: what was deleted, or why it was not, and what is left."""

    path: str
    done: bool
    files: int = 0
    disk_bytes: int = 0  # number of bytes that are free now
    message: str = ""
    left: Texts = ()  # paths relative to ROOT


class Cleaning(Value):
    """The outcome of `ctxsize clean`."""

    kind: ClassVar[Literal["clean"]] = "clean"

    root: str  # the name that the user gave
    plan: CleanPlan
    applied: bool = False  # True if `--yes` was given
    results: tuple[Result, ...] = ()
    command: str = ""  # the command that deletes what a dry run lists

    @property
    def findings(self) -> FrozenFindings:
        """Return failures and unread paths, for formats that show only findings."""
        undone: list[Problem | Result] = [*self.plan.problems]
        undone += [result for result in self.results if not result.done]
        findings = []
        for failure in undone:
            problem = Problem("not-deleted", failure.message)
            findings.append(problem.as_finding(joined(self.root, failure.path or "")))
        return in_order(findings)

    @property
    def complete(self) -> bool:
        """Return whether everything was deleted."""
        return all(result.done for result in self.results)
