"""Counts all entries of a directory and makes them comparable.

Each entry becomes a number made of its place, type, inode, size and time of
change. Two walks over the same tree give the same numbers, so that what came,
went or changed in between shows, and a deleter knows what it may delete.
"""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import blake2b

from ctxsize.clean.descent import Descent, ElsewhereError, tour
from ctxsize.clean.plan import (
    CleanObjection,
    DiskSize,
    Inventory,
    Part,
    Shared,
    Stamp,
    held_elsewhere,
)
from ctxsize.clean.proofs import LOCKS
from ctxsize.engine.events import Progress
from ctxsize.reader import entries_in

REPOSITORIES = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"})
"""Names that show that a directory is under version control."""
BARE = frozenset({"HEAD", "objects", "refs"})
"""Names that together show that a directory is a bare repository."""
_DEVICES = (stat.S_IFCHR, stat.S_IFBLK)
_BLOCK = 512
START_TOKEN = bytes(8)
"""The number of the directory at which an inventory starts."""
_SHOWN_EVERY = 500
_OBJECTIONS = 5
_PART_DEPTH = 3
"""Number of directories that the name of a part may have."""
_Given = tuple[bytes, tuple[str, ...]]
"""The number of a directory, and the beginning of the way to it."""


def token(above: bytes, name: str, found: os.stat_result) -> bytes:
    """Return the number of one entry as eight bytes; `above` is that of its directory.

    A directory's own size and times say nothing, as they change with its entries.
    """
    form = stat.S_IFMT(found.st_mode)
    text = f"{form}:{found.st_ino}"
    if form != stat.S_IFDIR:
        text += f":{found.st_size}:{found.st_mtime_ns}"
    raw = above + os.fsencode(name) + b"\0" + text.encode()
    return blake2b(raw, digest_size=8).digest()


@dataclass
class _Taking:
    """The state of one walk."""

    parts: Sequence[str]
    locked: Container[int]
    linked: Container[int]
    progress: Progress | None
    counted: int = 0
    tokens: set[int] = field(default_factory=set)
    kinds: Counter[int] = field(default_factory=Counter)
    by_part: defaultdict[str, DiskSize] = field(default_factory=lambda: defaultdict(DiskSize))
    shared: dict[int, Shared] = field(default_factory=dict)
    newest_ns: int = 0
    changed_ns: int = 0
    locks: list[str] = field(default_factory=list)
    objections: list[CleanObjection] = field(default_factory=list)

    @property
    def total(self) -> DiskSize:
        return sum(self.by_part.values(), DiskSize())

    def object(self, code: str, message: str) -> None:
        """Note a reason to leave the directory alone."""
        if len(self.objections) < _OBJECTIONS:
            self.objections.append(CleanObjection(code, message))

    def part_of(self, way: tuple[str, ...]) -> str:
        """Return the part of a directory: the first pattern that fits its beginning."""
        for pattern in self.parts:
            wanted = pattern.split("/")
            if len(wanted) <= len(way) and all(map(fnmatchcase, way, wanted)):
                return "/".join(way[: len(wanted)])
        return ""


def take(
    fd: int,
    *,
    parts: Sequence[str] = (),
    locked: Container[int] = frozenset(),
    linked: Container[int] = frozenset(),
    progress: Progress | None = None,
) -> Inventory:
    """Return the inventory of the directory `fd`.

    `parts` are patterns for the directories that are summed up for themselves,
    `locked` the inodes of files that processes have locked, `linked` those that
    once had several names: deleting the others changed them, and says nothing.
    Whatever cannot be looked at becomes an objection. Raises `OSError` where the
    directory itself cannot be read or the tree moves meanwhile.
    """
    taking = _Taking(parts, locked, linked, progress)
    top = os.fstat(fd)
    taking.newest_ns = top.st_mtime_ns
    _count_directory(taking, top, "")
    start: _Given = START_TOKEN, ()
    with Descent(fd) as descent:
        tour(
            descent,
            start,
            lambda given: _directory(taking, descent, *given),
            failed=lambda name, error: _refused(taking, descent.below(name), error),
        )
    return _finished(taking, top)


def _finished(taking: _Taking, top: os.stat_result) -> Inventory:
    parts = [Part(name, size) for name, size in taking.by_part.items()]
    parts.sort(key=lambda part: (-part.size.content_bytes, part.name))
    return Inventory(
        stamp=Stamp(top.st_dev, top.st_ino, top.st_mtime_ns, top.st_ctime_ns, taking.changed_ns),
        tokens=frozenset(taking.tokens),
        size=replace(taking.total, held_elsewhere_bytes=held_elsewhere(taking.shared)),
        directories=taking.kinds[stat.S_IFDIR],
        symlinks=taking.kinds[stat.S_IFLNK],
        newest_ns=taking.newest_ns,
        parts=tuple(parts) if taking.parts else (),
        shared=taking.shared,
        locks=tuple(taking.locks),
        objections=tuple(taking.objections),
    )


def _refused(taking: _Taking, where: str, error: OSError) -> None:
    """Object to a directory that cannot be entered."""
    if isinstance(error, ElsewhereError):
        taking.object("mount", f"another file system or mount is in it: {shown(where)}")
    else:
        taking.object("unreadable", f"{shown(where)}: {error.strerror}")


def _directory(
    taking: _Taking, descent: Descent, above: bytes, way: tuple[str, ...]
) -> list[tuple[str, _Given]]:
    """Count what is in the directory where the walk is, and return the directories in it."""
    directories, names = [], set()
    part = taking.part_of(way)
    try:
        entries = entries_in(descent.fd)
        found = [(each.name, each.stat(follow_symlinks=False)) for each in entries]
    except OSError as error:
        taking.object("unreadable", f"{shown(descent.path)}: {error.strerror}")
        return []
    for name, status in found:
        names.add(name)
        number = token(above, name, status)
        taking.tokens.add(int.from_bytes(number, "big"))
        if stat.S_ISDIR(status.st_mode):
            below = (*way, name)[:_PART_DEPTH]
            directories.append((name, (number, below)))
            _count_directory(taking, status, taking.part_of(below))
        else:
            _count(taking, descent, name, status, part)
    _judge(taking, descent, names)
    if taking.progress is not None and len(taking.tokens) - taking.counted >= _SHOWN_EVERY:
        taking.counted = len(taking.tokens)
        taking.progress(taking.counted, taking.total.content_bytes)
    return sorted(directories)


def _count_directory(taking: _Taking, status: os.stat_result, part: str) -> None:
    taking.kinds[stat.S_IFDIR] += 1
    taking.newest_ns = max(taking.newest_ns, status.st_mtime_ns)
    taking.by_part[part] += DiskSize(disk_bytes=status.st_blocks * _BLOCK)


def _count(taking: _Taking, descent: Descent, name: str, status: os.stat_result, part: str) -> None:
    form = stat.S_IFMT(status.st_mode)
    taking.kinds[form] += 1
    taking.newest_ns = max(taking.newest_ns, status.st_mtime_ns)
    if form in _DEVICES:
        taking.object("device", f"it holds a device: {shown(descent.below(name))}")
    if form == stat.S_IFREG and name in LOCKS:
        taking.locks.append(descent.below(name))
    if status.st_ino in taking.locked:
        taking.object("in-use", f"a process has locked {shown(descent.below(name))}")
    disk_bytes, first = status.st_blocks * _BLOCK, True
    content_bytes = status.st_size if form == stat.S_IFREG else 0
    if status.st_nlink > 1:
        known = taking.shared.get(status.st_ino)
        first = known is None
        met = 1 if known is None else known.met + 1
        taking.shared[status.st_ino] = Shared(met, status.st_nlink, disk_bytes, content_bytes)
    elif status.st_ino not in taking.linked:
        taking.changed_ns = max(taking.changed_ns, status.st_ctime_ns)
    sizes = (content_bytes, disk_bytes) if first else (0, 0)
    taking.by_part[part] += DiskSize(int(form != stat.S_IFLNK), *sizes)


def _judge(taking: _Taking, descent: Descent, names: set[str]) -> None:
    """Object to repositories, and to directories that nothing can be deleted from."""
    for name in sorted(REPOSITORIES & names):
        where = shown(descent.below(name))
        taking.object("repository", f"it holds a repository: {where}")
    if names >= BARE:
        taking.object("repository", f"it holds a bare repository: {shown(descent.path or '.')}")
    if names and not os.access(".", os.W_OK | os.X_OK, dir_fd=descent.fd, effective_ids=_EFFECTIVE):
        taking.object("read-only", f"no permission to delete from {shown(descent.path or '.')}")


_EFFECTIVE = os.access in os.supports_effective_ids


def shown(path: str) -> str:
    """Return `path`, its middle left out where it is very long."""
    return path if len(path) <= 200 else f"{path[:100]}…{path[-99:]}"
