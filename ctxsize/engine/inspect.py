"""What one directory holds: names in byte order, and what is known of each entry.

This module and the walk above it are the only readers of a tree. Everything is
asked for relative to an open directory and no symlink is followed.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EINVAL, ENOENT, ENOTDIR, ENOTSUP, EPERM
from pathlib import Path
from stat import ST_MODE, ST_NLINK

from ctxsize.engine.builders import Builder
from ctxsize.engine.bulk import Bulk, Table
from ctxsize.engine.evaluate import Mark
from ctxsize.engine.events import Files, Plain, Xattrs
from ctxsize.errors import BuildFailsError
from ctxsize.model import Effect, Problem

_TYPE, _LINK = 0o170000, stat.S_IFLNK
_ALL_MAY_READ, _SPECIAL_BITS = 0o444, 0o7000
_NOTHING: dict[str, str] = {}
_NO_XATTRS: dict[str, Xattrs] = {}
_NOTHING_MORE: Xattrs = {}
UNREAD_IGNORED = "unreadable-ignored"
_NOBODY: frozenset[str] = frozenset()


Order = Callable[[str], bytes] | None
"""The key that sorts names as bytes; None where they sort so without one."""


def listing(fd: int) -> tuple[list[str], list[str], Order]:
    """The names in a directory, in byte order: directories, and everything else."""
    directories: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            else:
                others.append(entry.name)
    key = _order(directories, others)
    directories.sort(key=key)
    others.sort(key=key)
    return directories, others, key


def positions(others: list[str], directories: list[str], order: Order) -> list[int]:
    """Where each directory stands among the other names, all in byte order."""
    if order is None:
        return [bisect_left(others, name) for name in directories]
    keys = [order(name) for name in others]
    return [bisect_left(keys, order(name)) for name in directories]


def _order(*names: list[str]) -> Order:
    """The key that sorts as bytes: none is needed but for names that are not UTF-8."""
    for each in names:
        joined = "".join(each)
        if not joined.isascii():
            try:
                joined.encode()
            except UnicodeEncodeError:
                return os.fsencode
    return None


def link_target(path: str) -> str | None:
    """What the symlink at `path` points to; None for anything else and for nothing.

    Raises `OSError` where that cannot be told.
    """
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR, EINVAL):
            return None
        raise


def names_in(path: str) -> list[str]:
    """All names in the directory at `path`, in byte order; none if it is no directory itself.

    Raises `OSError` for a directory that cannot be read.
    """
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            return []
        names = os.listdir(path)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(names, key=_order(names))


def may_hold_directories(path: str) -> bool:
    """Whether directories are to be expected in the one at `path`, without a look into it.

    A guess: each adds a name to the one above it on most file systems, some count none at all.
    """
    try:
        return os.lstat(path).st_nlink != 2
    except OSError:
        return False


def directories_at(path: str) -> tuple[list[str], int]:
    """The directories in the one at `path`, sorted, and how much else is there.

    None if it cannot be read.
    """
    directories: list[str] = []
    others = 0
    try:
        with _opened(path) as fd, os.scandir(fd) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    others += 1
    except OSError:
        return [], 0
    return sorted(directories), others


def listing_at(path: str) -> tuple[list[str], list[str]]:
    """The names in the directory at `path`, as in its `listing`; none if it cannot be read."""
    try:
        with _opened(path) as fd:
            return listing(fd)[:2]
    except OSError:
        return [], []


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """The directory at `path` itself, open. Raises `OSError` if there is none to be read."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


class Inspector:
    """Looks at entries as one builder's sender does.

    `problems` grows by what could not be read or has gone. It also remembers
    which files were sent before under another name, so one inspector sees a
    whole walk, in order. `mounts` tells that the tree has several file systems:
    then inode numbers mean less than BuildKit thinks.
    """

    def __init__(
        self, root: str, builder: Builder, *, mounts: bool, bulk: Bulk | None = None
    ) -> None:
        self.problems: list[Problem] = []
        self._builder = builder
        self._root = root
        self._base = root.rstrip("/") + "/"
        self._reads_xattrs = builder.meter is not None and hasattr(os, "listxattr")
        self._mounts = mounts
        self._without_xattrs: set[int] = set()
        self._easy: set[int] = set()
        self.inodes: dict[int, str] = {}
        self._every_inode = mounts and builder.confuses_file_systems
        self._bulk = None if self._every_inode else bulk

    def batch(
        self, fd: int, prefix: str, names: list[str], *, mark: Mark, odd: dict[str, Mark]
    ) -> Files | Plain | None:
        """`names` in the directory `fd` as a batch to send; None if nothing is left of them.

        Raises `BuildFailsError` where the builder would stop.
        """
        table = None if self._bulk is None else self._bulk.ask(fd, names)
        if table is not None:
            refused = mark.refused or (odd and any(each.refused for each in odd.values()))
            if not refused and table.are_plain() and self._are_bare(names, table):
                return Plain(prefix, names, table.sizes(), mark, odd)
            stats = table.stats()
        else:
            try:
                stats = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
            except OSError:
                names, stats = self._stat_each(fd, prefix, names)
        if not self._builder.sends_sockets:
            names, stats = _without_sockets(names, stats)
        if not names:
            return None
        # By position, as a stat result is a tuple: names are looked up one by one.
        modes = [each[ST_MODE] for each in stats]
        easy = self._easy.issuperset(modes) or self._are_easy(modes)
        single = not self._every_inode and max([each[ST_NLINK] for each in stats]) == 1
        return Files(
            prefix,
            names,
            stats,
            easy and single,
            mark,
            odd,
            _NOTHING if easy else self._links(fd, prefix, names, stats),
            _NOTHING if single else self._linked(prefix, names, stats),
            _NOBODY if easy else self._unreadable(fd, prefix, names, stats),
            self._all_xattrs(prefix, names, stats, easy=easy),
        )

    def ignored_stats(self, fd: int, prefix: str, names: list[str]) -> list[os.stat_result | None]:
        """The stat of each ignored entry, None for one that cannot be looked at."""
        stats: list[os.stat_result | None] = []
        for name in names:
            try:
                stats.append(os.stat(name, dir_fd=fd, follow_symlinks=False))
            except OSError as error:
                stats.append(None)
                self.unread_ignored(prefix + name, error)
        return stats

    def xattrs(self, path: str, fd: int = -1) -> Xattrs:
        """The extended attributes of `path`, open as `fd` perhaps, where the builder sends them."""
        if not self._reads_xattrs:
            return _NOTHING_MORE
        try:
            if fd >= 0 and not os.listxattr(fd):
                return _NOTHING_MORE
        except OSError:
            pass  # asked once more by its path, where the reason counts
        full = self._base + path
        try:
            keys = os.listxattr(full, follow_symlinks=False)
            return {key: len(os.getxattr(full, key, follow_symlinks=False)) for key in keys}
        except OSError as error:
            if error.errno not in (ENOTSUP, ENOENT):
                self.unread(path, error)
            return {}

    def stops(self, error: OSError, path: str) -> BuildFailsError:
        """The error for `path`, in the builder's words, where it would stop."""
        denied = error.errno in (EACCES, EPERM)
        reason = "permission denied" if denied else error.strerror or str(error)
        return BuildFailsError(
            f"{self._builder.title} stops: error from sender: open {path or '.'}: {reason}",
            path=path or self._root,
            hint="make it readable, or ignore it with no exception that leads into it",
        )

    def vanished(self, path: str, error: OSError) -> None:
        """Note that `path` is gone, or something else than it was a moment ago."""
        message = f"changed while it was measured ({error.strerror}): measure again"
        self._note("changed-during-walk", message, path)

    def unread(self, path: str, error: OSError) -> None:
        """Note that `path` could not be looked at."""
        self._note("unreadable", f"cannot be read: {error.strerror}", path)

    def unread_ignored(self, path: str, error: OSError) -> None:
        """Note that the ignored `path` could not be looked at; what is sent stays exact."""
        message = f"ignored, and cannot be read to see what that saves: {error.strerror}"
        self._note(UNREAD_IGNORED, message, path, Effect.NONE)

    def _note(
        self, code: str, message: str, path: str, effect: Effect = Effect.LOWER_BOUND
    ) -> None:
        self.problems.append(Problem(code, message, path, effect=effect))

    def _stat_each(
        self, fd: int, prefix: str, names: list[str]
    ) -> tuple[list[str], list[os.stat_result]]:
        """`names` that are still there, with their stats; the others become problems."""
        kept, stats = [], []
        for name in names:
            try:
                stats.append(os.stat(name, dir_fd=fd, follow_symlinks=False))
                kept.append(name)
            except OSError as error:
                if error.errno != ENOENT:
                    raise self.stops(error, prefix + name) from None
                self.vanished(prefix + name, error)
        return kept, stats

    def _are_easy(self, modes: list[int]) -> bool:
        """Whether all are regular files that everybody may read, learning which modes are."""
        for mode in set(modes) - self._easy:
            if mode & (_TYPE | _SPECIAL_BITS | _ALL_MAY_READ) != stat.S_IFREG | _ALL_MAY_READ:
                return False
            self._easy.add(mode)
        return True

    def _are_bare(self, names: list[str], table: Table) -> bool:
        """Whether the plain files in `table`, so of the working directory, have no attributes."""
        if not self._reads_xattrs or table.device() in self._without_xattrs:
            return True
        try:
            return not any(map(os.listxattr, names))
        except OSError:
            return False

    def _links(
        self, fd: int, prefix: str, names: list[str], stats: list[os.stat_result]
    ) -> dict[str, str]:
        links = {}
        for name, each in zip(names, stats, strict=True):
            if each.st_mode & _TYPE == _LINK:
                try:
                    links[name] = os.readlink(name, dir_fd=fd)
                except OSError as error:
                    links[name] = ""
                    self.vanished(prefix + name, error)
        return links

    def _linked(self, prefix: str, names: list[str], stats: list[os.stat_result]) -> dict[str, str]:
        """Further names of files that were sent before. Builders look at the inode alone."""
        linked: dict[str, str] = {}
        for name, each in zip(names, stats, strict=True):
            if each.st_nlink == 1 and not self._every_inode:
                continue
            if each.st_mode & _TYPE == _LINK and not self._builder.links_symlinks:
                continue
            first = self.inodes.setdefault(each.st_ino, prefix + name)
            if first != prefix + name and each.st_nlink > 1:
                linked[name] = first
        return linked

    def _unreadable(
        self, fd: int, prefix: str, names: list[str], stats: list[os.stat_result]
    ) -> frozenset[str]:
        me = os.geteuid()
        doubtful = [
            name
            for name, each in zip(names, stats, strict=True)
            if each.st_mode & _ALL_MAY_READ != _ALL_MAY_READ
            and stat.S_ISREG(each.st_mode)
            and not (each.st_uid == me and each.st_mode & stat.S_IRUSR)
        ]
        unreadable = [
            name for name in doubtful if not os.access(name, os.R_OK, dir_fd=fd, effective_ids=True)
        ]
        if unreadable and self._builder.unreadable_stops:
            raise BuildFailsError(
                f"{self._builder.title} stops: no permission to read from the file",
                path=prefix + unreadable[0],
                hint="make it readable or ignore it",
            )
        return frozenset(unreadable)

    def _all_xattrs(
        self, prefix: str, names: list[str], stats: list[os.stat_result], *, easy: bool
    ) -> dict[str, Xattrs]:
        """The extended attributes of those of `names` that have any, where they are sent."""
        device = stats[0].st_dev
        if not self._reads_xattrs or (easy and device in self._without_xattrs):
            return _NO_XATTRS
        before = self._base + prefix
        try:
            keys = [os.listxattr(before + name, follow_symlinks=False) for name in names]
        except OSError as error:
            if error.errno == ENOTSUP and easy and not self._mounts:
                # A file system that cannot tell them of one regular file has none of any.
                self._without_xattrs.add(device)
                return _NO_XATTRS
            found = {name: self.xattrs(prefix + name) for name in names}
            return {name: xattrs for name, xattrs in found.items() if xattrs}
        if not any(keys):
            return _NO_XATTRS
        return {
            name: self.xattrs(prefix + name) for name, each in zip(names, keys, strict=True) if each
        }


def _without_sockets(
    names: list[str], stats: list[os.stat_result]
) -> tuple[list[str], list[os.stat_result]]:
    kept = [
        (name, each)
        for name, each in zip(names, stats, strict=True)
        if not stat.S_ISSOCK(each.st_mode)
    ]
    return [name for name, _ in kept], [each for _, each in kept]


def has_mounts(root: str) -> bool:
    """Whether anything is mounted below `root` (Linux only; elsewhere taken as no)."""
    base = root.rstrip("/") + "/"
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    escaped = re.sub(rb"[ \t\n\\]", lambda found: b"\\%03o" % found[0][0], os.fsencode(base))
    return any(line.split(b" ", 5)[4].startswith(escaped) for line in lines)
