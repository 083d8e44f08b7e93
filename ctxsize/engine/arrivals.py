"""Single entries of a transfer: which arrive at the builder, and which instructions take them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.taken import Paths
from ctxsize.engine.automaton import fastest
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator, Mark
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.narrow import follow, include_spec
from ctxsize.engine.need import asked_of, evaluator_of, is_wrong_target
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.source import link_target, names_in
from ctxsize.engine.trace import Explanation, Taker, entry_at
from ctxsize.errors import BuildFailsError, CtxsizeError
from ctxsize.reader import entries_in


class Arrivals:
    """The entries in a transfer of `paths`: relative paths, `.` for the context itself.

    Raises what `evaluator_of` raises.
    """

    def __init__(self, request: Request, paths: Paths) -> None:
        self._request = request
        narrowed = evaluator_of(request, paths)
        self._evaluator: Evaluator[Any] = narrowed or fastest(request.spec)

    def holds(self, path: str) -> bool:
        """Return whether the entry at `path` arrives; no symlink is followed."""
        if path in ("", "."):
            return True
        found = entry_at(self._request, path)
        if isinstance(found, str):
            return False
        state, prefix = self._evaluator.root(), ""
        *above, name = path.split("/")
        for part in above:
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                return False
        if stat.S_ISDIR(found.st_mode):
            return self._sends(self._evaluator.enter(state, prefix, name), f"{path}/")
        mark: Mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and not stat.S_ISSOCK(found.st_mode)

    def _sends(self, state: Any, prefix: str) -> bool:
        """Return whether a directory is sent: by itself, or due to an entry below it."""
        pending = [(state, prefix)]
        while pending:
            state, prefix = pending.pop()
            if not state.mark.ignored:
                return True
            is_entered = self._evaluator.enters(state, prefix[:-1])
            entries = self._entries(prefix) if is_entered else []
            others = [each.name for each in entries if not each.is_dir(follow_symlinks=False)]
            odd = self._evaluator.odd(state, prefix, others)
            if any(not odd.get(name, state.mark).ignored for name in others):
                return True
            pending += [
                (self._evaluator.enter(state, prefix, each.name), f"{prefix}{each.name}/")
                for each in entries
                if each.is_dir(follow_symlinks=False)
            ]
        return False

    def link(self, path: str) -> str | None:
        """Return a symlink's target, else None. Raises `BuildFailsError` if the sender fails."""
        try:
            return None if "\0" in path else link_target(self._full(path))
        except OSError as error:  # a name that is too long
            reason = (error.strerror or str(error)).lower()
            raise BuildFailsError(f"error from sender: {path}: {reason}") from None

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through symlinks, and whether that entry arrives.

        A symlink that does not arrive itself ends the path.
        """

        def target_of(here: str) -> str | None:
            target = self.link(here)
            return target if target is None or self.holds(here) else ""

        end, is_end = follow_links(path, target_of)
        return end, is_end and self.holds(end)

    def matching(self, pattern: str) -> list[str]:
        """Return the entries of the context that match `pattern`, whether or not they arrive.

        Symlinks are followed only before the first wildcard.
        """
        base = self.base(pattern)
        found = ["" if base == "." else f"{base}/"]
        for part in dropwhile(lambda part: not has_wildcards(part), pattern.split("/")):
            found = [
                f"{prefix}{name}/"
                for prefix in found
                for name in names_in(self._full(prefix.rstrip("/")))
                if match(part, name)
            ]
        return [path[:-1] for path in found]

    def matching_parents(self, base: str, pattern: str) -> Iterator[str]:
        """Yield the outermost entries that `COPY --parents` matches below `base`, sent or not.

        The pattern uses the dialect of ignore files: `**` matches any number of directories, and
        a match includes all below it. No symlink in it is followed.
        Behaviour: moby/buildkit (`dispatchCopy`, `contenthash`), docker/dockerfile 1.20.
        """
        search = DockerIgnorePattern(pattern)
        deepest = None if "**" in pattern else pattern.count("/") + 1
        pending = [("", 1)]
        while pending:
            prefix, depth = pending.pop()
            for each in self._entries(os.path.join(base, prefix)):
                inside = prefix + each.name
                if search.match_file(inside) is not None:
                    yield inside if base == "." else f"{base}/{inside}"
                elif each.is_dir(follow_symlinks=False) and depth != deepest:
                    pending.append((f"{inside}/", depth + 1))

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        """Return the entries of a directory by name; none for other entries or if unreadable."""
        full = self._full(path.rstrip("/"))
        try:
            is_directory = stat.S_ISDIR(os.lstat(full).st_mode)
            return sorted(entries_in(full) if is_directory else [], key=lambda each: each.name)
        except OSError:
            return []

    def base(self, pattern: str) -> str:
        """Return where the part of a pattern before its first wildcard leads."""
        parts = takewhile(lambda part: not has_wildcards(part), pattern.split("/"))
        return self.follow("/".join(parts))[0]

    def _full(self, path: str) -> str:
        return os.path.join(self._request.root, path)


def is_pattern(path: str) -> bool:
    """Return whether any part of a path has wildcards."""
    return any(map(has_wildcards, path.split("/")))


class Takers:
    """The instructions that take a path. Raises `CtxsizeError` for a missing target."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sources: dict[Source, None] = {}
        self._specs: dict[str, DockerIgnoreSpec | None] = {}
        self._unknown = self._read()

    def _read(self) -> str:
        """Read the sources of the Dockerfile, and return why they are not known, or ""."""
        request = self._request
        if not request.builder.asks_for_paths:
            return f"{request.builder.title} sends the whole context, whatever the Dockerfile says"
        if request.dockerfile is None:
            return "not known, as there is no Dockerfile"
        try:
            asked = asked_of(request)
        except CtxsizeError as error:
            if is_wrong_target(request):
                raise
            return f"not known: {error}"
        self._sources = dict.fromkeys(source for each in asked for source in each.sources)
        for each in self._sources:
            if each.path.startswith("!"):  # fsutil reads the paths as patterns of an ignore file
                return (
                    f"not known, as {each.instruction} {each.source} (line {each.line}) is read as "
                    "a pattern that excludes again, and files may arrive empty"
                )
        return ""

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
        for each in self._sources:
            takes, below = self._takes(each, path)
            if takes or (below and is_directory):
                yield Taker(each.instruction, each.line, each.source, each.kind, not takes)

    def _takes(self, source: Source, path: str) -> tuple[bool, bool]:
        """Return whether `source` takes `path`, else whether it may take entries below it."""
        if source.path not in self._specs:
            include = follow(self._request.root, (source.path,))
            self._specs[source.path] = None if include is None else include_spec(include)
        spec = self._specs[source.path]
        if spec is None:
            return True, False
        for ancestor, step in spec.steps(path):
            if ancestor == path and not step.ignored:
                return True, False
            if step.ignored and not spec.enters(ancestor):
                return False, False
        return False, True
