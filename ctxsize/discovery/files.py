"""The files of a repository that may tell of builds: the only reader of directories here.

Not looked into: `.git` and its like, `node_modules`, directories that say
themselves that they are a cache or an environment (`CACHEDIR.TAG`, `pyvenv.cfg`),
vendored modules of Go, and what git ignores. Symlinks to directories are not
followed, so there are no loops. A file that lies outside the repository is not read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ctxsize.discovery.bakeprint import BakePrinter
from ctxsize.engine.border import border_of, holds
from ctxsize.engine.dockerfiles import MOST_BYTES
from ctxsize.engine.git import GitError, find
from ctxsize.engine.plan import Plan, Plans
from ctxsize.errors import InputError
from ctxsize.model import Effect, Problem
from ctxsize.reader import entries_in, read_file

_NEVER = frozenset((".git", ".hg", ".svn", ".jj", "node_modules", "bower_components"))
_TELLTALES = frozenset(("CACHEDIR.TAG", "pyvenv.cfg", "modules.txt"))
_LARGEST_BYTES = 1_000_000
"""Number of bytes of the largest file that is read: to parse much YAML takes minutes."""


@dataclass
class RepositoryFiles:
    """The names of a tree, directory by directory, and what could not be read."""

    root: str
    """As the user named it."""
    paths: list[str] = field(default_factory=list)
    """Relative to the root, in order, only those that were asked for."""
    problems: list[Problem] = field(default_factory=list)
    border: str = ""
    """The repository around the root."""
    plans: Plans = field(default_factory=Plans)
    """The Dockerfiles that were parsed, for whoever asks more about them."""
    printer: BakePrinter | None = None
    """What may ask Docker about Bake files."""

    def __post_init__(self) -> None:
        self.border = self.border or border_of(self.root)

    def shown(self, path: str) -> str:
        """Return a path relative to the root as the user would name it."""
        return os.path.normpath(os.path.join(self.root, path))

    def contexts(self, named: Mapping[str, str], directory: str = "") -> dict[str, str]:
        """Return named contexts, paths relative to `directory` as the user would name them."""
        return {
            name: value if is_reference(value) else self.shown(os.path.join(directory, value))
            for name, value in named.items()
        }

    def read(self, path: str, most: int = _LARGEST_BYTES) -> str | None:
        """Return the text of a file of the root, None if it is no text, too large or unreadable.

        What `path` names may lie outside the root, as an included or extended file does, but
        not outside the repository.
        """
        found = self._read(path, most)
        return None if found is None else found[1]

    def dockerfile(self, path: str) -> Plan | None:
        """Return the Dockerfile at `path`, None if it is no text, too large or unreadable."""
        found = self._read(path, MOST_BYTES)
        if found is None:
            return None
        data, _ = found
        return self.plans.of(self.shown(path), lambda: data)

    def _read(self, path: str, most: int) -> tuple[bytes, str] | None:
        """Return the bytes and the text of a file; None, with a problem, without a text."""
        name = self.shown(path)
        try:
            if not holds(self.border, name):
                raise OSError(0, f"it lies outside the repository {self.border}")
            data = read_file(name, most)
            return data, data.decode("utf-8-sig")
        except OSError as error:
            self.problems.append(_unread(name, error.strerror or str(error)))
        except UnicodeDecodeError:
            self.problems.append(_unread(name, "it is not UTF-8"))
        return None


def is_reference(context: str) -> bool:
    """Return whether a context is no directory: a URL, an image, a service or a target."""
    return "://" in context or context.startswith(("git@", "service:", "target:"))


def list_files(
    root: str, wanted: Callable[[str], bool], plans: Plans | None = None
) -> RepositoryFiles:
    """Return the paths below `root` that `wanted` accepts. Raises `InputError` for no directory."""
    if not os.path.isdir(root):
        raise InputError("no such directory", path=root or "''", hint="name a directory")
    files = RepositoryFiles(root, plans=plans or Plans())
    skipped = _ignored_by_git(files)
    for path in _walk(files, skipped):
        if wanted(path):
            files.paths.append(path)
    return files


def _walk(files: RepositoryFiles, skipped: frozenset[str]) -> Iterator[str]:
    pending = [""]
    while pending:
        directory = pending.pop()
        entries = _entries(files, directory)
        names = {entry.name for entry in entries}
        if directory and _is_made(directory, names):
            continue
        below: list[str] = []
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif entry.name not in _NEVER and f"{path}/" not in skipped:
                below.append(path)
        pending += reversed(below)


def _entries(files: RepositoryFiles, directory: str) -> list[os.DirEntry[str]]:
    name = files.shown(directory)
    try:
        return sorted(entries_in(name), key=lambda entry: entry.name)
    except OSError as error:
        reason = error.strerror or str(error)
        files.problems.append(
            Problem("unread", f"not looked into: {reason}", name, effect=Effect.LOWER_BOUND)
        )
        return []


def _is_made(directory: str, names: set[str]) -> bool:
    """Return whether the directory says that its content was made or fetched by a tool."""
    if "modules.txt" in names and directory.rpartition("/")[2] != "vendor":
        names = names - {"modules.txt"}
    return not names.isdisjoint(_TELLTALES)


def _ignored_by_git(files: RepositoryFiles) -> frozenset[str]:
    found = find(files.root)
    if found.repository is None:
        return frozenset()
    try:
        return found.repository.ignored
    except GitError as error:
        files.problems.append(Problem("git", f"what git ignores is not known: {error}", files.root))
        return frozenset()


def _unread(path: str, reason: str) -> Problem:
    return Problem("unread", f"not read: {reason}", path, effect=Effect.LOWER_BOUND)
