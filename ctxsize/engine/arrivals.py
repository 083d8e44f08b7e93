"""Single entries of a transfer: which arrive at the builder, and which instructions take them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.taken import Paths
from ctxsize.engine.automaton import fastest
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator, Mark
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.narrow import Narrowed, follow, include_spec
from ctxsize.engine.need import asked_of, is_wrong_target
from ctxsize.engine.request import Request
from ctxsize.engine.source import link_target
from ctxsize.engine.trace import Explanation, Taker, entry_at
from ctxsize.errors import CtxsizeError
from ctxsize.reader import entries_in


class Arrivals:
    """The entries that arrive in a transfer of `paths`. Raises what `include_spec` raises."""

    def __init__(self, request: Request, paths: Paths) -> None:
        self._request = request
        include = follow(request.root, paths)
        self._evaluator: Evaluator[Any] = (
            fastest(request.spec) if include is None else Narrowed(request.spec, include)
        )

    def holds(self, path: str) -> bool:
        """Return whether an entry, or one below it, arrives; no symlink is followed."""
        if path == ".":
            return True
        found, evaluator = entry_at(self._request, path), self._evaluator
        if isinstance(found, str):
            return False
        state, prefix = evaluator.root(), ""
        *above, name = path.split("/")
        for part in above:
            state = evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
            if state.mark.ignored and not evaluator.enters(state, prefix[:-1]):
                return False
        if stat.S_ISDIR(found.st_mode):
            return self._sends(evaluator.enter(state, prefix, name), f"{path}/")
        mark: Mark = evaluator.others(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and not stat.S_ISSOCK(found.st_mode)

    def _sends(self, state: Any, prefix: str) -> bool:
        """Return whether a directory is sent: for itself, or for something below it."""
        pending = [(state, prefix)]
        while pending:
            state, prefix = pending.pop()
            if not state.mark.ignored:
                return True
            if not self._evaluator.enters(state, prefix[:-1]):
                continue
            names: dict[bool, list[str]] = {True: [], False: []}
            for each in entries_below(self._request.root, prefix):
                names[each.is_dir(follow_symlinks=False)].append(each.name)
            others = self._evaluator.others(state, prefix, names[False])
            if any(self.holds(prefix + e) for e, mark in others.items() if not mark.ignored):
                return True
            pending += [
                (self._evaluator.enter(state, prefix, name), f"{prefix}{name}/")
                for name in names[True]
            ]
        return False

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through arriving symlinks, and whether its end arrives."""

        def target_of(here: str) -> str | None:
            target = self.link(here)
            return target if target is None or self.holds(here) else ""

        end, is_end = follow_links(path, target_of)
        return end, is_end and self.holds(end)

    def link(self, path: str) -> str | None:
        """Return the target of the symlink at `path`; None for other entries."""
        try:
            return link_target(os.path.join(self._request.root, path))
        except (OSError, ValueError):  # a name that is too long, or with a NUL
            return None


def _reach(spec: DockerIgnoreSpec, path: str) -> tuple[bool, bool]:
    """Return whether `spec` leaves `path`, and whether it may leave that or entries below it."""
    for ancestor, step in spec.steps(path):
        if ancestor == path and not step.ignored:
            return True, True
        if step.ignored and not spec.enters(ancestor):
            return False, False
    return False, True


def entries_below(root: str, path: str) -> list[os.DirEntry[str]]:
    """Return the entries of a directory by name; none for other entries or if unreadable."""
    full = os.path.join(root, path.rstrip("/"))
    try:
        is_directory = stat.S_ISDIR(os.lstat(full).st_mode)
        return sorted(entries_in(full) if is_directory else [], key=lambda each: each.name)
    except (OSError, ValueError):
        return []


def is_pattern(path: str) -> bool:
    """Return whether any part of a path has wildcards."""
    return any(map(has_wildcards, path.split("/")))


class Takers:
    """The instructions that take a path. Raises `CtxsizeError` for a missing target."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._specs: dict[Source, DockerIgnoreSpec | None] = {}
        self._unknown = ""
        if not request.builder.asks_for_paths:
            title = request.builder.title
            self._unknown = f"{title} sends the whole context, whatever the Dockerfile says"
        elif request.dockerfile is None:
            self._unknown = "not known, as there is no Dockerfile"
        else:
            self._read()

    def _read(self) -> None:
        """Read the sources of the Dockerfile."""
        request = self._request
        try:
            for source in (source for asked in asked_of(request) for source in asked.sources):
                if source.path.startswith("!"):  # fsutil reads the paths as an ignore file
                    self._unknown = (
                        f"not known, as {source.instruction} {source.source} (line {source.line}) "
                        "is read as a pattern that excludes again, and files may arrive empty"
                    )
                include = follow(request.root, (source.path,))
                self._specs[source] = None if include is None else include_spec(include)
        except CtxsizeError as error:
            if is_wrong_target(request):
                raise
            self._unknown = f"not known: {error}"

    def added_to(self, explained: Explanation) -> Explanation:
        """Return `explained` with the instructions that take its path, or why they are unknown."""
        if explained.path == ".":
            return explained
        if self._unknown:
            return replace(explained, takers_unknown=self._unknown)
        try:
            return replace(explained, takers=tuple(self._of(explained.path)))
        except CtxsizeError as error:
            return replace(explained, takers_unknown=f"not known: {error}")

    def _of(self, path: str) -> Iterator[Taker]:
        found = entry_at(self._request, path)
        is_directory = not isinstance(found, str) and stat.S_ISDIR(found.st_mode)
        for source, spec in self._specs.items():
            takes, below = (True, True) if spec is None else _reach(spec, path)
            if takes or (below and is_directory):
                yield Taker(source, below=not takes)
