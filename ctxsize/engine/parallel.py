"""One measurement by several processes, with the answer that one gives.

The top of the tree is expanded until enough directories are left whose insides
can be walked on their own. Forked workers and this process take them from a
pipe; the sums of the parts are then merged in the order of the walk. A tree
that is small, or for which the parts would not add up, is walked by this
process alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Container, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.bulk import Bulk, has_one_thread, moving
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Folder, Subtree
from ctxsize.engine.inspect import has_mounts
from ctxsize.engine.names import directories_at, may_hold_directories
from ctxsize.engine.request import Request
from ctxsize.engine.sums import Part, Progress, Sums
from ctxsize.engine.walk import Walk
from ctxsize.errors import CtxsizeError
from ctxsize.model import Problem

_PAYS_FROM = 5_000
"""So many entries in sight are worth the start of a second process."""
_FEW_PARTS, _ENOUGH_PARTS = 24, 200
"""With so many directories left to walk each process finds its share."""
_MOST_LISTED = 1_000
_BETWEEN_CALLS = 0.1
"""Seconds from one call of `progress` to the next, at least."""

__all__ = ["Gathered", "Progress", "gather"]

Gathered = tuple[Sums, list[Problem]]


def gather(
    request: Request,
    *,
    everything: bool = False,
    top: int = 10,
    progress: Progress | None = None,
    evaluator: Evaluator[Any] | None = None,
    jobs: int = 1,
) -> Gathered:
    """The sums of `request`, and the problems on the way. Raises what `Walk` raises."""
    with moving() as bulk:
        if progress is not None:
            progress = _seldom(partial(bulk.at_home, progress))
        task = _Task(request, everything, top, evaluator or fastest(request.spec), bulk)
        return _gathered(task, progress, jobs)


def _gathered(task: _Task, progress: Progress | None, jobs: int) -> Gathered:
    if jobs > 1 and has_one_thread() and not has_mounts(task.request.root):
        paths = _cuts(task)
        if paths:
            task.bulk.start()
            gathered = _in_parallel(task, paths, progress, jobs)
            if gathered is not None:
                return gathered
    part = task.gather(progress=progress)
    if part.error is not None:
        raise part.error
    return part.sums, part.problems


def _seldom(progress: Progress) -> Progress:
    """`progress`, called when there is something to see for human eyes."""
    due = 0.0

    def called(entries: int, size: int) -> None:
        nonlocal due
        now = monotonic()
        if now >= due:
            due = now + _BETWEEN_CALLS
            progress(entries, size)

    return called


def _cuts(task: _Task) -> list[str]:
    """Directories to be walked on their own, found breadth-first; none for a small tree."""
    evaluator, root = task.evaluator, task.request.root
    if not may_hold_directories(root):
        return []
    frontier: deque[tuple[str, Any]] = deque([("", evaluator.root())])
    seen = 0
    for _ in range(_MOST_LISTED):
        if len(frontier) >= _ENOUGH_PARTS or (seen >= _PAYS_FROM and len(frontier) >= _FEW_PARTS):
            return [path for path, _ in frontier]
        if not frontier:
            break
        path, state = frontier.popleft()
        prefix = f"{path}/" if path else ""
        directories, others = directories_at(os.path.join(root, path))  # noqa: PTH118
        seen += len(directories) + others
        for name in directories:
            child = evaluator.enter(state, prefix, name)
            ignored = child.mark.ignored and not task.everything
            if not ignored or evaluator.enters(child, prefix + name):
                frontier.append((prefix + name, child))
    return []


class _Task(NamedTuple):
    """What every part of a measurement has in common."""

    request: Request
    everything: bool
    top: int
    evaluator: Evaluator[Any]
    bulk: Bulk

    def new_part(self) -> Part:
        """A part with nothing in it."""
        return Part(Sums(self.request.builder, self.top))

    def new_walk(self, *, start: str = "", leave_out: Container[str] = ()) -> Walk:
        """A walk over a part of the tree."""
        return Walk(
            self.request,
            everything=self.everything,
            evaluator=self.evaluator,
            start=start,
            leave_out=leave_out,
            bulk=self.bulk,
        )

    def gather(self, start: str = "", progress: Progress | None = None) -> Part:
        """What is below `start`."""
        part = self.new_part()
        walk = self.new_walk(start=start)
        try:
            for event in walk:
                part.sums.add(event)
                if progress is not None:
                    progress(part.sums.entries, part.sums.content_bytes)
        except CtxsizeError as error:
            part.error = error
        part.sums.settle()
        part.problems = walk.problems
        part.inodes = set(walk.inodes)
        return part


def _in_parallel(
    task: _Task, paths: list[str], progress: Progress | None, jobs: int
) -> Gathered | None:
    """The sums with the insides of `paths` walked by `jobs` processes; None if they overlap."""
    from ctxsize.engine.workers import Workers  # a small tree needs none of what it imports

    with Workers(task.gather, paths, jobs - 1) as workers:
        steps = list(_top(task, frozenset(paths)))
        parts = workers.take(progress)
        parts.update(workers.results())
    missing = [path for path in paths if path not in parts]
    parts.update({path: task.gather(path) for path in missing})
    return _merged(task, steps, parts)


_Step = Part | Folder | Subtree


def _top(task: _Task, leave_out: Container[str]) -> Iterator[_Step]:
    """The walk over the top of the tree: sums, and between them what is decided later.

    Whether an ignored directory was already sent depends on the parts before.
    """
    walk = task.new_walk(leave_out=leave_out)
    part = task.new_part()
    try:
        for event in walk:
            if isinstance(event, Subtree) or (isinstance(event, Folder) and event.mark.ignored):
                part.sums.settle()
                yield part
                yield event
                part = task.new_part()
            else:
                part.sums.add(event)
    except CtxsizeError as error:
        part.error = error
    part.sums.settle()
    part.problems = walk.problems
    part.inodes = set(walk.inodes)
    yield part


def _merged(task: _Task, steps: list[_Step], parts: dict[str, Part]) -> Gathered | None:
    """The whole, in the order of the walk; None if a file has names in several parts.

    Which of its names carries the content is known only to a single walk.
    """
    whole = task.new_part()
    announced: set[str] = set()
    for step in steps:
        folders: Sequence[Folder] = [step] if isinstance(step, Folder) else ()
        part = step if isinstance(step, Part) else None
        if isinstance(step, Subtree):
            part = parts[step.path]
            folders = step.parents if part.sums.entries else ()
        for folder in folders:
            if folder.path not in announced:
                announced.add(folder.path)
                whole.sums.add_folder(folder)
        if part is not None:
            if part.error is not None:
                raise part.error
            if whole.inodes & part.inodes:
                return None
            whole.inodes |= part.inodes
            whole.sums.merge(part.sums)
            whole.problems += part.problems
    return whole.sums, whole.problems
