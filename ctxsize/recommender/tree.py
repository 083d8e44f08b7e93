"""A snapshot with its names at hand, and the sums of what is sent of each directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import NamedTuple

from ctxsize.engine.need import Include
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import File, Held, Sent, Snapshot
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
        """Both together."""
        return Sums(*(mine + its for mine, its in zip(self, other, strict=True)))

    def minus(self, other: Sums) -> Sums:
        """What is left without `other`."""
        return Sums(*(mine - its for mine, its in zip(self, other, strict=True)))


class Tree:
    """A snapshot to ask about names: what is beside, inside, below."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.root = snapshot.root
        self._names: dict[str, dict[str, File | Held]] = {}

    @cached_property
    def symlinks(self) -> frozenset[str]:
        """The paths of all symlinks."""
        return frozenset(
            held.prefix + file.name
            for held in self.root.tree()
            for file in held.files
            if stat.S_ISLNK(file.st_mode)
        )

    def names(self, directory: str) -> dict[str, File | Held]:
        """What is in a directory, by name; nothing if there is no such directory."""
        found = self._names.get(directory)
        if found is None:
            held = self.snapshot.folder(directory)
            found = {}
            if held is not None:
                found.update({each.name: each for each in held.files})
                found.update({each.name: each for each in held.folders})
            self._names[directory] = found
        return found

    def entry(self, path: str) -> File | Held | None:
        """The entry at `path`, which is none where nothing is."""
        directory, _, name = path.rpartition("/")
        return self.names(directory).get(name)

    def find(self, directory: str, pattern: str) -> str | None:
        """The first path below `directory` that matches, component by component; None if none.

        `../` at its beginning leads to the directory above, not out of the context.
        """
        while pattern.startswith("../"):
            if not directory:
                return None
            directory, pattern = directory.rpartition("/")[0], pattern[3:]
        return next(self.all(directory, pattern), None)

    def all(self, directory: str, pattern: str) -> Iterator[str]:
        """Every path below `directory` that matches, in order of names."""
        first, _, rest = pattern.partition("/")
        names = self.names(directory)
        prefix = f"{directory}/" if directory else ""
        matching = (
            sorted(name for name in names if like(first, name)) if is_glob(first) else [first]
        )
        for name in matching:
            entry = names.get(name)
            if entry is not None and not rest:
                yield prefix + name
            elif isinstance(entry, Held):
                yield from self.all(prefix + name, rest)

    def files_below(self, path: str) -> Iterator[tuple[str, File]]:
        """Every entry below a directory that is none itself, or the file at `path`."""
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
    """Whether a name has wildcards."""
    return not _WILDCARDS.isdisjoint(name)


def like(pattern: str, name: str) -> bool:
    """Whether a glob pattern matches a name; case counts on every system."""
    return fnmatchcase(name, pattern)


def sums_of(sent: Sent, tree: Tree) -> dict[str, Sums]:
    """What is sent of each entry and below each directory, by path; `""` is the context."""
    links, directories = tree.symlinks, sent.directories
    file, link = Sums(1), Sums(symlinks=1)
    sums: dict[str, Sums] = {}
    below: dict[str, list[int]] = {"": [0, 0, 0]}
    for path, size in sent.sizes.items():
        if path in directories:
            below.setdefault(path, [0, 0, 0])
            continue
        own = link if path in links else file
        sums[path] = own = own._replace(content_bytes=size) if size else own
        _add(below.setdefault(path.rpartition("/")[0], [0, 0, 0]), own)
    for path in [*below]:
        while path := path.rpartition("/")[0]:
            below.setdefault(path, [0, 0, 0])
    for path in sorted(below, key=lambda each: -each.count("/")):
        if path:
            _add(below[path.rpartition("/")[0]], below[path])
    return sums | {path: Sums(*found) for path, found in below.items()}


def _add(total: list[int], more: Iterable[int]) -> None:
    for at, amount in enumerate(more):
        total[at] += amount


def added_up(parts: Iterable[dict[str, Sums]]) -> dict[str, Sums]:
    """The sums of several transfers together: what is in two of them travels twice."""
    found = {"": Sums()}
    for part in parts:
        for path, sums in part.items():
            found[path] = found[path].plus(sums) if path in found else sums
    return found


def travelling(snapshot: Snapshot, request: Request, includes: Iterable[Include]) -> Amount:
    """What the ignore file of `request` lets the transfers make travel, together."""
    return Amount.of(*(snapshot.sent(request.spec, include=each) for each in includes))


def in_context(request: Request, path: str) -> str | None:
    """Return `path` relative to the context, None if it lies outside."""
    directory, name = os.path.split(path)
    real = os.path.join(os.path.realpath(directory or "."), name)
    relative = os.path.relpath(real, request.root)
    return None if relative.startswith("../") else relative


def directories_above(path: str) -> Iterator[str]:
    """Yield the directories above `path`, the nearest one first, without the context itself."""
    while path := path.rpartition("/")[0]:
        yield path


def is_below(path: str, paths: Collection[str]) -> bool:
    """Whether a directory above `path` is one of `paths`."""
    return any(each in paths for each in directories_above(path))
