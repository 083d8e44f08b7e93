"""Explain why a path is ignored or sent: the same evaluation as the walk's, with its steps."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.automaton import fastest
from ctxsize.engine.copied import copied
from ctxsize.engine.dockerfiles import follow_inside
from ctxsize.engine.evaluate import DirectoryStates, DockerIgnoreSpec, Step, refuses, up_to
from ctxsize.engine.events import public_pattern
from ctxsize.engine.inspect import NO_PERMISSION, WITHHELD
from ctxsize.engine.narrow import follow, include_spec
from ctxsize.engine.plan import Plan, inside
from ctxsize.engine.transfer_requests import asked_of, is_wrong_target, mounts_of
from ctxsize.errors import CtxsizeError, IgnoreFileError, InputError
from ctxsize.model import Pattern, Verdict
from ctxsize.reader import listed_name, may_read, why_other


class Outcome(str, Enum):
    """The result of one pattern at one path."""

    MATCHED = "matched"
    NO_MATCH = "no match"
    SKIPPED = "skipped"  # not evaluated, because a match could not have changed anything
    INHERITED = "inherited"  # counts as matched because it did for the directory above


@dataclass(frozen=True)
class Check:
    """One pattern at one path, as the builder evaluated it."""

    pattern: Pattern
    outcome: Outcome
    ignored: bool  # before this pattern was evaluated


@dataclass(frozen=True)
class Level:
    """The evaluation of one path on the way down: a directory above, or the path itself."""

    path: str
    verdict: Verdict
    checks: tuple[Check, ...]
    entered: bool = True  # whether the builder looks for entries to send below it


@dataclass(frozen=True)
class NearMiss:
    """A pattern that would decide otherwise if it were tested alone."""

    pattern: Pattern
    matches: str  # the path that it matches alone: the one in question, or a directory above
    pruned: bool  # True if the builder never reaches that path; False if it skips the pattern there


class Taker(NamedTuple):
    """An instruction that takes a path, unless that is ignored."""

    source: Source
    below: bool  # whether it takes at most entries below the path, which is a directory


@dataclass(frozen=True)
class Explanation:
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
        if self.levels:
            last = self.levels[-1]
        else:
            last = None
        if last is None or last.path == self.path:
            return None
        return last.path


def explain(plan: Plan, path: str) -> Explanation:
    """Return why `path`, relative to the context, is ignored or sent. It need not exist.

    Raises `IgnoreFileError` if the builder would reach a pattern that it cannot evaluate.
    """
    if plan.ignore_file:
        ignore_file = plan.ignore_file.path
    else:
        ignore_file = None
    if path in ("", "."):
        return Explanation(".", Verdict(ignored=False), ignore_file)
    found = entry_at(plan, path)
    if isinstance(found, str):
        not_there = found
    else:
        not_there = None
    try:
        levels, last = _levels(plan.spec, path)
        misses = tuple(_near_misses(plan.spec, path, levels[-1].path, last))
        if last.ignored:
            empty = None
            stops = None
        else:
            empty, stops = _troubles(plan, path, found)
    except IgnoreFileError as error:
        error.path = error.path or ignore_file
        raise
    verdict = levels[-1].verdict
    way = tuple(levels)
    return Explanation(path, verdict, ignore_file, way, misses, empty, not_there, stops=stops)


def _levels(spec: DockerIgnoreSpec, path: str) -> tuple[list[Level], Step]:
    """Return the levels down to `path` or the last directory entered, and the last step."""
    levels: list[Level] = []
    step = Step(ignored=False, state=0, decider=None)
    for ancestor, step_here in spec.steps(path):
        before = step.state
        step = step_here
        if step.decider is None:
            by = None
        else:
            by = public_pattern(spec.patterns[step.decider])
        entered = not step.ignored or spec.enters(ancestor)
        checks = tuple(_checks(spec, ancestor, before, step.state))
        levels.append(Level(ancestor, Verdict(step.ignored, by), checks, entered))
        if not entered:
            break
    return levels, step


def _checks(spec: DockerIgnoreSpec, path: str, before: int, after: int) -> Iterator[Check]:
    """Yield a check of each pattern at `path`, given the states before and after it."""
    ignored = False
    for index, pattern in enumerate(spec.patterns):
        ignores = bool(pattern.include)
        bit = 1 << index
        if not spec.remembers_parents:
            if pattern.matches(path):
                outcome = Outcome.MATCHED
            else:
                outcome = Outcome.NO_MATCH
        elif before & bit:
            outcome = Outcome.INHERITED
        elif ignores == ignored:
            outcome = Outcome.SKIPPED
        else:
            if after & bit:
                outcome = Outcome.MATCHED
            else:
                outcome = Outcome.NO_MATCH
        yield Check(public_pattern(pattern), outcome, ignored)
        if outcome in (Outcome.MATCHED, Outcome.INHERITED):
            ignored = ignores


def _near_misses(spec: DockerIgnoreSpec, path: str, reached: str, last: Step) -> Iterator[NearMiss]:
    """Yield the later patterns of the other kind that match if tested alone."""
    if last.decider is None:
        start = 0
    else:
        start = last.decider + 1
    for pattern in list(spec.patterns)[start:]:
        if bool(pattern.include) == last.ignored:
            continue
        for each in reversed(up_to(path)):
            if pattern.matches(each):
                yield NearMiss(public_pattern(pattern), each, pruned=len(each) > len(reached))
                break


def _troubles(plan: Plan, path: str, found: os.stat_result | str) -> tuple[str | None, str | None]:
    """Return why a path that is sent arrives empty, and why the build stops at it."""
    if isinstance(found, str):
        mode = stat.S_IFREG
    else:
        mode = found.st_mode
    builder = plan.builder
    if stat.S_ISREG(mode) and builder.refuses_to_open and refuses(plan.spec, path):
        return WITHHELD, None
    full = os.path.join(plan.root, path)
    if isinstance(found, str) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or may_read(full):
        return None, None
    stops = stat.S_ISDIR(mode) or builder.unreadable_stops
    if stops:
        return (None, NO_PERMISSION)
    return (NO_PERMISSION, None)


def entry_at(plan: Plan, path: str) -> os.stat_result | str:
    """Return the entry at `path`, or why the context has none; no symlink is followed."""
    for here in up_to(path):
        try:
            found = os.lstat(os.path.join(plan.root, here))
        except OSError as error:
            return f"{here}: {error.strerror}"
        except ValueError as error:
            return str(error)
        listed = listed_name(os.path.join(plan.root, here))
        if listed not in (None, os.path.basename(here)):
            return f"{here} is listed as {listed}: {why_other(listed, os.path.basename(here))}"
        if here != path and stat.S_ISLNK(found.st_mode):
            return f"{here} is a symlink, which no builder follows"
    return found


def in_context(plan: Plan, path: str) -> str:
    """Return `path` relative to the context of `plan`.

    A relative path is one in the context, or in the working directory if the entry exists only
    there. Raises `InputError` for a path outside the context.
    """
    if "\0" in path or not path:
        raise InputError("not a path", path=repr(path))
    absolute = posixpath.abspath(path)
    # The last component is an entry of the context even if it is a symlink.
    found = [posixpath.relpath(absolute, plan.context), inside(plan.root, absolute) or ".."]
    if not path.startswith("/"):
        found.insert(0, posixpath.normpath(path))
    if not (below := [each for each in found if each.partition("/")[0] != ".."]):
        hint = f"the context is {plan.root}; name another with --context"
        raise InputError("the path lies outside the context", path=path, hint=hint)
    is_there = (each for each in below if os.path.lexists(os.path.join(plan.root, each)))
    return next(is_there, below[0])


def _shows(plan: Plan, source: Source, path: str) -> bool:
    """Return whether the entry at `path` is in a bind mount of `source`."""
    at = follow_inside(plan.root, source.path)
    if at is None:
        return False
    inside = os.path.relpath(os.path.join(plan.root, path), at)
    return inside.partition("/")[0] != ".."


class Takers:
    """Adds the instructions that take a path. Raises `CtxsizeError` for a missing target."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self.unknown, title = plan, "", plan.builder.title
        self._copied: dict[Source, DirectoryStates] = {}
        self._asked: dict[Source, DirectoryStates] = {}  # where more is asked for than is copied
        self._mounts = mounts_of(plan)
        if plan.builder.meter is None:
            self.unknown = f"{title} sends nothing; COPY and ADD read the context in place"
            return
        if not plan.builder.asks_for_paths:
            self.unknown = f"{title} sends the whole context, whatever the Dockerfile says"
            return
        if plan.dockerfile is None:
            self.unknown = "not known, as there is no Dockerfile"
            return
        try:
            for source in (source for asked in asked_of(plan) for source in asked.sources):
                if source.path.startswith("!"):  # fsutil reads the paths as an ignore file
                    self.unknown = (
                        f"not known, as {source.instruction} {source.written} (line {source.line}) "
                        "excludes entries again (`!`), and files may arrive empty"
                    )
                include = follow(plan.root, (source.path,))
                if include is None:
                    spec = DockerIgnoreSpec([])
                else:
                    spec = include_spec(include)
                asked = fastest(spec)
                evaluator = copied(asked, source, plan.root, include)
                self._copied[source] = DirectoryStates(evaluator)
                if evaluator is not asked:
                    self._asked[source] = DirectoryStates(asked)
        except CtxsizeError as error:
            if is_wrong_target(plan):
                raise
            self.unknown = f"not known: {error}"

    def added_to(self, explained: Explanation) -> Explanation:
        """Return `explained` with the instructions that take its path, or why they are unknown."""
        if explained.path == ".":
            return explained
        if self.unknown:
            mounts = self._mounted(explained.path)
            return replace(explained, takers_unknown=self.unknown, mounts=mounts)
        found = entry_at(self._plan, explained.path)
        is_directory = not isinstance(found, str) and stat.S_ISDIR(found.st_mode)
        path = explained.path
        try:
            takers = self.of(path, is_directory=is_directory)
            left_out = () if takers else tuple(self._left_out(path))
        except CtxsizeError as error:
            return replace(explained, takers_unknown=f"not known: {error}")
        return replace(explained, takers=takers, left_out=left_out)

    def _mounted(self, path: str) -> tuple[Source, ...]:
        """Return the bind mounts in which an entry is seen, whatever the ignore file says."""
        with suppress(OSError):
            return tuple(each for each in self._mounts if _shows(self._plan, each, path))
        return ()

    def of(self, path: str, *, is_directory: bool) -> tuple[Taker, ...]:
        """Return instructions that take an entry, if known. Raises `CtxsizeError` for a fault."""
        found = list[Taker]()
        above, slash, name = path.rpartition("/")
        prefix = above + slash
        for source, states in self._copied.items():
            state = states.state(above)
            evaluator = states.evaluator
            if state is None:
                continue
            if not evaluator.others(state, prefix, [name]).get(name, state.mark).ignored:
                found.append(Taker(source, below=False))
            elif is_directory and evaluator.enters(evaluator.enter(state, prefix, name), path):
                found.append(Taker(source, below=True))
        return tuple(found)

    def _left_out(self, path: str) -> Iterator[Source]:
        """Yield the sources for which an entry is sent, although they do not copy it."""
        above, slash, name = path.rpartition("/")
        for source, states in self._asked.items():
            state = states.state(above)
            evaluator = states.evaluator
            if state is None:
                continue
            if not evaluator.others(state, above + slash, [name]).get(name, state.mark).ignored:
                yield source
