"""Forked processes that walk parts of a tree, beside this one."""

from __future__ import annotations

import mmap
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress

from ctxsize.engine.sums import Part, Progress

_TICKET = 4
_MOST_WORKERS = 64


class Workers:
    """Forked processes that take parts from a pipe, as this one does, and send back sums."""

    def __init__(self, walk: Callable[[str], Part], paths: list[str], count: int) -> None:
        self._walk = walk
        self._paths = paths
        self._count = min(count, len(paths), _MOST_WORKERS)
        self._tickets = -1
        self._pipes: list[int] = []
        self._children: list[int] = []
        self._seen = memoryview(mmap.mmap(-1, 16 * (self._count + 1))).cast("Q")

    def __enter__(self) -> Workers:
        with suppress(OSError):  # no descriptor or process to be had: then with fewer, or none
            self._print_tickets()
            for number in range(1, self._count + 1):
                self._start(number)
        return self

    def _print_tickets(self) -> None:
        self._tickets, write = os.pipe()
        numbers = b"".join(number.to_bytes(_TICKET, "little") for number in range(len(self._paths)))
        os.set_blocking(write, False)
        written = os.write(write, numbers)
        assert written % _TICKET == 0  # a pipe takes whole pages
        os.close(write)

    def _start(self, number: int) -> None:
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
            self._work(number, write)
        os.close(write)
        self._pipes.append(read)
        self._children.append(child)

    def __exit__(self, *_: object) -> None:
        if self._tickets >= 0:
            os.close(self._tickets)
        for pipe in self._pipes:
            os.close(pipe)
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)

    def take(self, progress: Progress | None = None, number: int = 0) -> dict[str, Part]:
        """The parts that this process gets hold of, walked."""
        parts: dict[str, Part] = {}
        entries = size = 0
        while self._tickets >= 0 and (ticket := os.read(self._tickets, _TICKET)):
            path = self._paths[int.from_bytes(ticket, "little")]
            part = self._walk(path)
            parts[path] = part
            entries += part.sums.entries
            size += part.sums.content_bytes
            self._seen[2 * number], self._seen[2 * number + 1] = entries, size
            if progress is not None:
                progress(sum(self._seen[::2]), sum(self._seen[1::2]))
        return parts

    def results(self) -> dict[str, Part]:
        """What the workers walked; nothing of one that died."""
        parts: dict[str, Part] = {}
        for pipe in self._pipes:
            with os.fdopen(os.dup(pipe), "rb") as file:
                data = file.read()
            with suppress(pickle.UnpicklingError, EOFError):
                parts.update(pickle.loads(data))
        return parts

    def _work(self, number: int, write: int) -> None:
        """The life of a worker: it never returns."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            parts = self.take(number=number)
            with os.fdopen(write, "wb") as file:
                pickle.dump(parts, file, pickle.HIGHEST_PROTOCOL)
        finally:
            os._exit(0)
