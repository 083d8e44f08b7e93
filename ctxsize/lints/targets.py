"""The ignore files that paths stand for, and the builds that read each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.config.contexts import builds
from ctxsize.discovery import Discovery, FoundBuild, discover
from ctxsize.discovery.found import Place, merged
from ctxsize.engine.border import border_of, holds, top_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import without_patterns
from ctxsize.errors import InputError
from ctxsize.findings import Location

SUFFIXES = (".dockerignore", ".containerignore")


@dataclass(frozen=True)
class Target:
    """An ignore file to lint, and what is known about its builds."""

    path: str
    """As the user would name it."""
    context: str | None = None
    """The directory whose context it governs, None if that is not known."""
    builds: tuple[Build, ...] = ()
    """Those that read it."""
    fallback: str | None = None
    """The general ignore file that a Dockerfile-specific one replaces."""
    unread: str | None = None
    """Why no build can read it, or None."""
    likely_unread: str | None = None
    """Why none of the known builds reads it, or None."""


@dataclass(frozen=True)
class Layout:
    """What the files below a directory tell of its builds."""

    discovery: Discovery

    @classmethod
    def below(
        cls,
        root: str,
        environment: Mapping[str, str] | None = None,
        *,
        config: Config | None = None,
        plans: Plans | None = None,
    ) -> Layout:
        """Return the layout of the directory `root`, with the builds that `config` tells of.

        Raises `InputError` for no directory.
        """
        found = discover(root, environment=environment, plans=plans)
        told = [] if config is None else [*_configured(config, root)]
        return cls(replace(found, builds=_with_told(found.builds, told)))

    def targets(self) -> list[Target]:
        """Return every ignore file with its builds, and what stands in the place of one."""
        contexts = [self.discovery.root, *(each.build.context for each in self.discovery.builds)]
        found = [os.path.normpath(os.path.join(each, SUFFIXES[0])) for each in contexts]
        odd = [path for path in found if os.path.isdir(path) or os.path.islink(path)]
        names = dict.fromkeys((*self.discovery.ignore_files, *odd))
        return [self.target(path) for path in sorted(names)]

    def target(self, path: str) -> Target:
        """Return the ignore file at `path` with its builds."""
        directory, name = os.path.split(path)
        if not os.path.isfile(path):
            return Target(path, unread=_no_file(path))
        if name.casefold() in SUFFIXES:
            return self._general(path, directory or ".", name)
        return self._specific(path, name)

    def _general(self, path: str, directory: str, name: str) -> Target:
        if name not in SUFFIXES:
            return Target(path, unread=f"its name must be {name.casefold()}, in lower case")
        if _leaves(path, directory):
            return Target(path, unread="it is a symlink that leaves the context")
        mine = tuple(
            found.build
            for found in self._of_context(directory)
            if not _has_own_ignore_file(found.build)
        )
        elsewhere = None if mine else self._elsewhere(directory)
        return Target(path, directory, mine, likely_unread=elsewhere)

    def _of_context(self, directory: str) -> list[FoundBuild]:
        """Return the builds with this context whose Dockerfile is a file."""
        return self._by_context.get(os.path.realpath(directory), [])

    @cached_property
    def _by_context(self) -> dict[str, list[FoundBuild]]:
        found: dict[str, list[FoundBuild]] = {}
        for each in self.discovery.builds:
            if each.inline is None:
                found.setdefault(os.path.realpath(each.build.context), []).append(each)
        return found

    def _elsewhere(self, directory: str) -> str | None:
        """Return that the Dockerfiles of `directory` are built with another context, else None."""
        own = [
            each
            for each in self.discovery.builds
            if each.build.dockerfile is not None
            and os.path.realpath(os.path.dirname(each.build.dockerfile))
            == os.path.realpath(directory)
        ]
        if not own or self._of_context(directory):
            return None
        first = own[0]
        how = "by what it takes" if first.guessed else f"by {first.places[0]}"
        return f"{first.build.dockerfile} is built with the context {first.build.context}, {how}"

    def _specific(self, path: str, name: str) -> Target:
        dockerfile = path.removesuffix(f".{name.rpartition('.')[2]}")
        if not name.casefold().endswith(SUFFIXES):
            return Target(path, unread=f"its name must begin with a dot: .{name}")
        if not os.path.isfile(dockerfile):
            return Target(path, unread=f"there is no {dockerfile} beside it")
        if not holds(border_of(self.discovery.root), path):
            return Target(path, unread="it is a symlink that leaves the repository")
        found = [*self._of_dockerfile(dockerfile)]
        if not found:
            return Target(path)
        context = found[0].context
        mine = tuple(build for build in found if build.context == context)
        return Target(path, context, mine, fallback_in(context))

    def _of_dockerfile(self, dockerfile: str) -> Iterator[Build]:
        real = os.path.realpath(dockerfile)
        for each in self.discovery.builds:
            named = each.build.dockerfile
            if named is not None and os.path.realpath(named) == real:
                yield each.build


@dataclass(frozen=True)
class TargetFinder:
    """Finds the ignore files to lint; each directory is searched for builds once."""

    build: Build | None
    """The build that the user is about, None for all that are found."""
    builder: Builder
    config: Config
    plans: Plans = field(default_factory=Plans)
    layouts: dict[str, Layout] = field(default_factory=dict)

    def targets(self, paths: Sequence[str]) -> Iterator[Target]:
        """Yield what `paths` stand for, each once: files, or all ignore files below a directory.

        Raises `InputError` for a path that is not there, and without a file that governs.
        """
        if not paths and self.build is not None and _is_named(self.build):
            yield self._governing(self.build)
            return
        seen = set[str]()
        for path in paths or (".",):
            for target in self._at(path):
                if os.path.normpath(target.path) not in seen:
                    seen.add(os.path.normpath(target.path))
                    yield target

    def _governing(self, build: Build) -> Target:
        """Return the file that governs `build`."""
        request = without_patterns(build, self.builder, plans=self.plans)
        if request.ignore_file is None:
            raise InputError(
                "no ignore file governs this build",
                path=build.context,
                hint="`ctxsize suggest` proposes one",
            )
        fallback = fallback_in(build.context) if request.dockerfile_specific else None
        return Target(request.ignore_file.path, build.context, (build,), fallback)

    def _at(self, path: str) -> Iterator[Target]:
        """Yield the ignore files that `path` stands for: itself, or those below."""
        named = is_ignore_file(path)
        if os.path.isdir(path) and not named:
            yield from self._layout(path).targets()
            return
        if not os.path.lexists(path):
            raise InputError("does not exist", path=path, hint="name an ignore file or a directory")
        if not named and is_dockerfile(path):
            raise InputError(
                "is a Dockerfile, no ignore file",
                path=path,
                hint=f"-f {path} lints the ignore file of its build",
            )
        if self.build is not None and _is_named(self.build):
            yield Target(path, self.build.context, (self.build,))
        elif named:
            yield self._layout(_root_of(path)).target(path)
        else:
            yield Target(path)

    def _layout(self, root: str) -> Layout:
        if root not in self.layouts:
            self.layouts[root] = Layout.below(
                root, os.environ, config=self.config, plans=self.plans
            )
        return self.layouts[root]


def _is_named(build: Build) -> bool:
    """Return whether it says which build it is about, rather than only how to build."""
    return build.context != "." or build.dockerfile is not None


def _root_of(path: str) -> str:
    """Return the directory whose files tell of the builds: the repository's, if `path` lies in one.

    Never one above the working directory, nor more than the file's own outside
    of a repository: that could be all of a home directory.
    """
    own = os.path.dirname(path) or "."
    here, directory = os.path.realpath("."), top_of(own)
    if directory is None or not holds(here, own):
        return own
    return os.path.relpath(directory) if directory.startswith(f"{here}/") else "."


def _configured(config: Config, root: str) -> Iterator[FoundBuild]:
    """Yield the builds of the tables of `config` whose context or Dockerfile lies below `root`."""
    for name, build in builds(config):
        usual = os.path.normpath(os.path.join(build.context, "Dockerfile"))
        if build.dockerfile is None and os.path.isfile(usual):
            build = replace(build, dockerfile=usual)
        if any(_lies_in(each, root) for each in (build.context, build.dockerfile or "")):
            place = Place("configuration", name, Location(config.path or ""))
            yield FoundBuild(build, (place,))


def _with_told(found: Sequence[FoundBuild], told: Sequence[FoundBuild]) -> tuple[FoundBuild, ...]:
    """Return all builds; a guessed one goes where the user names the Dockerfile's build."""
    dockerfiles = {os.path.realpath(each.build.dockerfile or "") for each in told}
    kept = [
        each
        for each in found
        if not (each.guessed and os.path.realpath(each.build.dockerfile or "") in dockerfiles)
    ]
    return merged([*kept, *told])


def _lies_in(path: str, directory: str) -> bool:
    real, root = os.path.realpath(path), os.path.realpath(directory)
    return bool(path) and os.path.commonpath([real, root]) == root


def _has_own_ignore_file(build: Build) -> bool:
    """Return whether the Dockerfile has an ignore file of its own, which is read instead."""
    return build.dockerfile is not None and os.path.isfile(f"{build.dockerfile}.dockerignore")


def fallback_in(context: str) -> str | None:
    """Return the general ignore file of `context`, which a Dockerfile-specific one replaces."""
    path = os.path.normpath(os.path.join(context, SUFFIXES[0]))
    return path if os.path.isfile(path) and not _leaves(path, context) else None


def _leaves(path: str, directory: str) -> bool:
    """Return whether the ignore file is a symlink that leads out of its directory."""
    if not os.path.islink(path):
        return False
    return not holds(os.path.realpath(directory), path)


def _no_file(path: str) -> str:
    if os.path.isdir(path):
        return "it is a directory"
    return "the symlink leads nowhere" if os.path.islink(path) else "it is no regular file"
