"""The search for builds: the files that may define them, and the results so far.

In this package, only this module reads files and directories. It skips what git ignores or a tool
fetched, follows no symlinks to directories, and reads no file outside the repository.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from functools import cached_property
from os.path import basename, isdir, join, lexists, normpath, realpath, split
from typing import Any

from ctxsize.build import Build, is_named_reference, is_reference, placed
from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.words import Variables
from ctxsize.engine.dockerfiles import MOST_BYTES, is_dockerfile
from ctxsize.engine.git import GitError, find, untracked_worktrees
from ctxsize.engine.plan import ParsedDockerfile, ParsedDockerfiles
from ctxsize.errors import InputError
from ctxsize.findings import Finding, Location
from ctxsize.go.wildcards import fixed_part, match
from ctxsize.hidden import made_of, shown
from ctxsize.model import Effect, Problem
from ctxsize.reader import border_of, entries_in, holds, read_file
from ctxsize.repository.found_builds import (
    ComposeMount,
    FileListing,
    FoundBuild,
    Grounds,
    Place,
    Stated,
)
from ctxsize.values import Mutable

_USUAL_PLATFORM = (
    "(?:(?:linux|windows|darwin|freebsd)/)?"
    "(?:386|amd64|arm|arm64|aarch64|x86_64|loong64|mips64le|ppc64le|riscv64|s390x|wasm)"
    "(?:/v[0-9])?|linux|windows|local"
)
_OF_VERSIONS = frozenset((".git", ".hg", ".svn", ".jj"))
_FETCHED = frozenset(("node_modules", "bower_components"))
LARGEST_BYTES = 1_000_000  # of a file that is read: parsing large YAML takes minutes
_MOST_COUNTED = 20_000  # names in directories that tools fetched, to count the Dockerfiles
_MOST_ASKED = 1_000  # files of which only the beginning says whether they may define builds
_MOST_ASKED_HERE = 50  # of these in one directory: more of them are data
_MOST_OF_BEGINNING = 4096  # bytes that are read of each
_MOST_STATED = 200
_VENDORED = "vendored code"
_MOST_NAMES = 300_000  # names that are compared with the wildcards of all Dockerfiles together


RegexMatch = re.Match[str]
NamedTexts = dict[str, str]  # arguments, contexts or variables


class NotReadError(Exception):
    """A file cannot be read or evaluated; the message is a clause, `line` is 1-based."""

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


class Search(Mutable):
    """A repository whose files are searched for builds. Paths are relative to its root."""

    root: str  # the directory as the user named it
    environment: Variables = field(default_factory=dict)  # for Compose and Bake files
    parsed_files: ParsedDockerfiles = field(
        default_factory=ParsedDockerfiles
    )  # the parsed Dockerfiles, which the caller reuses
    paths: list[str] = field(default_factory=list)  # the files that may define builds, in order
    builds: list[FoundBuild] = field(default_factory=list)
    pristine: list[FoundBuild] = field(default_factory=list)  # of what git tracks, and nothing else
    findings: list[Finding] = field(default_factory=list)
    problems: dict[Problem, None] = field(default_factory=dict)  # each once
    mounts: list[ComposeMount] = field(default_factory=list)
    is_open: bool = False  # True if a context or a Dockerfile of some build is not written out
    names_left: int = _MOST_NAMES  # number of names that `finds` may still compare
    fetched: dict[str, str] = field(default_factory=dict)
    """Dockerfiles that a tool fetched and git does not ignore: what each belongs to."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """Dockerfiles that tools build with contexts of their own: what these send, by real paths."""
    stated: list[Stated] = field(default_factory=list)
    unnamed: Stated | None = None  # what a command says that may build any Dockerfile
    projects: dict[str, Any] = field(default_factory=dict)  # of Maven, by their paths
    has_index: bool = False  # True if git knows what is committed
    templates: dict[str, str] = field(default_factory=dict)
    """Dockerfiles that nothing can parse before they are filled in: what each belongs to."""

    @cached_property
    def border(self) -> str:
        """Return the path of the repository around the root."""
        return border_of(self.root)

    def shown(self, path: str) -> str:
        """Return a path as the user would name it."""
        return normpath(join(self.root, path))

    def complain(
        self,
        code: str,
        message: str,
        where: Location,
        *,
        fails: bool = False,
        skipped: bool = False,
    ) -> None:
        """Record a problem, which may say that a build `fails`."""
        problem = Problem(
            code=code,
            message=message,
            path=where.path,
            line=where.line,
            fails=fails,
            skipped=skipped,
        )
        self.problems[problem] = None

    def read(self, path: str, most: int = LARGEST_BYTES) -> str | None:
        """Return the text of a file; None, and record a problem, if it cannot be read.

        An included or extended file may lie outside the root, but not outside the repository.
        """
        data = self._data(path, most)
        if data is None:
            return None
        return data.decode("utf-8-sig")

    def dockerfile(self, path: str) -> ParsedDockerfile | None:
        """Return the Dockerfile at `path`; None, and record a problem, if it cannot be read."""
        data = self._data(path, MOST_BYTES)
        if data is None:
            return None
        return self.parsed_files.of(self.shown(path), lambda: data)

    def stated_of(self, path: str) -> Stated | None:
        """Return what a command says of the Dockerfile at `path`, None if none does."""
        return next(
            (stated for stated in self.stated[:_MOST_STATED] if match(stated.dockerfile, path)),
            None,
        )

    def finds(self, directory: str, source: Source) -> bool:
        """Return whether a directory has an entry for a source, sent or not.

        Wildcards match nothing once too many names were compared.
        """
        if not source.is_wild:
            return lexists(self.shown(join(directory, source.path)))
        start = fixed_part(source.path)
        parts = source.path.removeprefix(start).lstrip("/").split("/")
        pending = [(join(directory, start), parts)]
        while pending:
            path, (part, *below) = pending.pop()
            for name in self.names_in(path):
                if not match(part, name):
                    continue
                if not below:
                    return True
                pending.append((join(path, name), below))
        return False

    def names_in(self, directory: str) -> list[str]:
        """Return the names in a directory of the repository; none if it cannot be read."""
        names = []
        if self.names_left > 0:
            path = self.shown(directory)
            with suppress(OSError, ValueError):  # a name may have a NUL
                if holds(self.border, path):
                    names = [entry.name for entry in entries_in(path)]
            self.names_left -= len(names) + 1
        return names

    def _data(self, path: str, most: int) -> bytes | None:
        name = self.shown(path)
        try:
            if not holds(self.border, name):
                raise OSError(0, f"it lies outside the repository {self.border}")
            data = read_file(name, most)
            data.decode()
            return data
        except OSError as error:
            self._unread(name, f"this file was skipped: {error.strerror or error}")
        except UnicodeDecodeError:
            self._unread(name, "this file was skipped: it is not UTF-8")
        return None

    def _unread(self, path: str, message: str) -> None:
        problem = Problem("unread", message, path, effect=Effect.LOWER_BOUND, skipped=True)
        self.problems[problem] = None

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Record that the file at `path` cannot be read, or is nested deeper than Python allows."""
        try:
            yield
        except RecursionError:
            self._unread(self.shown(path), "this file was skipped: it is nested too deeply")
        except NotReadError as error:
            self.complain(
                error.code,
                message=f"this file was skipped: {error}",
                where=Location(self.shown(path), error.line),
                skipped=True,
            )

    def add(
        self,
        place: Place,
        build: Build,
        *,
        guessed: bool = False,
        grounds: Grounds = "",
        to: list[FoundBuild] | None = None,
    ) -> None:
        """Add a build, by default to `builds`, if its context is a directory of this machine.

        Its paths are relative to the root. Existing paths are printed as on disk, others with
        names in place of hidden values.
        """
        if is_reference(build.context):
            return
        contexts = placed(build.build_contexts, self.root)
        paths = "\n".join((build.context, build.dockerfile or "", *contexts.values()))
        context = made_of(self.shown, build.context)
        fault = ""
        if not _is_possible(paths):
            fault = "the context or the Dockerfile has a name that no file can have"
        elif not isdir(context):
            fault = f"its context {_printable(context)} is no directory"
        if fault:
            if place.name:
                fault = f"{place.name}: {fault}"
            self.complain("no-context", fault, place.where)
            return
        dockerfile = build.dockerfile
        if dockerfile is not None and build.dockerfile_inline is None:
            dockerfile = _printable(made_of(self.shown, dockerfile))
        build = replace(
            build,
            context=str(context),
            dockerfile=dockerfile,
            build_contexts={shown(name): _printable(path) for name, path in contexts.items()},
            platforms=tuple(map(_printable_platform, build.platforms)),
        )
        found = FoundBuild(
            build,
            places=(place,),
            guessed=guessed,
            grounds=grounds,
            contested=guessed and self.is_open,
            outside=self._outside(build),
        )
        if to is None:
            to = self.builds
        to.append(found)

    def _outside(self, build: Build) -> str:
        """Return a sentence about a path of a build outside the repository; `""` without one."""
        paths = {"context": build.context}
        if build.dockerfile_inline is None and build.dockerfile is not None:
            paths["Dockerfile"] = build.dockerfile
        for name, path in build.build_contexts.items():
            if not is_named_reference(path):
                paths[f"context {name}"] = path
        for what, path in paths.items():
            if holds(self.border, path):
                continue
            return (
                f"its {what} {path} lies outside the repository {self.border} and is not read; "
                f"name {path} on the command line to measure it"
            )
        return ""

    def list_files(
        self,
        wanted: Callable[[str], bool],
        begins: Callable[[str, str], bool] = lambda path, beginning: False,
        *,
        everywhere: bool,
    ) -> FileListing:
        """Fill `paths` with what `wanted` accepts. Raises `InputError` for no directory.

        Of other YAML and files without an ending, `begins` decides by the path and the beginning;
        only of the first ones in each directory, and of those that are nearest to the root.

        Unless `everywhere`, directories are skipped that hold the work of others: dependencies,
        worktrees, and what git ignores.
        """
        if not isdir(self.root):
            raise InputError(
                "no such directory",
                path=self.root or "''",
                hint="name a directory",
            )
        never = _OF_VERSIONS
        skipped = set()
        if not everywhere:
            never |= _FETCHED
            skipped = self._of_others()
        fetched = []
        asked = []
        pending = [""]
        while pending:
            directory = pending.pop()
            name = self.shown(directory)
            try:
                entries = entries_in(name)
            except OSError as error:
                self._unread(name, f"this directory was skipped: {error.strerror or error}")
                continue
            names = {child.name for child in entries}
            if directory and not everywhere and _is_of_a_tool(directory, names):
                fetched.append(directory)
                continue
            prefix = join(directory, "")
            folders = {child.name for child in entries if child.is_dir(follow_symlinks=False)}
            files = [*map(prefix.__add__, names - folders)]
            chosen = sorted(filter(wanted, files))
            self.paths += chosen
            unclear = sorted(filter(_may_be_anything, {*files}.difference(chosen)))
            asked += unclear[:_MOST_ASKED_HERE]
            below = map(prefix.__add__, sorted(folders - never, reverse=True))
            pending += [path for path in below if f"{path}/" not in skipped]
            apart = map(prefix.__add__, sorted(folders & never & _FETCHED))
            fetched += [path for path in apart if f"{path}/" not in skipped]
        if self.has_index and not everywhere:
            self._count_fetched(fetched)
        asked.sort(key=lambda path: path.count("/"))
        self.paths += (path for path in asked[:_MOST_ASKED] if begins(path, self._beginning(path)))
        return FileListing(realpath(self.root), everywhere, paths=tuple(self.paths))

    def _beginning(self, path: str) -> str:
        """Return the beginning of a file; `""` if it cannot be read, or is no text."""
        name = self.shown(path)
        with suppress(OSError):
            if holds(self.border, name):
                return read_file(name, _MOST_OF_BEGINNING, cut=True).decode(errors="replace")
        return ""

    def _count_fetched(self, directories: list[str]) -> None:
        """Note the Dockerfiles of a committed package cache or vendored modules, the first ones."""
        pending = directories[::-1]
        left = _MOST_COUNTED
        while pending and left > 0:
            directory = pending.pop()
            entries = []
            with suppress(OSError):
                entries = entries_in(self.shown(directory))
            left -= len(entries)
            for entry in entries:
                path = join(directory, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif is_dockerfile(entry.name):
                    self.fetched[path] = _VENDORED

    def _of_others(self) -> set[str]:
        """Return the worktrees and what git ignores, with a trailing slash for directories."""
        skipped = {f"{worktree}/" for worktree in untracked_worktrees(self.root)}
        try:
            repository = find(self.root).repository
            if repository is None:  # in a bare repository all working trees are worktrees
                return set()
            self.has_index = True
            return skipped | repository.ignored
        except GitError as error:
            self.complain(
                "git",
                message=f"what git ignores is not known: {error}",
                where=Location(self.root),
            )
            return skipped


def _is_of_a_tool(directory: str, names: set[str]) -> bool:
    """Return whether a tool fetched or made what a directory with these `names` contains."""
    if "CACHEDIR.TAG" in names or "pyvenv.cfg" in names:
        return True
    return "modules.txt" in names and basename(directory) == "vendor"


def _may_be_anything(path: str) -> bool:
    """Return whether a file may define builds that has no name for it."""
    name = path.rpartition("/")[2]
    return "." not in name or name.endswith((".yml", ".yaml"))


def by_directory(paths: Iterable[str]) -> Iterable[tuple[str, list[str]]]:
    """Return each directory with the names of its files."""
    directories = defaultdict(list)
    for path in paths:
        directory, name = split(path)
        directories[directory].append(name)
    return directories.items()


def shortened(texts: Sequence[str], most: int) -> list[str]:
    """Return the first texts, and the number of the others."""
    if len(texts) <= most:
        return [*texts]
    return [*texts[:most], f"{len(texts) - most} more"]


def _is_possible(path: str) -> bool:
    """Return whether a file can have such a name: it contains no NUL."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


# Only the target, the arguments and a Dockerfile without a file stay hidden texts in a build.
def _printable(path: str) -> str:
    """Return an existing path as it is, another one as it may be printed."""
    if lexists(path):
        return str(path)
    return shown(path)


def _printable_platform(platform: str) -> str:
    """Return a usual platform as it is, another one as it may be printed."""
    if re.fullmatch(_USUAL_PLATFORM, platform):
        return str(platform)
    return shown(platform)
