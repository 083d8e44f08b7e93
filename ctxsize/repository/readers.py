"""The ignore files of a repository that no build reads: for which reason, and what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from os.path import basename, dirname, isfile, islink, join, lexists, realpath, split

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.dockerfiles import (
    ENDINGS,
    dockerfile_of,
    find_ignore_file,
    ignore_file_base,
    ignore_file_paths,
    is_alike,
    is_dockerfile,
    right_name,
)
from ctxsize.engine.plan import ParsedDockerfiles, plan_of
from ctxsize.errors import CtxsizeError
from ctxsize.reader import holds
from ctxsize.repository.found_builds import FoundBuild, FoundBuilds
from ctxsize.repository.moving import tried
from ctxsize.repository.search import shortened
from ctxsize.units import as_code
from ctxsize.values import Value

_MOST_NAMED = 3


class Unread(Value):
    """The reason for which no build reads an ignore file."""

    reason: str  # a clause about it
    help: str
    builds: FoundBuilds = ()  # those that show it
    is_misnamed: bool = False  # True if no build could read it, whatever builds there are
    new_path: str | None = None  # the name that it must have to be read, if that is free
    is_open: bool = False  # True if a command that is not written out may read it

    @property
    def is_sure(self) -> bool:
        """Return whether the reason depends on no guess."""
        if self.is_misnamed:
            return True
        return bool(self.builds) and not any(build.guessed for build in self.builds)


class IgnoreFileReaders:
    """The builds of a repository by the places at which they look for ignore files."""

    def __init__(
        self, builds: Iterable[FoundBuild], border: str, parsed_files: ParsedDockerfiles
    ) -> None:
        """Compare with `builds`, also those with a context outside the repository `border`.

        Of these only the names are compared: nothing outside is looked up.
        """
        self._border = border
        self._builds = []
        outside = []
        for build in builds:
            if build.outside or not holds(border, build.build.context):
                outside.append(build)
            else:
                self._builds.append(build)
        self._plan_of = partial(plan_of, builder=BUILDERS["buildkit"], parsed_files=parsed_files)
        self._real: Callable[[str], str] = cache(realpath)
        self._governing = {id(build): governing(build) for build in self._builds}
        self._read = {
            self._real(path) for build in self._builds for path in self._paths_read(build)
        }
        for build in outside:
            dockerfile = build.build.dockerfile
            if dockerfile and holds(border, dockerfile):
                self._read.update(self._real(dockerfile + ending) for ending in ENDINGS)
        self._is_contested = any(build.contested for build in self._builds)
        self._by_context = defaultdict[str, list[FoundBuild]](list)
        self._by_dockerfile = defaultdict[str, list[FoundBuild]](list)
        self._beside = defaultdict[str, list[FoundBuild]](list)
        for build in self._builds:
            self._by_context[self._real(build.build.context)].append(build)
            dockerfile = build.dockerfile
            if dockerfile is not None:
                self._by_dockerfile[dockerfile].append(build)
                self._beside[dirname(dockerfile)].append(build)

    def why_unread(self, path: str) -> Unread | None:
        """Return why no build reads the ignore file at `path`; None if one does, or seems to.

        Without any build it is None unless no build could read such a file.
        """
        unread = self._unusable(path)
        if unread is None and realpath(path) not in self._read:
            unread = self._misnamed(path) or self._with_right_name(path)
        return unread

    def _paths_read(self, found: FoundBuild) -> Iterator[str]:
        """Yield the ignore files that a build reads, with Docker or with Podman."""
        dockerfile = found.shown_dockerfile
        directories = [found.build.context, *found.build.build_contexts.values()]
        read = self._governing[id(found)]
        yield f"{dockerfile}{ENDINGS[1]}"
        for directory in directories:
            yield join(directory, ENDINGS[1])
        if read:
            yield read
            del directories[0]
        else:  # there is none, or the build fails on it
            yield f"{dockerfile}{ENDINGS[0]}"
        for directory in directories:
            yield join(directory, ENDINGS[0])

    def _unusable(self, path: str) -> Unread | None:
        """Return why no builder reads what lies at `path`, whatever its name."""
        directory, name = split(path)
        reason = ""
        if not isfile(path):
            reason = "it is no regular file"
        elif islink(path) and name in ENDINGS and not holds(realpath(directory or "."), path):
            reason = "it is a symlink that leaves the context"
        elif name not in ENDINGS and islink(path) and not holds(self._border, path):
            reason = "it is a symlink that leaves the repository"
        if not reason:
            return None
        return Unread(reason, "correct that, or remove the file", is_misnamed=True)

    def _misnamed(self, path: str) -> Unread | None:
        """Return why no builder looks for a file with this name."""
        directory, name = split(path)
        right = right_name(name)
        new_path = join(directory, right)
        if right in ENDINGS:
            if name == right:
                return None
            reason = f"its name must be {right}, in lower case"
            if not name.startswith("."):
                reason = f"its name must begin with a dot: {right}"
            return self._renamed(path, reason, [new_path])
        dockerfile = dockerfile_of(path)
        if isfile(dockerfile):
            if name == right:
                return None
            ending = right.removeprefix(basename(dockerfile))
            return self._renamed(path, f"it must end with {ending}, in lower case", [new_path])
        reason = f"there is no {dockerfile} beside it"
        ending = right.removeprefix(basename(dockerfile))
        meant = self._dockerfiles_meant(dockerfile)
        return self._renamed(path, reason, [f"{other}{ending}" for other in meant])

    def _dockerfiles_meant(self, missing: str) -> list[str]:
        """Return the Dockerfiles for which one may stand that does not exist.

        They are called alike and lie beside it, or have its name and its directory as context.
        """
        directory, name = split(missing)
        here = self._real(directory or ".")
        meant = dict[str, None]()
        for build in self._beside.get(here, ()):
            dockerfile = build.shown_dockerfile
            if dockerfile and is_alike(name, basename(dockerfile)):
                meant[dockerfile] = None
        for build in self._by_context.get(here, ()):
            dockerfile = build.shown_dockerfile
            if dockerfile and name == basename(dockerfile):
                meant[dockerfile] = None
        return [*meant]

    def _renamed(self, path: str, reason: str, paths: Sequence[str]) -> Unread:
        """Return that the name of a file is wrong, and which of `paths` it should have."""
        if not paths:
            return Unread(reason, "correct that, or remove the file", is_misnamed=True)
        return Unread(
            reason=reason,
            help=f"rename it to {' or '.join(paths)}",
            is_misnamed=True,
            new_path=self._free(path, paths),
        )

    def _free(self, path: str, paths: Sequence[str]) -> str | None:
        """Return the only one of `paths` if the file can be renamed to it and is then read."""
        if len(paths) != 1 or islink(path):
            return None
        new_path = paths[0]
        directory = dirname(new_path) or "."
        if lexists(new_path) or not holds(self._border, directory):
            return None
        if not self._builds:
            return new_path
        readers = self._by_dockerfile.get(self._real(dockerfile_of(new_path)), ())
        if basename(new_path) in ENDINGS:
            readers = self._by_context.get(self._real(directory), ())
        if any(_would_read(build, new_path) for build in readers):
            return new_path
        return None

    def _with_right_name(self, path: str) -> Unread | None:
        """Return why the builds that exist do not read a file whose name is right."""
        if not self._builds:
            return None
        find = self._of_dockerfile
        if basename(path) in ENDINGS:
            find = self._of_context
        unread = find(path)
        if unread is None or unread.is_sure:
            return unread
        if not self._is_contested:
            return unread
        # A command that is not written out may build with the context that would read it.
        if unread.builds:
            return None
        reason = f"{unread.reason}; a command that is not written out may read it"
        return replace(unread, reason=reason, is_open=True)

    def _of_dockerfile(self, path: str) -> Unread | None:
        dockerfile = dockerfile_of(path)
        own = self._by_dockerfile.get(self._real(dockerfile))
        if own:
            return self._replaced(own)
        if is_dockerfile(dockerfile):  # one that cannot be parsed is built all the same
            return None
        return Unread(f"no build of {dockerfile} was found", "remove it, if nothing builds that")

    def _of_context(self, path: str) -> Unread | None:
        directory = dirname(path)
        here = self._real(directory or ".")
        own = self._by_context.get(here)
        if own:
            return self._replaced(own)
        beside = self._beside.get(here)
        if beside:
            return self._of_another_context(path, beside)
        return Unread(
            f"no build has the context {directory or '.'}",
            "remove it, unless something builds there",
        )

    def _of_another_context(self, path: str, builds: Sequence[FoundBuild]) -> Unread:
        """Return that the Dockerfiles beside an ignore file have another context."""
        build = min(builds, key=lambda build: build.build.context)
        own_path = f"{build.shown_dockerfile}{ENDINGS[0]}"
        present = self._governing[id(build)]
        order = f"name it {own_path}"
        readers = [build]
        new_path = None
        if present:
            order = f"move its lines to {present}"
            readers = [other for other in self._builds if self._governing[id(other)] == present]
        elif len({other.dockerfile for other in builds}) == 1:
            new_path = self._free(path, [own_path])
        how = f"by {build.places[0]}"
        if build.guessed:
            how = "as its sources and its directory suggest"
        context = build.build.context
        return Unread(
            reason=f"{build.shown_dockerfile} is built with the context {context}, {how}",
            help=self._tried(f"{order}, with paths from {context}", path, present, readers),
            builds=tuple(builds),
            new_path=new_path,
        )

    def _tried(
        self, order: str, path: str, present: str | None, readers: Iterable[FoundBuild]
    ) -> str:
        """Return the order to write the lines of a file where `readers` read them.

        They are tried on each of these builds: a line that hides what one needs stays behind.
        """
        plans = []
        for found in readers:
            with suppress(CtxsizeError):
                plans.append(self._plan_of(found.build))
        harmful = list[str]()
        with suppress(CtxsizeError):  # the file cannot be read
            harmful, others = tried(path, present, plans)
        if not harmful:
            return order
        names = " and ".join(shortened([*map(as_code, harmful)], _MOST_NAMED))
        if len(harmful) > _MOST_NAMED or not others:
            return f"remove it: there {names} would hide what a build takes"
        return f"{order}, but without {names}, which would hide what a build takes"

    def _replaced(self, builds: Sequence[FoundBuild]) -> Unread:
        """Return that the builds which could read an ignore file read others."""
        titles = dict[str, str]()
        for build in builds:
            other = self._governing[id(build)]
            if other is not None:
                titles.setdefault(other, BUILDERS[build.build.builder].title)
        title = BUILDERS[builds[0].build.builder].title
        reason = f"{title} does not look for this name"
        if titles:
            verb = "replace"
            if len(titles) == 1:
                verb = "replaces"
            paths = " and ".join(shortened([*titles], _MOST_NAMED))
            reason = f"{paths} {verb} it for {titles.popitem()[1]}"
        return Unread(reason, "remove it, or make both equal", builds=tuple(builds))


def _would_read(found: FoundBuild, path: str) -> bool:
    """Return whether a build reads an ignore file if there is one at `path`."""
    build = found.build
    builders = [BUILDERS[build.builder]]
    if path.endswith(ENDINGS[1]):  # another builder may be used too
        builders = [*BUILDERS.values()]
    real = join(realpath(dirname(path) or "."), basename(path))
    for builder in builders:
        base = ignore_file_base(build.context, build.dockerfile, found.shown_dockerfile, builder)
        for place, _ in ignore_file_paths(build.context, base, builder):
            if join(realpath(dirname(place) or "."), basename(place)) == real:
                return True
            if isfile(place):
                break
    return False


def governing(found: FoundBuild) -> str | None:
    """Return the ignore file that a build reads, None if it reads none or fails on it."""
    build = found.build
    builder = BUILDERS[build.builder]
    base = ignore_file_base(build.context, build.dockerfile, found.shown_dockerfile, builder)
    with suppress(CtxsizeError):
        file, _, _ = find_ignore_file(build.context, base, builder)
        if file is not None:
            return file.path
    return None
