"""A request into a report: what would be sent, and what is worth knowing about it."""

from __future__ import annotations

from typing import Any

from ctxsize.engine import native
from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Progress, reported
from ctxsize.engine.inspect import UNREAD_IGNORED
from ctxsize.engine.request import Request
from ctxsize.engine.shares import public_pattern
from ctxsize.engine.sums import WalkSums
from ctxsize.engine.walk import Walk
from ctxsize.model import IgnoreFileInfo, Problem, Report


def measure(
    request: Request,
    *,
    everything: bool = False,
    thorough: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    jobs: int | None = None,
    evaluator: Evaluator[Any] | None = None,
) -> Report:
    """Return what `request` would send, with the problems that were met on the way.

    `everything` also measures what is ignored, `thorough` opens every directory
    that the builder opens without need. `top` bounds each list of the
    largest, `depth` the size tree (None: no bound), `jobs` the threads of the
    compiled core, which counts where it can. `evaluator` decides instead of the
    ignore file alone. Raises what `Walk` raises.
    """
    sums, walk = WalkSums(request.builder, top), None
    if not (everything or thorough or evaluator):
        walk = native.add_all(request, sums, jobs, progress)
    if walk is None:
        evaluator = evaluator or fastest(request.spec, thorough=thorough)
        walk = Walk(request, everything=everything, evaluator=evaluator)
        for event in reported(walk, progress, lambda: (sums.entries, sums.content_bytes)):
            sums.add(event)
    problems = walk.problems
    complete = everything and not any(each.code == UNREAD_IGNORED for each in problems)
    return Report(
        context_path=request.context,
        dockerfile=request.dockerfile,
        builder=request.builder.name,
        ignore_file=ignore_file_info(request),
        context=sums.measurement(request, complete=complete, depth=depth),
        options=request.build.words(),
        problems=(
            *(*request.problems, *_faults(request)),
            *(*problems, *sums.problems(request.builder), *sums.chance(request)),
        ),
    )


def ignore_file_info(request: Request) -> IgnoreFileInfo | None:
    """Return the ignore file that governs `request`, as reports carry it."""
    if request.ignore_file is None:
        return None
    patterns = tuple(public_pattern(each) for each in request.spec.patterns if each.line)
    return IgnoreFileInfo(request.ignore_file.path, patterns, request.dockerfile_specific)


def _faults(request: Request) -> list[Problem]:
    """Return the patterns that would fail a build which reaches them; this one did not."""
    return [
        Problem(
            "unreached-bad-pattern",
            f"syntax error in pattern {pattern.text!r}: {pattern.fault}; Docker fails as soon as "
            "an entry makes it look at this line",
            request.ignore_file.path if request.ignore_file else None,
            line=pattern.line,
        )
        for pattern in request.spec.patterns
        if pattern.fault is not None
    ]
