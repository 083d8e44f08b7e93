"""Whether the builder finds what COPY, ADD and mounts name, and what hides it if not.

The builder gets what the Dockerfile asks for and the ignore file leaves, looks
each source up in that, and follows symlinks inside it. Wildcards may match
nothing; mounts have none. Behaviour: moby/buildkit (`contenthash`, `file`
backend), tonistiigi/fsutil (`copy`).
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import chain

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.sources import Source, Unknown, path_from_root
from ctxsize.dockerfile.taken import Paths
from ctxsize.engine.arrivals import OLDER, Arrivals, check_parents, is_pattern, matching_parents
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.named import named_contexts, named_request
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.need import asked_of, evaluator_of, needs_of, unknown_problem
from ctxsize.engine.request import Request
from ctxsize.engine.source import names_in
from ctxsize.engine.trace import explain
from ctxsize.errors import InputError
from ctxsize.explanations import Explanation, Fate, SourceCheck

TAKING = ("copy", "add", "bind")
"""The kinds of sources that the builder looks for."""


class Sources:
    """Looks up the sources of one build. Raises what `needs_of` raises, and `InputError`."""

    def __init__(self, request: Request) -> None:
        if not request.builder.asks_for_paths:
            raise InputError(
                f"how {request.builder.title} looks for a source is not known here",
                hint="--source goes with --builder buildkit",
            )
        self._request = request
        self._asked: dict[Source, Paths] = {}
        self._by_line: dict[int, dict[Source, None]] = {}
        self._unknowns: dict[Unknown, None] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._matched: dict[Source, list[str]] = {}
        if request.dockerfile is None:
            return
        for need in needs_of(request).values():
            for source in need.sources:
                if source.context == request.name and source.kind in TAKING:
                    self._by_line.setdefault(source.line, {})[source] = None
            self._unknowns |= dict.fromkeys(need.unknowns)
        for asked in asked_of(request):
            self._asked |= dict.fromkeys(asked.sources, asked.paths)

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return what becomes of a source as written, or of those on a line of the Dockerfile.

        What no instruction takes is checked as if `COPY` took it, with no `line`.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            found = self.on_line(int(wanted))
        else:
            path = path_from_root(wanted)[1:] or "."
            taken = [source for each in self._by_line.values() for source in each]
            found = [source for source in taken if source.source == wanted]
            found = found or [source for source in taken if source.path == path]
            found = found or [Source("COPY", 0, "", wanted, path, "copy")]
        return [self._checked(source) for source in found]

    def on_line(self, number: int) -> list[Source]:
        """Return the sources of the instruction on a line; none if this build uses none there.

        Raises `InputError` for a line on which nothing is taken.
        """
        path = self._request.dockerfile
        if path is None:
            raise InputError("there is no Dockerfile to have a line", hint="name it with -f PATH")
        instruction = self._instruction(number)
        if instruction is None or not _may_take(instruction):
            what = instruction.keyword if instruction else "nothing"
            raise InputError(
                f"no COPY, ADD or mount on this line, but {what}",
                path=path,
                line=number,
                hint=f"./{number} is the source named {number}",
            )
        return [*self._by_line.get(instruction.line, ())]

    @cached_property
    def _lines(self) -> list[int]:
        return [each.line for each in self._request.plan.dockerfile.instructions]

    def _instruction(self, number: int) -> Instruction | None:
        instructions = self._request.plan.dockerfile.instructions
        at = bisect_right(self._lines, number) - 1
        return instructions[at] if at >= 0 and number <= instructions[at].end_line else None

    def fate(self, source: Source) -> tuple[Fate, str]:
        """Return what becomes of a source, and the entry that decides about it."""
        arrivals = self._arrivals_of(source)
        if source.parents is not None:
            return self._fate_of_parents(source, source.parents, arrivals)
        wild = _is_wild(source)
        at, arrives = arrivals.follow(arrivals.base(source.path) if wild else source.path)
        if not arrives:
            return self._missing(at, arrivals)
        for path in self._followed(source):
            if arrivals.is_link(path) and arrivals.holds(path):
                end, arrives = arrivals.follow(path)
                if not arrives:
                    return self._missing(end, arrivals)
        return self._any_of(source) if wild else (Fate.FOUND, at)

    def _fate_of_parents(
        self, source: Source, parents: tuple[str, str], arrivals: Arrivals
    ) -> tuple[Fate, str]:
        base, pattern = parents
        check_parents(self._request, base, pattern)
        if not is_pattern(base):
            at, arrives = arrivals.follow(base)
            if not is_pattern(pattern):
                path = _joined(at, pattern)
                found = arrivals.holds(path)
                return (Fate.FOUND, path) if found else self._missing(path, arrivals)
            if not arrives:
                return self._missing(at, arrivals)
        return self._any_of(source)

    def _any_of(self, source: Source) -> tuple[Fate, str]:
        found = any(map(self._arrivals_of(source).holds, self._matches(source)))
        return Fate.FOUND if found else Fate.NO_MATCH, source.path

    def _followed(self, source: Source) -> Iterable[str]:
        """Return what a source finds of which the builder follows symlinks, but none below that.

        Behaviour: moby/buildkit (`contenthash`), which has no header for the root, so that
        `COPY --exclude` of the whole context finds its top entries one by one.
        """
        if _is_wild(source):
            return self._matches(source)
        if source.path != "." or not source.excludes:
            return ()
        excluded = include_spec(source.excludes)
        names = names_in(self._request.root)
        return (name for name in names if excluded.step(name).ignored)

    def _matches(self, source: Source) -> list[str]:
        """Return what wildcards match in the context, whether or not it arrives."""
        if source not in self._matched:
            arrivals = self._arrivals_of(source)
            if source.parents is None:
                found = arrivals.matching(source.path)
            else:
                base, pattern = source.parents
                wild = is_pattern(base)
                bases = arrivals.matching(base) if wild else [arrivals.follow(base)[0]]
                each = (matching_parents(self._request, base, pattern) for base in bases)
                found = [*chain.from_iterable(each)]
            self._matched[source] = found
        return self._matched[source]

    def _missing(self, at: str, arrivals: Arrivals) -> tuple[Fate, str]:
        explained = explain(self._request, at)
        if explained.not_there is not None:
            return Fate.ABSENT, at
        if explained.verdict.ignored:
            return Fate.IGNORED, at
        return Fate.LOOP if arrivals.holds(at) else Fate.NOT_ASKED, at

    def _arrivals_of(self, source: Source) -> Arrivals:
        """Return what arrives by the transfer with that source, or by one of its own."""
        asked = self._asked.get(source, None if source.path == "." else (source.path,))
        # The paths of a transfer may be many, and are one object for all its sources.
        found = self._arrivals.get(id(asked)) if source in self._asked else None
        if found is None:
            found = Arrivals(self._request, evaluator_of(self._request, asked))
        if source in self._asked:
            self._arrivals[id(asked)] = found
        return found

    def older_link(self, source: Source) -> str:
        """Return the symlink on which `older` releases of the builder fail, "" for none.

        They follow each one below what wildcards match.
        """
        if self._request.builder.older is None or source.parents is not None:
            return ""
        arrivals = self._arrivals_of(source)
        found = (
            link
            for path in (self._matches(source) if _is_wild(source) else ())
            if not arrivals.is_link(path)
            for link in arrivals.links(path)
        )
        return next((link for link in found if not arrivals.follow(link)[1]), "")

    def older_fails(self, link: str) -> str:
        """Return what the `older` releases of the builder do at `link`, an `older_link`."""
        return (
            f"{self._request.builder.older} fails here: it follows the symlink {link}, "
            "which leads to nothing that is sent"
        )

    def _checked(self, source: Source) -> SourceCheck:
        """Return the fate of a source with all that there is to say about it."""
        (fate, at), arrivals = self.fate(source), self._arrivals_of(source)
        matches, hidden = None, list[Explanation]()
        if _is_wild(source):
            arriving = {path for path in self._matches(source) if arrivals.holds(path)}
            matches = len(arriving)
            if fate not in (Fate.ABSENT, Fate.LOOP):
                others = (path for path in self._matches(source) if path not in arriving)
                hidden = [explain(self._request, path) for path in others]
        if fate is Fate.IGNORED:
            hidden = [explain(self._request, at)]
        ignored = tuple(each for each in hidden if each.verdict.ignored)
        return SourceCheck(
            source.instruction,
            source.line or None,
            source.source,
            source.path,
            fate,
            at,
            matches,
            ignored,
            tuple(self._notes(source, fate, at, is_hidden=bool(ignored))),
            self._request.name,
        )

    def _notes(self, source: Source, fate: Fate, at: str, *, is_hidden: bool) -> Iterator[str]:
        request = self._request
        yield from self._variables(source)
        if fate is not Fate.FOUND:
            yield from _clamped(request, source)
        if fate is not Fate.FOUND and source.kind == "bind" and is_pattern(source.path):
            yield "a mount knows no wildcards: its source is the name as it is written"
        if fate in (Fate.ABSENT, Fate.NO_MATCH) and not is_hidden:
            yield from _nearest(request, at)
        if fate is not Fate.FOUND and source.parents is not None and not _is_wild(source):
            yield from _links(request, at)
            yield OLDER
        older = self.older_link(source) if fate in (Fate.FOUND, Fate.NO_MATCH) else ""
        if older:
            yield self.older_fails(older)

    @cached_property
    def _early(self) -> set[str]:
        """Return the names of the ARGs in front of the first FROM."""
        early = self._request.plan.dockerfile.global_arguments
        return {name.partition("=")[0] for each in early for name in each.arguments}

    def _variables(self, source: Source) -> Iterator[str]:
        """Yield what the variables of the source are taken for."""
        for unknown in self._unknowns:
            of_source = unknown.line == source.line and unknown.name in source.source
            if of_source and unknown.kind in ("argument", "environment", "older-unset"):
                yield unknown_problem(unknown, self._request.builder).message
                if unknown.kind == "environment" and unknown.name in self._early:
                    yield f"the stage needs its own ARG {unknown.name}: one before FROM is for FROM"


def check_in_all(request: Request, wanted: str) -> list[SourceCheck]:
    """Return what becomes of `wanted` in each context from which the Dockerfile takes it.

    Raises what `Sources` raises.
    """
    requests = [request]
    if request.dockerfile is not None and not request.name:
        local = (each for each in named_contexts(request.build) if each.local)
        used = (each for each in local if asked_of(replace(request, name=each.name)))
        requests += [named_request(request, each) for each in used]
    checks = [check for each in requests for check in Sources(each).check(wanted)]
    return [check for check in checks if check.line is not None] or checks[:1]


def _may_take(instruction: Instruction) -> bool:
    """Return whether the instruction, or its trigger, names sources that are looked up."""
    doing = instruction.trigger or instruction
    return doing.keyword in ("COPY", "ADD") or any(doing.flag_values("mount"))


def _is_wild(source: Source) -> bool:
    """Return whether a source may find any number of entries, or none."""
    if source.parents is not None:
        return any(map(is_pattern, source.parents))
    return source.kind != "bind" and is_pattern(source.path)


def _joined(directory: str, path: str) -> str:
    return path if directory == "." else f"{directory}/{path}"


def _links(request: Request, path: str) -> Iterator[str]:
    """Yield the symlink on the way to `path` that --parents does not follow."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        here = "/".join(parts[:depth])
        if os.path.islink(os.path.join(request.root, here)):
            yield f"{here} is a symlink, which --parents does not follow behind its pivot"
            return


def _clamped(request: Request, source: Source) -> Iterator[str]:
    """Yield that `..` does not lead out of the context, if the source tries."""
    depth = 0
    for part in source.source.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            yield f".. cannot lead out of the context: it takes {source.path}"
            outside = os.path.join(request.root, source.source)
            if "\0" not in outside and os.path.lexists(outside):
                yield "it exists outside the context, which would have to be a directory above"
            return


def _nearest(request: Request, path: str) -> Iterator[str]:
    """Yield what there is instead of `path`, which is not there."""
    at = ""
    for part in path.split("/"):
        names: list[str] = []
        with suppress(OSError, ValueError):
            names = names_in(os.path.join(request.root, at))
        if part not in names:
            yield from _alike(at, part, names)
            break
        at = os.path.join(at, part)
    directory = os.path.dirname(request.dockerfile or "")
    beside = os.path.join(directory, path)
    if directory and "\0" not in path and os.path.lexists(beside):
        yield "it is there beside the Dockerfile, but sources count from the context"


def _alike(directory: str, part: str, names: list[str]) -> Iterator[str]:
    from difflib import get_close_matches  # as most sources are there

    same = [name for name in names if name.casefold() == part.casefold()]
    close = [] if same or has_wildcards(part) else get_close_matches(part, names, n=1)
    for name in (same + close)[:1]:
        case = ": upper and lower case count" if same else ""
        yield f"there is {os.path.join(directory, name)}{case}"
