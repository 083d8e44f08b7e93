"""Builds of Bake files: the files that are read together, and the builds of their targets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ctxsize.build import Build, is_reference, placed
from ctxsize.discovery import compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Body,
    literal,
    read_hcl,
    read_json,
)
from ctxsize.discovery.search import Place, Search, by_directory, shortened
from ctxsize.engine.border import holds
from ctxsize.findings import Location

# `defaultFilenames` of buildx: Bake reads all that exist, in this order.
_DEFAULTS = (
    *("docker-bake.json", "docker-bake.override.json"),
    *("docker-bake.hcl", "docker-bake.override.hcl"),
)
WANTED = re.compile(r"(?s:.*/)?(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.I)
"""The paths of Bake files, by their names."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest HCL file: python-hcl2 needs 40 s for a megabyte."""
_MOST_NAMED = 5
_WAY_OUT = (
    "Save what `docker buildx bake --print` prints of these targets as bake.json beside this file"
)


@dataclass
class _Project:
    """Bake files of one directory that are read together; all paths are relative to the root."""

    directory: str
    paths: list[str]
    beside: list[str]
    """The Compose files that Bake reads before them."""
    bake: BakeFile
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of the variables in the Compose files, each with its name in braces."""
    is_printed: bool = False
    """True if it may be saved output of `bake --print`."""


def collect(search: Search, paths: list[str]) -> None:
    """Add the builds of every Bake file."""
    projects = [*_projects(search, paths)]
    for project in projects:
        with search.reading(project.paths[0]):
            _read_compose(project, search)
            for path in project.paths:
                _read(project, search, path)
    for project in projects:
        saved = {
            name
            for each in projects
            if each.is_printed and each is not project
            if each.directory in (project.directory, "")
            for name in (*each.bake.targets, *each.bake.groups)
        }
        with search.reading(project.paths[0]):
            _add_targets(project, search, saved)


def _projects(search: Search, paths: list[str]) -> Iterator[_Project]:
    """Yield the projects, of the files with default names or of one other file each."""
    for directory, names in by_directory(paths):
        if usual := [os.path.join(directory, name) for name in _DEFAULTS if name in names]:
            services = (os.path.join(directory, n) for n in (*compose.NAMES, *compose.OVERRIDES))
            beside = [path for path in services if path in search.paths]
            yield _Project(directory, usual, beside, BakeFile(search.environment))
        for name in names:
            if name not in _DEFAULTS:
                path = os.path.join(directory, name)
                yield _Project(directory, [path], [], BakeFile(search.environment))


def _read_compose(project: _Project, search: Search) -> None:
    """Add the services of the Compose files beside it as targets, as Bake does."""
    if not project.beside:
        return
    # `compose.collect` reports the problems of these files.
    reader = compose.ComposeReader(replace(search, problems={}))
    for name, (_, build) in reader.builds(project.beside).items():
        project.hidden = build.hidden
        args: Body = {**build.build_arguments}
        body: Body = {"target": build.target, "args": args, "platforms": [*build.platforms]}
        if not is_reference(build.context):
            body["context"] = os.path.relpath(build.context, project.directory or ".")
        if build.dockerfile_inline is not None:
            body["dockerfile-inline"] = build.dockerfile_inline.decode()
        else:
            body["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
        # Bake replaces dots in the names of targets (`sanitizeTargetName` of buildx).
        known = {key: literal(each) for key, each in body.items() if each}
        project.bake.targets[name.replace(".", "_")] = known


def _read(project: _Project, search: Search, path: str) -> None:
    is_hcl = path.lower().endswith(".hcl")
    text = search.read(path, _MOST_BYTES) if is_hcl else search.read(path)
    if text is None:
        return
    try:
        document = read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        where = Location(search.shown(path), error.line)
        search.complain("bake", f"not read: {error.message}", where)
        return
    usual = os.path.basename(path) in _DEFAULTS
    if not (is_hcl or usual) and document.keys() <= {"group", "target"}:
        project.is_printed = True
        document = {key: literal(each) for key, each in document.items()}
    project.bake.add(document, search.shown(path), text)


def _add_targets(project: _Project, search: Search, saved: set[str]) -> None:
    bake = project.bake
    builds = bake.builds()
    unknown = [name for name in bake.unknown if name not in saved]
    if unknown:
        text = f"not evaluated: {', '.join(shortened(unknown, _MOST_NAMED))}. {_WAY_OUT}"
        search.complain("bake", text, bake.places[unknown[0]])
        # A target without a build may build a Dockerfile whose context ctxsize guesses.
        search.is_open |= not builds.keys() >= {*unknown}
    for name in [name for name in builds if name not in saved or name not in bake.unknown]:
        hidden = (*project.hidden, *bake.hidden)
        build = replace(_placed(search, project, builds[name]), hidden=hidden)
        search.add(Place("bake", name, bake.places[name]), build)


def _placed(search: Search, project: _Project, build: Build) -> Build:
    """Return a build with its paths relative to the root.

    Bake resolves paths against its working directory. Assume that this is the directory of the
    file, or the root if the context and the Dockerfile exist only there.
    """
    context, inline = build.context or ".", build.dockerfile_inline is not None
    if is_reference(context):
        return build
    dockerfile = os.path.join(context, build.dockerfile or "Dockerfile")
    start = project.directory
    for each in (project.directory, ""):
        here = search.shown(os.path.join(each, context))
        is_there = inline or os.path.isfile(search.shown(os.path.join(each, dockerfile)))
        if os.path.isdir(here) and is_there and holds(search.border, here):
            start = each
            break
    return replace(
        build,
        context=os.path.join(start, context),
        dockerfile="-" if inline else os.path.join(start, dockerfile),
        build_contexts=placed(build.build_contexts, start),
    )
