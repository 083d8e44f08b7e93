"""Builds of Bake files: the files that are read together, and the builds of their targets."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from ctxsize.build import Build, is_reference, placed
from ctxsize.discovery import asking, compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Body,
    literal,
    read_hcl,
    read_json,
)
from ctxsize.discovery.search import Place, Search, by_directory, shortened
from ctxsize.findings import Location
from ctxsize.reader import holds

# `defaultFilenames` of buildx: Bake reads all that exist, in this order. Up to buildx 0.13, files
# in HCL came after all in JSON.
_DEFAULTS = (
    *("docker-bake.json", "docker-bake.hcl"),
    *("docker-bake.override.json", "docker-bake.override.hcl"),
)
WANTED = re.compile(r"(?s:.*/)?(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.I)
"""The paths of Bake files, by their names."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest HCL file: python-hcl2 needs 40 s for a megabyte."""
_MOST_NAMED = 5


def collect(search: Search, paths: list[str]) -> None:
    """Add the builds of every Bake file."""
    projects: dict[tuple[str, ...], tuple[BakeFile, list[str]]] = {}
    saved: dict[tuple[str, ...], set[str]] = {}
    """The names of targets and groups in files that `bake --print` may have made."""
    for directory, names in by_directory(paths):
        usual = [name for name in _DEFAULTS if name in names]
        for each in filter(None, (usual, *([name] for name in names if name not in _DEFAULTS))):
            project = tuple(os.path.join(directory, name) for name in each)
            bake = BakeFile(search.environment)
            beside = _compose_files(search, directory) if each is usual else []
            projects[project] = bake, [*beside, *project]
            with search.reading(project[0]):
                if beside:
                    _add_services(bake, search, directory, beside)
                if [_added(bake, search, path) for path in project] == [True]:
                    saved[project] = {*bake.targets, *bake.groups}
    for project, (bake, files) in projects.items():
        directory = os.path.dirname(project[0])
        known = {
            name
            for (path, *_), names in saved.items()
            if path != project[0] and os.path.dirname(path) in (directory, "")
            for name in names
        }
        with search.reading(project[0]):
            _add_targets(bake, search, directory, files, known)


def _compose_files(search: Search, directory: str) -> list[str]:
    """Return the Compose files of a directory, which Bake reads too if it gets no `-f`."""
    # `defaultFilenames` has all four names, and no overrides.
    usual = (os.path.join(directory, name) for name in compose.NAMES)
    return [path for path in usual if path in search.paths]


def _add_services(bake: BakeFile, search: Search, directory: str, files: list[str]) -> None:
    """Add the services of Compose files as targets."""
    # `compose.collect` reports the problems of these files.
    reader = compose.ComposeReader(replace(search, problems={}))
    for name, (_, build) in reader.builds(files).items():
        bake.hidden = build.hidden
        args: Body = {**build.build_arguments}
        body: Body = {"target": build.target, "args": args, "platforms": [*build.platforms]}
        if not is_reference(build.context):
            body["context"] = os.path.relpath(build.context, directory or ".")
        if build.dockerfile_inline is not None:
            body["dockerfile-inline"] = build.dockerfile_inline.decode()
        else:
            body["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
        # Bake replaces dots in the names of targets (`sanitizeTargetName` of buildx).
        known = {key: literal(each) for key, each in body.items() if each}
        bake.targets[name.replace(".", "_")] = known


def _added(bake: BakeFile, search: Search, path: str) -> bool:
    """Add a file, and return whether it may be saved output of `bake --print`."""
    is_hcl = path.lower().endswith(".hcl")
    text = search.read(path, _MOST_BYTES) if is_hcl else search.read(path)
    try:
        document = {} if text is None else read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        where = Location(search.shown(path), error.line)
        search.complain("bake", f"not read: {error.message}", where)
        return False
    usual = os.path.basename(path) in _DEFAULTS
    is_printed = not (is_hcl or usual) and document.keys() <= {"group", "target"}
    if is_printed:
        document = {key: literal(each) for key, each in document.items()}
    bake.add(document, search.shown(path), text or "")
    return is_printed


def _add_targets(
    bake: BakeFile, search: Search, directory: str, files: list[str], known: set[str]
) -> None:
    """Add the builds of targets, and report those that need more, except `known` ones."""
    builds = bake.builds()
    unknown = [name for name in bake.unknown if name not in known]
    found = [(name, each) for name, each in builds.items() if name not in bake.unknown]
    try:
        found += asking.evaluated(search, directory, files, bake, unknown) if unknown else []
    except BakeError as error:
        found += [(name, each) for name, each in builds.items() if name in unknown]
        text = f"not evaluated: {', '.join(shortened(unknown, _MOST_NAMED))}. {error.message}"
        search.complain("bake", text, bake.places[unknown[0]])
        # A target without a build may build a Dockerfile whose context ctxsize guesses.
        search.is_open |= not builds.keys() >= {*unknown}
    for name, build in found:
        hidden = (*bake.hidden, *build.hidden)
        build = replace(_placed(search, directory, build), hidden=hidden)
        search.add(Place("bake", name, bake.places[name]), build)


def _placed(search: Search, directory: str, build: Build) -> Build:
    """Return a build with its paths relative to the root.

    Bake resolves paths against its working directory. Assume that this is the directory of the
    file, or the root if the context and the Dockerfile exist only there.
    """
    context, inline = build.context or ".", build.dockerfile_inline is not None
    if is_reference(context):
        return build
    dockerfile = "." if inline else os.path.join(context, build.dockerfile or "Dockerfile")
    for start in (directory, "", directory):
        here = search.shown(os.path.join(start, context))
        is_there = os.path.exists(search.shown(os.path.join(start, dockerfile)))
        if os.path.isdir(here) and is_there and holds(search.border, here):
            break
    return replace(
        build,
        context=os.path.join(start, context),
        dockerfile="-" if inline else os.path.join(start, dockerfile),
        build_contexts=placed(build.build_contexts, start),
    )
