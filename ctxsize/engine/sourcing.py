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

from ctxsize.dockerfile import (
    Instruction,
    Source,
    Unknown,
    path_from_root,
)
from ctxsize.engine.arrivals import OLDER, Arrivals, check_parents, matching_parents
from ctxsize.engine.explain import explain
from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.named import named_contexts, named_request
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.need import Paths, asked_of, evaluator_of, needs_of, unknown_problem
from ctxsize.engine.request import Request
from ctxsize.engine.source import names_in
from ctxsize.errors import InputError
from ctxsize.explanations import Explanation, Fate, SourceCheck

_TAKING = ("copy", "add", "bind")


class Sources:
    """Checks the sources of one build. Raises what `context_need_of` raises, and `InputError`.

    With `brief` entries are not counted where any number of them will do, and why a
    source is not found does not matter.
    """

    def __init__(self, request: Request, *, brief: bool = False) -> None:
        self._brief = brief
        if not request.builder.asks_for_paths:
            raise InputError(
                f"how {request.builder.title} looks for a source is not known here",
                hint="--source goes with --builder buildkit",
            )
        self._request = request
        self._asked: dict[Source, Paths] = {}
        self._sources: dict[Source, None] = {}
        self._unknowns: dict[Unknown, None] = {}
        self._arrivals: dict[int, Arrivals] = {}
        if request.dockerfile is None:
            return
        for need in needs_of(request).values():
            of_context = (source for source in need.sources if source.context == request.name)
            self._sources |= dict.fromkeys(of_context)
            self._unknowns |= dict.fromkeys(need.unknowns)
        for asked in asked_of(request):
            self._asked |= dict.fromkeys(asked.sources, asked.paths)

    def check(self, wanted: str) -> list[SourceCheck]:
        """Return what becomes of a source as written, or of those on a line of the Dockerfile.

        What no instruction takes is checked as if `COPY` took it, with no `line`.
        """
        if re.fullmatch("[0-9]{1,9}", wanted):
            found = self._on_line(int(wanted))
        else:
            path = path_from_root(wanted)[1:] or "."
            taken = [source for source in self._sources if _is_taken(source)]
            found = [source for source in taken if source.source == wanted]
            found = found or [source for source in taken if source.path == path]
            found = found or [Source("COPY", 0, "", wanted, path, "copy")]
        return [self._checked(source) for source in found]

    def failing(self, source: Source) -> SourceCheck | None:
        """Return what becomes of a source of the Dockerfile on which the build fails; else None.

        What wildcards match is not counted.
        """
        if not _is_taken(source):
            return None
        arrivals = self._arrivals_of(source)
        check: SourceCheck | None
        if source.parents is None and source.kind != "bind" and _has_wildcards(source):
            base, matching = arrivals.matching(source.path)
            if arrivals.follow(base)[1]:
                check = self._misled(source, matching, arrivals, 1)
            else:
                check = self._missing(source, base, arrivals, 0)
        else:
            check = self._checked(source)
        return None if check is None or check.found else check

    def older_link(self, source: Source) -> str:
        """Return the symlink on which `older` releases of the builder fail, "" for none.

        They follow each one below what wildcards match.
        """
        if self._request.builder.older is None:
            return ""
        if source.kind == "bind" or source.parents is not None or not _has_wildcards(source):
            return ""
        arrivals = self._arrivals_of(source)
        found = (
            link
            for path in arrivals.matching(source.path)[1]
            if not arrivals.is_link(path)
            for link in arrivals.links(path)
        )
        return next((link for link in found if not arrivals.follow(link)[1]), "")

    def _on_line(self, number: int) -> list[Source]:
        """Return the sources of the instruction on a line; none if this build uses none there."""
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
        line = instruction.line
        return [each for each in self._by_line.get(line, ()) if _is_taken(each)]

    @cached_property
    def _by_line(self) -> dict[int, list[Source]]:
        found: dict[int, list[Source]] = {}
        for each in self._sources:
            found.setdefault(each.line, []).append(each)
        return found

    @cached_property
    def _lines(self) -> list[int]:
        return [each.line for each in self._request.plan.dockerfile.instructions]

    def _instruction(self, number: int) -> Instruction | None:
        instructions = self._request.plan.dockerfile.instructions
        at = bisect_right(self._lines, number) - 1
        return instructions[at] if at >= 0 and number <= instructions[at].end_line else None

    def _checked(self, source: Source) -> SourceCheck:
        arrivals = self._arrivals_of(source)
        if source.parents is not None:
            return self._with_parents(source, source.parents, arrivals)
        if source.kind != "bind" and _has_wildcards(source):
            return self._with_wildcards(source, arrivals)
        if source.path == "." and source.excludes:
            misled = self._misled(source, self._found_in_root(source), arrivals)
            if misled is not None:
                return misled
        at, arrives = arrivals.follow(source.path)
        if self._brief:
            return self._made(source, Fate.FOUND if arrives else Fate.ABSENT, at)
        return (
            self._made(source, Fate.FOUND, at) if arrives else self._missing(source, at, arrivals)
        )

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

    def _with_parents(
        self, source: Source, parents: tuple[str, str], arrivals: Arrivals
    ) -> SourceCheck:
        base, pattern = parents
        check_parents(self._request, base, pattern)
        wild = _is_pattern(base)
        bases = arrivals.matching(base)[1] if wild else [base]
        if not wild:
            at, arrives = arrivals.follow(base)
            if not _is_pattern(pattern):
                path = pattern if at == "." else f"{at}/{pattern}"
                if arrivals.holds(path):
                    return self._made(source, Fate.FOUND, path)
                check = self._missing(source, path, arrivals)
                return replace(check, notes=(*check.notes, *_links(self._request, path), OLDER))
            if not arrives:
                return self._missing(source, at, arrivals)
            bases = [at]
        if self._brief:
            return self._made(source, Fate.NO_MATCH, source.path)
        found = [path for each in bases for path in matching_parents(self._request, each, pattern)]
        arriving = [path for path in found if arrivals.holds(path)]
        hidden = [explain(self._request, path) for path in found if path not in set(arriving)]
        fate = Fate.FOUND if arriving else Fate.NO_MATCH
        ignored = tuple(each for each in hidden if each.verdict.ignored)
        return self._made(source, fate, source.path, matches=len(arriving), hidden=ignored)

    def _with_wildcards(self, source: Source, arrivals: Arrivals) -> SourceCheck:
        base, matching = arrivals.matching(source.path)
        arriving = [path for path in matching if arrivals.holds(path)]
        hidden = tuple(
            explained
            for explained in (explain(self._request, path) for path in matching)
            if explained.verdict.ignored and explained.path not in arriving
        )
        if not arrivals.follow(base)[1]:
            check = self._missing(source, base, arrivals, 0)
            return replace(check, hidden=hidden) if check.fate is Fate.NOT_ASKED else check
        misled = self._misled(source, arriving, arrivals, len(arriving))
        if misled is not None:
            return misled
        fate = Fate.FOUND if arriving else Fate.NO_MATCH
        check = self._made(source, fate, source.path, matches=len(arriving), hidden=hidden)
        older = "" if self._brief else self.older_link(source)
        return replace(check, notes=(*check.notes, self.older_fails(older))) if older else check

    def older_fails(self, link: str) -> str:
        """Return what the `older` releases of the builder do at `link`, an `older_link`."""
        return (
            f"{self._request.builder.older} fails here: it follows the symlink {link}, "
            "which leads to nothing that is sent"
        )

    def _misled(
        self,
        source: Source,
        paths: Iterable[str],
        arrivals: Arrivals,
        matches: int | None = None,
    ) -> SourceCheck | None:
        """Return what becomes of the first of `paths` that is a symlink and leads to nothing sent.

        The builder follows what a source finds by itself, and no symlink below that.
        """
        for path in paths:
            if arrivals.is_link(path) and arrivals.holds(path):
                end, arrives = arrivals.follow(path)
                if not arrives:
                    return self._missing(source, end, arrivals, matches)
        return None

    def _found_in_root(self, source: Source) -> Iterator[str]:
        """Yield the top entries that `COPY --exclude` of the whole context finds, one by one.

        Behaviour: moby/buildkit (`contenthash`), which has no header for the root.
        """
        excluded = include_spec(source.excludes)
        for name in names_in(self._request.root):
            if excluded.step(name).ignored:
                yield name

    def _missing(
        self, source: Source, at: str, arrivals: Arrivals, matches: int | None = None
    ) -> SourceCheck:
        explained = explain(self._request, at)
        if explained.not_there is not None:
            return self._made(source, Fate.ABSENT, at, matches=matches)
        if not explained.verdict.ignored:
            fate = Fate.LOOP if arrivals.holds(at) else Fate.NOT_ASKED
            return self._made(source, fate, at, matches=matches)
        return self._made(source, Fate.IGNORED, at, matches=matches, hidden=(explained,))

    def _made(
        self,
        source: Source,
        fate: Fate,
        at: str,
        *,
        matches: int | None = None,
        hidden: tuple[Explanation, ...] = (),
    ) -> SourceCheck:
        notes = [] if self._brief else self._notes(source, fate, at, hidden)
        line, written = source.line or None, source.source
        return SourceCheck(
            source.instruction,
            line,
            written,
            source.path,
            fate,
            at,
            matches,
            hidden,
            tuple(notes),
            self._request.name,
        )

    def _notes(
        self, source: Source, fate: Fate, at: str, hidden: tuple[Explanation, ...]
    ) -> list[str]:
        notes = [*self._variables(source)]
        if fate is not Fate.FOUND:
            notes += _clamped(self._request, source)
        if fate is not Fate.FOUND and source.kind == "bind" and _has_wildcards(source):
            notes.append("a mount knows no wildcards: its source is the name as it is written")
        if fate in (Fate.ABSENT, Fate.NO_MATCH) and not hidden:
            notes += _nearest(self._request, at)
        return notes

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


def _is_taken(source: Source) -> bool:
    return source.kind in _TAKING


def _may_take(instruction: Instruction) -> bool:
    """Return whether the instruction, or its trigger, names sources that are looked up."""
    doing = instruction.trigger or instruction
    return doing.keyword in ("COPY", "ADD") or any(doing.flag_values("mount"))


def _has_wildcards(source: Source) -> bool:
    return _is_pattern(source.path)


def _is_pattern(path: str) -> bool:
    return any(map(has_wildcards, path.split("/")))


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
        found = os.path.join(directory, name)
        yield f"there is {found}" + (": upper and lower case count" if same else "")
