"""Every build of a repository, measured, with findings across builds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from os.path import dirname, relpath
from typing import NamedTuple

from ctxsize.advice import advise
from ctxsize.build import joined
from ctxsize.dockerfile.shell import UNKNOWN
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.fates import failures, unknown_transfer
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import ParsedDockerfiles, Plan, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of
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
from ctxsize.recommender import modes
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.outcome import Advice
from ctxsize.repository import Discovery, FileListing, FoundBuild
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
    advised = advise(discovery, advice_of=lambda plan: contexts.advice(contexts.of(plan)))
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
    fate = failures(plan, snapshot.problems)
    measured.update(failures=fate)
    measured.problems += fate


def add_savings(measured: Iterable[Measured], contexts: Snapshots) -> None:
    """Add to each build what the suggestions save of it, the most costly first.

    Of several with one ignore file, the first is the one for which that is judged.
    """
    for result in sorted(measured, key=lambda result: result.row.order()):
        if result.snapshot is None or result.row.error is not None:
            continue
        with suppress(CtxsizeError):
            result.advice = contexts.advice(result.snapshot)
            improved = contexts.improved(result.snapshot)
            after = contexts.travelling(improved, result.includes)
            result.update(saving=result.row.cost - after)


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


class _Proposal(NamedTuple):
    """The suggestions for an ignore file, and the context with those that are chosen."""

    advice: Advice
    improved: Snapshot


class Snapshots:
    """Snapshots of contexts, with and without the safe suggestions, which builds share."""

    def __init__(
        self,
        progress: Progress | None,
        repositories: Repositories,
        listing: FileListing | None = None,
        *,
        unsafe: bool = False,
    ) -> None:
        """Create it; `unsafe` chooses unsafe suggestions too."""
        self._progress = progress
        self._repositories = repositories
        self._listing = listing
        self._amounts: dict[tuple[object, ...], Amount] = {}
        self._roots: dict[int, MemoryDirectory] = {}
        self._taken: dict[str, Snapshot] = {}
        self._proposals: dict[object, _Proposal | CtxsizeError] = {}
        self._unsafe = unsafe

    def of(self, plan: Plan) -> Snapshot:
        """Return the context of `plan`. Raises the errors of `Snapshot.take`."""
        root = plan.root
        if root not in self._taken:
            snapshot = self._in_another(plan)
            if snapshot is None:
                snapshot = Snapshot.take(plan, progress=self._progress, tolerant=True)
            self._taken[root] = snapshot
        return self._taken[root].asked(plan)

    def _in_another(self, plan: Plan) -> Snapshot | None:
        """Return the context as a part of one that was read before; None if there is none."""
        above = plan.root
        while above != dirname(above):
            above = dirname(above)
            if above in self._taken:
                return self._taken[above].of_directory(relpath(plan.root, above), plan)
        return None

    def travelling(self, snapshot: Snapshot, includes: Iterable[Include]) -> Amount:
        """Return the amount that all transfers send; builds that ask for the same share it."""
        plan = snapshot.plan
        lines = tuple((pattern.text, pattern.include) for pattern in plan.spec.patterns)
        root = snapshot.root
        self._roots[id(root)] = root  # so that no other gets its identity
        sent_from = (id(root), plan.builder.name, lines)
        amounts = []
        for include in includes:
            key = (sent_from, include)
            if key not in self._amounts:
                self._amounts[key] = Amount.of(snapshot.sent(include=include))
            amounts.append(self._amounts[key])
        return Amount.of(*amounts)

    def improved(self, snapshot: Snapshot) -> Snapshot:
        """Return the context with the safe suggestions of all Dockerfiles. Raises as `advice`."""
        return self._proposal(snapshot).improved

    def advice(self, snapshot: Snapshot) -> Advice:
        """Return the suggestions for a context. Raises the errors of `Advisor`."""
        return self._proposal(snapshot).advice

    def _proposal(self, snapshot: Snapshot) -> _Proposal:
        """Return the suggestions for an ignore file, which builds of a context share."""
        key = self._key(snapshot.plan)
        if key not in self._proposals:
            try:
                self._proposals[key] = self._proposed(snapshot)
            except CtxsizeError as error:
                self._proposals[key] = error
        proposal = self._proposals[key]
        if isinstance(proposal, CtxsizeError):
            raise proposal
        return proposal

    def _proposed(self, snapshot: Snapshot) -> _Proposal:
        advisor = self.advisor(snapshot)
        advice = advisor.advise(unsafe=self._unsafe)
        if advice.edit is None:
            return _Proposal(advice, snapshot)
        attempt = advisor.trial.attempt(advice.edit.after)
        return _Proposal(advice, advisor.trial.written(attempt))

    def advisor(self, snapshot: Snapshot) -> Advisor:
        """Return what computes the suggestions for a context."""
        return Advisor(snapshot, repositories=self._repositories, listing=self._listing)

    @staticmethod
    def _key(plan: Plan) -> tuple[object, ...]:
        """Return what two builds have in common if they get the same suggestions."""
        file = plan.ignore_file
        values = None
        if plan.dockerfile_in_context is None:
            values = plan.build.values
        return plan.root, file and file.path, plan.builder.name, values

    def like(self, snapshot: Snapshot, sibling: IgnoreFile) -> bytes | None:
        """Return the ignore file with the patterns of `sibling` that no build forbids.

        None if nothing changes. Raises `CtxsizeError`.
        """
        edit = modes.make(
            snapshot,
            "like",
            sibling=sibling,
            repositories=self._repositories,
            listing=self._listing,
        ).edit
        if edit is None:
            return None
        return edit.after


__all__ = ["UNREAD", "Row", "Scan", "Snapshots", "add_savings", "measured_build", "scan"]
