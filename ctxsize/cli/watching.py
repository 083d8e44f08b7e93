"""Show an answer again whenever a file that it depends on changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

from ctxsize.cli import output
from ctxsize.errors import CtxsizeError

_EVERY, _LIST_EVERY, _SHARE = 0.3, 1.0, 20
"""Seconds between two looks at the files, and between two lists of them, which may use at most
1/`_SHARE` of the time."""


def watch(files: Callable[[], Iterable[str]], show: Callable[[], object]) -> NoReturn:
    """Call `show` now and after every change of `files`, until it raises an exception.

    An invalid input is reported, and the next change is awaited.
    """

    def listed() -> list[str]:
        try:
            return [*files()]
        except CtxsizeError:
            return []

    while True:
        # Looked at before `show`, so that a save during it counts as the next change.
        paths = listed()
        seen = [*map(_stamp, paths)]
        output.clear()
        try:
            show()
        except CtxsizeError as error:
            output.error(str(error))
        output.write("", flushed=True)
        due = time.monotonic() + _LIST_EVERY
        while [*map(_stamp, paths)] == seen:
            time.sleep(_EVERY)
            start = time.monotonic()
            if start >= due:
                if listed() != paths:
                    break
                end = time.monotonic()
                due = end + max(_LIST_EVERY, _SHARE * (end - start))


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return a value that changes with every save; None while an editor renames the file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
