"""The Dockerfiles that an ignore file governs: those of all builds that use its context."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ctxsize.build import Build
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.need import named_contexts, needs_of
from ctxsize.engine.request import Plans, Request, request_of
from ctxsize.engine.source import MemoryDirectory
from ctxsize.errors import CtxsizeError, DockerfileError, UndecidedError
from ctxsize.model import Problem
from ctxsize.recommender.build_files import BuildFile, BuildFiles, with_bases
from ctxsize.recommender.evidence import Tracked
from ctxsize.recommender.rules import FETCHED, is_build_input
from ctxsize.recommender.tree import Tree, directories_above

_IGNORE_FILES = (".dockerignore", ".containerignore")
_MOST = 200
_MOST_STAGES = 500
_SHARED = frozenset(
    (
        *("docker", "dockerfiles", "container", "containers", "image", "images", "build", "infra"),
        *("builder", "deploy", "deployment", "ci", "ops", "k8s", "kubernetes", "package", "tools"),
        *("packaging", "release", "scripts", "hack", "dev", "test", "tests", "e2e", "config"),
        *("conf", "etc", "docs"),
    )
)
"""Names of directories whose Dockerfiles often build another directory, mostly one above."""

if TYPE_CHECKING:
    from ctxsize.discovery import FoundBuild


Discovering = Callable[[str, Plans], "tuple[FoundBuild, ...]"]
"""Return the builds that the files below a directory define."""


def read_build_files(
    request: Request,
    tree: Tree,
    tracked: Tracked,
    also: Sequence[Build] = (),
    *,
    discovering: Discovering | None = None,
) -> BuildFiles:
    """Return the Dockerfiles of `request`: its own, and others that share the ignore file.

    `also` are further builds that share it. For several contexts of a repository, `discovering`
    should be one function that caches. Raises `DockerfileError` for its own Dockerfile.
    """
    files = [*islice(_dockerfiles(tree, tracked), _MOST)]
    found = BuildFiles(frozenset(_own_files(request, tree, files)))
    if request.dockerfile is not None:
        # An ignore file of a Dockerfile does not apply to named contexts.
        names = ("",) if request.dockerfile_specific else _names(request, request.root)
        try:
            found.all.append(_build_file(request, request.dockerfile, names))
        except DockerfileError as error:
            error.path = request.dockerfile
            raise
    # The ignore file of one Dockerfile applies to no other build.
    if not request.dockerfile_specific:
        # Reports show paths as the user does: relative, unless the given context is absolute.
        top = tracked.top if os.path.isabs(request.context) else os.path.relpath(tracked.top)
        asked = [e for e in (discovering or discovered)(top, request.plans) if not e.guessed]
        for path, build in _unasked(request, asked, files):
            _read(found, request, path, build, tree)
        for each in asked:
            directories = (each.build.context, *each.build.build_contexts.values())
            if request.root in map(os.path.realpath, directories):
                path = each.build.dockerfile or each.where.path
                _read(found, request, path, replace(each.build, builder=request.build.builder))
    for further in also:
        _read(found, request, further.dockerfile or "Dockerfile", further)
    return found


def _read(
    found: BuildFiles, request: Request, path: str, build: Build, tree: Tree | None = None
) -> None:
    """Add the Dockerfile at `path` to `found`, or the problem with it.

    Without a `tree`, something in the repository requests the build.
    """
    data = b""
    try:
        other = request_of(build, request.builder, plans=request.plans)
        names = _names(other, request.root)
        if not names:
            return
        data = other.plan.data
        build_file = _build_file(other, path, names)
    except CtxsizeError as error:
        lead = "the builder rejects this Dockerfile"
        if isinstance(error, UndecidedError):
            lead = "its sources are unknown"
            found.undecided.append((path, data.decode("utf-8", "replace")))
        message = f"{lead}: {build.masked(error.message)}"
        found.problems.append(Problem("unread-dockerfile", message, path=path))
        return
    home = "" if tree is None else _home_of(path, build_file.paths_here, tree)
    if home:
        found.elsewhere.append((path, home))
    else:
        found.all.append(build_file)


def _unasked(
    request: Request, asked: Iterable[FoundBuild], files: Iterable[str]
) -> Iterator[tuple[str, Build]]:
    """Yield builds of the Dockerfiles at `files` that nothing requests, with the same context.

    A Dockerfile of a requested build is built only with the contexts of such builds.
    """
    written = (e.build.dockerfile or os.path.join(e.build.context, "Dockerfile") for e in asked)
    used = {*map(os.path.realpath, written)}
    for path in files:
        full = os.path.join(request.root, path)
        if path != request.dockerfile_in_context and os.path.realpath(full) not in used:
            here = os.path.join(request.context, path)
            yield path, replace(request.build, dockerfile=here, dockerfile_inline=None, target="")


def discovered(top: str, plans: Plans) -> tuple[FoundBuild, ...]:
    """Return the builds that Compose, Bake, workflows, commands and Dockerfiles define."""
    from ctxsize.discovery import discover

    try:
        return discover(top, plans=plans).builds
    except CtxsizeError:
        return ()


def _names(request: Request, root: str) -> tuple[str, ...]:
    """Return the names of the contexts of `request` that are `root` and use its ignore file."""
    again = (each for each in named_contexts(request.build) if each.local)
    names = [each.name for each in again if os.path.realpath(each.value) == root]
    own = [""] if request.root == root and not request.dockerfile_specific else []
    return (*own, *names)


def _build_file(request: Request, path: str, names: tuple[str, ...]) -> BuildFile:
    request, _ = with_bases(request)
    needs_of(request)  # raises `UndecidedError` if another frontend may accept a syntax error
    labels = [stage.name or str(stage.index) for stage in request.plan.dockerfile.stages]
    if len(labels) > _MOST_STAGES:
        raise UndecidedError(
            f"more than {_MOST_STAGES} stages: their sources are not evaluated",
            hint="ctxsize measure can read it",
        )
    needs = []
    for target in dict.fromkeys([request.build.target, "", *labels]):
        asked = replace(request, build=replace(request.build, target=target))
        try:
            needs += [(target, need) for need in needs_of(asked).values()]
        except DockerfileError:
            if target in ("", request.build.target):
                raise
    return BuildFile(request, path, tuple(needs), names)


def _dockerfiles(tree: Tree, tracked: Tracked) -> Iterator[str]:
    def enters(directory: MemoryDirectory) -> bool:
        return directory.name not in FETCHED and not tracked.ignores(directory.path)

    for held in tree.directories(enters):
        yield from (held.prefix + name for name in held.entries if is_dockerfile(name))


def _own_files(request: Request, tree: Tree, dockerfiles: list[str]) -> Iterator[str]:
    yield from dockerfiles
    for path in ("", *dockerfiles):
        for ending in _IGNORE_FILES:
            if tree.entry(path + ending) is not None:
                yield path + ending
    if request.dockerfile_in_context:
        yield request.dockerfile_in_context


def _home_of(dockerfile: str, named: Collection[str], tree: Tree) -> str:
    """Return the directory from which an unrequested Dockerfile is built; `""` for the context.

    That is a directory with more of the paths that it names than the context has, or a project
    with as many. Otherwise it is the context: to break a build is worse than to have a doubt.
    """

    def count(directory: str) -> int:
        return sum(tree.find(directory, each) is not None for each in named)

    for directory in directories_above(dockerfile):
        more = count(directory) - count("")
        if more > 0 or (more == 0 and _is_project(directory, tree)):
            return directory
    return ""


def _is_project(directory: str, tree: Tree) -> bool:
    """Return True if a directory contains something to build, and not only files for builds."""
    names = [*tree.names(directory)]
    shared = any(e in _SHARED or e.startswith(".") for e in directory.lower().split("/"))
    about_builds = (is_dockerfile(e) or is_ignore_file(e) or e.startswith("README") for e in names)
    return any(map(is_build_input, names)) or not (shared or all(about_builds))
