"""A way down a tree that no symlink, mount or rename can lead astray.

Every directory is opened relative to the one above it and never through a
symlink. A directory on another file system, or behind another mount (which a
bind mount of the same file system is too), is not entered. Few directories are
open at a time, so that no tree is too deep; the way back up is through `..`,
and must lead to where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from errno import EXDEV
from types import TracebackType
from typing import TypeVar

from ctxsize import reader

T = TypeVar("T")
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_AT_ONCE = 64


class ElsewhereError(OSError):
    """A directory is on another file system or behind another mount."""


class MovedError(OSError):
    """A directory was moved while it was walked."""


class _Level:
    __slots__ = ("fd", "inode", "name")

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd: int | None = fd
        self.inode = os.fstat(fd).st_ino


class Descent:
    """A position in a tree; a context manager that closes the directories that it opened."""

    def __init__(self, fd: int) -> None:
        """Start at the directory `fd`, which stays the caller's."""
        own = os.dup(fd)
        self._levels = [_Level("", own)]
        self._device = os.fstat(own).st_dev
        self._mount = mount_of(own)

    @classmethod
    def at(cls, path: str) -> Descent:
        """Start at the directory `path`, which must be a real path. Raises `OSError`."""
        fd = os.open(path, OPEN_DIRECTORY)
        try:
            return cls(fd)
        finally:
            os.close(fd)

    def __enter__(self) -> Descent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for level in self._levels:
            if level.fd is not None:
                os.close(level.fd)
                level.fd = None

    @property
    def fd(self) -> int:
        """Return the directory where the walk is."""
        fd = self._levels[-1].fd
        assert fd is not None
        return fd

    @property
    def device(self) -> int:
        """Return the file system of the whole walk."""
        return self._device

    @property
    def path(self) -> str:
        """Return the way from the start to here, `""` at the start."""
        return "/".join(level.name for level in self._levels[1:])

    def below(self, name: str) -> str:
        """Return the way from the start to the entry `name` of this directory."""
        return f"{self.path}/{name}".lstrip("/")

    def enter(self, name: str) -> None:
        """Go into the directory `name`. Raises `OSError`, `ElsewhereError` at a mount."""
        fd = os.open(name, OPEN_DIRECTORY, dir_fd=self.fd)
        try:
            if os.fstat(fd).st_dev != self._device or mount_of(fd) != self._mount:
                raise ElsewhereError(EXDEV, "on another file system or mount", name)
            level = _Level(name, fd)
        except BaseException:
            os.close(fd)
            raise
        self._levels.append(level)
        self._close_far()

    def follow(self, path: str) -> None:
        """Go into each directory of `path` in turn. Raises what `enter` raises."""
        for name in path.split("/") if path else ():
            self.enter(name)

    def leave(self) -> str:
        """Go back up; the name of the directory that was left. Raises `MovedError`."""
        left, above = self._levels[-1], self._levels[-2]
        assert left.fd is not None
        if above.fd is None:
            fd = os.open("..", OPEN_DIRECTORY, dir_fd=left.fd)
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != (self._device, above.inode):
                os.close(fd)
                raise MovedError(EXDEV, "was moved while it was walked", self.path)
            above.fd = fd
        os.close(left.fd)
        left.fd = None
        self._levels.pop()
        return left.name

    def _close_far(self) -> None:
        """Close the directory that is so far up that it is not needed soon; never the start."""
        far = len(self._levels) - _OPEN_AT_ONCE
        if far > 0:
            level = self._levels[far]
            if level.fd is not None:
                os.close(level.fd)
                level.fd = None


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
        following = next(stack[-1], None)
        if following is None:
            stack.pop()
            if stack:
                left(descent.leave())
            continue
        name, given = following
        try:
            descent.enter(name)
        except OSError as error:
            failed(name, error)
        else:
            stack.append(iter(visit(given)))


def mount_of(fd: int) -> int | None:
    """Return the number of the mount of the open `fd`; None if the system does not show it."""
    try:
        text = reader.read_file(f"/proc/self/fdinfo/{fd}")
    except OSError:
        return None
    _, found, rest = text.partition(b"mnt_id:")
    return int(rest.split(None, 1)[0]) if found else None


def start_of(fd: int, path: str, size: int) -> bytes | None:
    """Return the first bytes of the regular file `path` below `fd`; None for anything else.

    With a trailing `/`, nothing for a directory that is there. No symlink is followed.
    """
    *above, name = path.split("/")
    with Descent(fd) as descent:
        try:
            descent.follow("/".join(above))
            if not name:
                return b""
            return reader.read_start(name, size, dir_fd=descent.fd, links=False)
        except OSError:
            return None
