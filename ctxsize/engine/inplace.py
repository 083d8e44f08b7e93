"""Look up sources as Podman does (Buildah's `Builder.Add`): in the context itself, by name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import Fate, entries_below
from ctxsize.errors import InputError
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.reader import is_listed

_MOST_STEPS = 100_000  # paths that one pattern looks at, as `**` may stand for any directory


class InPlace:
    """Looks up the sources of one context. A mount shows it without the ignore file."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def fate(self, source: Source) -> tuple[Fate, str]:
        """Return the fate of a source, and the path that decides: of wildcards, a match.

        A symlink may be hidden itself, not by what it leads to. Raises `InputError` for wildcards
        that take too long.
        """
        path = source.path
        if source.kind == "bind" or path == ".":
            return self._reached(path), path
        if not has_wildcards(path):
            return self._fate_of(path), path
        hidden = path
        is_found = False
        for each in self._matches(path):
            if self._is_hidden(each):
                hidden = each
                continue
            fate = self._reached(each)
            if fate is not Fate.FOUND:
                return fate, each
            is_found = True
        if is_found:
            return Fate.FOUND, path
        return Fate.NO_MATCH if hidden == path else Fate.IGNORED, hidden

    def _fate_of(self, path: str) -> Fate:
        """Return the fate of a path without wildcards."""
        fate = self._reached(path)
        if fate is Fate.FOUND and self._is_hidden(path):
            fate = Fate.IGNORED
        return fate

    def _reached(self, path: str) -> Fate:
        """Return whether a path leads to an entry, hidden or not."""
        end, is_end = self._followed(path)
        if not is_end:
            return Fate.LOOP
        if end != "." and not is_listed(os.path.join(self._plan.root, end)):
            return Fate.ABSENT
        return Fate.FOUND

    def _is_listed(self, path: str) -> bool:
        """Return whether there is an entry at a path, also a symlink to nothing."""
        directory, _, name = path.rpartition("/")
        return is_listed(os.path.join(self._plan.root, self._followed(directory)[0], name))

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
            pending += reversed([*self._steps(path, parts[depth], depth)])

    def _steps(self, path: str, part: str, depth: int) -> Iterator[tuple[str, int]]:
        """Yield where one part of a pattern leads from `path`, and the depth of the next part."""
        if path:
            slash = "/"
        else:
            slash = ""
        if not has_wildcards(part):
            yield f"{path}{slash}{part}", depth + 1
            return
        if part == "**":
            # It stands for any number of directories, also for none; no symlink is one.
            yield path, depth + 1
        for name, mode in entries_below(self._plan.root, self._followed(path)[0]):
            if part == "**":
                if stat.S_ISDIR(mode):
                    yield f"{path}{slash}{name}", depth
            elif match(part, name):
                yield f"{path}{slash}{name}", depth + 1

    def _is_hidden(self, path: str) -> bool:
        """Return whether the ignore file hides a path, and no exception may be for one below it."""
        spec = self._plan.spec
        if not spec.step(path).ignored:
            return False
        is_directory = os.path.isdir(os.path.join(self._plan.root, self._followed(path)[0]))
        return not (is_directory and spec.enters(path))

    def _followed(self, path: str) -> tuple[str, bool]:
        """Return where a path leads through symlinks inside the context, and whether it ends."""

        def target_of(here: str) -> str | None:
            try:
                return os.readlink(os.path.join(self._plan.root, here))
            except (OSError, ValueError):
                return None

        return follow_links(path, target_of)
