"""The builds of others: those that only fixtures, templates and vendored code define.

The rows `[[others]]` of `knowledge/builds.toml` say which directories hold such code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from os.path import dirname, relpath

from ctxsize.engine.evaluate import up_to
from ctxsize.findings import Location
from ctxsize.model import Problem, Texts
from ctxsize.repository.found_builds import FoundBuild, FoundBuilds
from ctxsize.repository.recognisers import OthersDirectory, others_directories
from ctxsize.repository.search import Search
from ctxsize.units import plural

_LEFT_OUT = "left-out"
_TO_BE_FILLED_IN = (b"{{", b"{%", b"<%", b"@@")


def is_template(data: bytes) -> bool:
    """Return whether a Dockerfile has marks that another program replaces."""
    return any(mark in data for mark in _TO_BE_FILLED_IN)


NamesIn = Callable[[str], Iterable[str]]  # returns the names in a directory


def what_of(
    directory: str, names_in: NamesIn, *, filled: bool = False, unbuilt: bool = False
) -> str:
    """Return what a directory belongs to, by rows that hold for such a Dockerfile there.

    `""` for the team. A template is `filled` in; nothing builds an `unbuilt` one.
    """
    for row in others_directories():
        if (row.filled and not filled) or (row.unbuilt and not unbuilt):
            continue
        for above in up_to(directory):
            if row.pattern.fullmatch(above) and _is_proved(row, above, directory, names_in):
                return row.what
    return ""


def _is_proved(row: OthersDirectory, above: str, directory: str, names_in: NamesIn) -> bool:
    """Return whether a file below `above`, or beside it, makes a directory one of others."""
    if not (row.holds or row.beside):
        return True
    places = [inner for inner in up_to(directory) if inner.startswith(f"{above}/")]
    if row.beside:
        places = [dirname(above)]
    return any(
        re.fullmatch(row.holds or row.beside, name) for place in places for name in names_in(place)
    )


def _in_words(left_out: Mapping[str, str]) -> str:
    """Return how many Dockerfiles were left out, as a clause; `""` if none was."""
    if not left_out:
        return ""
    *first, last = sorted({*left_out.values()})
    what = last
    if first:
        what = f"{', '.join(first)} and {last}"
    verb = "were"
    if len(left_out) == 1:
        verb = "was"
    return f"{plural(len(left_out), 'Dockerfile')} in {what} {verb} left out"


def with_problem(problems: Iterable[Problem], left_out: Mapping[str, str]) -> list[Problem]:
    """Return problems with one that says how many Dockerfiles were left out, if any was."""
    others = [problem for problem in problems if problem.code != _LEFT_OUT]
    words = _in_words(left_out)
    if words:
        others.insert(0, Problem(_LEFT_OUT, f"{words}; name a directory to measure it"))
    return others


class Others:
    """The directories of others in a repository: it splits the builds by whose they are."""

    def __init__(self, search: Search) -> None:
        self._search = search
        # Many files share a directory.
        self._what_of = cache(partial(what_of, names_in=search.names_in))
        self._left_out: dict[str, str] = {}  # what each Dockerfile belongs to
        self._builds_left_out: FoundBuilds = ()

    def split(self, builds: FoundBuilds) -> tuple[FoundBuilds, FoundBuilds]:
        """Return the builds of the team, and those that only the code of others defines."""
        ours = []
        theirs = []
        for build in builds:
            owners = [self._owner_of(build, place.where) for place in build.places]
            if all(owners):
                theirs.append(build)
                self._left_out[build.dockerfile or str(build.where)] = owners[0]
            else:
                ours.append(build)
        self._builds_left_out = tuple(theirs)
        return tuple(ours), self._builds_left_out

    def without_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return problems without those of Dockerfiles that were left out."""
        ours = []
        for problem in problems:
            what = ""
            if problem.path and not problem.skipped:  # of what was not read nobody knows enough
                path = relpath(problem.path, self._search.root)
                # Such a problem is one of a guess.
                what = self._what_of(dirname(path), unbuilt=problem.code == "dockerfile")
            if not what:
                ours.append(problem)
            elif problem.path and problem.code == "dockerfile":
                self._left_out[problem.path] = what
        return ours

    def paths_of_ours(self, paths: Iterable[str], builds: Iterable[FoundBuild]) -> Texts:
        """Return those of `paths` that are not in the code of others, or beside one of `builds`."""
        used = self._directories_of(builds)
        theirs = self._directories_of(self._builds_left_out) - used
        return tuple(
            path
            for path in paths
            if (dirname(path) or ".") in used
            or not (self._what_of(dirname(path)) or dirname(path) in theirs)
        )

    def _directories_of(self, builds: Iterable[FoundBuild]) -> set[str]:
        """Return the directories in which builds look for ignore files."""
        directories = set()
        for build in builds:
            directories.add(relpath(build.build.context, self._search.root))
            if build.build.dockerfile:
                directories.add(dirname(relpath(build.build.dockerfile, self._search.root)))
        return directories

    @property
    def left_out(self) -> dict[str, str]:
        """Return what each Dockerfile belongs to that was left out, by its path."""
        return {**self._left_out, **self._search.templates, **self._search.fetched}

    def _owner_of(self, build: FoundBuild, where: Location) -> str:
        """Return what the code at a place belongs to, `""` for that of the team."""
        path = relpath(where.path, self._search.root)
        if not build.guessed:
            return self._what_of(dirname(path))
        what = self._what_of(dirname(path), unbuilt=True)
        if what:
            return what
        parsed = self._search.dockerfile(path)
        if parsed is not None and is_template(parsed.data):
            return self._what_of(dirname(path), filled=True)
        return ""
