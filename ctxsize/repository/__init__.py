"""Find the builds of a repository: those that files define, and guesses for other Dockerfiles.

`discover` reads names and small files, and runs only git. A file that cannot be understood gives a
`Problem`, and the search continues.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import chain, takewhile
from os.path import basename, dirname, isfile, normpath, realpath, relpath, split

from ctxsize.build import Build
from ctxsize.dockerfile.context_need import ContextNeed, context_need
from ctxsize.dockerfile.sources import TAKING, Source
from ctxsize.dockerfile.words import Variables
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.plan import ParsedDockerfile, ParsedDockerfiles
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import FrozenFindings, Location
from ctxsize.knowledge.rules import is_build_input, table
from ctxsize.model import Problem, Problems, Texts
from ctxsize.repository import bake, calls, commands, described, projects
from ctxsize.repository.commands import Ground, ground_of
from ctxsize.repository.found_builds import (
    USUAL_NAMES,
    ComposeMount,
    FileListing,
    FoundBuild,
    FoundBuilds,
    Grounds,
    Place,
    Stated,
)
from ctxsize.repository.naming import with_words
from ctxsize.repository.others import Others, is_template, with_problem
from ctxsize.repository.recognisers import file_kinds, kinds_by_beginning, may_define_builds
from ctxsize.repository.search import Search, shortened
from ctxsize.values import Value

_MOST_NAMED = 3
_ALL = (".", "*", "**")  # sources that any directory has
_MOST_SOURCES = 200  # number of sources of a Dockerfile that decide a guess
_WORDS = ("file", "ignore")
_ENDS = (
    *(".bash", ".build", ".gradle", ".gradle.kts", ".hcl", ".json", ".jsonc", ".just", ".mk"),
    *(".sh", ".toml", ".xml", ".yaml", ".yml"),
)
"""Each name of a file that may define builds contains one of `_WORDS` or ends with one of these."""

_READERS: dict[str, Callable[[Ground, str], None]] = {
    **dict.fromkeys(("script", "make", "just", "strings"), commands.add_commands),
    "document": described.add_document,
    "quadlet": described.add_unit,
    "calls": calls.add_calls,
}
"""Functions that add the builds of a file, by the `reader` of its row."""


class Discovery(Value):
    """All builds of a repository that its files define."""

    root: str
    builds: FoundBuilds = ()  # inside, by context, Dockerfile and target
    left_out: FoundBuilds = ()  # inside, but of fixtures, templates and vendored code alone
    others: Mapping[str, str] = field(default_factory=dict)
    """Dockerfiles that were left out: what each belongs to, such as `fixtures`, by its path."""
    outside: FoundBuilds = ()  # with context or Dockerfile outside the repository
    pristine: FoundBuilds = ()  # those of workflows of what git tracks, and nothing else
    dockerfiles: Texts = ()  # every one in the tree, whether a build reads it or not
    ignore_files: Texts = ()  # every one in the tree, read or not, but those left out, too
    findings: FrozenFindings = ()
    problems: Problems = ()  # of reading files; their builds may be missing
    mounts: tuple[ComposeMount, ...] = ()  # by Compose, with sources as the user would name them
    parsed_files: ParsedDockerfiles = field(
        default_factory=ParsedDockerfiles, compare=False, repr=False
    )  # parsed on the way
    listing: FileListing | None = field(default=None, compare=False, repr=False)


def discover(
    root: str = ".",
    *,
    environment: Variables | None = None,
    parsed_files: ParsedDockerfiles | None = None,
    everywhere: bool = False,
    listing: FileListing | None = None,
    guesses: bool = True,
) -> Discovery:
    """Return every build that the files below `root` define; equal ones are one.

    `everywhere` includes dependencies, worktrees, and what git ignores. A `listing` of `root` by
    another discovery is not made again; that one has reported its problems. Without `guesses`
    only builds that files define are returned.

    Builds that only fixtures, templates and vendored code define are `left_out`, and counted in one
    problem, unless `everywhere`.

    `environment` has the variables that Compose and Bake files see besides `.env`; none by
    default. A Dockerfile without a build gets a guessed context: the nearest directory that
    contains its sources. Builds outside the repository are listed apart. `parsed_files` caches
    parsed Dockerfiles. Raises `InputError` if `root` is not a directory.
    """
    search = Search(
        root, environment=environment or {}, parsed_files=parsed_files or ParsedDockerfiles()
    )
    if listing is not None and listing.is_about(root, everywhere=everywhere):
        search.paths += listing.paths
    else:
        listing = search.list_files(is_wanted, _begins_so, everywhere=everywhere)
    builds = _all_builds(search, guesses=guesses)
    others = Others(search)
    left_out: FoundBuilds = ()
    is_about_the_team = guesses and not everywhere
    if is_about_the_team:
        builds, left_out = others.split(builds)
    inside = []
    outside = []
    for build in builds:
        if build.outside:
            outside.append(build)
            search.complain("outside", build.outside, build.where)
        else:
            inside.append(build)
    inside = with_words(inside, search.parsed_files)
    if not everywhere:  # nobody here can state how those of others are built
        for build in inside:
            _note_guess(search, build)
    problems: list[Problem] = [*search.problems]
    ignore_files: Iterable[str] = filter(is_ignore_file, search.paths)
    if is_about_the_team:
        ignore_files = others.paths_of_ours(ignore_files, inside)
        problems = with_problem(others.without_problems(problems), others.left_out)
    return Discovery(
        root=root,
        builds=tuple(inside),
        left_out=left_out,
        others=others.left_out,
        outside=tuple(outside),
        pristine=tuple(search.pristine),
        dockerfiles=_shown_paths(search, filter(is_dockerfile, search.paths)),
        ignore_files=_shown_paths(search, ignore_files),
        findings=tuple(search.findings),
        problems=tuple(sorted(problems, key=_problem_order)),
        mounts=tuple(replace(mount, source=search.shown(mount.source)) for mount in search.mounts),
        parsed_files=search.parsed_files,
        listing=listing,
    )


def _shown_paths(search: Search, paths: Iterable[str]) -> Texts:
    return tuple(map(search.shown, paths))


def _problem_order(problem: Problem) -> tuple[str, int]:
    return problem.path or "", problem.line or 0


def _all_builds(search: Search, *, guesses: bool = True) -> FoundBuilds:
    """Return the builds that files define, and with `guesses` one for each other Dockerfile."""
    projects.collect(search)
    bake.collect(search)
    for kind in file_kinds():
        add_builds = _READERS[kind.reader]
        for path in filter(kind.pattern.fullmatch, search.paths):
            text = search.read(path)
            if text is None or not re.match(kind.begins, text):
                continue
            with search.reading(path):
                add_builds(ground_of(search, path, kind), text)
    if guesses:
        _add_guesses(search)
    return merged(search.builds)


def _add_guesses(search: Search) -> None:
    used = {build.dockerfile for build in search.builds}
    for path in filter(is_dockerfile, search.paths):
        full = search.shown(path)
        real = realpath(full)
        if real in used or not isfile(full):
            continue
        if real in search.elsewhere:
            search.complain("elsewhere", search.elsewhere[real], where=Location(full))
        else:
            _add_guess(search, path)


def _add_guess(search: Search, path: str) -> None:
    """Add a build for a Dockerfile that no file builds, with a guessed context."""
    where = Location(search.shown(path))
    parsed = search.dockerfile(path)
    stated = search.stated_of(path)
    context = dirname(path)
    grounds: Grounds = ""
    if parsed is not None:
        try:
            context, grounds = _guessed_context(search, context, parsed, stated)
        except DockerfileError as error:
            if is_template(parsed.data):
                search.templates[path] = "templates"
                return
            search.complain(
                "dockerfile",
                message=f"the build fails: {error.message}",
                where=replace(where, line=error.line),
                fails=True,
            )
            return
    build = Build(context, dockerfile=path)
    if stated and context == stated.context:
        search.add(stated.place, build)
        return
    if stated and grounds in ("", "missing"):
        message = f"{stated.place} builds it with {stated.what}, so no context is guessed"
        search.complain("elsewhere", message, where)
        return
    place = Place("dockerfile", name="", where=where)
    search.add(place, build, guessed=True, grounds=grounds)


def _guessed_context(
    search: Search, directory: str, parsed: ParsedDockerfile, stated: Stated | None
) -> tuple[str, Grounds]:
    """Return the directory with which a Dockerfile in `directory` is probably built, and why.

    From `directory` upward, that is the nearest one with most of what the Dockerfile names. If
    nothing of that exists, it is the usual one, which also goes first if the Dockerfile takes all
    of its context: `docker/Dockerfile` with `COPY . .` is about the project. What is `stated` goes
    before all of them.
    """
    usual = usual_context(directory)
    if stated and stated.context is not None:
        usual = stated.context
    try:
        need = context_need(parsed.dockerfile)
    except UndecidedError:  # it may lack only a build argument
        return usual, ""
    instructions = _sources_by_line(need).values()
    candidates = [*reversed(up_to(directory)), ""]
    takes_all = any(source.path in _ALL for sources in instructions for source in sources)
    if takes_all and not stated:
        usual = _project_around(search, directory)
    if takes_all or stated:
        candidates.insert(0, usual)
    groups = [*chain.from_iterable(map(_alternatives, instructions))]
    context = usual
    most = 0
    for candidate in dict.fromkeys(candidates):
        count = sum(any(search.finds(candidate, source) for source in group) for group in groups)
        if count > most:
            context = candidate
            most = count
    if most:
        return context, "named"
    if takes_all:
        return context, "all"
    if groups:
        return context, "missing"
    return context, ""


def _project_around(search: Search, directory: str) -> str:
    """Return the usual context in `directory` of a Dockerfile that takes all of it.

    Where nothing is but the Dockerfile, that is the nearest directory above with a manifest.
    """
    usual = usual_context(directory)
    if usual != directory or not directory:
        return usual
    if not all(map(_is_about_images, search.names_in(directory))):
        return usual
    for above in [*reversed(up_to(dirname(directory))), ""]:
        if any(map(is_build_input, search.names_in(above))):
            return above
    # `docker` of `docker/dev` has the Dockerfiles of the project above it.
    parent = dirname(directory)
    around = usual_context(parent)
    if around != parent:
        return around
    return directory


def _is_about_images(name: str) -> bool:
    return is_dockerfile(name) or is_ignore_file(name) or name.lower().endswith(".md")


def usual_context(directory: str) -> str:
    """Return the context of a Dockerfile in `directory` about whose sources nothing is known."""
    shared = table("builds.toml")["shared"]
    context = directory
    while True:
        end = f"/{context}".lower()
        matching = [path for path in shared if end.endswith(f"/{path}")]
        if not matching:
            return context
        for _ in matching[0].split("/"):
            context = dirname(context)


def _sources_by_line(need: ContextNeed) -> dict[int, list[Source]]:
    """Return known sources from the build context by their line; the first ones of very many."""
    doubtful = {unknown.line for unknown in need.unknowns}
    by_line = defaultdict(list)
    for source in need.sources[:_MOST_SOURCES]:
        if source.kind not in TAKING or source.context or source.line in doubtful:
            continue
        if source.parents is not None:
            # There `**` stands for any number of directories.
            parts = takewhile(lambda part: "**" not in part, source.path.split("/"))
            source = replace(source, path="/".join(parts) or ".")
        by_line[source.line].append(source)
    return by_line


def _alternatives(sources: Sequence[Source]) -> Iterator[Sequence[Source]]:
    """Yield groups of the sources of an instruction: the context should have one of each.

    Each source without wildcards is one. Wildcards often stand for what is optional, as in `COPY
    package.json yarn.lock* ./`, so that any source of the instruction is enough for them.
    """
    takes_all = False
    has_wildcards = False
    for source in sources:
        if source.path in _ALL:
            takes_all = True
        elif source.is_wild:
            has_wildcards = True
        else:
            yield [source]
    if has_wildcards and not takes_all:
        yield sources


def _note_guess(search: Search, found_build: FoundBuild) -> None:
    """Record that a context is a guess, unless it is the directory of the Dockerfile as usual."""
    build = found_build.build
    if not found_build.guessed or not build.dockerfile:
        return
    dockerfile = relpath(build.dockerfile, search.root)
    directory = dirname(dockerfile)
    context = relpath(build.context, search.root)
    is_here = normpath(directory) == context and usual_context(directory) == directory
    # Without `-f`, Docker finds no other name there; at the top, no other context is likely.
    is_usual = not directory or basename(dockerfile) in USUAL_NAMES
    if is_here and (is_usual or found_build.grounds == "named"):
        return
    command = shlex.join(["docker", "build", "-f", dockerfile, context])
    why = "no file here says with which context it is built"
    if search.unnamed:
        why = f"{search.unnamed.place} may build it with {search.unnamed.what}"
    stated = search.stated_of(dockerfile)
    if stated:
        why = f"{stated.place} builds it with {stated.what}"
    search.complain(
        "guess",
        f"{why}, so {build.context} is a guess; a line in a Makefile, a script or a workflow "
        f"states it: {command}",
        where=Location(build.dockerfile),
    )


def merged(builds: Iterable[FoundBuild]) -> FoundBuilds:
    """Return `builds` in order, equal ones merged with the places and platforms of all."""
    groups = defaultdict(list)
    for build in builds:
        alike = replace(build.build, platforms=())
        groups[alike.values].append(build)
    return tuple(sorted(map(_merge_equal, groups.values()), key=_build_order))


def _merge_equal(builds: Sequence[FoundBuild]) -> FoundBuild:
    """Return one build for several that differ in their platforms and places at most."""
    platforms = {}
    places = {}
    for build in builds:
        platforms.update(dict.fromkeys(build.build.platforms))
        places.update(dict.fromkeys(build.places))
    return replace(
        builds[0],
        build=replace(builds[0].build, platforms=tuple(platforms)),
        places=tuple(places),
        guessed=all(build.guessed for build in builds),
    )


def _build_order(found_build: FoundBuild) -> tuple[str, str, str, str]:
    """Return a sort key: texts are compared by their values, also hidden ones."""
    build = found_build.build
    arguments = sorted((str(name), str(text)) for name, text in build.build_arguments.items())
    return build.context, build.dockerfile or "", str(build.target), repr(arguments)


def is_wanted(path: str) -> bool:
    """Return whether the name of a file says that it may define builds, or what they stand on."""
    name = path.rpartition("/")[2]
    if name.isascii():  # of other letters some count as these
        # Most names are of no interest, and this is ten times as fast as the expressions.
        lower = name.lower()
        if not lower.endswith(_ENDS) and not any(word in lower for word in _WORDS):
            return False
    if projects.WANTED(name) or bake.WANTED(name):
        return True
    if is_dockerfile(name) or is_ignore_file(name):
        return True
    return may_define_builds(path)


def _begins_so(path: str, beginning: str) -> bool:
    """Return whether a file with such a beginning may define builds, whatever its name."""
    if projects.may_be_one(path, beginning):
        return True
    return any(
        kind.pattern.fullmatch(path) and re.match(kind.begins, beginning)
        for kind in kinds_by_beginning()
    )


def what_to_type(context: str, paths: Iterable[str]) -> str | None:
    """Return the arguments to type for the builds that files at `paths` define, None for none."""
    search = Search(context, paths=sorted(paths))
    builds, _ = Others(search).split(_all_builds(search))
    place_of: dict[str, str] = {}  # by arguments; those that a file defines come first
    for build in sorted(builds, key=lambda build: build.guessed):
        if build.inline is not None:
            continue
        place = ""
        if not build.guessed:
            place = f" ({build.where})"
        arguments = " ".join(_arguments(build, context))
        place_of.setdefault(arguments, place)
    choices = [f"{arguments}{place}" for arguments, place in place_of.items()]
    return ", or ".join(shortened(choices, _MOST_NAMED)) or None


def _arguments(found_build: FoundBuild, context: str) -> Iterator[str]:
    """Yield the words to type for a build, when `context` was named before."""
    build = found_build.build
    directory, name = split(build.dockerfile or "")
    real_context = realpath(build.context)
    is_here = real_context == realpath(context)
    has_usual_file = name in USUAL_NAMES
    if is_here or realpath(directory) != real_context:
        has_usual_file = False
    if name and not has_usual_file:
        yield f"-f {shlex.quote(str(build.dockerfile))}"
    if not is_here:
        context = build.context
    yield shlex.quote(normpath(context))
    if build.target:
        yield f"--target {shlex.quote(build.target)}"


__all__ = [
    "ComposeMount",
    "Discovery",
    "FileListing",
    "FoundBuild",
    "Place",
    "discover",
    "merged",
    "usual_context",
    "what_to_type",
    "with_problem",
]
