"""A context held in memory, so that any ignore file can be tried on it without reading it again.

What would be sent under other patterns is what the same walk meets in memory.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable
from copy import copy
from functools import cached_property
from typing import Any

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Files, Folder, IgnoredEntries, IgnoredFolder, Progress, reported
from ctxsize.engine.memory import File, Held, Memory, add_up, by_name, entries_of, folder_in, kept
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.engine.request import Request
from ctxsize.engine.sent import Sent
from ctxsize.engine.walk import Walk
from ctxsize.model import Problem


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
                folder_in(held, event.path)
                entries += 1
            elif isinstance(event, Files | IgnoredEntries):
                found = entries_of(event)
                directory = folder_in(held, event.prefix[:-1])
                if directory.entries:
                    several[directory.path] = directory
                directory.entries.update(found)
                entries += len(found)
                content_bytes += sum([each for each in found.values() if isinstance(each, int)])
        for each in several.values():
            each.entries = dict(sorted(each.entries.items(), key=by_name))
        for each in reversed([*held[""].tree()]):
            add_up(each)
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
        entries = {**held.entries, name: kept(File(name, mode, size_bytes))}
        made = self._with(held, dict(sorted(entries.items(), key=by_name)), held.folders)
        snapshot = Snapshot(self.request, made[""], self.problems)
        snapshot._by_path = {**self._by_path, **made}
        return snapshot

    def _with(
        self, held: Held, entries: dict[str, int | File], folders: list[Held]
    ) -> dict[str, Held]:
        """Return the directory `held` with a change in it, and its parents; the rest is shared."""
        made = Held(held.path, entries, list(folders))
        add_up(made)
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
