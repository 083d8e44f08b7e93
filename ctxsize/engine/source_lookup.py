"""Look up sources as BuildKit does (`contenthash`, `file`, fsutil `copy`) and what hides them."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from os.path import dirname, join
from typing import NamedTuple

from ctxsize.dockerfile.context_need import RequestedPaths
from ctxsize.dockerfile.sources import MOUNTING, TAKING, Source, Unknown, path_from_root
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import DirectoryStates, HasMark
from ctxsize.engine.explanation import Explanation, entry_at, explain
from ctxsize.engine.narrow import follow, include_spec, narrowed
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import (
    asked_of,
    named_plan,
    needs_of,
    unknown_problem,
)
from ctxsize.errors import InputError
from ctxsize.go.wildcards import fixed_part, has_wildcards, match
from ctxsize.hidden import hidden_as, shown
from ctxsize.reader import entries_in, folded, is_listed, why_other


class Fate(str, Enum):
    """The result of looking up a source; all but the first two fail the build."""

    FOUND = "found"
    NO_MATCH = "no match"  # of the wildcards: the build continues without it
    IGNORED = "ignored"
    ABSENT = "absent"
    LOOP = "loop"  # a symlink leads back to itself
    NOT_ASKED = "not asked for"  # the context contains it, but no transfer requests it

    @property
    def is_found(self) -> bool:
        """Return whether the build continues."""
        return self in (Fate.FOUND, Fate.NO_MATCH)


@dataclass(frozen=True)
class SourceCheck:
    """The result for one source of an instruction, with its explanation."""

    source: Source  # its line is 0 if no instruction takes it
    fate: Fate
    at: str  # the entry that decides: the path of the source, or where symlinks lead from it
    matches: int | None = None  # transferred entries that wildcards match; None without wildcards
    hidden: tuple[Explanation, ...] = ()  # entries that would be found if they were not ignored
    notes: tuple[str, ...] = ()  # possible causes, one sentence each


class Arrivals:
    """The entries that arrive in a transfer of `paths`. Raises what `include_spec` raises."""

    def __init__(self, plan: Plan, paths: RequestedPaths) -> None:
        self._plan = plan
        include = follow(plan.root, paths)
        self._states = DirectoryStates(narrowed(plan.spec, include))

    def holds(self, path: str) -> bool:
        """Return whether an entry, or one below it, arrives; no symlink is followed."""
        if path == ".":
            return True
        status = entry_at(self._plan, path)
        if isinstance(status, str):
            return False
        above, slash, name = path.rpartition("/")
        state = self._states.state(above)
        if state is None:
            return False
        entry = DirectoryEntry(name, status.st_mode)
        return self._holds_any(state, above + slash, [entry])

    def _holds_any(self, state: HasMark, prefix: str, entries: Sequence[DirectoryEntry]) -> bool:
        """Return whether one of the entries in a directory arrives, or one below them."""
        evaluator = self._states.evaluator
        pending = [(state, prefix, entries)]
        while pending:
            state, prefix, entries = pending.pop()
            files = [entry.name for entry in entries if entry.is_file]
            marks = evaluator.others(state, prefix, files)
            for name in files:
                mark = marks.get(name, state.mark)
                if not mark.ignored:
                    return True
            for entry in entries:
                if not entry.is_directory:
                    continue
                below = evaluator.enter(state, prefix, entry.name)
                if not below.mark.ignored:
                    return True
                path = prefix + entry.name
                if evaluator.enters(below, path):
                    inside = entries_below(self._plan.root, path)
                    pending.append((below, f"{path}/", inside))
        return False

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through arriving symlinks, and whether its end arrives."""

        def target_of(here: str) -> str | None:
            target = self.link(here)
            if target is None or self.holds(here):
                return target
            return ""

        end, is_end = follow_links(path, target_of)
        return end, is_end and self.holds(end)

    def link(self, path: str) -> str | None:
        """Return the target of the symlink at `path`; None for other entries."""
        return link_at(self._plan.root, path)


def link_at(root: str, path: str) -> str | None:
    """Return the target of the symlink at `path` below `root`; None for other entries."""
    with suppress(OSError, ValueError):  # a name that is too long, or with a NUL
        return os.readlink(join(root, path))
    return None


class DirectoryEntry(NamedTuple):
    """A name in a directory, with its mode."""

    name: str
    mode: int

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Return whether it is sent as a file: a socket is not."""
        return not self.is_directory and not stat.S_ISSOCK(self.mode)


def entries_below(root: str, path: str) -> list[DirectoryEntry]:
    """Return the entries of a directory, in order; none for others or if unreadable."""
    directory = join(root, path.rstrip("/"))
    entries = list[DirectoryEntry]()
    try:
        if not stat.S_ISDIR(os.lstat(directory).st_mode):
            return []
        for listed in entries_in(directory):
            mode = listed.stat(follow_symlinks=False).st_mode
            entries.append(DirectoryEntry(listed.name, mode))
    except (OSError, ValueError):
        return []
    return sorted(entries)


class SourceFate(NamedTuple):
    """The fate of a source, and the entry that decides."""

    fate: Fate
    path: str


def missing(plan: Plan, path: str) -> Fate:
    """Return why `path`, the end of all its symlinks, is not there for an instruction."""
    explained = explain(plan, path)
    if explained.not_there is not None:
        return Fate.ABSENT
    if explained.verdict.ignored:
        return Fate.IGNORED
    return Fate.LOOP


class Sources:
    """Looks up the sources of one build. Raises what `needs_of` raises, and `InputError`."""

    def __init__(self, plan: Plan) -> None:
        if not plan.builder.asks_for_paths:
            message = f"ctxsize does not model how {plan.builder.title} looks up a source"
            raise InputError(message, hint="--source needs --builder buildkit")
        self._plan = plan
        self._by_line: dict[int, dict[Source, None]] = {}
        self._arrivals: dict[Source, Arrivals] = {}
        self._matched: dict[Source, list[str]] = {}
        if plan.dockerfile is None:
            return
        for need in needs_of(plan).values():
            for source in need.sources:
                if source.context == plan.name and source.kind in TAKING:
                    on_line = self._by_line.setdefault(source.line, {})
                    on_line[source] = None
        for asked in asked_of(plan):
            arrivals = Arrivals(plan, asked.paths)
            for source in asked.sources:
                self._arrivals[source] = arrivals

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return the checks of a source as written, or of those on a line of the Dockerfile.

        A source that no instruction has is checked as one of `COPY` on line 0.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            return [*map(self._check, self.on_line(int(wanted)))]
        path = path_from_root(wanted)[1:] or "."
        alike: list[Source] = []
        same_path: list[Source] = []
        for on_line in self._by_line.values():
            alike += (source for source in on_line if source.source == wanted)
            same_path += (source for source in on_line if source.path == path)
        untaken = Source("COPY", 0, "", wanted, path, "copy", self._plan.name)
        sources = alike or same_path or [untaken]
        return [*map(self._check, sources)]

    def on_line(self, number: int) -> list[Source]:
        """Return the sources on a line; none if this build skips it. Raises `InputError`."""
        if number in self._by_line:
            return [*self._by_line[number]]
        path = self._plan.dockerfile
        message = "a line needs a Dockerfile, and there is none"
        if path is not None:
            message = f"there is no COPY, ADD or mount on line {number}"
            for instruction in self._plan.parsed.dockerfile.instructions:
                if not instruction.line <= number <= instruction.end_line:
                    continue
                step = instruction.trigger or instruction
                if step.keyword in ("COPY", "ADD") or any(step.flag_values("mount")):
                    return [*self._by_line.get(instruction.line, ())]
        raise InputError(message, path=path, hint=f"./{number} is the source named {number}")

    def fate(self, source: Source) -> SourceFate:
        """Return the fate of a source. Raises `InputError`."""
        base, pattern = self._parts(source)
        arrivals = self._arrivals_of(source)
        is_wild = has_wildcards(pattern)
        end, arrives = arrivals.follow(base)
        if pattern and not is_wild:
            # Frontends from docker/dockerfile:1.20 need what follows the pivot, and follow no
            # symlink there (`dispatchCopy`).
            end = posixpath.normpath(f"{end}/{pattern}")
            arrives = arrivals.holds(end)
        if not arrives:
            return self._missing(source, end)
        for path in self._entries_to_follow(source, is_wild=is_wild):
            if arrivals.link(path) is None or not arrivals.holds(path):
                continue
            target, arrives = arrivals.follow(path)
            if not arrives:
                return self._missing(source, target)
        if not is_wild:
            return SourceFate(Fate.FOUND, end)
        fate = Fate.NO_MATCH
        if any(map(arrivals.holds, self._matches(source))):
            fate = Fate.FOUND
        return SourceFate(fate, source.path)

    def _missing(self, source: Source, path: str) -> SourceFate:
        """Return the fate of a source whose end, `path`, does not arrive."""
        fate = missing(self._plan, path)
        if fate is Fate.LOOP:
            arrivals = self._arrivals_of(source)
            if not arrivals.holds(path):
                fate = Fate.NOT_ASKED
        return SourceFate(fate, path)

    def _parts(self, source: Source) -> tuple[str, str]:
        """Return the start of a source, in which symlinks are followed, and the other part."""
        if source.parents is None:
            if source.kind in MOUNTING:  # `parseMount` has no wildcards
                return source.path, ""
            start = fixed_part(source.path)
            rest = source.path[len(start) :]
            return start or ".", rest.lstrip("/")
        base, pattern = source.parents
        target = link_at(self._plan.root, base)
        is_link = base != "." and target is not None
        is_wild = has_wildcards(base)
        if is_link or is_wild or not pattern or pattern[0] in "!#":
            raise InputError(
                "ctxsize does not model a symlink or a wildcard before the `/./` of --parents, "
                "nor an empty path, `!` or `#` after it",
                path=self._plan.dockerfile,
                hint="`ctxsize explain PATH` reports whether an entry is sent, "
                "`ctxsize ls --transfer` lists what is transferred",
            )
        return base, pattern

    def _entries_to_follow(self, source: Source, *, is_wild: bool) -> Iterable[str]:
        """Return the entries of a source; the builder follows those that are symlinks."""
        if source.parents is not None:
            return ()
        if is_wild:
            return self._matches(source)
        if source.path != "." or not source.excludes:
            return ()
        # `contenthash` has no header for the root, so that `COPY --exclude` of the whole context
        # finds its top entries one by one.
        excluded = include_spec(source.excludes)
        entries = entries_below(self._plan.root, "")
        return [entry.name for entry in entries if excluded.step(entry.name).ignored]

    def _matches(self, source: Source) -> list[str]:
        """Return the outermost entries that wildcards match, whether or not they arrive."""
        if source in self._matched:
            return self._matched[source]
        base, pattern = self._parts(source)
        start = self._arrivals_of(source).follow(base)[0]
        paths = list[str]()
        # `Wildcard` of `contenthash` calls Go's `path.Match`.
        matches: Callable[[str], object] = partial(match, pattern)
        deepest = pattern.count("/")
        if source.parents is not None:
            matches = DockerIgnorePattern(pattern).match_file
            if "**" in pattern:
                deepest = -1
        pending = [""]
        while pending:
            prefix = pending.pop()
            is_last = prefix.count("/") == deepest
            for entry in entries_below(self._plan.root, f"{start}/{prefix}"):
                inside = prefix + entry.name
                if matches(inside):
                    paths.append(posixpath.normpath(f"{start}/{inside}"))
                elif entry.is_directory and not is_last:
                    pending.append(f"{inside}/")
        self._matched[source] = paths
        return paths

    def _arrivals_of(self, source: Source) -> Arrivals:
        """Return the arrivals of the transfer with that source, or of one of its own."""
        if source not in self._arrivals:
            paths: RequestedPaths = None
            if source.path != ".":
                paths = (source.path,)
            self._arrivals[source] = Arrivals(self._plan, paths)
        return self._arrivals[source]

    def _check(self, source: Source) -> SourceCheck:
        """Return the fate of a source with its explanation."""
        fate, path = self.fate(source)
        arrivals = self._arrivals_of(source)
        matches = None
        unfound: list[str] = []
        if has_wildcards(self._parts(source)[1]):
            matches = 0
            for match in self._matches(source):
                if arrivals.holds(match):
                    matches += 1
                else:
                    unfound.append(match)
        if fate is Fate.IGNORED:
            unfound = [path]
        hidden: list[Explanation] = []
        for match in unfound:
            explained = explain(self._plan, match)
            if explained.verdict.ignored:
                hidden.append(explained)
        return SourceCheck(
            source,
            fate,
            hidden_as(source.path, path),
            matches,
            hidden=tuple(hidden),
            notes=tuple(self._notes(source, fate, path, is_hidden=bool(hidden))),
        )

    def _global_names(self) -> set[str]:
        """Return the names of the arguments before the first FROM."""
        names = set[str]()
        for instruction in self._plan.parsed.dockerfile.global_arguments:
            names |= {word.partition("=")[0] for word in instruction.arguments}
        return names

    def _notes(self, source: Source, fate: Fate, path: str, *, is_hidden: bool) -> Iterator[str]:
        """Yield possible causes of a fate that `path` decides."""
        plan = self._plan
        for kind, name in sorted(source.doubts):
            yield unknown_problem(Unknown(kind, name, source.line)).message
            if kind == "environment" and name in self._global_names():
                remedy = f"the stage needs its own ARG {shown(name)}"
                yield f"{remedy}: one before FROM holds for FROM only"
        if fate is Fate.FOUND:
            return
        written = posixpath.normpath(source.source.lstrip("/"))
        if written.partition("/")[0] == "..":
            yield f".. cannot lead out of the context: the builder looks for {shown(source.path)}"
        if source.kind in MOUNTING and has_wildcards(source.path):
            yield "a mount has no wildcards: BuildKit looks for a source of exactly this name"
        if fate in (Fate.ABSENT, Fate.NO_MATCH) and not is_hidden:
            yield from _suggest_nearest(plan, path)
        if source.parents is not None:
            reason = explain(plan, path).not_there or ""
            link, is_link, _ = reason.partition(" is a symlink, ")
            if is_link:
                yield f"{link} is a symlink, which --parents does not follow behind its pivot"
            if not has_wildcards(source.parents[1]):
                yield "frontends before docker/dockerfile:1.20 continue without it"


def _suggest_nearest(plan: Plan, path: str) -> Iterator[str]:
    """Yield notes on entries that resemble `path`, which does not exist."""
    from difflib import get_close_matches  # most sources exist and need none of it

    above = ""
    for part in path.split("/"):
        if is_listed(join(plan.root, above, part)):
            above = join(above, part)
            continue
        if has_wildcards(part):
            break
        names = dict[str, str]()
        for entry in entries_below(plan.root, above):
            names[folded(entry.name)] = entry.name
        for near in get_close_matches(folded(part), names, n=1):
            name = names[near]
            note = f"there is {join(above, name)}"
            if near == folded(part):
                note += f": {why_other(name, part)}"
            yield note
        break
    directory = dirname(plan.dockerfile or "")
    if directory and is_listed(join(directory, path)):
        yield "it exists beside the Dockerfile, but sources are relative to the context"


def check_in_all(plan: Plan, wanted: str) -> list[SourceCheck]:
    """Return the checks of `wanted` in each context from which the Dockerfile takes it."""
    plans = [plan]
    if plan.dockerfile is not None and not plan.name:
        plans += (
            named_plan(plan, context)
            for context in plan.named_contexts
            if context.local and asked_of(replace(plan, name=context.name))
        )
    checks = list[SourceCheck]()
    for context in plans:
        checks += Sources(context).check(wanted)
    taken = [check for check in checks if check.source.line]
    return taken or checks[:1]
