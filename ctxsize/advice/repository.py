"""The Dockerfiles of a repository, read for advice; the only reader of files here."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType

from ctxsize.advice.caches import used_on_several_systems
from ctxsize.advice.recipe import Recipe, read_recipe, slug
from ctxsize.discovery import Discovery, FoundBuild
from ctxsize.dockerfile.instructions import Dockerfile
from ctxsize.engine.border import border_of, holds
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.request import Plan
from ctxsize.errors import DockerfileError, IgnoreFileError, UndecidedError
from ctxsize.findings import Finding
from ctxsize.model import Problem
from ctxsize.reader import entries_in, read_file

_IGNORE_FILES = (".dockerignore", ".containerignore")


@dataclass(frozen=True, eq=False)
class Repository:
    """All recipes, and what could not be read."""

    recipes: tuple[Recipe, ...]
    problems: tuple[Problem, ...]
    border: str
    """The repository around them, beyond which no file is read."""

    def content(self, path: str) -> bytes | None:
        """Return what is in a file, None if there is none."""
        try:
            return read_file(path) if holds(self.border, path) else None
        except OSError:
            return None

    def governing(self, recipe: Recipe, context: str) -> bytes | None:
        """Return the ignore file of a Dockerfile in a context, None if there is none."""
        own = [f"{recipe.path}{name}" for name in _IGNORE_FILES]
        common = [os.path.join(context, name) for name in _IGNORE_FILES]
        found = (self.content(path) for path in (*own, *common))
        return next((data for data in found if data is not None), None)


def read_repository(
    discovery: Discovery, changed: Mapping[str, bytes] = MappingProxyType({})
) -> Repository:
    """Return the recipes of the builds; `changed` has Dockerfiles as they would be after fixes."""
    recipes: list[Recipe] = []
    problems: list[Problem] = []
    for path, builds in _by_dockerfile(discovery).items():
        try:
            inline = builds[0].build.dockerfile_inline
            data = inline if inline is not None else changed.get(path) or read_file(path)
            recipes.append(read_recipe(path, data, _parsed(discovery, path, data), tuple(builds)))
        except DockerfileError as error:
            decided = not isinstance(error, UndecidedError)
            message = f"{'the build fails' if decided else 'not read'}: {error.message}"
            problems.append(Problem("dockerfile", message, path, error.line))
        except OSError as error:
            problems.append(Problem("unread", f"not read: {error.strerror}", path))
    apart = _told_apart(recipes, discovery.root)
    return Repository(apart, tuple(problems), border_of(discovery.root))


def _by_dockerfile(discovery: Discovery) -> dict[str, list[FoundBuild]]:
    found: dict[str, list[FoundBuild]] = {}
    for each in discovery.builds:
        build = each.build
        path = build.dockerfile or os.path.join(build.context, "Dockerfile")
        found.setdefault(path if each.inline is None else str(each.where), []).append(each)
    return found


def _parsed(discovery: Discovery, path: str, data: bytes) -> Dockerfile:
    """Return the Dockerfile, as discovery parsed it unless a fix changed it."""
    plan = discovery.plans.of(path, lambda: data)
    return (plan if plan.data == data else Plan(lambda: data)).dockerfile


def _told_apart(recipes: list[Recipe], root: str) -> tuple[Recipe, ...]:
    """Return `recipes` with what the ids of their caches need to be those of no other build."""
    services = Counter(recipe.service for recipe in recipes)
    on_several = frozenset(used_on_several_systems(recipes))
    return tuple(
        replace(
            recipe, name=service if services[service] == 1 else slug(path), on_several=on_several
        )
        for recipe in recipes
        for service, path in [(recipe.service, os.path.relpath(recipe.path, root))]
    )


@dataclass(frozen=True)
class Contents:
    """What the contexts of a recipe have in common, without what is ignored."""

    repository: Repository
    recipe: Recipe
    below: str = ""
    """The directory of the context that names are relative to."""

    @cached_property
    def _spec(self) -> DockerIgnoreSpec:
        data = self.repository.governing(self.recipe, self.recipe.contexts[0]) or b""
        try:
            return DockerIgnoreSpec.from_lines(IgnoreFile.parse("", data).texts())
        except IgnoreFileError:
            return DockerIgnoreSpec([])

    def has(self, name: str) -> bool:
        """Return whether it is a file that is sent; with a slash at its end, a directory."""
        path = posixpath.normpath(posixpath.join(self.below, name))
        if path.startswith(("..", "/")) or self._spec.match_file(path):
            return False
        is_there = os.path.isdir if name.endswith("/") else os.path.isfile
        return all(is_there(os.path.join(root, path)) for root in self.recipe.contexts)

    def has_above(self, *names: str) -> bool:
        """Return whether one of these files is in a directory above, up to the context."""
        levels = self.below.count("/") + bool(self.below)
        return any(self.has("../" * up + name) for up in range(1, levels + 1) for name in names)

    def text(self, name: str) -> str:
        """Return what a file says, `""` if it is not sent or cannot be read."""
        path = os.path.join(self.recipe.contexts[0], self.below, name)
        data = self.repository.content(path) if self.has(name) else None
        return (data or b"").decode("utf-8", "replace")


def masked(repository: Repository, finding: Finding) -> Finding:
    """Return `finding` without values that files and the environment give in secret."""
    for recipe in repository.recipes:
        for build in (each.build for each in recipe.builds if each.build.hidden):
            text = "" if recipe.inline else recipe.data.decode("utf-8", "replace")
            mask = partial(build.masked, openly=text)
            finding = replace(
                finding,
                message=mask(finding.message),
                evidence=tuple(map(mask, finding.evidence)),
                help=mask(finding.help),
            )
    return finding


def subdirectories(directory: str) -> list[str]:
    """Return the names of the directories in `directory` that are not hidden."""
    try:
        entries = entries_in(directory)
    except OSError:
        return []
    return sorted(each.name for each in entries if each.is_dir() and each.name[0] != ".")
