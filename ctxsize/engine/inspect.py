"""What is known of the entries of one directory, as one builder's sender looks at them.

Everything is asked for relative to an open directory and no symlink is followed.
"""

from __future__ import annotations

import os
import re
import stat
from errno import EACCES, ENOENT, ENOTSUP, EPERM
from itertools import groupby
from operator import attrgetter
from stat import ST_MODE, ST_NLINK
from typing import NamedTuple

from ctxsize.engine.builders import Builder
from ctxsize.engine.bulk import Bulk, Table, is_easy
from ctxsize.engine.evaluate import Mark
from ctxsize.engine.events import Files, Plain, Xattrs
from ctxsize.errors import BuildFailsError
from ctxsize.model import Effect, Problem
from ctxsize.reader import read_file

_TYPE, _LINK = 0o170000, stat.S_IFLNK
_ALL_MAY_READ = 0o444
_NOTHING: dict[str, str] = {}
_NO_XATTRS: dict[str, Xattrs] = {}
_NOTHING_MORE: Xattrs = {}
UNREAD_IGNORED = "unreadable-ignored"
_NOBODY: frozenset[str] = frozenset()
_REFUSED = attrgetter("refused")
_FEW = 8
"""One in so many files may be out of the ordinary without more ado for the others."""


class _Run(NamedTuple):
    """Names of one directory that are sent one after another."""

    fd: int
    prefix: str
    names: list[str]
    mark: Mark
    odd: dict[str, Mark]


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
    ) -> list[Files | Plain]:
        """`names` in the directory `fd` as batches to send; none if nothing is left of them.

        Raises `BuildFailsError` where the builder would stop.
        """
        bulk = self._bulk
        refused = mark.refused or (odd and any(map(_REFUSED, odd.values())))
        if bulk is None or refused:
            return self._files(_Run(fd, prefix, names, mark, odd))
        table = bulk.ask(fd, names)
        if table is None:
            return self._files(_Run(fd, prefix, names, mark, odd))
        others = table.others()
        if not others and self._are_bare(table, slice(None)):
            return [Plain(prefix, names, table.sizes(), table.unusual_times(), mark, odd)]
        if 0 < len(others) <= len(names) // _FEW:
            return self._few_apart(_Run(fd, prefix, names, mark, odd), table, others)
        bulk.was_in_vain(len(names))
        return self._files(_Run(fd, prefix, names, mark, odd), table.stats(slice(0, len(names))))

    def _few_apart(self, run: _Run, table: Table, others: list[int]) -> list[Files | Plain]:
        """`run` in parts of plain files, and between them the few at the places `others`."""
        _, prefix, names, mark, odd = run
        sizes, times = table.sizes(), table.unusual_times()
        batches: list[Files | Plain] = []
        for apart, places in groupby(range(len(names)), frozenset(others).__contains__):
            first, *more = places
            part = slice(first, first + 1 + len(more))
            few = names[part]
            if apart or not self._are_bare(table, part):
                batches += self._files(run._replace(names=few), table.stats(part))
            else:
                batches.append(Plain(prefix, few, sizes[part], times and times[part], mark, odd))
        return batches

    def _files(self, run: _Run, stats: list[os.stat_result] | None = None) -> list[Files | Plain]:
        """The batch with all that is told of each, in `stats` or now."""
        fd, prefix, names, mark, odd = run
        if stats is None:
            try:
                stats = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
            except OSError:
                names, stats = self._stat_each(fd, prefix, names)
        if not self._builder.sends_sockets:
            names, stats = _without_sockets(names, stats)
        if not names:
            return []
        # By position, as a stat result is a tuple: names are looked up one by one.
        modes = [each[ST_MODE] for each in stats]
        easy = self._easy.issuperset(modes) or self._are_easy(modes)
        single = not self._every_inode and max([each[ST_NLINK] for each in stats]) == 1
        files = Files(
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
        return [files]

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
            if not is_easy(mode):
                return False
            self._easy.add(mode)
        return True

    def _are_bare(self, table: Table, part: slice) -> bool:
        """Whether these files in `table`, so of the working directory, have no attributes."""
        without = self._without_xattrs
        if not self._reads_xattrs or (without and table.device() in without):
            return True
        try:
            return not any(map(os.listxattr, table.encoded[part]))
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


WITHHELD = (
    "sent without content: Docker's sender applies the patterns in another way than its walk, "
    "and refuses to open"
)
NO_PERMISSION = "sent without content: no permission to read"


def arrives_empty(files: list[tuple[str, int]], reason: str, code: str) -> Problem:
    """Return the problem `code` of `files`, with their sizes, that arrive empty for a `reason`."""
    size = sum(size for _, size in files)
    noun = "file is" if len(files) == 1 else "files are"
    return Problem(
        code, f"{len(files)} {noun} {reason} ({size:,} bytes)", files[0][0], count=len(files)
    )


def not_utf8_problems(paths: list[str], builder: Builder) -> list[Problem]:
    """Return the problem of entries that `builder` sends and that are not UTF-8, if any are."""
    message = (
        "a build that takes it fails with `string field contains invalid UTF-8`: its path, its "
        f"target or an attribute's name is not UTF-8 ({builder.older} builds it); rename it or "
        "ignore it"
    )
    return [Problem("not-utf8", message, paths[0], count=len(paths))] if paths else []


def has_mounts(root: str) -> bool:
    """Whether anything is mounted below `root` (Linux only; elsewhere taken as no)."""
    base = root.rstrip("/") + "/"
    try:
        lines = read_file("/proc/self/mountinfo").splitlines()
    except OSError:
        return False
    escaped = re.sub(rb"[ \t\n\\]", lambda found: b"\\%03o" % found[0][0], os.fsencode(base))
    return any(line.split(b" ", 5)[4].startswith(escaped) for line in lines)
