"""What of its contexts a build makes travel, measured, and which instruction takes how much."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.taken import Asked, Paths
from ctxsize.engine.events import Progress
from ctxsize.engine.named import NamedSource, named_contexts, named_request
from ctxsize.engine.narrow import Narrowed, follow, include_spec
from ctxsize.engine.need import (
    BLAMED,
    TAKES_UNKNOWN,
    Include,
    asked_of,
    failure,
    is_wrong_target,
    platforms_of,
    unknown_problem,
)
from ctxsize.engine.report import ignore_file_info, measure
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError, CtxsizeError, InputError
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
"""What may make a path stand for another one."""


def with_transfers(request: Request, report: Report, *, progress: Progress | None = None) -> Report:
    """Return `report`, of the whole context of `request`, with what of it travels.

    Where that is not known, a problem says why. Named contexts are measured too.
    Raises `InputError` for a target that the Dockerfile does not have and for
    options that make no sense, and what measuring a named context raises.
    """
    builder = request.builder
    if builder.meter is None:
        # It reads all contexts in place.
        return replace(report, named_contexts=tuple(map(_plain, named_contexts(request.build))))
    if not builder.asks_for_paths:
        return replace(report, transfer=_everything(request, report.context))
    platforms_of(request)
    measuring = _Measuring(request, report, progress)
    transfers, problems = _transfers(measuring)
    known = request.dockerfile is not None and not problems and not request.dockerfile_fault
    return replace(
        report,
        transfer=transfers[0] if transfers else None,
        more_transfers=tuple(transfers[1:]),
        problems=_problems(measuring, problems, known=known),
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
    """The problems of what travels, and of files that the paths of a transfer empty."""
    doubtful: dict[Source, None] = field(default_factory=dict)
    """The sources that the builder may not find: nothing travels for them, or symlinks do."""

    def of(self, include: Include) -> Report:
        """Return what travels of the context by these include patterns."""
        if include is None:
            return self.context
        if include not in self.measured:
            evaluator = Narrowed(self.request.spec, include)
            self.measured[include] = measure(
                self.request, top=1, depth=0, evaluator=evaluator, progress=self.progress
            )
        return self.measured[include]

    def _alone(self, path: str) -> Totals:
        """Return what one source takes, were it the only one."""
        if self._is_plainly_absent(path):  # there may be one in each line
            return Totals()
        try:
            include = None if path == "." else follow(self.request.root, (path,))
        except BuildFailsError:
            # Links in a circle stop a build that follows them. This one got as far as here, so
            # it asks for all of the context and follows none.
            include = (path,)
        return self.of(include).context.totals

    def _is_plainly_absent(self, path: str) -> bool:
        top = path.partition("/")[0]
        if top in (".", "..") or not _SPECIAL.isdisjoint(path):
            return False
        return not os.path.lexists(os.path.join(self.request.root, top))

    def transfers(self, asked: tuple[Asked, ...]) -> tuple[list[Transfer], list[Problem]]:
        """Return the transfers with the share of each source, or the problem that hides them."""
        try:
            return [self._transfer(each) for each in asked], []
        except CtxsizeError as error:
            if error.line is None:
                error.line = _rejected_line(asked)
            return [], [unknown_transfer(self.request, error)]

    def _transfer(self, asked: Asked) -> Transfer:
        include = None if asked.paths is None else follow(self.request.root, asked.paths)
        report = self.of(include)
        self.found += [each for each in report.problems if each.code in _OF_TRANSFERS]
        self.found += self._emptied(include)
        paths = asked.paths
        if paths is not None:
            paths = tuple(map(self.request.build.masked, paths))
        made = _made(report.context, paths, asked.platforms)
        builder = self.request.builder
        problems = tuple(unknown_problem(each, builder) for each in asked.unknowns)
        sources = tuple(map(self._share, asked.sources))
        doubtful = [each for each in asked.sources if each in self.doubtful]
        if doubtful:
            from ctxsize.engine.unfound import of_older  # in most builds nothing is doubtful

            problems += tuple(of_older(self.request, doubtful))
        return replace(made, sources=sources, problems=problems)

    def _emptied(self, include: Include) -> list[Problem]:
        """Return the problem of sent files that arrive empty.

        Only a source that begins with `!` can do that.
        """
        if include is None or not any("!" in each for each in include):
            return []
        evaluator = Narrowed(self.request.spec, include, blame_include=True)
        report = measure(self.request, top=1, depth=0, evaluator=evaluator)
        found = (each for each in report.problems if each.code == "arrives-empty")
        return [replace(each, message=f"{each.message}; {BLAMED}") for each in found]

    def _share(self, source: Source) -> SourceShare:
        totals = self._alone(source.path)
        # A mount's source may ask for entries that its name, taken as it is written, does not find.
        by_name = source.kind == "bind" and not _SPECIAL.isdisjoint(source.path)
        # What --parents finds, its frontends differ about: nothing is said if something travels.
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


_OF_TRANSFERS = ("not-utf8", "older-figure")
"""The codes of problems that matter only if what they are about travels."""


def _problems(measuring: _Measuring, unknown: list[Problem], *, known: bool) -> tuple[Problem, ...]:
    """Return the problems of a context, and of what travels of it if that is `known`."""
    of_context = measuring.context.problems
    lasting = [each for each in of_context if not (known and each.code in _OF_TRANSFERS)]
    missing: Iterable[Problem] = ()
    if measuring.doubtful:
        from ctxsize.engine.unfound import unfound  # in most builds nothing is doubtful

        missing = unfound(measuring.request, measuring.doubtful)
    return tuple(dict.fromkeys((*lasting, *unknown, *measuring.found, *missing)))


def _made(measurement: Measurement, paths: Paths, platforms: tuple[str, ...]) -> Transfer:
    totals = measurement.totals
    return Transfer(
        True,
        paths,
        totals.content_bytes,
        totals.files,
        measurement.wire_bytes,
        measurement.printed,
        measurement.warm_bytes,
        measurement.warm_printed,
        platforms=platforms,
        clues=measurement.clues,
    )


def _everything(request: Request, context: Measurement) -> Transfer | None:
    """Return the transfer of a builder that sends the whole context."""
    if request.build.build_contexts:
        raise InputError(
            f"{request.builder.title} has no --build-context", hint="leave out --builder"
        )
    return None if request.dockerfile is None else _made(context, None, ())


def _plain(named: NamedSource) -> NamedContext:
    """Return a named context of which nothing is known but what the command line says."""
    return NamedContext(named.name, named.value, named.kind, named.announced, None)


def _transfers(measuring: _Measuring) -> tuple[list[Transfer], list[Problem]]:
    """Return the transfers of the build context, or the problem that hides them."""
    request = measuring.request
    if request.dockerfile is None or request.dockerfile_fault is not None:
        return [], []  # the request has a problem that says so
    try:
        asked = asked_of(request)
    except CtxsizeError as error:
        if is_wrong_target(request):
            raise
        return [], [unknown_transfer(request, error)]
    transfers, problems = measuring.transfers(asked)
    platforms = platforms_of(request)
    missing = set(platforms) - {each for one in asked for each in one.platforms}
    if missing and not problems:
        unused = tuple(each for each in platforms if each in missing)
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
    """Return why it is not known what travels; on `error` the build may fail for certain."""
    fails = failure(error)
    lead = fails or TAKES_UNKNOWN
    hint = f" ({error.hint})" if error.hint else ""
    path = request.dockerfile if error.path in (None, request.dockerfile) else error.path
    message = f"{lead}: {error.message}{hint}"
    return Problem("transfer-unknown", message, path, line=error.line, fails=bool(fails))


def _named(measuring: _Measuring, named: NamedSource, *, known: bool) -> NamedContext:
    """Return a named context; one that the build does not use is not looked at."""
    asked = asked_of(replace(measuring.request, name=named.name)) if known else ()
    used = bool(asked) if known else None
    if not named.local or used is False:
        return replace(_plain(named), used=used)
    request = named_request(measuring.request, named)
    report = measure(request, top=1, depth=0, progress=measuring.progress)
    inner = _Measuring(request, report, measuring.progress)
    transfers, unknown = inner.transfers(asked)
    return replace(
        _plain(named),
        used=used,
        ignore_file=ignore_file_info(request),
        context=report.context,
        transfers=tuple(transfers),
        problems=_problems(inner, unknown, known=known and not unknown),
    )
