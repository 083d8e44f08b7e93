"""A context in memory, on which any ignore file can be tried without reading the disk again."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.events import Files, Folder, IgnoredEntries, Progress, reported
from ctxsize.engine.filesystem import PLAIN, File, MemoryDirectory
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.plan import Plan
from ctxsize.engine.walk import Walk
from ctxsize.go import paths, strings
from ctxsize.model import Problem

Names = Mapping[str, int]  # entries of one directory but directories, and the bytes sent for each
_NONE: Names = {}
_PATTERN = frozenset("!*?[]^\\\0")  # characters of an include pattern that may not mean themselves


@dataclass(frozen=True)
class Sent:
    """The entries of a snapshot that one ignore file sends."""

    names: Mapping[str, Names]  # by directory; one without such an entry is missing
    directories: frozenset[str]
    empty: frozenset[str]  # files with content that arrive without it
    links: Mapping[str, frozenset[str]] = field(compare=False)
    """The symlinks of the snapshot by directory, sent or not."""

    @cached_property
    def content_bytes(self) -> int:
        """Return the bytes of content sent."""
        return sum(sum(names.values()) for names in self.names.values())

    @cached_property
    def files(self) -> int:
        """Return the number of entries other than directories and symlinks."""
        links = (len(found & self.names.get(at, _NONE).keys()) for at, found in self.links.items())
        return sum(map(len, self.names.values())) - sum(links)

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return name in self.names.get(directory, _NONE) or path in self.directories

    def size(self, path: str) -> int:
        """Return the bytes of content of a sent entry; 0 for a directory."""
        directory, _, name = path.rpartition("/")
        return self.names.get(directory, _NONE).get(name, 0)

    def with_size(self, path: str, file: File | None) -> Sent:
        """Return it with the size of a file that it has at `path`; without it if `file` is None.

        A file may take the place of a symlink.
        """
        above, _, name = path.rpartition("/")
        names = self.names.get(above, _NONE)
        if file is None:
            size = -1
        else:
            size = file.content_bytes
        was_link = name in self.links.get(above, ())
        links = self.links
        if file is not None and was_link and not stat.S_ISLNK(file.st_mode):
            links = {**links, above: links[above] - {name}}
        elif names.get(name, size) == size:
            return self
        others = {each: names[each] for each in names if each != name}
        if file is not None and name in names:
            others[name] = size
        return replace(self, names={**self.names, above: others}, links=links)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Return the bytes of content by entry, unordered; 0 for directories."""
        sizes = dict.fromkeys(self.directories, 0)
        for directory, names in self.names.items():
            prefix = _prefix(directory)
            sizes.update({prefix + name: size for name, size in names.items()})
        return sizes

    @property
    def paths(self) -> Collection[str]:
        """Return all entries, directories included; the result behaves as a set."""
        return self.sizes.keys()


class SentDifference(NamedTuple):
    """The entries with another fate: no longer sent, sent now, and sent with other bytes."""

    hidden: Set[str]
    shown: Set[str]
    resized: Set[str]

    @property
    def paths(self) -> Set[str]:
        """Return all of them."""
        return self.hidden | self.shown | self.resized


def differences(before: Sent, after: Sent) -> SentDifference:
    """Return the difference between two answers. Directories that both share cost no time."""
    hidden = {*(before.directories - after.directories)}
    shown = {*(after.directories - before.directories)}
    resized: set[str] = set()
    for directory in before.names.keys() | after.names.keys():
        old = before.names.get(directory, _NONE)
        new = after.names.get(directory, _NONE)
        if old is not new and old != new:
            prefix = _prefix(directory)
            both = old.keys() & new.keys()
            hidden.update([prefix + name for name in old if name not in both])
            shown.update([prefix + name for name in new if name not in both])
            resized.update([prefix + name for name in both if old[name] != new[name]])
    return SentDifference(hidden, shown, resized)


def _is_literal(path: str) -> bool:
    """Return whether an include pattern selects just the entry at this path, and all below it."""
    if path.startswith(("/", "#", "../")) or path in (".", "..") or path.strip() != path:
        return False
    return paths.clean(path) == path and strings.is_utf8(path) and _PATTERN.isdisjoint(path)


def _in_byte_order(pair: tuple[str, object]) -> bytes:
    return strings.encoded(pair[0])


def _prefix(directory: str) -> str:
    if directory:
        return f"{directory}/"
    return ""


@dataclass(eq=False)
class Snapshot:
    """The whole context of a plan, ignored directories included, read by one walk."""

    plan: Plan
    root: MemoryDirectory
    problems: tuple[Problem, ...]  # problems of the walk; an unreadable directory is empty here
    _sent: tuple[DockerIgnoreSpec, Sent] | None = None  # the last answer, cached

    @classmethod
    def take(cls, plan: Plan, *, progress: Progress | None = None) -> Snapshot:
        """Return the context of `plan` as it is now. Raises what `Walk` raises."""
        walk = Walk(plan, everything=True)
        found = {"": MemoryDirectory("")}
        seen = [0, 0]  # entries and bytes
        for event in reported(walk, progress, lambda: (seen[0], seen[1])):
            if isinstance(event, Files | IgnoredEntries):
                new = _entries_of(event)
                found[event.prefix[:-1]].entries.update(new)
                seen[0] += len(new)
                seen[1] += sum([each for each in new.values() if isinstance(each, int)])
            elif event.path not in found:
                above, _, name = event.path.rpartition("/")
                found[event.path] = found[above].folders[name] = MemoryDirectory(event.path)
                seen[0] += 1
        for directory in reversed([*found[""].tree()]):
            directory.add_up()
        return cls(plan, found[""], tuple(walk.problems))

    def asked(self, plan: Plan) -> Snapshot:
        """Return the same tree for another request, caches of the tree included."""
        same = copy(self)
        same.plan = plan
        same._sent = None
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
        if folder is None:
            return None
        return folder.file(name)

    def with_file(self, path: str, size_bytes: int) -> Snapshot:
        """Return the same context with a file at `path`, in a directory that exists.

        It keeps the mode of a file that is there, and takes the place of a symlink.
        """
        at, _, name = path.rpartition("/")
        old = self.file(path)
        by_path = {**self._by_path}
        mode = PLAIN
        if old is not None and not stat.S_ISLNK(old.st_mode):
            mode = old.st_mode
        file = File(name, mode, size_bytes)
        made = MemoryDirectory(at, {**by_path[at].entries, name: file.kept}, by_path[at].folders)
        while True:  # replace the directories above as well; all others are shared
            made.add_up()
            by_path[made.path] = made
            if not made.path:
                break
            above = by_path[made.path.rpartition("/")[0]]
            made = MemoryDirectory(above.path, above.entries, {**above.folders, made.name: made})
        snapshot = Snapshot(self.plan, made, self.problems)
        snapshot._by_path = by_path
        return snapshot

    def sent(
        self, spec: DockerIgnoreSpec | None = None, *, include: Iterable[str] | None = None
    ) -> Sent:
        """Return what `spec`, by default our own, sends within `include`. Raises as a walk does."""
        if spec is None:
            spec = self.plan.spec
        else:
            spec = spec
        if include is not None:
            include = tuple(include)
            return self.walked(Narrowed(spec, include), self._part(spec, include))
        last = self._sent  # which another thread may replace
        if last is None or last[0] is not spec:
            plain = not spec.patterns and not self.has_further_names
            quick = plain and self.plan.builder.sends_sockets
            self._sent = last = spec, self._everything() if quick else self.walked(fastest(spec))
        return last[1]

    def _part(self, spec: DockerIgnoreSpec, include: Sequence[str]) -> MemoryDirectory:
        """Return the tree with only what `include` can select; all of it if that is not certain.

        So a build that takes few files of a large directory costs no look at the others.
        """
        is_literal = all(_is_literal(path) for path in include)
        if not is_literal or any(pattern.fault for pattern in spec.patterns):
            return self.root
        part = MemoryDirectory("")
        for path in include:
            self._add_path(part, path)
        for directory in part.tree():
            if directory is not self._by_path[directory.path]:
                directory.entries = dict(sorted(directory.entries.items(), key=_in_byte_order))
                directory.folders = dict(sorted(directory.folders.items(), key=_in_byte_order))
        return part

    def _add_path(self, part: MemoryDirectory, path: str) -> None:
        """Add the entry at `path` to a part of this tree, with the directories above it."""
        whole = self.root
        *above, name = path.split("/")
        for each in above:
            if each not in whole.folders:
                return
            whole = whole.folders[each]
            part = part.folders.setdefault(each, MemoryDirectory(whole.path))
        if name in whole.folders:
            part.folders[name] = whole.folders[name]
        elif name in whole.entries:
            part.entries[name] = whole.entries[name]

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
        names: dict[str, dict[str, int]] = {}
        directories: set[str] = set()
        empty: set[str] = set()
        for event in Walk(self.plan, evaluator=evaluator, source=root or self.root):
            if isinstance(event, Folder):
                directories.add(event.path)
            elif isinstance(event, Files):
                new = dict(zip(event.names, event.sizes, strict=True))
                names.setdefault(event.prefix[:-1], new).update(new)
                empty.update(map(event.prefix.__add__, event.empty))
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
            if names := [file.name for file in each.special if stat.S_ISLNK(file.st_mode)]:
                found[each.path] = frozenset(names)
        return found


def _entries_of(event: Files | IgnoredEntries) -> dict[str, int | File]:
    """Return the entries of an event in the form in which a directory keeps them."""
    if isinstance(event, Files) and event.plain:
        return dict(zip(event.names, event.sizes, strict=True))
    unreadable = event.unreadable if isinstance(event, Files) else ()
    found: dict[str, int | File] = {}
    for name, each in zip(event.names, event.stats, strict=True):
        links = each.st_nlink
        if each.st_nlink > 1:
            inode = each.st_ino
        else:
            inode = 0
        readable = name not in unreadable
        found[name] = File(name, each.st_mode, each.st_size, links, inode, readable).kept
    return found
