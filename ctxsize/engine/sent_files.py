"""The files that a context sends, kept by directory: most questions are about whole directories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from posixpath import join

from ctxsize.engine.events import Event, Files
from ctxsize.model import Problems

Sizes = Mapping[str, int]  # bytes by the name of a file in one directory
SizesByDirectory = Mapping[str, Sizes]  # a directory without files is missing
_NONE: Sizes = {}


class FilesByDirectory(Mapping[str, int]):
    """Bytes by path; a path is made only when it is asked for."""

    def __init__(self, by_directory: SizesByDirectory) -> None:
        self.by_directory = by_directory

    @classmethod
    def of(cls, files: Mapping[str, int]) -> FilesByDirectory:
        """Return the same sizes by directory."""
        if isinstance(files, FilesByDirectory):
            return files
        by_directory = defaultdict[str, dict[str, int]](dict)
        for path, size in files.items():
            directory, _, name = path.rpartition("/")
            by_directory[directory][name] = size
        return cls(by_directory)

    def __getitem__(self, path: str) -> int:
        directory, _, name = path.rpartition("/")
        return self.by_directory.get(directory, _NONE)[name]

    def __iter__(self) -> Iterator[str]:
        for directory, sizes in self.by_directory.items():
            yield from map(join(directory, "").__add__, sizes)

    def __len__(self) -> int:
        return sum(map(len, self.by_directory.values()))


class SentFiles:
    """Collects the files that a walk sends, symlinks left out, and the problems of that walk.

    A directory that is `known` to send the same costs no memory.
    """

    def __init__(self, known: SizesByDirectory | None = None) -> None:
        self._known = known or {}
        self.by_directory: dict[str, Sizes] = {}
        self.problems: Problems = ()

    def add_folder(self, path: str, sizes: Sizes) -> None:
        """Add files of a directory."""
        if not sizes:
            return
        if path in self.by_directory:
            sizes = {**self.by_directory[path], **sizes}
        known = self._known.get(path)
        if known == sizes:
            sizes = known
        self.by_directory[path] = sizes

    def add(self, event: Event) -> None:
        """Add the files of an event."""
        if isinstance(event, Files):
            sizes = dict(zip(event.names, event.sizes, strict=True))
            for name in event.links:
                del sizes[name]
            self.add_folder(event.prefix[:-1], sizes)
