"""A context in memory, on which any ignore file can be tried without reading the disk again."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable
from copy import copy
from functools import cached_property
from typing import Any

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.events import Files, Folder, IgnoredEntries, Progress, reported
from ctxsize.engine.memory import PLAIN, File, Memory, MemoryDirectory, Sent
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.request import Request
from ctxsize.engine.walk import Walk
from ctxsize.model import Problem


class Snapshot:
    """The whole context of a request, ignored directories included, read by one walk."""

    def __init__(
        self, request: Request, root: MemoryDirectory, problems: tuple[Problem, ...]
    ) -> None:
        self.request = request
        self.root = root
        self.problems = problems
        """Problems of the walk; an unreadable directory is empty here."""
        self._sent: tuple[DockerIgnoreSpec, Sent] | None = None
        """The last answer, cached."""

    @classmethod
    def take(cls, request: Request, *, progress: Progress | None = None) -> Snapshot:
        """Return the context of `request` as it is now. Raises what `Walk` raises."""
        walk = Walk(request, everything=True)
        found = {"": MemoryDirectory("")}
        entries = content_bytes = 0

        def seen() -> tuple[int, int]:
            return entries, content_bytes

        for event in reported(walk, progress, seen):
            if isinstance(event, Files | IgnoredEntries):
                new = _entries_of(event)
                found[event.prefix[:-1]].entries.update(new)
                entries += len(new)
                content_bytes += sum([each for each in new.values() if isinstance(each, int)])
            elif event.path not in found:
                above, _, name = event.path.rpartition("/")
                found[event.path] = found[above].folders[name] = MemoryDirectory(event.path)
                entries += 1
        for directory in reversed([*found[""].tree()]):
            directory.add_up()
        return cls(request, found[""], tuple(walk.problems))

    def asked(self, request: Request) -> Snapshot:
        """Return the same tree for another request, caches of the tree included."""
        same = copy(self)
        same.request, same._sent = request, None
        return same

    @cached_property
    def _by_path(self) -> dict[str, MemoryDirectory]:
        return {directory.path: directory for directory in self.root.tree()}

    @property
    def folders(self) -> Collection[MemoryDirectory]:
        """Return the context and all directories below; parents come first, siblings in order."""
        return self._by_path.values()

    def folder(self, path: str) -> MemoryDirectory | None:
        """Return the directory at `path`, None if there is none."""
        return self._by_path.get(path)

    def file(self, path: str) -> File | None:
        """Return the entry at `path`; None for a directory or a path that does not exist."""
        directory, _, name = path.rpartition("/")
        folder = self.folder(directory)
        return None if folder is None else folder.file(name)

    def with_file(self, path: str, size_bytes: int) -> Snapshot:
        """Return the same context with a file at `path`, in a directory that exists."""
        at, _, name = path.rpartition("/")
        old, by_path = self.file(path), {**self._by_path}
        file = File(name, PLAIN if old is None else old.st_mode, size_bytes)
        made = MemoryDirectory(at, {**by_path[at].entries, name: file.kept}, by_path[at].folders)
        while True:  # replace the directories above as well; all others are shared
            made.add_up()
            by_path[made.path] = made
            if not made.path:
                break
            above = by_path[made.path.rpartition("/")[0]]
            made = MemoryDirectory(above.path, above.entries, {**above.folders, made.name: made})
        snapshot = Snapshot(self.request, made, self.problems)
        snapshot._by_path = by_path
        return snapshot

    def sent(
        self, spec: DockerIgnoreSpec | None = None, *, include: Iterable[str] | None = None
    ) -> Sent:
        """Return the entries sent under `spec`, by default the request's own.

        `include` are include patterns from `follow`, which limit the answer. Raises what a walk
        raises.
        """
        spec = self.request.spec if spec is None else spec
        if include is not None:
            return self.walked(Narrowed(spec, include))
        if self._sent is None or self._sent[0] is not spec:
            plain = not spec.patterns and not self.has_further_names
            quick = plain and self.request.builder.sends_sockets
            self._sent = spec, self._everything() if quick else self.walked(fastest(spec))
        return self._sent[1]

    def _everything(self) -> Sent:
        """Return the entries sent without any pattern. Without hard links this needs no walk."""
        names = {each.path: each.contents for each in self.folders if each.entries}
        empty = {
            each.prefix + file.name
            for each in self.folders
            for file in each.special
            if not file.readable and file.st_size
        }
        return Sent(names, frozenset(self._by_path.keys() - {""}), frozenset(empty), self.links)

    def walked(self, evaluator: Evaluator[Any], root: MemoryDirectory | None = None) -> Sent:
        """Return the entries that a walk in memory sends, from the part `root` or from all."""
        refuses = self.request.builder.refuses_to_open
        names: dict[str, dict[str, int]] = {}
        directories: set[str] = set()
        empty: set[str] = set()
        for event in Walk(self.request, evaluator=evaluator, source=Memory(root or self.root)):
            if isinstance(event, Folder):
                directories.add(event.path)
            elif isinstance(event, Files):
                lost = event.unreadable | event.withheld() if refuses else event.unreadable
                new = dict(zip(event.names, event.content_sizes(lost), strict=True))
                names.setdefault(event.prefix[:-1], new).update(new)
                if lost:
                    empty.update(event.prefix + name for name in lost & event.with_content().keys())
        return Sent(names, frozenset(directories), frozenset(empty), self.links)

    @cached_property
    def has_further_names(self) -> bool:
        """Return whether a file has several names. The first one sent carries the content."""
        return any(file.st_nlink > 1 for each in self.folders for file in each.special)

    @cached_property
    def links(self) -> dict[str, frozenset[str]]:
        """Return the names of symlinks, by directory; directories without any are left out."""
        found: dict[str, frozenset[str]] = {}
        for each in self.folders:
            names = [file.name for file in each.special if stat.S_ISLNK(file.st_mode)]
            if names:
                found[each.path] = frozenset(names)
        return found


def _entries_of(event: Files | IgnoredEntries) -> dict[str, int | File]:
    """Return the entries of an event in the form in which a directory keeps them."""
    entries = zip(event.names, event.stats, strict=True)
    if isinstance(event, Files) and event.plain:
        return {name: each.st_size for name, each in entries if each}
    unreadable = event.unreadable if isinstance(event, Files) else frozenset[str]()
    found: dict[str, int | File] = {}
    for name, each in entries:
        if each is not None:
            links, inode = each.st_nlink, each.st_ino if each.st_nlink > 1 else 0
            readable = name not in unreadable
            found[name] = File(name, each.st_mode, each.st_size, links, inode, readable).kept
    return found
