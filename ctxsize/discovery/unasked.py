"""Dockerfiles that nothing asks for: which directory is their context, by what they take."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator

from ctxsize.build import Build
from ctxsize.discovery.commands import BUILD, builds_of_script
from ctxsize.discovery.search import FoundBuild, Place, Search, directory_of
from ctxsize.dockerfile.taken import ContextNeed, context_need
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.request import Plan
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Location

_READMES = ("readme", "readme.md", "readme.rst", "readme.txt")
_CONTINUED = re.compile(r"\\\n[ \t]*#?[ \t]*")
_QUOTED = re.compile(r"`([^`]+)`")
_PROMPT = re.compile(r"^[\s#$>`*-]*(?:\w+:\s+)?")
_TO_BE_FILLED_IN = (b"{{", b"{%", b"<%", b"@@")


def collect(search: Search, used: Collection[str]) -> None:
    """Add the builds of the Dockerfiles that are not among `used`, which are real paths."""
    for path in filter(is_dockerfile, search.paths):
        shown = search.shown(path)
        if os.path.realpath(shown) in used or not os.path.isfile(shown):
            continue
        plan = search.dockerfile(path)
        try:
            context = directory_of(path) if plan is None else _context_of(search, path, plan)
        except DockerfileError as error:
            if plan is not None and not any(mark in plan.data for mark in _TO_BE_FILLED_IN):
                search.complain("dockerfile", error.message, Location(shown, error.line))
            continue
        written = _written(search, path)
        if written is not None:
            search.builds.append(written)
        else:
            place = Place("dockerfile", "", Location(shown))
            search.add(place, Build(context, path), guessed=True)


def is_readme(path: str) -> bool:
    """Return whether this is a README, which may say how to build."""
    return os.path.basename(path).lower() in _READMES


def _written(search: Search, path: str) -> FoundBuild | None:
    """Return the build of a Dockerfile that its comments or a README of its directories name."""
    directories = {*_upwards(directory_of(path))}
    readmes = [
        each for each in search.paths if is_readme(each) and directory_of(each) in directories
    ]
    for name in (path, *sorted(readmes, key=len, reverse=True)):
        text = _CONTINUED.sub(" ", search.read(name) or "")
        for line in text.splitlines():
            if BUILD.search(line) and (name != path or line.lstrip().startswith("#")):
                found = _named_in(search, path, name, _command(line))
                if found is not None:
                    return found
    return None


def _command(line: str) -> str:
    """Return the command of a line of prose: what stands in backquotes, or behind a prompt."""
    return next(filter(BUILD.search, _QUOTED.findall(line)), _PROMPT.sub("", line))


def _named_in(search: Search, path: str, name: str, script: str) -> FoundBuild | None:
    """Return the build of `path` that a line of the file `name` is, from a directory above it."""
    place = Place("dockerfile", "", Location(search.shown(name)))
    for directory in _upwards(directory_of(path)):
        for found in builds_of_script(search, script, (directory,), place):
            context = os.path.relpath(found.build.context, search.root or ".")
            own = os.path.realpath(search.shown(path))
            if found.dockerfile == own and context.split("/")[0] != "..":
                return found
    return None


def _context_of(search: Search, path: str, plan: Plan) -> str:
    """Return the directory in which all that the Dockerfile takes is found.

    The nearest one from the Dockerfile's own upwards; its own where none holds it all.
    Raises `DockerfileError` for what the builder rejects.
    """
    directory = directory_of(path)
    try:
        wanted = [*_literal(context_need(plan.dockerfile))]
    except UndecidedError:  # a build argument may be all that it lacks
        return directory
    for candidate in _upwards(directory):
        here = search.shown(candidate)
        if all(os.path.lexists(os.path.join(here, each)) for each in wanted):
            return candidate
    return directory


def _literal(need: ContextNeed) -> Iterator[str]:
    """Yield what is taken by name: it must be there, or the build fails."""
    doubtful = {unknown.line for unknown in need.unknowns}
    for source in need.sources:
        certain = source.line not in doubtful and not source.context
        if certain and source.path != "." and not {*"*?["} & {*source.path}:
            yield source.path


def _upwards(directory: str) -> Iterator[str]:
    yield directory
    while directory:
        directory = os.path.dirname(directory)
        yield directory
