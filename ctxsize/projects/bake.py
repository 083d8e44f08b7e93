"""Builds of Bake files: which files belong together, and what their targets build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ctxsize.build import Build
from ctxsize.engine.border import holds
from ctxsize.findings import Location
from ctxsize.projects import compose
from ctxsize.projects.bakefile import BakeError, BakeFile, BakeTarget, Resolver, read_hcl, read_json
from ctxsize.projects.files import RepositoryFiles
from ctxsize.projects.found import FoundBuild, Haul, Place, concealed, there

_DEFAULTS = (
    *("docker-bake.json", "docker-bake.override.json"),
    *("docker-bake.hcl", "docker-bake.override.hcl"),
)
"""The names that Bake looks for, all of which it reads, in this order."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest file: python-hcl2 takes 40 s for a megabyte."""
_NAME = re.compile(r"(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.IGNORECASE)


def is_wanted(path: str) -> bool:
    """Whether this is, by its name, a Bake file."""
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def builds(files: RepositoryFiles, environment: Mapping[str, str]) -> Haul:
    """The builds of every Bake file."""
    haul = Haul()
    by_directory: dict[str, list[str]] = {}
    for path in filter(is_wanted, files.paths):
        directory, _, name = path.rpartition("/")
        by_directory.setdefault(directory, []).append(name)
    for directory, names in by_directory.items():
        for usual, group in _groups(names):
            paths = [f"{directory}/{name}" if directory else name for name in group]
            bake = BakeFile()
            with haul.reading(files.shown(paths[0])):
                if usual:
                    _add_compose(bake, files, directory, environment)
                for path in paths:
                    _add(bake, files, path, haul)
                haul.builds += _found(bake, files, directory, environment, haul)
    return haul


def _groups(names: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """The files that are read together, and whether they are the ones that need no `-f`."""
    usual = [name for name in _DEFAULTS if name in names]
    if usual:
        yield True, usual
    for name in names:
        if name not in _DEFAULTS:
            yield False, [name]


def _add_compose(
    bake: BakeFile, files: RepositoryFiles, directory: str, environment: Mapping[str, str]
) -> None:
    """Make the services of Compose files in the directory targets, as Bake does."""
    names = [*compose.NAMES, *compose.OVERRIDES]
    paths = [os.path.join(directory, name) for name in names]
    present = [path for path in paths if path in files.paths]
    # What is wrong with them is told where they are looked at for themselves.
    for service in (
        compose.services_of(files, present, Haul(), environment).values() if present else ()
    ):
        found = None if service.build is None else compose.found_build(files, service, Haul())
        if found is None:
            continue
        name = service.name.replace(".", "_")
        bake.targets[name] = {
            "compose": found,
            "context": os.path.relpath(found.build.context, files.shown(directory)),
            "dockerfile": os.path.relpath(
                found.build.dockerfile or "Dockerfile", found.build.context
            ),
            "dockerfile-inline": (found.build.dockerfile_inline or b"").decode() or None,
            "target": found.build.target or None,
            "args": dict(found.build.build_arguments),
            "platforms": list(found.build.platforms) or None,
        }


def _add(bake: BakeFile, files: RepositoryFiles, path: str, haul: Haul) -> None:
    text = files.read(path, _MOST_BYTES)
    if text is None:
        return
    try:
        blocks = read_hcl(text) if path.lower().endswith(".hcl") else read_json(text)
    except BakeError as error:
        haul.complain("bake", f"not read: {error.message}", files.shown(path), error.line)
        return
    bake.add(blocks, files.shown(path), text)


def _found(
    bake: BakeFile,
    files: RepositoryFiles,
    directory: str,
    environment: Mapping[str, str],
    haul: Haul,
) -> Iterator[FoundBuild]:
    resolver = Resolver(bake, environment)
    mask = Build(hidden=resolver.hidden).masked
    for target in resolver.targets():
        if target.declared in bake.lines:
            where = Location(*bake.lines[target.declared])
            place = Place("bake", mask(target.name), where)
            made = _build(files, directory, target, place, haul)
            if made is not None:
                build = replace(made.build, hidden=(*made.build.hidden, *resolver.hidden))
                yield replace(made, build=concealed(build))
    for name, reason in resolver.unknown.items():
        if name in bake.lines:
            path, line = bake.lines[name]
            text = mask(f"the target {name} is not known: {reason}")
            haul.complain("bake", text, path, line)


def _build(
    files: RepositoryFiles, directory: str, target: BakeTarget, place: Place, haul: Haul
) -> FoundBuild | None:
    values = target.values
    context = str(values.get("context") or ".")
    if "://" in context or context.startswith(("git@", "target:")):
        return None
    start = _start(files, directory, context, values)
    shown = files.shown(os.path.join(start, context))
    if not os.path.isdir(shown):
        where, named = place.where, files.shown(os.path.join(start, target.as_written("context")))
        haul.complain(
            "no-context", f"{place.name}: there is no directory {named}", where.path, where.line
        )
        return None
    inline = values.get("dockerfile-inline")
    names = (str(values.get("dockerfile") or "Dockerfile"), target.as_written("dockerfile"))
    dockerfile = there(*(os.path.join(shown, each) for each in names))
    service = target.service
    build = Build(
        shown,
        "-" if inline else os.path.normpath(dockerfile),
        str(values.get("target") or ""),
        values.get("args") or {},
        {
            name: value if _is_reference(value) else files.shown(os.path.join(start, value))
            for name, value in (values.get("contexts") or {}).items()
        },
        tuple(map(str, values.get("platforms") or ())),
        dockerfile_inline=str(inline).encode() if inline else None,
        hidden=service.build.hidden if service else (),
        target_written=(str(values.get("target") or ""), target.as_written("target")),
    )
    return FoundBuild(build, (place,))


def _start(files: RepositoryFiles, directory: str, context: str, values: Mapping[str, Any]) -> str:
    """Where Bake is run: beside its file, or at the root if only from there it makes sense.

    Bake takes paths as relative to the working directory, wherever its file lies.
    """
    dockerfile = str(values.get("dockerfile") or "Dockerfile")
    for start in (directory, ""):
        here = os.path.join(files.shown(start), context)
        if start != directory and not holds(files.border, here):
            break
        if os.path.isdir(here) and (
            "dockerfile-inline" in values or os.path.isfile(os.path.join(here, dockerfile))
        ):
            return start
    return directory


def _is_reference(value: str) -> bool:
    return "://" in value or value.startswith(("target:", "git@"))
