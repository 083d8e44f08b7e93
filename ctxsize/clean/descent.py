"""A way down a tree that no symlink, mount or rename can lead astray, and locks on its files.

Every directory is opened relative to the one above it, never through a symlink or behind another
mount. Few are open at a time; the way back through `..` must lead to where it came from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from errno import EXDEV
from os.path import basename
from typing import TypeVar

from ctxsize import reader
from ctxsize.clean import FileId
from ctxsize.engine.filesystem import DiskDirectory

T = TypeVar("T")
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_AT_ONCE = 64  # no tree is too deep for this number of open directories
_START_BYTES = 4096
_MOUNT = re.compile(rb"mnt_id:\s*(\d+)")
# An arrow in front of the kind would mark a process that waits for a lock.
_LOCK = re.compile(rb"(?m)^\d+: \w.* (-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ")


class ElsewhereError(OSError):
    """A directory is on another file system or behind another mount."""


class Descent:
    """A position in a tree; a context manager that closes the directories that it opened."""

    def __init__(self, start: str | int) -> None:
        """Start at a directory: a real path, or open and still the caller's. Raises `OSError`."""
        if isinstance(start, int):
            fd = os.dup(start)
        else:
            fd = os.open(start, _OPEN_DIRECTORY)
        self._levels = [DiskDirectory("", fd, None)]
        self._mount = _mount_of(fd)

    def __enter__(self) -> Descent:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels:
            level.close()

    @property
    def fd(self) -> int:
        """Return the directory where the walk is."""
        return self._levels[-1].fd

    @property
    def place(self) -> FileId:
        """Return the device and the inode of the directory where the walk is."""
        here = self._levels[-1].stat
        return here.st_dev, here.st_ino

    @property
    def path(self) -> str:
        """Return the way from the start to here, `""` at the start."""
        return self._levels[-1].prefix[:-1]

    def below(self, name: str) -> str:
        """Return the way from the start to the entry `name` of this directory."""
        return self._levels[-1].prefix + name

    def enter(self, name: str) -> None:
        """Go into the directory `name`. Raises `OSError`, `ElsewhereError` at a mount."""
        level = self._levels[-1].enter(name)
        if level.stat.st_dev != self.place[0] or _mount_of(level.fd) != self._mount:
            level.close()
            raise ElsewhereError(EXDEV, "on another file system or mount", name)
        self._levels.append(level)
        far = len(self._levels) - _OPEN_AT_ONCE
        if far > 0:  # never the start, which is level 0
            self._levels[far].close()

    def follow(self, path: str) -> None:
        """Go into each directory of `path` in turn. Raises what `enter` raises."""
        for name in path.split("/") if path else ():
            self.enter(name)

    def leave(self) -> str:
        """Go back up; the name of the directory that was left. Raises `OSError` if it moved."""
        name = basename(self.path)
        self._levels.pop().leave()
        return name


def tour(
    descent: Descent,
    start: T,
    visit: Callable[[T], Iterable[tuple[str, T]]],
    *,
    failed: Callable[[str, OSError], None],
    left: Callable[[str], object] = lambda name: None,
) -> None:
    """Go through the whole tree below `descent`, without recursion.

    `visit` is called in each directory, with what the one above gave for it, and returns
    the directories to enter from there. `failed` is called for one that cannot be entered,
    `left` with the name of one that was left, both in the directory above.
    """
    stack = [iter(visit(start))]
    while stack:
        for name, argument in stack[-1]:
            try:
                descent.enter(name)
            except OSError as error:
                failed(name, error)
            else:
                stack.append(iter(visit(argument)))
                break
        else:
            stack.pop()
            if stack:
                left(descent.leave())


def _mount_of(fd: int) -> int | None:
    """Return the number of the mount of the open `fd`; None if the system does not show it."""
    with suppress(OSError):
        match = _MOUNT.search(reader.read_file(f"/proc/self/fdinfo/{fd}"))
        if match:
            return int(match[1])
    return None


def start_of(fd: int, path: str) -> bytes | None:
    """Return the start of a plain file below `fd`, `b""` for a directory (`path/`), else None."""
    above, _, name = path.rpartition("/")
    with Descent(fd) as descent, suppress(OSError):
        descent.follow(above)
        if not name:
            return b""
        return reader.read_file(name, _START_BYTES, cut=True, dir_fd=descent.fd, links=False)
    return None


class Locks(ExitStack):
    """The locks of a build, taken so that no build begins; a context manager."""

    def take(self, fd: int, paths: Iterable[str]) -> str | None:
        """Lock the files `paths` below the directory `fd`; return the first locked one, or None."""
        import fcntl

        for path in paths:
            above, _, name = path.rpartition("/")
            with suppress(OSError), Descent(fd) as descent:
                descent.follow(above)
                file = os.open(name, _OPEN_FILE, dir_fd=descent.fd)
                self.callback(os.close, file)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return path
        return None


def held(fd: int, paths: Iterable[str]) -> str | None:
    """Return the first of the files `paths` below the directory `fd` that is locked, or None."""
    with Locks() as locks:
        return locks.take(fd, paths)


def locked_files(device: int) -> frozenset[int]:
    """Return the inodes on `device` that a process which we may see has locked."""
    with suppress(OSError):
        return frozenset(
            int(inode)
            for process, major, minor, inode in _LOCK.findall(reader.read_file("/proc/locks"))
            if int(process) != os.getpid() and os.makedev(int(major, 16), int(minor, 16)) == device
        )
    return frozenset()
