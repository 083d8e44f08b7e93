"""Builds of Compose files: which files make a project, and what its services build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from ctxsize.build import Build
from ctxsize.discovery.composefile import Loader, Service
from ctxsize.discovery.files import RepositoryFiles
from ctxsize.discovery.found import FoundBuild, Haul, Place, concealed, there
from ctxsize.discovery.yaml import TaggedScalar, as_mapping, as_text, written
from ctxsize.model import Problem

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""The names that Compose looks for, first choice first."""
OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
_NAME = re.compile(
    r"(?:docker-)?compose(?:[.\-_][\w.\-]+)?\.ya?ml|[\w\-]+[.\-]compose\.ya?ml", re.I
)
_TEXTS = ("context", "dockerfile", "dockerfile_inline", "target")
"""The keys of a build that Compose refuses with a list or a mapping."""


def is_wanted(path: str) -> bool:
    """Return whether this is, by its name, a Compose file."""
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def builds(files: RepositoryFiles, environment: Mapping[str, str]) -> Haul:
    """Return the builds of every Compose project, whatever its profiles."""
    haul = Haul()
    by_directory: dict[str, list[str]] = {}
    for path in filter(is_wanted, files.paths):
        directory, _, name = path.rpartition("/")
        by_directory.setdefault(directory, []).append(name)
    for directory, names in by_directory.items():
        for project in _projects(names):
            paths = [f"{directory}/{name}" if directory else name for name in project]
            with haul.reading(files.shown(paths[0])):
                services = services_of(files, paths, haul, environment)
                haul.builds += _found(files, services, haul)
    return haul


def services_of(
    files: RepositoryFiles, paths: list[str], haul: Haul, environment: Mapping[str, str]
) -> dict[str, Service]:
    """Return the services of the project that `paths` make."""

    def complain(code: str, message: str, path: str, line: int | None) -> None:
        problem = Problem(code, message, files.shown(path), line)
        if problem not in haul.problems:
            haul.problems.append(problem)

    def exists(path: str) -> bool:
        return os.path.isfile(files.shown(path))

    loader = Loader(files.read, exists, files.shown, complain, environment)
    return loader.services(paths)


def _projects(names: list[str]) -> Iterator[list[str]]:
    """Yield the sets of files that are used together: the usual one, then each other one on top.

    A file for a purpose (`compose.prod.yaml`) is taken with the base file, as
    Compose is told to by `-f base -f it`.
    """
    base = next((name for name in NAMES if name in names), None)
    override = next((name for name in OVERRIDES if name in names), None)
    if base is not None:
        yield [base, override] if override else [base]
    for name in names:
        if name not in (*NAMES, *OVERRIDES):
            yield [base, name] if base else [name]
        elif base is None and name == override:
            yield [name]


def _found(
    files: RepositoryFiles, services: Mapping[str, Service], haul: Haul
) -> Iterable[FoundBuild]:
    for service in services.values():
        made = None if service.build is None else found_build(files, service, haul)
        if made is not None:
            yield made


def found_build(files: RepositoryFiles, service: Service, haul: Haul) -> FoundBuild | None:
    """Return the build of a service, None if its context is no directory of this machine."""
    build = dict(service.build or {})
    place = Place("compose", service.name, service.where)
    for key in _TEXTS:
        if isinstance(value := build.get(key), dict | list | TaggedScalar):
            message = f"{service.name}: {key} must be a text, not {written(value)}"
            haul.complain("no-context", message, *_at(place))
            return None
    context = build.get("context")
    directory = str(build.get("directory") or "")
    context = directory or "." if context is None else context
    context = context if isinstance(context, str) else str(context)
    if "://" in context or context.startswith("git@"):
        return None
    shown = files.shown(context)
    if not os.path.isdir(shown):
        named = files.shown(written(context))
        haul.complain("no-context", f"{service.name}: there is no directory {named}", *_at(place))
        return None
    inline, target = build.get("dockerfile_inline"), build.get("target") or ""
    dockerfile = "-" if inline else _dockerfile(shown, build.get("dockerfile") or "Dockerfile")
    made = Build(
        shown,
        dockerfile,
        str(target),
        {
            str(name): as_text(value)
            for name, value in as_mapping(build.get("args")).items()
            if value is not None
        },
        files.contexts(as_mapping(build.get("additional_contexts"))),
        _platforms(build, service.platform),
        dockerfile_inline=str(inline).encode() if inline else None,
        hidden=service.hidden,
        target_written=(str(target), written(target)),
    )
    return FoundBuild(concealed(made), (place,))


def _at(place: Place) -> tuple[str, int | None]:
    return place.where.path, place.where.line


def _dockerfile(context: str, named: object) -> str:
    """Return the Dockerfile's path, which is relative to the context."""
    paths = (os.path.join(context, each) for each in (str(named), written(named)))
    return there(*map(os.path.normpath, paths))


def _platforms(build: Mapping[str, object], platform: str) -> tuple[str, ...]:
    listed = build.get("platforms")
    if isinstance(listed, list):
        return tuple(map(str, listed))
    return (platform,) if platform else ()
