"""What of a context arrives at the builder, asked entry by entry, and by which instructions."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import dropwhile, takewhile
from typing import Any

from ctxsize.dockerfile import Paths, Source
from ctxsize.engine.automaton import fastest
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.evaluate import Evaluator, Mark
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.listing import WITHHELD
from ctxsize.engine.narrow import follow, include_spec
from ctxsize.engine.need import TAKEN_AWAY, asked_of, evaluator_of, is_wrong_target
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec
from ctxsize.engine.request import Request
from ctxsize.engine.source import link_target, listing_at, names_in
from ctxsize.engine.trace import Explanation, Taker, entry_at
from ctxsize.errors import BuildFailsError, CtxsizeError, InputError


class Arrivals:
    """The entries that a transfer of `paths` brings: relative paths, `.` for the context itself.

    Raises what `evaluator_of` raises.
    """

    def __init__(self, request: Request, paths: Paths) -> None:
        self._request = request
        self._paths = paths

    @cached_property
    def _evaluator(self) -> Evaluator[Any]:
        return evaluator_of(self._request, self._paths) or fastest(self._request.spec)

    def holds(self, path: str) -> bool:
        """Return whether the entry at `path` arrives; no symlink is followed."""
        if path in ("", "."):
            return True
        found = entry_at(self._request, path)
        if isinstance(found, str):
            return False
        entered = self._entered(path)
        if entered is None:
            return False
        state, prefix, name = entered
        if stat.S_ISDIR(found.st_mode):
            state = self._evaluator.enter(state, prefix, name)
            return not state.mark.ignored or self._sends_below(state, f"{path}/")
        mark: Mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and not stat.S_ISSOCK(found.st_mode)

    def empties(self, path: str) -> bool:
        """Return whether the sender refuses to open the file at `path`, which is sent."""
        entered = self._entered(path)
        if entered is None:
            return False
        state, prefix, name = entered
        mark: Mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and mark.refused

    def _entered(self, path: str) -> tuple[Any, str, str] | None:
        """Return the directory of `path`, its state and prefix, and a name; None if not entered."""
        state, prefix = self._evaluator.root(), ""
        *above, name = path.split("/")
        for part in above:
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                return None
        return state, prefix, name

    def _sends_below(self, state: Any, prefix: str) -> bool:
        """Return whether anything below an ignored directory is sent."""
        pending = [(state, prefix)]
        while pending:
            state, prefix = pending.pop()
            if not state.mark.ignored:
                return True
            if self._evaluator.enters(state, prefix[:-1]):
                directories, others = listing_at(self._full(prefix))
                odd = self._evaluator.odd(state, prefix, others)
                if any(not odd.get(name, state.mark).ignored for name in others):
                    return True
                pending += [
                    (self._evaluator.enter(state, prefix, name), f"{prefix}{name}/")
                    for name in directories
                ]
        return False

    def link(self, path: str) -> str | None:
        """Return a symlink's target, else None. Raises `BuildFailsError` where Docker fails."""
        try:
            return None if "\0" in path else link_target(self._full(path))
        except OSError as error:  # a name that is too long
            reason = (error.strerror or str(error)).lower()
            raise BuildFailsError(f"error from sender: {path}: {reason}") from None

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through symlinks, and whether that arrives.

        Where a symlink does not arrive, it is the end itself.
        """

        def target_of(here: str) -> str | None:
            target = self.link(here)
            return target if target is None or self.holds(here) else ""

        end, is_end = follow_links(path, target_of)
        return end, is_end and self.holds(end)

    def matching(self, pattern: str) -> list[str]:
        """Return the entries of the context that match `pattern`, whether or not they arrive.

        Symlinks are followed in front of the first wildcard only.
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

    def base(self, pattern: str) -> str:
        """Return where the part of a pattern in front of its first wildcard leads."""
        parts = takewhile(lambda part: not has_wildcards(part), pattern.split("/"))
        return self.follow("/".join(parts))[0]

    def matching_parents(self, base: str, pattern: str) -> Iterator[str]:
        """Yield the outermost entries that `COPY --parents` finds below `base`, sent or not.

        The pattern is of the dialect of ignore files, so that `**` stands for any number of
        directories and what is below a match is taken with it; no symlink in it is followed.
        Behaviour: moby/buildkit (`dispatchCopy`, `contenthash`), docker/dockerfile 1.20.
        """
        search = DockerIgnorePattern(pattern)
        deepest = None if "**" in pattern else pattern.count("/") + 1
        pending = [("", 1)]
        while pending:
            prefix, depth = pending.pop()
            directories, others = listing_at(os.path.join(self._full(base), prefix))
            for name in sorted([*directories, *others]):
                inside = prefix + name
                if search.match_file(inside) is not None:
                    yield inside if base == "." else f"{base}/{inside}"
                elif name in directories and (deepest is None or depth < deepest):
                    pending.append((f"{inside}/", depth + 1))

    def _full(self, path: str) -> str:
        return os.path.join(self._request.root, path)


def is_pattern(path: str) -> bool:
    """Return whether a part of a path has wildcards."""
    return any(map(has_wildcards, path.split("/")))


def check_parents(request: Request, base: str, pattern: str) -> None:
    """Raise `InputError` for a `COPY --parents` that is not known, with what to ask instead."""
    reason = ""
    if not pattern:
        reason = "a source that names nothing behind its pivot"
    elif pattern.startswith(("!", "#")):
        reason = f"a source that starts with {pattern[0]}"
    elif base != "." and os.path.islink(os.path.join(request.root, base)):
        reason = f"a pivot behind a symlink, which {base} is"
    if reason:
        raise InputError(
            f"what the builder finds is not known here for --parents with {reason}",
            path=request.dockerfile,
            hint="`ctxsize explain PATH` says whether an entry is sent, and "
            "`ctxsize ls --transfer` what travels",
        )


class Takers:
    """The instructions that take a path. Raises `CtxsizeError` for a target that does not exist."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sources: dict[Source, None] = {}
        self._paths: list[Paths] = []
        self._specs: dict[str, DockerIgnoreSpec | None] = {}
        self._unknown = ""
        if not request.builder.asks_for_paths:
            title = request.builder.title
            self._unknown = f"{title} takes the whole context, whatever the Dockerfile says"
        elif request.dockerfile is None:
            self._unknown = "not known, as there is no Dockerfile"
        else:
            try:
                asked = asked_of(request)
                self._paths = [each.paths for each in asked]
                self._sources = dict.fromkeys(source for each in asked for source in each.sources)
            except CtxsizeError as error:
                if is_wrong_target(request):
                    raise
                self._unknown = f"not known: {error}"

    def added_to(self, explained: Explanation) -> Explanation:
        """Return `explained` with the instructions that take its path, or why that is not known."""
        if explained.path == ".":
            return explained
        if self._unknown:
            return replace(explained, takers_unknown=self._unknown)
        try:
            takers = tuple(self._of(explained.path))
            empty = explained.arrives_empty or self._emptied(explained.path)
        except CtxsizeError as error:
            return replace(explained, takers_unknown=f"not known: {error}")
        return replace(explained, takers=takers, arrives_empty=empty)

    def _emptied(self, path: str) -> str | None:
        """Return why a file arrives empty though the ignore file leaves it."""
        found = entry_at(self._request, path)
        is_file = not isinstance(found, str) and stat.S_ISREG(found.st_mode)
        if is_file and any("!" in each.path for each in self._sources):
            each = (Arrivals(self._request, paths) for paths in self._paths)
            if any(arrivals.empties(path) for arrivals in each):
                return f"{WITHHELD}, for {TAKEN_AWAY}"
        return None

    def _of(self, path: str) -> Iterator[Taker]:
        found = entry_at(self._request, path)
        is_directory = not isinstance(found, str) and stat.S_ISDIR(found.st_mode)
        for each in self._sources:
            takes, below = self._takes(each, path)
            if takes or (below and is_directory):
                yield Taker(each.instruction, each.line, each.source, each.kind, not takes)

    def _takes(self, source: Source, path: str) -> tuple[bool, bool]:
        """Return whether `source` takes `path`, and else whether it may take something below it."""
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
