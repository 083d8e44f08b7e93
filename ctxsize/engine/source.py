"""Read directories from the disk, for a walk; `ctxsize.engine.memory` reads them from memory.

The result depends on the tree alone, not on the builder. Names are in byte order, as
builders sort them, and no symlink is followed.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EINVAL, ENOENT, ENOTDIR

from ctxsize.engine.events import Xattrs
from ctxsize.reader import read_file

Order = Callable[[str], bytes] | None
"""The key that sorts names in byte order; None if they sort so without one."""
Listing = tuple[list[str], list[str], Order]
"""The names in a directory, in byte order: directories, and everything else."""
Step = str | list[str]
"""The name of a directory, or a run of other names."""
MOST_TOGETHER = 256
"""Largest number of names in one run."""
_LONGEST_PATH = 4095
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALL_MAY_READ = 0o444


def listing(fd: int) -> Listing:
    """Return the names in the directory that is open as `fd`."""
    directories: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            else:
                others.append(entry.name)
    return in_order(directories, others)


def in_order(directories: list[str], others: list[str]) -> Listing:
    """Sort both lists in place, and return them with the key used."""
    key = _order(directories, others)
    directories.sort(key=key)
    others.sort(key=key)
    return directories, others, key


def steps(names: Listing) -> list[Step]:
    """Return the names of a directory in byte order, those between directories in runs."""
    directories, others, order = names
    if order is None:
        ends = [bisect_left(others, each) for each in directories]
    else:
        keys = [*map(order, others)]
        ends = [bisect_left(keys, order(each)) for each in directories]
    found: list[Step] = []
    start = 0
    for directory, end in zip(directories, ends, strict=True):
        found += _runs(others[start:end])
        found.append(directory)
        start = end
    return found + _runs(others[start:])


def _runs(names: list[str]) -> list[Step]:
    """Return `names` in runs of at most `MOST_TOGETHER`."""
    return [names[at : at + MOST_TOGETHER] for at in range(0, len(names), MOST_TOGETHER)]


def _order(*names: list[str]) -> Order:
    """Return the key that sorts in byte order: None unless a name is not UTF-8."""
    joined = "".join(map("".join, names))
    try:
        joined.encode()
    except UnicodeEncodeError:
        return os.fsencode
    return None


def link_target(path: str) -> str | None:
    """Return what the symlink at `path` points to; None for other entries. Raises `OSError`."""
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR, EINVAL):
            return None
        raise


def names_in(path: str) -> list[str]:
    """Return all names in a directory in byte order; none for others. Raises `OSError`."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            return []
        names = os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(names, key=_order(names))


class Disk:
    """The tree below the directory `root`, a real path."""

    def __init__(self, root: str) -> None:
        self._base = root.rstrip("/") + "/"
        self.longest_path = _LONGEST_PATH - len(os.fsencode(self._base))
        """Largest number of bytes in a path below the top that the system accepts."""
        self.has_xattrs = hasattr(os, "listxattr")

    @property
    def has_mounts(self) -> bool:
        """Return whether `root` contains a mount point: then inodes below it are not unique.

        Outside Linux it returns False.
        """
        try:
            lines = read_file("/proc/self/mountinfo").splitlines()
        except OSError:
            return False
        base = os.fsencode(self._base)
        escaped = re.sub(rb"[ \t\n\\]", lambda found: b"\\%03o" % found[0][0], base)
        return any(line.split(b" ", 5)[4].startswith(escaped) for line in lines)

    def top(self) -> DiskDirectory:
        return DiskDirectory(self._base, os.open(self._base, _OPEN_DIRECTORY), None)


class DiskDirectory:
    """An open directory, read by its descriptor; only extended attributes are read by path."""

    __slots__ = ("_above", "_fd", "_path", "stat")

    def __init__(self, path: str, fd: int, above: DiskDirectory | None) -> None:
        self._path = path
        self._fd = fd
        self._above = above
        self.stat = os.fstat(fd)

    def steps(self) -> list[Step]:
        return steps(listing(self._fd))

    def enter(self, name: str) -> DiskDirectory:
        fd = os.open(name, _OPEN_DIRECTORY, dir_fd=self._fd)
        return DiskDirectory(f"{self._path}{name}/", fd, self)

    def leave(self) -> None:
        """Close it, and open its parent again if that was closed in between."""
        above = self._above
        try:
            if above is not None and above._fd < 0:
                above._fd = os.open("..", _OPEN_DIRECTORY, dir_fd=self._fd)
                if not os.path.samestat(os.fstat(above._fd), above.stat):
                    raise OSError(ENOENT, os.strerror(ENOENT))
        finally:
            self.close()

    def close(self) -> None:
        """Close it, to limit the number of open directories in a deep tree."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def stats(self, names: Sequence[str]) -> list[os.stat_result]:
        lstat, fd = os.lstat, self._fd
        return [lstat(name, dir_fd=fd) for name in names]

    def link_target(self, name: str) -> str:
        return os.readlink(name, dir_fd=self._fd)

    def unreadable(self, names: Sequence[str], stats: Sequence[os.stat_result]) -> list[str]:
        me = os.geteuid()
        return [
            name
            for name, each in zip(names, stats, strict=True)
            if each.st_mode & _ALL_MAY_READ != _ALL_MAY_READ
            and stat.S_ISREG(each.st_mode)
            and not (each.st_uid == me and each.st_mode & stat.S_IRUSR)
            and not os.access(name, os.R_OK, dir_fd=self._fd, effective_ids=True)
        ]

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        listxattr, before = os.listxattr, self._path
        return [name for name in names if listxattr(before + name, follow_symlinks=False)]

    def attributes(self, name: str = "") -> Xattrs:
        if not name and self._fd >= 0:
            with suppress(OSError):  # the path is tried next
                if not os.listxattr(self._fd):
                    return {}
        path = self._path + name if name else self._path[:-1] or "/"
        keys = os.listxattr(path, follow_symlinks=False)
        return {key: len(os.getxattr(path, key, follow_symlinks=False)) for key in keys}
