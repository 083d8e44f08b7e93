"""Who uses a directory right now: mounts, locks and processes, as Linux tells it.

Where the system does not tell (no `/proc`), nothing is found; locks are tried
everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ctxsize.clean.descent import Descent

_PROC = Path("/proc")
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Use:
    """A process that has something open, runs it or is in it."""

    process: int
    command: str
    path: str
    """Absolute."""

    def __str__(self) -> str:
        return f"process {self.process} ({self.command}) uses {self.path}"


def mounts() -> tuple[str, ...]:
    """Where anything is mounted, as absolute paths."""
    try:
        lines = (_PROC / "self" / "mountinfo").read_bytes().splitlines()
    except OSError:
        return ()
    return tuple(os.fsdecode(_plain(line.split(b" ", 5)[4])) for line in lines)


def _plain(escaped: bytes) -> bytes:
    """The path that the kernel wrote with blanks and the like as octal numbers."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), escaped)


def below(paths: Iterable[str], directory: str) -> str | None:
    """The first of `paths` that is `directory` or lies below it, or None."""
    base = directory.rstrip("/") + "/"
    return next((path for path in paths if path == directory or path.startswith(base)), None)


def users(directory: str) -> tuple[Use, ...]:
    """The processes that use anything in `directory`, a real path, as far as we may see."""
    base = directory.rstrip("/") + "/"
    found = []
    for process, link in _links():
        try:
            target = os.readlink(link)  # noqa: PTH115
        except OSError:
            continue
        path = target.removesuffix(_DELETED)
        if path.startswith(base) or path == directory:
            found.append(Use(process, _command(process), path))
    return tuple(found)


def _links() -> Iterator[tuple[int, str]]:
    """What each process runs, where it is and what it has open; of our own only where we are."""
    try:
        processes = [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208
    except OSError:
        return
    for process in processes:
        base = f"{_PROC}/{process}"
        yield process, f"{base}/cwd"
        yield process, f"{base}/exe"
        if process == os.getpid():
            continue
        try:
            files = os.listdir(f"{base}/fd")  # noqa: PTH208
        except OSError:
            continue
        for file in files:
            yield process, f"{base}/fd/{file}"


def _command(process: int) -> str:
    try:
        return (_PROC / str(process) / "comm").read_text(errors="replace").strip()
    except OSError:
        return "gone"


def locked(device: int) -> frozenset[int]:
    """The inodes on `device` that a process which we may see has locked."""
    try:
        lines = (_PROC / "locks").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = set()
    for line in lines:
        place = re.search(r" (-?[0-9]+) ([0-9a-f]+):([0-9a-f]+):([0-9]+) ", line)
        if place is None or " -> " in line or int(place[1]) == os.getpid():
            continue
        if os.makedev(int(place[2], 16), int(place[3], 16)) == device:
            found.add(int(place[4]))
    return frozenset(found)


class Locks:
    """The locks of a build, taken so that none begins meanwhile; a context manager."""

    def __init__(self) -> None:
        self._files: list[int] = []

    def __enter__(self) -> Locks:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            os.close(file)
        self._files.clear()

    def take(self, fd: int, paths: Iterable[str]) -> str | None:
        """Lock the files `paths` below the directory `fd`; the first that is held, or None."""
        import fcntl

        for path in paths:
            file = _opened(fd, path)
            if file is None:
                continue
            self._files.append(file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return path
            except OSError:
                # A file system without locks: then nobody holds one.
                continue
        return None


def _opened(fd: int, path: str) -> int | None:
    above, _, name = path.rpartition("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with Descent(fd) as descent:
            descent.follow(above)
            return os.open(name, flags, dir_fd=descent.fd)
    except OSError:
        return None
