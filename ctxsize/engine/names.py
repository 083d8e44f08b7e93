"""The names in directories, and what symlinks point to.

Names come in byte order, as builders sort them. No symlink is followed.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EINVAL, ENOENT, ENOTDIR

Order = Callable[[str], bytes] | None
"""The key that sorts names as bytes; None where they sort so without one."""
Listing = tuple[list[str], list[str], Order]
"""The names in a directory, in byte order: directories, and everything else."""
Step = str | list[str]
"""The name of a directory, or a run of other names."""
MOST_TOGETHER = 256
"""Number of names in one run, at most."""


def listing(fd: int) -> Listing:
    """Return the names in the directory that is open as `fd`."""
    directories: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            else:
                others.append(entry.name)
    return in_order(directories, others)


def in_order(directories: list[str], others: list[str]) -> Listing:
    """Sort both lists, and return them with the key that does it."""
    key = _order(directories, others)
    directories.sort(key=key)
    others.sort(key=key)
    return directories, others, key


def steps(names: Listing) -> list[Step]:
    """Return the names of a directory in byte order, what lies between directories in runs."""
    directories, others, order = names
    found: list[Step] = []
    start = 0
    for directory, end in zip(directories, _positions(others, directories, order), strict=True):
        if end > start:
            found += _runs(others[start:end])
            start = end
        found.append(directory)
    return found + _runs(others[start:])


def _runs(names: list[str]) -> list[Step]:
    """Return `names` in runs short enough to keep all that is known of each name in one."""
    if len(names) <= MOST_TOGETHER:
        return [names] if names else []
    return [names[at : at + MOST_TOGETHER] for at in range(0, len(names), MOST_TOGETHER)]


def _positions(names: list[str], others: list[str], order: Order) -> list[int]:
    """Return where each of `others` stands among the sorted `names`."""
    if order is None:
        return [bisect_left(names, other) for other in others]
    keys = [order(name) for name in names]
    return [bisect_left(keys, order(other)) for other in others]


def _order(*names: list[str]) -> Order:
    """Return the key that sorts as bytes: none is needed but for names that are not UTF-8."""
    for each in names:
        joined = "".join(each)
        if not joined.isascii():
            try:
                joined.encode()
            except UnicodeEncodeError:
                return os.fsencode
    return None


def link_target(path: str) -> str | None:
    """Return what the symlink at `path` points to; None for anything else and for nothing.

    Raises `OSError` where that cannot be told.
    """
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR, EINVAL):
            return None
        raise


def names_in(path: str) -> list[str]:
    """Return all names in the directory at `path`, in byte order; none if it is none.

    Raises `OSError` for a directory that cannot be read.
    """
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            return []
        names = os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(names, key=_order(names))


def listing_at(path: str) -> tuple[list[str], list[str]]:
    """Return the names in the directory at `path` by its `listing`; none if unreadable."""
    try:
        with _opened(path) as fd:
            return listing(fd)[:2]
    except OSError:
        return [], []


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Yield the directory at `path` itself, open. Raises `OSError` if there is none to be read."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
