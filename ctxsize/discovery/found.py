"""What was found in a repository: builds, where they come from, and what was not understood."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ctxsize.build import Build
from ctxsize.engine.request import Plans
from ctxsize.findings import Finding, Location
from ctxsize.model import Problem


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
    outside: str = ""
    """What of it lies outside the repository, a sentence; `""` if nothing does."""

    @property
    def where(self) -> Location:
        """Return the first place that asks for it."""
        return self.places[0].where

    @property
    def inline(self) -> bytes | None:
        """Return the Dockerfile where no file holds it."""
        return self.build.dockerfile_inline

    @property
    def dockerfile(self) -> str | None:
        """Return the real path of the Dockerfile that is read, None where no file holds it."""
        build = self.build
        if self.inline is not None:
            return None
        usual = (os.path.join(build.context, name) for name in ("Dockerfile", "dockerfile"))
        path = build.dockerfile or next(filter(os.path.lexists, usual), None)
        return path and os.path.realpath(path)


@dataclass(frozen=True)
class Discovery:
    """Every build of a repository that its files tell of."""

    root: str
    builds: tuple[FoundBuild, ...] = ()
    """By context, Dockerfile and target."""
    outside: tuple[FoundBuild, ...] = ()
    """The builds of which a context or the Dockerfile lies outside the repository."""
    dockerfiles: tuple[str, ...] = ()
    """Every Dockerfile in the tree, whether a build reads it or not."""
    ignore_files: tuple[str, ...] = ()
    """Every ignore file in the tree, likewise."""
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What could not be read or understood; the builds there are missing."""
    plans: Plans = field(default_factory=Plans, compare=False, repr=False)
    """The Dockerfiles that were parsed on the way."""


def merged(builds: Iterable[FoundBuild]) -> tuple[FoundBuild, ...]:
    """Return `builds` with equal ones made one, in order of context, Dockerfile and target."""
    found: dict[tuple[str, ...], list[FoundBuild]] = {}
    for each in builds:
        found.setdefault(_key(each.build), []).append(each)
    return tuple(_one(found[key]) for key in sorted(found, key=lambda key: key[:4]))


def _one(equal: list[FoundBuild]) -> FoundBuild:
    """Return the build that all of `equal` are, with all that asks for it."""
    platforms = dict.fromkeys(name for each in equal for name in each.build.platforms)
    return replace(
        equal[0],
        build=replace(equal[0].build, platforms=tuple(platforms)),
        places=tuple(dict.fromkeys(place for each in equal for place in each.places)),
        guessed=all(each.guessed for each in equal),
    )


def _key(build: Build) -> tuple[str, ...]:
    named = (build.build_arguments, build.build_contexts)
    others = (*(repr(sorted(each.items())) for each in named), repr(build.dockerfile_inline))
    return build.context, build.dockerfile or "", build.target, *others
