"""Explain why a path is ignored or sent: the same evaluation as the walk's, with its steps."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.engine.automaton import Program
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step, matches, refuses, up_to
from ctxsize.engine.events import public_pattern
from ctxsize.engine.inspect import NO_PERMISSION, WITHHELD
from ctxsize.engine.memory import MemoryDirectory
from ctxsize.engine.request import Request, inside
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.model import Pattern, Verdict
from ctxsize.reader import may_read

if TYPE_CHECKING:
    from ctxsize.dockerfile.sources import Source


class Outcome(str, Enum):
    """The result of one pattern at one path."""

    MATCHED = "matched"
    NO_MATCH = "no match"
    SKIPPED = "skipped"
    """Not evaluated, because a match could not have changed anything."""
    INHERITED = "inherited"
    """Counts as matched because it did for the directory above."""


@dataclass(frozen=True)
class Check:
    """One pattern at one path, as the builder evaluated it."""

    pattern: Pattern
    outcome: Outcome
    ignored: bool
    """True if the path was ignored before this pattern was evaluated."""


@dataclass(frozen=True)
class Level:
    """The evaluation of one path on the way down: a directory above, or the path itself."""

    path: str
    verdict: Verdict
    checks: tuple[Check, ...]
    entered: bool = True
    """True if the builder looks for entries to send below it."""


@dataclass(frozen=True)
class NearMiss:
    """A pattern that would decide otherwise if it were tested alone."""

    pattern: Pattern
    matches: str
    """The path that it matches alone: the one in question, or a directory above."""
    pruned: bool
    """True if the builder never reaches that path; False if it skips the pattern there."""


class Taker(NamedTuple):
    """An instruction that takes a path, unless that is ignored."""

    source: Source
    below: bool
    """True if it takes at most entries below the path, which is a directory."""


@dataclass(frozen=True)
class Explanation:
    """The reason why a path is ignored or sent, level by level from the top of the context."""

    path: str
    verdict: Verdict
    ignore_file: str | None
    levels: tuple[Level, ...] = ()
    """The path and its parents from the top; they end at an ignored directory not entered."""
    near_misses: tuple[NearMiss, ...] = ()
    arrives_empty: str | None = None
    """The reason why the file is listed but arrives without its content, or None."""
    not_there: str | None = None
    """The reason why the context has no such entry, or None if it does."""
    takers: tuple[Taker, ...] | None = None
    """The instructions that take it, in order; None if they are not known."""
    takers_unknown: str | None = None
    """The reason why they are not known."""
    stops: str | None = None
    """The reason why the build stops at it, or None."""

    @property
    def pruned_at(self) -> str | None:
        """Return the ignored directory above that is not entered, if there is one."""
        last = self.levels[-1] if self.levels else None
        return None if last is None or last.path == self.path else last.path


def explain(request: Request, path: str) -> Explanation:
    """Return why `path`, relative to the context, is ignored or sent. It need not exist.

    Raises `IgnoreFileError` if the builder would reach a pattern that it cannot evaluate.
    """
    ignore_file = request.ignore_file.path if request.ignore_file else None
    if path in ("", "."):
        return Explanation(".", Verdict(ignored=False), ignore_file)
    found = entry_at(request, path)
    try:
        levels, last = _levels(request.spec, path)
        near_misses = tuple(_near_misses(request.spec, path, levels[-1].path, last))
        empty, stops = (None, None) if last.ignored else _troubles(request, path, found)
    except IgnoreFileError as error:
        error.path = error.path or ignore_file
        raise
    return Explanation(
        path,
        levels[-1].verdict,
        ignore_file,
        tuple(levels),
        near_misses,
        empty,
        found if isinstance(found, str) else None,
        stops=stops,
    )


def _levels(spec: DockerIgnoreSpec, path: str) -> tuple[list[Level], Step]:
    """Return the levels down to `path` or the last directory entered, and the last step."""
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
    """Yield a check of each pattern at `path`, given the states before and after it."""
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
    """Yield the later patterns of the other kind that match if tested alone."""
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
    """Return the entry at `path`, or why the context has none; no symlink is followed."""
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

    A relative path is one in the context, or in the working directory if the entry exists only
    there. Raises `InputError` for a path outside the context.
    """
    if "\0" in path or not path:
        raise InputError("not a path", path=repr(path))
    absolute = posixpath.abspath(path)
    # The last component is an entry of the context even if it is a symlink.
    found = [posixpath.relpath(absolute, request.context), inside(request.root, absolute) or ".."]
    if not path.startswith("/"):
        found.insert(0, posixpath.normpath(path))
    below = [each for each in found if each.partition("/")[0] != ".."]
    if not below:
        raise InputError(
            "the path lies outside the context",
            path=path,
            hint=f"the context is {request.root}; name another with --context",
        )
    is_there = (each for each in below if os.path.lexists(os.path.join(request.root, each)))
    return next(is_there, below[0])


class Matcher:
    """Looks up the segments that match a name, as the automaton does."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self.spec = spec
        # Else each path is evaluated alone, or a pattern may stop the build.
        self._hands_down = spec.remembers_parents and not any(each.fault for each in spec.patterns)
        self._program = Program(spec.patterns)
        self._known = {"": (list[int](), Step(False, 0, None), self._program.start)}
        """For each path the patterns that match it, its fate, and the live segments below."""

    def indexes(self, path: str) -> list[int]:
        """Return the indexes of the patterns that match `path` itself, in order."""
        return self._find(path)[0]

    def step(self, path: str) -> Step:
        """Return the fate of `path`, as if the builder entered every directory above it."""
        return self._find(path)[1] if self._hands_down else [*self.spec.steps(path)][-1][1]

    def in_tree(self, root: MemoryDirectory) -> Iterator[tuple[str, list[int]]]:
        """Yield each matched path below `root`, with the indexes of the patterns that match it."""
        for held, found in self._by_directory(root):
            for name, hits in found.items():
                yield held.prefix + name, self._owners(hits)

    def tops(self, root: MemoryDirectory) -> dict[str, set[str]]:
        """Return the topmost matched paths: names by directory."""
        return {held.path: {*found} for held, found in self._by_directory(root, topmost=True)}

    def _find(self, path: str) -> tuple[list[int], Step, int]:
        for each in () if path in self._known else up_to(path):
            if each in self._known:
                continue
            directory, _, name = each.rpartition("/")
            _, above, live = self._known[directory]
            hits = self._hits(live, directory, [name]).get(name, 0)
            indexes = self._owners(hits)
            ignored, state = False, 0
            # The same as `DockerIgnoreSpec.step`, but only for the patterns that match.
            for index in sorted({*indexes, *_bits(above.state)}):
                ignores = bool(self.spec.patterns[index].include)
                if above.state >> index & 1 or ignores != ignored:
                    state |= 1 << index
                    ignored = ignores
            step = Step(ignored, state, state.bit_length() - 1 if state else None)
            self._known[each] = indexes, step, self._program.follow(live, hits, name)
        return self._known[path]

    def _hits(self, live: int, directory: str, names: Sequence[str]) -> dict[str, int]:
        """Return the matching ones of the `live` segments, for each name with any."""
        if not live:
            return {}
        known = self._program.known
        found = {name: hits for name in names if (hits := live & known[name])}
        whole = live & self._program.whole_paths
        prefix = f"{directory}/" if directory else ""
        more = self._program.on_paths(whole, prefix, names) if whole else {}
        for name, hits in more.items():
            found[name] = found.get(name, 0) | hits
        return found

    def _owners(self, hits: int) -> list[int]:
        """Return the patterns whose last segments are among `hits`."""
        owner = self._program.owner
        return [*dict.fromkeys(owner[bit] for bit in _bits(hits & self._program.final))]

    def _by_directory(
        self, root: MemoryDirectory, *, topmost: bool = False
    ) -> Iterator[tuple[MemoryDirectory, dict[str, int]]]:
        """Yield each directory with matches, and the last segments that match each name there."""
        program = self._program
        pending = [(root, program.start)]
        while pending:
            held, live = pending.pop()
            hits = self._hits(live, held.path, [*held.entries, *held.folders])
            found = {name: last for name, each in hits.items() if (last := each & program.final)}
            if found:
                yield held, found
            for name, folder in held.folders.items():
                below = program.follow(live, hits.get(name, 0), name)
                if below and not (topmost and name in found):
                    pending.append((folder, below))


def _bits(state: int) -> Iterator[int]:
    """Yield the indexes of the bits that are set."""
    while state:
        bit = state & -state
        yield bit.bit_length() - 1
        state ^= bit
