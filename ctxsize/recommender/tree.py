"""A snapshot with fast access to its names, and the sums of the sent files per directory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase, translate
from functools import cache, lru_cache, reduce
from typing import NamedTuple

from ctxsize.engine.need import Include
from ctxsize.engine.snapshot import Names, Sent, Snapshot
from ctxsize.engine.source import File, MemoryDirectory
from ctxsize.model import Amount

_WILDCARDS = frozenset("*?[")


class Sums(NamedTuple):
    """Number of files, bytes and symlinks."""

    files: int = 0
    content_bytes: int = 0
    symlinks: int = 0

    @property
    def entries(self) -> int:
        return self.files + self.symlinks

    def plus(self, other: Sums) -> Sums:
        files, content_bytes, symlinks = other
        return Sums(self[0] + files, self[1] + content_bytes, self[2] + symlinks)

    def minus(self, other: Sums) -> Sums:
        files, content_bytes, symlinks = other
        return Sums(self[0] - files, self[1] - content_bytes, self[2] - symlinks)


class Tree:
    """A snapshot that finds names beside, inside and below a path."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.root = snapshot.root
        self.first = cache(self._find_first)
        """Return the first path below a directory that one of several patterns matches."""

    def names(self, directory: str) -> Iterator[str]:
        """Yield the names in a directory; none if there is no such directory."""
        held = self.snapshot.folder(directory)
        if held is not None:
            yield from held.entries
            yield from held.folders

    def has(self, directory: str, name: str) -> bool:
        """Return True if a directory contains an entry of this name."""
        held = self.snapshot.folder(directory)
        return held is not None and held.has(name)

    def entry(self, path: str) -> File | MemoryDirectory | None:
        """Return the entry at `path`; None if there is none."""
        found = self.snapshot.folder(path) or self.snapshot.file(path)
        return found if path else None

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a file, or of all files below a directory."""
        entry = self.entry(path)
        return 0 if entry is None else entry.content_bytes

    def find(self, directory: str, pattern: str) -> str | None:
        """Return the first path below `directory` that matches, by components; None if none does.

        `../` at the start of the pattern is the directory above, inside the context.
        """
        while pattern.startswith("../"):
            if not directory:
                return None
            directory, pattern = directory.rpartition("/")[0], pattern[3:]
        if "/" in pattern or is_glob(pattern):
            return next(self.all(directory, pattern), None)
        path = f"{directory}/{pattern}" if directory else pattern
        return path if self.has(directory, pattern) else None

    def _find_first(self, directory: str, patterns: tuple[str, ...]) -> str | None:
        found = (self.find(directory, each) for each in patterns)
        return next((each for each in found if each is not None), None)

    def all(self, directory: str, pattern: str) -> Iterator[str]:
        """Yield every path below `directory` that matches, sorted by name."""
        first, _, rest = pattern.partition("/")
        prefix = f"{directory}/" if directory else ""
        names = self.names(directory)
        for name in sorted(filter(_matcher(first), names)) if is_glob(first) else [first]:
            if rest:
                yield from self.all(prefix + name, rest)
            elif self.has(directory, name):
                yield prefix + name

    def directories(self, enters: Callable[[MemoryDirectory], bool]) -> Iterator[MemoryDirectory]:
        """Yield the directories in order of paths, without those that `enters` rejects."""
        pending = [self.root]
        while pending:
            held = pending.pop()
            yield held
            pending += filter(enters, reversed(held.folders.values()))

    def files_below(self, path: str) -> Iterator[tuple[str, File]]:
        """Yield every file and symlink below a directory, or the file at `path`."""
        entry = self.entry(path)
        if isinstance(entry, File):
            yield path, entry
        for each in entry.tree() if isinstance(entry, MemoryDirectory) else ():
            yield from ((each.prefix + file.name, file) for file in each.stats([*each.entries]))


@lru_cache(maxsize=4096)
def is_glob(name: str) -> bool:
    """Return True if a name has wildcards."""
    return not _WILDCARDS.isdisjoint(name)


def like(pattern: str, name: str) -> bool:
    """Return True if a glob pattern matches a name. Case counts on every system."""
    return fnmatchcase(name, pattern)


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


class SumsByPath(Mapping[str, Sums]):
    """The sums that one or several transfers send, by path; the context is `""`.

    A path in two transfers counts twice. The sums of directories are computed in advance, those
    of files when they are needed.
    """

    def __init__(self, sent: Iterable[Sent], snapshot: Snapshot) -> None:
        transfers = [*sent]
        self._parts = [each.names for each in transfers]
        self._links = snapshot.links
        directories = frozenset[str]().union(*(each.directories for each in transfers))
        self._directories: dict[str, Sums] = {}
        for held in reversed([*snapshot.folders]):
            parts = [self._directories.get(each.path) for each in held.folders.values()]
            parts += [self._counted(part[held.path], held.path) for part in self._having(held.path)]
            found = [each for each in parts if each is not None]
            if found or not held.path or held.path in directories:
                self._directories[held.path] = reduce(Sums.plus, found, Sums())

    def _having(self, directory: str) -> list[Mapping[str, Names]]:
        return [part for part in self._parts if directory in part]

    def _counted(self, names: Names, directory: str) -> Sums:
        linked = self._links.get(directory)
        links = len(linked & names.keys()) if linked else 0
        return Sums(len(names) - links, sum(names.values()), links)

    def __getitem__(self, path: str) -> Sums:
        if path in self._directories:
            return self._directories[path]
        directory, _, name = path.rpartition("/")
        sent = (part[directory] for part in self._having(directory))
        found = [self._counted({name: names[name]}, directory) for names in sent if name in names]
        if not found:
            raise KeyError(path)
        return reduce(Sums.plus, found)

    def __iter__(self) -> Iterator[str]:
        """Yield all paths, directories first."""
        yield from self._directories
        for directory in self._directories:
            prefix = f"{directory}/" if directory else ""
            yield from map(prefix.__add__, self.names_in(directory))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def names_in(self, directory: str) -> Names:
        """Return the sent files and symlinks of a directory: their bytes by name."""
        parts = self._having(directory)
        if len(parts) == 1:
            return parts[0][directory]
        found = Counter[str]()
        for part in parts:
            found.update(part[directory])
        return found


def sum_of(sums: Mapping[str, Sums], paths: Iterable[str]) -> Sums:
    """Return the sums of several paths together."""
    return reduce(Sums.plus, (sums.get(path, Sums()) for path in paths), Sums())


def travelling(snapshot: Snapshot, includes: Iterable[Include]) -> Amount:
    """Return the amount that all transfers send under the ignore file of a snapshot."""
    return Amount.of(*(snapshot.sent(include=each) for each in includes))


def directories_above(path: str) -> Iterator[str]:
    """Yield the directories above `path`, nearest first, without the context itself."""
    while path := path.rpartition("/")[0]:
        yield path


def outermost(paths: Collection[str]) -> list[str]:
    """Return those of `paths` that are not below another one."""
    return [path for path in paths if not is_below(path, paths)]


def is_below(path: str, paths: Collection[str]) -> bool:
    """Return True if a directory above `path` is one of `paths`."""
    while path := path.rpartition("/")[0]:
        if path in paths:
            return True
    return False
