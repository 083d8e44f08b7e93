"""Look up sources as each builder does: `look_up_of` returns the function of a builder.

The classic builder looks in the context that arrived (moby's `copier`), Podman in the context
itself, by name (Buildah's `Builder.Add`), BuildKit as in `source_lookup.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from os.path import isdir, join, split
from stat import S_ISDIR

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.dockerfiles import follow_links, leads_out, link_at
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import (
    Arrivals,
    Fate,
    SourceFate,
    Sources,
    missing,
    modes_below,
)
from ctxsize.errors import InputError
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.reader import is_listed

_MOST_STEPS = 100_000  # paths that one pattern looks at, as `**` may stand for any directory


def look_up_of(plan: Plan) -> Callable[[Source], SourceFate]:
    """Return the function with which the builder of `plan` looks up a source.

    Raises what `Sources` raises. The function may raise `CtxsizeError` and `OSError`.
    """
    if plan.builder.asks_for_paths:
        return Sources(plan).fate
    if plan.builder.meter is None:
        return InPlace(plan).fate
    return Unpacked(plan).fate


class _Unpacked(Arrivals):
    """The entries of a context as the daemon unpacked it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, None)
        # What is sent for the build alone is removed before the first instruction.
        self._removed = {line.removeprefix("!") for line in plan.added}

    def holds(self, path: str) -> bool:
        """Return whether an entry, or one below it, arrives and stays."""
        if path in self._removed:
            return False
        return super().holds(path)


class Unpacked:
    """Looks up the sources of one build as the classic builder does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrivals = _Unpacked(plan)
        count = len(plan.spec.patterns) - len(plan.added)
        self._as_written = replace(plan, spec=plan.builder.spec_class(plan.spec.patterns[:count]))

    def fate(self, source: Source) -> SourceFate:
        """Return the fate of a source, and the path that decides: of wildcards, a hidden match."""
        path = source.path
        if "$" not in source.source and leads_out(source.source.lstrip("/")):
            return SourceFate(Fate.ABSENT, path)
        if not has_wildcards(path):
            return self._fate_of(path)
        matches = self._matches(path)
        arriving = list(filter(self._arrivals.holds, matches))
        for end in arriving:
            fate = self._fate_of(end)
            if not fate.fate.is_found:
                return fate
        if arriving:
            return SourceFate(Fate.FOUND, path)
        return SourceFate(Fate.NO_MATCH, next(iter(matches), path))

    def _fate_of(self, path: str) -> SourceFate:
        """Return the fate of a path without wildcards, and where its symlinks lead."""
        end, arrives = self._arrivals.follow(path)
        if arrives:
            return SourceFate(Fate.FOUND, end)
        return missing(self._as_written, end)

    def _matches(self, pattern: str) -> list[str]:
        """Return the entries that wildcards match, sent or not; no symlink is followed."""
        paths = [""]
        for part in pattern.split("/"):
            paths = [
                join(path, name)
                for path in paths
                for name in modes_below(self._plan.root, path)
                if match(part, name)
            ]
        return paths


class InPlace:
    """Looks up the sources of one context as Podman does.

    A mount shows it without the ignore file.
    """

    def __init__(self, plan: Plan) -> None:
        self._root = plan.root
        self._spec = plan.spec

    def fate(self, source: Source) -> SourceFate:
        """Return the fate of a source, and the path that decides: of wildcards, a match.

        A symlink may be hidden itself, not by what it leads to. Raises `InputError` for wildcards
        that take too long.
        """
        path = source.path
        if source.kind == "bind":
            return SourceFate(self._reach(path), path)
        if has_wildcards(path):
            return self._fate_of_matches(path)
        fate = self._reach(path)
        if path != "." and fate is Fate.FOUND and self._is_hidden(path):
            fate = Fate.IGNORED
        return SourceFate(fate, path)

    def _fate_of_matches(self, pattern: str) -> SourceFate:
        """Return the fate of wildcards: the last match decides if all are hidden."""
        fates = SourceFate(Fate.NO_MATCH, pattern)
        for path in self._matches(pattern):
            if not self._is_hidden(path):
                fate = self._reach(path)
                if fate is not Fate.FOUND:
                    return SourceFate(fate, path)
                fates = SourceFate(Fate.FOUND, pattern)
            elif fates.fate is not Fate.FOUND and path != pattern:
                fates = SourceFate(Fate.IGNORED, path)
        return fates

    def _reach(self, path: str) -> Fate:
        """Return whether a path leads to an entry, hidden or not."""
        end, is_end = self._follow(path)
        if not is_end:
            return Fate.LOOP
        if is_listed(join(self._root, end)):
            return Fate.FOUND
        return Fate.ABSENT

    def _is_listed(self, path: str) -> bool:
        """Return whether there is an entry at a path, also a symlink to nothing."""
        directory, name = split(path)
        end, _ = self._follow(directory)
        return is_listed(join(self._root, end, name))

    def _matches(self, pattern: str) -> Iterator[str]:
        """Yield the paths that wildcards match, as Buildah's `extendedGlob` does."""
        parts = pattern.split("/")
        pending = [("", 0)]
        seen = set[tuple[str, int]]()
        while pending:
            path, depth = pending.pop()
            if (path, depth) in seen:
                continue
            if len(seen) >= _MOST_STEPS:
                raise InputError("the wildcards of a source match too much to be looked up")
            seen.add((path, depth))
            if depth == len(parts):
                if self._is_listed(path):
                    yield path
                continue
            steps = [*self._next_steps(path, parts[depth], depth)]
            pending += reversed(steps)

    def _next_steps(self, path: str, part: str, depth: int) -> Iterator[tuple[str, int]]:
        """Yield where one part of a pattern leads from `path`, and the depth of the next part."""
        if not has_wildcards(part):
            yield join(path, part), depth + 1
            return
        if part == "**":
            # It stands for any number of directories, also for none; no symlink is one.
            yield path, depth + 1
        end, _ = self._follow(path)
        for name, mode in modes_below(self._root, end).items():
            if part == "**":
                if S_ISDIR(mode):
                    yield join(path, name), depth
            elif match(part, name):
                yield join(path, name), depth + 1

    def _is_hidden(self, path: str) -> bool:
        """Return whether the ignore file hides a path, and no exception may be for one below it."""
        if not self._spec.step(path).ignored:
            return False
        end, _ = self._follow(path)
        if isdir(join(self._root, end)):
            return not self._spec.enters(path)
        return True

    def _follow(self, path: str) -> tuple[str, bool]:
        """Return where a path leads through symlinks inside the context, and whether it ends."""
        return follow_links(path, partial(link_at, self._root))
