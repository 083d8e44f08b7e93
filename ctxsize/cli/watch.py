"""Do something again whenever one of a few files changes, until Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from ctxsize.cli import output
from ctxsize.errors import CtxsizeError

EVERY = 0.3
"""The seconds between two looks at the files."""
SEARCH_EVERY = 1.0
"""The least seconds between two searches for files that are new; more where one takes long."""
_SHARE = 20
"""A search takes at most one part in so many of the time."""


def watch(run: Callable[[], object], files: Callable[[], Iterable[str]]) -> None:
    """Call `run` now and after every change of `files`, new ones too; ends only by an exception.

    What is wrong with an input is said, and the next save is waited for.
    """
    while True:
        # Looked at before the run: what is saved during it counts as the next change.
        paths = _paths(files)
        seen = [*map(_stamp, paths)]
        output.clear()
        try:
            run()
        except CtxsizeError as error:
            output.error(str(error))
        output.flush()
        _wait(paths, seen, files)


def _wait(paths: list[str], seen: list[_Stamp], files: Callable[[], Iterable[str]]) -> None:
    """Return as soon as one of `paths` is saved, or `files` are other ones."""
    due = time.monotonic() + SEARCH_EVERY
    while [*map(_stamp, paths)] == seen:
        time.sleep(EVERY)
        start = time.monotonic()
        if start >= due:
            if _paths(files) != paths:
                return
            end = time.monotonic()
            due = end + max(SEARCH_EVERY, _SHARE * (end - start))


def _paths(files: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [*files()]
    except CtxsizeError:
        return []


_Stamp = tuple[int, int, int] | None


def _stamp(path: str) -> _Stamp:
    """Return what changes with every save; None while the file is not there, as editors rename."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
