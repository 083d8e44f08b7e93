"""What of a context arrives at the builder, asked entry by entry, and by which instructions."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any

from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.taken import Paths
from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator, Mark
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.listing import WITHHELD
from ctxsize.engine.narrow import follow, include_spec
from ctxsize.engine.need import BLAMED, asked_of, evaluator_of, is_wrong_target
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.source import link_target, listing_at, names_in
from ctxsize.engine.trace import entry_at
from ctxsize.errors import BuildFailsError, CtxsizeError, IgnoreFileError, InputError
from ctxsize.explanations import Explanation, Taker

_MOST_LINKS = 255
OLDER = "frontends before docker/dockerfile:1.20 go on without it"


class Arrivals:
    """The entries that a build gets. Paths are relative; `""` and `.` are the context itself."""

    def __init__(self, request: Request, evaluator: Evaluator[Any] | None) -> None:
        self._request = request
        self._evaluator: Evaluator[Any] = fastest(request.spec) if evaluator is None else evaluator

    def holds(self, path: str) -> bool:
        """Return whether the entry at `path` arrives; no symlink is followed."""
        if path in ("", "."):
            return True
        found = entry_at(self._request, path)
        if isinstance(found, str):
            return False
        *above, name = path.split("/")
        entered = self._entered(above)
        if entered is None:
            return False
        if stat.S_ISDIR(found.st_mode):
            state = self._evaluator.enter(*entered, name)
            below = self._sent_below(state, f"{path}/")
            return not state.mark.ignored or any(True for _ in below)
        return not self._mark(*entered, name).ignored and not stat.S_ISSOCK(found.st_mode)

    def empties(self, path: str) -> bool:
        """Return whether the sender refuses to open the file at `path`, which is sent."""
        *above, name = path.split("/")
        entered = self._entered(above)
        mark = None if entered is None else self._mark(*entered, name)
        return mark is not None and not mark.ignored and mark.refused

    def links(self, path: str) -> Iterator[str]:
        """Yield the symlinks that arrive below the directory at `path`, which is no symlink."""
        entered = self._entered(path.split("/"))
        sent = () if entered is None else self._sent_below(*entered)
        return (each for each in sent if self.is_link(each))

    def _mark(self, state: Any, prefix: str, name: str) -> Mark:
        mark: Mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return mark

    def _entered(self, parts: Sequence[str]) -> tuple[Any, str] | None:
        """Return the state and the prefix of a directory, None if the sender does not enter it."""
        state, prefix = self._evaluator.root(), ""
        for part in parts:
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                return None
        return state, prefix

    def _sent_below(self, state: Any, prefix: str) -> Iterator[str]:
        """Yield what is sent below a directory, but for directories that are for what they hold."""
        pending = [(state, prefix)]
        while pending:
            state, prefix = pending.pop()
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                continue
            directories, others = listing_at(self._full(prefix))
            odd = self._evaluator.odd(state, prefix, others)
            yield from (prefix + name for name in others if not odd.get(name, state.mark).ignored)
            for name in reversed(directories):
                inner = self._evaluator.enter(state, prefix, name)
                if not inner.mark.ignored:
                    yield prefix + name
                pending.append((inner, f"{prefix}{name}/"))

    def is_link(self, path: str) -> bool:
        """Return whether there is a symlink at `path`. Raises `BuildFailsError` as Docker fails."""
        return self._link(path) is not None

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through symlinks, and whether that arrives.

        Absolute targets and `..` start at the context, as in a chroot. Where a
        symlink does not arrive, it is the end itself.
        """
        pending, at, links = path.split("/")[::-1], list[str](), 0
        while pending:
            part = pending.pop()
            if part in ("", ".", ".."):
                at = at[:-1] if part == ".." else at
                continue
            here = "/".join([*at, part])
            target = self._link(here)
            if target is None:
                at.append(part)
                continue
            links += 1
            if links > _MOST_LINKS or not self.holds(here):
                return here, False
            at = [] if target.startswith("/") else at
            pending += target.split("/")[::-1]
        end = "/".join(at) or "."
        return end, self.holds(end)

    def _link(self, path: str) -> str | None:
        """Return a symlink's target, else None. Raises `BuildFailsError` where Docker fails."""
        try:
            return None if "\0" in path else link_target(self._full(path))
        except OSError as error:  # a name that is too long
            reason = (error.strerror or str(error)).lower()
            raise BuildFailsError(f"error from sender: {path}: {reason}") from None

    def base(self, pattern: str) -> str:
        """Return where the part of a pattern in front of its first wildcard leads."""
        parts = [*takewhile(lambda part: not has_wildcards(part), pattern.split("/"))]
        return self.follow("/".join(parts))[0]

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

    def _full(self, path: str) -> str:
        return os.path.join(self._request.root, path)


def is_pattern(path: str) -> bool:
    """Return whether a part of a path has wildcards."""
    return any(map(has_wildcards, path.split("/")))


def check_parents(request: Request, base: str, pattern: str) -> None:
    """Raise `InputError` for a `COPY --parents` that is not known, with what to ask instead."""
    reason = ""
    if not pattern:
        reason = "--parents with a source that names nothing behind its pivot"
    elif pattern.startswith(("!", "#")):
        reason = f"--parents with a source that starts with {pattern[0]}"
    elif base != "." and os.path.islink(os.path.join(request.root, base)):
        reason = f"--parents with a pivot behind a symlink, which {base} is"
    if reason:
        raise InputError(
            f"what the builder finds is not known here for {reason}",
            path=request.dockerfile,
            hint="`ctxsize explain PATH` says whether an entry is sent, and "
            "`ctxsize ls --transfer` what travels",
        )


def matching_parents(request: Request, base: str, pattern: str) -> Iterator[str]:
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
        directories, others = listing_at(os.path.join(request.root, base, prefix))
        for name in sorted([*directories, *others]):
            inside = prefix + name
            if search.match_file(inside) is not None:
                yield inside if base == "." else f"{base}/{inside}"
            elif name in directories and (deepest is None or depth < deepest):
                pending.append((f"{inside}/", depth + 1))


class Takers:
    """Tells which instructions take a path; `unknown` says why, where nothing can.

    Raises `CtxsizeError` for a target that the Dockerfile does not have.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sources: tuple[Source, ...] | None = None
        self._paths: tuple[Paths, ...] = ()
        self._specs: dict[str, DockerIgnoreSpec | None] = {}
        self.unknown = self._read()

    def _read(self) -> str | None:
        """Read the Dockerfile. Return why what it takes is not known, or None."""
        request = self._request
        if not request.builder.asks_for_paths:
            return f"{request.builder.title} takes the whole context, whatever the Dockerfile says"
        if request.dockerfile is None:
            return "not known, as there is no Dockerfile"
        try:
            asked = asked_of(request)
        except CtxsizeError as error:
            if is_wrong_target(request):
                raise
            return f"not known: {error}"
        self._paths = tuple(each.paths for each in asked)
        self._sources = tuple(dict.fromkeys(source for each in asked for source in each.sources))
        return None

    def added_to(self, explained: Explanation) -> Explanation:
        """Return `explained` with the instructions that take its path."""
        if explained.path == ".":
            return explained
        if self._sources is None:
            return replace(explained, takers_unknown=self.unknown)
        try:
            takers = tuple(self._of(explained.path, self._sources))
            explained = self._with_emptied(explained)
        except (CtxsizeError, IgnoreFileError) as error:
            return replace(explained, takers_unknown=f"not known: {error}")
        return replace(explained, takers=takers)

    def _with_emptied(self, explained: Explanation) -> Explanation:
        """Return `explained`, which says so if what the Dockerfile takes empties the file."""
        found = entry_at(self._request, explained.path)
        regular = not isinstance(found, str) and stat.S_ISREG(found.st_mode)
        if not regular or explained.arrives_empty or explained.verdict.ignored:
            return explained
        for paths in self._paths:
            evaluator = evaluator_of(self._request, paths)
            if evaluator is not None and Arrivals(self._request, evaluator).empties(explained.path):
                return replace(explained, arrives_empty=f"{WITHHELD}, for {BLAMED}")
        return explained

    def _of(self, path: str, sources: tuple[Source, ...]) -> list[Taker]:
        found = entry_at(self._request, path)
        directory = not isinstance(found, str) and stat.S_ISDIR(found.st_mode)
        takers = []
        for source in sources:
            takes, below = self._takes(source, path)
            if takes or (below and directory):
                takers.append(
                    Taker(source.instruction, source.line, source.source, source.kind, not takes)
                )
        return takers

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
