"""A context held in memory, so that any ignore file can be tried on it without reading it again.

What would be sent under other patterns is what the same walk meets in memory (`Sent`).
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.events import Files, Folder, IgnoredEntries, IgnoredFolder, Progress, reported
from ctxsize.engine.listing import order
from ctxsize.engine.memory import File, Held, Memory, add_up, by_name, entries_of, folder_in, kept
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.request import Request
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

        `progress` is called with entries and bytes now and then.
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


Names = Mapping[str, int]
"""The entries of one directory that are no directories, and the bytes that travel of each."""
_NONE: Names = {}


@dataclass(frozen=True, eq=False)
class Sent:
    """What would be sent of a snapshot under one evaluation."""

    names: Mapping[str, Names]
    """By directory; a directory of which no such entry is sent is missing."""
    directories: frozenset[str]
    empty: frozenset[str]
    """The files with content that arrive without it."""
    content_bytes: int
    files: int
    """All that is neither a directory nor a symlink."""

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return name in self.names.get(directory, _NONE) or path in self.directories

    def size(self, path: str) -> int:
        """Return the bytes of content of an entry that is sent; 0 for a directory."""
        directory, _, name = path.rpartition("/")
        return self.names.get(directory, _NONE).get(name, 0)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Return content bytes by entry, in no particular order; 0 for directories."""
        sizes = dict.fromkeys(self.directories, 0)
        for directory, names in self.names.items():
            prefix = _prefix(directory)
            sizes.update({prefix + name: size for name, size in names.items()})
        return sizes

    @property
    def paths(self) -> Collection[str]:
        """Return every entry, directories too; it behaves as a set."""
        return self.sizes.keys()

    def without(self, other: Sent) -> list[str]:
        """Return the entries that are sent here and not by `other`, in the builder's order."""
        found = [*(self.directories - other.directories)]
        for directory, names in self.names.items():
            there = other.names.get(directory, _NONE)
            if names is not there:
                prefix = _prefix(directory)
                found += [prefix + name for name in names.keys() - there.keys()]
        return sorted(found, key=order)

    def same(self, other: Sent) -> bool:
        """Return whether both send the same entries with the same content."""
        if self.directories != other.directories or self.empty != other.empty:
            return False
        return self.names == other.names


class SentDifference(NamedTuple):
    """The entries whose fate is another one; directories too, but for the last two."""

    hidden: frozenset[str]
    """Sent before, and no more."""
    shown: frozenset[str]
    """Sent from now on."""
    resized: frozenset[str]
    """Sent as before, with more of their content or less."""
    moved: frozenset[str]
    """Sent as before, and now empty or no more so, whatever travelled of them."""

    @property
    def paths(self) -> frozenset[str]:
        """Return all of them."""
        return self.hidden | self.shown | self.resized | self.moved


def differences(before: Sent, after: Sent) -> SentDifference:
    """Return what is sent otherwise `after`; directories that both share cost next to nothing."""
    hidden = {*(before.directories - after.directories)}
    shown = {*(after.directories - before.directories)}
    resized: set[str] = set()
    for directory, old, new in differing(before, after):
        prefix = _prefix(directory)
        hidden.update(prefix + name for name in old.keys() - new.keys())
        shown.update(prefix + name for name in new.keys() - old.keys())
        resized.update(prefix + name for name in old.keys() & new.keys() if old[name] != new[name])
    moved = (before.empty ^ after.empty) - hidden - shown
    return SentDifference(frozenset(hidden), frozenset(shown), frozenset(resized), frozenset(moved))


def differing(before: Sent, after: Sent) -> Iterator[tuple[str, Names, Names]]:
    """Yield each directory of which other entries are sent, with those before and after."""
    for directory, old in before.names.items():
        new = after.names.get(directory, _NONE)
        if old is not new and old != new:
            yield directory, old, new
    for directory in after.names.keys() - before.names.keys():
        yield directory, _NONE, after.names[directory]


def _prefix(directory: str) -> str:
    return f"{directory}/" if directory else ""
