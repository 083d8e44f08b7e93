"""Every build of a repository measured, and what they have to do with each other.

`scan` is what `ctxsize scan` says: a row for each build, the most costly first, and the
findings across them. Each tree is walked once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from ctxsize.advice import advise
from ctxsize.discovery import Discovery, FoundBuild
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.memory import Held
from ctxsize.engine.need import includes_of
from ctxsize.engine.request import Plans, Request, request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, UndecidedError
from ctxsize.findings import Finding, in_order
from ctxsize.model import Problem
from ctxsize.recommender.governed import discovered
from ctxsize.recommender.suggest import Advisor, Choice
from ctxsize.recommender.tree import travelling
from ctxsize.scanning.across import findings
from ctxsize.scanning.outcome import Measured, Row, Scan


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
    trees, improved = Trees(roots, progress=progress), Improved()
    builds = stepped(discovery.builds, steps, lambda each: each.build.context)
    measured = [_measured(each, discovery.plans, trees, improved) for each in builds]
    step(steps, "reading the Dockerfiles")
    across = left([*discovery.findings, *findings(discovery, measured)])
    advice = left(advise(discovery).findings)
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


def _measured(found: FoundBuild, plans: Plans, trees: Trees, improved: Improved) -> Measured:
    """Return a build as far as it is known; the context alone if the Dockerfile has no answer."""
    made = Measured(Row(found, _named(found), None))
    try:
        request = request_of(found.build, BUILDERS[found.build.builder], plans=plans)
        made.request = request
        dockerfile = None if found.inline is not None else request.dockerfile
        ignore_file = None if request.ignore_file is None else request.ignore_file.path
        made.row = replace(made.row, dockerfile=dockerfile, ignore_file=ignore_file)
        made.snapshot = snapshot = trees.of(request)
        made.problems += (_located(each, found) for each in snapshot.problems)
        context = travelling(snapshot, [None])
        made.row = replace(made.row, context=context)
        if request.dockerfile is not None or not request.builder.asks_for_paths:
            made.includes = includes_of(request)
        planned = improved.of(request, snapshot)
        transfer = None if made.includes is None else travelling(snapshot, made.includes)
        made.row = replace(made.row, transfer=transfer)
        if planned is not None:
            after = travelling(planned, [None] if made.includes is None else made.includes)
            made.row = replace(made.row, saving=made.row.cost - after)
    except CtxsizeError as error:
        if isinstance(error, UndecidedError) and made.request and made.row.context:
            # With another value, the build may succeed.
            made.problems.append(unknown_transfer(made.request, error))
        else:
            made.row = replace(made.row, error=found.build.masked(str(error)))
    return made


def _named(found: FoundBuild) -> str | None:
    return None if found.inline is not None else found.build.dockerfile


def _located(problem: Problem, found: FoundBuild) -> Problem:
    """Return a problem of a context, its path as the user would name it."""
    if problem.path is None:
        return problem
    path = os.path.normpath(os.path.join(found.build.context, problem.path))
    return replace(problem, path=path)


def _counted(row: Row, found: Iterable[Finding]) -> Row:
    """Return the row with the number of findings on its Dockerfile, ignore file and places."""
    files = {row.dockerfile, row.ignore_file}
    places = {(place.where.path, place.where.line) for place in row.places}
    total = sum(
        each.location.path in files or (each.location.path, each.location.line) in places
        for each in found
    )
    return replace(row, findings=total)


class Trees:
    """Snapshots of contexts; what lies in a context that was walked is not walked again."""

    def __init__(self, roots: Iterable[str], *, progress: Progress | None = None) -> None:
        """`roots` are the real paths of all contexts that will be asked for."""
        self._outermost: list[str] = []
        for root in sorted(set(roots)):
            if not any(_holds(each, root) for each in self._outermost):
                self._outermost.append(root)
        self._progress = progress
        self._taken: dict[str, Snapshot] = {}
        self.walks = 0
        """How many there were."""

    def of(self, request: Request) -> Snapshot:
        """Return the context of `request`. Raises what `Snapshot.take` raises."""
        outer = next(each for each in self._outermost if _holds(each, request.root))
        if outer not in self._taken:
            whole = replace(request, root=outer)
            self._taken[outer] = Snapshot.take(whole, progress=self._progress)
            self.walks += 1
        walked = self._taken[outer]
        if request.root == outer:
            return Snapshot(request, walked.root, walked.problems)
        prefix = os.path.relpath(request.root, outer)
        held = walked.folder(prefix)
        if held is None:  # it could not be read from above
            return Snapshot.take(request, progress=self._progress)
        problems = (
            each if each.path is None else replace(each, path=each.path[len(prefix) + 1 :])
            for each in walked.problems
            if each.path is None or each.path.startswith(f"{prefix}/")
        )
        return Snapshot(request, _rerooted(held), tuple(problems))


def _holds(directory: str, root: str) -> bool:
    return f"{root}/".startswith(f"{directory.rstrip('/')}/")


def _rerooted(top: Held) -> Held:
    """Return a directory as a context of its own."""
    made: dict[str, Held] = {}
    for each in reversed([*top.tree()]):
        path = each.path[len(top.prefix) :]
        folders = [made[folder.path] for folder in each.folders]
        made[each.path] = Held(path, each.entries, folders, each.content_bytes, each.count)
    return made[top.path]


class Improved:
    """Contexts with the safe suggestions; builds with one ignore file share its suggestions."""

    def __init__(self) -> None:
        self._discovering = cache(discovered)
        self._planned: dict[object, Snapshot | None] = {}

    def of(self, request: Request, snapshot: Snapshot) -> Snapshot | None:
        """Return the context as it would be with the safe suggestions; None if none are known.

        Advice is proved for all Dockerfiles in the context, so it holds for each of them.
        """
        own = request.build if request.dockerfile_in_context is None else None
        path = None if request.ignore_file is None else request.ignore_file.path
        key = (request.root, path, request.builder.name, own and repr(own))
        if key not in self._planned:
            self._planned[key] = self._of(snapshot)
        return self._planned[key]

    def _of(self, snapshot: Snapshot) -> Snapshot | None:
        try:
            advisor = Advisor(snapshot, discovering=self._discovering)
            advice = advisor.advise(Choice())
        except CtxsizeError:
            return None
        if advice.edit is None:
            return snapshot
        return advisor.trial.written(advisor.trial.attempt(advice.edit.after))


__all__ = ["Row", "Scan", "scan"]
