"""What to type where a context has no Dockerfile of its own: builds that a cheap look finds."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator

from ctxsize.projects import find_builds
from ctxsize.projects.files import RepositoryFiles
from ctxsize.projects.found import FoundBuild

_MOST_NAMED = 3
_SHARED = frozenset(
    (
        *("docker", ".docker", "dockerfiles", "container", "containers", "build", "deploy", "ci"),
        *("deployment", "infra", "ops", "images", "package", "packaging", ".devcontainer"),
    )
)
"""Directories whose Dockerfiles are built with the directory above, if nothing says another."""


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
