"""Finds the users of a directory: mounts, locks and processes, as Linux lists them.

Without `/proc` no process is found; locks are tried on every system.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ctxsize.clean.descent import Descent
from ctxsize.clean.plan import CleanObjection
from ctxsize.reader import entries_in, read_file

_PROC = Path("/proc")
_DELETED = " (deleted)"


@dataclass(frozen=True)
class ProcessUse:
    """A process that has something open, runs it or is in it."""

    process: int
    command: str
    path: str
    """Absolute."""

    def __str__(self) -> str:
        return f"process {self.process} ({self.command}) uses {self.path}"


def mounts() -> tuple[str, ...]:
    """Return where anything is mounted, as absolute paths."""
    return tuple(point for _, _, point in _mountinfo("self"))


def _plain(escaped: bytes) -> bytes:
    """Return the path that the kernel wrote with blanks and the like as octal numbers."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), escaped)


def below(paths: Iterable[str], directory: str) -> str | None:
    """Return the first of `paths` that is `directory` or lies below it, or None."""
    base = directory.rstrip("/") + "/"
    return next((path for path in paths if path == directory or path.startswith(base)), None)


def objection(
    directory: str, mounted: Iterable[str], uses: Iterable[ProcessUse]
) -> CleanObjection | None:
    """Return what is mounted in `directory`, or the first of `uses` that is of it, or None."""
    mount = below(mounted, directory)
    if mount is not None:
        return CleanObjection("mount", f"something is mounted at {mount}")
    using = next((each for each in uses if below([each.path], directory)), None)
    return None if using is None else CleanObjection("in-use", str(using))


def users(directory: str) -> tuple[ProcessUse, ...]:
    """Return the processes that use anything in `directory`, a real path, as far as we may see.

    That is what they run, where they are, what they have open or mapped, what their
    command names, and where another mount namespace (a container) shows a part of it.
    """
    own = {sys.prefix, os.path.realpath(sys.prefix)}
    found = [ProcessUse(os.getpid(), "this one", path) for path in sorted(own)]
    place = _place(directory)
    for process in _processes():
        paths = {*_links(process), *_named(process), *_mapped(process, directory)}
        paths.update(_mounted(process, directory, place))
        found += [
            ProcessUse(process, _command(process), path)
            for path in sorted(paths)
            if below([path], directory)
        ]
    return tuple(each for each in found if below([each.path], directory))


def _processes() -> list[int]:
    try:
        return [int(each.name) for each in entries_in(_PROC) if each.name.isdigit()]
    except OSError:
        return []


def _content(path: str) -> bytes:
    """Return the content of a file of `/proc`; empty if it cannot be read."""
    try:
        return read_file(path)
    except OSError:
        return b""


def _link(path: str) -> str:
    """Return what a link of `/proc` names; `""` if it cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _links(process: int) -> Iterator[str]:
    """Yield what it runs, where it is and what it has open; of our own only the former two."""
    base = f"{_PROC}/{process}"
    names = ["cwd", "exe"]
    if process != os.getpid():
        try:
            names += [f"fd/{each.name}" for each in entries_in(f"{base}/fd")]
        except OSError:
            return
    for name in names:
        if found := _link(f"{base}/{name}"):
            yield found.removesuffix(_DELETED)


def _named(process: int) -> Iterator[str]:
    """Yield the paths in its command; a virtual environment's Python is a symlink to another."""
    if process == os.getpid():
        return
    where = _link(f"{_PROC}/{process}/cwd")
    for argument in _content(f"{_PROC}/{process}/cmdline").split(b"\0"):
        if where and b"/" in argument:
            yield os.path.normpath(os.path.join(where, os.fsdecode(argument)))


def _mapped(process: int, directory: str) -> Iterator[str]:
    """Yield the files below `directory` that it has mapped, such as libraries."""
    wanted = os.fsencode(directory.rstrip("/") + "/")
    text = _content(f"{_PROC}/{process}/maps")
    if wanted in text:
        for line in text.splitlines():
            before, found, rest = line.partition(wanted)
            if found and before.endswith(b" "):
                yield os.fsdecode(found + rest).removesuffix(_DELETED)


_Place = tuple[bytes, str]
"""A device as the kernel writes it, and a path in its file system."""


def _place(directory: str) -> _Place | None:
    """Return the place of `directory` in its file system, independent of mounts."""
    best: tuple[str, bytes, str] | None = None
    for device, root, point in _mountinfo("self"):
        # The last of several on one point hides those before.
        if below([directory], point) and (best is None or len(point) >= len(best[0])):
            best = point, device, root
    if best is None:
        return None
    inner = os.path.relpath(directory, best[0])
    return best[1], os.path.normpath(os.path.join(best[2], inner))


def _mounted(process: int, directory: str, place: _Place | None) -> Iterator[str]:
    """Yield what below `directory` is mounted for `process` and not for us."""
    namespace = _link(f"{_PROC}/{process}/ns/mnt")
    if place is None or namespace in ("", _link(f"{_PROC}/self/ns/mnt")):
        return
    for device, root, _ in _mountinfo(process):
        if device == place[0] and below([root], place[1]):
            inner = os.path.relpath(root, place[1])
            yield os.path.normpath(os.path.join(directory, inner))


def _mountinfo(process: int | str) -> Iterator[tuple[bytes, str, str]]:
    """Yield each mount's device, the directory of its file system that it shows, and where."""
    for line in _content(f"{_PROC}/{process}/mountinfo").splitlines():
        fields = line.split(b" ", 5)
        yield fields[2], os.fsdecode(_plain(fields[3])), os.fsdecode(_plain(fields[4]))


def _command(process: int) -> str:
    return _content(f"{_PROC}/{process}/comm").decode("utf-8", "replace").strip() or "gone"


def locked(device: int) -> frozenset[int]:
    """Return the inodes on `device` that a process which we may see has locked."""
    found = set()
    for line in _content(f"{_PROC}/locks").decode("utf-8", "replace").splitlines():
        place = re.search(r" (-?[0-9]+) ([0-9a-f]+):([0-9a-f]+):([0-9]+) ", line)
        if place is None or " -> " in line or int(place[1]) == os.getpid():
            continue
        if os.makedev(int(place[2], 16), int(place[3], 16)) == device:
            found.add(int(place[4]))
    return frozenset(found)


class Locks:
    """The locks of a build, taken so that no build begins; a context manager."""

    def __init__(self) -> None:
        self._files: list[int] = []

    def __enter__(self) -> Locks:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            os.close(file)
        self._files.clear()

    def take(self, fd: int, paths: Iterable[str]) -> str | None:
        """Lock the files `paths` below the directory `fd`; return the first locked one, or None."""
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


def held(fd: int, paths: Iterable[str]) -> str | None:
    """Return the first of the files `paths` below the directory `fd` that is locked, or None."""
    with Locks() as locks:
        return locks.take(fd, paths)


def _opened(fd: int, path: str) -> int | None:
    above, _, name = path.rpartition("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with Descent(fd) as descent:
            descent.follow(above)
            return os.open(name, flags, dir_fd=descent.fd)
    except OSError:
        return None
