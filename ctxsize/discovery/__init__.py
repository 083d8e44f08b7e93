"""Which builds a repository has: one module for each kind of file that tells of them.

`discover` reads names and small files, and runs nothing but git; Docker only if it is
allowed to. A file that cannot be
understood is a `Problem`, and the search goes on.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from ctxsize.discovery import bake, compose, dockerfiles, hints, workflows
from ctxsize.discovery.bakeprint import BakePrinter
from ctxsize.discovery.files import RepositoryFiles, list_files
from ctxsize.discovery.found import Discovery, FoundBuild, Haul, Place, bounded, merged
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.plan import Plans
from ctxsize.model import Problem

_MOST_NAMED = 3
_SHARED = frozenset(
    (
        *("docker", ".docker", "dockerfiles", "container", "containers", "build", "deploy", "ci"),
        *("deployment", "infra", "ops", "images", "package", "packaging", ".devcontainer"),
    )
)
"""Directories whose Dockerfiles are built with the directory above, if nothing says another."""


class BuildSource(Protocol):
    """A module about one kind of file that asks for builds."""

    def is_wanted(self, path: str, /) -> bool:
        """Return whether the file at `path` is of this kind."""

    def builds(self, files: RepositoryFiles, environment: Mapping[str, str], /) -> Haul:
        """Return what these files ask for."""


SOURCES: dict[str, BuildSource] = {
    "compose": compose,
    "bake": bake,
    "workflow": workflows,
    "command": hints,
}
"""What asks for builds, by the word that `Place.how` has for it."""


def discover(
    root: str = ".",
    *,
    environment: Mapping[str, str] | None = None,
    plans: Plans | None = None,
    ask_docker: bool = False,
) -> Discovery:
    """Return every build that the files below `root` tell of, those of the same thing as one.

    `environment` is what Compose and Bake files see besides `.env`; nothing by
    default. A Dockerfile that nothing asks for is built with the nearest
    directory that holds what it takes. What lies outside the repository is listed for
    itself. `plans` are those of the command, which parses no Dockerfile twice. With
    `ask_docker`, Docker evaluates what is not evaluated here of Bake files.
    Raises `InputError` for no directory.
    """
    files = list_files(root, _is_wanted, plans)
    files.printer = BakePrinter(files.border) if ask_docker else None
    found, hauls = find_builds(files, environment or {})
    builds = [*bounded(found, files.border)]
    strange = tuple(each for each in builds if each.outside)
    problems = [*files.problems, *(each for haul in hauls for each in haul.problems)]
    problems += [
        Problem("outside", each.outside, each.where.path, each.where.line) for each in strange
    ]
    return Discovery(
        root,
        tuple(each for each in builds if not each.outside),
        strange,
        _shown(files, is_dockerfile),
        _shown(files, is_ignore_file),
        tuple(each for haul in hauls for each in haul.findings),
        tuple(sorted(dict.fromkeys(problems), key=lambda each: (each.path or "", each.line or 0))),
        files.plans,
    )


def find_builds(
    files: RepositoryFiles, environment: Mapping[str, str]
) -> tuple[tuple[FoundBuild, ...], list[Haul]]:
    """Return every build that `files` tell of, and what each source brought in."""
    hauls = [source.builds(files, environment) for source in SOURCES.values()]
    for haul in hauls:
        haul.drop_impossible()
    used = {path for haul in hauls for each in haul.builds if (path := _dockerfile(each))}
    hauls.append(dockerfiles.builds(files, used))
    if any(haul.unresolved for haul in hauls):
        guessed = hauls[-1].builds
        hauls[-1].builds = [replace(each, contested=each.guessed) for each in guessed]
    return merged([each for haul in hauls for each in haul.builds]), hauls


def _is_wanted(path: str) -> bool:
    return (
        is_dockerfile(path)
        or is_ignore_file(path)
        or dockerfiles.is_readme(path)
        or any(source.is_wanted(path) for source in SOURCES.values())
    )


def _shown(files: RepositoryFiles, accepts: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(files.shown(path) for path in files.paths if accepts(path))


def _dockerfile(found: FoundBuild) -> str | None:
    """Return the real path of the Dockerfile that a build reads."""
    build = found.build
    if build.dockerfile_inline is not None:
        return None
    if build.dockerfile is not None:
        return os.path.realpath(build.dockerfile)
    for name in ("Dockerfile", "dockerfile"):
        path = os.path.join(build.context, name)
        if os.path.lexists(path):
            return os.path.realpath(path)
    return None


def what_to_type(context: str, paths: Iterable[str]) -> str | None:
    """Return what to type to get a build that the files at `paths` tell of; None without one."""
    found = find_builds(RepositoryFiles(context, sorted(paths)), {})[0]
    typed: dict[str, str] = {}
    for each in sorted(found, key=lambda each: each.guessed):
        if each.inline is None:
            place = "" if each.guessed else f" ({each.where})"
            typed.setdefault(" ".join(_words(each, context)), place)
    shown = [f"{words}{place}" for words, place in typed.items()]
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
    return ", or ".join(shown) or None


def _words(found: FoundBuild, context: str) -> Iterator[str]:
    build = found.build
    directory, name = os.path.split(build.dockerfile or "")
    here = os.path.realpath(build.context) == os.path.realpath(context)
    if found.guessed and directory and os.path.basename(directory).lower() in _SHARED:
        here = True
    own = not here and os.path.realpath(directory) == os.path.realpath(build.context)
    if name and not (own and name in ("Dockerfile", "dockerfile")):
        yield f"-f {shlex.quote(str(build.dockerfile))}"
    yield shlex.quote(os.path.normpath(context if here else build.context))
    if build.target:
        yield f"--target {shlex.quote(build.target)}"


__all__ = [
    "SOURCES",
    "Discovery",
    "FoundBuild",
    "Haul",
    "Place",
    "discover",
    "what_to_type",
]
