"""Counts all entries of a directory and makes them comparable.

Each entry becomes a number made of its place, type, inode, size and time of change. Two walks over
the same tree give the same numbers, so that what came, went or changed in between shows, and a
deleter knows what it may delete.

A directory on its way out is called `.ctxsize-trash-` and 32 hexadecimal digits. A record beside it
has these numbers, so that the next run can continue: the same name and `.record` at the end, a line
of JSON, then the numbers.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import NamedTuple

from ctxsize.clean.descent import OPEN_DIRECTORY, Descent, ElsewhereError, held, tour
from ctxsize.clean.plan import CleanObjection, DiskSize, Inventory, Part
from ctxsize.clean.proofs import BY_NAME
from ctxsize.engine.events import Progress
from ctxsize.reader import entries_in, read_file, read_start

REPOSITORIES = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"})
"""Names that show that a directory is under version control."""
BARE = frozenset({"HEAD", "objects", "refs"})
"""Names that together show that a directory is a bare repository."""
START_TOKEN = bytes(8)
"""The number of the directory at which an inventory starts."""
BLOCK_BYTES = 512
_LOCKS = (".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock")
"""Files that Cargo locks while it builds."""
_PART_DEPTH = 3
"""Number of directories that the name of a part may have."""
TRASH = ".ctxsize-trash-"
RECORD = ".record"
_TRASH_NAME = re.compile(re.escape(TRASH) + r"[0-9a-f]{32}")
_RECORD_NAME = re.compile(_TRASH_NAME.pattern + re.escape(RECORD))
_RECORD_START = b'{"ctxsize-trash": '
_RECORD_VERSION = 1
_MOST_RECORD_BYTES = 1 << 30
_Given = tuple[bytes, tuple[str, ...]]
"""The number of a directory, and the beginning of the way to it."""


def token(above: bytes, name: str, found: os.stat_result) -> bytes:
    """Return the number of one entry as eight bytes; `above` is that of its directory.

    A directory's own size and times say nothing, as they change with its entries.
    """
    text = f"{stat.S_IFMT(found.st_mode)}:{found.st_ino}"
    if not stat.S_ISDIR(found.st_mode):
        text += f":{found.st_size}:{found.st_mtime_ns}"
    raw = above + os.fsencode(name) + b"\0" + text.encode()
    return blake2b(raw, digest_size=8).digest()


def take(
    fd: int,
    *,
    parts: Sequence[str] = (),
    locked: Container[int] = (),
    linked: Container[int] = (),
    progress: Progress | None = None,
) -> Inventory:
    """Return the inventory of the directory `fd`.

    `parts` are patterns for the directories that are summed up for themselves, `locked` the
    inodes of files that processes have locked, `linked` those that once had several names:
    deleting the others changed them, and says nothing. Whatever cannot be looked at becomes an
    objection. Raises `OSError` where the tree moves meanwhile.
    """
    top = os.fstat(fd)
    with Descent(fd) as descent:
        taking = _Taking(descent, parts, locked, linked, progress)
        taking.count(top, "")
        start: _Given = START_TOKEN, ()
        tour(descent, start, lambda given: taking.visit(*given), failed=taking.refused)
    sizes = sorted(taking.sizes.items(), key=lambda item: (-item[1].content_bytes, item[0]))
    return Inventory(
        place=(top.st_dev, top.st_ino),
        times=(top.st_mtime_ns, top.st_ctime_ns, taking.changed_ns),
        tokens=frozenset(taking.tokens),
        size=taking.size,
        directories=taking.kinds[stat.S_IFDIR],
        symlinks=taking.kinds[stat.S_IFLNK],
        newest_ns=taking.newest_ns,
        parts=tuple(Part(*each) for each in sizes) if parts else (),
        linked=frozenset(taking.linked),
        locks=tuple(taking.locks),
        objection=taking.objection,
    )


class _Taking:
    """The state of one walk."""

    def __init__(
        self,
        descent: Descent,
        parts: Sequence[str],
        locked: Container[int],
        exempt: Container[int],
        progress: Progress | None,
    ) -> None:
        self._descent = descent
        self._parts = [pattern.split("/") for pattern in parts]
        self._locked = locked
        self._exempt = exempt
        self._progress = progress
        self.tokens = set[int]()
        self.kinds = Counter[int]()
        self.sizes = defaultdict[str, DiskSize](DiskSize)
        """The size of each part."""
        self.linked = set[int]()
        self.newest_ns = self.changed_ns = 0
        self.locks = list[str]()
        self.objection: CleanObjection | None = None

    @property
    def size(self) -> DiskSize:
        return sum(self.sizes.values(), DiskSize())

    def visit(self, above: bytes, way: tuple[str, ...]) -> list[tuple[str, _Given]]:
        """Count what is in the directory where the walk is, and return the directories in it."""
        descent, directories = self._descent, list[tuple[str, _Given]]()
        try:
            found = {each.name: each.stat(follow_symlinks=False) for each in entries_in(descent.fd)}
        except OSError as error:
            self._object("unreadable", f"{shown(descent.path)}: {error.strerror}")
            return []
        for name, status in found.items():
            number = token(above, name, status)
            self.tokens.add(int.from_bytes(number, "big"))
            if stat.S_ISDIR(status.st_mode):
                below = (*way, name)[:_PART_DEPTH]
                directories.append((name, (number, below)))
                self.count(status, self._part_of(below))
            else:
                self.count(status, self._part_of(way))
                self._inspect(name, status)
        for name in sorted(REPOSITORIES & found.keys()):
            self._object("repository", f"it holds a repository: {shown(descent.below(name))}")
        here = shown(descent.path or ".")
        if found.keys() >= BARE:
            self._object("repository", f"it holds a bare repository: {here}")
        if found and not is_writable(descent.fd):
            self._object("read-only", f"no permission to delete from {here}")
        if self._progress is not None:
            self._progress(len(self.tokens), self.size.content_bytes)
        return sorted(directories)

    def refused(self, name: str, error: OSError) -> None:
        """Object to a directory that cannot be entered."""
        where = shown(self._descent.below(name))
        if isinstance(error, ElsewhereError):
            self._object("mount", f"another file system or mount is in it: {where}")
        else:
            self._object("unreadable", f"{where}: {error.strerror}")

    def count(self, status: os.stat_result, part: str) -> None:
        """Add an entry to the sums; the content of a file counts under its first name only."""
        form = stat.S_IFMT(status.st_mode)
        self.kinds[form] += 1
        self.newest_ns = max(self.newest_ns, status.st_mtime_ns)
        again = status.st_ino in self.linked
        content_bytes = status.st_size if form == stat.S_IFREG and not again else 0
        disk_bytes = 0 if again else status.st_blocks * BLOCK_BYTES
        files = int(form not in (stat.S_IFDIR, stat.S_IFLNK))
        self.sizes[part] += DiskSize(files, content_bytes, disk_bytes)

    def _inspect(self, name: str, status: os.stat_result) -> None:
        """Note what is special about a file."""
        inode, path = status.st_ino, self._descent.below(name)
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            self._object("device", f"it holds a device: {shown(path)}")
        if stat.S_ISREG(status.st_mode) and name in _LOCKS:
            self.locks.append(path)
        if inode in self._locked:
            self._object("in-use", f"a process has locked {shown(path)}")
        if status.st_nlink > 1:
            self.linked.add(inode)
        elif inode not in self._exempt:
            self.changed_ns = max(self.changed_ns, status.st_ctime_ns)

    def _object(self, code: str, message: str) -> None:
        self.objection = self.objection or CleanObjection(code, message)

    def _part_of(self, way: tuple[str, ...]) -> str:
        """Return the part of a directory: the first pattern that fits its beginning."""
        for wanted in self._parts:
            if len(wanted) <= len(way) and all(map(fnmatchcase, way, wanted)):
                return "/".join(way[: len(wanted)])
        return ""


def is_writable(fd: int, path: str = ".") -> bool:
    """Return whether entries of the directory `path` below `fd` may be deleted."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK | os.X_OK, dir_fd=fd, effective_ids=effective)


def shown(path: str) -> str:
    """Return `path`, its middle left out where it is very long."""
    return path if len(path) <= 200 else f"{path[:100]}…{path[-99:]}"


def is_trash(name: str) -> bool:
    """Return whether a run gave a directory this name."""
    return _TRASH_NAME.fullmatch(name) is not None


class Record(NamedTuple):
    """The proof of a directory that was renamed."""

    name: str
    """Its former name."""
    kind: str
    place: tuple[int, int]
    tokens: frozenset[int]

    def encoded(self) -> bytes:
        """Return the bytes of the record's file."""
        device, inode = self.place
        head = {"ctxsize-trash": _RECORD_VERSION, "name": self.name, "kind": self.kind}
        numbers = b"".join(each.to_bytes(8, "big") for each in sorted(self.tokens))
        return json.dumps({**head, "device": device, "inode": inode}).encode() + b"\n" + numbers


def record_of(fd: int, name: str) -> Record | None:
    """Return our record of the renamed directory `fd` called `name`, if there is a good one."""
    try:
        above = os.open("..", OPEN_DIRECTORY, dir_fd=fd)
    except OSError:
        return None
    try:
        data = read_file(
            name + RECORD, _MOST_RECORD_BYTES, dir_fd=above, links=False, owner=os.geteuid()
        )
        head, _, numbers = data.partition(b"\n")
        kept = json.loads(head)
        is_known = kept["ctxsize-trash"] == _RECORD_VERSION and kept["kind"] in BY_NAME
        if not is_known or len(numbers) % 8:
            return None
        each = (numbers[at : at + 8] for at in range(0, len(numbers), 8))
        tokens = frozenset(int.from_bytes(number, "big") for number in each)
        place = int(kept["device"]), int(kept["inode"])
        return Record(str(kept["name"]), kept["kind"], place, tokens)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    finally:
        os.close(above)


def is_orphan(above: int, name: str) -> bool:
    """Return whether `name` in `above` is a record of ours, whole or begun, without a directory."""
    if _RECORD_NAME.fullmatch(name) is None or held(above, [name]) is not None:
        return False
    with suppress(OSError):
        start = read_start(name, len(_RECORD_START), dir_fd=above, links=False, owner=os.geteuid())
        # A run that was killed while it wrote the record left only its beginning.
        if _RECORD_START.startswith(start):
            try:
                os.stat(name.removesuffix(RECORD), dir_fd=above, follow_symlinks=False)
            except FileNotFoundError:
                return True
    return False
