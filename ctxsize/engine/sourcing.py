"""Look up the sources of COPY, ADD and mounts as the builder does, and find what hides them.

The builder looks each source up in what was transferred, and follows symlinks inside it.
Wildcards may match nothing; mounts have none. Behaviour: moby/buildkit (`contenthash`, `file`
backend), tonistiigi/fsutil (`copy`).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import takewhile

from ctxsize.dockerfile.sources import Source, Unknown, path_from_root
from ctxsize.engine.arrivals import Arrivals, entries_below, is_pattern
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.need import asked_of, named_contexts, named_request, needs_of, unknown_problem
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.trace import Explanation, explain
from ctxsize.errors import InputError

TAKING = ("copy", "add", "bind")
"""Kinds of sources that the builder looks up."""


class Fate(str, Enum):
    """The result of looking up a source; all but the first two fail the build."""

    FOUND = "found"
    NO_MATCH = "no match"
    """The wildcards of a source match nothing: the build continues without it."""
    IGNORED = "ignored"
    ABSENT = "absent"
    LOOP = "loop"
    """A symlink leads back to itself."""
    NOT_ASKED = "not asked for"
    """The context contains it, but no transfer requests it."""

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
    matches: int | None = None
    """Number of transferred entries that wildcards match; None without wildcards."""
    hidden: tuple[Explanation, ...] = ()  # entries that would be found if they were not ignored
    notes: tuple[str, ...] = ()  # possible causes, one sentence each


class Sources:
    """Looks up the sources of one build. Raises what `needs_of` raises, and `InputError`."""

    def __init__(self, request: Request) -> None:
        if not request.builder.asks_for_paths:
            raise InputError(
                f"ctxsize does not model how {request.builder.title} looks up a source",
                hint="--source needs --builder buildkit",
            )
        self._request = request
        self._by_line: dict[int, dict[Source, None]] = {}
        self._arrivals: dict[Source, Arrivals] = {}
        self._matched: dict[Source, list[str]] = {}
        if request.dockerfile is None:
            return
        for need in needs_of(request).values():
            for source in need.sources:
                if source.context == request.name and source.kind in TAKING:
                    self._by_line.setdefault(source.line, {})[source] = None
        for asked in asked_of(request):
            self._arrivals |= dict.fromkeys(asked.sources, Arrivals(request, asked.paths))

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return the checks of a source as written, or of those on a line of the Dockerfile.

        A source that no instruction has is checked as one of `COPY` on line 0.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            found = self.on_line(int(wanted))
        else:
            path = path_from_root(wanted)[1:] or "."
            taken = [source for each in self._by_line.values() for source in each]
            found = [source for source in taken if source.source == wanted]
            found = found or [source for source in taken if source.path == path]
            found = found or [Source("COPY", 0, "", wanted, path, "copy", self._request.name)]
        return [self._checked(source) for source in found]

    def on_line(self, number: int) -> list[Source]:
        """Return the sources on a line; none if this build skips it. Raises `InputError`."""
        if number in self._by_line:
            return [*self._by_line[number]]
        path = self._request.dockerfile
        if path is None:
            raise InputError("a line needs a Dockerfile, and there is none", hint="name it with -f")
        instructions = self._request.plan.dockerfile.instructions
        here = [each for each in instructions if each.line <= number <= each.end_line]
        for doing in (each.trigger or each for each in here):
            if doing.keyword in ("COPY", "ADD") or any(doing.flag_values("mount")):
                return [*self._by_line.get(here[0].line, ())]
        raise InputError(
            f"no COPY, ADD or mount on this line, but {here[0].keyword if here else 'nothing'}",
            path=path,
            line=number,
            hint=f"./{number} is the source named {number}",
        )

    def fate(self, source: Source) -> tuple[Fate, str]:
        """Return the fate of a source, and the entry that decides. Raises `InputError`."""
        base, pattern = self._parts(source)
        arrivals, is_wild = self._arrivals_of(source), is_pattern(pattern)
        at, arrives = arrivals.follow(base)
        if pattern and not is_wild:
            # Frontends from docker/dockerfile:1.20 need what follows the pivot, and follow no
            # symlink there (`dispatchCopy`).
            at = pattern if at == "." else f"{at}/{pattern}"
            arrives = arrivals.holds(at)
        if not arrives:
            return self._missing(at, arrivals)
        for path in self._followed(source, is_wild=is_wild):
            if arrivals.link(path) is not None and arrivals.holds(path):
                end, arrives = arrivals.follow(path)
                if not arrives:
                    return self._missing(end, arrivals)
        if not is_wild:
            return Fate.FOUND, at
        found = any(map(arrivals.holds, self._matches(source)))
        return Fate.FOUND if found else Fate.NO_MATCH, source.path

    def _parts(self, source: Source) -> tuple[str, str]:
        """Return the start of a source, in which symlinks are followed, and the other part."""
        if source.parents is None:
            parts = source.path.split("/")
            literal = [*takewhile(lambda part: not has_wildcards(part), parts)]
            # `parseMount` has no wildcards.
            literal = parts if source.kind == "bind" else literal
            return "/".join(literal) or ".", "/".join(parts[len(literal) :])
        base, pattern = source.parents
        reason = ""
        if not pattern:
            reason = "a source that ends at its pivot"
        elif pattern.startswith(("!", "#")):
            reason = f"a source that starts with {pattern[0]}"
        elif is_pattern(base):
            reason = "wildcards in front of a pivot"
        elif base != "." and os.path.islink(os.path.join(self._request.root, base)):
            reason = f"a pivot behind the symlink {base}"
        if reason:
            raise InputError(
                f"ctxsize does not model --parents with {reason}",
                path=self._request.dockerfile,
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
        names = (each.name for each in entries_below(self._request.root, ""))
        return [name for name in names if excluded.step(name).ignored]

    def _matches(self, source: Source) -> list[str]:
        """Return the entries that wildcards match, whether or not they arrive."""
        if source not in self._matched:
            base, pattern = self._parts(source)
            start = self._arrivals_of(source).follow(base)[0]
            deepest: int | None = pattern.count("/") + 1
            # `Wildcard` of `contenthash` calls Go's `path.Match`.
            matches: Callable[[str], object] = partial(match, pattern)
            if source.parents is not None:
                matches = DockerIgnorePattern(pattern).match_file
                deepest = None if "**" in pattern else deepest
            self._matched[source] = [*self._matching(start, matches, deepest)]
        return self._matched[source]

    def _matching(
        self, start: str, matches: Callable[[str], object], deepest: int | None
    ) -> Iterator[str]:
        """Yield the outermost entries below `start` that match, by their path from there."""
        pending = [("", 1)]
        while pending:
            prefix, depth = pending.pop()
            for each in entries_below(self._request.root, os.path.join(start, prefix)):
                inside = prefix + each.name
                if matches(inside):
                    yield inside if start == "." else f"{start}/{inside}"
                elif each.is_dir(follow_symlinks=False) and depth != deepest:
                    pending.append((f"{inside}/", depth + 1))

    def _missing(self, at: str, arrivals: Arrivals) -> tuple[Fate, str]:
        explained = explain(self._request, at)
        if explained.not_there is not None:
            return Fate.ABSENT, at
        if explained.verdict.ignored:
            return Fate.IGNORED, at
        return Fate.LOOP if arrivals.holds(at) else Fate.NOT_ASKED, at

    def _arrivals_of(self, source: Source) -> Arrivals:
        """Return the arrivals of the transfer with that source, or of one of its own."""
        if source not in self._arrivals:
            paths = None if source.path == "." else (source.path,)
            self._arrivals[source] = Arrivals(self._request, paths)
        return self._arrivals[source]

    def _checked(self, source: Source) -> SourceCheck:
        (fate, at), arrivals = self.fate(source), self._arrivals_of(source)
        matches, paths = None, [at] if fate is Fate.IGNORED else []
        if is_pattern(self._parts(source)[1]):
            arriving = {path for path in self._matches(source) if arrivals.holds(path)}
            matches = len(arriving)
            paths = paths or [path for path in self._matches(source) if path not in arriving]
        explained = (explain(self._request, path) for path in paths)
        hidden = tuple(each for each in explained if each.verdict.ignored)
        notes = tuple(self._notes(source, fate, at, is_hidden=bool(hidden)))
        if fate is Fate.ABSENT:  # the path may contain the value of a build argument
            at = self._request.build.masked(at)
        return SourceCheck(source, fate, at, matches, hidden, notes)

    def _notes(self, source: Source, fate: Fate, at: str, *, is_hidden: bool) -> Iterator[str]:
        request = self._request
        for kind, name in sorted(source.doubts):
            yield unknown_problem(Unknown(kind, name, source.line), request).message
            early = request.plan.dockerfile.global_arguments
            names = {word.partition("=")[0] for each in early for word in each.arguments}
            if kind == "environment" and name in names:
                yield f"the stage needs its own ARG {name}: one before FROM is for FROM"
        if fate is Fate.FOUND:
            return
        if posixpath.normpath(source.source.lstrip("/")).partition("/")[0] == "..":
            yield f".. cannot lead out of the context: the builder looks for {source.path}"
            if _exists(request.root, source.source):
                yield "it exists outside the context, which would have to be a directory above"
        if source.kind == "bind" and is_pattern(source.path):
            yield "a mount has no wildcards: BuildKit looks up its source as it is written"
        if fate in (Fate.ABSENT, Fate.NO_MATCH) and not is_hidden:
            yield from _nearest(request, at)
        if source.parents is not None and not fate.is_found:
            link = (explain(request, at).not_there or "").partition(" is a symlink, ")
            if link[1]:
                yield f"{link[0]} is a symlink, which --parents does not follow behind its pivot"
            if not is_pattern(source.parents[1]):
                yield "frontends before docker/dockerfile:1.20 continue without it"


def _nearest(request: Request, path: str) -> Iterator[str]:
    """Yield notes on entries that resemble `path`, which does not exist."""
    from difflib import get_close_matches  # most sources exist and need none of it

    at = ""
    for part in path.split("/"):
        names = [each.name for each in entries_below(request.root, at)]
        if part not in names:
            folded = {name.casefold(): name for name in names}
            near = [] if has_wildcards(part) else get_close_matches(part.casefold(), folded, n=1)
            for each in near:
                case = ": upper and lower case count" if each == part.casefold() else ""
                yield f"there is {os.path.join(at, folded[each])}{case}"
            break
        at = os.path.join(at, part)
    directory = os.path.dirname(request.dockerfile or "")
    if directory and _exists(directory, path):
        yield "it exists beside the Dockerfile, but sources are relative to the context"


def _exists(directory: str, path: str) -> bool:
    return "\0" not in path and os.path.lexists(os.path.join(directory, path))


def check_in_all(request: Request, wanted: str) -> list[SourceCheck]:
    """Return the checks of `wanted` in each context from which the Dockerfile takes it."""
    requests = [request]
    if request.dockerfile is not None and not request.name:
        local = (each for each in named_contexts(request.build) if each.local)
        used = (each for each in local if asked_of(replace(request, name=each.name)))
        requests += [named_request(request, each) for each in used]
    checks = [check for each in requests for check in Sources(each).check(wanted)]
    return [check for check in checks if check.source.line] or checks[:1]
