"""Directories in memory: what is kept of each entry, and a source of them for a walk."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, cast

from ctxsize.engine.events import Files, IgnoredEntries, Xattrs
from ctxsize.engine.listing import order
from ctxsize.engine.source import Step, in_order, steps


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

    @property
    def arrives_empty(self) -> bool:
        """Return whether its content is not sent, as it cannot be read."""
        return not self.readable and stat.S_ISREG(self.st_mode) and self.st_size > 0


_PLAIN = stat.S_IFREG | 0o644


@dataclass()
class Held:
    """A directory of a snapshot, to be read only: by name, or by a walk as it reads one on disk."""

    path: str
    """Relative; `""` is the context itself."""
    entries: dict[str, int | File] = field(default_factory=dict)
    """What is no directory, in byte order of names: of a plain file its bytes, else what is known.

    A plain file is a regular one with one name that can be read. Most are.
    """
    folders: list[Held] = field(default_factory=list)
    """In byte order of names, too."""
    content_bytes: int = 0
    """Of all below, each name for itself: hard links count as often as they stand there."""
    count: int = 0
    """The entries below that are no directories."""
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
            pending += reversed(held.folders)

    @property
    def files(self) -> list[File]:
        """Return the entries in it that are no directories, made of what is kept of them."""
        return [_file(name, each) for name, each in self.entries.items()]

    def file(self, name: str) -> File | None:
        """Return the entry `name` that is no directory, None if there is none."""
        found = self.entries.get(name)
        return None if found is None else _file(name, found)

    @cached_property
    def odd(self) -> list[File]:
        """Return the entries that are neither directories nor plain files."""
        return [each for each in self.entries.values() if isinstance(each, File)]

    @cached_property
    def contents(self) -> dict[str, int]:
        """Return what would travel of each entry in it that is no directory."""
        if not self.odd:
            return cast("dict[str, int]", self.entries)
        return {file.name: file.content_bytes for file in self.files}

    def has(self, name: str) -> bool:
        """Return whether an entry of this name is in it."""
        return name in self.entries or name in self.folder_by_name

    @property
    def folder_by_name(self) -> dict[str, Held]:
        """Return the directories in it."""
        return self._folder_by_name if self.folders else {}

    @cached_property
    def _folder_by_name(self) -> dict[str, Held]:
        return {folder.name: folder for folder in self.folders}

    @cached_property
    def _steps(self) -> list[Step]:
        return steps(in_order([each.name for each in self.folders], [*self.entries]))

    def steps(self) -> list[Step]:
        """Return the entries in byte order; not cached for directories that hold only files."""
        return self._steps if self.folders else steps(([], [*self.entries], None))

    def enter(self, name: str) -> Held:
        """Return the directory `name` in this one."""
        return self.folder_by_name[name]

    def leave(self) -> None:
        """Do nothing: memory need not be closed."""

    close = leave

    def stats(self, names: Sequence[str]) -> list[Any]:
        """Return what is known of each of `names`, as far as a walk looks at it."""
        if len(names) == len(self.entries):
            return self.files
        return [_file(name, self.entries[name]) for name in names]

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
    has_xattrs = False

    def __init__(self, root: Held) -> None:
        self._root = root

    def has_mounts(self) -> bool:
        """Return False: inode numbers are those of one file system, as far as is known."""
        return False

    def top(self) -> Held:
        """Return the context itself."""
        return self._root


def folder_in(held: dict[str, Held], path: str) -> Held:
    """Return the directory at `path`, made known to the one above when it is new."""
    found = held.get(path)
    if found is None:
        found = held[path] = Held(path)
        held[path.rpartition("/")[0]].folders.append(found)
    return found


def entries_of(event: Files | IgnoredEntries) -> dict[str, int | File]:
    """Return what is kept of the entries of an event, by name."""
    entries = zip(event.names, event.stats, strict=True)
    if isinstance(event, Files) and event.plain:
        return {name: each.st_size for name, each in entries if each}
    unreadable = event.unreadable if isinstance(event, Files) else frozenset[str]()
    return {
        name: kept(
            File(
                name,
                each.st_mode,
                each.st_size,
                each.st_nlink,
                each.st_ino if each.st_nlink > 1 else 0,
                name not in unreadable,
            )
        )
        for name, each in entries
        if each is not None
    }


def kept(file: File) -> int | File:
    """Return what is kept of a file: of a plain one its size alone."""
    plain = stat.S_ISREG(file.st_mode) and file.st_nlink <= 1 and file.readable
    return file.st_size if plain else file


def _file(name: str, kept: int | File) -> File:
    return kept if isinstance(kept, File) else File(name, _PLAIN, kept)


def by_name(item: tuple[str, int | File]) -> bytes:
    """Return the key that sorts entries as builders do."""
    return order(item[0])


def add_up(held: Held) -> None:
    """Count what is below, when that is done for the directories in it."""
    held.content_bytes, held.count = sum(held.contents.values()), len(held.entries)
    for folder in held.folders:
        held.content_bytes += folder.content_bytes
        held.count += folder.count
