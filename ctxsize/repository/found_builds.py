"""The results of a search for builds: each one with the places that define it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from os.path import join, lexists, normpath, realpath, relpath, split
from typing import Literal

from ctxsize.build import Build, with_paths
from ctxsize.findings import Location
from ctxsize.hidden import made_of, shown
from ctxsize.model import Texts
from ctxsize.values import Value

USUAL_NAMES = ("Dockerfile", "dockerfile")


class Place(Value):
    """A place in a file that defines a build."""

    how: str  # `compose`, `bake`, `configuration`, or that of the file's row; else `dockerfile`
    name: str  # the name of the service, target or job; `""` if it has none
    where: Location

    def __str__(self) -> str:
        how = self.how
        if self.name:
            how = f"{how} {self.name}"
        return f"{self.where} ({how})"


# What a guessed context has of the sources: one by name, all of it, or none of the named ones.
Grounds = Literal["", "named", "all", "missing"]


class Stated(Value):
    """The word of a command on a Dockerfile whose build is not written out, or not possible yet."""

    dockerfile: str  # a pattern for its path, `*` for what is not known
    context: str | None  # None if it is not known
    what: str  # the context, as an object of "builds it with"
    place: Place


class FoundBuild(Value):
    """A build of a local context, and all places that define it."""

    build: Build  # the build, with paths as the user would name them from the working directory
    places: tuple[Place, ...]
    guessed: bool = False  # True if the context was concluded from the Dockerfile alone
    grounds: Grounds = ""  # for a guess
    contested: bool = False  # a command not written out may build it with another context
    outside: str = ""  # a sentence about the path of it that lies outside the repository

    @property
    def where(self) -> Location:
        """Return the location of the first place that defines it."""
        return self.places[0].where

    @property
    def inline(self) -> bytes | None:
        """Return the text of a Dockerfile that a Compose or Bake file contains, else None."""
        return self.build.dockerfile_inline

    @property
    def shown_dockerfile(self) -> str | None:
        """Return the path of the Dockerfile for the user, None if it is `inline` or missing."""
        if self.inline is not None:
            return None
        path = self.build.dockerfile
        if not path:
            usual = (normpath(join(self.build.context, name)) for name in USUAL_NAMES)
            path = next(filter(lexists, usual), None)
        return path

    @property
    def dockerfile(self) -> str | None:
        """Return the real path of the Dockerfile, None if it is `inline` or missing."""
        path = self.shown_dockerfile
        return path and realpath(path)

    @property
    def options(self) -> list[str]:
        """Return the options of a command line that name its Dockerfile and target, if needed."""
        options = []
        directory, name = split(self.build.dockerfile or "")
        # A report may name anything, so that no path is looked up.
        is_here = normpath(directory or ".") == normpath(self.build.context)
        is_usual = name in USUAL_NAMES and is_here
        if name and self.inline is None and not is_usual:
            options += ["-f", shown(self.build.dockerfile or "")]
        if self.build.target:
            options += ["--target", shown(self.build.target)]
        options += self.build.needed_words or ()
        return options

    @property
    def name(self) -> str:
        """Return its context, with the options that distinguish it from others there."""
        words = [shown(self.build.context), *self.options]
        if self.inline is not None:
            place = self.places[0]
            words.append(f"({place.how} {place.name})")
        return " ".join(words)

    def relative_to(self, root: str) -> FoundBuild:
        """Return the same build with paths relative to `root`."""
        below_root = partial(relpath, start=root)
        build = self.build
        dockerfile = build.dockerfile
        if dockerfile is not None and self.inline is None:
            dockerfile = made_of(below_root, dockerfile)
        places = []
        for place in self.places:
            where = replace(place.where, path=below_root(place.where.path))
            places.append(replace(place, where=where))
        build = replace(
            build,
            context=made_of(below_root, build.context),
            dockerfile=dockerfile,
            build_contexts=with_paths(build.build_contexts, below_root),
        )
        return replace(self, build=build, places=tuple(places))

    @property
    def named(self) -> object:
        """Return what a command line says of it besides its arguments."""
        place = self.dockerfile or self.where
        return realpath(self.build.context), place, str(self.build.target)


FoundBuilds = tuple[FoundBuild, ...]


class FileListing(Value, eq=False):
    """The files below a directory that may define builds, listed once for several searches."""

    root: str  # the real path of the directory
    everywhere: bool  # True if the work of others is included
    paths: Texts  # relative to the directory, in order

    def is_about(self, root: str, *, everywhere: bool) -> bool:
        """Return whether a search of `root` would list the same."""
        return self.everywhere == everywhere and self.root == realpath(root)


class ComposeMount(Value):
    """A local path that Compose mounts into a service."""

    source: str  # relative to the root
    target: str
    where: Location
