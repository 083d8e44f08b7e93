"""Many entries of one directory asked about at once, by the C library itself.

What `os.lstat` makes of an answer, twenty objects for each file, costs as much as
the question. Here the answers lie side by side in one block of memory, and a
column of it becomes a list in one go. Names are looked up in the working
directory, which moves along with the walk: no path is shorter, for the kernel and
for Python alike.

So this is for a process that does nothing else meanwhile, and for platforms whose
answers lie as one of `_LAYOUTS` says, which is tried out first. All others are
served by `os.stat`, entry by entry.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import fsencode
from struct import calcsize, iter_unpack
from typing import Any, NamedTuple

from ctxsize.engine.events import are_usual

MOST = 256
"""So many names may be asked about at once: what is told of them stays in the caches."""
_PAYS_FROM = 1_000
"""So many names are asked about one by one before it pays to load what this takes."""
_WORD = 8
_EASY_BITS, _EASY = 0o177000 | 0o444, stat.S_IFREG | 0o444
"""A regular file that all may read, without special bits."""


class _Layout(NamedTuple):
    """How the C library's `struct stat` lies in memory, in words of eight bytes."""

    form: str
    """For `struct`."""
    fields: str
    """The names of what that gives."""
    telling: tuple[int, ...]
    """The words that hold the mode and the number of names, beside what does not matter."""


_ROW = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "seconds", "rest", "rdev")
_DEVICE, _SIZE, _SECONDS = 0, 6, 11
"""The words of the device, the size and the modification time, in every layout."""
_LAYOUTS = {
    "x86_64": _Layout(
        "=3Q3I4xQq16x16xqq40x", "dev ino nlink mode uid gid rdev size seconds rest", (2, 3)
    ),
    "aarch64": _Layout(
        "=2Q4IQ8xq16x16xqq24x", "dev ino mode nlink uid gid rdev size seconds rest", (2,)
    ),
}


class Bulk:
    """Asks about entries of one directory after the other, in batches.

    `home` is the working directory of everybody else.
    """

    def __init__(self, home: int) -> None:
        self._home = home
        self._left = _PAYS_FROM
        self._table: Table | None = None
        self._here = -1

    def start(self) -> None:
        """Be ready at once: many names will come."""
        self._left = -1
        self._table = _table()

    def ask(self, directory: int, names: Sequence[str]) -> Table | None:
        """What is told of `names` in `directory`, until the next question.

        None if that must be asked one by one: of few, or as one of them cannot be looked at.
        """
        if self._left >= 0:
            self._left -= len(names)
            if self._left < 0:
                self.start()
        table = self._table
        if table is None or (directory != self._here and not self._move(directory)):
            return None
        return table if table.fill(names) else None

    def _move(self, directory: int) -> bool:
        """Whether names can be looked up in `directory`: to list it takes another permission."""
        if not _go(directory):
            return False
        self._here = directory
        return True

    def left(self, directory: int) -> None:
        """Note that `directory` was closed: its number may soon be that of another one."""
        if directory == self._here:
            self._here = -1

    def at_home(self, call: Callable[..., object], *arguments: object) -> None:
        """Call what knows nothing of this in the working directory that it expects."""
        _go(self._home)
        self._here = -1
        call(*arguments)


def is_alone() -> bool:
    """Whether nothing else of this process can be in the middle of anything (Linux only)."""
    return sys.platform.startswith("linux") and threading.active_count() == 1


@contextmanager
def moving() -> Iterator[Bulk | None]:
    """A `Bulk` for a while in which nothing else needs the working directory.

    None in a process with several threads, which share one, and where it cannot be come back to.
    """
    home = _home() if is_alone() else None
    if home is None:
        yield None
        return
    try:
        yield Bulk(home)
    finally:
        _go(home)
        os.close(home)


def _go(directory: int) -> bool:
    """Whether it is the working directory now: one that was locked meanwhile cannot be."""
    try:
        os.fchdir(directory)
    except OSError:
        return False
    return True


def _home() -> int | None:
    try:
        return os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


class Table:
    """A block of memory with room for a `struct stat` of each of `MOST` names."""

    def __init__(self, lstat: Callable[..., int], layout: _Layout, ctypes: Any) -> None:
        self._lstat = lstat
        self._form = layout.form
        self._order = [layout.fields.split().index(name) for name in _ROW]
        size = calcsize(layout.form)
        self._words = size // _WORD
        self._block = bytearray(size * MOST)
        room = ctypes.c_char * size
        rooms = [room.from_buffer(self._block, size * row) for row in range(MOST)]
        self._rooms = [*map(ctypes.byref, rooms)]
        self._columns = memoryview(self._block).cast("q")
        self._known: list[tuple[int, set[int]]] = [(word, set()) for word in layout.telling]
        """For each telling word those of its values that plain files have."""
        self._end = 0

    def fill(self, names: Sequence[str]) -> bool:
        """Ask about `names`, at most `MOST`; whether all could be answered."""
        self._end = len(names) * self._words
        encoded = fsencode("\0".join(names)).split(b"\0")
        return not any(map(self._lstat, encoded, self._rooms))

    def device(self) -> int:
        """The file system of the first one."""
        return self._columns[_DEVICE]

    def sizes(self) -> list[int]:
        """The size of each."""
        return self._columns[_SIZE : self._end : self._words].tolist()

    def are_plain(self) -> bool:
        """Whether all are regular files that everybody may read, of one name each, of a usual time.

        The first is a matter of each telling word alone, so values of it that were seen in such
        files are known from then on.
        """
        columns, end, words = self._columns, self._end, self._words
        for word, known in self._known:
            if not known.issuperset(columns[word:end:words].tolist()) and not self._learn():
                return False
        return are_usual(columns[_SECONDS:end:words].tolist())

    def _learn(self) -> bool:
        for each in self.stats():
            if each.st_mode & _EASY_BITS != _EASY or each.st_nlink != 1:
                return False
        for word, known in self._known:
            known.update(self._columns[word : self._end : self._words].tolist())
        return True

    def stats(self) -> list[os.stat_result]:
        """The answers as `os.lstat` gives them, without access times and floats."""
        rows = iter_unpack(self._form, self._block[: self._end * _WORD])
        return [_stat([row[at] for at in self._order]) for row in rows]


def _stat(row: list[int]) -> os.stat_result:
    seconds, rest, device = row[7:]
    more = {"st_mtime_ns": seconds * 10**9 + rest, "st_rdev": device}
    return os.stat_result((*row[:7], 0, seconds, 0), more)


def _table() -> Table | None:
    """A table that was tried out, None if the C library or its answers are unknown here."""
    layout = _LAYOUTS.get(os.uname().machine)
    if layout is None or sys.maxsize < 2**32:
        return None
    try:
        import ctypes  # which not every Python was built with; a small tree needs none of it

        lstat = ctypes.PyDLL(None).lstat
    except (ImportError, OSError, AttributeError):
        return None
    table = Table(lstat, layout, ctypes)
    return table if _is_right(table) else None


_TRIED = [".", "/dev/null"]


def _is_right(table: Table) -> bool:
    """Whether the table tells of two entries what Python tells of them."""
    if not table.fill(_TRIED):
        return False
    return all(
        here[:7] == there[:7]
        and here.st_mtime_ns == there.st_mtime_ns
        and here.st_rdev == there.st_rdev
        for here, there in zip(table.stats(), map(os.lstat, _TRIED), strict=True)
    )
