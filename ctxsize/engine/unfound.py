"""The problems of sources that the builder does not find, or finds as links to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.state import what_decides
from ctxsize.engine.request import Request
from ctxsize.engine.sourcing import TAKING, Sources
from ctxsize.errors import CtxsizeError
from ctxsize.explanations import Fate
from ctxsize.model import Problem

Found = TypeVar("Found")

_MOST_LOOKED_UP = 1000
"""Number of sources that are looked up: one is enough to fail the build."""


def unfound(request: Request, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield the problems of those of `sources` on which the build fails.

    Where that is not known there is none: `explain --source` says why.
    """
    for _, source, (fate, at) in _looked_up(request, sources, Sources.fate):
        if not fate.is_found:
            yield _not_found(request, source, fate, at)


def of_older(request: Request, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield what older releases of the builder fail on, of `sources` that the builder takes."""
    for checks, source, link in _looked_up(request, sources, Sources.older_link):
        if link:
            lead = f"taken as a newer Docker does: {source.instruction} {source.source}; "
            yield Problem("older-dockerfile", lead + checks.older_fails(link), line=source.line)


def _looked_up(
    request: Request, sources: Iterable[Source], find: Callable[[Sources, Source], Found]
) -> Iterator[tuple[Sources, Source, Found]]:
    """Yield `sources` with what `find` finds of each, until one cannot be looked up."""
    known: dict[Source, Found] = {}
    try:
        checks = Sources(request)
        taken = dict.fromkeys(each for each in sources if each.kind in TAKING)
        for source in [*taken][:_MOST_LOOKED_UP]:
            # The same becomes of all sources that differ in no more than this.
            alike = replace(source, instruction="", line=0, stage="", source="", doubts=frozenset())
            if alike not in known:
                known[alike] = find(checks, source)
            yield checks, source, known[alike]
    except (CtxsizeError, OSError):
        return


def _not_found(request: Request, source: Source, fate: Fate, at: str) -> Problem:
    """Return the problem of a source that fails the build, unless a missing value decides.

    A path may hold the value of a build argument, which is masked.
    """
    decides = what_decides(source.doubts)
    own = source.path if decides else "it"
    is_own = at == source.path and fate is not Fate.LOOP
    reason = _REASONS[fate].format(own if is_own else request.build.masked(at))
    code, message = "source-not-found", f"{source.instruction} {source.source}: not found, as "
    if decides:
        is_argument = "argument" in dict(source.doubts)
        code = "unknown-argument" if is_argument else "unknown-environment"
        message += f"{reason} ({decides})"
    else:
        message = f"the build fails: {message}{reason}"
    return Problem(code, message, request.dockerfile, line=source.line or None)


_REASONS = {
    Fate.IGNORED: "{} is ignored",
    Fate.ABSENT: "{} is not in the context",
    Fate.LOOP: "the symlink {} leads in a circle",
    Fate.NOT_ASKED: "{} is not sent",
}
