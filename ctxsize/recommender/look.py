"""The only place where the recommender reads what is in files, and never much of it.

What is read is looked at and forgotten: no text from a file ever becomes part
of a message, as it may be a secret.
"""

from __future__ import annotations

import os

from ctxsize.reader import read_start

FIRST_BYTES = 8192
_SMALL = 1024 * 1024


def first_bytes(root: str, path: str, limit: int = FIRST_BYTES) -> bytes:
    """The first `limit` bytes of the regular file at `path`; none of what cannot be read."""
    try:
        return read_start(os.path.join(root, path), limit, links=False)
    except OSError:
        return b""


def small_file(root: str, path: str) -> bytes:
    """A manifest or a source: all of it, or its first MiB."""
    return first_bytes(root, path, _SMALL)


def text(data: bytes) -> str:
    """`data` to search in; UTF-16 by leaving out its zeros."""
    return data.translate(None, b"\0").decode("utf-8", "replace")


def link_target(root: str, path: str) -> str:
    """Where a symlink leads, `""` if it is none."""
    try:
        return os.readlink(os.path.join(root, path))
    except (OSError, ValueError):
        return ""
