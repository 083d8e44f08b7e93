"""Read files and directories safely; no other module opens a file for its content.

A FIFO, a device, a huge sparse file or a file that is replaced in between cannot block a run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EFBIG, EINVAL, EISDIR, EPERM
from typing import BinaryIO

MOST_BYTES = 64 << 20
"""Number of bytes of the largest file that is read whole."""
_PART_BYTES = 1 << 20
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_file(
    path: str | os.PathLike[str],
    most: int = MOST_BYTES,
    *,
    dir_fd: int | None = None,
    links: bool = True,
    owner: int | None = None,
) -> bytes:
    """Return the content of a regular file; symlinks are followed with `links`.

    /dev/null counts as an empty file, as it does for the builders. Raises `OSError` for other
    entries, for more than `most` bytes, and for a file of another user than `owner`.
    """
    with _opened(path, dir_fd, owner, links=links) as (fd, size):
        # Check the size first: a sparse file would fill the memory. A file of /proc has no size.
        if size > most or len(data := _start(fd, most + 1)) > most:
            raise _too_large(most)
        return data


def read_start(
    path: str | os.PathLike[str],
    size: int,
    *,
    dir_fd: int | None = None,
    links: bool = True,
    owner: int | None = None,
) -> bytes:
    """Return the first `size` bytes of a file, under the conditions of `read_file`."""
    with _opened(path, dir_fd, owner, links=links) as (fd, _):
        return _start(fd, size)


def read_stream(stream: BinaryIO, most: int = MOST_BYTES) -> bytes:
    """Return the rest of `stream`. Raises `OSError` if that is more than `most` bytes."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise _too_large(most)
    return data


def entries_in(directory: str | int | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """Return the entries of a directory or its descriptor, unsorted. Raises `OSError`."""
    with os.scandir(directory) as entries:
        return list(entries)


def is_null(found: os.stat_result) -> bool:
    """Return whether this is /dev/null, under any name."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == os.stat(os.devnull).st_rdev


@contextmanager
def _opened(
    path: str | os.PathLike[str], dir_fd: int | None, owner: int | None, *, links: bool
) -> Iterator[tuple[int, int]]:
    """Open a regular file or /dev/null, and yield its descriptor and size."""
    try:
        fd = os.open(path, _FLAGS if links else _FLAGS | os.O_NOFOLLOW, dir_fd=dir_fd)
    except ValueError as error:  # a NUL in the name, or half a surrogate pair
        raise OSError(EINVAL, str(error)) from None
    try:
        found = os.fstat(fd)
        if owner is not None and found.st_uid != owner:
            raise OSError(EPERM, os.strerror(EPERM))
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if not stat.S_ISREG(found.st_mode) and not is_null(found):
            kind = "a FIFO" if stat.S_ISFIFO(found.st_mode) else "a device"
            raise OSError(EINVAL, f"it is no regular file but {kind}")
        yield fd, found.st_size
    finally:
        os.close(fd)


def _start(fd: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(fd, min(size, _PART_BYTES))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _too_large(most: int) -> OSError:
    return OSError(EFBIG, f"it is larger than {most:,} bytes")
