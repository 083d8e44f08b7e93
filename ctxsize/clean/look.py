"""Reads a tree: every directory below ROOT that is proven regenerable, and what speaks against it.

The only reader of cleaning. Symlinks are not followed, other file systems and
mounts not entered, and what belongs to a repository itself (`.git`) is not
looked at.
"""

from __future__ import annotations

import math
import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from ctxsize.clean import record, use
from ctxsize.clean.dangers import Dangers, locks_of
from ctxsize.clean.descent import Descent, ElsewhereError, start_of, tour
from ctxsize.clean.inventory import REPOSITORIES, take
from ctxsize.clean.plan import (
    CleanCandidate,
    CleanCategory,
    CleanChoice,
    CleanObjection,
    CleanPlan,
    Inventory,
    Passed,
    plan,
)
from ctxsize.clean.proofs import (
    BY_NAME,
    INCREMENTAL,
    KINDS,
    ArtefactKind,
    DirectoryNames,
    Surroundings,
    judge,
    looks_like,
)
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.events import Progress
from ctxsize.errors import InputError
from ctxsize.model import Effect, Problem
from ctxsize.reader import entries_in

_START_BYTES = 4096
_PROFILE_DEPTH = 3
"""Number of directories from a target down to what a profile of one platform keeps."""
SERVICES = (
    *("Cargo.toml", "package.json", "pyproject.toml", "setup.py", "requirements.txt", "go.mod"),
    *("pom.xml", "build.gradle", "build.gradle.kts", "mix.exs", "composer.json", "Gemfile"),
    *("*.csproj", "*.fsproj", "*.vbproj", "CMakeLists.txt", "meson.build", "pubspec.yaml"),
    *("dune-project", "*.cabal", "*.tf"),
)
"""Files that make a directory a service of its own, as a Dockerfile does."""


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


def planned_below(root: str, choice: CleanChoice, progress: Progress | None) -> CleanPlan:
    """Return the plan for what is below `root` now. Raises `InputError` if that cannot be read."""
    real = root_of(root)
    try:
        seen = look(real, choice, progress=progress)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=root) from None
    return plan(seen, now_ns=time.time_ns())


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
        self.locked = use.locked(os.stat(self.root).st_dev)
        self.dangers = Dangers(self.root, fresh_s=math.inf)

    def run(self, descent: Descent) -> None:
        """Look at every directory below the start."""
        tour(
            descent,
            "",
            lambda name: self._visit(descent, name),
            failed=lambda name, error: self._refused(descent.below(name), name, error),
            left=lambda name: self.above.pop(),
        )

    def _visit(self, descent: Descent, name: str) -> list[tuple[str, str]]:
        """Look at the directory where the walk is, and return those to look at from there."""
        listing = self._listing(descent)
        settled = name and self._is_settled(descent, name, listing)
        self.above.append(listing)
        if settled:
            return []
        for link in sorted(listing.links):
            kind = looks_like(link, self.above[::-1], KINDS)
            if kind is not None:
                self._pass(descent.below(link), kind, "symlink", "it is a symlink")
        for each in sorted(filter(record.is_record, listing.files)):
            if record.is_orphan(descent.fd, each):
                self.records.append(descent.below(each))
        return [(each, each) for each in sorted(listing.directories - REPOSITORIES)]

    def _refused(self, path: str, name: str, error: OSError) -> None:
        """Note a directory that cannot be entered."""
        if not isinstance(error, ElsewhereError):
            self._problem(path, error)
            return
        kind = looks_like(name, self.above[::-1], KINDS)
        if kind is not None:
            self._pass(path, kind, "mount", "it is a mount of its own")

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

    def _is_settled(self, descent: Descent, name: str, listing: DirectoryNames) -> bool:
        """Return whether the current directory needs no look inside; notes it if so."""
        if record.is_trash(name):
            self._leftover(descent, name)
            return True
        fd = descent.fd
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
        try:
            inventory = take(
                descent.fd, parts=kind.parts, locked=self.locked, progress=self._further
            )
        except OSError as error:
            self._problem(descent.path, error)
            return
        self.entries += len(inventory.tokens)
        self.content_bytes += inventory.size.content_bytes
        self.candidates.append(self._seen(descent, kind, inventory, evidence, service))

    def _seen(
        self,
        descent: Descent,
        kind: ArtefactKind,
        inventory: Inventory,
        evidence: tuple[str, ...],
        service: str,
    ) -> CleanCandidate:
        dangers = self.dangers.of(descent, locks_of(kind, inventory))
        objections = (*dangers, *inventory.objections)
        what = kind.name, kind.ecosystem, kind.category, kind.title
        return CleanCandidate(descent.path, *what, service, evidence, inventory, objections)

    def _further(self, entries: int, content_bytes: int) -> None:
        if self.progress is not None:
            self.progress(self.entries + entries, self.content_bytes + content_bytes)

    def _incremental(self, descent: Descent, evidence: tuple[str, ...]) -> None:
        """Note the directories of incremental compilation in the target where the walk is."""
        service = self._service(descent.path)

        def visit(given: tuple[str, int]) -> list[tuple[str, tuple[str, int]]]:
            name, depth = given
            if name == INCREMENTAL.names[0] and depth > 1:
                self._candidate(descent, INCREMENTAL, evidence, service)
                return []
            names = self._listing(descent).directories if depth < _PROFILE_DEPTH else ()
            return [(each, (each, depth + 1)) for each in sorted(names)]

        tour(
            descent,
            ("", 0),
            visit,
            failed=lambda name, error: self._refused(descent.below(name), name, error),
        )

    def _leftover(self, descent: Descent, name: str) -> None:
        """Note the rest of an earlier run, if its record shows that all of it was proved."""
        path = descent.path
        inventory = take(descent.fd, locked=self.locked, progress=self._further)
        found = record.of(descent.fd, name)
        if found is None:
            message = "an earlier run left it without a record of its contents: check it by hand"
            where = path, "leftover", "", ""
            self.passed.append(Passed(*where, "not-proven", message, inventory.size))
            return
        kind = BY_NAME[found.kind]
        if not self._wanted(kind):
            return
        evidence = ("the record of that run",)
        seen = self._seen(descent, kind, inventory, evidence, self._service(path))
        objections = [*seen.objections]
        if use.held(descent.fd, [f"../{name}{record.ENDING}"]) is not None:
            objections.insert(0, CleanObjection("in-use", "another run of ctxsize uses it"))
        if not found.covers(inventory):
            message = f"it holds more than {found.name} did; rename it back to look at it"
            objections.insert(0, CleanObjection("changed", message))
        title = f"left of {found.name} by an interrupted run"
        left = replace(seen, kind="leftover", category=CleanCategory.LEFTOVER, title=title)
        self.candidates.append(replace(left, objections=tuple(objections)))

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


def _is_service(listing: DirectoryNames) -> bool:
    names = listing.files | listing.links
    plain = (name for name in SERVICES if "*" not in name)
    if not names.isdisjoint(plain):
        return True
    globs = [name for name in SERVICES if "*" in name]
    globbed = any(fnmatchcase(name, pattern) for name in names for pattern in globs)
    return globbed or any(map(is_dockerfile, names))
