"""A snapshot with its names at hand, and the sums of what is sent of each directory."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase, translate
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import Any, NamedTuple

from ctxsize.engine.memory import File, Held
from ctxsize.engine.need import Include
from ctxsize.engine.sent import Names, Sent
from ctxsize.engine.snapshot import Snapshot
from ctxsize.model import Amount

_WILDCARDS = frozenset("*?[")


class Sums(NamedTuple):
    """How much of something there is."""

    files: int = 0
    """Entries that are neither directories nor symlinks."""
    content_bytes: int = 0
    symlinks: int = 0

    @property
    def entries(self) -> int:
        """Entries that are no directories."""
        return self.files + self.symlinks

    def plus(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(
            self.files + other.files,
            self.content_bytes + other.content_bytes,
            self.symlinks + other.symlinks,
        )

    def minus(self, other: Sums) -> Sums:
        """Return what is left without `other`."""
        return Sums(
            self.files - other.files,
            self.content_bytes - other.content_bytes,
            self.symlinks - other.symlinks,
        )


class Tree:
    """A snapshot to ask about names: what is beside, inside, below."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.root = snapshot.root
        self._first: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def links_in(self, directory: str) -> Collection[str]:
        """Return the names of the symlinks in a directory."""
        return self.snapshot.links.get(directory, ())

    def names(self, directory: str) -> Iterator[str]:
        """Yield the names in a directory; none if there is no such directory."""
        held = self.snapshot.folder(directory)
        if held is not None:
            yield from held.entries
            yield from held.folder_by_name

    def has(self, directory: str, name: str) -> bool:
        """Return whether an entry of this name is in a directory."""
        held = self.snapshot.folder(directory)
        return held is not None and held.has(name)

    def entry(self, path: str) -> File | Held | None:
        """Return the entry at `path`, which is none where nothing is."""
        directory, _, name = path.rpartition("/")
        held = self.snapshot.folder(directory)
        if held is None:
            return None
        return held.folder_by_name.get(name) or held.file(name)

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a file, or of all below a directory."""
        directory, _, name = path.rpartition("/")
        held = self.snapshot.folder(directory)
        if held is None:
            return 0
        folder = held.folder_by_name.get(name)
        return held.contents.get(name, 0) if folder is None else folder.content_bytes

    def find(self, directory: str, pattern: str) -> str | None:
        """Return the first path below `directory` that matches, by components; None if none does.

        `../` at its beginning leads to the directory above, not out of the context.
        """
        if "/" not in pattern and not is_glob(pattern):
            found = self.has(directory, pattern)
            return (f"{directory}/{pattern}" if directory else pattern) if found else None
        while pattern.startswith("../"):
            if not directory:
                return None
            directory, pattern = directory.rpartition("/")[0], pattern[3:]
        return next(self.all(directory, pattern), None)

    def first(self, directory: str, patterns: tuple[str, ...]) -> str | None:
        """Return what the first of `patterns` finds that finds anything; looked for once."""
        key = directory, patterns
        if key not in self._first:
            found = (self.find(directory, each) for each in patterns)
            self._first[key] = next((each for each in found if each is not None), None)
        return self._first[key]

    def all(self, directory: str, pattern: str) -> Iterator[str]:
        """Yield every path below `directory` that matches, in order of names."""
        first, _, rest = pattern.partition("/")
        prefix = f"{directory}/" if directory else ""
        names = self.names(directory)
        matching = sorted(filter(_matcher(first), names)) if is_glob(first) else [first]
        for name in matching:
            if rest:
                yield from self.all(prefix + name, rest)
            elif self.has(directory, name):
                yield prefix + name

    def files_below(self, path: str) -> Iterator[tuple[str, File]]:
        """Yield every entry below a directory that is none itself, or the file at `path`."""
        held = self.snapshot.folder(path)
        if held is None:
            entry = self.entry(path)
            if isinstance(entry, File):
                yield path, entry
            return
        for each in held.tree():
            for file in each.files:
                yield each.prefix + file.name, file


@lru_cache(maxsize=4096)
def is_glob(name: str) -> bool:
    """Return whether a name has wildcards."""
    return not _WILDCARDS.isdisjoint(name)


def like(pattern: str, name: str) -> bool:
    """Return whether a glob pattern matches a name; case counts on every system."""
    return fnmatchcase(name, pattern)


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


class SumsByPath(Mapping[str, Sums]):
    """What is sent of each entry and below each directory, by path; `""` is the context.

    The sums of directories are added up; those of files are looked up.
    """

    def __init__(self, sent: Sent, snapshot: Snapshot) -> None:
        self._root = snapshot.root
        self._folders = snapshot.folders
        self._names = sent.names
        self._links = snapshot.links
        self._directories = self._added_up(sent.directories)

    def _added_up(self, sent: frozenset[str]) -> dict[str, Sums]:
        folders = [*self._folders]
        found: dict[str, Sums] = {}
        for held in reversed(folders):
            names = self._names.get(held.path, _NONE)
            links = len(self._links.get(held.path, _NONE) & names.keys())
            files, content_bytes = len(names) - links, sum(names.values())
            below = [found[each.path] for each in held.folders if each.path in found]
            for each in below:
                files += each.files
                content_bytes += each.content_bytes
                links += each.symlinks
            if names or below or not held.path or held.path in sent:
                found[held.path] = Sums(files, content_bytes, links)
        return {held.path: found[held.path] for held in folders if held.path in found}

    def __getitem__(self, path: str) -> Sums:
        found = self._directories.get(path)
        if found is not None:
            return found
        directory, _, name = path.rpartition("/")
        size = self.names_in(directory)[name]
        if name in self._links.get(directory, _NONE):
            return Sums(0, size, 1)
        return Sums(1, size)

    def __contains__(self, path: object) -> bool:
        if path in self._directories:
            return True
        directory, _, name = str(path).rpartition("/")
        return name in self.names_in(directory)

    def __iter__(self) -> Iterator[str]:
        """Yield all paths: the files in the builder's order, then the directories."""
        pending: list[Iterator[str | Held]] = [self._entries(self._root)]
        while pending:
            for each in pending[-1]:
                if isinstance(each, Held):
                    pending.append(self._entries(each))
                    break
                yield each
            else:
                pending.pop()
        yield from self._directories

    def _entries(self, held: Held) -> Iterator[str | Held]:
        names, prefix = self.names_in(held.path), held.prefix
        if not held.folders:
            yield from map(prefix.__add__, names)
            return
        for step in held.steps():
            if isinstance(step, str):
                yield held.enter(step)
            else:
                yield from (prefix + name for name in step if name in names)

    def __len__(self) -> int:
        return sum(map(len, self._names.values())) + len(self._directories)

    def names_in(self, directory: str) -> Names:
        """Return what is sent of a directory that is none itself, with its bytes."""
        return self._names.get(directory, {})


_NONE: Any = MappingProxyType({})


def sums_of(sent: Sent, tree: Tree) -> SumsByPath:
    """Return what is sent of each entry of `tree`, and below each directory."""
    return SumsByPath(sent, tree.snapshot)


class SumsTogether(Mapping[str, Sums]):
    """The sums of several transfers together: what is in two of them travels twice."""

    def __init__(self, parts: Sequence[SumsByPath]) -> None:
        self._parts = parts

    def __getitem__(self, path: str) -> Sums:
        found = [part[path] for part in self._parts if path in part]
        if not found and path:
            raise KeyError(path)
        return reduce(Sums.plus, found, Sums())

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(path for part in self._parts for path in part))

    def __len__(self) -> int:
        return len({*self})

    def names_in(self, directory: str) -> Names:
        """Return what is sent of a directory that is none itself, with its bytes."""
        found: dict[str, int] = {}
        for part in self._parts:
            for name, size in part.names_in(directory).items():
                found[name] = found.get(name, 0) + size
        return found


def sum_of(sums: Mapping[str, Sums], paths: Iterable[str]) -> Sums:
    """Return the sums of several paths together."""
    return reduce(Sums.plus, (sums.get(path, Sums()) for path in paths), Sums())


def added_up(parts: Iterable[SumsByPath]) -> SumsByPath | SumsTogether:
    """Return the sums of several transfers together."""
    each = [*parts]
    return each[0] if len(each) == 1 else SumsTogether(each)


def travelling(
    snapshot: Snapshot, includes: Iterable[Include], *, without: str | None = None
) -> Amount:
    """Return what the ignore file of a snapshot lets the transfers make travel, `together`."""
    return together([snapshot.sent(include=each) for each in includes], without=without)


def together(sent: Sequence[Sent], *, without: str | None = None) -> Amount:
    """Return what is sent in all; an empty file at `without` does not count."""
    return Amount.of(*sent) - Amount(sum(without in each for each in sent if without))


def directories_above(path: str) -> Iterator[str]:
    """Yield the directories above `path`, the nearest one first, without the context itself."""
    while path := path.rpartition("/")[0]:
        yield path


def is_below(path: str, paths: Collection[str]) -> bool:
    """Return whether a directory above `path` is one of `paths`."""
    while path := path.rpartition("/")[0]:
        if path in paths:
            return True
    return False
