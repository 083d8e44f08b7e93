"""Single entries of a transfer: which arrive at the builder, and which instructions take them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.taken import Paths
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.narrow import follow, include_spec
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
        self._specs = [request.spec, *_asked_for(request, paths)]

    def holds(self, path: str) -> bool:
        """Return whether an entry, or one below it, arrives; no symlink is followed."""
        pending = [path]
        while pending:
            here = pending.pop()
            found = entry_at(self._request, here)
            if isinstance(found, str) or stat.S_ISSOCK(found.st_mode):
                continue
            reached = [_reach(each, here) for each in self._specs]
            if here == "." or all(leaves for leaves, _ in reached):
                return True
            below = all(below for _, below in reached)
            if below and stat.S_ISDIR(found.st_mode):
                entries = entries_below(self._request.root, here)
                pending += [f"{here}/{each.name}" for each in entries]
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


def _asked_for(request: Request, paths: Paths) -> list[DockerIgnoreSpec]:
    """Return the spec of the entries that a transfer of `paths` requests; none for all entries."""
    include = follow(request.root, paths)
    return [] if include is None else [include_spec(include)]


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
        self._specs: dict[Source, list[DockerIgnoreSpec]] = {}
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
                self._specs[source] = _asked_for(request, (source.path,))
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
        for source, specs in self._specs.items():
            takes, below = _reach(specs[0], path) if specs else (True, True)
            if takes or (below and is_directory):
                yield Taker(source, below=not takes)
