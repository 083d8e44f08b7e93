"""Paths as Go's package `filepath` cleans them."""

from __future__ import annotations

import posixpath


def clean(path: str) -> str:
    """Return the shortest path with the same meaning, computed from the text (`filepath.Clean`)."""
    # Python 3.11.0 to 3.11.4 cut a path at NUL.
    without_nul = path.replace("\0", "\udc00")
    shortest = posixpath.normpath(without_nul).replace("\udc00", "\0")
    if shortest.startswith("//"):  # which POSIX reserves
        return shortest[1:]
    return shortest
