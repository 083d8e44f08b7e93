"""The entries that an ignore file sends of a large context: verdicts, read only where one asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Set
from itertools import accumulate, chain, compress
from stat import S_ISLNK

from ctxsize.engine.filesystem import File, MemoryDirectory

_IS_SENT = b"\1"


class Numbers:
    """The numbers of directories, parents first, and of files: those of a directory come together.

    So the files below a directory are a range. Symlinks and the like count as files here.
    """

    def __init__(self, folders: Collection[MemoryDirectory], links: Mapping[str, Set[str]]) -> None:
        self.folders = [*folders]
        self.by_path = {folder.path: number for number, folder in enumerate(folders)}
        counts = [len(folder.entries) for folder in folders]
        self.first_files = [*accumulate(counts, initial=0)]
        """By directory, the number of its first file; at last, the number of all."""
        sizes = [folder.contents.values() for folder in folders]
        self.sizes = [*chain.from_iterable(sizes)]
        self.symlinks = [*self._numbers_of(links)]
        self._ends = [*range(1, len(folders) + 1)]  # by directory, the next that is not in it
        for number, folder in reversed([*enumerate(folders)]):
            if folder.folders:
                last = next(reversed(folder.folders.values()))
                last_number = self.by_path[last.path]
                self._ends[number] = self._ends[last_number]

    def _numbers_of(self, links: Mapping[str, Set[str]]) -> Iterator[int]:
        for directory, names in links.items():
            number = self.by_path[directory]
            first = self.first_files[number]
            for file, name in enumerate(self.folders[number].entries, first):
                if name in names:
                    yield file

    def in_directory(self, path: str) -> slice:
        """Return the files of a directory. Raises `KeyError` if there is none."""
        number = self.by_path[path]
        first = self.first_files[number]
        end = self.first_files[number + 1]
        return slice(first, end)

    def below(self, path: str) -> slice:
        """Return the files of a directory and of all below. Raises `KeyError` if there is none."""
        number = self.by_path[path]
        first = self.first_files[number]
        next_directory = self._ends[number]
        end = self.first_files[next_directory]
        return slice(first, end)

    def file(self, path: str) -> int | None:
        """Return the number of a file; None if there is none."""
        directory, _, name = path.rpartition("/")
        number = self.by_path.get(directory)
        if number is None:
            return None
        folder = self.folders[number]
        names = [*folder.entries]
        if name not in names:
            return None
        first = self.first_files[number]
        return first + names.index(name)


class JudgedNames(Mapping[str, Mapping[str, int]]):
    """The sent files by directory, with their bytes; only directories that one asks for cost time.

    A file of `numbers` is sent if its byte in `sent` is 1.
    """

    def __init__(
        self, numbers: Numbers, sent: bytes, sizes: list[int], symlinks: list[int]
    ) -> None:
        self._numbers = numbers
        self._sent = sent
        self._sizes = sizes
        self._symlinks = symlinks
        self._names: dict[str, dict[str, int]] = {}

    @classmethod
    def of(cls, numbers: Numbers, sent: bytes) -> JudgedNames:
        """Return the names with the sizes that the tree has."""
        return cls(numbers, sent, numbers.sizes, numbers.symlinks)

    def with_size(self, path: str, file: File | None) -> JudgedNames:
        """Return a copy in which `path` has the size of `file`, or is missing if that is None."""
        number = self._numbers.file(path)
        if number is None:
            return self
        sent = self._sent
        sizes = [*self._sizes]
        symlinks = self._symlinks
        if file is None:
            changed = bytearray(sent)
            changed[number] = 0
            sent = bytes(changed)
        else:
            sizes[number] = file.content_bytes
            if not S_ISLNK(file.st_mode):
                symlinks = [symlink for symlink in symlinks if symlink != number]
        return JudgedNames(self._numbers, sent, sizes, symlinks)

    def __getitem__(self, directory: str) -> dict[str, int]:
        names = self._names.get(directory)
        if names is not None:
            return names
        if directory not in self:
            raise KeyError(directory)
        files = self._numbers.in_directory(directory)
        number = self._numbers.by_path[directory]
        folder = self._numbers.folders[number]
        sizes = self._sizes[files]
        sent = self._sent[files]
        sized = zip(folder.entries, sizes, strict=True)
        names = dict(compress(sized, sent))
        self._names[directory] = names
        return names

    def __contains__(self, directory: object) -> bool:
        if directory not in self._numbers.by_path:
            return False
        files = self._numbers.in_directory(str(directory))
        return _IS_SENT in self._sent[files]

    def __iter__(self) -> Iterator[str]:
        return filter(self.__contains__, self._numbers.by_path)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def has_folder(self, path: str) -> bool:
        """Return whether there is a directory at `path`, sent or not."""
        return path in self._numbers.by_path

    def sums_below(self, path: str) -> tuple[int, int, int]:
        """Return the files below a directory that are sent, their bytes, and the symlinks."""
        files = self._numbers.below(path)
        sent = self._sent[files]
        first = bisect_left(self._symlinks, files.start)
        last = bisect_left(self._symlinks, files.stop)
        links = self._symlinks[first:last]
        symlinks = sum(self._sent[link] for link in links)
        sizes = self._sizes[files]
        content_bytes = sum(compress(sizes, sent))
        entries = sent.count(_IS_SENT)
        return entries - symlinks, content_bytes, symlinks
