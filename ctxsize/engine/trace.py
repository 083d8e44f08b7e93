"""Why a path is ignored or sent: the evaluation that the walk makes, with its steps kept."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator

from ctxsize.engine.dockerfiles import may_read
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step, matches, refuses, up_to
from ctxsize.engine.listing import NO_PERMISSION, WITHHELD, public_pattern
from ctxsize.engine.request import Request
from ctxsize.entry import Verdict
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.explanations import Check, Explanation, Level, NearMiss, Outcome


def explain(request: Request, path: str) -> Explanation:
    """Return why `path`, relative to the context, is ignored or sent. It need not exist.

    Raises `IgnoreFileError` where the builder would come to a pattern that it
    cannot evaluate.
    """
    ignore_file = request.ignore_file.path if request.ignore_file else None
    if path in ("", "."):
        return Explanation(".", Verdict(ignored=False), ignore_file)
    try:
        return _explained(request, path, ignore_file)
    except IgnoreFileError as error:
        error.path = error.path or ignore_file
        raise


def _explained(request: Request, path: str, ignore_file: str | None) -> Explanation:
    spec = request.spec
    levels, last = _levels(spec, path)
    found = entry_at(request, path)
    empty = stops = None
    if not last.ignored:
        empty, stops = _troubles(request, path, found)
    return Explanation(
        path,
        levels[-1].verdict,
        ignore_file,
        tuple(levels),
        tuple(_near_misses(spec, path, levels[-1].path, last)),
        empty,
        found if isinstance(found, str) else None,
        stops=stops,
    )


def _levels(spec: DockerIgnoreSpec, path: str) -> tuple[list[Level], Step]:
    """Return the levels down to `path`, or to where the builder turns back, and the last step."""
    levels: list[Level] = []
    step = Step(ignored=False, state=0, decider=None)
    for ancestor, step_here in spec.steps(path):
        before, step = step.state, step_here
        by = None if step.decider is None else public_pattern(spec.patterns[step.decider])
        entered = not step.ignored or spec.enters(ancestor)
        checks = tuple(_checks(spec, ancestor, before, step.state))
        levels.append(Level(ancestor, Verdict(step.ignored, by), checks, entered))
        if not entered:
            break
    return levels, step


def _checks(spec: DockerIgnoreSpec, path: str, before: int, after: int) -> Iterator[Check]:
    """Yield what became of each pattern at `path`, given the state of its directory and its own."""
    ignored = False
    for index, pattern in enumerate(spec.patterns):
        ignores, bit = bool(pattern.include), 1 << index
        if not spec.remembers_parents:
            outcome = Outcome.MATCHED if matches(pattern, path) else Outcome.NO_MATCH
        elif before & bit:
            outcome = Outcome.INHERITED
        elif ignores == ignored:
            outcome = Outcome.SKIPPED
        else:
            outcome = Outcome.MATCHED if after & bit else Outcome.NO_MATCH
        yield Check(public_pattern(pattern), outcome, ignored)
        if outcome in (Outcome.MATCHED, Outcome.INHERITED):
            ignored = ignores


def _near_misses(spec: DockerIgnoreSpec, path: str, reached: str, last: Step) -> Iterator[NearMiss]:
    """Yield later patterns of the other kind that match when they are tested alone."""
    start = 0 if last.decider is None else last.decider + 1
    for pattern in list(spec.patterns)[start:]:
        if bool(pattern.include) == last.ignored:
            continue
        for each in reversed(up_to(path)):
            if matches(pattern, each):
                yield NearMiss(public_pattern(pattern), each, pruned=len(each) > len(reached))
                break


def _troubles(
    request: Request, path: str, found: os.stat_result | str
) -> tuple[str | None, str | None]:
    """Return why a path that is sent arrives empty, and why the build stops at it."""
    mode, builder = stat.S_IFREG if isinstance(found, str) else found.st_mode, request.builder
    if stat.S_ISREG(mode) and builder.refuses_to_open and refuses(request.spec, path):
        return WITHHELD, None
    full = os.path.join(request.root, path)
    if isinstance(found, str) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or may_read(full):
        return None, None
    stops = stat.S_ISDIR(mode) or builder.unreadable_stops
    return (None, NO_PERMISSION) if stops else (NO_PERMISSION, None)


def entry_at(request: Request, path: str) -> os.stat_result | str:
    """Return the entry at `path`, or why the context holds none; no symlink is followed."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        here = "/".join(parts[:depth])
        try:
            found = os.lstat(os.path.join(request.root, here))
        except OSError as error:
            return f"{here}: {error.strerror}"
        except ValueError as error:
            return str(error)
        if depth < len(parts) and stat.S_ISLNK(found.st_mode):
            return f"{here} is a symlink, which no builder follows"
    return found


def in_context(request: Request, path: str) -> str:
    """Return `path` relative to the context of `request`.

    A relative one counts from the context, or from the working directory if it
    is only there. Raises `InputError` for a path outside the context.
    """
    if "\0" in path or not path:
        raise InputError("not a path", path=repr(path))
    inside = [found for found in _candidates(request, path) if found is not None]
    for candidate in inside:
        if os.path.lexists(os.path.join(request.root, candidate)):
            return candidate
    if not inside:
        raise InputError(
            "the path lies outside the context",
            path=path,
            hint=f"the context is {request.root}; name another with --context",
        )
    return inside[0]


def _candidates(request: Request, path: str) -> Iterator[str | None]:
    if not path.startswith("/"):
        normal = posixpath.normpath(path)
        yield None if normal.split("/", 1)[0] == ".." else normal
        path = posixpath.join(posixpath.abspath("."), path)
    absolute = posixpath.normpath(path)
    context = posixpath.abspath(request.context)
    yield _below(context, absolute)
    # The last component is an entry of the context, also where it is a symlink.
    head, tail = posixpath.split(absolute)
    yield _below(request.root, posixpath.join(posixpath.realpath(head), tail))


def _below(root: str, path: str) -> str | None:
    """Return `path` relative to `root`, both absolute and normal; None if it lies outside."""
    if path == root:
        return "."
    prefix = root.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None
