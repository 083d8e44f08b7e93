"""A builder's walk over a tree: what it meets, in the order in which it sends.

Pre-order, names in byte order, a directory's contents before its next sibling.
Directories are opened relative to their parents and no symlink is followed; the
walk keeps its own stack, so no tree is too deep for it, and few files open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import ELOOP, ENOENT, ENOTDIR
from operator import length_hint
from typing import Any

from ctxsize.engine.automaton import fastest
from ctxsize.engine.bulk import MOST, Bulk
from ctxsize.engine.evaluate import Evaluator, HasMark, Mark
from ctxsize.engine.events import (
    Event,
    Files,
    Folder,
    Ignored,
    IgnoredFolder,
    LeftOut,
    Rest,
    Xattrs,
)
from ctxsize.engine.inspect import Inspector, has_mounts
from ctxsize.engine.names import Listing, between, listing, positions
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError, IgnoreFileError
from ctxsize.model import Problem

_OPEN_AT_ONCE = 64
_LONGEST_PATH = 4095
_LONGEST_NAME = 255
_MOST_BYTES = 4  # of a character
_NONE: list[str] = []
_GONE = (ENOENT, ENOTDIR, ELOOP)
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

__all__ = ["WHOLE", "Event", "Files", "Folder", "Ignored", "IgnoredFolder", "Walk", "Xattrs"]

WHOLE = Rest("", "", None)
"""The whole context."""
_MANY = 2_000
"""So many files are worth another process."""
_LONG = 20_000
"""So many names take so long to be listed that a process forked meanwhile had better know them."""


_Step = str | list[str] | Rest
"""A directory to be entered, a run of other names, or what is left to another walk."""


class _Frame:
    """A directory that is being walked."""

    __slots__ = (
        *("announced", "fd", "listed", "passed_by"),
        *("path", "plan", "prefix", "stat", "state", "steps"),
    )

    def __init__(self, path: str, fd: int, state: HasMark, *, passed_by: bool = False) -> None:
        self.path = path
        self.prefix = f"{path}/" if path else ""
        self.fd = fd
        self.state = state
        self.stat = os.fstat(fd)
        self.announced = not state.mark.ignored
        # Not entered by the builder: all below is ignored, whatever exceptions match there.
        self.passed_by = passed_by
        self.listed = 0

    def take_up(self, steps: list[_Step]) -> None:
        """Let `steps` be what is to be done from now on."""
        self.steps = steps
        self.plan = iter(steps)


class Walk:
    """One walk over a request's context; iterate it once.

    `everything` also opens the ignored directories that the builder passes by.
    It can be told, while it is on its way, to leave a `Rest` out; another walk over
    that `part` gives just this. Long `listings` are in there while they are needed, by path.
    What made the answer incomplete is in `problems`, complete when the walk is.
    Raises `BuildFailsError` where the builder would stop, `IgnoreFileError` at
    a pattern that cannot be evaluated.
    """

    def __init__(
        self,
        request: Request,
        *,
        everything: bool = False,
        evaluator: Evaluator[Any] | None = None,
        part: Rest = WHOLE,
        bulk: Bulk | None = None,
        listings: dict[str, Listing] | None = None,
    ) -> None:
        self._request = request
        self._base = request.root.rstrip("/") + "/"
        before = len(os.fsencode(self._base))
        self._surely_short = (_LONGEST_PATH - _LONGEST_NAME - before) // _MOST_BYTES
        """The most characters of a directory's path in which no name makes a path too long."""
        self._everything = everything
        self._evaluator = evaluator or fastest(request.spec)
        self._part = part
        mounts = part is WHOLE and has_mounts(request.root)
        self._inspector = Inspector(request.root, request.builder, mounts=mounts, bulk=bulk)
        self._bulk = bulk
        self._listings = {} if listings is None else listings
        self._stack: list[_Frame] = []
        self._all_announced = True

    @property
    def problems(self) -> list[Problem]:
        """What made the answer incomplete."""
        return self._inspector.problems

    @property
    def inodes(self) -> dict[int, str]:
        """The files with several names that were met, by inode, with the first name sent."""
        return self._inspector.inodes

    def __iter__(self) -> Iterator[Event]:
        stack = self._stack
        try:
            self._start()
            while stack:
                frame = stack[-1]
                for step in frame.plan:
                    if step.__class__ is list:
                        yield from self._files(frame, step)
                    elif step.__class__ is Rest:
                        yield LeftOut(step, [self._folder(each) for each in self._unannounced()])
                    else:
                        yield from self._enter(frame, step)  # type: ignore[arg-type]
                        if stack[-1] is not frame:
                            break
                else:
                    self._leave()
        except IgnoreFileError as error:
            if error.path is None and self._request.ignore_file is not None:
                error.path = self._request.ignore_file.path
            raise
        finally:
            for frame in self._stack:
                self._close(frame)

    def _start(self) -> None:
        """Open the directory at which the walk starts, counted as sent: that is another's task."""
        state, path, passed_by = self._evaluator.root(), "", False
        for name in self._part.path.split("/") if self._part.path else ():
            if not passed_by:
                state = self._evaluator.enter(state, f"{path}/" if path else "", name)
            path = f"{path}/{name}" if path else name
            passed_by = state.mark.ignored and not self._evaluator.enters(state, path)
        fd = self._opened(path)
        if fd is not None:
            frame = _Frame(path, fd, state, passed_by=passed_by)
            frame.announced = True
            self._push(frame)

    def _opened(self, path: str) -> int | None:
        """The directory `path`, of which another walk knew a moment ago; None if it has gone."""
        try:
            fd = os.open(self._base, _OPEN_DIRECTORY)
        except OSError as error:
            raise BuildFailsError(
                f"the context cannot be read: {error.strerror}", path=self._base
            ) from None
        try:
            for name in path.split("/") if path else ():  # at once, it may be too long
                above = fd
                try:
                    fd = os.open(name, _OPEN_DIRECTORY, dir_fd=above)
                finally:
                    os.close(above)
        except OSError as error:
            if error.errno not in _GONE:
                raise self._inspector.stops(error, path) from None
            self._inspector.vanished(path, error)
            return None
        return fd

    def leave_out(self) -> Rest | None:
        """From now on leave out half of what is ahead in the directory nearest to the start.

        The other half, to be exact. None if not much is ahead anywhere.
        """
        until = self._part.until
        for frame in self._stack:
            ahead = frame.steps[len(frame.steps) - length_hint(frame.plan) :]
            left = [step for step in ahead if isinstance(step, Rest)]
            own = ahead[: len(ahead) - len(left)]
            kept, half = own[: len(own) // 2], own[len(own) // 2 :]
            if _is_worth_a_listing(half, frame.listed):
                rest = Rest(frame.path, _first(half[0]), left[0].since if left else until)
                frame.steps[-len(ahead) :] = [*kept, rest, *left]  # in place, where `plan` is
                return rest
            until = None
        return None

    def _push(self, frame: _Frame) -> None:
        self._stack.append(frame)
        frame.take_up(self._plan(frame))
        if len(self._stack) > _OPEN_AT_ONCE:
            self._close(self._stack[-1 - _OPEN_AT_ONCE])

    def _leave(self) -> None:
        """Close the top directory. The one above is opened again if it was closed meanwhile."""
        child = self._stack.pop()
        if self._stack and self._stack[-1].fd < 0:
            frame = self._stack[-1]
            try:
                frame.fd = os.open("..", _OPEN_DIRECTORY, dir_fd=child.fd)
                if not os.path.samestat(os.fstat(frame.fd), frame.stat):
                    raise OSError(ENOENT, os.strerror(ENOENT))
            except OSError as error:
                self._inspector.vanished(frame.path, error)
                frame.take_up([])
        self._close(child)

    def _close(self, frame: _Frame) -> None:
        if frame.fd >= 0:
            os.close(frame.fd)
            if self._bulk is not None:
                self._bulk.left(frame.fd)
            frame.fd = -1
            if self._listings:
                self._listings.pop(frame.path, None)

    def _plan(self, frame: _Frame) -> list[_Step]:
        """The directory's entries in order: names of directories, runs of other names."""
        try:
            directories, others, order = self._listings.get(frame.path) or listing(frame.fd)
        except OSError as error:
            if frame.passed_by:
                self._inspector.unread(frame.path, error)
                return []
            raise self._inspector.stops(error, frame.path) from None
        frame.listed = len(directories) + len(others)
        if frame.listed >= _LONG:
            self._listings[frame.path] = directories, others, order
        if len(frame.prefix) > self._surely_short and not frame.passed_by:
            self._check_lengths(frame, directories, others)
        if self._part is not WHOLE and len(self._stack) == 1:
            _, since, until = self._part
            directories = between(directories, since, until, order)
            others = between(others, since, until, order)
        if not directories:
            return _batches(others)
        return _interleaved(directories, others, positions(others, directories, order))

    def _check_lengths(self, frame: _Frame, directories: list[str], others: list[str]) -> None:
        before = len(self._base) + len(os.fsencode(frame.prefix))
        for name in sorted([*directories, *others]):
            if before + len(os.fsencode(name)) > _LONGEST_PATH:
                raise BuildFailsError(
                    f"{self._request.builder.title} stops: file name too long",
                    path=frame.prefix + name,
                    hint="shorten the path or ignore one of its directories",
                )

    def _enter(self, frame: _Frame, name: str) -> list[Event]:
        """Put the subdirectory `name` on the stack and announce it, if the walk goes there."""
        events: list[Event] = []
        path = frame.prefix + name
        if frame.passed_by:
            state, ignored, looks_inside = frame.state, True, False
        else:
            state = self._evaluator.enter(frame.state, frame.prefix, name)
            ignored = state.mark.ignored
            looks_inside = not ignored or self._evaluator.enters(state, path)
        if ignored:
            events.append(IgnoredFolder(path, state.mark, looks_inside or self._everything))
            if not looks_inside and not self._everything:
                return events
        child = self._open(frame, name, state, stops=looks_inside)
        if child is None:
            return events
        self._push(child)
        if ignored:
            self._all_announced = False
        else:
            if not self._all_announced:
                events += self._announce()
            events.append(self._folder(child))
        return events

    def _open(self, frame: _Frame, name: str, state: HasMark, *, stops: bool) -> _Frame | None:
        path = frame.prefix + name
        try:
            fd = os.open(name, _OPEN_DIRECTORY, dir_fd=frame.fd)
            return _Frame(path, fd, state, passed_by=not stops)
        except OSError as error:
            if error.errno in _GONE:
                self._inspector.vanished(path, error)
            elif stops:
                raise self._inspector.stops(error, path) from None
            else:
                self._inspector.unread_ignored(path, error)
            return None

    def _announce(self) -> list[Event]:
        """The ignored directories above a sent entry that were not sent yet."""
        self._all_announced = True
        folders: list[Event] = []
        for frame in self._unannounced():
            frame.announced = True
            folders.append(self._folder(frame))
        return folders

    def _unannounced(self) -> list[_Frame]:
        """The directories on the way that are sent only with something in them."""
        if not self._request.builder.sends_ignored_parents:
            return []
        return [frame for frame in self._stack if not frame.announced]

    def _folder(self, frame: _Frame) -> Folder:
        xattrs = self._inspector.xattrs(frame.path, frame.fd)
        return Folder(frame.path, frame.stat, frame.state.mark, xattrs)

    def _files(self, frame: _Frame, names: list[str]) -> list[Event]:
        """What becomes of `names`, a run of entries that are no directories."""
        mark = frame.state.mark
        odd = {} if frame.passed_by else self._evaluator.odd(frame.state, frame.prefix, names)
        sent, ignored = _parted(names, mark, odd) if odd or mark.ignored else (names, _NONE)
        events: list[Event] = []
        if sent:
            batches = self._inspector.batch(frame.fd, frame.prefix, sent, mark=mark, odd=odd)
            if batches:
                if not self._all_announced:
                    events += self._announce()
                events += batches
        if ignored:
            stats: list[os.stat_result | None] = []
            if self._everything:
                stats = self._inspector.ignored_stats(frame.fd, frame.prefix, ignored)
            events.append(Ignored(frame.prefix, ignored, mark, odd, stats))
        return events


def _parted(names: list[str], mark: Mark, odd: dict[str, Mark]) -> tuple[list[str], list[str]]:
    """Those of `names` that are sent, and those that are ignored; most share `mark`."""
    others = {name for name, each in odd.items() if each.ignored != mark.ignored}
    if not others:
        return ([], names) if mark.ignored else (names, [])
    if len(others) == len(names):
        return (names, []) if mark.ignored else ([], names)
    usual = [name for name in names if name not in others]
    unusual = [name for name in names if name in others]
    return (unusual, usual) if mark.ignored else (usual, unusual)


def _is_worth_a_listing(steps: list[_Step], listed: int) -> bool:
    """Whether these may be left to another walk, which has to list all the `listed` names again.

    It does for the sake of directories, and for files if they are not far from half of all.
    """
    files = sum(len(step) for step in steps if isinstance(step, list))
    return files >= max(_MANY, listed // 3) or any(isinstance(step, str) for step in steps)


def _first(step: _Step) -> str:
    return step if isinstance(step, str) else step[0]


def _batches(names: list[str]) -> list[_Step]:
    """`names` in runs that are not too long to be held with all that is known of them."""
    if len(names) <= MOST:
        return [names] if names else []
    return [names[at : at + MOST] for at in range(0, len(names), MOST)]


def _interleaved(directories: list[str], others: list[str], ends: list[int]) -> list[_Step]:
    """Each directory, with the runs of other names before, between and after them."""
    steps: list[_Step] = []
    start = 0
    for directory, end in zip(directories, ends, strict=True):
        if end > start:
            steps += _batches(others[start:end])
            start = end
        steps.append(directory)
    return steps + _batches(others[start:])
