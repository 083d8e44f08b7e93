"""Which Dockerfiles an ignore file governs: those of all builds with the context that it is for."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.build import Build
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.need import named_contexts, needs_of
from ctxsize.engine.request import Plans, Request, request_of
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
"""Directories whose Dockerfiles often build what lies elsewhere, mostly above."""

if TYPE_CHECKING:
    from ctxsize.discovery import FoundBuild


Discovering = Callable[[str, Plans], "tuple[FoundBuild, ...]"]
"""Says which builds the files below a directory tell of."""


def read_build_files(
    request: Request,
    tree: Tree,
    tracked: Tracked,
    also: Sequence[Build] = (),
    *,
    discovering: Discovering | None = None,
) -> BuildFiles:
    """Return the Dockerfiles of `request`: its own, and others that share the ignore file.

    `also` are further builds that share it. Who asks about several contexts of a
    repository has one function for `discovering`, which remembers.
    Raises what reading its own raises.
    """
    files = [*_dockerfiles(tree, tracked)]
    found = _Found([], [], [], [])
    if request.dockerfile is not None:
        # An ignore file of the Dockerfile is of no named context.
        names = ("",) if request.dockerfile_specific else _names(request, request.root)
        try:
            found.build_files.append(_build_file(request, request.dockerfile, names))
        except DockerfileError as error:
            error.path = request.dockerfile
            raise
    others = [(each.dockerfile or "Dockerfile", each, True) for each in also]
    # The ignore file of one Dockerfile governs no other build.
    if not request.dockerfile_specific:
        # Reports name paths as the user does: from the working directory, unless that is absolute.
        top = tracked.top if os.path.isabs(request.context) else os.path.relpath(tracked.top)
        builds = (discovering or discovered)(top, request.plans)
        others = [*_others(request, builds, files), *others]
    for path, build, asked_for in others:
        _read(found, request, tree, path, build, asked_for=asked_for)
    return BuildFiles(
        tuple(found.build_files),
        tuple(found.problems),
        frozenset(_own_files(request, tree, files)),
        tuple(found.elsewhere),
        tuple(found.undecided),
    )


class _Found(NamedTuple):
    """The Dockerfiles that were read so far, and those that could not be, see `BuildFiles`."""

    build_files: list[BuildFile]
    problems: list[Problem]
    elsewhere: list[tuple[str, str]]
    undecided: list[tuple[str, str]]


def _read(
    found: _Found, request: Request, tree: Tree, path: str, build: Build, *, asked_for: bool
) -> None:
    """Add the Dockerfile at `path` to what was found, or what is wrong with it."""
    data = b""
    try:
        other = request_of(build, request.builder, plans=request.plans)
        names = _names(other, request.root)
        if not names:
            return
        data = other.plan.data
        build_file = _build_file(other, path, names, asked_for=asked_for)
    except CtxsizeError as error:
        lead = "it is no Dockerfile that the builder accepts"
        if isinstance(error, UndecidedError):
            lead = "what it takes is not known"
            found.undecided.append((path, data.decode("utf-8", "replace")))
        message = f"{lead}: {build.masked(error.message)}"
        found.problems.append(Problem("unread-dockerfile", message, path=path))
        return
    home = "" if asked_for else _home_of(path, build_file.paths_here, tree)
    if home:
        found.elsewhere.append((path, home))
    else:
        found.build_files.append(build_file)


def _others(
    request: Request, found: tuple[FoundBuild, ...], files: list[str]
) -> Iterator[tuple[str, Build, bool]]:
    """Yield other builds that may share the ignore file, and whether something asks for them.

    A Dockerfile that something asks for has the contexts that are asked for, and no other.
    """
    asked = [each for each in found if not each.guessed]
    used = {
        os.path.realpath(each.build.dockerfile or os.path.join(each.build.context, "Dockerfile"))
        for each in asked
    }
    for path in files:
        full = os.path.join(request.root, path)
        if path != request.dockerfile_in_context and os.path.realpath(full) not in used:
            # The same context with its Dockerfile at `path`.
            path_here = os.path.join(request.context, path)
            same = replace(request.build, dockerfile=path_here, dockerfile_inline=None, target="")
            yield path, same, False
    for each in asked:
        directories = (each.build.context, *each.build.build_contexts.values())
        if request.root in map(os.path.realpath, directories):
            path = each.build.dockerfile or each.where.path
            yield path, replace(each.build, builder=request.build.builder), True


def discovered(top: str, plans: Plans) -> tuple[FoundBuild, ...]:
    """Return the builds that Compose, Bake, workflows, commands and Dockerfiles tell of.

    Their Dockerfiles may lie anywhere below `top`, they have arguments of their own, and the
    directory that is asked about may be one of their named contexts.
    """
    from ctxsize.discovery import discover

    try:
        return discover(top, plans=plans).builds
    except CtxsizeError:
        return ()


def _names(request: Request, root: str) -> tuple[str, ...]:
    """Return the names of the directory `root`, wherever the ignore file at its top governs it."""
    again = (each for each in named_contexts(request.build) if each.local)
    names = [each.name for each in again if os.path.realpath(each.value) == root]
    own = [""] if request.root == root and not request.dockerfile_specific else []
    return (*own, *names)


def _build_file(
    request: Request, path: str, names: tuple[str, ...], *, asked_for: bool = False
) -> BuildFile:
    request, _ = with_bases(request)
    needs_of(request)  # which knows whether another frontend may accept what is rejected here
    dockerfile = request.plan.dockerfile
    labels = [stage.name or str(stage.index) for stage in request.plan.dockerfile.stages]
    if len(labels) > _MOST_STAGES:
        raise UndecidedError(
            f"more than {_MOST_STAGES} stages: what a build of each of them takes is not followed",
            hint="ctxsize measure reads it",
        )
    needs = []
    for target in dict.fromkeys([request.build.target, "", *labels]):
        asked = replace(request, build=replace(request.build, target=target))
        try:
            needs += [(target, need) for need in needs_of(asked).values()]
        except DockerfileError:
            if target in ("", request.build.target):
                raise
    return BuildFile(request, path, dockerfile, tuple(needs), names, asked_for)


def _dockerfiles(tree: Tree, tracked: Tracked) -> Iterator[str]:
    found = 0
    pending = [tree.root]
    while pending and found < _MOST:
        held = pending.pop()
        for file in held.files:
            if is_dockerfile(file.name):
                found += 1
                yield held.prefix + file.name
        pending += (
            folder
            for folder in reversed(held.folders.values())
            if folder.name not in FETCHED and not tracked.ignores(folder.path)
        )


def _own_files(request: Request, tree: Tree, dockerfiles: list[str]) -> Iterator[str]:
    yield from dockerfiles
    for path in ("", *dockerfiles):
        for ending in _IGNORE_FILES:
            if tree.entry(path + ending) is not None:
                yield path + ending
    if request.dockerfile_in_context:
        yield request.dockerfile_in_context


def _home_of(dockerfile: str, named: Collection[str], tree: Tree) -> str:
    """Return the directory from which a Dockerfile that nothing asks for is built: `""` for here.

    That is one which holds more of the paths that it names than this one does; or as many, and a
    project lies there. Else it is here: to hide what a build needs is worse than a doubt.
    """
    found = {
        directory: sum(tree.find(directory, each) is not None for each in named)
        for directory in ("", *directories_above(dockerfile))
    }
    for directory in directories_above(dockerfile):
        more = found[directory] > found[""]
        if more or (found[directory] == found[""] and _is_project(directory, tree)):
            return directory
    return ""


def _is_project(directory: str, tree: Tree) -> bool:
    """Return whether something to build lies in a directory, and not only what builds need."""
    if any(map(is_build_input, tree.names(directory))):
        return True
    parts = directory.lower().split("/")
    if any(part in _SHARED or part.startswith(".") for part in parts):
        return False
    return not all(
        is_dockerfile(name) or is_ignore_file(name) or name.startswith("README")
        for name in tree.names(directory)
    )
