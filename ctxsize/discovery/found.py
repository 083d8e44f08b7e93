"""What was found in a repository: builds, where they come from, and what was not understood."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ctxsize.build import Build, hiding
from ctxsize.discovery.files import is_reference
from ctxsize.engine.border import holds
from ctxsize.engine.plan import Plans
from ctxsize.findings import Finding, Location
from ctxsize.model import Effect, Problem

USUAL_PLATFORM = re.compile(
    "(?:(?:linux|windows|darwin|freebsd)/)?"
    "(?:386|amd64|arm|arm64|aarch64|x86_64|loong64|mips64le|ppc64le|riscv64|s390x|wasm)"
    "(?:/v[0-9])?|linux|windows|local"
)


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
    def how(self) -> str:
        """Return how the first place does."""
        return self.places[0].how


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


def concealed(build: Build) -> Build:
    """Return a build that a file asks for, as what of it may be printed without a variable's value.

    Its arguments are hidden. A context that is there is named as on disk, a usual platform is
    what it is; anything else is as the file has it.
    """
    build = hiding(build, build.build_arguments)
    return replace(
        build,
        platforms=tuple(
            each if USUAL_PLATFORM.fullmatch(each) else build.masked(each)
            for each in build.platforms
        ),
        build_contexts={
            build.masked(name): value if os.path.lexists(value) else build.masked(value)
            for name, value in build.build_contexts.items()
        },
    )


def there(path: str, as_written: str) -> str:
    """Return `path` if it is there, and else how the file has it, whose variables may be secret."""
    return path if os.path.lexists(path) else as_written


def bounded(builds: Iterable[FoundBuild], border: str) -> Iterator[FoundBuild]:
    """Yield `builds`, with word of what of them lies outside the repository `border`."""
    for each in builds:
        what, path = next(_outside(each.build, border), ("", ""))
        text = (
            f"its {what} {path} lies outside the repository {border}, so nothing is read there; "
            f"name {path} on the command line to look at it"
        )
        yield replace(each, outside=text if what else "")


def _outside(build: Build, border: str) -> Iterator[tuple[str, str]]:
    """Return the paths of a build that lie outside `border`, each behind what it is."""
    paths = [("context", build.context)]
    if build.dockerfile_inline is None and build.dockerfile is not None:
        paths.append(("Dockerfile", build.dockerfile))
    for name, value in build.build_contexts.items():
        if not is_reference(value):
            paths.append((f"context {name}", value))
    return ((what, path) for what, path in paths if not holds(border, path))


def merged(builds: list[FoundBuild]) -> tuple[FoundBuild, ...]:
    """`builds` with equal ones made one, in order of context, Dockerfile and target."""
    found: dict[object, list[FoundBuild]] = {}
    for each in builds:
        found.setdefault(_key(each), []).append(each)
    return tuple(sorted(map(_one, found.values()), key=_order))


def _one(equal: list[FoundBuild]) -> FoundBuild:
    """Return the build that all of `equal` are, with all that asks for it."""
    platforms = dict.fromkeys(name for each in equal for name in each.build.platforms)
    return replace(
        equal[0],
        build=replace(equal[0].build, platforms=tuple(platforms)),
        places=tuple(dict.fromkeys(place for each in equal for place in each.places)),
        guessed=all(each.guessed for each in equal),
    )


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
