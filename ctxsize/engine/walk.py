"""A builder's walk over a tree: it yields events in the order in which the builder sends.

Pre-order, names in byte order, a directory's contents before its next sibling. Directories
come from a source, a disk or memory. The walk has its own stack, so no tree is too deep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import ELOOP, ENOENT, ENOTDIR
from os.path import join
from typing import NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator, HasMark, Marks
from ctxsize.engine.events import Event, Folder, IgnoredEntries, IgnoredFolder
from ctxsize.engine.filesystem import MOST_TOGETHER, DirectoryOrRun, DirectorySource, OpenDirectory
from ctxsize.engine.inspect import UNREAD_IGNORED, VANISHED, Inspector
from ctxsize.engine.plan import Plan
from ctxsize.engine.unsaved import source_of
from ctxsize.errors import BuildFailsError, IgnoreFileError

_OPEN_AT_ONCE = 64  # largest number of directories open at once
_GONE = (ENOENT, ENOTDIR, ELOOP)


class _Frame:
    """A directory that is being walked; there may be many, so it is no `Mutable`."""

    def __init__(
        self, path: str, directory: OpenDirectory, state: HasMark, *, passed_by: bool = False
    ) -> None:
        self.path = path
        self.directory = directory
        self.state = state
        self.passed_by = passed_by
        """True if the builder does not enter it: exceptions below have no effect then."""
        self.steps: Iterator[DirectoryOrRun] = iter(())
        self.prefix = join(path, "")
        self.announced = not state.mark.ignored


class _Arrival(NamedTuple):
    """A subdirectory as the builder meets it."""

    state: HasMark
    passed_by: bool  # True if it does not enter it


class Walk:
    """One walk over a plan's context; iterate it once.

    `everything` also opens the ignored directories that the builder does not enter.
    `source` provides the directories (default: the disk), `evaluator` the verdicts
    (default: those of the ignore file). `problems` is complete after the iteration.
    Raises `BuildFailsError` where the builder would stop, at the end for directories that
    cannot be read, which are problems of a `tolerant` walk, and `IgnoreFileError` for a pattern
    that cannot be evaluated.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        everything: bool = False,
        evaluator: Evaluator | None = None,
        source: DirectorySource | None = None,
        tolerant: bool = False,
    ) -> None:
        self._plan = plan
        self._everything = everything
        self._evaluator = evaluator or fastest(plan.spec)
        self.source = source or source_of(plan)
        self.inspector = Inspector(self.source, plan.root, plan.builder, tolerant=tolerant)
        self.problems = self.inspector.problems
        self._stack: list[_Frame] = []
        self._all_announced = True

    def __iter__(self) -> Iterator[Event]:
        try:
            self._read(self._open_top())
            yield from self._down_to(0)
            self.inspector.stop()
        except IgnoreFileError as error:
            error.path = error.path or self._plan.ignore_path
            raise
        finally:
            self.close()

    def _down_to(self, depth: int) -> Iterator[Event]:
        """Walk until at most `depth` directories are on the stack."""
        stack = self._stack
        while len(stack) > depth:
            frame = stack[-1]
            for step in frame.steps:
                if isinstance(step, list):
                    yield from self._files(frame, step)
                else:
                    yield from self._enter(frame, step)
                    if stack[-1] is not frame:
                        break
            else:
                self._leave()

    def close(self) -> None:
        """Close all open directories."""
        for frame in self._stack:
            frame.directory.close()

    def handed_back(
        self, kind: str, directory: str, names: list[str], silent: int = 0
    ) -> Iterator[Event]:
        """Yield the events of `names` in a `directory`, which a faster walk handed back.

        `kind` is `files`, `folder` for one directory alone, or `tree` for one with all below.
        `silent` directories, from `directory` upward, are ignored and were not sent so far.
        """
        frame = self._go_to(directory, silent)
        if frame is None:
            return
        if kind == "tree":
            depth = len(self._stack)
            yield from self._enter(frame, names[0])
            yield from self._down_to(depth)
        elif kind == "folder":
            child = self._open(frame, names[0], self._arrival_in(frame, names[0]))
            if child is not None:
                child.announced = True
                yield self._folder(child)
        else:
            for start in range(0, len(names), MOST_TOGETHER):
                yield from self._files(frame, names[start : start + MOST_TOGETHER])

    def _go_to(self, directory: str, silent: int) -> _Frame | None:
        """Return a directory, with those above it on the stack; None if it is gone."""
        stack = self._stack
        if not stack:
            self._open_top()
        while not f"{directory}/".startswith(stack[-1].prefix):
            self._leave()
        names = [*filter(None, directory.split("/"))]
        for depth in range(len(stack), len(names) + 1):
            name = names[depth - 1]
            arrival = self._arrival_in(stack[-1], name)
            child = self._open(stack[-1], name, arrival)
            if child is None:
                return None
            child.announced = len(names) - depth >= silent
        self._all_announced = all(frame.announced for frame in stack)
        return stack[-1]

    def _open_top(self) -> _Frame:
        try:
            directory = self.source.top()
        except OSError as error:
            message = f"the context cannot be read: {error.strerror}"
            raise BuildFailsError(message, path=join(self._plan.root, "")) from None
        return self._put(_Frame("", directory, self._evaluator.root()))

    def _arrival_in(self, frame: _Frame, name: str) -> _Arrival:
        """Return how the builder meets the subdirectory `name`."""
        if frame.passed_by:
            return _Arrival(frame.state, passed_by=True)
        state = self._evaluator.enter(frame.state, frame.prefix, name)
        looks_inside = not state.mark.ignored
        if not looks_inside:
            looks_inside = self._evaluator.enters(state, frame.prefix + name)
        return _Arrival(state, passed_by=not looks_inside)

    def _open(self, frame: _Frame, name: str, arrival: _Arrival) -> _Frame | None:
        """Put the subdirectory `name` on the stack; None if unreadable where no builder stops."""
        path = frame.prefix + name
        try:
            directory = frame.directory.enter(name)
        except OSError as error:
            if error.errno in _GONE:
                # `filterFS.Walk` continues after an entry that is gone (`isNotExist`).
                self.inspector.note(VANISHED, path, error)
            elif arrival.passed_by:
                self.inspector.note(UNREAD_IGNORED, path, error)
            else:
                self.inspector.note_stop(error, path)
            return None
        return self._put(_Frame(path, directory, arrival.state, passed_by=arrival.passed_by))

    def _put(self, frame: _Frame) -> _Frame:
        self._stack.append(frame)
        if len(self._stack) > _OPEN_AT_ONCE:
            self._stack[-1 - _OPEN_AT_ONCE].directory.close()
        return frame

    def _leave(self) -> None:
        """Close the top directory. If the one above is gone, skip the rest of it."""
        try:
            self._stack.pop().directory.leave()
        except OSError as error:
            frame = self._stack[-1]
            self.inspector.note(VANISHED, frame.path, error)
            frame.steps = iter(())

    def _read(self, frame: _Frame) -> None:
        """Read the directory's entries in order."""
        try:
            steps = frame.directory.steps()
        except OSError as error:
            if frame.passed_by:
                self.inspector.note(UNREAD_IGNORED, frame.path, error)
            else:
                self.inspector.note_stop(error, frame.path)
            return
        # A character has at most four bytes, and a name at most 255.
        prefix = frame.prefix
        longest = 4 * len(prefix) + 255
        if longest > self.source.longest_path and not frame.passed_by:
            for step in steps:
                if isinstance(step, str):
                    step = [step]
                for path in (prefix + name for name in step):
                    if len(os.fsencode(path)) > self.source.longest_path:
                        message = f"{self._plan.builder.title} stops: file name too long"
                        hint = "shorten the path or ignore one of its directories"
                        raise BuildFailsError(message, path=path, hint=hint)
        frame.steps = iter(steps)

    def _enter(self, frame: _Frame, name: str) -> list[Event]:
        """Put the subdirectory `name` on the stack if the walk enters it; return its events."""
        events: list[Event] = []
        arrival = self._arrival_in(frame, name)
        mark = arrival.state.mark
        if mark.ignored:
            # `filterFS.Walk` sends it later if an entry below it is sent (`calledFn`).
            entered = self._everything or not arrival.passed_by
            events.append(IgnoredFolder(frame.prefix + name, mark, entered))
            # It skips one below which no exception may match (`onlyPrefixExcludeExceptions`).
            if not entered:
                return events
        child = self._open(frame, name, arrival)
        if child is None:
            return events
        self._read(child)
        if mark.ignored:
            self._all_announced = False
        else:
            events += self._announce()
            events.append(self._folder(child))
        return events

    def _announce(self) -> list[Event]:
        """Return the ignored directories above a sent entry that were not sent before."""
        if self._all_announced:
            return []
        self._all_announced = True
        if not self._plan.builder.sends_ignored_parents:
            return []
        silent = [frame for frame in self._stack if not frame.announced]
        for frame in silent:
            frame.announced = True
        return [self._folder(frame) for frame in silent]

    def _folder(self, frame: _Frame) -> Folder:
        return self.inspector.folder(frame.directory, frame.path, frame.state.mark)

    def _files(self, frame: _Frame, names: list[str]) -> list[Event]:
        """Return the events of `names`, a run of entries that are not directories."""
        mark = frame.state.mark
        prefix = frame.prefix
        others: Marks = {}
        if not frame.passed_by:
            others = self._evaluator.others(frame.state, prefix, names)
        sent = []
        ignored = []
        for name in names:
            if others.get(name, mark).ignored:
                ignored.append(name)
            else:
                sent.append(name)
        events = []
        if sent:
            files = self.inspector.files(frame.directory, prefix, sent, mark, others)
            if files is not None:
                events += self._announce()
                events.append(files)
        if ignored:
            stats: list[os.stat_result] = []
            unreadable = []
            if self._everything:
                ignored, stats = self.inspector.ignored(frame.directory, prefix, ignored)
                unreadable = frame.directory.unreadable(ignored, stats)
            events.append(
                IgnoredEntries(
                    prefix=prefix,
                    names=ignored,
                    mark=mark,
                    others=others,
                    stats=stats,
                    unreadable=unreadable,
                )
            )
        return events
