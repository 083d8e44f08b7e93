"""Show an answer again whenever it changes: `--watch`."""

from __future__ import annotations

import gc
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, redirect_stderr, suppress
from functools import partial
from os.path import join, realpath
from pathlib import PurePath
from typing import NamedTuple, NoReturn, TypeVar

from ctxsize.cli import output
from ctxsize.config import NAMES
from ctxsize.errors import CtxsizeError
from ctxsize.formats.wording import listed, quoted
from ctxsize.model import Amount, Report
from ctxsize.units import signed

T = TypeVar("T")
SizesByName = dict[str, Amount]  # of builds
_EVERY_S = 0.3  # seconds between two looks at the files that people edit
_SHARE = 60  # answers may use 1/60 of the time, so a large tree is measured less often


class BuildSize(NamedTuple):
    """The name of a build, its report, and the size that is shown of it."""

    name: str
    report: Report
    size: Amount


def watch(
    answer: Callable[[], T], show: Callable[[T], object], files: Callable[[T], Iterable[str | None]]
) -> NoReturn:
    """Show the answer now and whenever it changed, until the user interrupts.

    A save of one of `files` leads to an answer at once. An error is shown too.
    """
    gc.enable()  # `__main__` disables it, as other runs are short
    shown: object = None
    saved: dict[str, object] = {}
    last_s = 0.0
    while True:
        # Looked at before the answer, so that a save during it counts as the next change.
        before = {path: _stamp(path) for path in saved}
        start_s = _busy_s()
        try:
            # Progress would overwrite the answer that is shown.
            with nullcontext() if shown is None else redirect_stderr(None):
                outcome = answer()
            new: object = outcome
            redraw: Callable[[], object] = partial(show, outcome)
            paths = [*files(outcome)]
        except CtxsizeError as error:
            new = str(error)
            redraw = partial(output.failed, error)
            paths = [*saved, error.path]
        cost_s = _busy_s() - start_s
        if new != shown:
            shown = new
            with output.redrawn():
                redraw()
        saved = {path: before.get(path, _stamp(path)) for path in paths if path}
        due = time.monotonic() + pause_s(last_s, cost_s)
        last_s = cost_s
        while time.monotonic() < due:
            if saved != {path: _stamp(path) for path in saved}:
                break
            time.sleep(_EVERY_S)


def pause_s(*costs_s: float) -> float:
    """Return how long to wait after answers that took so much processor time.

    The cheapest of them counts: another one may have imported modules.
    """
    return max(_EVERY_S, min(costs_s) * _SHARE)


def measure_again(
    answer: Callable[[], T],
    show: Callable[[T], object],
    display: output.Display,
    sizes: Callable[[T], Iterable[BuildSize]],
    baseline: Callable[[T], str | None] = lambda outcome: None,
) -> NoReturn:
    """Watch an answer with `sizes`; text ends with their growth since the first one."""
    first = None

    def shown(outcome: T) -> None:
        nonlocal first
        show(outcome)
        now = {build.name: build.size for build in sizes(outcome)}
        if first is None:
            first = now
        elif display.shows_text and not output.is_quiet():
            output.write("".join(_growth(first, now)))

    def files(outcome: T) -> Iterator[str | None]:
        yield baseline(outcome)
        for build in sizes(outcome):
            yield from _files_of(build.report)

    watch(answer, shown, files)


def _files_of(report: Report) -> Iterator[str]:
    """Yield the files that decide about a build; some of them may not exist."""
    if report.dockerfile:
        yield report.dockerfile
        yield f"{report.dockerfile}.dockerignore"
    yield join(report.context_path, ".dockerignore")
    if report.ignore_file:
        yield report.ignore_file.path
    context = PurePath(realpath(report.context_path))
    for directory in (context, *context.parents):
        for name in NAMES:
            yield f"{directory}/{name}"


def _growth(before: SizesByName, now: SizesByName) -> Iterator[str]:
    """Yield a line for each change, the largest last; of several builds, which ones changed."""
    builds = {**before, **now}
    changed = defaultdict(list)
    for name in builds:
        change = now.get(name, Amount()) - before.get(name, Amount())
        changed[change].append(quoted(name))
    if len(changed) > 1:
        changed.pop(Amount(), None)
    for change, names in sorted(changed.items(), key=lambda pair: abs(pair[0].content_bytes)):
        files = f"{change.files:+,} files"
        if abs(change.files) == 1:
            files = f"{change.files:+} file"
        line = f"{signed(change.content_bytes)}, {files} since the start"
        if len(builds) > 1 and any(change):
            line = f"{line}: {listed(names)}"
        yield f"{line}\n"


def _busy_s() -> float:
    """Return the processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _stamp(path: str) -> object:
    """Return a value that changes with every save; None while an editor renames the file."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size, status.st_ino
    return None
