"""One context measured by the compiled core and by the Python walk, which must agree."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from unittest.mock import patch

from ctxsize.engine import native, report
from ctxsize.engine.automaton import Program
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.events import Progress
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing, measure
from ctxsize.engine.sent_files import SentFiles
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.formats import json as outcome_json
from ctxsize.model import Entry
from tests.oracles.availability import unavailable
from tests.resolving import resolve

THREADS = (1, 2, 4)
_BACK, _ROW_BYTES = 7, 4 * 8
"""Which of the core's lists is what it hands back, and the bytes of the numbers of each item."""


comparisons = count()
"""Counts the walks of the core that were compared with a walk of Python."""


class Spy:
    """The core with a fixed number of threads; it records what each walk returned."""

    def __init__(self, module: Any, threads: int) -> None:
        self.threads = threads
        self.sums = self.failures = self.asks = self.handed_back = 0
        """Number of walks that returned sums, and that raised; of paths that Python judged;
        of runs and directories that it looked at."""
        self.asked = Event()
        """Set once the core is at work."""
        self._module = module

    def add_up(self, root: bytes, threads: int, *rest: Any) -> Any:
        """Walk with the threads of this spy in place of `threads`."""

        def judge(*question: Any) -> Any:
            self.asks += 1
            return matching(*question)

        *others, matching, progress = rest
        self.asked.set()
        try:
            found = self._module.add_up(root, self.threads or threads, *others, judge, progress)
        except BaseException:
            self.failures += 1
            raise
        self.sums += 1
        self.handed_back += len(found[_BACK][1]) // _ROW_BYTES
        return found

    def judge(self, *question: Any) -> Any:
        """Return the verdicts on a tree in memory."""
        return self._module.judge(*question)


def core() -> Any:
    """Return the compiled core. Skip the test without one; in CI, fail it."""
    with _environment("1"):
        module = native.core()
    if module is None:
        unavailable("the compiled core was not built")
    return module


@contextmanager
def native_walk(threads: int = 0) -> Iterator[Spy]:
    """Make measurements use the core with so many threads, 0 for as many as usual."""
    spy = Spy(core(), threads)
    with _environment("1"), patch.object(native, "core", lambda: spy):
        yield spy


@contextmanager
def python_walk() -> Iterator[None]:
    """Make measurements use the Python walk."""
    with _environment("0"):
        yield


@contextmanager
def _environment(chosen: str) -> Iterator[None]:
    before = os.environ.get("CTXSIZE_NATIVE")
    os.environ["CTXSIZE_NATIVE"] = chosen
    try:
        yield
    finally:
        if before is None:
            del os.environ["CTXSIZE_NATIVE"]
        else:
            os.environ["CTXSIZE_NATIVE"] = before


def _fields(error: Exception) -> dict[str, Any]:
    """Return the fields of an error, and in place of errors in it their types and texts."""
    fields = dict(vars(error))
    if "errors" in fields:
        fields["errors"] = [(type(part), str(part)) for part in fields["errors"]]
    return fields


def answer(plan: Plan, *, top: int = 10, progress: Progress | None = None) -> Any:
    """Return the JSON of a measurement, or the type and the fields of its error."""
    try:
        report = measure(plan, top=top, depth=None, progress=progress)
    except CtxsizeError as error:
        return type(error), str(error), _fields(error)
    # Not `render`: indented text takes the slow encoder.
    return json.dumps(outcome_json._outcome(report))


def tree_answer(plan: Plan) -> Any:
    """Return all of the context in memory and what of it is sent, or the fields of the error."""
    try:
        snapshot = Snapshot.take(plan)
        sent = snapshot.sent()
    except CtxsizeError as error:
        return type(error), str(error), _fields(error)
    folders = [
        (folder.path, [*folder.entries.items()], [*folder.folders], folder.content_bytes)
        for folder in snapshot.folders
    ]
    return folders, snapshot.problems, sent


def files_answer(plan: Plan, *, native: bool, threads: int = 0) -> Any:
    """Return the report with the files that are sent by directory, or the fields of its error."""
    files = SentFiles()
    with native_walk(threads) if native else python_walk():
        try:
            report = measure(plan, depth=None, files=files)
        except CtxsizeError as error:
            return type(error), str(error), _fields(error)
    return json.dumps(outcome_json._outcome(report)), files.by_directory, files.problems


class ListingAnswer(NamedTuple):
    """The entries that were listed, and what came behind them: problems, or an error's fields."""

    entries: list[Entry]
    end: Any
    has_error: bool

    def agrees_with(self, other: ListingAnswer) -> bool:
        """Return whether both are the same, but for where in a directory an error came up."""
        if self.end != other.end:
            return False
        if not self.has_error:
            return self.entries == other.entries
        both = zip(self.entries, other.entries, strict=False)
        return all(one == another for one, another in both)


def listing_answer(plan: Plan) -> ListingAnswer:
    """Return what is listed."""
    listing = Listing(plan)
    entries: list[Entry] = []
    try:
        entries += listing
    except CtxsizeError as error:
        return ListingAnswer(entries, (type(error), str(error), _fields(error)), has_error=True)
    return ListingAnswer(entries, listing.problems, has_error=False)


def native_tree(plan: Plan, threads: int = 0) -> Any:
    """Return the tree that the core reads."""
    with native_walk(threads):
        return tree_answer(plan)


def python_tree(plan: Plan) -> Any:
    """Return the tree that the Python walk reads."""
    with python_walk():
        return tree_answer(plan)


def native_answer(plan: Plan, threads: int = 0, *, top: int = 10) -> tuple[Any, Spy]:
    """Return the answer of the core, and what it was asked."""
    with native_walk(threads) as spy:
        return answer(plan, top=top), spy


def python_answer(plan: Plan, *, top: int = 10) -> Any:
    """Return the answer of the Python walk."""
    with python_walk():
        return answer(plan, top=top)


def is_left_to_python(plan: Plan) -> bool:
    """Return whether the core is not asked about `request` at all."""
    spec = plan.spec
    if not spec.remembers_parents or any(each.fault or "\0" in each.text for each in spec.patterns):
        return True
    return len(Program(spec.patterns).owner) > native._MOST_SEGMENTS


def check_plan(
    plan: Plan,
    *,
    threads: tuple[int, ...] = THREADS,
    top: int = 10,
    used: bool | None = None,
) -> list[Spy]:
    """Compare the answers about `request`; return what the core was asked.

    Fails unless the core's sums were `used`, by default wherever the core takes the patterns.
    """
    expected = python_answer(plan, top=top)
    wanted = not is_left_to_python(plan) if used is None else used
    spies = []
    for number in threads:
        found, spy = native_answer(plan, number, top=top)
        next(comparisons)
        assert found == expected, f"{plan.builder.name}, {number} threads"
        assert bool(spy.sums) == wanted, f"{plan.builder.name}, {number} threads"
        assert not (wanted and spy.failures)
        spies.append(spy)
    assert native_tree(plan, threads[-1]) == python_tree(plan), plan.builder.name
    sent = files_answer(plan, native=True, threads=threads[-1])
    assert sent == files_answer(plan, native=False), plan.builder.name
    with python_walk():
        expected_list = listing_answer(plan)
    for first in (0, 3):
        with native_walk(threads[-1]) as spy, patch.object(report, "_FIRST_ENTRIES", first):
            assert listing_answer(plan).agrees_with(expected_list), plan.builder.name
        is_long = len(expected_list.entries) >= first
        if used is None and wanted and is_long and not expected_list.has_error:
            assert spy.sums, plan.builder.name
    return spies


def check(
    context: Path | str,
    *,
    dockerfile: Path | str | None = None,
    threads: tuple[int, ...] = THREADS,
    top: int = 10,
    used: bool | None = None,
) -> list[Spy]:
    """Compare the answers about `context` for every builder; return what the core was asked."""
    spies: list[Spy] = []
    for builder in BUILDERS.values():
        plan = resolved(context, dockerfile, builder)
        if plan is not None:
            spies += check_plan(plan, threads=threads, top=top, used=used)
    return spies


def resolved(context: Path | str, dockerfile: Path | str | None, builder: Builder) -> Plan | None:
    """Return the request for a build, None for one that fails before it walks."""
    try:
        return resolve(
            str(context),
            dockerfile=None if dockerfile is None else str(dockerfile),
            builder=builder,
        )
    except CtxsizeError:
        return None


def open_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))
