"""Counts all entries of a directory and makes them comparable.

Each entry becomes a number, the same in each walk. A renamed directory, `.ctxsize-trash-` and 32
hexadecimal digits, has a record beside it, a line of JSON and these numbers, for the next run.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Container, Set
from contextlib import suppress
from dataclasses import field
from hashlib import blake2b
from os import stat_result
from os.path import basename
from stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISBLK, S_ISCHR, S_ISDIR, S_ISREG
from typing import NamedTuple

from ctxsize.clean import CleanObjection, DiskSize, FileId, Inventory, Part, total_size
from ctxsize.clean.descent import Descent, ElsewhereError, held, locked_files, tour
from ctxsize.clean.proofs import BY_NAME
from ctxsize.engine.events import Progress
from ctxsize.reader import entries_in, read_file
from ctxsize.values import Mutable

REPOSITORIES = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"})
"""Names that show that a directory is under version control."""
BARE = frozenset({"HEAD", "objects", "refs"})  # together they show a bare repository
START_TOKEN = 0  # the number of the directory at which an inventory starts
BLOCK_BYTES = 512
_LOCKS = (".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock")  # locked while Cargo builds
_MOST_PARTS = 20
TRASH = ".ctxsize-trash-"
RECORD = ".record"
is_trash = re.compile(re.escape(TRASH) + r"[0-9a-f]{32}").fullmatch  # whether a run gave this name
_RECORD_START = b'{"ctxsize-trash": '
_RECORD_VERSION = 2
_MOST_RECORD_BYTES = 1 << 28


class _Numbered(NamedTuple):
    """A directory on the walk."""

    number: int
    part: str  # the first directory on the way


def token(above: int, name: str, status: stat_result) -> int:
    """Return the number of one entry; `above` is that of its directory.

    A directory's own size and times say nothing, as they change with its entries.
    """
    text = f"{above}/{name}\0{S_IFMT(status.st_mode)}:{status.st_ino}"
    if not S_ISDIR(status.st_mode):
        text += f":{status.st_size}:{status.st_mtime_ns}"
    digest = blake2b(os.fsencode(text), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def take(fd: int, *, linked: Container[int] = (), progress: Progress | None = None) -> Inventory:
    """Return the inventory of the directory `fd`.

    `linked` are the inodes of files that once had several names: deleting the others changed them,
    and says nothing. What cannot be looked at becomes an objection. Raises `OSError` where the tree
    moves meanwhile.
    """
    top = os.fstat(fd)
    with Descent(fd) as descent:
        taking = _Taking(descent, locked_files(top.st_dev), linked, progress)
        taking.count(top, "")
        tour(descent, _Numbered(START_TOKEN, ""), taking.visit, failed=taking.refused)
    parts = [Part(name, DiskSize(*sums)) for name, sums in taking.parts.items()]
    parts.sort(key=lambda part: (-part.size.content_bytes, part.name))
    return Inventory(
        place=(top.st_dev, top.st_ino),
        times=(top.st_mtime_ns, top.st_ctime_ns, taking.changed_ns),
        tokens=frozenset(taking.tokens),
        size=total_size(part.size for part in parts),
        directories=taking.kinds[S_IFDIR],
        symlinks=taking.kinds[S_IFLNK],
        newest_ns=taking.newest_ns,
        parts=tuple(parts[:_MOST_PARTS]),
        linked=frozenset(taking.linked),
        locks=tuple(taking.locks),
        objection=taking.objection,
    )


class _Taking(Mutable):
    """The state of one walk."""

    descent: Descent
    locked: Container[int]
    exempt: Container[int]  # inodes that had several names: their `ctime` says nothing
    progress: Progress | None
    tokens: set[int] = field(default_factory=set)
    kinds: Counter[int] = field(default_factory=Counter)
    parts: dict[str, list[int]] = field(default_factory=dict)  # for each part what `DiskSize` has
    content_bytes: int = 0
    newest_ns: int = 0
    linked: set[int] = field(default_factory=set)
    changed_ns: int = 0
    locks: list[str] = field(default_factory=list)
    objection: CleanObjection | None = None

    def visit(self, directory: _Numbered) -> list[tuple[str, _Numbered]]:
        """Count what is in the directory where the walk is, and return the directories in it."""
        part = directory.part
        directories = []
        statuses = {}
        try:
            for child in entries_in(self.descent.fd):
                statuses[child.name] = child.stat(follow_symlinks=False)
        except OSError as error:
            self._object("unreadable", f"{error.strerror}: ")
            return []
        for name, status in statuses.items():
            number = token(directory.number, name, status)
            self.tokens.add(number)
            if S_ISDIR(status.st_mode):
                below = part
                # What Cargo has in `debug` is the largest, and counts apart.
                if part in ("", "debug"):
                    below = f"{part}/{name}".lstrip("/")
                directories.append((name, _Numbered(number, below)))
                self.count(status, below)
            else:
                self.count(status, part)
                self._inspect(name, status)
        self._inspect_names(statuses.keys())
        if self.progress:
            self.progress(len(self.tokens), self.content_bytes)
        return sorted(directories)

    def _inspect_names(self, names: Set[str]) -> None:
        """Object to a repository, and to a directory that cannot be emptied."""
        for name in sorted(REPOSITORIES & names):
            self._object("repository", "it holds a repository: ", name)
        if names >= BARE:
            self._object("repository", "it holds a bare repository: ")
        if names and not is_writable(self.descent.fd):
            self._object("read-only", "no permission to delete from ")

    def refused(self, name: str, error: OSError) -> None:
        """Object to a directory that cannot be entered."""
        if isinstance(error, ElsewhereError):
            self._object("mount", "another file system or mount is in it: ", name)
        else:
            self._object("unreadable", f"{error.strerror}: ", name)

    def count(self, status: stat_result, part: str) -> None:
        """Add an entry to the sums; the content of a file counts under its first name only."""
        form = S_IFMT(status.st_mode)
        self.kinds[form] += 1
        self.newest_ns = max(self.newest_ns, status.st_mtime_ns)
        sums = self.parts.setdefault(part, [0, 0, 0])
        if form not in (S_IFDIR, S_IFLNK):
            sums[0] += 1
        if status.st_ino not in self.linked:
            if form == S_IFREG:
                self.content_bytes += status.st_size
                sums[1] += status.st_size
            sums[2] += status.st_blocks * BLOCK_BYTES

    def _inspect(self, name: str, status: stat_result) -> None:
        """Note what is special about a file."""
        mode = status.st_mode
        if S_ISCHR(mode) or S_ISBLK(mode):
            self._object("device", "it holds a device: ", name)
        if name in _LOCKS and S_ISREG(mode):
            self.locks.append(self.descent.below(name))
        if status.st_ino in self.locked:
            self._object("in-use", "a process has locked ", name)
        if status.st_nlink > 1:
            self.linked.add(status.st_ino)
        elif status.st_ino not in self.exempt:
            self.changed_ns = max(self.changed_ns, status.st_ctime_ns)

    def _object(self, code: str, why: str, name: str = "") -> None:
        """Note the first reason to leave it alone, with the path of `name` or of the directory."""
        if self.objection is None:
            path = self.descent.below(name).rstrip("/") or "."
            self.objection = CleanObjection(code, f"{why}{shown(path)}")


def is_writable(fd: int, path: str = ".") -> bool:
    """Return whether entries of the directory `path` below `fd` may be deleted."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK | os.X_OK, dir_fd=fd, effective_ids=effective)


def shown(path: str) -> str:
    """Return `path`, its middle left out where it is very long."""
    if len(path) <= 200:
        return path
    return f"{path[:100]}…{path[-99:]}"


class Record(NamedTuple):
    """The proof of a directory that was renamed, with its former name."""

    name: str
    kind: str
    place: FileId
    tokens: frozenset[int]

    def objection(self, inventory: Inventory, descent: Descent) -> CleanObjection | None:
        """Return why the directory where `descent` is is not the rest of what it proves."""
        if inventory.place != self.place or not inventory.tokens <= self.tokens:
            return CleanObjection(
                "changed", f"it holds more than {self.name} did; rename it back to look at it"
            )
        if held(descent.fd, [f"../{basename(descent.path)}{RECORD}"]):
            return CleanObjection("in-use", "another run of ctxsize uses it")
        return None

    def encoded(self) -> bytes:
        """Return the bytes of the record's file."""
        fields = {"ctxsize-trash": _RECORD_VERSION, **self._asdict()}
        fields["tokens"] = sorted(self.tokens)
        return json.dumps(fields).encode()


def record_of(fd: int, name: str) -> Record | None:
    """Return our record of the renamed directory `fd` called `name`, if there is a good one."""
    try:
        data = read_file(
            f"../{name}{RECORD}", _MOST_RECORD_BYTES, dir_fd=fd, links=False, owner=os.geteuid()
        )
        fields = json.loads(data)
        if fields["ctxsize-trash"] != _RECORD_VERSION or fields["kind"] not in BY_NAME:
            return None
        device, inode = fields["place"]
        return Record(
            name=str(fields["name"]),
            kind=fields["kind"],
            place=(int(device), int(inode)),
            tokens=frozenset(map(int, fields["tokens"])),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def is_orphan(above: int, name: str) -> bool:
    """Return whether `name` in `above` is a record of ours, whole or begun, without a directory."""
    trash = name.removesuffix(RECORD)
    if trash == name or not is_trash(trash) or held(above, [name]):
        return False
    with suppress(OSError):
        start = read_file(
            name, len(_RECORD_START), cut=True, dir_fd=above, links=False, owner=os.geteuid()
        )
        # A run that was killed while it wrote the record left only its beginning.
        if _RECORD_START.startswith(start):
            try:
                os.lstat(trash, dir_fd=above)
            except FileNotFoundError:
                return True
    return False
