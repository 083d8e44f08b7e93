"""Turns a request into a report: files to send, problems, and other builders' differences."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import groupby
from typing import Any

from ctxsize.engine import native
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Progress, reported
from ctxsize.engine.inspect import UNREAD_IGNORED
from ctxsize.engine.listing import entries, order, public_pattern
from ctxsize.engine.request import Request, request_of
from ctxsize.engine.sums import WalkSums
from ctxsize.engine.walk import Walk
from ctxsize.entry import Entry, Kind
from ctxsize.errors import CtxsizeError
from ctxsize.model import Difference, IgnoreFileInfo, Problem, Report


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


_SAMPLE = 5
"""Number of paths of each kind that a difference names."""
_HERE, _THERE, _CONTENT = "here", "there", "content"


def compare(request: Request, builders: Iterable[Builder] | None = None) -> tuple[Difference, ...]:
    """Return the difference between `request`'s builder and each of `builders` (default: all).

    The walks run in parallel, so that memory does not depend on the context. Raises what
    `Walk` raises for the request itself; the error of another builder is in its difference.
    """
    others = BUILDERS.values() if builders is None else builders
    return tuple(
        _difference(request, builder) for builder in others if builder is not request.builder
    )


def _difference(request: Request, builder: Builder) -> Difference:
    # A default Dockerfile is not the user's choice: the other builder uses its own default.
    named = request.build.dockerfile or (None if _is_default(request) else request.dockerfile)
    try:
        other = request_of(replace(request.build, dockerfile=named), builder)
    except CtxsizeError as error:
        return Difference(builder.name, error=str(error))
    errors: list[str] = []
    here = ((_HERE, each) for each in entries(request))
    there = ((_THERE, each) for each in _until_error(entries(other), errors))
    counts, paths = Counter[str](), defaultdict[str, list[str]](list)
    for path, group in groupby(merge(here, there, key=_by_order), key=lambda pair: pair[1].path):
        found = dict(group)
        kind = _CONTENT if len(found) == 2 else min(found)
        if kind == _CONTENT and len({bool(each.arrives_empty) for each in found.values()}) == 1:
            continue
        counts[kind] += 1
        if counts[kind] <= _SAMPLE:
            is_directory = any(each.kind is Kind.DIRECTORY for each in found.values())
            paths[kind].append(path + "/" * is_directory)
    read = other.ignore_file.path if other.ignore_file else None
    if errors:
        return Difference(builder.name, error=errors[0], ignore_file=read)
    return Difference(
        builder.name,
        only_here=tuple(paths[_HERE]),
        only_there=tuple(paths[_THERE]),
        only_here_count=counts[_HERE],
        only_there_count=counts[_THERE],
        content_differs=tuple(paths[_CONTENT]),
        content_differs_count=counts[_CONTENT],
        ignore_file=read,
    )


def _by_order(pair: tuple[str, Entry]) -> bytes:
    return order(pair[1].path)


def _until_error(source: Iterable[Entry], errors: list[str]) -> Iterator[Entry]:
    """Yield entries until the builder fails; add its error to `errors`."""
    try:
        yield from source
    except CtxsizeError as error:
        errors.append(str(error))


def _is_default(request: Request) -> bool:
    """Return whether the Dockerfile is the builder's default."""
    if request.dockerfile is None:
        return True
    directory, name = os.path.split(os.path.normpath(request.dockerfile))
    in_context = directory == os.path.normpath(request.context) or (
        not directory and os.path.normpath(request.context) == "."
    )
    return in_context and name in request.builder.dockerfile_names
