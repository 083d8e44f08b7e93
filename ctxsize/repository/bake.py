"""Builds of Bake files: the files that are read together, and the builds of their targets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from os.path import basename, dirname, exists, isdir, join, realpath, relpath

from ctxsize.build import Build, inline_of, is_reference, placed, with_paths
from ctxsize.hidden import made_of
from ctxsize.reader import holds
from ctxsize.repository import bakefile, compose
from ctxsize.repository.bakefile import BakeFile, BakeObject
from ctxsize.repository.found_builds import Place
from ctxsize.repository.projects import NAMES
from ctxsize.repository.search import LARGEST_BYTES, Search, by_directory, shortened
from ctxsize.values import Value

WANTED = re.compile(
    r"(?s:.*/)?"
    r"(?=[\w.\-]*\.(?:hcl|json)\Z)"  # the end of the name is looked at once
    r"(?:.*[.\-_])?bake(?:[.\-_].+)?"
    r"\.(?:hcl|json)",
    re.IGNORECASE,
).fullmatch
"""Matches the path of a file with definitions of Bake."""
_MOST_BYTES = 100_000  # of the largest HCL file: python-hcl2 needs 40 s for a megabyte
_MOST_NAMED = 5
_FILE_RELATIVE = "BUILDX_BAKE_FILE_RELATIVE_PATHS"  # a variable of buildx 0.36 and later
_WORKING = "cwd://"  # begins a path that is relative to the directory where Bake runs
_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # the words of `strconv.ParseBool`
_SAVE = "save the output of `docker buildx bake --print` as bake.json beside this file"


class _Project(Value):
    """Files that Bake reads together."""

    bake: BakeFile
    path: str  # of the last one
    is_saved: bool  # True if it may be what `bake --print` printed of others


def collect(search: Search) -> None:
    """Add the builds of every Bake file."""
    known = {*search.paths}
    for directory, names in by_directory(filter(WANTED, search.paths)):
        usual = [name for name in bakefile.DEFAULTS if name in names]
        projects = []
        if usual:
            # Bake reads Compose files too if it gets no `-f`; its `defaultFilenames` has the four
            # usual names, and no overrides.
            beside = [join(directory, name) for name in NAMES]
            beside = [path for path in beside if path in known]
            projects.append(_project(search, directory, usual, beside))
        for name in names:
            if name not in usual:
                projects.append(_project(search, directory, names=[name], beside=[]))
        _add_projects(search, projects)


def _add_projects(search: Search, projects: Sequence[_Project]) -> None:
    """Add the builds of the projects of one directory."""
    saved = set[str]()  # targets and groups that are saved too
    for project in projects:
        if project.is_saved:
            saved.update(project.bake.targets, project.bake.groups)
    for project in projects:
        with search.reading(project.path):
            _add_targets(search, project, saved)


def _project(search: Search, directory: str, names: list[str], beside: list[str]) -> _Project:
    """Read Bake files together, over the Compose files `beside` them."""
    bake = BakeFile(search.environment)
    files = [join(directory, name) for name in names]
    if beside:
        with search.reading(files[0]):
            _add_services(bake, search, directory, beside)
    is_saved = False
    for path in files:
        with search.reading(path):
            is_saved = _add_file(bake, search, path)
    return _Project(bake, files[-1], is_saved)


def _add_services(bake: BakeFile, search: Search, directory: str, paths: list[str]) -> None:
    """Add the targets that Bake makes of the services in Compose files."""
    # `projects.collect` reports the problems of these files and adds other services.
    services = compose.ComposeReader(replace(search, problems={})).builds(paths)
    for service_name, service in services.items():
        name = compose.bake_name(service_name)
        bake.targets[name] = _target_of(service.baked or service.build, directory)
        if service.baked:
            bake.places[name] = service.where


def _target_of(build: Build, directory: str) -> BakeObject:
    """Return the target that Bake makes of a service in a Compose file in `directory`."""
    relative = partial(relpath, start=directory or ".")
    context = build.context
    if not is_reference(context):
        context = made_of(relative, context)
    body: BakeObject = {
        "context": context,
        "dockerfile": made_of(relpath, build.dockerfile or "", build.context),
        "dockerfile-inline": inline_of(build),
        "target": build.target,
        "args": {**build.build_arguments},
        "contexts": {**with_paths(build.build_contexts, relative)},
        "platforms": [*build.platforms],
    }
    return {key: bakefile.literal(attribute) for key, attribute in body.items() if attribute}


def _add_file(bake: BakeFile, search: Search, path: str) -> bool:
    """Add a file, and return whether it may be saved output of `bake --print`."""
    is_hcl = path.lower().endswith(".hcl")
    most = LARGEST_BYTES
    read_document = bakefile.read_json
    if is_hcl:
        most = _MOST_BYTES
        read_document = bakefile.read_hcl
    text = search.read(path, most)
    if text is None:
        return False
    document = read_document(text)
    is_usual = is_hcl or basename(path) in bakefile.DEFAULTS
    is_printed = not is_usual and document.keys() <= {"group", "target"}
    if is_printed:
        document = {key: bakefile.literal(block) for key, block in document.items()}
    bake.add(document, search.shown(path), text)
    return is_printed


def _add_targets(search: Search, project: _Project, saved: set[str]) -> None:
    """Add the builds of targets, and report those that need more, except `saved` ones."""
    bake = project.bake
    directory = dirname(project.path)
    builds = bake.builds()
    unknown = [name for name in bake.unknown if project.is_saved or name not in saved]
    names = [name for name in builds if name not in bake.unknown]
    if unknown:
        names += [name for name in builds if name in unknown]
        _report_unknown(bake, search, unknown)
        # A target without a build may build a Dockerfile whose context ctxsize guesses.
        if not builds.keys() >= {*unknown}:
            search.is_open = True
        for name in unknown:
            if name not in builds:
                _bind(bake, search, directory, name)
    elsewhere = {}  # what Bake builds of some targets if it runs elsewhere
    for name in names:
        assumed, *others = _possible_builds(search, directory, builds[name])
        search.add(Place("bake", name, bake.places[name]), assumed)
        if others:
            elsewhere[name] = others[0]
    if elsewhere:
        assumed_start = search.shown(directory)
        possible_start = search.shown("")
        first, *_ = elsewhere
        context = search.shown(elsewhere[first].context)
        targets = ", ".join(shortened([*elsewhere], 1))
        search.complain(
            "bake",
            message=f"ctxsize assumes that Bake runs in {assumed_start}. In {possible_start} "
            f"it would build other contexts ({context} for {targets}): "
            f"set {_FILE_RELATIVE}=1 to rule that out",
            where=bake.places[first],
        )


def _bind(bake: BakeFile, search: Search, directory: str, name: str) -> None:
    """Keep the Dockerfile of an unknown target from being guessed with another context."""
    known = bake.dockerfile_of(name)
    if known is None:
        return
    for candidate in _possible_builds(search, directory, known):
        path = realpath(search.shown(candidate.dockerfile or ""))
        search.elsewhere[path] = (
            f"the target {name} of {bake.places[name]} builds it, which ctxsize cannot evaluate, "
            "so no context is guessed"
        )


def _report_unknown(bake: BakeFile, search: Search, targets: list[str]) -> None:
    what = "target"
    if len(targets) > 1:
        what = "targets"
    names = ", ".join(shortened(targets, _MOST_NAMED))
    search.complain(
        "bake",
        message=f"ctxsize cannot evaluate the {what} {names}: {_SAVE}",
        where=bake.places[targets[0]],
    )


def _possible_builds(search: Search, directory: str, build: Build) -> list[Build]:
    """Return what Bake may build, with paths relative to the root, the assumed one first."""
    # Bake runs in the directory of the file, where it finds that without `-f`, or in the root.
    starts = [directory, ""]
    is_relative = search.environment.get(_FILE_RELATIVE, "").strip() in _TRUE
    if is_relative:
        if build.context.startswith(_WORKING):
            starts = ["", directory]
        else:
            starts = [directory]
    by_context = {}
    for start in starts:
        candidate = _build_from(start, build)
        by_context[candidate.context] = candidate
    candidates = [*by_context.values()]
    existing = [candidate for candidate in candidates if _is_there(search, candidate)]
    if not existing or is_relative or build.dockerfile_inline is not None:
        return (existing or candidates)[:1]
    return existing


def _build_from(start: str, build: Build) -> Build:
    """Return a build with its paths, which are relative to `start`, relative to the root."""
    context = made_of(_without_prefix, build.context) or "."
    if is_reference(context):
        return build
    context = made_of(join, start, context)
    dockerfile = build.dockerfile
    if build.dockerfile_inline is None:
        dockerfile = made_of(join, context, dockerfile or "Dockerfile")
    contexts = with_paths(build.build_contexts, _without_prefix)
    return replace(
        build,
        context=context,
        dockerfile=dockerfile,
        build_contexts=placed(contexts, start),
    )


def _without_prefix(path: str) -> str:
    return path.removeprefix(_WORKING)


def _is_there(search: Search, build: Build) -> bool:
    context = search.shown(build.context)
    if not isdir(context) or not holds(search.border, context):
        return False
    if build.dockerfile_inline is not None:
        return True
    return exists(search.shown(build.dockerfile or ""))
