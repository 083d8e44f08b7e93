"""The measured transfers of a build, and the share that each source of an instruction has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from os.path import isdir, join, lexists, relpath

from ctxsize.dockerfile.context_need import Asked, RequestedPaths
from ctxsize.dockerfile.sources import MOUNTING, Source
from ctxsize.engine.build_options import platforms_of
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.dockerfiles import follow_inside
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Progress
from ctxsize.engine.fates import (
    failing_steps,
    failures,
    lacking,
    missing_sources,
    rejected_line,
    unknown_transfer,
)
from ctxsize.engine.narrow import follow, followed, narrowed
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing, measure
from ctxsize.engine.transfer_requests import (
    TAKEN_AWAY,
    Include,
    asked_of,
    includes_of,
    is_wrong_target,
    mounts_of,
    named_plan,
    sources_of,
    unknown_problem,
    used_contexts,
)
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.model import (
    Measurement,
    NamedContext,
    Problem,
    Problems,
    Report,
    SourceShare,
    Texts,
    Totals,
    Transfer,
)
from ctxsize.values import Value

# Characters with which a path may match something other than its own name.
_SPECIAL = frozenset("*?[]\\^!{}|\0\ufeff")
_WILDCARDS = frozenset("*?[]")  # those of COPY, for which the builder searches
# The code of a problem that matters only if the file concerned is transferred.
_OF_TRANSFERS = "not-utf8"


def with_transfers(plan: Plan, report: Report, *, progress: Progress | None = None) -> Report:
    """Return `report`, of the whole context of `plan`, with its transfers and named contexts.

    If the transfers are not known, a problem explains why. Raises `InputError` for a target that
    the Dockerfile does not have and for options that the builder does not have, and what
    measuring a named context raises.
    """
    builder = plan.builder
    if builder.asks_for_paths:
        return _with_requested(plan, report, progress)
    is_sent = builder.meter is not None  # Podman reads all contexts in place
    if is_sent and plan.build.build_contexts:
        raise InputError(f"{builder.title} has no --build-context", hint="leave out --builder")
    problems = (
        *report.problems,
        *unfiltered_mounts(plan),
        *failures(plan),
        *lacking(plan),
    )
    report = replace(
        report,
        problems=tuple(dict.fromkeys(problems)),
        named_contexts=plan.named_contexts,
    )
    if is_sent and plan.dockerfile is not None:
        return replace(report, transfer=_transfer(report.context, None, ()))
    return report


def _with_requested(plan: Plan, report: Report, progress: Progress | None) -> Report:
    """Return a report with the transfers that BuildKit requests, and the named contexts."""
    platforms = platforms_of(plan.build)
    # Without a Dockerfile, a problem of the plan says so.
    is_there = plan.dockerfile is not None and plan.dockerfile_fault is None
    measured = _measure_transfers(plan, report, progress, is_there=is_there)
    contexts = []
    for context in plan.named_contexts:
        if measured.transfers is not None:
            context = replace(context, used=context.name in used_contexts(plan))
        if context.local and context.used is not False:
            context = _with_own_transfers(plan, context, progress)
        contexts.append(context)
    report = replace(report, problems=measured.problems, named_contexts=tuple(contexts))
    if measured.transfers is None:
        return report
    first, *others = _with_unused(measured.transfers, platforms)
    return replace(report, transfer=first, more_transfers=tuple(others))


def _with_unused(transfers: Sequence[Transfer], platforms: Sequence[str]) -> list[Transfer]:
    """Return the transfers in the order of their platforms, also for those that request nothing."""
    requesting = {platform for transfer in transfers for platform in transfer.platforms}
    unused = [platform for platform in platforms if platform not in requesting]
    if unused:
        nothing = Transfer(
            context_used=False,
            follow_paths=(),
            content_bytes=0,
            files=0,
            wire_bytes=None,
            printed=None,
            platforms=tuple(unused),
        )
        transfers = (*transfers, nothing)
    return sorted(transfers, key=lambda transfer: platforms.index(transfer.platforms[0]))


def _with_own_transfers(
    plan: Plan, context: NamedContext, progress: Progress | None
) -> NamedContext:
    """Return a named context with its transfers; without any if it is not known to be used."""
    plan = named_plan(plan, context)
    report = measure(plan, top=1, depth=0, progress=progress)
    measured = _measure_transfers(plan, report, progress, is_there=context.used is not None)
    return replace(
        context,
        ignore_file=report.ignore_file,
        context=report.context,
        transfers=measured.transfers or (),
        problems=measured.problems,
    )


class _Measured(Value):
    """The transfers of one context, and its problems and theirs."""

    transfers: tuple[Transfer, ...] | None  # None if they are not known
    problems: Problems


def _measure_transfers(
    plan: Plan, report: Report, progress: Progress | None, *, is_there: bool
) -> _Measured:
    """Measure the transfers of one context; none are known if there `is_there` no Dockerfile."""
    problems = [*map(_if_taken, report.problems)]
    if not is_there:
        return _Measured(None, tuple(problems))
    asked: Sequence[Asked] = ()
    measuring = _Measuring(plan, report, progress)
    try:
        asked = asked_of(plan)
        transfers = tuple(map(measuring.transfer, asked))
    except CtxsizeError as error:
        if not asked and is_wrong_target(plan):
            raise
        error.line = error.line or rejected_line(asked)
        problems.append(unknown_transfer(plan, error))
        return _Measured(None, tuple(dict.fromkeys(problems)))
    problems = [problem for problem in report.problems if problem.code != _OF_TRANSFERS]
    problems += measuring.problems
    if not plan.name:
        problems += failing_steps(plan)
        problems += lacking(plan)
    if measuring.doubtful:
        problems += missing_sources(plan, measuring.doubtful)
    return _Measured(transfers, tuple(dict.fromkeys(problems)))


def _if_taken(problem: Problem) -> Problem:
    """Return a problem of the context for a build that may not transfer the file concerned."""
    if problem.code == _OF_TRANSFERS:
        return problem.if_taken
    return problem


class _Measuring:
    """Measures transfers of one context; each list of include patterns is walked once."""

    def __init__(self, plan: Plan, context: Report, progress: Progress | None) -> None:
        self._plan = plan
        self._progress = progress
        self._reports: dict[Include, Report] = {None: context}
        self._parts: dict[object, Totals] = {}  # of sources that copy a part of what they ask for
        self.problems: list[Problem] = []  # of transferred files, and of those that arrive empty
        self.doubtful: dict[Source, None] = {}
        """Sources that the builder may not find: nothing is sent for them, or symlinks are."""

    def _of(self, include: Include) -> Report:
        """Return the report of the transfer with these include patterns."""
        if include not in self._reports:
            self._reports[include] = self._measure(narrowed(self._plan.spec, include))
        return self._reports[include]

    def _measure(self, evaluator: Evaluator) -> Report:
        return measure(self._plan, top=1, evaluator=evaluator, progress=self._progress)

    def transfer(self, asked: Asked) -> Transfer:
        include = follow(self._plan.root, asked.paths)
        report = self._of(include)
        # Only a source that begins with `!` empties what the ignore file leaves.
        takes_away = any("!" in pattern for pattern in include or ())
        for problem in report.problems:
            if problem.code == _OF_TRANSFERS:
                self.problems.append(problem)
            elif problem.code == "arrives-empty" and takes_away:
                self.problems.append(replace(problem, message=f"{problem.message}; {TAKEN_AWAY}"))
        return replace(
            _transfer(report.context, asked.paths, asked.platforms),
            sources=tuple(map(self._share, asked.sources)),
            problems=tuple(map(unknown_problem, asked.unknowns)),
        )

    def _share(self, source: Source) -> SourceShare:
        root = self._plan.root
        top = source.path.partition("/")[0]
        totals = Totals()
        is_plain = top not in (".", "..") and _SPECIAL.isdisjoint(source.path)
        include: Include = (source.path,)
        # A missing source of a long Dockerfile needs no walk.
        is_missing = is_plain and not lexists(join(root, top))
        if not is_missing:
            include = followed(root, source.path)
            totals = self._of(include).context.totals
        if self._is_doubtful(source, include, totals):
            self.doubtful[source] = None
        if totals.entries and not copies_all(source, include):
            totals = self._copied_totals(source, include)
        return SourceShare(
            source.instruction,
            source.line,
            source.stage,
            source.source,
            source.path,
            source.kind,
            files=totals.files,
            content_bytes=totals.content_bytes,
        )

    def _copied_totals(self, source: Source, include: Include) -> Totals:
        """Return the totals of what a source copies of what it asks for, which is `include`."""
        key = (source.path, source.excludes, source.parents)
        if key not in self._parts:
            asked_for = narrowed(self._plan.spec, include)
            evaluator = copied(asked_for, source, self._plan.root, include)
            self._parts[key] = self._measure(evaluator).context.totals
        return self._parts[key]

    def _is_doubtful(self, source: Source, include: Include, totals: Totals) -> bool:
        """Return whether the builder may not find a source for which `include` is requested."""
        if not totals.files + totals.directories:
            return True
        # BuildKit requests a source as a pattern, but looks it up by its name: that of a mount,
        # and any other without wildcards.
        unlike = _SPECIAL
        if source.kind not in MOUNTING:
            unlike = _SPECIAL - _WILDCARDS
        if not unlike.isdisjoint(source.path):
            return True
        # Frontends differ about --parents: it is in doubt only if nothing is sent for it.
        if source.parents is not None:
            return False
        has_symlinks = totals.symlinks > 0
        if source.path == ".":
            return has_symlinks and bool(source.excludes)
        # A symlink on the way may be ignored, though its target is sent.
        if has_symlinks:
            return True
        return include != (source.path,)


def _transfer(measurement: Measurement, paths: RequestedPaths, platforms: Texts) -> Transfer:
    """Return the transfer of what was measured."""
    return Transfer(
        context_used=True,
        follow_paths=paths,
        content_bytes=measurement.totals.content_bytes,
        files=measurement.totals.files,
        wire_bytes=measurement.wire_bytes,
        printed=measurement.printed,
        platforms=platforms,
        tree=measurement.tree,
    )


def unfiltered_mounts(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each bind mount that may show what the ignore file hides."""
    if not plan.spec.patterns:
        return
    for source in mounts_of(plan):
        if not _may_show(plan, source.path):
            continue
        yield Problem(
            code="mount-unfiltered",
            message=f"RUN --mount, bind of {source.source or '.'}: {plan.builder.title} shows the "
            "context there without the ignore file, which counts for COPY and ADD alone",
            path=plan.dockerfile,
            line=source.line or None,
        )


def _may_show(plan: Plan, path: str) -> bool:
    """Return whether a mount of `path` is a directory or an ignored file."""
    try:
        end = follow_inside(plan.root, path)
    except OSError:  # a loop of symlinks
        return False
    if end is None:
        return False
    if isdir(end):
        return True
    return plan.spec.match_file(relpath(end, plan.root))


def transfer_listing(plan: Plan) -> Listing:
    """Return the entries that any transfer has, with the problems of its sources."""
    return Listing(
        plan,
        evaluators=[narrowed(plan.spec, include) for include in includes_of(plan)],
        unfound=partial(unfound, plan),
    )


def unfound(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each source that the build does not find."""
    sources = (source for source in sources_of(plan) if source.parents is None)
    yield from missing_sources(plan, sources)
