"""One measurement by several processes, with the answer that one gives.

This process begins, alone. Once its walk takes longer than others take to start,
it leaves out half of what is ahead, and a forked worker takes that; so does
everybody, whenever somebody has nothing to do. The sums of all that was walked on
its own are merged in the order of the walk. A tree for which they would not add up
is walked again by this process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.bulk import Bulk, has_one_thread, moving
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Folder, LeftOut, Rest
from ctxsize.engine.inspect import has_mounts
from ctxsize.engine.names import Listing
from ctxsize.engine.request import Request
from ctxsize.engine.sums import Part, Progress, Sums
from ctxsize.engine.walk import WHOLE, Walk
from ctxsize.errors import CtxsizeError
from ctxsize.model import Problem

if TYPE_CHECKING:
    from ctxsize.engine.workers import Crew

_PAYS_AFTER = 0.01
"""A walk that takes so many seconds is worth the start of a second process."""
_BETWEEN_LOOKS = 0.001
"""Seconds for which nobody is looked after, or some of the time would go into that."""
_BETWEEN_CALLS = 0.1
"""Seconds from one call of `progress` to the next, at least."""
_LOOKS_EVERY = 8

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
            progress = partial(bulk.at_home, progress)
        task = _Task(request, everything, top, evaluator or fastest(request.spec), bulk, {})
        helpers = jobs - 1 if has_one_thread() and not has_mounts(request.root) else 0
        gathered = _gathered(task, progress, helpers) or _gathered(task, progress, 0)
    assert gathered is not None  # one walk is whole
    return gathered


class _Task(NamedTuple):
    """What every part of a measurement has in common."""

    request: Request
    everything: bool
    top: int
    evaluator: Evaluator[Any]
    bulk: Bulk
    listings: dict[str, Listing]

    def new_part(self) -> Part:
        """A part with nothing in it."""
        return Part(Sums(self.request.builder, self.top))

    def new_walk(self, part: Rest) -> Walk:
        """A walk over a part of the tree."""
        return Walk(
            self.request,
            everything=self.everything,
            evaluator=self.evaluator,
            part=part,
            bulk=self.bulk,
            listings=self.listings,
        )


_Step = Part | Folder | LeftOut
"""Sums, and between them what is decided later: what others walked, and who announces it."""


def _gathered(task: _Task, progress: Progress | None, helpers: int) -> Gathered | None:
    with ExitStack() as stack:

        def hire() -> Crew[list[_Step]]:
            crew = _new_crew(task, helpers)
            stack.push(crew)  # first, as to enter it may be interrupted half-way
            return crew.__enter__()

        pays_after = _PAYS_AFTER if helpers > 0 else inf
        watch = _Watch(hire, pays_after=pays_after, progress=progress)
        try:
            steps = _walked(task, WHOLE, watch)
        except _NobodyError:
            return None
        if watch.crew is None:
            return _merged(steps, {})
        # A crew takes descriptors too: what stops a walk is told by one that is alone.
        found = None if _has_failed(steps) else watch.crew.finish()
    if found is None or any(map(_has_failed, found.values())):
        return None
    return _merged(steps, found)


class _NobodyError(Exception):
    """Nobody is there to help, for want of descriptors or memory."""


def _new_crew(task: _Task, helpers: int) -> Crew[list[_Step]]:
    try:
        from ctxsize.engine.workers import Crew  # a small tree needs none of what it imports

        return Crew(partial(_helped, task), helpers)
    except (OSError, ImportError):
        raise _NobodyError from None


def _has_failed(steps: list[_Step]) -> bool:
    return isinstance(steps[-1], Part) and steps[-1].error is not None


def _helped(task: _Task, crew: Crew[list[_Step]], rest: Rest) -> list[_Step]:
    return _walked(task, rest, _Watch(lambda: crew, crew=crew))


def _walked(task: _Task, rest: Rest, watch: _Watch) -> list[_Step]:
    """What is in `rest`, but for what others are given."""
    walk = task.new_walk(rest)
    steps: list[_Step] = []
    part = task.new_part()
    may_be_announced: set[str] = set()
    try:
        for count, event in enumerate(walk):
            if isinstance(event, LeftOut):
                may_be_announced.update(folder.path for folder in event.parents)
            elif not (
                may_be_announced and isinstance(event, Folder) and event.path in may_be_announced
            ):
                part.sums.add(event)
                if not count % _LOOKS_EVERY:
                    watch.look(walk, part.sums)
                continue
            watch.passed(part.sums)
            steps += [_closed(part, walk), event]
            part = task.new_part()
    except CtxsizeError as error:
        part.error = error
    watch.passed(part.sums)
    part.inodes = set(walk.inodes)
    return [*steps, _closed(part, walk)]


def _closed(part: Part, walk: Walk) -> Part:
    """`part` with all that the walk has told so far."""
    part.sums.settle()
    part.problems, walk.problems[:] = [*walk.problems], []
    return part


class _Watch:
    """Looks now and then, during a walk, at who waits: for something to do, or for news.

    `hire` gets the crew once that pays, if there is none.
    """

    def __init__(
        self,
        hire: Callable[[], Crew[list[_Step]]],
        *,
        crew: Crew[list[_Step]] | None = None,
        pays_after: float = inf,
        progress: Progress | None = None,
    ) -> None:
        self.crew = crew
        self._hire = hire
        self._progress = progress
        self._due = 0.0
        self._next_call = monotonic()
        self._pays = self._next_call + pays_after
        self._seen = (0, 0)
        """What the crew knows of the sums that are looked at."""

    def look(self, walk: Walk, sums: Sums) -> None:
        """Tell what was seen, and leave out what another one can walk."""
        now = monotonic()
        if now < self._due:
            return
        self._due = now + _BETWEEN_LOOKS
        self._note(sums)
        if self._progress is not None and now >= self._next_call:
            self._next_call = now + _BETWEEN_CALLS
            self._progress(*(self._seen if self.crew is None else self.crew.seen()))
        if self._is_wanted(now) and (rest := walk.leave_out()) is not None:
            if self.crew is None:
                self.crew, self._seen = self._hire(), (0, 0)
            self.crew.give(rest)

    def _is_wanted(self, now: float) -> bool:
        """Whether somebody is there for whom there is nothing, or would be worth the start."""
        if self.crew is not None:
            return self.crew.wants()
        return now >= self._pays and has_one_thread()  # `progress` may have started another

    def passed(self, sums: Sums) -> None:
        """Note `sums`, to which nothing is added any more."""
        self._note(sums)
        self._seen = (0, 0)

    def _note(self, sums: Sums) -> None:
        before, self._seen = self._seen, (sums.entries, sums.content_bytes)
        if self.crew is not None:
            self.crew.saw(self._seen[0] - before[0], self._seen[1] - before[1])


def _merged(steps: list[_Step], found: dict[Rest, list[_Step]]) -> Gathered | None:
    """The whole, in the order of the walk; None if it cannot be put together.

    As when a file has names in several parts: which of them carries the content is known
    only to a single walk. Or when what somebody walked was lost.
    """
    walked = [*steps, *chain.from_iterable(found.values())]
    if any(isinstance(step, LeftOut) and step.rest not in found for step in walked):
        return None
    whole = steps[0]
    assert isinstance(whole, Part)  # what there was before anything else
    announced: set[str] = set()
    for step in _in_order(steps, found):
        if isinstance(step, Folder):
            if step.path not in announced:
                announced.add(step.path)
                whole.sums.add_folder(step)
        elif step.error is not None:
            raise step.error
        elif step is not whole:
            if whole.inodes & step.inodes:
                return None
            whole.inodes |= step.inodes
            whole.sums.merge(step.sums)
            whole.problems += step.problems
    return whole.sums, whole.problems


def _in_order(
    steps: list[_Step], found: dict[Rest, list[_Step]], *, announcing: bool = True
) -> Iterator[Part | Folder]:
    """`steps`, with what others `found` in its place."""
    ahead = [iter(steps)]
    while ahead:
        for step in ahead[-1]:
            if isinstance(step, LeftOut):
                below = found[step.rest]
                if announcing and _holds_any(below, found):
                    yield from step.parents
                ahead.append(iter(below))
                break
            yield step
        else:
            ahead.pop()


def _holds_any(steps: list[_Step], found: dict[Rest, list[_Step]]) -> bool:
    """Whether anything in `steps` is sent."""
    parts = _in_order(steps, found, announcing=False)
    return any(isinstance(step, Part) and step.sums.entries for step in parts)
