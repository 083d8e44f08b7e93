"""The properties of Maven's projects: those of a `pom.xml`, of its parents, and Maven's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from os.path import basename, dirname, join, normpath, relpath

from ctxsize.repository import yaml
from ctxsize.repository.commands import Ground, is_open
from ctxsize.repository.recognisers import TOP
from ctxsize.repository.search import NotReadError, RegexMatch, Search
from ctxsize.repository.yaml import YamlMapping, listed, mapping_of, text_at, value_at

_NAME = "pom.xml"
_REFERENCE = r"\$\{([\w.\-]+)\}"
_BASE = r"\$\{(?:project\.)?basedir\}"
_DEEPEST = 8  # properties in the values of others, and parents of a project
_LONGEST = 4096  # characters of a value
Properties = dict[str, str]


def grounds(ground: Ground, *, inherited: bool) -> Iterator[Ground]:
    """Yield a `pom.xml` with its properties, or as each project reads it that inherits from it."""
    search = ground.search
    projects = _Projects(search)
    path = relpath(ground.place.where.path, search.root)
    heirs: Iterable[str] = [path]
    if inherited:
        heirs = projects.heirs(path)
    for heir in heirs:
        expanded = partial(_expanded, projects.properties(heir))
        yield replace(ground, directories=(dirname(heir) or ".",), expanded=expanded)


class _Projects:
    """The projects of a repository, each read once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._paths = frozenset(path for path in search.paths if basename(path) == _NAME)

    def heirs(self, path: str) -> Iterable[str]:
        """Return the paths of a project, and of those that inherit from it."""
        return (other for other in sorted(self._paths) if path in self._ancestry(other))

    def properties(self, path: str) -> Properties:
        """Return the properties of a project: its own win over inherited ones."""
        ancestry = self._ancestry(path)
        known: Properties = {}
        for above in reversed(ancestry):
            known |= _own_properties(self._document(above))
        document = self._document(path)
        final_name = text_at(document, ["build.finalName"])
        known["project.artifactId"] = text_at(document, ["artifactId"])
        known["project.version"] = text_at(document, ["version", "parent.version"])
        known["project.build.finalName"] = final_name or "${project.artifactId}-${project.version}"
        known["project.build.directory"] = f"{TOP}/target"
        parent = dirname(ancestry[:2][-1])
        directory = join("/", dirname(path))
        known["project.parent.basedir"] = join(TOP, relpath(join("/", parent), directory))
        return known

    def _ancestry(self, path: str) -> list[str]:
        """Return the paths of a project and of its parents, the nearest first."""
        ancestry = [path]
        while len(ancestry) < _DEEPEST:
            here = self._document(ancestry[-1])
            written = text_at(here, ["parent.relativePath"]) or f"../{_NAME}"
            above = normpath(join(dirname(ancestry[-1]), written))
            name = text_at(here, ["parent.artifactId"])
            is_new = above in self._paths and above not in ancestry
            if not is_new or name != text_at(self._document(above), ["artifactId"]):
                break
            ancestry.append(above)
        return ancestry

    def _document(self, path: str) -> YamlMapping:
        read = self._search.projects
        if path not in read:
            read[path] = None
            with suppress(NotReadError, RecursionError):
                document = yaml.xml_document(self._search.read(path) or "")
                read[path] = document.get("project")
        return mapping_of(read[path])


def _own_properties(document: YamlMapping) -> Properties:
    """Return the properties of a document, and those that only its profiles have."""
    profiles = value_at(document, "profiles.profile")
    own: Properties = {}
    for mapping in (document, *map(mapping_of, listed(profiles))):
        for name, text in mapping_of(mapping.get("properties")).items():
            if isinstance(text, str):
                own.setdefault(name, text)
    return own


def _expanded(properties: Properties, text: str) -> str:
    """Return a text with properties replaced, also those in their values."""

    def replacement(match: RegexMatch) -> str:
        return properties.get(match[1], match[0])

    for _ in range(_DEEPEST):
        if not is_open(text) or len(text) > _LONGEST:
            break
        text = re.sub(_BASE, TOP, text)
        text = re.sub(_REFERENCE, replacement, text)
    return text
