"""Directories in memory, and a source of them for a walk."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, cast

from ctxsize.engine.events import Xattrs
from ctxsize.engine.source import Disk, DiskDirectory, Step, in_order, steps


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


PLAIN = stat.S_IFREG | 0o644


@dataclass()
class Held:
    """A directory of a snapshot, read-only. A walk reads it like a directory on disk."""

    path: str
    """Relative path; `""` is the context itself."""
    entries: dict[str, int | File] = field(default_factory=dict)
    """Entries other than directories, in byte order of names: a plain file as its size in bytes.

    Others are a `File`. A plain file is a regular one with one name that can be read.
    """
    folders: dict[str, Held] = field(default_factory=dict)
    """Subdirectories, in byte order of names."""
    content_bytes: int = 0
    """Bytes of content of all below; a file with several names counts under each."""
    stat: ClassVar = os.stat_result((stat.S_IFDIR | 0o755, *[0] * 9))
    """A constant: the stat of real directories is not kept."""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def prefix(self) -> str:
        """Return the path with a trailing `/`; `""` for the context."""
        return f"{self.path}/" if self.path else ""

    def tree(self) -> Iterator[Held]:
        """Yield this directory and all below it; parents come first, siblings in order."""
        pending = [self]
        while pending:
            held = pending.pop()
            yield held
            pending += reversed(held.folders.values())

    @property
    def files(self) -> list[File]:
        """Return the entries other than directories."""
        return self.stats([*self.entries])

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
        return {file.name: file.content_bytes for file in self.files}

    def add_up(self) -> None:
        """Set `content_bytes`; the subdirectories must have theirs already."""
        below = sum(folder.content_bytes for folder in self.folders.values())
        self.content_bytes = below + sum(self.contents.values())

    # Methods for a walk, as those of `DiskDirectory`.

    def steps(self) -> list[Step]:
        """Return the entries in byte order."""
        names = [*self.entries]
        return steps(in_order([*self.folders], names) if self.folders else ([], names, None))

    def enter(self, name: str) -> Held:
        """Return the subdirectory `name`."""
        return self.folders[name]

    def leave(self) -> None:
        """Do nothing: there is no descriptor to close."""

    close = leave

    def stats(self, names: Sequence[str]) -> list[Any]:
        """Return a `File` for each of `names`, as a walk reads it."""
        known = ((name, self.entries[name]) for name in names)
        return [each if isinstance(each, File) else File(name, PLAIN, each) for name, each in known]

    def link_target(self, name: str) -> str:
        """Return an empty text: targets are not kept."""
        return ""

    def unreadable(self, names: Sequence[str], stats: Sequence[Any]) -> list[str]:
        """Return the regular files among `names` that could not be read."""
        return [file.name for file in stats if not file.readable]

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        """Return nothing: attributes are not kept."""
        return []

    def attributes(self, name: str = "") -> Xattrs:
        """Return nothing: attributes are not kept."""
        return {}


class Memory:
    """The directories of a snapshot as a source for a walk."""

    longest_path = sys.maxsize  # all paths were short enough to be read
    has_xattrs = has_mounts = False

    def __init__(self, root: Held) -> None:
        self._root = root

    def top(self) -> Held:
        """Return the context itself."""
        return self._root


OpenDirectory = DiskDirectory | Held
"""A directory for a walk. Methods of one on disk may raise `OSError`."""
DirectorySource = Disk | Memory
