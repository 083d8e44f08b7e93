"""Builds of Compose files: which files make a project, and what its services build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.discovery.composefile import ComposeReader, pairs
from ctxsize.discovery.found import Place
from ctxsize.discovery.search import Search, directory_of
from ctxsize.discovery.yaml import YamlMapping
from ctxsize.findings import Location

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
    return _NAME.fullmatch(os.path.basename(path)) is not None


def collect(search: Search) -> None:
    """Add the builds of every Compose project, whatever its profiles."""
    by_directory: dict[str, list[str]] = {}
    for path in filter(is_wanted, search.paths):
        by_directory.setdefault(directory_of(path), []).append(os.path.basename(path))
    for directory, names in by_directory.items():
        for project in _projects(names):
            paths = [os.path.join(directory, name) for name in project]
            with search.reading(paths[0]):
                reader = ComposeReader(search)
                for name, build in reader.builds(paths).items():
                    _add(search, name, build, reader)


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


def _add(search: Search, name: str, build: YamlMapping, reader: ComposeReader) -> None:
    """Add the build of a service."""
    where = build.origin or Location("")
    for key in _TEXTS:
        if isinstance(build.get(key), list | dict):
            search.complain("no-context", f"{name}: {key} must be a text", where)
            return
    search.add(Place("compose", name, where), replace(build_of(build), hidden=reader.hidden))


def build_of(build: YamlMapping) -> Build:
    """Return a build of a service, its paths relative to the root."""
    texts = {key: each for key, each in build.items() if isinstance(each, str)}
    context = texts.get("context") or texts["directory"]
    dockerfile = os.path.join(context, texts.get("dockerfile") or "Dockerfile")
    inline, platforms = texts.get("dockerfile_inline"), build.get("platforms")
    return Build(
        context,
        "-" if inline else dockerfile,
        texts.get("target", ""),
        _given(build, "args"),
        _given(build, "additional_contexts"),
        tuple(each for each in platforms or () if isinstance(each, str)),
        dockerfile_inline=inline.encode("utf-8", "replace") if inline else None,
    )


def _given(build: YamlMapping, key: str) -> dict[str, str]:
    return {name: each for name, each in pairs(build.get(key)).items() if isinstance(each, str)}
