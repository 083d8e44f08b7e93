"""Dockerfiles that nothing asks for: which directory is their context, by what they take."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator

from ctxsize.build import Build
from ctxsize.dockerfile import ContextNeed, context_need, parse_dockerfile
from ctxsize.engine.dockerfiles import MOST_BYTES
from ctxsize.errors import DockerfileError
from ctxsize.findings import Location
from ctxsize.projects.files import Files
from ctxsize.projects.found import FoundBuild, Haul, Place

_NAME = re.compile(
    r"(?:dockerfile|containerfile)(?:[.\-_][\w.\-]+)?|[\w.\-]+[.\-](?:dockerfile|containerfile)",
    re.IGNORECASE,
)
_IGNORE_FILE = re.compile(r"(?:.*\.)?(?:docker|container)ignore")
_NOT_A_DOCKERFILE = re.compile(
    r".*\.(?:(?:docker|container)ignore|md|txt|rst|py|js|ts|go|rs|java|json|ya?ml|toml|html|sh"
    r"|j2|jinja2?|tmpl|tpl|tera|erb|template|in|bak|orig|swp|lock|hcl)|.*~",
    re.IGNORECASE,
)
_WILDCARDS = "*?["


def is_dockerfile(path: str) -> bool:
    """Whether this is, by its name, a Dockerfile: `Dockerfile.x` and `x.Dockerfile` are."""
    name = path.rpartition("/")[2]
    return _NAME.fullmatch(name) is not None and not _NOT_A_DOCKERFILE.fullmatch(name)


def is_ignore_file(path: str) -> bool:
    """Whether this is, by its name, an ignore file of a builder."""
    return _IGNORE_FILE.fullmatch(path.rpartition("/")[2]) is not None


def builds(files: Files, used: Collection[str]) -> Haul:
    """The builds of the Dockerfiles that are not among `used`, which are real paths."""
    haul = Haul()
    for path in filter(is_dockerfile, files.paths):
        shown = files.shown(path)
        if os.path.realpath(shown) in used or not os.path.isfile(shown):  # noqa: PTH113
            continue
        context, problem = _context_of(files, path)
        if problem is not None and _is_template(files, path):
            continue
        if problem is not None:
            haul.complain("dockerfile", problem.message, shown, problem.line)
            continue
        place = Place("dockerfile", "", Location(shown))
        build = Build(files.shown(context), shown)
        haul.builds.append(FoundBuild(build, (place,), guessed=True))
    return haul


def _is_template(files: Files, path: str) -> bool:
    """Whether a Dockerfile that cannot be read is one to be filled in first."""
    text = files.read(path, MOST_BYTES) or ""
    return any(mark in text for mark in ("{{", "{%", "<%", "@@"))


def _context_of(files: Files, path: str) -> tuple[str, DockerfileError | None]:
    """The directory, relative to the root, in which all that the Dockerfile takes is found.

    The nearest one from the Dockerfile's own upwards; its own where none holds it all.
    """
    directory = os.path.dirname(path)  # noqa: PTH120
    text = files.read(path, MOST_BYTES)
    if text is None:
        return directory, None
    try:
        need = context_need(parse_dockerfile(text))
    except DockerfileError as error:
        return directory, error
    wanted = list(_literal(need))
    for candidate in _upwards(directory):
        if all(_has(files, candidate, each) for each in wanted):
            return candidate, None
    return directory, None


def _literal(need: ContextNeed) -> Iterator[str]:
    """What is taken by name: it must be there, or the build fails."""
    doubtful = {unknown.line for unknown in need.unknowns}
    for source in need.sources:
        certain = source.line not in doubtful and not source.context
        if certain and source.path != "." and not set(_WILDCARDS) & set(source.path):
            yield source.path


def _upwards(directory: str) -> Iterator[str]:
    yield directory or "."
    while directory:
        directory = os.path.dirname(directory)  # noqa: PTH120
        yield directory or "."


def _has(files: Files, directory: str, path: str) -> bool:
    return os.path.lexists(os.path.join(files.shown(directory), path))  # noqa: PTH118
