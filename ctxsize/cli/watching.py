"""Show an answer again whenever it changes: `--watch`."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NoReturn, TypeVar

from ctxsize.cli import output
from ctxsize.errors import CtxsizeError
from ctxsize.model import Amount, Report
from ctxsize.units import signed

T = TypeVar("T")
_EVERY_S, _SHARE = 0.3, 60
"""Seconds between two looks at the files that people edit. The answers may use 1/`_SHARE` of the
time, so a large tree is measured less often."""


def watch(
    answer: Callable[[], T],
    show: Callable[[T], object],
    files: Callable[[T], Iterable[str | None]],
) -> NoReturn:
    """Show the answer now and whenever it changed, until the user interrupts.

    A save of one of `files` leads to an answer at once. An error is shown too.
    """
    gc.enable()  # `__main__` disables it, as other runs are short
    now: Callable[[], object]
    shown: object = None
    saved: dict[str, object] = {}
    while True:
        # Looked at before the answer, so that a save during it counts as the next change.
        before = {path: _stamp(path) for path in saved}
        start_s = _busy_s()
        try:
            new: object = (found := answer())
            now, paths = partial(show, found), [*files(found)]
        except CtxsizeError as error:
            new, now, paths = str(error), partial(output.failed, error), [*saved, error.path]
        # The first answer imports modules, which the next ones do not.
        cost_s = 0 if shown is None else _busy_s() - start_s
        if new != shown:
            shown = new
            with output.redrawn():
                now()
        saved = {path: before.get(path) or _stamp(path) for path in paths if path}
        due = time.monotonic() + max(_EVERY_S, cost_s * _SHARE)
        while time.monotonic() < due and all(_stamp(path) == was for path, was in saved.items()):
            time.sleep(_EVERY_S)


def measure_again(
    answer: Callable[[], T],
    show: Callable[[T], object],
    reports: Callable[[T], Iterable[Report]],
    *,
    as_text: bool,
) -> NoReturn:
    """Watch an answer that has `reports`; text ends with their growth since the first one."""
    first: list[Amount] = []

    def shown(found: T) -> None:
        show(found)
        sizes = Amount.of(*(each.context.totals for each in reports(found)))
        if as_text and first:
            change = sizes - first[0]
            files = f"{change.files:+,} file{'s' * (abs(change.files) != 1)}"
            output.write(f"{signed(change.content_bytes)}, {files} since the start\n")
        first[:] = first or [sizes]

    def files(found: T) -> Iterator[str | None]:
        for each in reports(found):
            yield from (each.dockerfile, os.path.join(each.context_path, ".dockerignore"))
            yield each.ignore_file.path if each.ignore_file else None

    watch(answer, shown, files)


def _busy_s() -> float:
    """Return the processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return a value that changes with every save; None while an editor renames the file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
