"""Find the builds of a repository: those that files define, and guesses for other Dockerfiles.

`discover` reads names and small files, and runs only git. A file that cannot be understood gives a
`Problem`, and the search continues.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ctxsize.build import Build
from ctxsize.dockerfile.context_need import context_need
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.plan import ParsedDockerfile, ParsedDockerfiles
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Finding, Location
from ctxsize.knowledge.rules import table
from ctxsize.model import Problem
from ctxsize.repository import bake, calls, commands, compose, described
from ctxsize.repository.recognisers import FileKind, sources
from ctxsize.repository.search import FoundBuild, Place, Search, shortened

_MOST_NAMED = 3
_TO_BE_FILLED_IN = (b"{{", b"{%", b"<%", b"@@")


_READERS: dict[str, Callable[[Search, str, str, FileKind], None]] = {
    **dict.fromkeys(("script", "make", "just", "strings"), commands.add_commands),
    "document": described.add_document,
    "quadlet": described.add_unit,
    "calls": calls.add_calls,
}
"""Functions that add the builds of a file, by the `reader` of its row."""


@dataclass(frozen=True)
class Discovery:
    """All builds of a repository that its files define."""

    root: str
    builds: tuple[FoundBuild, ...] = ()  # inside, by context, Dockerfile and target
    outside: tuple[FoundBuild, ...] = ()  # with context or Dockerfile outside the repository
    dockerfiles: tuple[str, ...] = ()  # every one in the tree, whether a build reads it or not
    ignore_files: tuple[str, ...] = ()  # every one in the tree, whether a build reads it or not
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()  # of reading files; their builds may be missing
    parsed_files: ParsedDockerfiles = field(
        default_factory=ParsedDockerfiles, compare=False, repr=False
    )  # parsed on the way


def discover(
    root: str = ".",
    *,
    environment: Mapping[str, str] | None = None,
    parsed_files: ParsedDockerfiles | None = None,
    everywhere: bool = False,
) -> Discovery:
    """Return every build that the files below `root` define; equal ones are one.

    `everywhere` includes dependencies, worktrees, and what git ignores.

    `environment` has the variables that Compose and Bake files see besides `.env`; none by
    default. A Dockerfile without a build gets a guessed context: the nearest directory that
    contains its sources. Builds outside the repository are listed apart. `plans` caches parsed
    Dockerfiles. Raises `InputError` if `root` is no directory.
    """
    search = Search(root, environment or {}, parsed_files or ParsedDockerfiles())
    search.list_files(_is_wanted, everywhere=everywhere)
    builds = _found(search)
    inside = tuple(each for each in builds if not each.outside)
    outside = tuple(each for each in builds if each.outside)
    for each in outside:
        search.complain("outside", each.outside, each.where)
    files, ignore_files = (
        tuple(map(search.shown, filter(is_kind, search.paths)))
        for is_kind in (is_dockerfile, is_ignore_file)
    )
    problems = tuple(sorted(search.problems, key=lambda each: (each.path or "", each.line or 0)))
    findings = tuple(search.findings)
    return Discovery(
        root, inside, outside, files, ignore_files, findings, problems, search.parsed_files
    )


def _found(search: Search) -> tuple[FoundBuild, ...]:
    for is_wanted, collect in ((compose.WANTED, compose.collect), (bake.WANTED, bake.collect)):
        collect(search, [*filter(is_wanted, search.paths)])
    for expression, source in sources():
        for path in filter(expression.fullmatch, search.paths):
            text = search.read(path)
            with search.reading(path):
                if text is not None:
                    _READERS[source.reader](search, path, text, source)
    used = {each.dockerfile for each in search.builds}
    for path in filter(is_dockerfile, search.paths):
        where = Location(search.shown(path))
        if os.path.realpath(where.path) in used or not os.path.isfile(where.path):
            continue
        parsed = search.dockerfile(path)
        context = os.path.dirname(path)
        try:
            if parsed is None:
                context = context
            else:
                context = _context_of(search, context, parsed)
            search.add(Place("dockerfile", "", where), Build(context, path), guessed=True)
        except DockerfileError as error:
            if parsed is not None and not any(mark in parsed.data for mark in _TO_BE_FILLED_IN):
                at = replace(where, line=error.line)
                search.complain("dockerfile", error.message, at, fails=True)
    return merged(search.builds)


def _context_of(search: Search, directory: str, parsed: ParsedDockerfile) -> str:
    """Return the nearest directory from this one upward that has all sources, else this one."""
    try:
        need = context_need(parsed.dockerfile)
    except UndecidedError:  # it may lack only a build argument
        return directory
    doubtful = {unknown.line for unknown in need.unknowns}
    named = (each.path for each in need.sources if each.line not in doubtful and not each.context)
    wanted = [path for path in named if path != "." and not {*"*?["} & {*path}]
    candidate = directory
    while not all(os.path.lexists(search.shown(os.path.join(candidate, e))) for e in wanted):
        if not candidate:
            return directory
        candidate = os.path.dirname(candidate)
    return candidate


def merged(builds: Iterable[FoundBuild]) -> tuple[FoundBuild, ...]:
    """Return `builds` in order, equal ones merged with the places and platforms of all."""
    found: dict[tuple[str, ...], list[FoundBuild]] = {}
    for each in builds:
        build = each.build
        # Texts are compared by their values, also hidden ones.
        arguments = _pairs_of(build.build_arguments)
        contexts = _pairs_of(build.build_contexts)
        named = (build.context, build.dockerfile or "", str(build.target), arguments)
        others = (contexts, repr(build.dockerfile_inline), build.builder)
        found.setdefault((*named, *others), []).append(each)
    made: list[FoundBuild] = []
    for _, equal in sorted(found.items(), key=lambda item: item[0][:4]):
        platforms = dict.fromkeys(e for each in equal for e in each.build.platforms)
        build = replace(equal[0].build, platforms=tuple(platforms))
        places = dict.fromkeys(place for each in equal for place in each.places)
        guessed = all(each.guessed for each in equal)
        made.append(replace(equal[0], build=build, places=tuple(places), guessed=guessed))
    return tuple(made)


def _pairs_of(values: Mapping[str, str]) -> str:
    return repr(sorted((str(name), str(value)) for name, value in values.items()))


def _is_wanted(path: str) -> bool:
    wanted = (compose.WANTED, bake.WANTED, *(expression.fullmatch for expression, _ in sources()))
    has_builds = any(is_wanted(path) for is_wanted in wanted)
    return has_builds or is_dockerfile(path) or is_ignore_file(path)


def what_to_type(context: str, paths: Iterable[str]) -> str | None:
    """Return the arguments to type for the builds that files at `paths` define, None for none."""
    found = _found(Search(context, paths=sorted(paths)))
    typed: dict[str, str] = {}
    for each in sorted(found, key=lambda each: each.guessed):
        if each.inline is None:
            if each.guessed:
                place = ""
            else:
                place = f" ({each.where})"
            typed.setdefault(" ".join(_words(each, context)), place)
    shown = [f"{words}{place}" for words, place in typed.items()]
    return ", or ".join(shortened(shown, _MOST_NAMED)) or None


def _words(found: FoundBuild, context: str) -> Iterator[str]:
    build = found.build
    directory, name = os.path.split(build.dockerfile or "")
    here = os.path.realpath(build.context) == os.path.realpath(context)
    if found.guessed and os.path.basename(directory).lower() in table("builds.toml")["shared"]:
        here = True
    own = not here and os.path.realpath(directory) == os.path.realpath(build.context)
    if name and not (own and name in ("Dockerfile", "dockerfile")):
        yield f"-f {shlex.quote(str(build.dockerfile))}"
    yield shlex.quote(os.path.normpath(context if here else build.context))
    if build.target:
        yield f"--target {shlex.quote(build.target)}"


__all__ = ["Discovery", "FoundBuild", "Place", "discover", "merged", "what_to_type"]
