"""Measures every build of a discovery, each tree walked once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from ctxsize.advice import advise
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import Request, request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, UndecidedError
from ctxsize.findings import Finding, in_order
from ctxsize.model import Amount, Problem
from ctxsize.projects import Discovery, FoundBuild
from ctxsize.scanning.across import Measured, findings
from ctxsize.scanning.outcome import Row, Scan
from ctxsize.scanning.sizes import Sizing
from ctxsize.scanning.trees import Trees


def scan(
    discovery: Discovery,
    *,
    left: Callable[[Iterable[Finding]], tuple[Finding, ...]] = tuple,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Every build of `discovery`, the most costly first, and the findings across them.

    `left` says which of the findings count.
    """
    roots = (os.path.realpath(each.build.context) for each in discovery.builds)
    trees = Trees(roots, progress=progress)
    sizing = Sizing()
    builds = stepped(discovery.builds, steps, lambda each: each.build.context)
    measured = [_measured(each, discovery.plans, trees, sizing) for each in builds]
    step(steps, "reading the Dockerfiles")
    across = left([*discovery.findings, *findings(discovery, measured)])
    advice = left(advise(discovery, starter=lambda _: None).findings)
    rows = [_counted(each.row, [*across, *advice]) for each in measured]
    rows += [Row(each, _named(each), None, error=each.outside) for each in discovery.outside]
    rows.sort(key=lambda row: (-row.cost.content_bytes, -row.cost.files, row.build.context))
    problems = [each for each in discovery.problems if each.code != "outside"]  # a row says it
    problems += [each for row in measured for each in row.problems]
    return Scan(
        discovery.root,
        tuple(rows),
        in_order([*across]),
        len(advice),
        tuple(dict.fromkeys(problems)),
    )


def _measured(found: FoundBuild, plans: Plans, trees: Trees, sizing: Sizing) -> Measured:
    try:
        request = request_of(found.build, BUILDERS[found.build.builder], plans=plans)
    except CtxsizeError as error:
        text = found.build.masked(str(error))
        return Measured(Row(found, _named(found), None, error=text), None, None)
    ignore_file = None if request.ignore_file is None else request.ignore_file.path
    dockerfile = None if found.build.dockerfile_inline is not None else request.dockerfile
    row = Row(found, dockerfile, ignore_file)
    try:
        snapshot = trees.of(request)
    except CtxsizeError as error:
        return Measured(replace(row, error=found.build.masked(str(error))), request, None)
    return _sized(row, request, snapshot, sizing)


def _named(found: FoundBuild) -> str | None:
    return None if found.build.dockerfile_inline is not None else found.build.dockerfile


def _sized(row: Row, request: Request, snapshot: Snapshot, sizing: Sizing) -> Measured:
    """The sizes; the context alone where the Dockerfile cannot be followed."""
    problems = tuple(_located(each, row) for each in snapshot.problems)
    try:
        sizes = sizing.of(request, snapshot)
    except CtxsizeError as error:
        sent = snapshot.sent()
        size = Amount.of(sent)
        if isinstance(error, UndecidedError):  # the build may succeed, with another value
            unknown = unknown_transfer(request, error)
            return Measured(replace(row, context=size), request, snapshot, (*problems, unknown))
        row = replace(row, context=size, error=row.build.masked(str(error)))
        return Measured(row, request, snapshot, problems)
    row = replace(row, context=sizes.context, transfer=sizes.transfer, saving=sizes.saving)
    return Measured(row, request, snapshot, problems)


def _located(problem: Problem, row: Row) -> Problem:
    """A problem of a context, its path as the user would name it."""
    if problem.path is None:
        return problem
    path = os.path.normpath(os.path.join(row.build.context, problem.path))
    return replace(problem, path=path)


def _counted(row: Row, found: Iterable[Finding]) -> Row:
    """The row with the number of findings on its Dockerfile, ignore file and places."""
    mine = {row.dockerfile, row.ignore_file, *(place.where.path for place in row.places)} - {None}
    count = Counter(each.location.path for each in found)
    by_place = {(place.where.path, place.where.line) for place in row.places}
    total = 0
    for path in mine:
        if path in (row.dockerfile, row.ignore_file):
            total += count[path or ""]
    total += sum(
        (each.location.path, each.location.line) in by_place
        for each in found
        if each.location.path not in (row.dockerfile, row.ignore_file)
    )
    return replace(row, findings=total)
