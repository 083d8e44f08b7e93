"""What was found in a repository: builds, where they come from, and what was not understood."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ctxsize.build import Build
from ctxsize.findings import Finding, Location
from ctxsize.model import Effect, Problem
from ctxsize.values import replace


@dataclass(frozen=True)
class Place:
    """Something that asks for a build."""

    how: str
    """`compose`, `bake`, `workflow`, `command`, or `dockerfile` where nothing but the file does."""
    name: str
    """What it is called there: a service, a target, a job; `""` if it has no name."""
    where: Location

    def __str__(self) -> str:
        named = f" {self.name}" if self.name else ""
        return f"{self.where} ({self.how}{named})"


@dataclass(frozen=True)
class FoundBuild:
    """A build of a local context, and everything that asks for just this one."""

    build: Build
    """With paths as the user would name them, relative to the working directory if shorter."""
    places: tuple[Place, ...]
    guessed: bool = False
    """Whether the context was concluded from the Dockerfile alone."""
    contested: bool = False
    """Whether a command that is not written out may build it with another context."""

    @property
    def where(self) -> Location:
        """The first place that asks for it."""
        return self.places[0].where

    @property
    def inline(self) -> bytes | None:
        """The Dockerfile where no file holds it."""
        return self.build.dockerfile_inline

    @property
    def how(self) -> str:
        """How the first place does."""
        return self.places[0].how


@dataclass(frozen=True)
class Discovery:
    """Every build of a repository that its files tell of."""

    root: str
    builds: tuple[FoundBuild, ...] = ()
    """By context, Dockerfile and target."""
    dockerfiles: tuple[str, ...] = ()
    """Every Dockerfile in the tree, whether a build reads it or not."""
    ignore_files: tuple[str, ...] = ()
    """Every ignore file in the tree, likewise."""
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What could not be read or understood; the builds there are missing."""


@dataclass
class Haul:
    """What one source of contexts brings in."""

    builds: list[FoundBuild] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unresolved: bool = False
    """Whether it holds builds whose context or Dockerfile is not written out."""

    def complain(self, code: str, message: str, path: str, line: int | None = None) -> None:
        """Note something that was not understood."""
        self.problems.append(Problem(code, message, path=path, line=line))

    def drop_impossible(self) -> None:
        """Leave out the builds with a path that no file can have, such as one with a NUL."""
        for each in [each for each in self.builds if not _is_possible(each.build)]:
            self.builds.remove(each)
            self.complain("no-context", "no file has such a name", each.where.path, each.where.line)

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Note that the file at `path` is nested too deeply, if Python cannot go so deep."""
        try:
            yield
        except RecursionError:
            message = "not read: it is nested too deeply"
            self.problems.append(Problem("unread", message, path, effect=Effect.LOWER_BOUND))


def _is_possible(build: Build) -> bool:
    paths = "\n".join((build.context, build.dockerfile or "", *build.build_contexts.values()))
    try:
        return b"\0" not in os.fsencode(paths)
    except UnicodeEncodeError:
        return False


def merged(builds: list[FoundBuild]) -> tuple[FoundBuild, ...]:
    """`builds` with equal ones made one, in order of context, Dockerfile and target."""
    found: dict[object, FoundBuild] = {}
    for each in builds:
        key = _key(each)
        if key in found:
            other = found[key]
            places = tuple(dict.fromkeys((*other.places, *each.places)))
            build = replace(
                other.build,
                platforms=tuple(dict.fromkeys((*other.build.platforms, *each.build.platforms))),
            )
            found[key] = replace(
                other, build=build, places=places, guessed=other.guessed and each.guessed
            )
        else:
            found[key] = each
    return tuple(sorted(found.values(), key=_order))


def _key(found: FoundBuild) -> object:
    build = found.build
    return (
        build.context,
        build.dockerfile,
        build.dockerfile_inline,
        build.target,
        tuple(sorted(build.build_arguments.items())),
        tuple(sorted(build.build_contexts.items())),
    )


def _order(found: FoundBuild) -> tuple[str, str, str, str]:
    build = found.build
    arguments = repr(sorted(build.build_arguments.items()))
    return build.context, build.dockerfile or "", build.target, arguments
