"""A tree in memory, while a walk reads it from the disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ctxsize.engine.events import Event, Files, IgnoredEntries
from ctxsize.engine.filesystem import File, MemoryDirectory, byte_order
from ctxsize.engine.inspect import closed_in
from ctxsize.model import Problem, Problems

T = TypeVar("T")
Entries = dict[str, int | File]  # as a directory keeps them


class MemoryTree:
    """The directories that were read so far, with their entries.

    They come from the events of a walk, or whole from the compiled core. What a walk adds to a
    directory of the core is out of order until `finish`.
    """

    def __init__(self) -> None:
        self.root = MemoryDirectory("")
        self.folders = {"": self.root}
        self.entries = 0
        self.content_bytes = 0
        self.problems: Problems = ()  # those of a walk that measures
        self._unordered: set[str] = set()  # directories
        self._has_whole_folders = False

    def add_folder(self, path: str, entries: Entries) -> None:
        """Add a directory with its plain files; the one above it is there already."""
        self._has_whole_folders = True
        folder = self.root
        if path:
            folder = self._new_folder(path)
        folder.entries = entries

    def add(self, event: Event) -> None:
        """Add an event of a walk, in whose order directories come after those above them."""
        if isinstance(event, Files | IgnoredEntries):
            new = _entries_of(event)
            directory = event.prefix[:-1]
            entries = self.folders[directory].entries
            if entries:
                self._unordered.add(directory)
            entries.update(new)
            self.entries += len(new)
            self.content_bytes += sum([size for size in new.values() if isinstance(size, int)])
        elif event.path not in self.folders:
            self._new_folder(event.path)
            self.entries += 1
            if self._has_whole_folders:
                self._unordered.add(event.path.rpartition("/")[0])

    def add_closed(self, problems: Iterable[Problem]) -> None:
        """Add the directories at which the builder stops as empty ones; those above are there."""
        for path in closed_in(problems):
            if path not in self.folders:
                self._new_folder(path)
                self._unordered.add(path.rpartition("/")[0])

    def _new_folder(self, path: str) -> MemoryDirectory:
        above, _, name = path.rpartition("/")
        folder = MemoryDirectory(path)
        self.folders[above].folders[name] = folder
        self.folders[path] = folder
        return folder

    def finish(self) -> MemoryDirectory:
        """Return the tree, with all names in byte order and the bytes of each directory."""
        for path in self._unordered:
            folder = self.folders[path]
            folder.entries = _in_order(folder.entries)
            folder.folders = _in_order(folder.folders)
        for folder in reversed(self.folders.values()):
            folder.add_up()
        return self.root


def _entries_of(event: Files | IgnoredEntries) -> Entries:
    """Return the entries of an event in the form in which a directory keeps them."""
    if isinstance(event, Files) and event.plain:
        return dict(zip(event.names, event.sizes, strict=True))
    entries: Entries = {}
    for name, status in zip(event.names, event.stats, strict=True):
        inode = 0
        if status.st_nlink > 1:
            inode = status.st_ino
        file = File(
            name=name,
            st_mode=status.st_mode,
            st_size=status.st_size,
            st_nlink=status.st_nlink,
            st_ino=inode,
            readable=name not in event.unreadable,
        )
        entries[name] = file.kept
    return entries


def _in_order(by_name: dict[str, T]) -> dict[str, T]:
    """Return the same items, with their names in byte order."""
    names = [*by_name]
    names.sort(key=byte_order(names))
    return {name: by_name[name] for name in names}
