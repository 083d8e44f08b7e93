"""Turns a request into a report: the files to send, and the problems."""

from __future__ import annotations

from typing import Any

from ctxsize.engine import native
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Progress, reported
from ctxsize.engine.inspect import UNREAD_IGNORED
from ctxsize.engine.listing import public_pattern
from ctxsize.engine.request import Request
from ctxsize.engine.sums import WalkSums
from ctxsize.engine.walk import Walk
from ctxsize.model import IgnoreFileInfo, Problem, Report


def measure(
    request: Request,
    *,
    everything: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    jobs: int | None = None,
    evaluator: Evaluator[Any] | None = None,
) -> Report:
    """Return a report of the files that `request` would send, with the problems of the walk.

    `everything` also measures ignored entries. `top` limits each list of the largest, `depth`
    the size tree (None: no limit), `jobs` the threads of the compiled core, which counts if it
    can. `evaluator` decides instead of the ignore file alone.
    Raises what `Walk` raises.
    """
    sums, walk = WalkSums(request.builder, top), None
    if not (everything or evaluator):
        walk = native.add_all(request, sums, jobs, progress)
    if walk is None:
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
            *(*problems, *sums.problems(request)),
        ),
    )


def ignore_file_info(request: Request) -> IgnoreFileInfo | None:
    """Return the ignore file that governs `request`, as reports contain it."""
    if request.ignore_file is None:
        return None
    patterns = tuple(public_pattern(each) for each in request.spec.patterns if each.line)
    return IgnoreFileInfo(request.ignore_file.path, patterns, request.dockerfile_specific)


def _faults(request: Request) -> list[Problem]:
    """Return problems for the patterns that fail a build which reaches them; this one did not."""
    return [
        Problem(
            "unreached-bad-pattern",
            f"syntax error in pattern {pattern.text!r}: {pattern.fault}; Docker's build fails "
            "once an entry makes it evaluate this line",
            request.ignore_file.path if request.ignore_file else None,
            line=pattern.line,
        )
        for pattern in request.spec.patterns
        if pattern.fault is not None
    ]
