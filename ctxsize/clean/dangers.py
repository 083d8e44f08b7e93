"""Finds reasons not to delete a directory: git, mounts, locks, and with `/proc` processes."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from os import fsdecode, fsencode, getpid
from os.path import islink, join, realpath, relpath
from pathlib import PurePath
from typing import NamedTuple

from ctxsize.build import joined
from ctxsize.clean import CleanObjection
from ctxsize.clean.descent import Descent, held
from ctxsize.clean.inventory import BARE, REPOSITORIES, is_writable
from ctxsize.engine import git
from ctxsize.reader import entries_in, folded, is_in, read_file

_LONGEST_PATH = 4000
_FRESH_S = 1.0  # seconds between two looks at all processes, for thousands of directories
_OCTAL = re.compile(rb"\\([0-7]{3})")


class _ProcessUse(NamedTuple):
    path: str  # absolute
    process: str  # a description of the process that uses it


class _Mount(NamedTuple):
    device: bytes
    root: str  # the directory of its file system that it shows
    point: str  # where it shows that


class Dangers:
    """Dangers below the real path `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        # The answers so far, by the top of a repository.
        self._has_repository = cache(_has_repository)
        self._tracked = cache(_tracked_paths)
        self._listed_at = float("-inf")
        self._uses: tuple[_ProcessUse, ...] = ()

    def of(self, descent: Descent, locks: Iterable[str]) -> CleanObjection | None:
        """Return what speaks against the directory where `descent` is, with its `locks`."""
        objection = self.around(descent.path)
        if objection:
            return objection
        lock = held(descent.fd, locks)
        if lock:
            return CleanObjection("in-use", f"a build holds the lock {lock}")
        if not is_writable(descent.fd, ".."):
            return CleanObjection("read-only", "no permission to delete from the directory above")
        return None

    def around(self, path: str) -> CleanObjection | None:
        """Return the objection of git, mounts and processes to the directory at `path`."""
        full = join(self._root, path)
        now = time.monotonic()
        if len(fsencode(full)) > _LONGEST_PATH:
            return CleanObjection("too-deep", "its path is too long to ask the system about it")
        if now - self._listed_at > _FRESH_S:
            self._uses = tuple(_process_uses(self._root))
            self._listed_at = now
        return self._protection(full) or _objection_by_use(full, self._uses)

    def using(self, path: str) -> CleanObjection | None:
        """Return what is mounted in the directory at `path` or uses it at this very moment."""
        full = join(self._root, path)
        return _objection_by_use(full, _process_uses(full))

    def _protection(self, path: str) -> CleanObjection | None:
        """Return why git protects a directory, or does not answer for a repository around it."""
        try:
            for top in map(str, PurePath(path).parents):
                objection = self._protection_by(top, path)
                if objection:
                    return objection
        except OSError as error:
            return CleanObjection("git", f"what git tracks is not known: {error.strerror}")
        return None

    def _protection_by(self, top: str, path: str) -> CleanObjection | None:
        """Return why a repository at `top` protects the directory at `path`."""
        if not self._has_repository(top):
            return None
        if _has_any(top, REPOSITORIES - {".git"}):
            return CleanObjection(
                "vcs", f"{top} is under version control by another system than git"
            )
        tracked = self._tracked(top)
        if isinstance(tracked, CleanObjection):
            return tracked
        for tracked_path in tracked.at_or_below(relpath(path, top)):
            return CleanObjection("tracked", f"git tracks {tracked_path}")
        return None


def _has_repository(path: str) -> bool:
    return _has_any(path, REPOSITORIES) or all(_has_any(path, [name]) for name in BARE)


def _has_any(path: str, names: Iterable[str]) -> bool:
    """Return whether the directory at `path` has an entry with one of these names."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(f"{path}/{name}")
            return True
    return False


def _tracked_paths(top: str) -> git.SortedPaths | CleanObjection:
    """Return all paths that the repository at `top` tracks."""
    # Git passes over a `.git` that it cannot read (an empty directory, a FIFO, a dangling symlink)
    # and answers for a repository further up, which knows nothing of this one.
    if islink(f"{top}/.git"):
        return CleanObjection("git", f"{top}/.git is a symlink, so what git tracks is not known")
    repository, problem = git.find(top)
    if problem:
        return CleanObjection("git", problem.message)
    if repository is None or repository.top != top:
        return CleanObjection("git", f"{top} holds a repository for which git does not answer")
    try:
        return git.SortedPaths(repository.tracked, folded)
    except git.GitError as error:
        return CleanObjection("git", f"what git tracks is not known: {error}")


def _objection_by_use(directory: str, uses: Iterable[_ProcessUse]) -> CleanObjection | None:
    """Return what is mounted in `directory`, or the first of `uses` that is of it, or None."""
    for mount in _mounts("self"):
        if is_in(mount.point, directory):
            return CleanObjection("mount", f"something is mounted at {mount.point}")
    for use in uses:
        if is_in(use.path, directory):
            return CleanObjection("in-use", f"{use.process} uses {use.path}")
    return None


def _process_uses(directory: str) -> Iterator[_ProcessUse]:
    """Yield the uses of anything in `directory`, a real path, as far as we may see."""
    for path in sorted({sys.prefix, realpath(sys.prefix)}):
        if is_in(path, directory):
            yield _ProcessUse(path, f"process {getpid()} (this one)")
    shown = _mount_of(directory)
    for process in filter(str.isdigit, _names("/proc")):
        paths = {*_paths_used_by(process, directory)}
        if shown:
            paths.update(_paths_mounted_by(process, shown))
        command = _content(f"/proc/{process}/comm")
        name = command.decode("utf-8", "replace").strip() or "gone"
        for path in sorted(paths):
            if is_in(path, directory):
                yield _ProcessUse(path, f"process {process} ({name})")


def _mount_of(directory: str) -> _Mount | None:
    """Return the part of a mount that a directory is, None if the system hides its mounts."""
    # The longest mount point counts; the last of several on one point hides those before.
    nearest = None
    most = 0
    for mount in _mounts("self"):
        length = len(mount.point)
        if length >= most and is_in(directory, mount.point):
            nearest = mount
            most = length
    if nearest is None:
        return None
    return _Mount(
        device=nearest.device,
        root=joined(nearest.root, relpath(directory, nearest.point)),
        point=directory,
    )


def _names(directory: str) -> list[str]:
    with suppress(OSError):
        return [child.name for child in entries_in(directory)]
    return []


def _content(path: str) -> bytes:
    with suppress(OSError):
        return read_file(path)
    return b""


def _link(path: str) -> str:
    """Return what a link of `/proc` names, deleted or not."""
    with suppress(OSError):
        return os.readlink(path).removesuffix(" (deleted)")
    return ""


def _paths_used_by(process: str, directory: str) -> Iterator[str]:
    """Yield what a process runs, where it is, what it has open or mapped, what its name says."""
    of_process = f"/proc/{process}"
    current = _link(f"{of_process}/cwd")
    yield current
    yield _link(f"{of_process}/exe")
    if process != str(getpid()):
        for name in _names(f"{of_process}/fd"):
            yield _link(f"{of_process}/fd/{name}")
        # The Python of a virtual environment is a symlink to another: only its command names it.
        command = _content(f"{of_process}/cmdline")
        for argument in command.split(b"\0"):
            if current and b"/" in argument:
                yield joined(current, fsdecode(argument))
    # Mapped are, for instance, libraries.
    wanted = fsencode(directory.rstrip("/") + "/")
    maps = _content(f"{of_process}/maps")
    if wanted not in maps:
        return
    for line in maps.splitlines():
        before, start, rest = line.partition(wanted)
        if start and before.endswith(b" "):
            yield fsdecode(start + rest).removesuffix(" (deleted)")


def _paths_mounted_by(process: str, shown: _Mount) -> Iterator[str]:
    """Yield what in the directory that `shown` is only a container has mounted."""
    namespace = _link(f"/proc/{process}/ns/mnt")
    if namespace in ("", _link("/proc/self/ns/mnt")):
        return
    for mount in _mounts(process):
        if mount.device == shown.device and is_in(mount.root, shown.root):
            yield joined(shown.point, relpath(mount.root, shown.root))


def _mounts(process: str) -> Iterator[_Mount]:
    """Yield the mounts that a process sees."""
    # A carriage return in a path is written as it is.
    lines = _content(f"/proc/{process}/mountinfo").split(b"\n")
    for line in filter(None, lines):
        _, _, device, root, point, *_ = line.split(b" ", 5)
        yield _Mount(
            device,
            root=_unescaped(root),
            point=_unescaped(point),
        )


def _unescaped(path: bytes) -> str:
    """Return a path as it is: the kernel writes blanks and the like as octal numbers."""
    return fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), path))
