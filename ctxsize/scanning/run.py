"""Measures every build of a discovery, each tree walked once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from ctxsize.advice import advise
from ctxsize.discovery import Discovery, FoundBuild
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.memory import Held
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import Request, request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, UndecidedError
from ctxsize.findings import Finding, in_order
from ctxsize.model import Amount, Problem
from ctxsize.scanning.across import Measured, findings
from ctxsize.scanning.outcome import Row, Scan
from ctxsize.scanning.sizes import Sizing


def scan(
    discovery: Discovery,
    *,
    left: Callable[[Iterable[Finding]], tuple[Finding, ...]] = tuple,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Return every build of `discovery`, the most costly first, and the findings across them.

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
    """Return the sizes; the context alone where the Dockerfile cannot be followed."""
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
    """Return a problem of a context, its path as the user would name it."""
    if problem.path is None:
        return problem
    path = os.path.normpath(os.path.join(row.build.context, problem.path))
    return replace(problem, path=path)


def _counted(row: Row, found: Iterable[Finding]) -> Row:
    """Return the row with the number of findings on its Dockerfile, ignore file and places."""
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


class Trees:
    """Snapshots of contexts; what lies in a context that was walked is not walked again."""

    def __init__(self, roots: Iterable[str], *, progress: Progress | None = None) -> None:
        """`roots` are the real paths of all contexts that will be asked for."""
        self._outermost = _outermost(roots)
        self._progress = progress
        self._taken: dict[str, Snapshot] = {}
        self.walks = 0
        """How many there were."""

    def of(self, request: Request) -> Snapshot:
        """Return the context of `request`. Raises what `Snapshot.take` raises."""
        outer = next(each for each in self._outermost if _lies_in(request.root, each))
        if outer not in self._taken:
            self._taken[outer] = Snapshot.take(
                replace(request, root=outer), progress=self._progress
            )
            self.walks += 1
        walked = self._taken[outer]
        prefix = "" if request.root == outer else os.path.relpath(request.root, outer)
        held = walked.folder(prefix)
        if held is None:  # it could not be read from above
            return Snapshot.take(request, progress=self._progress)
        problems = tuple(_below(walked.problems, prefix))
        return Snapshot(request, _rerooted(held, prefix) if prefix else held, problems)


def _outermost(roots: Iterable[str]) -> list[str]:
    found: list[str] = []
    for root in sorted(set(roots)):
        if not any(_lies_in(root, each) for each in found):
            found.append(root)
    return found


def _lies_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _below(problems: Iterable[Problem], prefix: str) -> Iterable[Problem]:
    """Yield the problems of a directory, with paths as seen from it."""
    for each in problems:
        if not prefix or each.path is None:
            yield each
        elif each.path.startswith(prefix + "/"):
            yield replace(each, path=each.path[len(prefix) + 1 :])


def _rerooted(top: Held, prefix: str) -> Held:
    """Return the directory at `prefix` as a context of its own."""
    made: dict[str, Held] = {}
    nodes = list(top.tree())
    for each in nodes:
        path = each.path[len(prefix) + 1 :]
        made[each.path] = Held(path, each.entries, [], each.content_bytes, each.count)
    for each in nodes:
        made[each.path].folders = [made[folder.path] for folder in each.folders]
    return made[top.path]
