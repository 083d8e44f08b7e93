"""A snapshot with fast access to its names, and the sums of the sent files per directory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property, lru_cache, reduce
from os import DirEntry
from posixpath import basename, join
from stat import S_ISREG
from typing import NamedTuple, Protocol

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import File, MemoryDirectory
from ctxsize.engine.inspect import closed_in
from ctxsize.engine.judged import JudgedNames
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import LinksByDirectory, Names, Sent, Snapshot
from ctxsize.globs import is_glob, like, matcher
from ctxsize.reader import entries_in

PathSet = Collection[str]
_VENDORED = ("modules.txt", "autoload.php")  # written beside the modules by `go` and `composer`


class ContextFiles(Protocol):
    """The entries of a context by their paths, which may be read one directory after the other."""

    directory: str  # the real path of the context

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if there is no such directory."""

    def has(self, path: str) -> bool:
        """Return True if there is an entry at `path`."""

    def is_directory(self, path: str) -> bool:
        """Return True if there is a directory at `path`, or for the context itself."""

    def is_file(self, path: str) -> bool:
        """Return True if there is a regular file at `path`."""

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a regular file."""


class Sums(NamedTuple):
    """Number of files, bytes and symlinks."""

    files: int = 0
    content_bytes: int = 0
    symlinks: int = 0

    @property
    def entries(self) -> int:
        return self.files + self.symlinks

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.files + other.files,
            self.content_bytes + other.content_bytes,
            self.symlinks + other.symlinks,
        )

    def minus(self, other: Sums) -> Sums:
        return Sums(
            self.files - other.files,
            self.content_bytes - other.content_bytes,
            self.symlinks - other.symlinks,
        )


class Tree:
    """A snapshot that finds names beside, inside and below a path."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.root = snapshot.root
        self.directory = snapshot.plan.root  # the real path of the context
        # ContextFiles of a directory are asked about one after the other, with the same patterns.
        self.find = lru_cache(maxsize=64)(self._find)
        """Return the first path below a directory, or above it for `../`, that matches; or None."""

    @cached_property
    def closed(self) -> frozenset[str]:
        """Return the directories at which the builder stops; they are empty here."""
        return frozenset(closed_in(self.snapshot.problems))

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if there is no such directory."""
        folder = self.snapshot.folder(directory)
        if folder is None:
            return []
        return [*folder.entries, *folder.folders]

    def entry(self, path: str) -> File | MemoryDirectory | None:
        """Return the entry at `path`; None if there is none."""
        if not path:
            return None
        return self.snapshot.folder(path) or self.snapshot.file(path)

    def has(self, path: str) -> bool:
        """Return True if there is an entry at `path`."""
        above, _, name = path.rpartition("/")
        folder = self.snapshot.folder(above)
        return folder is not None and folder.has(name)

    def is_directory(self, path: str) -> bool:
        """Return True if there is a directory at `path`, or for the context itself."""
        return self.snapshot.folder(path) is not None

    def is_file(self, path: str) -> bool:
        """Return True if there is a regular file at `path`."""
        file = self.snapshot.file(path)
        return file is not None and S_ISREG(file.st_mode)

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a file, or of all files below a directory."""
        entry = self.entry(path)
        if entry is None:
            return 0
        return entry.content_bytes

    def _find(self, directory: str, pattern: str) -> str | None:
        while pattern.startswith("../"):
            if not directory:
                return None
            directory = directory.rpartition("/")[0]
            pattern = pattern[3:]
        return next(self._all(directory, pattern), None)

    def first(self, directory: str, patterns: Iterable[str], *, but: str = "") -> str | None:
        """Return the first path that one of `patterns` finds, except `but`."""
        for pattern in patterns:
            path = self.find(directory, pattern)
            if path not in (None, but):
                return path
        return None

    def _all(self, directory: str, pattern: str) -> Iterator[str]:
        first, _, rest = pattern.partition("/")
        names = [first]
        if is_glob(first):
            names = sorted(filter(matcher(first), self.names(directory)))
        for name in names:
            path = join(directory, name)
            if rest:
                yield from self._all(path, rest)
            elif self.has(path):
                yield path

    def is_vendored(self, directory: str) -> bool:
        """Return True for a directory into which a tool copied the code of others."""
        name = basename(directory)
        if name == "vendor":
            return self.first(directory, _VENDORED) is not None
        return name == "node_modules"

    def holds_own(self, directory: str, ending: str) -> bool:
        """Return True if a file of this ending is in a directory or below, but not vendored."""
        folder = self.snapshot.folder(directory)
        if folder is None:
            return False
        for own in folder.tree(lambda below: not self.is_vendored(below.path)):
            if any(name.endswith(ending) for name in own.entries):
                return True
        return False

    def files_below(self, path: str) -> Iterator[str]:
        """Yield every file and symlink below a directory, or the file at `path`."""
        entry = self.entry(path)
        if isinstance(entry, MemoryDirectory):
            for directory in entry.tree():
                yield from map(directory.prefix.__add__, directory.entries)
        elif entry:
            yield path


class OnDisk:
    """A context whose directories are read one by one, when something in them is asked for."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._listing: Callable[[str], Mapping[str, DirEntry[str]]] = cache(self._list)

    def _list(self, directory: str) -> Mapping[str, DirEntry[str]]:
        """Return the entries of a directory by name; none below a symlink."""
        if not self.is_directory(directory):
            return {}
        with suppress(OSError, ValueError):
            return {entry.name: entry for entry in entries_in(join(self.directory, directory))}
        return {}

    def _entry(self, path: str) -> DirEntry[str] | None:
        above, _, name = path.rpartition("/")
        return self._listing(above).get(name)

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if there is no such directory."""
        return sorted(self._listing(directory))

    def has(self, path: str) -> bool:
        """Return True if there is an entry at `path`."""
        return self._entry(path) is not None

    def is_directory(self, path: str) -> bool:
        """Return True if there is a directory at `path`, or for the context itself."""
        if not path:
            return True
        entry = self._entry(path)
        return entry is not None and entry.is_dir(follow_symlinks=False)

    def is_file(self, path: str) -> bool:
        """Return True if there is a regular file at `path`."""
        entry = self._entry(path)
        return entry is not None and entry.is_file(follow_symlinks=False)

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a regular file."""
        entry = self._entry(path)
        if entry is None:
            return 0
        with suppress(OSError):
            return entry.stat(follow_symlinks=False).st_size
        return 0


def sending(plan: Plan, files: ContextFiles) -> Callable[[str], bool]:
    """Return whether the ignore file of `plan` sends an entry, for one path after the other."""
    spec = plan.spec

    @cache
    def is_sent(path: str) -> bool:
        step = None
        for ancestor, step in spec.steps(path):
            if step.ignored and not spec.enters(ancestor):
                return False
        return step is not None and not step.ignored and files.has(path)

    return is_sent


class JudgedSums:
    """The sums by path that one transfer sends, those of a directory added up when asked for."""

    def __init__(self, sent: Sent, names: JudgedNames) -> None:
        self._sent = sent
        self._names = names
        self._directories: dict[str, Sums] = {}

    def at(self, path: str) -> Sums:
        """Return the sums at a path; none for what is not sent."""
        if path in self._directories:
            return self._directories[path]
        if self._names.has_folder(path):
            sums = Sums(*self._names.sums_below(path))
            self._directories[path] = sums
            return sums
        directory, _, name = path.rpartition("/")
        size_bytes = self._names.get(directory, {}).get(name)
        if size_bytes is None:
            return Sums()
        if name in self._sent.links.get(directory, ()):
            return Sums(0, size_bytes, 1)
        return Sums(1, size_bytes)


class SumsByPath(Mapping[str, Sums]):
    """The sums by path that transfers send; a path in two of them counts twice."""

    def __init__(self, sent: Iterable[Sent], snapshot: Snapshot) -> None:
        transfers = [*sent]
        self._snapshot = snapshot
        self._parts = [transfer.names for transfer in transfers]
        self._links = snapshot.links
        self._directories: dict[str, Sums] = {}
        for folder in reversed([*snapshot.folders]):
            path = folder.path
            sums = [
                self._directories[below.path]
                for below in folder.folders.values()
                if below.path in self._directories
            ]
            sums += [_count(path, names, self._links) for names in self._sent_in(path)]
            if sums or not path or any(path in transfer.directories for transfer in transfers):
                self._directories[path] = reduce(Sums.plus, sums, Sums())

    @cached_property
    def _own(self) -> dict[str, Sums]:
        """Return the sums of what is directly in each directory, for a single transfer."""
        (names_by_directory,) = self._parts
        return {
            directory: _count(directory, names, self._links)
            for directory, names in names_by_directory.items()
        }

    def at(self, path: str) -> Sums:
        """Return the sums at a path; none for what is not sent."""
        return self.get(path, Sums())

    def move(self, sent: Sent) -> None:
        """Go on to one transfer from another, and add up only what they do not share."""
        own_sums = self._own
        (before,) = self._parts
        after = sent.names
        self._parts = [after]
        self._links = sent.links  # a file may take the place of a symlink
        none = Sums()
        no_names: Names = {}
        changes = {}
        for directory in before.keys() | after.keys():
            names = after.get(directory, no_names)
            if names is before.get(directory, no_names):
                continue
            own = none
            if names:
                own = _count(directory, names, sent.links)
            changes[directory] = own.minus(own_sums.get(directory, none))
            own_sums[directory] = own
        for folder in reversed([*self._snapshot.folders]):
            path = folder.path
            change = changes.get(path)
            if change is None:
                continue
            self._directories[path] = self._directories.get(path, none).plus(change)
            if path:
                above = path.rpartition("/")[0]
                changes[above] = changes.get(above, none).plus(change)

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
            return Sums(0, sum(sizes), len(sizes))
        return Sums(len(sizes), sum(sizes))

    def __iter__(self) -> Iterator[str]:
        """Yield all paths, directories first."""
        yield from self._directories
        for directory in self._directories:
            yield from map(join(directory, "").__add__, self.names_in(directory))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def names_in(self, directory: str) -> Names:
        """Return the sent files and symlinks of a directory, and their bytes in a transfer."""
        sent = self._sent_in(directory)
        if len(sent) == 1:
            return sent[0]
        return {name: size_bytes for part in sent for name, size_bytes in part.items()}


def moved(
    sums: SumsByPath | JudgedSums | None, sent: Sent, snapshot: Snapshot
) -> SumsByPath | JudgedSums:
    """Return the sums of one transfer, at least cost; `sums` of another are changed."""
    if isinstance(sent.names, JudgedNames):
        return JudgedSums(sent, sent.names)
    if isinstance(sums, SumsByPath):
        sums.move(sent)
        return sums
    return SumsByPath([sent], snapshot)


def _count(directory: str, names: Names, links: LinksByDirectory) -> Sums:
    """Return the sums of the entries `names` of a directory; `links` are the symlinks."""
    linked = 0
    if directory in links:
        linked = len(names.keys() & links[directory])
    return Sums(len(names) - linked, sum(names.values()), linked)


def sum_of(sums: Mapping[str, Sums], paths: Iterable[str]) -> Sums:
    """Return the sums of several paths together."""
    none = Sums()
    return reduce(Sums.plus, (sums.get(path, none) for path in paths), none)


def within(sums: Mapping[str, Sums], paths: PathSet) -> defaultdict[str, Sums]:
    """Return by directory the sums of those `paths` that are in it; by path those of itself."""
    by_directory = defaultdict[str, Sums](Sums)
    for path in outermost(paths):
        if path in sums:
            for directory in ("", *up_to(path)):
                by_directory[directory] = by_directory[directory].plus(sums[path])
    return by_directory


def is_below(path: str, paths: PathSet) -> bool:
    """Return True if a directory above `path` is one of `paths`."""
    while path := path.rpartition("/")[0]:
        if path in paths:
            return True
    return False


def is_at_or_below(path: str, paths: PathSet) -> bool:
    """Return True if `path` or a directory above it is one of `paths`."""
    return path in paths or is_below(path, paths)


def outermost(paths: PathSet) -> list[str]:
    """Return those of `paths` that are not below another one."""
    return [path for path in paths if not is_below(path, paths)]


def fits(find: str, path: str) -> bool:
    """Return True if `path` ends with the components of `find`, or equals it for `/x`."""
    wanted = find.lstrip("/").split("/")
    parts = path.split("/")
    if not find.startswith("/"):
        parts = parts[-len(wanted) :]
    return len(parts) == len(wanted) and all(map(like, wanted, parts))
