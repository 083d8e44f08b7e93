"""A context held in memory, so that any ignore file can be tried on it without reading it again.

What would be sent under other patterns is what the same walk meets in memory.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, cast

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import (
    Files,
    Folder,
    IgnoredEntries,
    IgnoredFolder,
    Progress,
    Xattrs,
    reported,
)
from ctxsize.engine.listing import order
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.engine.request import Request
from ctxsize.engine.sent import Sent
from ctxsize.engine.source import Step, in_order, steps
from ctxsize.engine.walk import Walk
from ctxsize.model import Problem


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


class Snapshot:
    """The whole context of a request, ignored directories included, as one walk met it."""

    def __init__(self, request: Request, root: Held, problems: tuple[Problem, ...]) -> None:
        self.request = request
        self.root = root
        self.problems = problems
        """What could not be read; what is below such a directory is missing here."""
        self._sent: tuple[DockerIgnoreSpec, Sent] | None = None
        """What was asked for last."""

    @classmethod
    def take(cls, request: Request, *, progress: Progress | None = None) -> Snapshot:
        """Return the context of `request` as it is now. Raises what `Walk` raises.

        `progress` is told entries and bytes now and then.
        """
        walk = Walk(request, everything=True)
        held = {"": Held("")}
        several: dict[str, Held] = {}  # what is sent of a directory and what is ignored takes turns
        entries = content_bytes = 0

        def seen() -> tuple[int, int]:
            return entries, content_bytes

        for event in reported(walk, progress, seen):
            if isinstance(event, Folder | IgnoredFolder):
                _folder(held, event.path)
                entries += 1
            elif isinstance(event, Files | IgnoredEntries):
                found = _entries(event)
                directory = _folder(held, event.prefix[:-1])
                if directory.entries:
                    several[directory.path] = directory
                directory.entries.update(found)
                entries += len(found)
                content_bytes += sum([each for each in found.values() if isinstance(each, int)])
        for each in several.values():
            each.entries = dict(sorted(each.entries.items(), key=_by_name))
        for each in reversed([*held[""].tree()]):
            _add_up(each)
        return cls(request, held[""], tuple(walk.problems))

    def asked(self, request: Request) -> Snapshot:
        """Return the same tree for another request, with all that is known of it."""
        same = copy(self)
        same.request, same._sent = request, None
        return same

    @cached_property
    def _by_path(self) -> dict[str, Held]:
        return {held.path: held for held in self.root.tree()}

    @property
    def folders(self) -> Collection[Held]:
        """Return the context and all directories below, each before its own, siblings in order."""
        return self._by_path.values()

    def folder(self, path: str) -> Held | None:
        """Return the directory at `path`, None if there is none."""
        return self._by_path.get(path)

    def file(self, path: str) -> File | None:
        """Return the entry at `path` that is no directory, None if there is none."""
        directory, _, name = path.rpartition("/")
        held = self._by_path.get(directory)
        return None if held is None else held.file(name)

    def with_file(self, path: str, size_bytes: int) -> Snapshot:
        """Return the same context with a regular file of this size at `path`, new or changed.

        Its directory must be there. What is written to an ignore file is itself sent.
        """
        directory, _, name = path.rpartition("/")
        old = self.file(path)
        mode = stat.S_IFREG | 0o644 if old is None else old.st_mode
        held = self._by_path[directory]
        entries = {**held.entries, name: _kept(File(name, mode, size_bytes))}
        made = self._with(held, dict(sorted(entries.items(), key=_by_name)), held.folders)
        snapshot = Snapshot(self.request, made[""], self.problems)
        snapshot._by_path = {**self._by_path, **made}
        return snapshot

    def _with(
        self, held: Held, entries: dict[str, int | File], folders: list[Held]
    ) -> dict[str, Held]:
        """Return the directory `held` with a change in it, and its parents; the rest is shared."""
        made = Held(held.path, entries, list(folders))
        _add_up(made)
        if not held.path:
            return {"": made}
        above = self._by_path[held.path.rpartition("/")[0]]
        beside = [made if each is held else each for each in above.folders]
        return {held.path: made, **self._with(above, above.entries, beside)}

    def sent(
        self, spec: DockerIgnoreSpec | None = None, *, include: Iterable[str] | None = None
    ) -> Sent:
        """Return what is sent if `spec` is the ignore file, by default that of the request.

        `include` are include patterns as `follow` gives them: only what they ask for.
        Raises `IgnoreFileError` and `DockerfileError` as a walk does.
        """
        spec = self.request.spec if spec is None else spec
        if include is not None:
            return self._walked(Narrowed(spec, include))
        if self._sent is None or self._sent[0] is not spec:
            plain = not spec.patterns and not self.has_further_names
            self._sent = spec, self._everything() if plain else self._walked(fastest(spec))
        return self._sent[1]

    def _everything(self) -> Sent:
        """Return what is sent without any pattern, if each file has one name: it needs no walk."""
        names: dict[str, dict[str, int]] = {}
        empty: list[str] = []
        for held in self.folders:
            if held.entries:
                names[held.path] = held.contents
                empty += [held.prefix + each.name for each in held.odd if each.arrives_empty]
        links = sum(map(len, self.links.values()))
        directories = frozenset(self._by_path.keys() - {""})
        content_bytes, files = self.root.content_bytes, self.root.count - links
        return Sent(names, directories, frozenset(empty), content_bytes, files)

    def _walked(self, evaluator: Evaluator[Any]) -> Sent:
        return met(self.request, evaluator, self.root)

    @cached_property
    def has_further_names(self) -> bool:
        """Return whether a file has several names: the first one that is sent has its content."""
        return any(file.st_nlink > 1 for held in self.folders for file in held.odd)

    @cached_property
    def links(self) -> dict[str, frozenset[str]]:
        """Return the names of the symlinks in each directory that has some."""
        is_link = stat.S_ISLNK
        found = {}
        for held in self.folders:
            names = [file.name for file in held.odd if is_link(file.st_mode)]
            if names:
                found[held.path] = frozenset(names)
        return found


def met(request: Request, evaluator: Evaluator[Any], root: Held) -> Sent:
    """Return what a walk over the directory `root` in memory meets that is sent."""
    refuses = request.builder.refuses_to_open
    names: dict[str, dict[str, int]] = {}
    directories: set[str] = set()
    empty: set[str] = set()
    count = total = 0
    for event in Walk(request, evaluator=evaluator, source=Memory(root)):
        if isinstance(event, Files):
            lost = event.unreadable | event.withheld() if refuses else event.unreadable
            content = event.content_sizes(lost)
            total += sum(content)
            count += len(content) - len(event.links)
            new = dict(zip(event.names, content, strict=True))
            directory = event.prefix[:-1]
            if directory in names:
                names[directory].update(new)
            else:
                names[directory] = new
            if lost:
                prefix = event.prefix
                empty.update(prefix + name for name in event.with_content() if name in lost)
        elif isinstance(event, Folder):
            directories.add(event.path)
    return Sent(names, frozenset(directories), frozenset(empty), total, count)


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


def _folder(held: dict[str, Held], path: str) -> Held:
    """Return the directory at `path`, made known to the one above when it is new."""
    found = held.get(path)
    if found is None:
        found = held[path] = Held(path)
        held[path.rpartition("/")[0]].folders.append(found)
    return found


def _entries(event: Files | IgnoredEntries) -> dict[str, int | File]:
    """Return what is kept of the entries of an event, by name."""
    entries = zip(event.names, event.stats, strict=True)
    if isinstance(event, Files) and event.plain:
        return {name: each.st_size for name, each in entries if each}
    unreadable = event.unreadable if isinstance(event, Files) else frozenset[str]()
    return {
        name: _kept(
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


def _kept(file: File) -> int | File:
    plain = stat.S_ISREG(file.st_mode) and file.st_nlink <= 1 and file.readable
    return file.st_size if plain else file


def _file(name: str, kept: int | File) -> File:
    return kept if isinstance(kept, File) else File(name, _PLAIN, kept)


def _by_name(item: tuple[str, int | File]) -> bytes:
    return order(item[0])


def _add_up(held: Held) -> None:
    """Count what is below, when that is done for the directories in it."""
    held.content_bytes, held.count = sum(held.contents.values()), len(held.entries)
    for folder in held.folders:
        held.content_bytes += folder.content_bytes
        held.count += folder.count
