"""The measured transfers of a build, and the share that each source of an instruction has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from ctxsize.dockerfile.context_need import Asked, Paths
from ctxsize.dockerfile.sources import MOUNTING, Source
from ctxsize.engine import transfer_requests
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.dockerfiles import follow_inside
from ctxsize.engine.events import Progress
from ctxsize.engine.fates import failing_by_name, failures_of, unfound
from ctxsize.engine.narrow import Narrowed, follow, followed, include_spec, narrowed
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing, measure
from ctxsize.errors import BuildFailsError, CtxsizeError, DockerfileError, InputError
from ctxsize.model import Measurement, NamedContext, Problem, Report, SourceShare, Totals, Transfer

# Characters with which a path may match something other than its own name.
_SPECIAL = frozenset("*?[]\\^!{}|\0\ufeff")
_WILDCARDS = frozenset("*?[]")  # those of COPY, for which the builder searches
# Codes of problems that matter only if the file concerned is transferred.
_OF_TRANSFERS = ("not-utf8",)


def with_transfers(plan: Plan, report: Report, *, progress: Progress | None = None) -> Report:
    """Return `report`, of the whole context of `plan`, with its transfers and named contexts.

    If the transfers are not known, a problem explains why. Raises `InputError` for a target that
    the Dockerfile does not have and for options that the builder does not have, and what
    measuring a named context raises.
    """
    builder = plan.builder
    if builder.meter is None:
        # Podman reads all contexts in place and sends nothing.
        problems = (*report.problems, *unfiltered_mounts(plan), *failing_by_name(plan))
        return replace(
            report, problems=problems, named_contexts=transfer_requests.named_contexts(plan.build)
        )
    if not builder.asks_for_paths:
        if plan.build.build_contexts:
            raise InputError(f"{builder.title} has no --build-context", hint="leave out --builder")
        if plan.dockerfile is None:
            whole = None
        else:
            whole = _transfer(report.context, None, ())
        problems = (*report.problems, *failing_by_name(plan))
        return replace(report, transfer=whole, problems=problems)
    platforms = transfer_requests.platforms_of(plan)
    # Without a Dockerfile, a problem of the plan says so.
    is_there = plan.dockerfile is not None and plan.dockerfile_fault is None
    transfers, problems = _measured(plan, report, progress, is_there=is_there)
    known = transfers is not None
    found = transfers or []
    using = {each for one in found for each in one.platforms}
    if known and (unused := tuple(each for each in platforms if each not in using)):
        found.append(Transfer(False, (), 0, 0, None, None, platforms=unused))
        found.sort(key=lambda each: platforms.index(each.platforms[0]))
    named = transfer_requests.named_contexts(plan.build)
    if known and named:
        used = transfer_requests.used_contexts(plan)
    else:
        used = None
    contexts = tuple(_named(plan, each, progress, used) for each in named)
    report = replace(report, problems=problems, named_contexts=contexts)
    if found:
        first = found[0]
    else:
        first = None
    return replace(report, transfer=first, more_transfers=tuple(found[1:]))


def _named(
    plan: Plan,
    named: NamedContext,
    progress: Progress | None,
    used: frozenset[str] | None,
) -> NamedContext:
    """Return a named context with its transfers; one that is not among those `used` stays unread.

    `used` is None if the transfers are not known.
    """
    known = used is not None
    if used is not None:
        named = replace(named, used=named.name in used)
    if not named.local or named.used is False:
        return named
    plan = transfer_requests.named_plan(plan, named)
    report = measure(plan, top=1, depth=0, progress=progress)
    transfers, problems = _measured(plan, report, progress, is_there=known)
    named = replace(named, ignore_file=report.ignore_file, context=report.context)
    return replace(named, transfers=tuple(transfers or ()), problems=problems)


def _measured(
    plan: Plan, report: Report, progress: Progress | None, *, is_there: bool
) -> tuple[list[Transfer] | None, tuple[Problem, ...]]:
    """Return the transfers of one context, None if not known, and its problems and theirs."""
    if not is_there:
        return None, tuple(map(_if_taken, report.problems))
    asked: tuple[Asked, ...] = ()
    measuring = _Measuring(plan, report, progress)
    try:
        asked = transfer_requests.asked_of(plan)
        transfers = [*map(measuring.transfer, asked)]
    except CtxsizeError as error:
        if not asked and transfer_requests.is_wrong_target(plan):
            raise
        error.line = error.line or _rejected_line(asked)
        unknown = unknown_transfer(plan, error)
        return None, tuple(dict.fromkeys((*map(_if_taken, report.problems), unknown)))
    lasting = (each for each in report.problems if each.code not in _OF_TRANSFERS)
    missing = unfound(plan, measuring.doubtful) if measuring.doubtful else ()
    failing = () if plan.name else failures_of(plan)
    return transfers, tuple(dict.fromkeys(chain(lasting, measuring.problems, failing, missing)))


def _if_taken(problem: Problem) -> Problem:
    """Return a problem of the context for a build that may not transfer the file concerned."""
    if problem.code in _OF_TRANSFERS:
        return problem.if_taken
    return problem


class _Measuring:
    """Measures transfers of one context; each list of include patterns is walked once."""

    def __init__(self, plan: Plan, context: Report, progress: Progress | None) -> None:
        self._plan = plan
        self._progress = progress
        self._reports: dict[transfer_requests.Include, Report] = {None: context}
        self._parts: dict[object, Totals] = {}  # of sources that copy a part of what they ask for
        self.problems: list[Problem] = []  # of transferred files, and of those that arrive empty
        self.doubtful: dict[Source, None] = {}
        """Sources that the builder may not find: nothing is sent for them, or symlinks are."""

    def _of(self, include: transfer_requests.Include) -> Report:
        """Return the report of the transfer with these include patterns."""
        if include not in self._reports:
            assert include is not None
            narrowed = Narrowed(self._plan.spec, include)
            report = measure(self._plan, top=1, evaluator=narrowed, progress=self._progress)
            self._reports[include] = report
        return self._reports[include]

    def transfer(self, asked: Asked) -> Transfer:
        include = follow(self._plan.root, asked.paths)
        report = self._of(include)
        for each in report.problems:
            if each.code in _OF_TRANSFERS:
                self.problems.append(each)
            elif each.code == "arrives-empty" and any("!" in one for one in include or ()):
                # Only a source that begins with `!` empties what the ignore file leaves.
                self.problems.append(
                    replace(each, message=f"{each.message}; {transfer_requests.TAKEN_AWAY}")
                )
        return replace(
            _transfer(report.context, asked.paths, asked.platforms),
            sources=tuple(map(self._share, asked.sources)),
            problems=tuple(map(transfer_requests.unknown_problem, asked.unknowns)),
        )

    def _share(self, source: Source) -> SourceShare:
        root = self._plan.root
        top = source.path.partition("/")[0]
        totals = Totals()
        is_plain = top not in (".", "..") and _SPECIAL.isdisjoint(source.path)
        include: transfer_requests.Include = (source.path,)
        # A missing source of a long Dockerfile needs no walk.
        if not is_plain or os.path.lexists(os.path.join(root, top)):
            include = followed(root, source.path)
            totals = self._of(include).context.totals
        if self._is_doubtful(source, include, totals):
            self.doubtful[source] = None
        written = (source.instruction, source.line, source.stage, source.source)
        totals = self._copied(source, totals)
        return SourceShare(*written, source.path, source.kind, totals.files, totals.content_bytes)

    def _copied(self, source: Source, asked: Totals) -> Totals:
        """Return the totals of what a source copies of what it asks for."""
        plan = self._plan
        include = followed(self._plan.root, source.path)
        if not asked.entries or copies_all(source, include):
            return asked
        key = source.path, source.excludes, source.parents
        if key not in self._parts:
            evaluator = copied(narrowed(plan.spec, include), source, plan.root, include)
            report = measure(plan, top=1, evaluator=evaluator, progress=self._progress)
            self._parts[key] = report.context.totals
        return self._parts[key]

    def _is_doubtful(
        self, source: Source, include: transfer_requests.Include, totals: Totals
    ) -> bool:
        """Return whether the builder may not find a source for which `include` is requested."""
        if not totals.files + totals.directories:
            return True
        # BuildKit requests a source as a pattern, but looks it up by its name: that of a mount,
        # and any other without wildcards.
        if source.kind in MOUNTING:
            unlike = _SPECIAL
        else:
            unlike = _SPECIAL - _WILDCARDS
        if not unlike.isdisjoint(source.path):
            return True
        # Frontends differ about --parents: it is in doubt only if nothing is sent for it.
        if source.parents is not None:
            return False
        if source.path == ".":
            return bool(source.excludes and totals.symlinks)
        # A symlink on the way may be ignored, though its target is sent.
        return bool(totals.symlinks) or include != (source.path,)


def _transfer(measurement: Measurement, paths: Paths, platforms: tuple[str, ...]) -> Transfer:
    totals = measurement.totals
    sums = (totals.content_bytes, totals.files, measurement.wire_bytes, measurement.printed)
    clues = measurement.clues
    tree = measurement.tree
    return Transfer(True, paths, *sums, platforms=platforms, clues=clues, tree=tree)


def _rejected_line(asked: Iterable[Asked]) -> int | None:
    """Return the line of the first source that the builder rejects as a pattern."""
    for source in dict.fromkeys(source for each in asked for source in each.sources):
        try:
            include_spec([source.path])
        except InputError:
            return source.line
    return None


def unfiltered_mounts(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each bind mount that may show what the ignore file hides."""
    if not plan.spec.patterns:
        return
    for source in transfer_requests.mounts_of(plan):
        if not _may_show(plan, source.path):
            continue
        message = (
            f"RUN --mount, bind of {source.source or '.'}: {plan.builder.title} shows the "
            "context there without the ignore file, which counts for COPY and ADD alone"
        )
        path = plan.dockerfile
        line = source.line or None
        yield Problem("mount-unfiltered", message, path, line=line)


def _may_show(plan: Plan, path: str) -> bool:
    """Return whether a mount of `path` is a directory or an ignored file."""
    try:
        at = follow_inside(plan.root, path)
    except OSError:  # a loop of symlinks
        return False
    if at is None:
        return False
    return os.path.isdir(at) or plan.spec.match_file(os.path.relpath(at, plan.root))


def unknown_transfer(plan: Plan, error: CtxsizeError) -> Problem:
    """Return the problem that states why `error` leaves the transfers unknown."""
    stops = isinstance(error, BuildFailsError)
    rejects = type(error) is DockerfileError  # and not an `UndecidedError`
    if stops:
        lead = "the build stops"
    elif rejects:
        lead = "the build fails"
    else:
        lead = transfer_requests.TAKES_UNKNOWN
    if error.hint:
        hint = f" ({error.hint})"
    else:
        hint = ""
    message = f"{lead}: {error.message}{hint}"
    path = error.path or plan.dockerfile
    return Problem("transfer-unknown", message, path, line=error.line, fails=stops or rejects)


def unread(plan: Plan) -> list[Problem]:
    """Return the problem that a Dockerfile has which the builder rejects, if it does."""
    if plan.dockerfile is None:
        return []
    try:
        transfer_requests.needs_of(plan)
    except CtxsizeError as error:
        problem = unknown_transfer(plan, error)
        if problem.fails:
            return [problem]
        return []
    return []


def transfer_listing(plan: Plan) -> Listing:
    """Return the entries that any transfer has, with the problems of its sources."""

    def problems() -> Iterable[Problem]:
        taken = (source for each in transfer_requests.asked_of(plan) for source in each.sources)
        return unfound(plan, (source for source in taken if source.parents is None))

    includes = transfer_requests.includes_of(plan)
    evaluators = (None if each is None else Narrowed(plan.spec, each) for each in includes)
    return Listing(plan, evaluators=evaluators, unfound=problems)
