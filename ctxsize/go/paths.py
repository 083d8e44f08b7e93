"""Paths as Go's package `filepath` cleans them."""

from __future__ import annotations

import posixpath


def clean(path: str) -> str:
    """Return the shortest path with the same meaning, computed from the text (`filepath.Clean`)."""
    # Python 3.11.0 to 3.11.4 cut a path at NUL.
    found = posixpath.normpath(path.replace("\0", "\udc00")).replace("\udc00", "\0")
    return found[1:] if found.startswith("//") else found  # which POSIX reserves
