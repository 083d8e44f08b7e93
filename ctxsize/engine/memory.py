"""A context in memory: directories that a walk reads, and the entries that it sends of them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, cast

from ctxsize.engine.events import Xattrs
from ctxsize.engine.source import Disk, DiskDirectory, Step, in_order, steps

PLAIN = stat.S_IFREG | 0o644


class File(NamedTuple):
    """An entry that is not a directory, with the fields of `os.stat_result` that a walk reads."""

    name: str
    st_mode: int
    st_size: int
    st_nlink: int = 1
    st_ino: int = 0
    """The inode number of a file with several names, else 0."""
    readable: bool = True

    @property
    def content_bytes(self) -> int:
        """Return the bytes of content sent: 0 unless it is a readable regular file."""
        return self.st_size if self.readable and stat.S_ISREG(self.st_mode) else 0

    @property
    def kept(self) -> int | File:
        """Return the form in which a directory keeps it: the size alone for a plain file."""
        plain = stat.S_ISREG(self.st_mode) and self.st_nlink <= 1 and self.readable
        return self.st_size if plain else self


@dataclass()
class MemoryDirectory:
    """A directory of a snapshot, read-only. A walk reads it like a directory on disk."""

    path: str
    """Relative path; `""` is the context itself."""
    entries: dict[str, int | File] = field(default_factory=dict)
    """Entries other than directories: readable regular files with one name as their sizes."""
    folders: dict[str, MemoryDirectory] = field(default_factory=dict)
    """Subdirectories, in byte order of names."""
    content_bytes: int = 0
    """Bytes of content of all below; a file with several names counts under each."""
    stat: ClassVar = os.stat_result((stat.S_IFDIR | 0o755, *[0] * 9))
    """The same for each: those of real directories are not kept."""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def prefix(self) -> str:
        """Return the path with a trailing `/`; `""` for the context."""
        return _prefix(self.path)

    def tree(self) -> Iterator[MemoryDirectory]:
        """Yield this directory and all below it; parents come first, siblings in order."""
        pending = [self]
        while pending:
            directory = pending.pop()
            yield directory
            pending += reversed(directory.folders.values())

    def file(self, name: str) -> File | None:
        """Return the entry `name`; None for a directory or a name that does not exist."""
        return self.stats([name])[0] if name in self.entries else None

    @cached_property
    def special(self) -> list[File]:
        """Return the entries that are neither directories nor plain files."""
        return [each for each in self.entries.values() if isinstance(each, File)]

    def has(self, name: str) -> bool:
        """Return whether this directory contains an entry of this name."""
        return name in self.entries or name in self.folders

    @cached_property
    def contents(self) -> dict[str, int]:
        """Return the bytes of content of each entry, directories excluded."""
        if not self.special:
            return cast("dict[str, int]", self.entries)
        return {file.name: file.content_bytes for file in self.stats([*self.entries])}

    def add_up(self) -> None:
        """Set `content_bytes`; the subdirectories must have theirs already."""
        below = sum(folder.content_bytes for folder in self.folders.values())
        self.content_bytes = below + sum(self.contents.values())

    # Methods for a walk, as those of `DiskDirectory`. Targets and attributes are not kept.

    def steps(self) -> list[Step]:
        names = [*self.entries]
        # The order matters between directories, and for files with several names.
        in_any_order = not self.folders and not self.special
        return steps(([], names, None) if in_any_order else in_order([*self.folders], names))

    def enter(self, name: str) -> MemoryDirectory:
        return self.folders[name]

    def leave(self) -> None:
        """Do nothing: there is no descriptor to close."""

    close = leave

    def stats(self, names: Sequence[str]) -> list[Any]:
        known = ((name, self.entries[name]) for name in names)
        return [each if isinstance(each, File) else File(name, PLAIN, each) for name, each in known]

    def link_target(self, name: str) -> str:
        return ""

    def unreadable(self, names: Sequence[str], stats: Sequence[Any]) -> list[str]:
        return [file.name for file in stats if not file.readable]

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        return []

    def attributes(self, name: str = "") -> Xattrs:
        return {}


class Memory:
    """The directories of a snapshot as a source for a walk."""

    longest_path = sys.maxsize  # all paths were short enough to be read
    has_xattrs = has_mounts = False

    def __init__(self, root: MemoryDirectory) -> None:
        self._root = root

    def top(self) -> MemoryDirectory:
        return self._root


OpenDirectory = DiskDirectory | MemoryDirectory
"""A directory for a walk. Methods of one on disk may raise `OSError`."""
DirectorySource = Disk | Memory


Names = Mapping[str, int]
"""The entries of one directory, except directories, and the bytes of content sent for each."""
_NONE: Names = {}


@dataclass(frozen=True)
class Sent:
    """The entries of a snapshot that one ignore file sends."""

    names: Mapping[str, Names]
    """By directory; one without such an entry is missing."""
    directories: frozenset[str]
    empty: frozenset[str]
    """Files with content that arrive without it."""
    links: Mapping[str, frozenset[str]] = field(compare=False)
    """The symlinks of the snapshot by directory, sent or not."""

    @cached_property
    def content_bytes(self) -> int:
        """Return the bytes of content sent."""
        return sum(sum(names.values()) for names in self.names.values())

    @cached_property
    def files(self) -> int:
        """Return the number of entries other than directories and symlinks."""
        links = (len(found & self.names.get(at, _NONE).keys()) for at, found in self.links.items())
        return sum(map(len, self.names.values())) - sum(links)

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return name in self.names.get(directory, _NONE) or path in self.directories

    def size(self, path: str) -> int:
        """Return the bytes of content of a sent entry; 0 for a directory."""
        directory, _, name = path.rpartition("/")
        return self.names.get(directory, _NONE).get(name, 0)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Return the bytes of content by entry, unordered; 0 for directories."""
        sizes = dict.fromkeys(self.directories, 0)
        for directory, names in self.names.items():
            prefix = _prefix(directory)
            sizes.update({prefix + name: size for name, size in names.items()})
        return sizes

    @property
    def paths(self) -> Collection[str]:
        """Return all entries, directories included; the result behaves as a set."""
        return self.sizes.keys()


class SentDifference(NamedTuple):
    """The entries with another fate: no longer sent, sent now, and sent with other bytes."""

    hidden: Set[str]
    shown: Set[str]
    resized: Set[str]

    @property
    def paths(self) -> Set[str]:
        """Return all of them."""
        return self.hidden | self.shown | self.resized


def differences(before: Sent, after: Sent) -> SentDifference:
    """Return the difference between two answers. Directories that both share cost no time."""
    hidden = {*(before.directories - after.directories)}
    shown = {*(after.directories - before.directories)}
    resized: set[str] = set()
    for directory in before.names.keys() | after.names.keys():
        old, new = before.names.get(directory, _NONE), after.names.get(directory, _NONE)
        if old is not new and old != new:
            prefix = _prefix(directory)
            both = old.keys() & new.keys()
            hidden.update([prefix + name for name in old if name not in both])
            shown.update([prefix + name for name in new if name not in both])
            resized.update([prefix + name for name in both if old[name] != new[name]])
    return SentDifference(hidden, shown, resized)


def _prefix(directory: str) -> str:
    return f"{directory}/" if directory else ""
