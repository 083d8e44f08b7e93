"""Finds reasons not to delete a directory: git, mounts, processes, locks, changes in it."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ctxsize.clean import record, use
from ctxsize.clean.descent import Descent
from ctxsize.clean.inventory import BARE, REPOSITORIES
from ctxsize.clean.plan import CleanCandidate, CleanCategory, CleanObjection, Inventory
from ctxsize.clean.proofs import BY_NAME, ArtefactKind
from ctxsize.engine import git

_LONGEST_PATH = 4000


class Dangers:
    """Dangers below the real path `root`; processes are listed again after `fresh_s` seconds."""

    def __init__(self, root: str, *, fresh_s: float) -> None:
        self._root = root
        self._tracking = Tracking()
        self._fresh_s = fresh_s
        self._asked: float | None = None
        self._uses: tuple[use.ProcessUse, ...] = ()

    def of(self, descent: Descent, locks: Iterable[str]) -> Iterator[CleanObjection]:
        """Yield what speaks against the directory where `descent` is, with its `locks`."""
        if len(os.fsencode(self._full(descent.path))) > _LONGEST_PATH:
            message = "its path is too long to ask git and the system about it"
            yield CleanObjection("too-deep", message)
            return
        yield from self.around(descent.path)
        held = use.held(descent.fd, locks)
        if held is not None:
            yield CleanObjection("in-use", f"a build holds the lock {held}")
        effective = os.access in os.supports_effective_ids
        if not os.access("..", os.W_OK | os.X_OK, dir_fd=descent.fd, effective_ids=effective):
            yield CleanObjection("read-only", "no permission to delete from the directory above")

    def around(self, path: str) -> Iterator[CleanObjection]:
        """Yield the objections of git, mounts and processes to the directory at `path`."""
        full = self._full(path)
        tracked = self._tracking.objection(full)
        if tracked is not None:
            yield tracked
        now = time.monotonic()
        if self._asked is None or now - self._asked > self._fresh_s:
            self._uses, self._asked = use.users(self._root), now
        using = use.objection(full, use.mounts(), self._uses)
        if using is not None:
            yield using

    def uses_of(self, path: str) -> Iterator[CleanObjection]:
        """Yield what is mounted in the directory at `path` or uses it at this very moment."""
        full = self._full(path)
        using = use.objection(full, use.mounts(), use.users(full))
        if using is not None:
            yield using

    def _full(self, path: str) -> str:
        return os.path.join(self._root, path)


def locks_of(kind: ArtefactKind, inventory: Inventory) -> tuple[str, ...]:
    """Return the files that a build of this kind locks, relative to the directory."""
    return (*inventory.locks, *(f"../{name}" for name in kind.locks_beside))


def locks_around(item: CleanCandidate) -> tuple[str, ...]:
    """Return the files to lock before `item` is deleted, relative to it."""
    kind = BY_NAME.get(item.kind)
    if item.category is CleanCategory.LEFTOVER:
        name = item.path.rpartition("/")[2]
        return (*item.inventory.locks, f"../{name}{record.ENDING}")
    return item.inventory.locks if kind is None else locks_of(kind, item.inventory)


def difference(planned: Inventory, found: Inventory, *, renamed: bool = False) -> str | None:
    """Return how a directory differs from the plan, else None; a rename sets its `ctime`."""
    before, now = planned.stamp, found.stamp
    if (before.device, before.inode) != (now.device, now.inode):
        return "another directory is there now"
    if renamed:
        now = replace(now, ctime_ns=before.ctime_ns)
    if before == now and planned.tokens == found.tokens:
        return None
    count = len(found.tokens) - len(planned.tokens)
    if count:
        noun = "entry" if abs(count) == 1 else "entries"
        return f"it has changed: {abs(count):,} {noun} {'more' if count > 0 else 'fewer'} in it"
    return "it has changed: something in it is another file or was written"


class Tracking:
    """The answers of git so far, by the top of each repository."""

    def __init__(self) -> None:
        self._answers: dict[str, git.SortedPaths | CleanObjection] = {}
        self._is_top: dict[str, bool] = {}

    def objection(self, path: str) -> CleanObjection | None:
        """Return the reason why git protects the directory `path`, a real path, or None.

        Where there is a repository and git does not answer, that is a reason too.
        """
        try:
            tops = list(self._tops(os.path.dirname(path)))
        except OSError as error:
            return CleanObjection("git", f"what git tracks is not known: {error.strerror}")
        for top in tops:
            if any(_is_there(f"{top}/{name}") for name in REPOSITORIES - {".git"}):
                return CleanObjection(
                    "vcs", f"{top} is under version control by another system than git"
                )
            answer = self._answers.get(top)
            if answer is None:
                answer = self._answers[top] = _asked(top)
            if isinstance(answer, CleanObjection):
                return answer
            for found in answer.at_or_below(os.path.relpath(path, top)):
                return CleanObjection("tracked", f"git tracks {found}")
        return None

    def _tops(self, path: str) -> Iterator[str]:
        """Yield each directory from `path` upward with a repository in it. Raises `OSError`."""
        while True:
            if path not in self._is_top:
                inner = (_is_there(f"{path}/{name}") for name in sorted(REPOSITORIES))
                self._is_top[path] = any(inner) or _is_bare(path)
            if self._is_top[path]:
                yield path
            above = os.path.dirname(path)
            if above == path:
                return
            path = above


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is_bare(path: str) -> bool:
    return all(_is_there(f"{path}/{name}") for name in BARE)


def _asked(top: str) -> git.SortedPaths | CleanObjection:
    """Return all paths that the repository at `top` tracks.

    Git passes over a `.git` that it cannot read (an empty directory, a FIFO, a dangling
    symlink) and answers for a repository further up, which knows nothing of this one.
    """
    if os.path.islink(f"{top}/.git"):
        return CleanObjection("git", f"{top}/.git is a symlink, so what git tracks is not known")
    found = git.find(top)
    if found.problem is not None:
        return CleanObjection("git", found.problem.message)
    if found.repository is None or found.repository.top != top:
        what = "is a bare repository" if _is_bare(top) else "holds a repository"
        return CleanObjection("git", f"{top} {what} for which git does not answer")
    try:
        return git.SortedPaths(found.repository.tracked | found.repository.submodules, _folded)
    except git.GitError as error:
        return CleanObjection("git", f"what git tracks is not known: {error}")


def _folded(name: str) -> str:
    """Return `name` as a case-insensitive file system compares it."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
