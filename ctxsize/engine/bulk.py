"""Many entries of one directory asked about at once, by the C library itself.

What `os.lstat` makes of an answer, twenty objects for each file, costs as much as
the question. Here the answers lie side by side in one block of memory, and a
column of it becomes a list in one go. Names are looked up in the working
directory, which moves along with the walk: no path is shorter, for the kernel and
for Python alike.

So this is for a process that does nothing else meanwhile, and for platforms whose
answers lie as one of `_LAYOUTS` says, which is tried out first. All others, and
trees of few plain files, are served by `os.stat`, entry by entry.
"""

from __future__ import annotations

import os
import stat
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from os import fsencode
from struct import calcsize, iter_unpack
from typing import Any, NamedTuple

from ctxsize.engine.events import are_usual

MOST = 256
"""So many names may be asked about at once: what is told of them stays in the caches."""
_PAYS_FROM = 1_000
"""So many names are asked about one by one before it pays to load what this takes."""
_PAUSE = 20_000
"""So many names are asked about one by one where it does not pay."""
_WORD, _FIELD = 8, 0xFFFFFFFF


class _Layout(NamedTuple):
    """How the C library's `struct stat` lies in memory, in words of eight bytes."""

    form: str
    """For `struct`."""
    fields: str
    """The names of what that gives."""
    mode: tuple[int, int]
    """Its word, and how many bits of that come before it."""
    nlink: tuple[int, int]


_ROW = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "seconds", "rest", "rdev")
_DEVICE, _SIZE, _SECONDS, _REST = 0, 6, 11, 12
"""The words of the device, the size and the modification time, in every layout."""
_LAYOUTS = {
    "x86_64": _Layout(
        "=3Q3I4xQq16x16xqq40x",
        "dev ino nlink mode uid gid rdev size seconds rest",
        mode=(3, 0),
        nlink=(2, 0),
    ),
    "aarch64": _Layout(
        "=2Q4IQ8xq16x16xqq24x",
        "dev ino mode nlink uid gid rdev size seconds rest",
        mode=(2, 0),
        nlink=(2, 32),
    ),
}


def is_easy(mode: int) -> bool:
    """Whether it is that of a regular file that all may read, without special bits."""
    return mode & (0o177000 | 0o444) == stat.S_IFREG | 0o444


class Bulk:
    """Asks about entries of one directory after the other, in batches."""

    def __init__(self) -> None:
        self._left = _PAYS_FROM
        self._table: Table | None = None
        self._home: int | None = None
        """The working directory of everybody else."""
        self._here = -1
        self._asked = self._in_vain = 0

    def start(self) -> None:
        """Be ready at once: many names will come."""
        self._left = -1
        if self._home is None and is_alone():
            self._home = _home()
        if self._home is not None:
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
        if table is None:
            return None
        if directory != self._here:
            if not _go(directory):  # to list it takes another permission
                return None
            self._here = directory
        self._asked += len(names)
        return table if table.fill(names) else None

    def was_in_vain(self, count: int) -> None:
        """Note that `count` names have to be asked about again. If many have, there is a pause."""
        self._in_vain += count
        if self._in_vain > _PAYS_FROM + self._asked // 4:
            self._left, self._table = _PAUSE, None
            self._asked = self._in_vain = 0

    def left(self, directory: int) -> None:
        """Note that `directory` was closed: its number may soon be that of another one."""
        if directory == self._here:
            self._here = -1

    def at_home(self, call: Callable[..., object], *arguments: object) -> None:
        """Call what knows nothing of this in the working directory that it expects.

        It may change that, and it may start what is in need of one: then this is over.
        """
        self.stop()
        try:
            call(*arguments)
        finally:
            if self._table is not None:
                self._home = _home() if is_alone() else None
            if self._home is None:
                self._table = None

    def stop(self) -> None:
        """Go back to the working directory of everybody else, to stay there if nobody asks."""
        if self._home is not None:
            _go(self._home)
            os.close(self._home)
            self._home, self._here = None, -1


def has_one_thread() -> bool:
    """Whether nothing else of this process is in the middle of anything (Linux only)."""
    return sys.platform.startswith("linux") and _threads() == 1


def is_alone() -> bool:
    """Whether nothing else of this process can come in between either, as handlers of signals."""
    if not has_one_thread():
        return False
    import signal  # here, as small trees do not come here

    handlers = map(signal.getsignal, signal.valid_signals())
    return not any(callable(each) and each is not signal.default_int_handler for each in handlers)


def _threads() -> int:
    """How many threads this process has, those that Python knows nothing of included."""
    try:
        return os.stat("/proc/self/task").st_nlink - 2  # noqa: PTH116 - a Path takes an import
    except OSError:
        return 0


@contextmanager
def moving() -> Iterator[Bulk]:
    """A `Bulk` for a while, after which the working directory is as before."""
    bulk = Bulk()
    try:
        yield bulk
    finally:
        bulk.stop()


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
        self._block = array("q", bytes(size * (MOST + 1)))  # one more, should an answer be longer
        room = ctypes.c_char * size
        rooms = [room.from_buffer(self._block, size * row) for row in range(MOST)]
        self._rooms = [*map(ctypes.byref, rooms)]
        self._end = 0
        self._tests = [_Test(*layout.mode, is_easy), _Test(*layout.nlink, (1).__eq__)]
        self.encoded: list[bytes] = []
        """The names that were asked about."""

    def fill(self, names: Sequence[str]) -> bool:
        """Ask about `names`, at most `MOST`; whether all could be answered."""
        self._end = len(names) * self._words
        self.encoded = fsencode("\0".join(names)).split(b"\0")
        return not any(map(self._lstat, self.encoded, self._rooms))

    def device(self) -> int:
        """The file system of the first one."""
        return self._block[_DEVICE]

    def sizes(self) -> list[int]:
        """The size of each."""
        return self._column(_SIZE).tolist()

    def unusual_times(self) -> list[int] | None:
        """When each was modified, in nanoseconds; None if all of that is usual."""
        ascending = sorted(self._column(_SECONDS))  # sooner done than to look twice
        return None if are_usual((ascending[0], ascending[-1])) else self._times()

    def others(self) -> list[int]:
        """The places of those that are no regular files, of one name each, that all may read."""
        block, end, words = self._block, self._end, self._words
        for test in self._tests:
            values = block[test.word : end : words]
            if values != test.usual[: len(values)] and not test.all_pass(values):
                return self._look_for_others()
        return []

    def _look_for_others(self) -> list[int]:
        failing = [test.failing(self._column(test.word)) for test in self._tests]
        return sorted({*chain.from_iterable(failing)})

    def stats(self, part: slice) -> list[os.stat_result]:
        """The answers in `part` as `os.lstat` gives them, without access times and floats."""
        block = self._block[part.start * self._words : part.stop * self._words]
        rows = iter_unpack(self._form, block.tobytes())
        return [_stat([row[at] for at in self._order]) for row in rows]

    def fields(self) -> list[tuple[int, ...]]:
        """The mode and the number of names of each."""
        modes, nlinks = (map(test.field, self._column(test.word)) for test in self._tests)
        return [*zip(modes, nlinks, strict=True)]

    def _times(self) -> list[int]:
        both = zip(self._column(_SECONDS), self._column(_REST), strict=True)
        return [seconds * 10**9 + rest for seconds, rest in both]

    def _column(self, word: int) -> array[int]:
        return self._block[word : self._end : self._words]


class _Test:
    """A test of a field, whose answer is remembered for each value of the word around it."""

    def __init__(self, word: int, before: int, passes: Callable[[int], bool]) -> None:
        self.word = word
        self._before = before
        self._passes = passes
        self._good: set[int] = set()
        """Words that pass."""
        self.usual = array("q")
        """One of them, as often as there may be answers: mostly all are the same."""

    def all_pass(self, values: array[int]) -> bool:
        """Whether all are known to pass."""
        if not self._good.issuperset(values):
            return False
        self.usual = values[:1] * MOST
        return True

    def failing(self, values: array[int]) -> list[int]:
        """The places of the values that do not pass, learning which do."""
        self._good.update(value for value in {*values} if self._passes(self.field(value)))
        return [place for place, value in enumerate(values) if value not in self._good]

    def field(self, value: int) -> int:
        """The field in a word."""
        return value >> self._before & _FIELD


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
    here, there = table.stats(slice(0, len(_TRIED))), [*map(os.lstat, _TRIED)]
    return table.fields() == [(each.st_mode, each.st_nlink) for each in there] and all(
        one[:7] == other[:7]
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_rdev == other.st_rdev
        for one, other in zip(here, there, strict=True)
    )
