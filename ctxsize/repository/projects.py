"""Compose projects: which files Compose reads together. Their builds are those of `compose`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from os.path import dirname, isfile, join, relpath

from ctxsize.build import Build, joined, with_paths
from ctxsize.engine.evaluate import up_to
from ctxsize.hidden import made_of
from ctxsize.repository import bakefile, yaml
from ctxsize.repository.compose import ComposeReader, bake_name
from ctxsize.repository.found_builds import Place
from ctxsize.repository.recognisers import may_define_builds
from ctxsize.repository.search import NotReadError, Search, by_directory
from ctxsize.repository.yaml import YamlMapping, mapping_of

# The order of `DefaultFileNames` and `DefaultOverrideFileNames` of compose-go.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Default names of Compose files, first choice first."""
_ENDS = ("override.yml", "override.yaml")
OVERRIDES = tuple(f"{name}.{end}" for name in ("compose", "docker-compose") for end in _ENDS)
WANTED = re.compile(
    r"(?s:.*/)?"
    r"(?:(?:docker-)?compose(?:[.\-_][\w.\-]+)?"  # `docker-compose.test.yml`
    r"|[\w\-]+[.\-]compose)"  # `test.compose.yml`
    r"\.ya?ml",
    re.IGNORECASE,
).fullmatch
"""Matches the path of a file of Compose."""
_SERVICES = "(?m)^services:"  # the key of the document
_KEYS = {
    *("version", "name", "include", "services", "models"),
    *("networks", "volumes", "secrets", "configs"),
}
"""Keys of a document; Compose refuses any other, but for extensions `x-…`."""
_ALONE = frozenset(("image", "build", "extends", "provider"))  # a service needs one of these
_OF_BUILD = frozenset(("context", "dockerfile", "dockerfile_inline", "args", "target"))


def may_be_one(path: str, text: str) -> bool:
    """Return whether a file may be one of Compose, by its path and text: YAML of any name."""
    if not path.endswith((".yml", ".yaml")) or may_define_builds(path):
        return False
    return re.search(_SERVICES, text) is not None and "{{" not in text  # that is a template


def collect(search: Search) -> None:
    """Add the builds of every Compose project, whatever its profiles."""
    known = {*search.paths}
    read = set()
    bases = {}  # by directory
    for directory, names in by_directory(filter(WANTED, search.paths)):
        # `bake.collect` adds the targets that a Bake file makes of these services.
        is_baked = not known.isdisjoint(join(directory, name) for name in bakefile.DEFAULTS)
        projects = _projects(names)
        for project in projects:
            files = [join(directory, name) for name in project]
            if project[0] in NAMES:
                bases[directory] = files[:1]
            with search.reading(files[0]):
                read |= _add_services(search, files, is_baked=is_baked)
    for path in search.paths:
        if WANTED(path) or path in read:  # others include it, with a directory of their own
            continue
        text = ""
        if may_be_one(path, "services:"):
            text = search.read(path) or ""
        if not may_be_one(path, text):
            continue
        files = _project_of_any_name(text, path, bases.get(dirname(path), []))
        if files:
            with search.reading(path):
                _add_services(search, files, is_baked=True)


def _project_of_any_name(text: str, path: str, base: list[str]) -> list[str]:
    """Return the files of a project with one of any name; none if that is not one of Compose."""
    document = YamlMapping()
    with suppress(NotReadError, RecursionError):
        document = mapping_of(yaml.load(text))
    if any(key not in _KEYS and not key.startswith("x-") for key in document):
        return []
    services = [*map(mapping_of, mapping_of(document.get("services")).values())]
    builds = [service["build"] for service in services if "build" in service]
    if not any(isinstance(build, str) or _OF_BUILD & {*mapping_of(build)} for build in builds):
        return []
    if all(_ALONE & {*service} for service in services):
        return [path]
    return [*base, path]  # only together with others it is complete


def _add_services(search: Search, files: list[str], *, is_baked: bool) -> set[str]:
    """Add the builds of a project, and return the files that were read for it."""
    reader = ComposeReader(search)
    for name, service in reader.builds(files).items():
        place = Place("compose", name, service.where)
        elsewhere = _from_above(search, dirname(files[0]), service.build)
        if len(elsewhere) > 1:
            search.complain(
                "no-context",
                message=f"{name}: its Dockerfile is not there, but seen from several directories "
                "it is: this file is read together with others, so the build was skipped",
                where=service.where,
            )
            continue
        for build in elsewhere or [service.build]:
            search.add(place, build)
        if service.baked and not is_baked:
            place = Place("bake", bake_name(name), service.where)
            search.add(place, service.baked)
    return reader.paths


def _from_above(search: Search, directory: str, build: Build) -> list[Build]:
    """Return what a build is for each directory above from which its Dockerfile is there."""
    # Compose takes all paths from the directory of the first of several files.
    dockerfile = build.dockerfile or ""
    if build.dockerfile_inline is not None or isfile(search.shown(dockerfile)):
        return []
    builds = []
    for start in dict.fromkeys(["", *up_to(dirname(directory))]):
        move = partial(_moved, directory, start)
        moved = replace(
            build,
            context=made_of(move, build.context),
            dockerfile=made_of(move, dockerfile),
            build_contexts=with_paths(build.build_contexts, move),
        )
        if isfile(search.shown(moved.dockerfile or "")):
            builds.append(moved)
    return builds


def _moved(directory: str, start: str, path: str) -> str:
    """Return a path that stands in a file of `directory` as it is seen from `start`."""
    return joined(start, relpath(path, directory or "."))


def _projects(names: list[str]) -> list[list[str]]:
    """Return what is read together: the default set, then each other file with the base."""
    base = [name for name in NAMES if name in names][:1]
    override = [name for name in OVERRIDES if name in names][:1]
    others = sorted({*names}.difference(NAMES, OVERRIDES))
    projects = [base + override]
    projects += [[*base, name] for name in others]
    return [*filter(None, projects)]
