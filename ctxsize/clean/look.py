"""Reads a tree: every directory below ROOT that is proven regenerable, and what speaks against it.

The only reader of cleaning. Symlinks are not followed, other file systems and
mounts not entered, and what belongs to a repository itself (`.git`) is not
looked at.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ctxsize.clean import record, use
from ctxsize.clean.descent import Descent, ElsewhereError, start_of
from ctxsize.clean.inventory import REPOSITORIES, take
from ctxsize.clean.kinds import BY_NAME, INCREMENTAL, KINDS
from ctxsize.clean.proofs import (
    ArtefactKind,
    DirectoryNames,
    Surroundings,
    judge,
    looks_like,
)
from ctxsize.clean.tracked import Tracking
from ctxsize.clean.values import (
    CleanCandidate,
    CleanCategory,
    CleanChoice,
    CleanObjection,
    CleanPlan,
    Inventory,
    Passed,
)
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.events import Progress
from ctxsize.errors import InputError
from ctxsize.model import Effect, Problem
from ctxsize.reader import entries_in

_START_BYTES = 4096
_LONGEST_PATH = 4000
SERVICES = (
    *("Cargo.toml", "package.json", "pyproject.toml", "setup.py", "requirements.txt", "go.mod"),
    *("pom.xml", "build.gradle", "build.gradle.kts", "mix.exs", "composer.json", "Gemfile"),
    *("*.csproj", "*.fsproj", "*.vbproj", "CMakeLists.txt", "meson.build", "pubspec.yaml"),
    *("dune-project", "*.cabal", "*.tf"),
)
"""What tells that a directory is a service of its own, as a Dockerfile does."""


def root_of(path: str) -> str:
    """Return the real path of ROOT. Raises `InputError` where cleaning must not start."""
    try:
        real = os.path.realpath(path)
        exists = os.path.isdir(real)
    except ValueError:  # a NUL in it
        exists = False
    if not exists:
        raise InputError("no such directory", path=path)
    found = os.stat(real)
    for home in _homes():
        at = home
        while True:
            if _is_same(at, found):
                what = "the home directory" if at == home else "above the home directory"
                what = "the root of the file system" if real == "/" else what
                raise InputError(f"ROOT must not be {what}", path=path, hint="name a project")
            if at == os.path.dirname(at):
                break
            at = os.path.dirname(at)
    if any(name in REPOSITORIES for name in real.split("/")):
        raise InputError("ROOT belongs to a repository's own files", path=path)
    return real


def _homes() -> Iterator[str]:
    """Yield the home directories of the user; `/` alone where there are none."""
    yield "/"
    if os.environ.get("HOME"):
        yield os.path.realpath(os.environ["HOME"])
    try:
        yield os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return


def _is_same(path: str, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), found)
    except OSError:
        return False


def look(root: str, choice: CleanChoice, *, progress: Progress | None = None) -> CleanPlan:
    """Return all candidates below the real path `root` as items, in order. Raises `OSError`."""
    with Descent.at(root) as descent:
        status = os.fstat(descent.fd)
        looking = _Looking(root, choice, progress)
        looking.run(descent)
    return CleanPlan(
        root,
        status.st_dev,
        status.st_ino,
        choice,
        items=tuple(sorted(looking.candidates, key=lambda each: each.path)),
        passed=tuple(looking.passed),
        records=tuple(looking.records),
        problems=tuple(looking.problems),
    )


@dataclass
class _Looking:
    root: str
    choice: CleanChoice
    progress: Progress | None
    candidates: list[CleanCandidate] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    above: list[DirectoryNames] = field(default_factory=list)
    entries: int = 0
    content_bytes: int = 0

    def __post_init__(self) -> None:
        self.tracking = Tracking()
        self.mounts = use.mounts()
        self.locked = use.locked(Path(self.root).stat().st_dev)
        self.uses = use.users(self.root)

    def run(self, descent: Descent) -> None:
        """Look at every directory below the start."""
        stack = [self._names(descent)]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                self.above.pop()
                if stack:
                    descent.leave()
            elif self._entered(descent, name):
                if self._is_settled(descent, name):
                    descent.leave()
                else:
                    stack.append(self._names(descent))

    def _entered(self, descent: Descent, name: str) -> bool:
        """Return whether the walk is in the directory `name` now."""
        try:
            descent.enter(name)
        except ElsewhereError:
            kind = looks_like(name, self.above[::-1], KINDS)
            if kind is not None:
                self._pass(descent.below(name), kind, "mount", "it is a mount of its own")
            return False
        except OSError as error:
            self._problem(descent.below(name), error)
            return False
        return True

    def _names(self, descent: Descent) -> Iterator[str]:
        """Return the directories to look at from here, in order; notes symlinked candidates."""
        listing = self._listing(descent)
        self.above.append(listing)
        for name in sorted(listing.links):
            kind = looks_like(name, self.above[::-1], KINDS)
            if kind is not None:
                self._pass(descent.below(name), kind, "symlink", "it is a symlink")
        for name in sorted(filter(record.is_record, listing.files)):
            if record.is_orphan(descent.fd, name):
                self.records.append(descent.below(name))
        return iter(sorted(listing.directories - REPOSITORIES))

    def _listing(self, descent: Descent) -> DirectoryNames:
        found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
        try:
            for entry in entries_in(descent.fd):
                which = 0 if entry.is_dir(follow_symlinks=False) else 1
                found[2 if entry.is_symlink() else which].add(entry.name)
        except OSError as error:
            self._problem(descent.path, error)
        self.entries += sum(map(len, found))
        if self.progress is not None:
            self.progress(self.entries, self.content_bytes)
        return DirectoryNames(*map(frozenset, found))

    def _is_settled(self, descent: Descent, name: str) -> bool:
        """Return whether the current directory needs no look inside; notes it if so."""
        if record.is_trash(name):
            self._leftover(descent, name)
            return True
        fd = descent.fd
        listing = self._listing(descent)
        place = Surroundings(
            name, listing, self.above[::-1], lambda path: start_of(fd, path, _START_BYTES)
        )
        verdict = judge(place, KINDS)
        if verdict is None:
            return False
        if not verdict.evidence:
            self._pass(descent.path, verdict.kind, "not-proven", f"not proven: {verdict.doubt}")
            return verdict.kind.category is CleanCategory.DEPS
        if not self._wanted(verdict.kind):
            # Not asked for, and so is what it holds: packages may need what was built in them.
            return True
        if not self.choice.incremental_only:
            service = self._service(descent.path)
            self._candidate(descent, verdict.kind, verdict.evidence, service)
        elif verdict.kind.name.startswith("cargo-target"):
            self._incremental(descent, verdict.evidence)
        return True

    def _candidate(
        self, descent: Descent, kind: ArtefactKind, evidence: tuple[str, ...], service: str
    ) -> None:
        """Note the directory where the walk is, with all that speaks against deleting it."""
        path = descent.path
        try:
            inventory = take(
                descent.fd, parts=kind.parts, locked=self.locked, progress=self._further
            )
        except OSError as error:
            self._problem(path, error)
            return
        self.entries += len(inventory.tokens)
        self.content_bytes += inventory.content_bytes
        self.candidates.append(
            CleanCandidate(
                path=path,
                kind=kind.name,
                ecosystem=kind.ecosystem,
                category=kind.category,
                title=kind.title,
                service=service,
                evidence=evidence,
                inventory=inventory,
                objections=(*self._objections(descent, inventory, kind), *inventory.objections),
            )
        )

    def _further(self, entries: int, content_bytes: int) -> None:
        if self.progress is not None:
            self.progress(self.entries + entries, self.content_bytes + content_bytes)

    def _objections(
        self, descent: Descent, inventory: Inventory, kind: ArtefactKind
    ) -> Iterator[CleanObjection]:
        full = os.path.join(self.root, descent.path)
        if len(os.fsencode(full)) > _LONGEST_PATH:
            yield CleanObjection(
                "too-deep", "its path is too long to ask git and the system about it"
            )
            return
        tracked = self.tracking.objection(full)
        if tracked is not None:
            yield tracked
        using = use.objection(full, self.mounts, self.uses)
        if using is not None:
            yield using
        held = use.held(descent.fd, locks_of(kind, inventory))
        if held is not None:
            yield CleanObjection("in-use", f"a build holds the lock {held}")
        if not _may_delete_from(descent):
            yield CleanObjection("read-only", "no permission to delete from the directory above")

    def _incremental(self, descent: Descent, evidence: tuple[str, ...]) -> None:
        """Note the directories of incremental compilation in the target where the walk is."""
        service = self._service(descent.path)
        stack = [sorted(self._listing(descent).directories)]
        while stack:
            if not stack[-1]:
                stack.pop()
                if stack:
                    descent.leave()
                continue
            name = stack[-1].pop(0)
            if not self._entered(descent, name):
                continue
            if name == INCREMENTAL.names[0] and len(stack) > 1:
                self._candidate(descent, INCREMENTAL, evidence, service)
                descent.leave()
            elif len(stack) < 3:
                stack.append(sorted(self._listing(descent).directories))
            else:
                descent.leave()

    def _leftover(self, descent: Descent, name: str) -> None:
        """Note what an earlier run left behind, if its record says that all of it was proven."""
        path = descent.path
        inventory = take(descent.fd, locked=self.locked, progress=self._further)
        found = record.of(descent.fd, name)
        if found is None:
            message = "an earlier run left it and there is no record of what it was: look into it"
            sizes = inventory.files, inventory.content_bytes, inventory.disk_bytes
            self.passed.append(Passed(path, "leftover", "", "", "not-proven", message, *sizes))
            return
        kind = BY_NAME[found.kind]
        if not self._wanted(kind):
            return
        objections = [*self._objections(descent, inventory, kind), *inventory.objections]
        if use.held(descent.fd, [f"../{name}{record.ENDING}"]) is not None:
            objections.insert(0, CleanObjection("in-use", "another run is at it"))
        if not found.covers(inventory):
            message = f"more is in it than {found.name} held; rename it back to see what"
            objections.insert(0, CleanObjection("changed", message))
        self.candidates.append(
            CleanCandidate(
                path=path,
                kind="leftover",
                ecosystem=kind.ecosystem,
                category=CleanCategory.LEFTOVER,
                title=f"left of {found.name} by an interrupted run",
                service=self._service(path),
                evidence=("the record of that run",),
                inventory=inventory,
                objections=tuple(objections),
            )
        )

    def _service(self, path: str) -> str:
        """Return the nearest directory above with a manifest or a Dockerfile, `""` for ROOT."""
        above = path.split("/")[:-1]
        while above:
            if _is_service(self.above[len(above)]):
                break
            above.pop()
        return "/".join(above)

    def _wanted(self, kind: ArtefactKind) -> bool:
        return not self.choice.ecosystems or kind.ecosystem in self.choice.ecosystems

    def _pass(self, path: str, kind: ArtefactKind, code: str, message: str) -> None:
        if not self._wanted(kind):
            return
        service = self._service(path)
        self.passed.append(Passed(path, kind.name, kind.ecosystem, service, code, message))

    def _problem(self, path: str, error: OSError) -> None:
        message = f"cannot be read: {error.strerror}"
        self.problems.append(Problem("unreadable", message, path or ".", effect=Effect.LOWER_BOUND))


def locks_of(kind: ArtefactKind, inventory: Inventory) -> tuple[str, ...]:
    """Return the files that a build of this kind locks, relative to the directory."""
    return (*inventory.locks, *(f"../{name}" for name in kind.locks_beside))


def _is_service(listing: DirectoryNames) -> bool:
    names = listing.files | listing.links
    plain = (name for name in SERVICES if "*" not in name)
    if not names.isdisjoint(plain):
        return True
    globs = [name for name in SERVICES if "*" in name]
    globbed = any(fnmatchcase(name, pattern) for name in names for pattern in globs)
    return globbed or any(map(is_dockerfile, names))


def _may_delete_from(descent: Descent) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access("..", os.W_OK | os.X_OK, dir_fd=descent.fd, effective_ids=effective)
