"""Measures every build of a repository; a context that several share is walked once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from ctxsize.advice import advise
from ctxsize.discovery import Discovery, FoundBuild
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.need import includes_of
from ctxsize.engine.request import Plans, Request, request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, UndecidedError
from ctxsize.findings import Finding, in_order
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.context import discovered
from ctxsize.recommender.tree import travelling
from ctxsize.scanning.across import Measured, Row, Scan, findings


def scan(
    discovery: Discovery,
    *,
    left: Callable[[Iterable[Finding]], tuple[Finding, ...]] = tuple,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Return every build, the most costly first; `left` selects the findings to report."""
    contexts = _Contexts(progress)
    builds = stepped(discovery.builds, steps, lambda each: each.build.context)
    measured = [_measured(each, discovery.plans, contexts) for each in builds]
    step(steps, "reading the Dockerfiles")
    across = left([*discovery.findings, *findings(discovery, measured)])
    advice = left(advise(discovery).findings)
    rows = [_counted(each.row, [*across, *advice]) for each in measured]
    rows += [Row(each, _named(each), None, error=each.outside) for each in discovery.outside]
    rows.sort(key=lambda row: (-row.cost.content_bytes, -row.cost.files, row.build.context))
    # The rows report the builds outside the repository.
    problems = [each for each in discovery.problems if each.code != "outside"]
    problems += [each for row in measured for each in row.problems]
    return Scan(
        discovery.root,
        tuple(rows),
        in_order([*across]),
        len(advice),
        tuple(dict.fromkeys(problems)),
    )


def _measured(found: FoundBuild, plans: Plans, contexts: _Contexts) -> Measured:
    """Measure a build: only its context if the transfer is unknown."""
    made = Measured(Row(found, _named(found), None))
    try:
        request = request_of(found.build, BUILDERS[found.build.builder], plans=plans)
        made.request = request
        dockerfile = None if found.inline is not None else request.dockerfile
        ignore_file = None if request.ignore_file is None else request.ignore_file.path
        made.row = replace(made.row, dockerfile=dockerfile, ignore_file=ignore_file)
        made.snapshot = snapshot = contexts.of(request)
        for each in snapshot.problems:  # its path as the user would name it
            path = each.path and os.path.normpath(os.path.join(found.build.context, each.path))
            made.problems.append(replace(each, path=path))
        context = travelling(snapshot, [None])
        made.row = replace(made.row, context=context)
        if request.dockerfile is not None or not request.builder.asks_for_paths:
            made.includes = includes_of(request)
        planned = contexts.improved(request, snapshot)
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


def _counted(row: Row, found: Iterable[Finding]) -> Row:
    """Return the row with the number of findings about its Dockerfile, ignore file and places."""
    files = {row.dockerfile, row.ignore_file}
    places = {(place.where.path, place.where.line) for place in row.places}
    total = sum(
        each.location.path in files or (each.location.path, each.location.line) in places
        for each in found
    )
    return replace(row, findings=total)


class _Contexts:
    """Snapshots of contexts, with and without the safe suggestions, which builds share."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._taken: dict[str, Snapshot] = {}
        self._discovering = cache(discovered)
        self._planned: dict[object, Snapshot | None] = {}

    def of(self, request: Request) -> Snapshot:
        """Return the context of `request`. Raises the errors of `Snapshot.take`."""
        if request.root not in self._taken:
            self._taken[request.root] = Snapshot.take(request, progress=self._progress)
        taken = self._taken[request.root]
        return Snapshot(request, taken.root, taken.problems)

    def improved(self, request: Request, snapshot: Snapshot) -> Snapshot | None:
        """Return the context with the safe suggestions of all Dockerfiles; None if unknown."""
        own = request.build if request.dockerfile_in_context is None else None
        path = None if request.ignore_file is None else request.ignore_file.path
        key = (request.root, path, request.builder.name, own and repr(own))
        if key not in self._planned:
            self._planned[key] = self._suggested(snapshot)
        return self._planned[key]

    def _suggested(self, snapshot: Snapshot) -> Snapshot | None:
        try:
            advisor = Advisor(snapshot, discovering=self._discovering)
            advice = advisor.advise()
        except CtxsizeError:
            return None
        if advice.edit is None:
            return snapshot
        return advisor.trial.written(advisor.trial.attempt(advice.edit.after))


__all__ = ["Row", "Scan", "scan"]
