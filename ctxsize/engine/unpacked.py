"""Look up sources as the classic builder does (moby's `copier`): in the context that arrived."""

from __future__ import annotations

from dataclasses import replace
from os.path import join

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.dockerfiles import leads_out
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import Arrivals, Fate, SourceFate, missing, modes_below
from ctxsize.go.wildcards import has_wildcards, match


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
    """Looks up the sources of one build."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrivals = _Unpacked(plan)
        count = len(plan.spec.patterns) - len(plan.added)
        written = plan.builder.spec_class(plan.spec.patterns[:count])
        self._as_written = replace(plan, spec=written)

    def fate(self, source: Source) -> SourceFate:
        """Return the fate of a source, and the path that decides: of wildcards, a hidden match."""
        path = source.path
        if "$" not in source.source and leads_out(source.source.lstrip("/")):
            return SourceFate(Fate.ABSENT, path)
        if not has_wildcards(path):
            return self._fate_of(path)
        matches = self._matches(path)
        arriving = [*filter(self._arrivals.holds, matches)]
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
