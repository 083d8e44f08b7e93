"""Dockerfiles that nothing asks for: which directory is their context, by what they take."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator

from ctxsize.build import Build
from ctxsize.discovery import hints
from ctxsize.discovery.files import RepositoryFiles
from ctxsize.discovery.found import FoundBuild, Haul, Place
from ctxsize.dockerfile import ContextNeed, context_need
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.plan import Plan
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Location

_CONTINUED = re.compile(r"\\\n[ \t]*#?[ \t]*")
_QUOTED = re.compile(r"`([^`]+)`")
_PROMPT = re.compile(r"^[\s#$>`*-]*(?:\w+:\s+)?")
_WILDCARDS = "*?["


def builds(files: RepositoryFiles, used: Collection[str]) -> Haul:
    """Return the builds of the Dockerfiles that are not among `used`, which are real paths."""
    haul = Haul()
    for path in filter(is_dockerfile, files.paths):
        shown = files.shown(path)
        if os.path.realpath(shown) in used or not os.path.isfile(shown):
            continue
        plan = files.dockerfile(path)
        context, problem = _context_of(files, path, plan)
        if problem is not None and plan is not None and _is_template(plan):
            continue
        if problem is not None:
            haul.complain("dockerfile", problem.message, shown, problem.line)
            continue
        written = _written(files, path)
        if written is not None:
            haul.builds.append(written)
            continue
        place = Place("dockerfile", "", Location(shown))
        build = Build(files.shown(context), shown)
        haul.builds.append(FoundBuild(build, (place,), guessed=True))
    return haul


def is_readme(path: str) -> bool:
    """Return whether this is a README, which may say how to build."""
    return path.rpartition("/")[2].lower() in ("readme", "readme.md", "readme.rst", "readme.txt")


def _written(files: RepositoryFiles, path: str) -> FoundBuild | None:
    """Return the build of a Dockerfile that its comments or a README of its directories name."""
    directories = {each if each != "." else "" for each in _upwards(os.path.dirname(path))}
    readmes = (
        each for each in files.paths if is_readme(each) and os.path.dirname(each) in directories
    )
    for name in (path, *sorted(readmes, key=len, reverse=True)):
        text = _CONTINUED.sub(" ", files.read(name) or "")
        for line in text.splitlines():
            if hints.BUILD.search(line) and (name != path or line.lstrip().startswith("#")):
                found = _named_in(files, path, name, _command(line))
                if found is not None:
                    return found
    return None


def _command(line: str) -> str:
    """Return the command of a line of prose: what stands in backquotes, or behind a prompt."""
    quoted = (each for each in _QUOTED.findall(line) if hints.BUILD.search(each))
    return next(quoted, _PROMPT.sub("", line))


def _named_in(files: RepositoryFiles, path: str, name: str, script: str) -> FoundBuild | None:
    """Return the build of `path` that a line of the file `name` is, from a directory above it."""
    place = Place("dockerfile", "", Location(files.shown(name)))
    for directory in _upwards(os.path.dirname(path)):
        for found in hints.builds_of_script(files, script, (directory,), place):
            context = os.path.relpath(found.build.context, files.root or ".")
            own = os.path.realpath(found.build.dockerfile or "")
            if own == os.path.realpath(files.shown(path)) and context.split("/")[0] != "..":
                return found
    return None


def _is_template(plan: Plan) -> bool:
    """Return whether a Dockerfile that cannot be read is one to be filled in first."""
    return any(mark in plan.data for mark in (b"{{", b"{%", b"<%", b"@@"))


def _context_of(
    files: RepositoryFiles, path: str, plan: Plan | None
) -> tuple[str, DockerfileError | None]:
    """Return the directory, relative to the root, in which all that the Dockerfile takes is found.

    The nearest one from the Dockerfile's own upwards; its own where none holds it all.
    """
    directory = os.path.dirname(path)
    if plan is None:
        return directory, None
    try:
        need = context_need(plan.dockerfile)
    except UndecidedError:  # a build argument may be all that it lacks
        return directory, None
    except DockerfileError as error:
        return directory, error
    wanted = list(_literal(need))
    for candidate in _upwards(directory):
        if all(_has(files, candidate, each) for each in wanted):
            return candidate, None
    return directory, None


def _literal(need: ContextNeed) -> Iterator[str]:
    """Yield what is taken by name: it must be there, or the build fails."""
    doubtful = {unknown.line for unknown in need.unknowns}
    for source in need.sources:
        certain = source.line not in doubtful and not source.context
        if certain and source.path != "." and not set(_WILDCARDS) & set(source.path):
            yield source.path


def _upwards(directory: str) -> Iterator[str]:
    yield directory or "."
    while directory:
        directory = os.path.dirname(directory)
        yield directory or "."


def _has(files: RepositoryFiles, directory: str, path: str) -> bool:
    return os.path.lexists(os.path.join(files.shown(directory), path))
