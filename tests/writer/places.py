"""Places where writing is hard: full disks, read-only ones, and another user's rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracles.availability import require, unavailable

NOBODY = 65534


@contextmanager
def as_a_user() -> Iterator[Path]:
    """A directory of a user who is not root, and his rights for as long as it lasts."""
    directory = Path(tempfile.mkdtemp(prefix="ctxsize-"))
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(directory, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield directory
    finally:
        if root:
            os.seteuid(0)
        for path in directory.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(directory)


@contextmanager
def small_disk(at: Path, size: str = "64k") -> Iterator[Path]:
    """A file system of `size` at `at`; `remount` makes it read-only."""
    require("root")
    at.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at))
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def remount(at: Path, option: str) -> None:
    """Make the file system at `at` read-only ("ro") or not ("rw")."""
    _mount("-o", f"remount,{option}", str(at))


def _mount(*arguments: str) -> None:
    mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if mounted.returncode:
        unavailable(f"cannot mount: {mounted.stderr.strip()}")
