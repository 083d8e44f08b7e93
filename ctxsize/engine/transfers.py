"""The measured transfers of a build, and the share that each source of an instruction has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from ctxsize.dockerfile.sources import MOUNTING, Source
from ctxsize.dockerfile.taken import Asked, Paths
from ctxsize.engine import need
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.dockerfiles import follow_inside
from ctxsize.engine.events import Progress
from ctxsize.engine.fates import failing_by_name, failures_of, unfound
from ctxsize.engine.narrow import Narrowed, follow, followed, include_spec, narrowed
from ctxsize.engine.report import Listing, measure
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError, CtxsizeError, DockerfileError, InputError
from ctxsize.model import Measurement, NamedContext, Problem, Report, SourceShare, Totals, Transfer

# Characters with which a path may match something other than its own name.
_SPECIAL = frozenset("*?[]\\^!{}|\0\ufeff")
_WILDCARDS = frozenset("*?[]")  # those of COPY, for which the builder searches
# Codes of problems that matter only if the file concerned is transferred.
_OF_TRANSFERS = ("not-utf8",)


def with_transfers(request: Request, report: Report, *, progress: Progress | None = None) -> Report:
    """Return `report`, of the whole context of `request`, with its transfers and named contexts.

    If the transfers are not known, a problem explains why. Raises `InputError` for a target that
    the Dockerfile does not have and for options that the builder does not have, and what
    measuring a named context raises.
    """
    builder = request.builder
    if builder.meter is None:
        # Podman reads all contexts in place and sends nothing.
        problems = (*report.problems, *unfiltered_mounts(request), *failing_by_name(request))
        return replace(report, problems=problems, named_contexts=need.named_contexts(request.build))
    if not builder.asks_for_paths:
        if request.build.build_contexts:
            raise InputError(f"{builder.title} has no --build-context", hint="leave out --builder")
        whole = None if request.dockerfile is None else _transfer(report.context, None, ())
        problems = (*report.problems, *failing_by_name(request))
        return replace(report, transfer=whole, problems=problems)
    platforms = need.platforms_of(request)
    # Without a Dockerfile, a problem of the request says so.
    is_there = request.dockerfile is not None and request.dockerfile_fault is None
    transfers, problems = _measured(request, report, progress, is_there=is_there)
    known = transfers is not None
    found = transfers or []
    using = {each for one in found for each in one.platforms}
    if known and (unused := tuple(each for each in platforms if each not in using)):
        found.append(Transfer(False, (), 0, 0, None, None, platforms=unused))
        found.sort(key=lambda each: platforms.index(each.platforms[0]))
    named = need.named_contexts(request.build)
    used = need.used_contexts(request) if known and named else None
    contexts = tuple(_named(request, each, progress, used) for each in named)
    report = replace(report, problems=problems, named_contexts=contexts)
    first = found[0] if found else None
    return replace(report, transfer=first, more_transfers=tuple(found[1:]))


def _named(
    request: Request,
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
    request = need.named_request(request, named)
    report = measure(request, top=1, depth=0, progress=progress)
    transfers, problems = _measured(request, report, progress, is_there=known)
    named = replace(named, ignore_file=report.ignore_file, context=report.context)
    return replace(named, transfers=tuple(transfers or ()), problems=problems)


def _measured(
    request: Request, report: Report, progress: Progress | None, *, is_there: bool
) -> tuple[list[Transfer] | None, tuple[Problem, ...]]:
    """Return the transfers of one context, None if not known, and its problems and theirs."""
    if not is_there:
        return None, tuple(map(_if_taken, report.problems))
    asked: tuple[Asked, ...] = ()
    measuring = _Measuring(request, report, progress)
    try:
        asked = need.asked_of(request)
        transfers = [*map(measuring.transfer, asked)]
    except CtxsizeError as error:
        if not asked and need.is_wrong_target(request):
            raise
        error.line = error.line or _rejected_line(asked)
        unknown = unknown_transfer(request, error)
        return None, tuple(dict.fromkeys((*map(_if_taken, report.problems), unknown)))
    lasting = (each for each in report.problems if each.code not in _OF_TRANSFERS)
    missing = unfound(request, measuring.doubtful) if measuring.doubtful else ()
    failing = () if request.name else failures_of(request)
    return transfers, tuple(dict.fromkeys(chain(lasting, measuring.problems, failing, missing)))


def _if_taken(problem: Problem) -> Problem:
    """Return a problem of the context for a build that may not transfer the file concerned."""
    return problem.if_taken if problem.code in _OF_TRANSFERS else problem


class _Measuring:
    """Measures transfers of one context; each list of include patterns is walked once."""

    def __init__(self, request: Request, context: Report, progress: Progress | None) -> None:
        self._request, self._progress = request, progress
        self._reports: dict[need.Include, Report] = {None: context}
        self._parts: dict[object, Totals] = {}  # of sources that copy a part of what they ask for
        self.problems: list[Problem] = []  # of transferred files, and of those that arrive empty
        self.doubtful: dict[Source, None] = {}
        """Sources that the builder may not find: nothing is sent for them, or symlinks are."""

    def _of(self, include: need.Include) -> Report:
        """Return the report of the transfer with these include patterns."""
        if include not in self._reports:
            assert include is not None
            narrowed = Narrowed(self._request.spec, include)
            report = measure(self._request, top=1, evaluator=narrowed, progress=self._progress)
            self._reports[include] = report
        return self._reports[include]

    def transfer(self, asked: Asked) -> Transfer:
        include = follow(self._request.root, asked.paths)
        report = self._of(include)
        for each in report.problems:
            if each.code in _OF_TRANSFERS:
                self.problems.append(each)
            elif each.code == "arrives-empty" and any("!" in one for one in include or ()):
                # Only a source that begins with `!` empties what the ignore file leaves.
                self.problems.append(replace(each, message=f"{each.message}; {need.TAKEN_AWAY}"))
        return replace(
            _transfer(report.context, asked.paths, asked.platforms),
            sources=tuple(map(self._share, asked.sources)),
            problems=tuple(map(need.unknown_problem, asked.unknowns)),
        )

    def _share(self, source: Source) -> SourceShare:
        root, top, totals = self._request.root, source.path.partition("/")[0], Totals()
        is_plain = top not in (".", "..") and _SPECIAL.isdisjoint(source.path)
        include: need.Include = (source.path,)
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
        request, include = self._request, followed(self._request.root, source.path)
        if not asked.entries or copies_all(source, include):
            return asked
        key = source.path, source.excludes, source.parents
        if key not in self._parts:
            evaluator = copied(narrowed(request.spec, include), source, request.root, include)
            report = measure(request, top=1, evaluator=evaluator, progress=self._progress)
            self._parts[key] = report.context.totals
        return self._parts[key]

    def _is_doubtful(self, source: Source, include: need.Include, totals: Totals) -> bool:
        """Return whether the builder may not find a source for which `include` is requested."""
        if not totals.files + totals.directories:
            return True
        # BuildKit requests a source as a pattern, but looks it up by its name: that of a mount,
        # and any other without wildcards.
        unlike = _SPECIAL if source.kind in MOUNTING else _SPECIAL - _WILDCARDS
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
    clues, tree = measurement.clues, measurement.tree
    return Transfer(True, paths, *sums, platforms=platforms, clues=clues, tree=tree)


def _rejected_line(asked: Iterable[Asked]) -> int | None:
    """Return the line of the first source that the builder rejects as a pattern."""
    for source in dict.fromkeys(source for each in asked for source in each.sources):
        try:
            include_spec([source.path])
        except InputError:
            return source.line
    return None


def unfiltered_mounts(request: Request) -> Iterator[Problem]:
    """Yield a problem for each bind mount that may show what the ignore file hides."""
    if not request.spec.patterns:
        return
    for source in need.mounts_of(request):
        if not _may_show(request, source.path):
            continue
        message = (
            f"RUN --mount, bind of {source.source or '.'}: {request.builder.title} shows the "
            "context there without the ignore file, which counts for COPY and ADD alone"
        )
        path, line = request.dockerfile, source.line or None
        yield Problem("mount-unfiltered", message, path, line=line)


def _may_show(request: Request, path: str) -> bool:
    """Return whether a mount of `path` is a directory or an ignored file."""
    try:
        at = follow_inside(request.root, path)
    except OSError:  # a loop of symlinks
        return False
    if at is None:
        return False
    return os.path.isdir(at) or request.spec.match_file(os.path.relpath(at, request.root))


def unknown_transfer(request: Request, error: CtxsizeError) -> Problem:
    """Return the problem that states why `error` leaves the transfers unknown."""
    stops = isinstance(error, BuildFailsError)
    rejects = type(error) is DockerfileError  # and not an `UndecidedError`
    lead = "the build stops" if stops else "the build fails" if rejects else need.TAKES_UNKNOWN
    hint = f" ({error.hint})" if error.hint else ""
    message, path = f"{lead}: {error.message}{hint}", error.path or request.dockerfile
    return Problem("transfer-unknown", message, path, line=error.line, fails=stops or rejects)


def unread(request: Request) -> list[Problem]:
    """Return the problem that a Dockerfile has which the builder rejects, if it does."""
    if request.dockerfile is None:
        return []
    try:
        need.needs_of(request)
    except CtxsizeError as error:
        problem = unknown_transfer(request, error)
        return [problem] if problem.fails else []
    return []


def transfer_listing(request: Request) -> Listing:
    """Return the entries that any transfer has, with the problems of its sources."""

    def problems() -> Iterable[Problem]:
        taken = (source for each in need.asked_of(request) for source in each.sources)
        return unfound(request, (source for source in taken if source.parents is None))

    includes = need.includes_of(request)
    evaluators = (None if each is None else Narrowed(request.spec, each) for each in includes)
    return Listing(request, evaluators=evaluators, unfound=problems)
