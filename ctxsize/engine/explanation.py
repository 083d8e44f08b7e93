"""Explain why a path is ignored or sent: the same evaluation as the walk's, with its steps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from os.path import abspath, basename, join, lexists, normpath, relpath
from stat import S_IFREG, S_ISDIR, S_ISLNK, S_ISREG
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.automaton import fastest
from ctxsize.engine.copied import copied
from ctxsize.engine.dockerfiles import follow_inside, leads_out
from ctxsize.engine.evaluate import DirectoryStates, DockerIgnoreSpec, Step, refuses, up_to
from ctxsize.engine.events import public_pattern
from ctxsize.engine.inspect import NO_PERMISSION, WITHHELD
from ctxsize.engine.narrow import follow, include_spec
from ctxsize.engine.plan import Plan, inside
from ctxsize.engine.transfer_requests import is_wrong_target, mounts_of, sources_of
from ctxsize.errors import CtxsizeError, IgnoreFileError, InputError
from ctxsize.model import Pattern, Verdict
from ctxsize.reader import listed_name, may_read, why_other
from ctxsize.values import Value


class Outcome(str, Enum):
    """The result of one pattern at one path."""

    MATCHED = "matched"
    NO_MATCH = "no match"
    SKIPPED = "skipped"  # not evaluated, because a match could not have changed anything
    INHERITED = "inherited"  # counts as matched because it did for the directory above


class Check(Value):
    """One pattern at one path, as the builder evaluated it."""

    pattern: Pattern
    outcome: Outcome
    ignored: bool  # before this pattern was evaluated


class Level(Value):
    """The evaluation of one path on the way down: a directory above, or the path itself."""

    path: str
    verdict: Verdict
    checks: tuple[Check, ...]
    entered: bool = True  # whether the builder looks for entries to send below it


class NearMiss(Value):
    """A pattern that would decide otherwise if it were tested alone."""

    pattern: Pattern
    matches: str  # the path that it matches alone: the one in question, or a directory above
    pruned: bool  # True if the builder never reaches that path; False if it skips the pattern there


class Taker(NamedTuple):
    """An instruction that takes a path, unless that is ignored."""

    source: Source
    below: bool  # whether it takes at most entries below the path, which is a directory


class Explanation(Value):
    """The reason why a path is ignored or sent, level by level from the top of the context.

    `levels` are those of its parents and its own; they end at an ignored directory not entered.
    Each text is the reason for something, None if that is not so.
    """

    path: str
    verdict: Verdict
    ignore_file: str | None
    levels: tuple[Level, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    arrives_empty: str | None = None  # the file is listed but arrives without its content
    not_there: str | None = None  # the context has no such entry
    takers: tuple[Taker, ...] | None = None  # in order; None if they are not known
    takers_unknown: str | None = None
    left_out: tuple[Source, ...] = ()  # if no instruction takes it: for which it is sent anyway
    mounts: tuple[Source, ...] = ()  # bind mounts that show it without the ignore file
    stops: str | None = None  # the build stops at it

    @property
    def pruned_at(self) -> str | None:
        """Return the ignored directory above that is not entered, if there is one."""
        if self.levels and self.levels[-1].path != self.path:
            return self.levels[-1].path
        return None


def explain(plan: Plan, path: str) -> Explanation:
    """Return why `path`, relative to the context, is ignored or sent. It need not exist.

    Raises `IgnoreFileError` if the builder would reach a pattern that it cannot evaluate.
    """
    ignore_file = plan.ignore_path
    if path in ("", "."):
        return Explanation(".", Verdict(ignored=False), ignore_file)
    mode, not_there = entry_at(plan, path)
    try:
        levels, last = _levels(plan.spec, path)
        explained = Explanation(
            path,
            verdict=levels[-1].verdict,
            ignore_file=ignore_file,
            levels=tuple(levels),
            near_misses=tuple(_near_misses(plan.spec, path, levels[-1].path, last)),
            not_there=not_there,
        )
    except IgnoreFileError as error:
        error.path = error.path or ignore_file
        raise
    if last.ignored:
        return explained
    return _with_trouble(plan, explained, mode)


def _levels(spec: DockerIgnoreSpec, path: str) -> tuple[list[Level], Step]:
    """Return the levels down to `path` or the last directory entered, and the last step."""
    levels = []
    before = 0
    for ancestor, step in spec.steps(path):
        decider = None
        if step.decider is not None:
            decider = public_pattern(spec.patterns[step.decider])
        level = Level(
            ancestor,
            Verdict(step.ignored, decider),
            checks=tuple(_checks(spec, ancestor, before, step.state)),
            entered=not step.ignored or spec.enters(ancestor),
        )
        levels.append(level)
        before = step.state
        if not level.entered:
            break
    return levels, step


def _checks(spec: DockerIgnoreSpec, path: str, before: int, after: int) -> Iterator[Check]:
    """Yield a check of each pattern at `path`, given the states before and after it."""
    ignored = False
    for index, pattern in enumerate(spec.patterns):
        ignores = bool(pattern.include)
        bit = 1 << index
        outcome = Outcome.NO_MATCH
        if not spec.remembers_parents:
            if pattern.matches(path):
                outcome = Outcome.MATCHED
        elif before & bit:
            outcome = Outcome.INHERITED
        elif ignores == ignored:
            outcome = Outcome.SKIPPED
        elif after & bit:
            outcome = Outcome.MATCHED
        yield Check(public_pattern(pattern), outcome, ignored)
        if outcome in (Outcome.MATCHED, Outcome.INHERITED):
            ignored = ignores


def _near_misses(
    spec: DockerIgnoreSpec, path: str, reached: str, last_step: Step
) -> Iterator[NearMiss]:
    """Yield the later patterns of the other kind that match if tested alone."""
    start = 0
    if last_step.decider is not None:
        start = last_step.decider + 1
    for pattern in spec.patterns[start:]:
        if bool(pattern.include) == last_step.ignored:
            continue
        for ancestor in reversed(up_to(path)):
            if pattern.matches(ancestor):
                yield NearMiss(
                    pattern=public_pattern(pattern),
                    matches=ancestor,
                    pruned=len(ancestor) > len(reached),
                )
                break


def _with_trouble(plan: Plan, explained: Explanation, mode: int) -> Explanation:
    """Add why a path that is sent arrives empty, or why the build stops at it."""
    builder = plan.builder
    is_directory = S_ISDIR(mode)
    is_file = S_ISREG(mode)
    if is_file and builder.refuses_to_open and refuses(plan.spec, explained.path):
        return replace(explained, arrives_empty=WITHHELD)
    if explained.not_there is not None:
        return explained
    if not (is_file or is_directory):
        return explained
    if may_read(join(plan.root, explained.path)):
        return explained
    if is_directory or builder.unreadable_stops:
        return replace(explained, stops=NO_PERMISSION)
    return replace(explained, arrives_empty=NO_PERMISSION)


class EntryAt(NamedTuple):
    """The mode of an entry, or the reason why the context has none at a path."""

    mode: int = S_IFREG
    not_there: str | None = None


def entry_at(plan: Plan, path: str) -> EntryAt:
    """Return the entry of the context at `path`; no symlink is followed."""
    for ancestor in up_to(path):
        full = join(plan.root, ancestor)
        try:
            status = os.lstat(full)
        except OSError as error:
            return EntryAt(not_there=f"{ancestor}: {error.strerror}")
        except ValueError as error:
            return EntryAt(not_there=str(error))
        listed = listed_name(full)
        name = basename(ancestor)
        if listed not in (None, name):
            return EntryAt(
                not_there=f"{ancestor} is listed as {listed}: {why_other(listed, name)}",
            )
        if ancestor != path and S_ISLNK(status.st_mode):
            return EntryAt(not_there=f"{ancestor} is a symlink, which no builder follows")
    return EntryAt(status.st_mode)


def in_context(plan: Plan, path: str) -> str:
    """Return `path` relative to the context of `plan`.

    A relative path is one in the context, or in the working directory if the entry exists only
    there. Raises `InputError` for a path outside the context.
    """
    if "\0" in path or not path:
        raise InputError("not a path", path=repr(path))
    absolute = abspath(path)
    # The last component is an entry of the context even if it is a symlink.
    readings = [relpath(absolute, plan.context), inside(plan.root, absolute) or ".."]
    if not path.startswith("/"):
        readings.insert(0, normpath(path))
    below = [reading for reading in readings if not leads_out(reading)]
    for reading in below:
        if lexists(join(plan.root, reading)):
            return reading
    if below:
        return below[0]
    raise InputError(
        "the path lies outside the context",
        path=path,
        hint=f"the context is {plan.root}; name another with --context",
    )


class Takers:
    """Adds the instructions that take a path. Raises `CtxsizeError` for a missing target."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.unknown = ""
        self._copied: dict[Source, DirectoryStates] = {}
        self._asked: dict[Source, DirectoryStates] = {}
        """For sources that ask for more than they copy: an entry may be sent and left out."""
        self._mounts = mounts_of(plan)
        builder = plan.builder
        if builder.meter is None:
            self.unknown = f"{builder.title} sends nothing; COPY and ADD read the context in place"
        elif not builder.asks_for_paths:
            self.unknown = f"{builder.title} sends the whole context, whatever the Dockerfile says"
        elif plan.dockerfile is None:
            self.unknown = "not known, as there is no Dockerfile"
        else:
            try:
                for source in sources_of(plan):
                    self._add(source)
            except CtxsizeError as error:
                if is_wrong_target(plan):
                    raise
                self.unknown = f"not known: {error}"

    def _add(self, source: Source) -> None:
        if source.path.startswith("!"):  # fsutil reads the paths as an ignore file
            self.unknown = (
                f"not known, as {source.instruction} {source.written} (line {source.line}) "
                "excludes entries again (`!`), and files may arrive empty"
            )
        include = follow(self._plan.root, (source.path,))
        spec = DockerIgnoreSpec([])
        if include is not None:
            spec = include_spec(include)
        asked = fastest(spec)
        evaluator = copied(asked, source, self._plan.root, include)
        self._copied[source] = DirectoryStates(evaluator)
        if evaluator is not asked:
            self._asked[source] = DirectoryStates(asked)

    def added_to(self, explained: Explanation) -> Explanation:
        """Return `explained` with the instructions that take its path, or why they are unknown."""
        path = explained.path
        if path == ".":
            return explained
        if self.unknown:
            return replace(explained, takers_unknown=self.unknown, mounts=self._mounted(path))
        is_directory = S_ISDIR(entry_at(self._plan, path).mode)
        left_out = []
        try:
            takers = self.of(path, is_directory=is_directory)
            if not takers:
                left_out = [
                    source for source, states in self._asked.items() if selects(states, path)
                ]
        except CtxsizeError as error:
            return replace(explained, takers_unknown=f"not known: {error}")
        return replace(explained, takers=takers, left_out=tuple(left_out))

    def _mounted(self, path: str) -> tuple[Source, ...]:
        """Return the bind mounts in which an entry is seen, whatever the ignore file says."""
        root = self._plan.root
        showing = []
        try:
            for mount in self._mounts:
                top = follow_inside(root, mount.path)
                if top is not None and not leads_out(relpath(join(root, path), top)):
                    showing.append(mount)
        except OSError:
            return ()
        return tuple(showing)

    def of(self, path: str, *, is_directory: bool) -> tuple[Taker, ...]:
        """Return instructions that take an entry, if known. Raises `CtxsizeError` for a fault."""
        takers = []
        for source, states in self._copied.items():
            if selects(states, path):
                takers.append(Taker(source, below=False))
            elif is_directory and states.state(path) is not None:
                takers.append(Taker(source, below=True))
        return tuple(takers)


def selects(states: DirectoryStates, path: str) -> bool:
    """Return whether an evaluator leaves the entry at `path`."""
    above, slash, name = path.rpartition("/")
    state = states.state(above)
    if state is None:
        return False
    marks = states.evaluator.others(state, above + slash, [name])
    return not marks.get(name, state.mark).ignored
