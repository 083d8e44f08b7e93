"""The directories that a walk reads, from the disk or from a snapshot in memory.

What they return depends on the tree alone, not on the builder. Names are in byte order, as
builders sort them, and no symlink is followed.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from errno import EINVAL, ENOENT, ENOTDIR
from functools import cached_property
from os.path import samestat
from stat import S_IFDIR, S_IFREG, S_ISREG
from typing import Any, NamedTuple, cast

from ctxsize.engine.events import Xattrs

DirectoryOrRun = str | list[str]  # the name of a directory, or a run of other names
MOST_TOGETHER = 256  # largest number of names in one run
READS_ATTRIBUTES = hasattr(os, "listxattr")
"""True if Python reads extended attributes here: on Linux. Docker sends those of macOS, too."""
_LONGEST_PATH = os.pathconf("/", "PC_PATH_MAX") - 1
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALL_MAY_READ = 0o444


def in_steps(directories: list[str], others: list[str]) -> list[DirectoryOrRun]:
    """Return the names of a directory in byte order, those between directories in runs."""
    order = byte_order(directories, others)
    directories.sort(key=order)
    others.sort(key=order)
    steps = []
    start = 0
    for directory in directories:
        if order is None:
            end = bisect_left(others, directory)
        else:
            end = bisect_left(others, order(directory), key=order)
        steps += _in_runs(others[start:end])
        steps.append(directory)
        start = end
    return steps + _in_runs(others[start:])


def _in_runs(names: list[str]) -> list[DirectoryOrRun]:
    return [names[start : start + MOST_TOGETHER] for start in range(0, len(names), MOST_TOGETHER)]


def byte_order(*names: list[str]) -> Callable[[str], bytes] | None:
    """Return the key that sorts in byte order: None unless a name is not UTF-8."""
    try:
        "".join(map("".join, names)).encode()
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


class Disk:
    """The tree below the directory `root`, a real path."""

    def __init__(self, root: str) -> None:
        self._base = root.rstrip("/") + "/"
        self.longest_path = _LONGEST_PATH - len(os.fsencode(self._base))
        """Largest number of bytes in a path below the top that the system accepts."""
        self.has_xattrs = READS_ATTRIBUTES

    def top(self) -> DiskDirectory:
        return DiskDirectory(self._base, os.open(self._base, _OPEN_DIRECTORY), None)


class DiskDirectory:
    """An open directory, read by its descriptor; only extended attributes are read by path."""

    __slots__ = ("_above", "fd", "prefix", "stat")

    def __init__(self, path: str, fd: int, above: DiskDirectory | None) -> None:
        self.prefix = path
        self.fd = fd
        self._above = above
        self.stat = os.fstat(fd)

    def steps(self, *new: str) -> list[DirectoryOrRun]:
        """Return the names in it, with those of `new` files that are not there yet."""
        directories = []
        others = [*new]
        with os.scandir(self.fd) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    others.append(entry.name)
        return in_steps(directories, others)

    def enter(self, name: str) -> DiskDirectory:
        return DiskDirectory(
            f"{self.prefix}{name}/",
            os.open(name, _OPEN_DIRECTORY, dir_fd=self.fd),
            above=self,
        )

    def leave(self) -> None:
        """Close it, and open its parent again if that was closed in between."""
        above = self._above
        try:
            if above is not None and above.fd < 0:
                fd = os.open("..", _OPEN_DIRECTORY, dir_fd=self.fd)
                if not samestat(os.fstat(fd), above.stat):
                    os.close(fd)
                    raise OSError(ENOENT, "was moved while it was walked")
                above.fd = fd
        finally:
            self.close()

    def close(self) -> None:
        """Close it, to limit the number of open directories in a deep tree."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def stats(self, names: Sequence[str]) -> list[os.stat_result]:
        lstat = os.lstat
        fd = self.fd
        return [lstat(name, dir_fd=fd) for name in names]

    def link_target(self, name: str) -> str:
        return os.readlink(name, dir_fd=self.fd)

    def unreadable(self, names: Sequence[str], stats: Sequence[os.stat_result]) -> list[str]:
        return [
            name
            for name, status in zip(names, stats, strict=True)
            if status.st_mode & _ALL_MAY_READ != _ALL_MAY_READ
            and S_ISREG(status.st_mode)
            and not os.access(name, os.R_OK, dir_fd=self.fd, effective_ids=True)
        ]

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        listxattr = os.listxattr
        before = self.prefix
        return [name for name in names if listxattr(before + name, follow_symlinks=False)]

    def attributes(self, name: str = "") -> Xattrs:
        if name:
            path = self.prefix + name
        else:
            path = self.prefix[:-1] or "/"
        return {
            key: len(os.getxattr(path, key, follow_symlinks=False))
            for key in os.listxattr(path, follow_symlinks=False)
        }


PLAIN = S_IFREG | 0o644


class File(NamedTuple):
    """An entry that is not a directory, with the fields of `os.stat_result` that a walk reads."""

    name: str
    st_mode: int
    st_size: int
    st_nlink: int = 1
    st_ino: int = 0  # the inode number of a file with several names, else 0
    readable: bool = True

    @property
    def content_bytes(self) -> int:
        """Return the bytes of content sent: 0 unless it is a readable regular file."""
        if self.readable and S_ISREG(self.st_mode):
            return self.st_size
        return 0

    @property
    def kept(self) -> int | File:
        """Return the form in which a directory keeps it: the size alone for a plain file."""
        if self.readable and self.st_nlink <= 1 and S_ISREG(self.st_mode):
            return self.st_size
        return self


@dataclass(eq=False)
class MemoryDirectory:
    """A directory of a snapshot: folders in byte order, readable files with one name as sizes."""

    stat = os.stat_result((S_IFDIR | 0o755, *[0] * 9))
    """The same for each: those of real directories are not kept."""
    content_bytes = 0  # bytes of content of all below; a file with several names counts under each
    longest_path = sys.maxsize  # all paths were short enough to be read
    has_xattrs = False

    path: str
    entries: dict[str, int | File] = field(default_factory=dict)
    folders: dict[str, MemoryDirectory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prefix = ""
        if self.path:
            self.prefix = f"{self.path}/"
        # Not `cached_property`, whose dictionary for each directory takes much memory.
        self._special: Sequence[File] | None = None

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    def tree(
        self, enters: Callable[[MemoryDirectory], bool] | None = None
    ) -> Iterator[MemoryDirectory]:
        """Yield this directory and all in it that `enters` accepts, parents first, in order."""
        pending = [self]
        while pending:
            directory = pending.pop()
            yield directory
            pending += filter(enters, reversed(directory.folders.values()))

    def file(self, name: str) -> File | None:
        """Return the entry `name`; None for a directory or a name that does not exist."""
        file = self.entries.get(name)
        if isinstance(file, int):
            return File(name, PLAIN, file)
        return file

    @property
    def special(self) -> Sequence[File]:
        """Return the entries that are neither directories nor plain files."""
        if self._special is None:
            files = [file for file in self.entries.values() if isinstance(file, File)]
            self._special = files or ()
        return self._special

    def has(self, name: str) -> bool:
        """Return whether this directory contains an entry of this name."""
        if name in self.entries:
            return True
        return name in self.folders

    @property
    def contents(self) -> dict[str, int]:
        """Return the bytes of content of each entry, directories excluded."""
        if not self.special:
            return cast("dict[str, int]", self.entries)
        return self._contents

    @cached_property
    def _contents(self) -> dict[str, int]:
        return {file.name: file.content_bytes for file in self.stats([*self.entries])}

    def add_up(self) -> None:
        """Set `content_bytes`; the subdirectories must have theirs already."""
        below = sum(folder.content_bytes for folder in self.folders.values())
        self.content_bytes = below + sum(self.contents.values())

    # Methods for a walk, as those of `Disk` and `DiskDirectory`. Targets and attributes are not
    # kept.

    def top(self) -> MemoryDirectory:
        return self

    def steps(self) -> list[DirectoryOrRun]:
        # The order matters between directories, and for files with several names.
        if self.folders or self.special:
            return in_steps([*self.folders], [*self.entries])
        return _in_runs([*self.entries])

    def enter(self, name: str) -> MemoryDirectory:
        return self.folders[name]

    def leave(self) -> None:
        """Do nothing: there is no descriptor to close."""

    close = leave

    def stats(self, names: Sequence[str]) -> list[Any]:
        return [*map(self.file, names)]

    def link_target(self, name: str) -> str:
        return ""

    def unreadable(self, names: Sequence[str], stats: Sequence[Any]) -> list[str]:
        return [file.name for file in stats if not file.readable]

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        return []

    def attributes(self, name: str = "") -> Xattrs:
        return {}


OpenDirectory = DiskDirectory | MemoryDirectory  # one on disk may raise `OSError`
DirectorySource = Disk | MemoryDirectory
