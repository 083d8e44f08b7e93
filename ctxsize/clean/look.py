"""Reads a tree: every directory below ROOT that is proven regenerable, and what speaks against it.

Symlinks are not followed, mounts not entered, and a repository's own files not looked at.
"""

from __future__ import annotations

import os
import pwd
import time
from contextlib import suppress
from dataclasses import field, replace
from functools import partial
from os.path import exists, isdir, realpath, samefile
from pathlib import PurePath

from ctxsize import units
from ctxsize.clean import CleanCandidate, CleanObjection, CleanPlan, Passed, inventory, proofs
from ctxsize.clean.dangers import Dangers
from ctxsize.clean.descent import Descent, ElsewhereError, start_of, tour
from ctxsize.clean.inventory import REPOSITORIES, Record
from ctxsize.clean.proofs import BY_NAME, ArtefactKind, CleanCategory, DirectoryNames, Surroundings
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.events import Progress
from ctxsize.errors import InputError
from ctxsize.knowledge.rules import listed_names
from ctxsize.model import Effect, Problem, Texts
from ctxsize.reader import entries_in
from ctxsize.values import Mutable, Value

_LEFTOVER = ArtefactKind("leftover", "", CleanCategory.LEFTOVER, "left by an interrupted run")


class CleanChoice(Value):
    """The options that choose among regenerable directories; no ecosystems for all."""

    ecosystems: frozenset[str]
    deps: bool
    older_than_s: float | None
    recent_s: float  # seconds since the last write in which a directory counts as in use


def look(root: str, choice: CleanChoice, progress: Progress | None) -> CleanPlan:
    """Return the plan for what is below `root` now. Raises `InputError` if that cannot be read."""
    real = _root_of(root)
    try:
        with Descent(real) as descent:
            looking = _Looking(choice, progress, descent, Dangers(real))
            place = descent.place
            tour(descent, "", looking.visit, failed=looking.refused, left=looking.leave)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=root) from None
    return CleanPlan(
        root=real,
        place=place,
        items=tuple(sorted(looking.items, key=lambda candidate: candidate.path)),
        passed=tuple(sorted(looking.passed, key=lambda passed: passed.path)),
        records=tuple(looking.records),
        problems=tuple(looking.problems),
    )


def _root_of(path: str) -> str:
    """Return the real path of ROOT. Raises `InputError` where cleaning must not start."""
    real = ""
    with suppress(ValueError):  # a NUL in it
        real = realpath(path)
    if not isdir(real):
        raise InputError("no such directory", path=path)
    homes = {"/", os.environ.get("HOME") or "/"}
    with suppress(KeyError):
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    for home in homes:
        if _is_at_or_above(real, realpath(home)):
            what = "the root of the file system, the home directory or a directory above it"
            raise InputError(f"ROOT must not be {what}", path=path, hint="name a project")
    if not REPOSITORIES.isdisjoint(real.split("/")):
        raise InputError("ROOT belongs to a repository's own files", path=path)
    return real


def _is_at_or_above(directory: str, path: str) -> bool:
    """Return whether `path` is this directory or in it, also if that is mounted elsewhere."""
    ancestors = [path, *map(str, PurePath(path).parents)]
    return any(samefile(ancestor, directory) for ancestor in ancestors if exists(ancestor))


class _Looking(Mutable):
    """The state of one walk."""

    choice: CleanChoice
    progress: Progress | None
    descent: Descent
    dangers: Dangers
    items: list[CleanCandidate] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    above: list[DirectoryNames] = field(default_factory=list)  # those in ROOT and on the way here
    entries: int = 0
    content_bytes: int = 0

    def visit(self, name: str) -> list[tuple[str, str]]:
        """Look at the directory where the walk is, and return those to look at from there."""
        listing = self._listing()
        is_settled = name != "" and self._is_settled(name, listing)
        self.above.append(listing)
        if is_settled:
            return []
        for link in sorted(listing.links):
            self._pass_by_name(link, "symlink", "it is a symlink")
        descent = self.descent
        for file in sorted(listing.files):
            if inventory.is_orphan(descent.fd, file):
                self.records.append(descent.below(file))
        return [(directory, directory) for directory in sorted(listing.directories - REPOSITORIES)]

    def leave(self, name: str) -> None:
        """Forget the names in the directory that the walk has left."""
        self.above.pop()

    def refused(self, name: str, error: OSError) -> None:
        """Note a directory that cannot be entered."""
        if isinstance(error, ElsewhereError):
            self._pass_by_name(name, "mount", "it is a mount of its own")
        else:
            self._problem(self.descent.below(name), error)

    def _listing(self) -> DirectoryNames:
        listing = DirectoryNames(set(), set(), set())
        try:
            for child in entries_in(self.descent.fd):
                names = listing.files
                if child.is_symlink():
                    names = listing.links
                elif child.is_dir(follow_symlinks=False):
                    names = listing.directories
                names.add(child.name)
        except OSError as error:
            self._problem(self.descent.path, error)
        self.entries += len(listing.names)
        self._advance(0, 0)
        return listing

    def _advance(self, entries: int, content_bytes: int) -> None:
        if self.progress:
            self.progress(self.entries + entries, self.content_bytes + content_bytes)

    def _is_settled(self, name: str, listing: DirectoryNames) -> bool:
        """Return whether the current directory needs no look inside; notes it if so."""
        if inventory.is_trash(name):
            self._take_leftover(name)
            return True
        read = partial(start_of, self.descent.fd)
        verdict = proofs.judge(Surroundings(name, listing, self.above[::-1], read))
        if verdict is None:
            return False
        kind = verdict.kind
        if verdict.doubt:
            self._pass(self.descent.path, kind, "not-proven", f"not proven: {verdict.doubt}")
            return kind.category is CleanCategory.DEPS
        # What is in a directory that was not asked for is not either: packages may need it.
        self._measure(kind, verdict.evidence)
        return True

    def _take_leftover(self, name: str) -> None:
        """Note the rest of an earlier run, if its record shows that all of it was proved."""
        record = inventory.record_of(self.descent.fd, name)
        if record is None:
            self._pass(
                self.descent.path,
                _LEFTOVER,
                "not-proven",
                "an earlier run left it without a record of its contents: check it by hand",
            )
            return
        kind = replace(
            _LEFTOVER,
            ecosystem=BY_NAME[record.kind].ecosystem,
            title=f"left of {record.name} by an interrupted run",
        )
        self._measure(kind, ("the record of that run",), record)

    def _measure(self, kind: ArtefactKind, evidence: Texts, record: Record | None = None) -> None:
        """Note the directory where the walk is, with the first thing that speaks against it."""
        if not self._is_wanted(kind):
            return
        descent = self.descent
        path = descent.path
        try:
            contents = inventory.take(descent.fd, progress=self._advance)
        except OSError as error:
            self._problem(path, error)
            return
        self.entries += len(contents.tokens)
        self.content_bytes += contents.size.content_bytes
        objection = (
            (record and record.objection(contents, descent))
            or self.dangers.of(descent, contents.locks)
            or contents.objection
            or _objection_by_options(kind, contents.newest_ns, self.choice)
        )
        service = self._service(path)
        if objection:
            self.passed.append(Passed(path, kind, service, objection, size=contents.size))
        else:
            self.items.append(
                CleanCandidate(
                    path,
                    kind,
                    service,
                    evidence=evidence,
                    inventory=contents,
                )
            )

    def _service(self, path: str) -> str:
        """Return the nearest directory above with a manifest or a Dockerfile, `""` for ROOT."""
        above = path.split("/")[:-1]
        is_manifest = listed_names("service_files")
        while above:
            listing = self.above[len(above)]
            names = listing.files | listing.links
            if any(is_manifest(name) or is_dockerfile(name) for name in names):
                break
            above.pop()
        return "/".join(above)

    def _is_wanted(self, kind: ArtefactKind) -> bool:
        return not self.choice.ecosystems or kind.ecosystem in ("", *self.choice.ecosystems)

    def _pass_by_name(self, name: str, code: str, message: str) -> None:
        kind = proofs.looks_like(name, self.above[-1])
        if kind:
            self._pass(self.descent.below(name), kind, code, message)

    def _pass(self, path: str, kind: ArtefactKind, code: str, message: str) -> None:
        if self._is_wanted(kind):
            self.passed.append(
                Passed(path, kind, self._service(path), CleanObjection(code, message))
            )

    def _problem(self, path: str, error: OSError) -> None:
        self.problems.append(
            Problem(
                "unreadable",
                f"this entry cannot be read: {error.strerror}",
                path or ".",
                effect=Effect.LOWER_BOUND,
            )
        )


def _objection_by_options(
    kind: ArtefactKind, newest_ns: int, choice: CleanChoice
) -> CleanObjection | None:
    """Return the objection of the options: maybe in use, installed packages, or too young."""
    age_s = (time.time_ns() - newest_ns) / 1e9
    age = f"{units.human_age(age_s)} ago"
    if age_s < 0:
        age = "in the future"
    if kind.category is not CleanCategory.LEFTOVER and age_s < choice.recent_s:
        return CleanObjection("recent", f"it may be in use: something in it was written {age}")
    if kind.category is CleanCategory.DEPS and not choice.deps:
        return CleanObjection(
            code="deps",
            message="it has installed packages; --deps deletes them too",
            by_choice=True,
        )
    if choice.older_than_s is not None and age_s < choice.older_than_s:
        return CleanObjection(
            code="young",
            message=f"it was written {age}, so --older-than keeps it",
            by_choice=True,
        )
    return None
