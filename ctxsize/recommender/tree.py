"""A snapshot with fast access to its names, and the sums of the sent files per directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import File, MemoryDirectory
from ctxsize.engine.snapshot import Names, Sent, Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.globs import is_glob, matcher
from ctxsize.model import Amount


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

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if there is no such directory."""
        held = self.snapshot.folder(directory)
        if held is None:
            return []
        return [*held.entries, *held.folders]

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
        if entry is None:
            return 0
        return entry.content_bytes

    def find(self, directory: str, pattern: str) -> str | None:
        """Return the first path below `directory`, or above it for `../`, that matches; or None."""
        while pattern.startswith("../"):
            if not directory:
                return None
            directory = directory.rpartition("/")[0]
            pattern = pattern[3:]
        if "/" in pattern or is_glob(pattern):
            return next(self._all(directory, pattern), None)
        if directory:
            path = f"{directory}/{pattern}"
        else:
            path = pattern
        if self.has(directory, pattern):
            return path
        return None

    def first(self, directory: str, patterns: Iterable[str], *, but: str = "") -> str | None:
        """Return the first path that one of `patterns` finds, except `but`."""
        found = (self.find(directory, each) for each in patterns)
        return next((each for each in found if each not in (None, but)), None)

    def _all(self, directory: str, pattern: str) -> Iterator[str]:
        first, _, rest = pattern.partition("/")
        if directory:
            prefix = f"{directory}/"
        else:
            prefix = ""
        names = [first]
        if is_glob(first):
            names = sorted(filter(matcher(first), self.names(directory)))
        for name in names:
            if rest:
                yield from self._all(prefix + name, rest)
            elif self.has(directory, name):
                yield prefix + name

    def files_below(self, path: str) -> Iterator[tuple[str, File]]:
        """Yield every file and symlink below a directory, or the file at `path`."""
        entry = self.entry(path)
        if isinstance(entry, File):
            yield path, entry
        for each in entry.tree() if isinstance(entry, MemoryDirectory) else ():
            yield from ((each.prefix + file.name, file) for file in each.stats([*each.entries]))


class SumsByPath(Mapping[str, Sums]):
    """The sums by path that transfers send; a path in two of them counts twice."""

    def __init__(self, sent: Iterable[Sent], snapshot: Snapshot) -> None:
        transfers = [*sent]
        self._parts = [each.names for each in transfers]
        self._links: Mapping[str, frozenset[str]] = snapshot.links
        self._directories: dict[str, Sums] = {}
        directories = frozenset[str]().union(*(each.directories for each in transfers))
        for held in reversed([*snapshot.folders]):
            below = (self._directories.get(each.path) for each in held.folders.values())
            found = [each for each in below if each is not None]
            parts = self._sent_in(held.path)
            found += [_counted(held.path, names, self._links) for names in parts]
            if found or not held.path or held.path in directories:
                self._directories[held.path] = reduce(Sums.plus, found, Sums())

    def move(self, sent: Sequence[Sent]) -> None:
        """Go on to other entries, and add up only the directories that they do not share."""
        old = self._parts
        self._parts = [each.names for each in sent]
        none: Names = {}
        old_links = self._links
        for part in sent:  # a file may take the place of a symlink, in all of them
            self._links = part.links
        for before, after in zip(old, self._parts, strict=True):
            for at in before.keys() | after.keys():
                if (less := before.get(at, none)) is not (more := after.get(at, none)):
                    now = _counted(at, more, self._links)
                    change = now.minus(_counted(at, less, old_links))
                    for each in {"", *up_to(at)}:
                        self._directories[each] = self._directories.get(each, Sums()).plus(change)

    def _sent_in(self, directory: str) -> list[Names]:
        return [part[directory] for part in self._parts if directory in part]

    def __getitem__(self, path: str) -> Sums:
        if path in self._directories:
            return self._directories[path]
        directory, _, name = path.rpartition("/")
        sizes = [names[name] for names in self._sent_in(directory) if name in names]
        if not sizes:
            raise KeyError(path)
        if name in self._links.get(directory, ()):
            links = len(sizes)
        else:
            links = 0
        return Sums(len(sizes) - links, sum(sizes), links)

    def __iter__(self) -> Iterator[str]:
        """Yield all paths, directories first."""
        yield from self._directories
        for directory in self._directories:
            if directory:
                prefix = f"{directory}/"
            else:
                prefix = ""
            yield from map(prefix.__add__, self.names_in(directory))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def names_in(self, directory: str) -> Names:
        """Return the sent files and symlinks of a directory, and their bytes in a transfer."""
        sent = self._sent_in(directory)
        if len(sent) == 1:
            return sent[0]
        return {name: each[name] for each in sent for name in each}


def _counted(directory: str, names: Names, links: Mapping[str, frozenset[str]]) -> Sums:
    """Return the sums of the entries `names` of a directory; `links` are the symlinks."""
    linked = len(links.get(directory, frozenset()) & names.keys())
    return Sums(len(names) - linked, sum(names.values()), linked)


def sum_of(sums: Mapping[str, Sums], paths: Iterable[str]) -> Sums:
    """Return the sums of several paths together."""
    none = Sums()
    return reduce(Sums.plus, (sums.get(path, none) for path in paths), none)


def travelling(snapshot: Snapshot, includes: Iterable[Include]) -> Amount:
    """Return the amount that all transfers send under the ignore file of a snapshot."""
    return Amount.of(*(snapshot.sent(include=each) for each in includes))


def is_below(path: str, paths: Collection[str]) -> bool:
    """Return True if a directory above `path` is one of `paths`."""
    while path := path.rpartition("/")[0]:
        if path in paths:
            return True
    return False


def outermost(paths: Collection[str]) -> list[str]:
    """Return those of `paths` that are not below another one."""
    return [path for path in paths if not is_below(path, paths)]
