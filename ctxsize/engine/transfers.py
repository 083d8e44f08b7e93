"""The measured transfers of a build, and the share that each source of an instruction has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.state import what_decides
from ctxsize.dockerfile.taken import Asked, Paths
from ctxsize.engine.events import Progress
from ctxsize.engine.narrow import Narrowed, follow, include_spec
from ctxsize.engine.need import (
    TAKEN_AWAY,
    TAKES_UNKNOWN,
    Include,
    asked_of,
    include_of,
    includes_of,
    is_wrong_target,
    named_contexts,
    named_request,
    platforms_of,
    unknown_problem,
)
from ctxsize.engine.report import Listing, Union, ignore_file_info, measure
from ctxsize.engine.request import Request
from ctxsize.errors import (
    BuildFailsError,
    CtxsizeError,
    DockerfileError,
    InputError,
    UndecidedError,
)
from ctxsize.model import (
    Measurement,
    NamedContext,
    Problem,
    Report,
    SourceShare,
    Totals,
    Transfer,
)

_SPECIAL = frozenset("*?[]\\^!{}|\0\ufeff")
"""Characters with which a path may match something other than its own name."""
_OF_TRANSFERS = ("not-utf8", "older-figure")
"""Codes of problems that matter only if the file concerned is transferred."""
_MOST_LOOKED_UP = 1000
"""Number of sources that are looked up, as the first missing one already fails the build."""


def with_transfers(request: Request, report: Report, *, progress: Progress | None = None) -> Report:
    """Return `report`, of the whole context of `request`, with its transfers and named contexts.

    If the transfers are not known, a problem explains why. Raises `InputError` for a target that
    the Dockerfile does not have and for options that the builder does not have, and what
    measuring a named context raises.
    """
    builder = request.builder
    if builder.meter is None:
        # Podman reads all contexts in place and sends nothing.
        return replace(report, named_contexts=named_contexts(request.build))
    if not builder.asks_for_paths:
        if request.build.build_contexts:
            raise InputError(f"{builder.title} has no --build-context", hint="leave out --builder")
        whole = None if request.dockerfile is None else _transfer(report.context, None, ())
        return replace(report, transfer=whole)
    platforms_of(request)
    measuring = _Measuring(request, report, progress)
    transfers, problems = _of_all_platforms(measuring)
    known = request.dockerfile is not None and not problems and not request.dockerfile_fault
    return replace(
        report,
        transfer=transfers[0] if transfers else None,
        more_transfers=tuple(transfers[1:]),
        problems=measuring.problems(problems, known=known),
        named_contexts=tuple(
            _named(measuring, named, known=known) for named in named_contexts(request.build)
        ),
    )


@dataclass()
class _Measuring:
    """Measures transfers of one context; each list of include patterns is walked once."""

    request: Request
    context: Report
    progress: Progress | None
    measured: dict[tuple[str, ...], Report] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)
    """Problems of transferred files, and of files that arrive empty due to a transfer's paths."""
    doubtful: dict[Source, None] = field(default_factory=dict)
    """Sources that the builder may not find: nothing is sent for them, or symlinks are."""

    def of(self, include: Include) -> Report:
        """Return the report of the transfer with these include patterns."""
        if include is None:
            return self.context
        if include not in self.measured:
            evaluator = Narrowed(self.request.spec, include)
            self.measured[include] = measure(
                self.request, top=1, depth=0, evaluator=evaluator, progress=self.progress
            )
        return self.measured[include]

    def transfers(self, asked: tuple[Asked, ...]) -> tuple[list[Transfer], list[Problem]]:
        """Return the transfers with the share of each source, or why they are not known."""
        try:
            return [self._transfer(each) for each in asked], []
        except CtxsizeError as error:
            if error.line is None:
                error.line = _rejected_line(asked)
            return [], [unknown_transfer(self.request, error)]

    def _transfer(self, asked: Asked) -> Transfer:
        include = include_of(self.request, asked.paths)
        report = self.of(include)
        for each in report.problems:
            if each.code in _OF_TRANSFERS:
                self.found.append(each)
            elif each.code == "arrives-empty" and any("!" in one for one in include or ()):
                # Only a source that begins with `!` empties what the ignore file leaves.
                self.found.append(replace(each, message=f"{each.message}; {TAKEN_AWAY}"))
        build, builder = self.request.build, self.request.builder
        paths = None if asked.paths is None else tuple(map(build.masked, asked.paths))
        return replace(
            _transfer(report.context, paths, asked.platforms),
            sources=tuple(map(self._share, asked.sources)),
            problems=tuple(unknown_problem(each, builder) for each in asked.unknowns),
        )

    def _share(self, source: Source) -> SourceShare:
        totals = self._alone(source.path)
        # BuildKit requests a mount's source as a pattern, but looks it up literally.
        by_name = source.kind == "bind" and not _SPECIAL.isdisjoint(source.path)
        # Frontends differ about --parents: it is in doubt only if nothing is sent for it.
        is_plain_root = source.path == "." and not source.excludes
        followed = totals.symlinks and source.parents is None and not is_plain_root
        if by_name or followed or not totals.files + totals.directories:
            self.doubtful[source] = None
        return SourceShare(
            source.instruction,
            source.line,
            source.stage,
            source.source,
            self.request.build.masked(source.path),
            source.kind,
            totals.files,
            totals.content_bytes,
        )

    def _alone(self, path: str) -> Totals:
        """Return the totals of a transfer for this source alone."""
        root, top = self.request.root, path.partition("/")[0]
        is_plain = top not in (".", "..") and _SPECIAL.isdisjoint(path)
        if is_plain and not os.path.lexists(os.path.join(root, top)):
            return Totals()  # saves a walk for each missing source of a long Dockerfile
        try:
            include = None if path == "." else follow(root, (path,))
        except BuildFailsError:
            # A symlink loop fails a build that follows links. Reaching this point means that
            # this build requests the whole context and follows none.
            include = (path,)
        return self.of(include).context.totals

    def problems(self, unknown: list[Problem], *, known: bool) -> tuple[Problem, ...]:
        """Return the problems of a context, and of its transfers if these are `known`."""
        of_context = self.context.problems
        lasting = [each for each in of_context if not (known and each.code in _OF_TRANSFERS)]
        missing = unfound(self.request, self.doubtful) if self.doubtful else ()
        return tuple(dict.fromkeys((*lasting, *unknown, *self.found, *missing)))


def _transfer(measurement: Measurement, paths: Paths, platforms: tuple[str, ...]) -> Transfer:
    totals = measurement.totals
    return Transfer(
        True,
        paths,
        totals.content_bytes,
        totals.files,
        measurement.wire_bytes,
        measurement.printed,
        platforms=platforms,
        clues=measurement.clues,
    )


def _of_all_platforms(measuring: _Measuring) -> tuple[list[Transfer], list[Problem]]:
    """Return the transfers of the build context, or the problem that explains why not."""
    request = measuring.request
    if request.dockerfile is None or request.dockerfile_fault is not None:
        return [], []  # a problem of the request states that
    try:
        asked = asked_of(request)
    except CtxsizeError as error:
        if is_wrong_target(request):
            raise
        return [], [unknown_transfer(request, error)]
    transfers, problems = measuring.transfers(asked)
    platforms = platforms_of(request)
    using = {each for one in asked for each in one.platforms}
    unused = tuple(each for each in platforms if each not in using)
    if unused and not problems:
        transfers.append(Transfer(False, (), 0, 0, None, None, platforms=unused))
        transfers.sort(key=lambda each: platforms.index(each.platforms[0]))
    return transfers, problems


def _rejected_line(asked: tuple[Asked, ...]) -> int | None:
    """Return the line of the first source that the builder rejects as a pattern."""
    for source in dict.fromkeys(source for each in asked for source in each.sources):
        try:
            include_spec([source.path])
        except InputError:
            return source.line
    return None


def unknown_transfer(request: Request, error: CtxsizeError) -> Problem:
    """Return the problem that states why `error` leaves the transfers unknown."""
    stops = isinstance(error, BuildFailsError)
    rejects = isinstance(error, DockerfileError) and not isinstance(error, UndecidedError)
    lead = "the build stops" if stops else "the build fails" if rejects else TAKES_UNKNOWN
    hint = f" ({error.hint})" if error.hint else ""
    message, path = f"{lead}: {error.message}{hint}", error.path or request.dockerfile
    return Problem("transfer-unknown", message, path, line=error.line, fails=stops or rejects)


def _named(measuring: _Measuring, named: NamedContext, *, known: bool) -> NamedContext:
    """Return a named context with its transfers; one that the build does not use stays unread."""
    asked = asked_of(replace(measuring.request, name=named.name)) if known else ()
    named = replace(named, used=bool(asked) if known else None)
    if not named.local or named.used is False:
        return named
    request = named_request(measuring.request, named)
    report = measure(request, top=1, depth=0, progress=measuring.progress)
    inner = _Measuring(request, report, measuring.progress)
    transfers, unknown = inner.transfers(asked)
    return replace(
        named,
        ignore_file=ignore_file_info(request),
        context=report.context,
        transfers=tuple(transfers),
        problems=inner.problems(unknown, known=known and not unknown),
    )


def unfound(request: Request, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that fails the build.

    Sources whose fate is not known have none; `explain --source` explains them.
    """
    from ctxsize.engine.sourcing import TAKING, Sources  # most builds have no doubtful source

    taken = dict.fromkeys(each for each in sources if each.kind in TAKING)
    with suppress(CtxsizeError, OSError):
        checks = Sources(request)
        for source in islice(taken, _MOST_LOOKED_UP):
            fate, at = checks.fate(source)
            if not fate.is_found:
                yield _not_found(request, source, fate.value, at)


def _not_found(request: Request, source: Source, fate: str, at: str) -> Problem:
    """Return the problem of a missing source, which fails the build unless a doubt decides.

    A path may contain the value of a build argument, which is masked.
    """
    decides = what_decides(source.doubts)
    own = source.path if decides else "it"
    is_own = at == source.path and fate != "loop"
    reason = _REASONS[fate].format(own if is_own else request.build.masked(at))
    message = f"{source.instruction} {source.source}: not found, as {reason}"
    if decides:
        is_argument = "argument" in dict(source.doubts)
        code = "unknown-argument" if is_argument else "unknown-environment"
        message = f"{message} ({decides})"
    else:
        code, message = "source-not-found", f"the build fails: {message}"
    return Problem(code, message, request.dockerfile, line=source.line or None)


_REASONS = {
    "ignored": "{} is ignored",
    "absent": "{} is not in the context",
    "loop": "the symlink {} leads in a circle",
    "not asked for": "{} is not sent",
}
"""Reasons, by the value of `Fate`."""


def transfer_listing(request: Request) -> Union:
    """Return the entries that any transfer has, with the problems of its sources.

    Raises what `includes_of` raises.
    """

    def problems() -> Iterable[Problem]:
        taken = (source for each in asked_of(request) for source in each.sources)
        return unfound(request, (source for source in taken if source.parents is None))

    includes = includes_of(request)
    evaluators = (None if each is None else Narrowed(request.spec, each) for each in includes)
    return Union([Listing(request, evaluator=each) for each in evaluators], problems)
