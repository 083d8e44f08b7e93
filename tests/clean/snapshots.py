"""Everything in a tree, byte by byte, so that what must not be lost can be compared.

Independent of ctxsize: `os.walk` relative to nothing, contents read whole.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

Snapshot = dict[str, tuple[object, ...]]


def snapshot(root: Path) -> Snapshot:
    """Each path below `root` with its type, mode and content; mounts are entered."""
    found: Snapshot = {}
    for above, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = os.path.join(above, name)
            found[os.path.relpath(path, root)] = _entry(path)
    return found


def _entry(path: str) -> tuple[object, ...]:
    status = os.lstat(path)
    form, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return form, os.readlink(path)
    if stat.S_ISREG(status.st_mode) and status.st_blocks:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return form, mode, status.st_size, digest, status.st_mtime_ns
    if stat.S_ISREG(status.st_mode):
        return form, mode, status.st_size, status.st_mtime_ns
    return form, mode


def without(found: Snapshot, gone: Iterable[str]) -> Snapshot:
    """The snapshot without these paths and all that is below them."""
    doomed = tuple(gone)
    return {
        path: entry
        for path, entry in found.items()
        if not any(path == each or path.startswith(f"{each}/") for each in doomed)
    }
