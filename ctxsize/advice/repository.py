"""The Dockerfiles of a repository, read for advice; the only reader of files here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ctxsize.advice.codes import CODES
from ctxsize.advice.recipe import Recipe, read_recipe
from ctxsize.errors import DockerfileError
from ctxsize.findings import Confidence, Finding, Fix, Location, Severity
from ctxsize.model import Problem
from ctxsize.projects import Discovery, FoundBuild

_MANIFESTS_LOOKED_FOR = 3


@dataclass(frozen=True, eq=False)
class Repository:
    """All recipes, and what could not be read."""

    recipes: tuple[Recipe, ...]
    problems: tuple[Problem, ...] = ()


def read_repository(discovery: Discovery, changed: Mapping[str, bytes] | None = None) -> Repository:
    """The recipes of the builds; `changed` holds files as they would be after fixes."""
    recipes: list[Recipe] = []
    problems: list[Problem] = []
    for path, builds in _by_dockerfile(discovery).items():
        try:
            data = _data(path, builds, changed or {})
            recipes.append(read_recipe(path, data, tuple(builds)))
        except DockerfileError as error:
            message = f"the build fails: {error.message}"
            problems.append(Problem("dockerfile", message, path, error.line))
        except OSError as error:
            problems.append(Problem("unread", f"not read: {error.strerror}", path))
    return Repository(tuple(recipes), tuple(problems))


def _by_dockerfile(discovery: Discovery) -> dict[str, list[FoundBuild]]:
    found: dict[str, list[FoundBuild]] = {}
    for each in discovery.builds:
        build = each.build
        if build.dockerfile_inline is not None:
            key = f"{each.where}"
        else:
            key = build.dockerfile or os.path.join(build.context, "Dockerfile")  # noqa: PTH118
        found.setdefault(key, []).append(each)
    return found


def _data(path: str, builds: list[FoundBuild], changed: Mapping[str, bytes]) -> bytes:
    inline = builds[0].build.dockerfile_inline
    if inline is not None:
        return inline
    return changed[path] if path in changed else Path(path).read_bytes()


def finding(
    code: str,
    recipe: Recipe,
    line: int,
    message: str,
    *,
    severity: Severity | None = None,
    confidence: Confidence = Confidence.CERTAIN,
    evidence: tuple[str, ...] = (),
    help: str = "",  # noqa: A002 - it is called so in Finding
    fix: Fix | None = None,
    end_line: int | None = None,
) -> Finding:
    """A finding of `code` at a line of a recipe."""
    inline = recipe.builds[0].build.dockerfile_inline is not None if recipe.builds else False
    where = recipe.builds[0].where if inline else Location(recipe.path, line, end_line=end_line)
    return Finding(
        code,
        severity or CODES[code].severity,
        message,
        where,
        confidence,
        evidence,
        help=help,
        fix=None if inline else fix,
    )


def present(recipe: Recipe, names: tuple[str, ...], below: str = "") -> Iterator[str]:
    """Those of `names` that a context of the recipe holds, `below` a directory of it.

    A name that begins with a dot is an ending, of any file there.
    """
    for context in recipe.contexts:
        directory = os.path.join(context, below)  # noqa: PTH118
        for name in names:
            if not name.startswith("."):
                if Path(directory, name).is_file():
                    yield name
            else:
                yield from _ending(directory, name)


def _ending(directory: str, ending: str) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            found = sorted(entry.name for entry in entries if entry.name.endswith(ending))
    except OSError:
        return
    yield from found[:_MANIFESTS_LOOKED_FOR]


def subdirectories(directory: str) -> list[str]:
    """The names of the directories in `directory` that are not hidden."""
    try:
        with os.scandir(directory) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError:
        return []


def lines_at(path: Path) -> list[str]:
    """The lines of a Dockerfile, none if it cannot be read."""
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
