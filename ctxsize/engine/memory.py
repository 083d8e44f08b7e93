"""Directories in memory: what is kept of each entry, and a source of them for a walk."""

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
    """An entry that is no directory; the fields of `os.stat_result` that a walk looks at."""

    name: str
    st_mode: int
    st_size: int
    st_nlink: int = 1
    st_ino: int = 0
    """Of a file with several names, else 0."""
    readable: bool = True

    @property
    def content_bytes(self) -> int:
        """Return the bytes that travel under its first name: 0 unless a readable regular file."""
        return self.st_size if self.readable and stat.S_ISREG(self.st_mode) else 0


PLAIN = stat.S_IFREG | 0o644


@dataclass()
class Held:
    """A directory of a snapshot, to be read only: by name, or by a walk as it reads one on disk."""

    path: str
    """Relative; `""` is the context itself."""
    entries: dict[str, int | File] = field(default_factory=dict)
    """What is no directory, in byte order of names: of a plain file its bytes, else what is known.

    A plain file is a regular one with one name that can be read. Most are.
    """
    folders: dict[str, Held] = field(default_factory=dict)
    """In byte order of names, too."""
    content_bytes: int = 0
    """Of all below, each name for itself: hard links count as often as they stand there."""
    stat: ClassVar = os.stat_result((stat.S_IFDIR | 0o755, *[0] * 9))
    """All that is kept of the directory itself."""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def prefix(self) -> str:
        """Return what stands before the names in it."""
        return f"{self.path}/" if self.path else ""

    def tree(self) -> Iterator[Held]:
        """Yield this directory and all below, each before its own, siblings in order."""
        pending = [self]
        while pending:
            held = pending.pop()
            yield held
            pending += reversed(held.folders.values())

    @property
    def files(self) -> list[File]:
        """Return the entries in it that are no directories, made of what is kept of them."""
        return self.stats([*self.entries])

    def file(self, name: str) -> File | None:
        """Return the entry `name` that is no directory, None if there is none."""
        return self.stats([name])[0] if name in self.entries else None

    @cached_property
    def odd(self) -> list[File]:
        """Return the entries that are neither directories nor plain files."""
        return [each for each in self.entries.values() if isinstance(each, File)]

    def has(self, name: str) -> bool:
        """Return whether an entry of this name is in it."""
        return name in self.entries or name in self.folders

    @cached_property
    def contents(self) -> dict[str, int]:
        """Return what would travel of each entry in it that is no directory."""
        if not self.odd:
            return cast("dict[str, int]", self.entries)
        return {file.name: file.content_bytes for file in self.files}

    def add_up(self) -> None:
        """Count what is below, when that is done for the directories in it."""
        below = sum(folder.content_bytes for folder in self.folders.values())
        self.content_bytes = below + sum(self.contents.values())

    # What a walk asks for.

    def steps(self) -> list[Step]:
        """Return the entries in byte order, in which they are kept."""
        names = [*self.entries]
        return steps(in_order([*self.folders], names) if self.folders else ([], names, None))

    def enter(self, name: str) -> Held:
        """Return the directory `name` in this one."""
        return self.folders[name]

    def leave(self) -> None:
        """Do nothing: memory need not be closed."""

    close = leave

    def stats(self, names: Sequence[str]) -> list[Any]:
        """Return what is known of each of `names`, as far as a walk looks at it."""
        known = ((name, self.entries[name]) for name in names)
        return [each if isinstance(each, File) else File(name, PLAIN, each) for name, each in known]

    def link_target(self, name: str) -> str:
        """Return nothing: targets are not kept."""
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
    """The directories of a snapshot, as a source for a walk."""

    longest_path = sys.maxsize  # what was read once can be
    has_xattrs = has_mounts = False

    def __init__(self, root: Held) -> None:
        self._root = root

    def top(self) -> Held:
        """Return the context itself."""
        return self._root


OpenDirectory = DiskDirectory | Held
"""A directory that a walk reads. What is asked of one on disk may raise `OSError`."""
DirectorySource = Disk | Memory
