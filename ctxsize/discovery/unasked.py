"""Dockerfiles that nothing asks for: which directory is their context, by what they take."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.discovery.commands import BUILD, builds_in
from ctxsize.discovery.search import Place, Search, directory_of
from ctxsize.dockerfile import ContextNeed, context_need
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.request import Plan
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Location

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
        place = Place("dockerfile", "", Location(shown))
        try:
            context = directory_of(path) if plan is None else _context_of(search, path, plan)
        except DockerfileError as error:
            if plan is not None and not any(mark in plan.data for mark in _TO_BE_FILLED_IN):
                search.complain("dockerfile", error.message, replace(place.where, line=error.line))
            continue
        written = None if plan is None else _written(search, path, plan)
        search.add(place, written or Build(context, path), guessed=written is None)


def _written(search: Search, path: str, plan: Plan) -> Build | None:
    """Return the build of a Dockerfile that one of its comments names, from a directory above."""
    own = os.path.realpath(search.shown(path))
    text = _CONTINUED.sub(" ", plan.data.decode("utf-8-sig"))
    for line in text.splitlines():
        if not (line.lstrip().startswith("#") and BUILD.search(line)):
            continue
        # The command stands in backquotes, or behind a prompt.
        script = next(filter(BUILD.search, _QUOTED.findall(line)), _PROMPT.sub("", line))
        for directory in _upwards(directory_of(path)):
            for build in (asked.build(search, directory) for asked in builds_in(script)):
                is_own = build and os.path.realpath(search.shown(build.dockerfile or "")) == own
                if build and is_own and not os.path.normpath(build.context).startswith(".."):
                    return build
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
