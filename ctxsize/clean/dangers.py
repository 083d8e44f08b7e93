"""Finds reasons not to delete a directory: git, mounts, locks, and with `/proc` processes."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import PurePath
from typing import TypeVar

from ctxsize.clean import CleanObjection
from ctxsize.clean.descent import Descent, held
from ctxsize.clean.inventory import BARE, REPOSITORIES, is_writable
from ctxsize.engine import git
from ctxsize.reader import entries_in, folded, read_file

_LONGEST_PATH = 4000
_FRESH_S = 1.0  # seconds between two looks at all processes, for thousands of directories
_PROC = "/proc"
_ProcessUse = tuple[str, str]  # an absolute path that a process uses, and its description
AnyValue = TypeVar("AnyValue")


class Dangers:
    """Dangers below the real path `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        # The answers so far, by the top of a repository.
        self._has_repository = cache(_has_repository)
        self._tracked = cache(_tracked)
        self._listed_at: float | None = None
        self._uses: tuple[_ProcessUse, ...] = ()

    def of(self, descent: Descent, locks: Iterable[str]) -> CleanObjection | None:
        """Return what speaks against the directory where `descent` is, with its `locks`."""
        if (around := self.around(descent.path)) is not None:
            return around
        if (lock := held(descent.fd, locks)) is not None:
            return CleanObjection("in-use", f"a build holds the lock {lock}")
        if not is_writable(descent.fd, ".."):
            return CleanObjection("read-only", "no permission to delete from the directory above")
        return None

    def around(self, path: str) -> CleanObjection | None:
        """Return the objection of git, mounts and processes to the directory at `path`."""
        full = os.path.join(self._root, path)
        now = time.monotonic()
        if len(os.fsencode(full)) > _LONGEST_PATH:
            return CleanObjection("too-deep", "its path is too long to ask the system about it")
        if self._listed_at is None or now - self._listed_at > _FRESH_S:
            self._uses = tuple(_users(self._root))
            self._listed_at = now
        return self._protection(full) or _using(full, self._uses)

    def using(self, path: str) -> CleanObjection | None:
        """Return what is mounted in the directory at `path` or uses it at this very moment."""
        full = os.path.join(self._root, path)
        return _using(full, _users(full))

    def _protection(self, path: str) -> CleanObjection | None:
        """Return why git protects a directory, or does not answer for a repository around it."""
        try:
            for top in filter(self._has_repository, map(str, PurePath(path).parents)):
                if any(_is_there(f"{top}/{name}") for name in REPOSITORIES - {".git"}):
                    message = f"{top} is under version control by another system than git"
                    return CleanObjection("vcs", message)
                answer = self._tracked(top)
                if isinstance(answer, CleanObjection):
                    return answer
                for found in answer.at_or_below(os.path.relpath(path, top)):
                    return CleanObjection("tracked", f"git tracks {found}")
        except OSError as error:
            return CleanObjection("git", f"what git tracks is not known: {error.strerror}")
        return None


def _has_repository(path: str) -> bool:
    found = any(_is_there(f"{path}/{name}") for name in REPOSITORIES)
    return found or all(_is_there(f"{path}/{name}") for name in BARE)


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _tracked(top: str) -> git.SortedPaths | CleanObjection:
    """Return all paths that the repository at `top` tracks."""
    # Git passes over a `.git` that it cannot read (an empty directory, a FIFO, a dangling symlink)
    # and answers for a repository further up, which knows nothing of this one.
    if os.path.islink(f"{top}/.git"):
        return CleanObjection("git", f"{top}/.git is a symlink, so what git tracks is not known")
    found = git.find(top)
    if found.problem is not None:
        return CleanObjection("git", found.problem.message)
    if found.repository is None or found.repository.top != top:
        return CleanObjection("git", f"{top} holds a repository for which git does not answer")
    try:
        return git.SortedPaths(found.repository.tracked, folded)
    except git.GitError as error:
        return CleanObjection("git", f"what git tracks is not known: {error}")


def _using(directory: str, uses: Iterable[_ProcessUse]) -> CleanObjection | None:
    """Return what is mounted in `directory`, or the first of `uses` that is of it, or None."""
    for _, _, mount in _mounts("self"):
        if _is_in(mount, directory):
            return CleanObjection("mount", f"something is mounted at {mount}")
    using = next((f"{by} uses {path}" for path, by in uses if _is_in(path, directory)), None)
    if using is None:
        return None
    return CleanObjection("in-use", using)


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _users(directory: str) -> Iterator[_ProcessUse]:
    """Yield the uses of anything in `directory`, a real path, as far as we may see."""
    for path in sorted({sys.prefix, os.path.realpath(sys.prefix)}):
        if _is_in(path, directory):
            yield path, f"process {os.getpid()} (this one)"
    # The longest mount point counts; the last of several on one point hides those before.
    around = [each for each in _mounts("self") if _is_in(directory, each[2])]
    place = None
    if around:
        device, root, point = max(reversed(around), key=lambda each: len(each[2]))
        place = device, os.path.normpath(os.path.join(root, os.path.relpath(directory, point)))
    for process in filter(str.isdigit, _names(_PROC)):
        used = {*_used(process, directory), *_mounted(process, directory, place)}
        command = _content(f"{_PROC}/{process}/comm").decode("utf-8", "replace").strip() or "gone"
        for path in sorted(path for path in used if _is_in(path, directory)):
            yield path, f"process {process} ({command})"


def _seen(look: Callable[[str], AnyValue], path: str, otherwise: AnyValue) -> AnyValue:
    """Return what `look` returns of something in `/proc`, `otherwise` if it cannot be read."""
    try:
        return look(path)
    except OSError:
        return otherwise


def _names(directory: str) -> list[str]:
    return _seen(lambda path: [each.name for each in entries_in(path)], directory, [])


def _content(path: str) -> bytes:
    return _seen(read_file, path, b"")


def _link(path: str) -> str:
    """Return what a link of `/proc` names, deleted or not."""
    return _seen(os.readlink, path, "").removesuffix(" (deleted)")


def _used(process: str, directory: str) -> Iterator[str]:
    """Yield what a process runs, where it is, what it has open or mapped, what its name says."""
    at = f"{_PROC}/{process}"
    where = _link(f"{at}/cwd")
    yield from (where, _link(f"{at}/exe"))
    if process != str(os.getpid()):
        for name in _names(f"{at}/fd"):
            yield _link(f"{at}/fd/{name}")
        # The Python of a virtual environment is a symlink to another: only its command names it.
        for argument in _content(f"{at}/cmdline").split(b"\0"):
            if where and b"/" in argument:
                yield os.path.normpath(os.path.join(where, os.fsdecode(argument)))
    # Mapped are, for instance, libraries.
    wanted = os.fsencode(directory.rstrip("/") + "/")
    text = _content(f"{at}/maps")
    for line in text.splitlines() if wanted in text else ():
        before, found, rest = line.partition(wanted)
        if found and before.endswith(b" "):
            yield os.fsdecode(found + rest).removesuffix(" (deleted)")


def _mounted(process: str, directory: str, place: tuple[bytes, str] | None) -> Iterator[str]:
    """Yield what below `directory`, at this place of a device, only a container has mounted."""
    namespace = _link(f"{_PROC}/{process}/ns/mnt")
    if place is None or namespace in ("", _link(f"{_PROC}/self/ns/mnt")):
        return
    for device, root, _ in _mounts(process):
        if device == place[0] and _is_in(root, place[1]):
            inner = os.path.relpath(root, place[1])
            yield os.path.normpath(os.path.join(directory, inner))


def _mounts(process: str) -> Iterator[tuple[bytes, str, str]]:
    """Yield each mount's device, the directory of its file system that it shows, and where."""
    for line in _content(f"{_PROC}/{process}/mountinfo").splitlines():
        # The kernel writes blanks and the like in paths as octal numbers.
        fields = [
            re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), each)
            for each in line.split(b" ", 5)
        ]
        yield fields[2], os.fsdecode(fields[3]), os.fsdecode(fields[4])
