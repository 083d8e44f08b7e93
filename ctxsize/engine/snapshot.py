"""A context held in memory, so that any ignore file can be tried on it without another walk.

What would be sent under other patterns is computed by the same evaluators that
decide in a walk, from names and sizes that were read once.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator, HasMark, Mark
from ctxsize.engine.events import Files, Folder, Ignored, IgnoredFolder, Progress
from ctxsize.engine.listing import order
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.engine.request import Request
from ctxsize.engine.walk import Walk
from ctxsize.model import Problem

_PROGRESS_EVERY = 256


class File(NamedTuple):
    """An entry that is no directory."""

    name: str
    mode: int
    size_bytes: int
    """`st_size`."""
    inode: int | None
    """For a file with several names, else None."""
    readable: bool = True

    @property
    def content_bytes(self) -> int:
        """What would travel of it under its first name: 0 for all but readable regular files."""
        return self.size_bytes if self.readable and stat.S_ISREG(self.mode) else 0


@dataclass()
class Held:
    """A directory of a snapshot, to be read only."""

    path: str
    """Relative; `""` is the context itself."""
    files: list[File] = field(default_factory=list)
    """In byte order of names, as `folders`."""
    folders: list[Held] = field(default_factory=list)
    content_bytes: int = 0
    """Of all below, each name for itself: hard links count as often as they stand there."""
    count: int = 0
    """The entries below that are no directories."""
    plain: bool = False
    """Whether `files` are all regular ones that can be read and have one name."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def prefix(self) -> str:
        """What stands before the names in it."""
        return f"{self.path}/" if self.path else ""

    def tree(self) -> Iterator[Held]:
        """This directory and all below, each before its own, siblings in order."""
        pending = [self]
        while pending:
            held = pending.pop()
            yield held
            pending += reversed(held.folders)


@dataclass(frozen=True)
class Sent:
    """What would be sent of a snapshot under one evaluation."""

    sizes: dict[str, int]
    """The bytes of content of each entry, in no particular order; directories have none."""
    directories: frozenset[str]
    empty: frozenset[str]
    """The files with content that arrive without it."""
    content_bytes: int
    files: int
    """All that is neither a directory nor a symlink."""

    def __contains__(self, path: str) -> bool:
        return path in self.sizes

    @property
    def paths(self) -> Iterable[str]:
        """Every entry, directories too; it behaves as a set."""
        return self.sizes.keys()

    def without(self, other: Sent) -> list[str]:
        """The entries that are sent here and not by `other`, in the builder's order."""
        return sorted(self.sizes.keys() - other.sizes.keys(), key=order)

    def same(self, other: Sent) -> bool:
        """Whether both send the same entries with the same content."""
        return self.sizes == other.sizes and self.empty == other.empty


class Snapshot:
    """The whole context of a request, ignored directories included, as one walk met it."""

    def __init__(self, request: Request, root: Held, problems: tuple[Problem, ...]) -> None:
        self.request = request
        self.root = root
        self.problems = problems
        """What could not be read; what is below such a directory is missing here."""
        self._by_path = {held.path: held for held in root.tree()}
        self._sent: tuple[DockerIgnoreSpec, Sent] | None = None
        """What was asked for last."""

    @classmethod
    def take(cls, request: Request, *, progress: Progress | None = None) -> Snapshot:
        """The context of `request` as it is now. Raises what `Walk` raises.

        `progress` is told entries and bytes now and then.
        """
        walk = Walk(request, everything=True)
        held = {"": Held("")}
        entries = content_bytes = 0
        for count, event in enumerate(walk):
            if isinstance(event, Folder | IgnoredFolder):
                _folder(held, event.path)
                entries += 1
            elif isinstance(event, Files | Ignored):
                files = [*_files(event)]
                _folder(held, event.prefix[:-1]).files += files
                entries += len(files)
                content_bytes += sum(each.content_bytes for each in files)
            if progress is not None and count % _PROGRESS_EVERY == 0:
                progress(entries, content_bytes)
        _settle(held)
        return cls(request, held[""], tuple(walk.problems))

    def folder(self, path: str) -> Held | None:
        """The directory at `path`, None if there is none."""
        return self._by_path.get(path)

    def file(self, path: str) -> File | None:
        """The entry at `path` that is no directory, None if there is none."""
        directory, _, name = path.rpartition("/")
        held = self._by_path.get(directory)
        if held is None:
            return None
        return next((each for each in held.files if each.name == name), None)

    def with_file(self, path: str, size_bytes: int) -> Snapshot:
        """The same context with a regular file of this size at `path`, new or changed.

        Its directory must be there. What is written to an ignore file is itself sent.
        """
        directory, _, name = path.rpartition("/")
        old = self.file(path)
        mode = stat.S_IFREG | 0o644 if old is None else old.mode
        held = self._by_path[directory]
        kept = [each for each in held.files if each.name != name]
        files = [*kept, File(name, mode, size_bytes, None)]
        return Snapshot(self.request, self._with(held, files, held.folders), self.problems)

    def _with(self, held: Held, files: list[File], folders: list[Held]) -> Held:
        """The top of the context with other things in the directory `held`; the rest is shared."""
        made = Held(held.path, files, list(folders))
        _sort(made)
        _add_up(made)
        if not held.path:
            return made
        above = self._by_path[held.path.rpartition("/")[0]]
        beside = [made if each is held else each for each in above.folders]
        return self._with(above, above.files, beside)

    def sent(
        self, spec: DockerIgnoreSpec | None = None, *, include: Iterable[str] | None = None
    ) -> Sent:
        """What the builder would send if `spec` were the ignore file, by default the request's.

        `include` are include patterns as `follow` gives them: only what they ask for.
        Raises `IgnoreFileError` and `DockerfileError` as a walk does.
        """
        spec = self.request.spec if spec is None else spec
        if include is not None:
            return _Sending(self.request, Narrowed(spec, include)).of(self.root)
        if self._sent is None or self._sent[0] is not spec:
            self._sent = spec, _Sending(self.request, fastest(spec)).of(self.root)
        return self._sent[1]


class _Sending:
    """One evaluation of a snapshot; the rules are those of `Walk` and `Sums`."""

    def __init__(self, request: Request, evaluator: Evaluator[Any]) -> None:
        self._builder = request.builder
        self._evaluator = evaluator
        self._sizes: dict[str, int] = {}
        self._directories: set[str] = set()
        self._empty: set[str] = set()
        self._linked: list[tuple[str, File, bool]] = []
        self._files = 0

    def of(self, root: Held) -> Sent:
        pending: list[tuple[Held, HasMark]] = [(root, self._evaluator.root())]
        while pending:
            held, state = pending.pop()
            self._send_files(held, state)
            for folder in held.folders:
                below = self._evaluator.enter(state, held.prefix, folder.name)
                if not below.mark.ignored:
                    self._send_directory(folder.path)
                elif not self._evaluator.enters(below, folder.path):
                    continue
                pending.append((folder, below))
        self._count_linked()
        return Sent(
            self._sizes,
            frozenset(self._directories),
            frozenset(self._empty),
            sum(self._sizes.values()),
            self._files,
        )

    def _send_files(self, held: Held, state: HasMark) -> None:
        odd = self._evaluator.odd(state, held.prefix, [each.name for each in held.files])
        usual, sent = state.mark, False
        if not odd and (usual.ignored or (held.plain and not usual.refused)):
            if held.files and not usual.ignored:
                prefix = held.prefix
                self._sizes.update((prefix + each.name, each.size_bytes) for each in held.files)
                self._files += len(held.files)
                self._send_above(held.path)
            return
        for each in held.files:
            mark = odd.get(each.name, usual) if odd else usual
            if mark.ignored or (stat.S_ISSOCK(each.mode) and not self._builder.sends_sockets):
                continue
            sent = True
            self._send(held.prefix + each.name, each, mark)
        if sent:
            self._send_above(held.path)

    def _send(self, path: str, each: File, mark: Mark) -> None:
        refused = mark.refused and self._builder.refuses_to_open
        symlink = stat.S_ISLNK(each.mode)
        self._files += not symlink
        if each.inode is not None and (self._builder.links_symlinks or not symlink):
            self._linked.append((path, each, refused))
            self._sizes[path] = 0
            return
        self._sizes[path] = 0 if refused else each.content_bytes
        if self._arrives_empty(each, refused=refused):
            self._empty.add(path)

    @staticmethod
    def _arrives_empty(each: File, *, refused: bool) -> bool:
        has_content = stat.S_ISREG(each.mode) and each.size_bytes > 0
        return has_content and (refused or not each.readable)

    def _send_directory(self, path: str) -> None:
        self._send_above(path.rpartition("/")[0])
        self._directories.add(path)
        self._sizes[path] = 0

    def _send_above(self, path: str) -> None:
        """The ignored directories that are sent with an entry below them."""
        if not self._builder.sends_ignored_parents:
            return
        while path and path not in self._directories:
            self._directories.add(path)
            self._sizes[path] = 0
            path = path.rpartition("/")[0]

    def _count_linked(self) -> None:
        """Files with several names: the first one that is sent carries the content."""
        met: set[int | None] = set()
        for path, each, refused in sorted(self._linked, key=lambda found: order(found[0])):
            if each.inode in met:
                continue
            met.add(each.inode)
            self._sizes[path] = 0 if refused else each.content_bytes
            if self._arrives_empty(each, refused=refused):
                self._empty.add(path)


def _folder(held: dict[str, Held], path: str) -> Held:
    """The directory at `path`, made known to the one above when it is new."""
    found = held.get(path)
    if found is None:
        found = held[path] = Held(path)
        held[path.rpartition("/")[0]].folders.append(found)
    return found


def _files(event: Files | Ignored) -> Iterator[File]:
    unreadable = event.unreadable if isinstance(event, Files) else frozenset[str]()
    for name, each in zip(event.names, event.stats, strict=True):
        if each is not None:
            inode = each.st_ino if each.st_nlink > 1 else None
            yield File(name, each.st_mode, each.st_size, inode, name not in unreadable)


def _settle(held: dict[str, Held]) -> None:
    """Sort every directory and add up what is below it."""
    for each in held.values():
        _sort(each)
    for each in reversed([*held[""].tree()]):
        _add_up(each)


def _sort(held: Held) -> None:
    held.files.sort(key=lambda file: order(file.name))
    held.folders.sort(key=lambda folder: order(folder.name))
    held.plain = all(
        file.inode is None and file.readable and stat.S_ISREG(file.mode) for file in held.files
    )


def _add_up(held: Held) -> None:
    """Count what is below, when that is done for the directories in it."""
    held.content_bytes = sum(file.content_bytes for file in held.files)
    held.content_bytes += sum(folder.content_bytes for folder in held.folders)
    held.count = len(held.files) + sum(folder.count for folder in held.folders)
