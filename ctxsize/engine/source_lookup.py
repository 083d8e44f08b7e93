"""Look up sources as BuildKit does (`contenthash`, `file`, fsutil `copy`) and what hides them."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import takewhile

from ctxsize.dockerfile.context_need import Paths
from ctxsize.dockerfile.sources import MOUNTING, TAKING, Source, Unknown, path_from_root
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import DirectoryStates
from ctxsize.engine.explanation import Explanation, entry_at, explain
from ctxsize.engine.narrow import follow, include_spec, narrowed
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import (
    asked_of,
    named_contexts,
    named_plan,
    needs_of,
    unknown_problem,
)
from ctxsize.errors import InputError
from ctxsize.go.wildcards import has_wildcards, match
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

    def __init__(self, plan: Plan, paths: Paths) -> None:
        self._plan, spec, include = plan, plan.spec, follow(plan.root, paths)
        self._states = DirectoryStates(narrowed(spec, include))

    def holds(self, path: str) -> bool:
        """Return whether an entry, or one below it, arrives; no symlink is followed."""
        found = entry_at(self._plan, path)
        evaluator = self._states.evaluator
        if path == "." or isinstance(found, str):
            return path == "."
        above, slash, name = path.rpartition("/")
        state = self._states.state(above)
        others = (stat.S_IFDIR, stat.S_IFSOCK)
        if state is None:
            pending = []
        else:
            pending = [(state, above + slash, [(name, found.st_mode)])]
        while pending:
            state, prefix, entries = pending.pop()
            files = [name for name, mode in entries if stat.S_IFMT(mode) not in others]
            marks = evaluator.others(state, prefix, files)
            if any(not marks.get(name, state.mark).ignored for name in files):
                return True
            for name in (name for name, mode in entries if stat.S_ISDIR(mode)):
                below = evaluator.enter(state, prefix, name)
                at = prefix + name
                if not below.mark.ignored:
                    return True
                if evaluator.enters(below, at):
                    pending.append((below, f"{at}/", entries_below(self._plan.root, at)))
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
        with suppress(OSError, ValueError):  # a name that is too long, or with a NUL
            return os.readlink(os.path.join(self._plan.root, path))
        return None


def entries_below(root: str, path: str) -> list[tuple[str, int]]:
    """Return the names and modes in a directory, in order; none for others or if unreadable."""
    full = os.path.join(root, path.rstrip("/"))
    try:
        if stat.S_ISDIR(os.lstat(full).st_mode):
            found = entries_in(full)
        else:
            found = []
        return sorted((each.name, each.stat(follow_symlinks=False).st_mode) for each in found)
    except (OSError, ValueError):
        return []


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
                    self._by_line.setdefault(source.line, {})[source] = None
        for asked in asked_of(plan):
            self._arrivals |= dict.fromkeys(asked.sources, Arrivals(plan, asked.paths))

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return the checks of a source as written, or of those on a line of the Dockerfile.

        A source that no instruction has is checked as one of `COPY` on line 0.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            return [*map(self._checked, self.on_line(int(wanted)))]
        path = path_from_root(wanted)[1:] or "."
        taken = [source for each in self._by_line.values() for source in each]
        found = [source for source in taken if source.source == wanted]
        found = found or [source for source in taken if source.path == path]
        untaken = Source("COPY", 0, "", wanted, path, "copy", self._plan.name)
        return [*map(self._checked, found or [untaken])]

    def on_line(self, number: int) -> list[Source]:
        """Return the sources on a line; none if this build skips it. Raises `InputError`."""
        if number in self._by_line:
            return [*self._by_line[number]]
        path = self._plan.dockerfile
        instructions = () if path is None else self._plan.parsed.dockerfile.instructions
        here = [each for each in instructions if each.line <= number <= each.end_line]
        for doing in (each.trigger or each for each in here):
            if doing.keyword in ("COPY", "ADD") or any(doing.flag_values("mount")):
                return [*self._by_line.get(here[0].line, ())]
        message = f"there is no COPY, ADD or mount on line {number}"
        if path is None:
            message = "a line needs a Dockerfile, and there is none"
        raise InputError(message, path=path, hint=f"./{number} is the source named {number}")

    def fate(self, source: Source) -> tuple[Fate, str]:
        """Return the fate of a source, and the entry that decides. Raises `InputError`."""
        base, pattern = self._parts(source)
        arrivals = self._arrivals_of(source)
        is_wild = has_wildcards(pattern)
        at, arrives = arrivals.follow(base)
        if pattern and not is_wild:
            # Frontends from docker/dockerfile:1.20 need what follows the pivot, and follow no
            # symlink there (`dispatchCopy`).
            at = posixpath.normpath(f"{at}/{pattern}")
            arrives = arrivals.holds(at)
        for path in self._followed(source, is_wild=is_wild) if arrives else ():
            if arrives and arrivals.link(path) is not None and arrivals.holds(path):
                end, arrives = arrivals.follow(path)
                if arrives:
                    at = at
                else:
                    at = end
        if arrives and is_wild:
            found = any(map(arrivals.holds, self._matches(source)))
            return Fate.FOUND if found else Fate.NO_MATCH, source.path
        if arrives:
            return Fate.FOUND, at
        explained = explain(self._plan, at)
        if explained.not_there is not None:
            return Fate.ABSENT, at
        if explained.verdict.ignored:
            return Fate.IGNORED, at
        return Fate.LOOP if arrivals.holds(at) else Fate.NOT_ASKED, at

    def _parts(self, source: Source) -> tuple[str, str]:
        """Return the start of a source, in which symlinks are followed, and the other part."""
        if source.parents is None:
            parts = source.path.split("/")
            literal = [*takewhile(lambda part: not has_wildcards(part), parts)]
            # `parseMount` has no wildcards.
            if source.kind in MOUNTING:
                literal = parts
            else:
                literal = literal
            return "/".join(literal) or ".", "/".join(parts[len(literal) :])
        base, pattern = source.parents
        is_link = base != "." and os.path.islink(os.path.join(self._plan.root, base))
        if is_link or has_wildcards(base) or not pattern or pattern[0] in "!#":
            raise InputError(
                "ctxsize does not model a symlink or a wildcard before the `/./` of --parents, "
                "nor an empty path, `!` or `#` after it",
                path=self._plan.dockerfile,
                hint="`ctxsize explain PATH` reports whether an entry is sent, "
                "`ctxsize ls --transfer` lists what is transferred",
            )
        return base, pattern

    def _followed(self, source: Source, *, is_wild: bool) -> Iterable[str]:
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
        names = entries_below(self._plan.root, "")
        return [name for name, _ in names if excluded.step(name).ignored]

    def _matches(self, source: Source) -> list[str]:
        """Return the outermost entries that wildcards match, whether or not they arrive."""
        if source in self._matched:
            return self._matched[source]
        base, pattern = self._parts(source)
        start = self._arrivals_of(source).follow(base)[0]
        found = list[str]()
        # `Wildcard` of `contenthash` calls Go's `path.Match`.
        matches: Callable[[str], object] = partial(match, pattern)
        if source.parents is not None:
            matches = DockerIgnorePattern(pattern).match_file
        if source.parents is not None and "**" in pattern:
            deepest = -1
        else:
            deepest = pattern.count("/")
        pending = [""]
        while pending:
            prefix = pending.pop()
            is_last = prefix.count("/") == deepest
            for name, mode in entries_below(self._plan.root, f"{start}/{prefix}"):
                inside = prefix + name
                if matches(inside):
                    found.append(posixpath.normpath(f"{start}/{inside}"))
                elif stat.S_ISDIR(mode) and not is_last:
                    pending.append(f"{inside}/")
        self._matched[source] = found
        return found

    def _arrivals_of(self, source: Source) -> Arrivals:
        """Return the arrivals of the transfer with that source, or of one of its own."""
        if source not in self._arrivals:
            if source.path == ".":
                paths = None
            else:
                paths = (source.path,)
            self._arrivals[source] = Arrivals(self._plan, paths)
        return self._arrivals[source]

    def _checked(self, source: Source) -> SourceCheck:
        (fate, at), arrivals = self.fate(source), self._arrivals_of(source)
        matches = None
        if fate is Fate.IGNORED:
            paths = [at]
        else:
            paths = []
        if has_wildcards(self._parts(source)[1]):
            arriving = {path for path in self._matches(source) if arrivals.holds(path)}
            matches = len(arriving)
            paths = paths or [path for path in self._matches(source) if path not in arriving]
        explained = (explain(self._plan, path) for path in paths)
        hidden = tuple(each for each in explained if each.verdict.ignored)
        notes = tuple(self._notes(source, fate, at, is_hidden=bool(hidden)))
        return SourceCheck(source, fate, hidden_as(source.path, at), matches, hidden, notes)

    def _notes(self, source: Source, fate: Fate, at: str, *, is_hidden: bool) -> Iterator[str]:
        plan = self._plan
        early = [] if not source.doubts else plan.parsed.dockerfile.global_arguments
        names = {word.partition("=")[0] for each in early for word in each.arguments}
        for kind, name in sorted(source.doubts):
            yield unknown_problem(Unknown(kind, name, source.line)).message
            if kind == "environment" and name in names:
                own = f"the stage needs its own ARG {shown(name)}"
                yield f"{own}: one before FROM holds for FROM only"
        if fate is Fate.FOUND:
            return
        if posixpath.normpath(source.source.lstrip("/")).partition("/")[0] == "..":
            yield f".. cannot lead out of the context: the builder looks for {shown(source.path)}"
        if source.kind in MOUNTING and has_wildcards(source.path):
            yield "a mount has no wildcards: BuildKit looks for a source of exactly this name"
        if fate in (Fate.ABSENT, Fate.NO_MATCH) and not is_hidden:
            yield from _nearest(plan, at)
        if source.parents is not None:
            link = (explain(plan, at).not_there or "").partition(" is a symlink, ")
            if link[1]:
                yield f"{link[0]} is a symlink, which --parents does not follow behind its pivot"
            if not has_wildcards(source.parents[1]):
                yield "frontends before docker/dockerfile:1.20 continue without it"


def _nearest(plan: Plan, path: str) -> Iterator[str]:
    """Yield notes on entries that resemble `path`, which does not exist."""
    from difflib import get_close_matches  # most sources exist and need none of it

    at = ""
    directory = os.path.dirname(plan.dockerfile or "")
    for part in path.split("/"):
        names = {folded(name): name for name, _ in entries_below(plan.root, at)}
        if not is_listed(os.path.join(plan.root, at, part)):
            if has_wildcards(part):
                near = []
            else:
                near = get_close_matches(folded(part), names, n=1)
            for each in near:
                if each == folded(part):
                    case = f": {why_other(names[each], part)}"
                else:
                    case = ""
                yield f"there is {os.path.join(at, names[each])}{case}"
            break
        at = os.path.join(at, part)
    if directory and is_listed(os.path.join(directory, path)):
        yield "it exists beside the Dockerfile, but sources are relative to the context"


def check_in_all(plan: Plan, wanted: str) -> list[SourceCheck]:
    """Return the checks of `wanted` in each context from which the Dockerfile takes it."""
    plans = [plan]
    if plan.dockerfile is not None and not plan.name:
        local = (each for each in named_contexts(plan.build) if each.local)
        used = (each for each in local if asked_of(replace(plan, name=each.name)))
        plans += [named_plan(plan, each) for each in used]
    checks = [check for each in plans for check in Sources(each).check(wanted)]
    return [check for check in checks if check.source.line] or checks[:1]
