"""Look up sources as BuildKit does (`contenthash`, `file`, fsutil `copy`) and what hides them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cached_property, partial
from itertools import chain
from operator import attrgetter
from os.path import dirname, islink, join, normpath
from stat import S_ISDIR, S_ISSOCK
from typing import NamedTuple

from ctxsize.dockerfile.context_need import RequestedPaths
from ctxsize.dockerfile.sources import MOUNTING, TAKING, Source, Unknown, path_from_root
from ctxsize.engine.dockerfiles import follow_links, leads_out, link_at
from ctxsize.engine.evaluate import DirectoryStates
from ctxsize.engine.explanation import Explanation, entry_at, explain, selects
from ctxsize.engine.narrow import follow, include_spec, narrowed
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import asked_of, needs_of, sent_contexts, unknown_problem
from ctxsize.errors import InputError
from ctxsize.go.wildcards import fixed_part, has_wildcards, match
from ctxsize.hidden import hidden_as, shown
from ctxsize.model import Texts
from ctxsize.reader import entries_in, folded, is_listed, why_other
from ctxsize.values import Mutable, Value


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


class SourceFate(NamedTuple):
    """The fate of a source, and the entry that decides."""

    fate: Fate
    path: str


class SourceCheck(Value):
    """The result for one source of an instruction, with its explanation."""

    source: Source  # its line is 0 if no instruction takes it
    fate: Fate
    at: str  # the entry that decides: the path of the source, or where symlinks lead from it
    matches: int | None = None  # transferred entries that wildcards match; None without wildcards
    hidden: tuple[Explanation, ...] = ()  # entries that would be found if they were not ignored
    notes: Texts = ()  # possible causes, one sentence each


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
        mode, not_there = entry_at(self._plan, path)
        if not_there is not None:
            return False
        pending = [(path, mode)]
        while pending:
            path, mode = pending.pop()
            if S_ISDIR(mode):
                state = self._states.state(path)
                if state is None:
                    continue
                if not state.mark.ignored:
                    return True
                for name, mode in modes_below(self._plan.root, path).items():
                    pending.append((f"{path}/{name}", mode))
            elif not S_ISSOCK(mode) and selects(self._states, path):
                return True
        return False

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through arriving symlinks, and whether its end arrives."""

        def target_of(here: str) -> str | None:
            target = link_at(self._plan.root, here)
            if target is None:
                return None
            if self.holds(here):
                return target
            return ""

        end, is_end = follow_links(path, target_of)
        return end, is_end and self.holds(end)


def modes_below(root: str, path: str) -> dict[str, int]:
    """Return the modes of the entries of a directory, in order; none for others or if unreadable.

    A symlink is no directory.
    """
    directory = join(root, path.rstrip("/"))
    try:
        if islink(directory):
            return {}
        entries = sorted(entries_in(directory), key=attrgetter("name"))
        return {entry.name: entry.stat(follow_symlinks=False).st_mode for entry in entries}
    except (OSError, ValueError):
        return {}


def missing(plan: Plan, path: str) -> SourceFate:
    """Return why `path`, the end of all its symlinks, is not there for an instruction."""
    explained = explain(plan, path)
    fate = Fate.LOOP
    if explained.not_there is not None:
        fate = Fate.ABSENT
    elif explained.verdict.ignored:
        fate = Fate.IGNORED
    return SourceFate(fate, path)


class _LookUp(Mutable):
    """One source, looked up among the entries that arrive."""

    plan: Plan
    source: Source
    arrivals: Arrivals
    base: str  # the start of the source, in which symlinks are followed
    pattern: str  # the other part

    @cached_property
    def is_wild(self) -> bool:
        """Return whether the source has wildcards."""
        return has_wildcards(self.pattern)

    def fate(self) -> SourceFate:
        """Return the fate of the source, and the entry that decides."""
        arrivals = self.arrivals
        end, arrives = arrivals.follow(self.base)
        if self.pattern and not self.is_wild:
            # Frontends from docker/dockerfile:1.20 need what follows the pivot, and follow no
            # symlink there (`dispatchCopy`).
            end = normpath(f"{end}/{self.pattern}")
            arrives = arrivals.holds(end)
        if not arrives:
            return self._missing(end)
        for path in self._entries_to_follow():
            if link_at(self.plan.root, path) is None:
                continue
            if not arrivals.holds(path):
                continue
            target, arrives = arrivals.follow(path)
            if not arrives:
                return self._missing(target)
        if not self.is_wild:
            return SourceFate(Fate.FOUND, end)
        fate = Fate.NO_MATCH
        if any(map(arrivals.holds, self.matches)):
            fate = Fate.FOUND
        return SourceFate(fate, self.source.path)

    def _missing(self, path: str) -> SourceFate:
        """Return the fate of a source whose end, `path`, does not arrive."""
        fate = missing(self.plan, path)
        if fate.fate is Fate.LOOP and not self.arrivals.holds(path):
            return SourceFate(Fate.NOT_ASKED, path)
        return fate

    def _entries_to_follow(self) -> Iterable[str]:
        """Return the entries of the source; the builder follows those that are symlinks."""
        source = self.source
        if source.parents is not None:
            return ()
        if self.is_wild:
            return self.matches
        if source.path != ".":
            return ()
        if not source.excludes:
            return ()
        # `contenthash` has no header for the root, so that `COPY --exclude` of the whole context
        # finds its top entries one by one.
        excluded = include_spec(source.excludes)
        names = modes_below(self.plan.root, "")
        return [name for name in names if excluded.step(name).ignored]

    @cached_property
    def matches(self) -> list[str]:
        """Return the outermost entries that wildcards match, whether or not they arrive."""
        start, _ = self.arrivals.follow(self.base)
        pattern = self.pattern
        # `Wildcard` of `contenthash` calls Go's `path.Match`.
        matches: Callable[[str], object] = partial(match, pattern)
        deepest = pattern.count("/")
        if self.source.parents is not None:
            matches = DockerIgnorePattern(pattern).match_file
            if "**" in pattern:
                deepest = -1
        paths = []
        pending = [""]
        while pending:
            prefix = pending.pop()
            is_last = prefix.count("/") == deepest
            for name, mode in modes_below(self.plan.root, f"{start}/{prefix}").items():
                inside = prefix + name
                if matches(inside):
                    paths.append(normpath(f"{start}/{inside}"))
                elif S_ISDIR(mode) and not is_last:
                    pending.append(f"{inside}/")
        return paths


def _parts(plan: Plan, source: Source) -> tuple[str, str]:
    """Return the start of a source, in which symlinks are followed, and the other part."""
    if source.parents is None:
        if source.kind in MOUNTING:  # `parseMount` has no wildcards
            return source.path, ""
        start = fixed_part(source.path)
        return start or ".", source.path.removeprefix(start).lstrip("/")
    base, pattern = source.parents
    is_link = base != "." and link_at(plan.root, base) is not None
    if is_link or has_wildcards(base) or not pattern or pattern[0] in "!#":
        raise InputError(
            "ctxsize does not model a symlink or a wildcard before the `/./` of --parents, "
            "nor an empty path, `!` or `#` after it",
            path=plan.dockerfile,
            hint="`ctxsize explain PATH` reports whether an entry is sent, "
            "`ctxsize ls --transfer` lists what is transferred",
        )
    return base, pattern


class Sources:
    """Looks up the sources of one build. Raises what `needs_of` raises, and `InputError`."""

    def __init__(self, plan: Plan) -> None:
        if not plan.builder.asks_for_paths:
            raise InputError(
                f"ctxsize does not model how {plan.builder.title} looks up a source",
                hint="--source needs --builder buildkit",
            )
        self._plan = plan
        self._by_line = defaultdict[int, dict[Source, None]](dict)
        self._arrivals: dict[Source, Arrivals] = {}
        if plan.dockerfile is None:
            return
        for need in needs_of(plan).values():
            for source in need.sources:
                if source.context == plan.name and source.kind in TAKING:
                    self._by_line[source.line][source] = None
        for asked in asked_of(plan):
            self._arrivals |= dict.fromkeys(asked.sources, Arrivals(plan, asked.paths))

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return the checks of a source as written, or of those on a line of the Dockerfile.

        A source that no instruction has is checked as one of `COPY` on line 0.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            return [*map(self._check, self.on_line(int(wanted)))]
        path = path_from_root(wanted)[1:] or "."
        sources = [*chain.from_iterable(self._by_line.values())]
        alike = [source for source in sources if source.source == wanted]
        same_path = [source for source in sources if source.path == path]
        untaken = Source(
            instruction="COPY",
            line=0,
            stage="",
            source=wanted,
            path=path,
            kind="copy",
            context=self._plan.name,
        )
        return [*map(self._check, alike or same_path or [untaken])]

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
        return self._look_up(source).fate()

    def _look_up(self, source: Source) -> _LookUp:
        """Return the look-up in the transfer with that source, or in one of its own."""
        if source not in self._arrivals:
            self._arrivals[source] = Arrivals(self._plan, (source.path,))
        return _LookUp(self._plan, source, self._arrivals[source], *_parts(self._plan, source))

    def _check(self, source: Source) -> SourceCheck:
        """Return the fate of a source with its explanation."""
        look_up = self._look_up(source)
        fate, path = look_up.fate()
        count = None
        unfound = []
        if look_up.is_wild:
            matches = look_up.matches
            unfound = [match for match in matches if not look_up.arrivals.holds(match)]
            count = len(matches) - len(unfound)
        if fate is Fate.IGNORED:
            unfound = [path]
        hidden = tuple(
            explained
            for explained in map(partial(explain, self._plan), unfound)
            if explained.verdict.ignored
        )
        return SourceCheck(
            source,
            fate,
            hidden_as(source.path, path),
            count,
            hidden=hidden,
            notes=tuple(self._possible_causes(source, fate, path, is_hidden=bool(hidden))),
        )

    def _is_global(self, name: str) -> bool:
        """Return whether an argument before the first FROM has this name."""
        return any(
            word.partition("=")[0] == name
            for instruction in self._plan.parsed.dockerfile.global_arguments
            for word in instruction.arguments
        )

    def _possible_causes(
        self, source: Source, fate: Fate, path: str, *, is_hidden: bool
    ) -> Iterator[str]:
        """Yield possible causes of a fate that `path` decides."""
        plan = self._plan
        for kind, name in sorted(source.doubts):
            yield unknown_problem(Unknown(kind, name, source.line)).message
            if kind == "environment" and self._is_global(name):
                yield (
                    f"the stage needs its own ARG {shown(name)}: "
                    "one before FROM holds for FROM only"
                )
        if fate is Fate.FOUND:
            return
        if leads_out(source.source.lstrip("/")):
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
        names = {folded(name): name for name in modes_below(plan.root, above)}
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
        plans = [*sent_contexts(plan)]
    checks = [check for context in plans for check in Sources(context).check(wanted)]
    return [check for check in checks if check.source.line] or checks[:1]
