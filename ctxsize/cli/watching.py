"""Show an answer again whenever it changes: `--watch`."""

from __future__ import annotations

import gc
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, redirect_stderr, suppress
from functools import partial
from pathlib import PurePath
from typing import NoReturn, TypeVar

from ctxsize.cli import output
from ctxsize.config import NAMES
from ctxsize.errors import CtxsizeError
from ctxsize.formats.wording import listed, quoted
from ctxsize.model import Amount, Report
from ctxsize.units import signed

T = TypeVar("T")
Sizes = Iterable[tuple[str, Report, Amount]]  # name of each build, report, shown size
_EVERY_S = 0.3
_SHARE = 60
"""Seconds between two looks at the files that people edit. The answers may use 1/`_SHARE` of the
time, so a large tree is measured less often."""


def watch(
    answer: Callable[[], T], show: Callable[[T], object], files: Callable[[T], Iterable[str | None]]
) -> NoReturn:
    """Show the answer now and whenever it changed, until the user interrupts.

    A save of one of `files` leads to an answer at once. An error is shown too.
    """
    gc.enable()  # `__main__` disables it, as other runs are short
    now: Callable[[], object]
    shown: object = None
    saved: dict[str, object] = {}
    last_s = 0.0
    while True:
        # Looked at before the answer, so that a save during it counts as the next change.
        before = {path: _stamp(path) for path in saved}
        start_s = _busy_s()
        try:
            # Progress would overwrite the answer that is shown.
            with redirect_stderr(None) if shown else nullcontext():
                new: object = (found := answer())
            now = partial(show, found)
            paths = [*files(found)]
        except CtxsizeError as error:
            new = str(error)
            now = partial(output.failed, error)
            paths = [*saved, error.path]
        cost_s = _busy_s() - start_s
        if new != shown:
            shown = new
            with output.redrawn():
                now()
        saved = {path: before.get(path, _stamp(path)) for path in paths if path}
        # An answer may import modules, which the next ones do not.
        due = time.monotonic() + max(_EVERY_S, min(last_s, cost_s) * _SHARE)
        last_s = cost_s
        while time.monotonic() < due and all(_stamp(path) == was for path, was in saved.items()):
            time.sleep(_EVERY_S)


def measure_again(
    answer: Callable[[], T],
    show: Callable[[T], object],
    display: output.Display,
    sizes: Callable[[T], Sizes],
    baseline: Callable[[T], str | None] = lambda found: None,
) -> NoReturn:
    """Watch an answer with `sizes`; text ends with their growth since the first one."""
    first: list[dict[str, Amount]] = []

    def shown(found: T) -> None:
        show(found)
        now = {name: size for name, _, size in sizes(found)}
        if display.shows_text and first and not output.is_quiet():
            output.write("".join(_growth(first[0], now)))
        first[:] = first or [now]

    def files(found: T) -> Iterator[str | None]:
        yield baseline(found)
        for _, each, _ in sizes(found):
            yield from (each.dockerfile, each.dockerfile and f"{each.dockerfile}.dockerignore")
            yield os.path.join(each.context_path, ".dockerignore")
            yield each.ignore_file.path if each.ignore_file else None
            here = PurePath(os.path.realpath(each.context_path))
            yield from (f"{above}/{name}" for above in (here, *here.parents) for name in NAMES)

    watch(answer, shown, files)


def _growth(before: dict[str, Amount], now: dict[str, Amount]) -> Iterator[str]:
    """Yield a line for each change, the largest last; of several builds, which ones changed."""
    builds = {**before, **now}
    changed = defaultdict[Amount, list[str]](list)
    for name in builds:
        change = now.get(name, Amount()) - before.get(name, Amount())
        changed[change].append(quoted(name))
    if len(changed) > 1:
        changed.pop(Amount(), None)
    for change, names in sorted(changed.items(), key=lambda pair: abs(pair[0].content_bytes)):
        files = f"{change.files:+,} file{'s' * (abs(change.files) != 1)}"
        if len(builds) > 1 and any(change):
            where = f": {listed(names)}"
        else:
            where = ""
        yield f"{signed(change.content_bytes)}, {files} since the start{where}\n"


def _busy_s() -> float:
    """Return the processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return a value that changes with every save; None while an editor renames the file."""
    with suppress(OSError):
        found = os.stat(path)
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None
