"""The measured transfers of a build, and the share that each source of an instruction has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from ctxsize.dockerfile.sources import Source, what_decides
from ctxsize.dockerfile.taken import Asked, Paths
from ctxsize.engine.events import Progress
from ctxsize.engine.narrow import Narrowed, follow, include_spec
from ctxsize.engine.need import (
    TAKEN_AWAY,
    TAKES_UNKNOWN,
    Include,
    asked_of,
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
    platforms = platforms_of(request)
    known = request.dockerfile is not None and request.dockerfile_fault is None
    measuring = _Measuring(request, report, progress)
    # Without a Dockerfile, a problem of the request says so.
    transfers = measuring.transfers() if known else []
    known = known and not measuring.unknown
    using = {each for one in transfers for each in one.platforms}
    if known and (unused := tuple(each for each in platforms if each not in using)):
        transfers.append(Transfer(False, (), 0, 0, None, None, platforms=unused))
        transfers.sort(key=lambda each: platforms.index(each.platforms[0]))
    named = named_contexts(request.build)
    return replace(
        report,
        transfer=transfers[0] if transfers else None,
        more_transfers=tuple(transfers[1:]),
        problems=measuring.problems(known=known),
        named_contexts=tuple(_named(request, each, progress, known=known) for each in named),
    )


def _named(
    request: Request, named: NamedContext, progress: Progress | None, *, known: bool
) -> NamedContext:
    """Return a named context with its transfers; one that the build does not use stays unread."""
    used = bool(asked_of(replace(request, name=named.name))) if known else None
    named = replace(named, used=used)
    if not named.local or used is False:
        return named
    request = named_request(request, named)
    report = measure(request, top=1, depth=0, progress=progress)
    measuring = _Measuring(request, report, progress)
    transfers = tuple(measuring.transfers() if known else ())
    return replace(
        named,
        ignore_file=ignore_file_info(request),
        context=report.context,
        transfers=transfers,
        problems=measuring.problems(known=known and not measuring.unknown),
    )


@dataclass()
class _Measuring:
    """Measures transfers of one context; each list of include patterns is walked once."""

    request: Request
    context: Report
    progress: Progress | None
    measured: dict[tuple[str, ...], Report] = field(default_factory=dict)
    unknown: list[Problem] = field(default_factory=list)
    """The reason why the transfers are not known, if they are not."""
    found: list[Problem] = field(default_factory=list)
    """Problems of transferred files, and of files that arrive empty due to a transfer's paths."""
    doubtful: dict[Source, None] = field(default_factory=dict)
    """Sources that the builder may not find: nothing is sent for them, or symlinks are."""

    def transfers(self) -> list[Transfer]:
        """Return the transfers with the share of each source; none if they are not `known`."""
        asked: tuple[Asked, ...] = ()
        try:
            asked = asked_of(self.request)
            return [*map(self._transfer, asked)]
        except CtxsizeError as error:
            if not asked and is_wrong_target(self.request):
                raise
            error.line = error.line or _rejected_line(asked)
            self.unknown.append(unknown_transfer(self.request, error))
            return []

    def _of(self, include: Include) -> Report:
        """Return the report of the transfer with these include patterns."""
        if include is None:
            return self.context
        if include not in self.measured:
            evaluator = Narrowed(self.request.spec, include)
            self.measured[include] = measure(
                self.request, top=1, depth=0, evaluator=evaluator, progress=self.progress
            )
        return self.measured[include]

    def _transfer(self, asked: Asked) -> Transfer:
        request, include = self.request, follow(self.request.root, asked.paths)
        report = self._of(include)
        for each in report.problems:
            if each.code in _OF_TRANSFERS:
                self.found.append(each)
            elif each.code == "arrives-empty" and any("!" in one for one in include or ()):
                # Only a source that begins with `!` empties what the ignore file leaves.
                self.found.append(replace(each, message=f"{each.message}; {TAKEN_AWAY}"))
        paths = None if asked.paths is None else tuple(map(request.build.masked, asked.paths))
        return replace(
            _transfer(report.context, paths, asked.platforms),
            sources=tuple(map(self._share, asked.sources)),
            problems=tuple(unknown_problem(each, request) for each in asked.unknowns),
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
        return self._of(include).context.totals

    def problems(self, *, known: bool) -> tuple[Problem, ...]:
        """Return the problems of a context, and of its transfers if these are `known`."""
        of_context = self.context.problems
        lasting = [each for each in of_context if not (known and each.code in _OF_TRANSFERS)]
        missing = unfound(self.request, self.doubtful) if self.doubtful else ()
        return tuple(dict.fromkeys((*lasting, *self.unknown, *self.found, *missing)))


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


def _rejected_line(asked: Iterable[Asked]) -> int | None:
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


_REASONS = {
    "ignored": "{} is ignored",
    "absent": "{} is not in the context",
    "loop": "the symlink {} leads in a circle",
    "not asked for": "{} is not sent",
}
"""Reasons, by the value of `Fate`."""


def unfound(request: Request, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that fails the build, unless a doubt decides.

    Sources whose fate is not known have none; `explain --source` explains them.
    """
    from ctxsize.engine.sourcing import TAKING, Sources  # most builds have no doubtful source

    taken = dict.fromkeys(each for each in sources if each.kind in TAKING)
    with suppress(CtxsizeError, OSError):
        checks = Sources(request)
        for source in islice(taken, _MOST_LOOKED_UP):
            fate, at = checks.fate(source)
            if fate.is_found:
                continue
            decides = what_decides(source.doubts)
            # A path may contain the value of a build argument, which is masked.
            shown = request.build.masked(at)
            if at == source.path and fate.value != "loop" and not decides:
                shown = "it"
            reason = _REASONS[fate.value].format(shown)
            message = f"{source.instruction} {source.source}: not found, as {reason}"
            code = "source-not-found"
            if decides:
                kind = "argument" if "argument" in dict(source.doubts) else "environment"
                code, message = f"unknown-{kind}", f"{message} ({decides})"
            else:
                message = f"the build fails: {message}"
            yield Problem(code, message, request.dockerfile, line=source.line or None)


def transfer_listing(request: Request) -> Union:
    """Return the entries that any transfer has, with the problems of its sources."""

    def problems() -> Iterable[Problem]:
        taken = (source for each in asked_of(request) for source in each.sources)
        return unfound(request, (source for source in taken if source.parents is None))

    includes = includes_of(request)
    evaluators = (None if each is None else Narrowed(request.spec, each) for each in includes)
    return Union([Listing(request, evaluator=each) for each in evaluators], problems)
