"""Forked processes beside this one: who has nothing to do is given the rest of another's walk.

Rests go through a pipe that hands on each as a whole, to one of those who wait for
it. How much was given and done lies in memory that all of them share.
"""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from ctxsize.engine.events import Rest

_MOST_WORKERS = 64
_MOST_BYTES = 4096
"""The most that a pipe hands on as a whole."""
_ALL_IS_DONE = b"\0"
_PATIENCE = 500
"""Milliseconds after which it is looked whether all is done: who should tell may have died."""
_COLUMNS, _WORD = 6, 8
_MOST = 2**64 - 1
"""That a word holds: sparse files may have more bytes together."""

Found = TypeVar("Found")


class Crew(Generic[Found]):
    """This process, which has something to do, and up to `count` forked ones that have not.

    `work` says what is found in a rest. Each process has a copy of all this.
    """

    def __init__(self, work: Callable[[Crew[Found], Rest], Found], count: int) -> None:
        self._work = work
        self._count = min(count, _MOST_WORKERS)
        self._number = 0
        self._parent = os.getpid()
        self._tickets = (-1, -1)
        self._pipes: list[int] = []
        self._children: list[int] = []
        self._kept: list[Rest] = []
        """What nobody else could be given."""
        self._found: dict[Rest, Found] = {}
        members = self._count + 1
        numbers = memoryview(mmap.mmap(-1, members * _COLUMNS * _WORD)).cast("Q")
        # Columns, in which each process sets its own number and sees those of all.
        self._idle, self._given, self._taken, self._done, self._entries, self._bytes = (
            numbers[members * at : members * (at + 1)] for at in range(_COLUMNS)
        )
        self._given[0] = self._taken[0] = 1

    def __enter__(self) -> Crew[Found]:
        # A signal is told of later: neither here, where a child would not be known yet, nor
        # in a child that is still about to return to whoever called all this.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            with suppress(OSError):  # no descriptor or process to be had: then with fewer, or none
                self._tickets = os.pipe2(os.O_DIRECT | os.O_NONBLOCK | os.O_CLOEXEC)
                for number in range(1, self._count + 1):
                    self._start(number, held)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return self

    def _start(self, number: int, held: set[signal.Signals | int]) -> None:
        """Start a worker. It keeps no reading end, so that it cannot outlive this process."""
        read, write = os.pipe()
        try:
            child = os.fork()
        except OSError:
            os.close(read)
            os.close(write)
            raise
        if not child:
            for pipe in (read, *self._pipes):
                os.close(pipe)
            self._serve(number, write, held)
        os.close(write)
        self._pipes.append(read)
        self._children.append(child)

    def __exit__(self, *_: object) -> None:
        for pipe in (*self._tickets, *self._pipes):
            if pipe >= 0:
                os.close(pipe)
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)

    def saw(self, entries: int, content_bytes: int) -> None:
        """Note what this process has seen since it noted that last."""
        if self._number and os.getppid() != self._parent:
            os._exit(0)  # nobody waits for it any more
        self._entries[self._number] += entries
        self._bytes[self._number] = min(self._bytes[self._number] + content_bytes, _MOST)

    def seen(self) -> tuple[int, int]:
        """The entries and the bytes of content that all have seen."""
        return sum(self._entries), sum(self._bytes)

    def wants(self) -> bool:
        """Whether somebody waits for whom there is nothing."""
        return sum(self._idle) > sum(self._given) - sum(self._taken)

    def give(self, rest: Rest) -> None:
        """Let somebody walk `rest`: another one if possible."""
        self._given[self._number] += 1
        packet = os.fsencode("\0".join((rest.path, rest.since, rest.until or "")))
        if len(packet) <= _MOST_BYTES:
            with suppress(OSError):  # it is full, or there never was one
                os.write(self._tickets[1], packet)
                return
        self._taken[self._number] += 1
        self._kept.append(rest)

    def finish(self) -> dict[Rest, Found] | None:
        """Take part until all is done, and tell what all have found; None if one of them died."""
        self._finished_one()
        if not self._help(self._pipes):
            return None
        for pipe in self._pipes:
            with os.fdopen(os.dup(pipe), "rb") as file:
                data = file.read()
            with suppress(pickle.UnpicklingError, EOFError):
                self._found.update(pickle.loads(data))
        return self._found

    def _serve(self, number: int, write: int, held: set[signal.Signals | int]) -> None:
        """The life of a worker: it never returns."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            self._number, self._kept = number, []
            if self._help([write]):
                with os.fdopen(write, "wb") as file:
                    pickle.dump(self._found, file, pickle.HIGHEST_PROTOCOL)
        finally:
            os._exit(0)

    def _help(self, others: Sequence[int]) -> bool:
        """Walk what there is until all is done, and pass that on; False if one of `others` died.

        These are pipes of which somebody has the other end.
        """
        while not self._all_is_done():
            packet = self._take(others)
            if packet is None:
                return self._all_is_done()
            if packet != _ALL_IS_DONE:
                path, since, until = os.fsdecode(packet).split("\0")
                rest = Rest(path, since, until or None)
                self._found[rest] = self._work(self, rest)
                self._finished_one()
        with suppress(OSError):  # full, so that nobody has to be woken, or there never was one
            os.write(self._tickets[1], _ALL_IS_DONE)
        return True

    def _finished_one(self) -> None:
        """Note that, after what could not be given away."""
        while self._kept:
            rest = self._kept.pop()
            self._found[rest] = self._work(self, rest)
            self._done[self._number] += 1
        self._done[self._number] += 1

    def _all_is_done(self) -> bool:
        """Whether it is: what is done is looked at first, as nobody gives who has nothing to do."""
        done = sum(self._done)
        return done == sum(self._given)

    def _take(self, others: Sequence[int]) -> bytes | None:
        """What comes next; None if one of `others` died."""
        tickets = self._tickets[0]
        poll = select.poll()
        poll.register(tickets, select.POLLIN)
        for pipe in others:
            poll.register(pipe, 0)  # which tells no less when the other end is closed
        self._idle[self._number] = 1
        try:
            while not ((ready := dict(poll.poll(_PATIENCE))).keys() - {tickets}):
                if not ready and self._all_is_done():
                    return _ALL_IS_DONE
                with suppress(BlockingIOError):  # nothing yet, or somebody else was faster
                    return os.read(tickets, _MOST_BYTES)
            return None
        finally:
            self._idle[self._number] = 0
            self._taken[self._number] += 1
