"""Every build of a repository, measured, with findings across builds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from ctxsize.advice import advise
from ctxsize.build import joined
from ctxsize.dockerfile.shell import UNKNOWN
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.fates import failures, lacking, unknown_transfer
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ParsedDockerfiles, Plan, plan_of
from ctxsize.engine.transfer_requests import includes_of, sent_contexts
from ctxsize.errors import (
    BuildFailsError,
    CtxsizeError,
    DockerfileError,
    IgnoreFileError,
    UndecidedError,
    with_fate,
)
from ctxsize.findings import Finding, FrozenFindings, in_order
from ctxsize.model import Amount
from ctxsize.recommender.snapshots import Snapshots
from ctxsize.repository import Discovery, FoundBuild
from ctxsize.scanning.across import findings_across
from ctxsize.scanning.rows import Measured, Row, Scan

# Where the builder stops before it builds anything, as `measure` says with exit code 2.
UNREAD = (BuildFailsError, DockerfileError, IgnoreFileError)


def scan(
    discovery: Discovery,
    *,
    left: Callable[[Iterable[Finding]], FrozenFindings] = tuple,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Return every build, the most costly first; `left` selects the findings to report."""
    contexts = Snapshots(progress, Repositories(discovery.root), discovery.listing)
    builds = stepped(discovery.builds, steps, lambda build: build.build.context)
    measured = [measured_build(build, discovery.parsed_files, contexts) for build in builds]
    add_savings(measured, contexts)
    step(steps, "reading the Dockerfiles")
    across = left([*discovery.findings, *findings_across(discovery, measured, contexts.like)])
    advised = advise(discovery, contexts=contexts)
    advice = left(advised.findings)
    findings = _Findings([*across, *advice])
    # The rows report the builds outside the repository.
    problems = [problem for problem in discovery.problems if problem.code != "outside"]
    problems += [problem for problem in advised.problems if problem.code == UNKNOWN.code]
    rows = []
    for result in measured:
        result.update(findings=findings.about(result.row))
        rows.append(result.row)
        problems += result.problems
    rows += [replace(_row_of(build), error=build.outside) for build in discovery.outside]
    rows.sort(key=Row.order)
    return Scan(
        root=discovery.root,
        rows=tuple(rows),
        findings=in_order([*across]),
        advice=len(advice),
        problems=tuple(dict.fromkeys(problems)),
    )


def _row_of(build: FoundBuild) -> Row:
    if build.inline is not None:
        return Row(build, None)
    return Row(build, build.build.dockerfile)


def measured_build(
    build: FoundBuild, parsed_files: ParsedDockerfiles, contexts: Snapshots
) -> Measured:
    """Return a build, measured: only its context if the transfer is unknown."""
    measured = Measured(_row_of(build))
    try:
        _fill_in(measured, parsed_files, contexts)
    except CtxsizeError as error:
        plan = measured.plan
        if isinstance(error, UndecidedError) and plan and measured.row.context:
            # With another value, the build may succeed.
            measured.problems.append(unknown_transfer(plan, error))
        else:
            measured.error = error
            measured.update(error=with_fate(error), is_unread=isinstance(error, UNREAD))
    return measured


def _fill_in(measured: Measured, parsed_files: ParsedDockerfiles, contexts: Snapshots) -> None:
    """Fill in the values of a build one after the other. Raises `CtxsizeError` on the way."""
    build = measured.row.build
    builder = BUILDERS[build.builder]
    plan = plan_of(build, builder, parsed_files=parsed_files)
    measured.plan = plan
    if build.dockerfile_inline is None:
        measured.update(dockerfile=plan.dockerfile)
    if plan.ignore_file is not None:
        measured.update(ignore_file=plan.ignore_file.path)
    snapshot = contexts.of(plan)
    measured.snapshot = snapshot
    for problem in snapshot.problems:
        path = problem.path
        if path:
            path = joined(build.context, path)
        measured.problems.append(replace(problem, path=path))
    measured.update(context=contexts.travelling(snapshot, [None]))
    if plan.dockerfile is not None or not builder.asks_for_paths:
        measured.includes = includes_of(plan)
        measured.update(transfer=contexts.travelling(snapshot, measured.includes))
    if builder.asks_for_paths:
        measured.update(named_contexts=_of_named_contexts(plan, contexts))
    fate = failures(plan, snapshot.problems)
    measured.update(failures=fate)
    measured.problems += fate
    measured.problems += lacking(plan)


def _of_named_contexts(plan: Plan, contexts: Snapshots) -> Amount:
    """Return what a build sends of the directories that are its named contexts."""
    amounts = []
    for part in sent_contexts(plan):
        if part.name:
            amounts.append(contexts.travelling(contexts.of(part), includes_of(part)))
    return Amount.of(*amounts)


def add_savings(measured: Iterable[Measured], contexts: Snapshots) -> None:
    """Add to each build what the suggestions save of it, the most costly first.

    Of several with one ignore file, the first is the one for which that is judged.
    """
    for result in sorted(measured, key=lambda result: result.row.order()):
        if result.snapshot is None or result.row.error is not None:
            continue
        with suppress(CtxsizeError):
            result.advice = contexts.advice(result.snapshot)
            saving = contexts.saving(result.snapshot, result.includes)
            result.update(saving=saving, is_link=result.advice.is_link)


class _Findings:
    """The findings by their files and lines, counted once for all rows."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        locations = [finding.location for finding in findings]
        self._by_path = Counter[str | None](where.path for where in locations)
        self._by_line = Counter((where.path, where.line) for where in locations)

    def about(self, row: Row) -> int:
        """Return the number of findings about the row's Dockerfile, ignore file and places."""
        files = {row.dockerfile, row.ignore_file}
        lines = {(place.where.path, place.where.line) for place in row.places}
        count = sum(self._by_path[path] for path in files)
        return count + sum(self._by_line[line] for line in lines if line[0] not in files)


__all__ = ["UNREAD", "Row", "Scan", "Snapshots", "add_savings", "measured_build", "scan"]
