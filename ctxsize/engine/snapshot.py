"""A context in memory, on which any ignore file can be tried without reading the disk again."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import field, replace
from functools import cached_property
from itertools import chain, compress
from posixpath import join
from stat import S_ISLNK, S_ISSOCK

from ctxsize.engine import native
from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator, up_to
from ctxsize.engine.events import Files, Folder, Progress, reported
from ctxsize.engine.filesystem import PLAIN, File, MemoryDirectory
from ctxsize.engine.judged import JudgedNames, Numbers
from ctxsize.engine.memory_tree import MemoryTree
from ctxsize.engine.narrow import Narrowed, include_spec
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.plan import Plan
from ctxsize.engine.walk import Walk
from ctxsize.go.strings import encoded
from ctxsize.model import Problem, Problems
from ctxsize.values import Mutable, Value

Names = Mapping[str, int]  # entries of one directory but directories, and the bytes sent for each
NamesByDirectory = Mapping[str, Names]  # a directory without such entries is missing
LinksByDirectory = Mapping[str, frozenset[str]]  # the names of symlinks, likewise
_NONE: Names = {}
_SENT = b"\1" + bytes(255)  # 1 for the verdict that a file is sent, 0 for others


class Sent(Value):
    """The entries of a snapshot that one ignore file sends."""

    names: NamesByDirectory
    directories: frozenset[str]
    empty: frozenset[str]  # files with content that arrive without it
    links: LinksByDirectory = field(compare=False)
    """The symlinks of the snapshot by directory, sent or not."""

    @cached_property
    def content_bytes(self) -> int:
        """Return the bytes of content sent."""
        return sum(sum(names.values()) for names in self.names.values())

    @cached_property
    def files(self) -> int:
        """Return the number of entries other than directories and symlinks."""
        entries = sum(map(len, self.names.values()))
        for directory, links in self.links.items():
            entries -= len(links & self.names.get(directory, _NONE).keys())
        return entries

    def __contains__(self, path: str) -> bool:
        if path in self.directories:
            return True
        directory, _, name = path.rpartition("/")
        return name in self.names.get(directory, _NONE)

    def size(self, path: str) -> int:
        """Return the bytes of content of a sent entry; 0 for a directory."""
        directory, _, name = path.rpartition("/")
        return self.names.get(directory, _NONE).get(name, 0)

    def with_size(self, path: str, file: File | None) -> Sent:
        """Return a copy in which `path` has the size of `file`, or is missing if that is None.

        A path that is not sent stays so. A file may take the place of a symlink.
        """
        above, _, name = path.rpartition("/")
        names = {**self.names.get(above, _NONE)}
        links = self.links
        if file is not None and not S_ISLNK(file.st_mode):
            links = {**links, above: links.get(above, frozenset()) - {name}}
        if name in names:
            del names[name]
            if file is not None:
                names[name] = file.content_bytes
        all_names: NamesByDirectory
        if isinstance(self.names, JudgedNames):
            all_names = self.names.with_size(path, file)
        else:
            all_names = {**self.names, above: names}
        return replace(self, names=all_names, links=links)

    def sharing(self, other: Sent) -> Sent:
        """Return the same with the equal parts of another one, to see at once what differs."""
        mine = self.names
        equal = {path: names for path, names in other.names.items() if mine.get(path) == names}
        return replace(self, names={**mine, **equal})

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Return the bytes of content by entry, unordered; 0 for directories."""
        sizes = dict.fromkeys(self.directories, 0)
        for directory, names in self.names.items():
            prefix = join(directory, "")
            for name, size in names.items():
                sizes[prefix + name] = size
        return sizes

    @property
    def paths(self) -> Collection[str]:
        """Return all entries, directories included; the result behaves as a set."""
        return self.sizes.keys()


class SentDifference:
    """The entries with another fate in one answer than in another, each set made when asked for."""

    def __init__(self, before: Sent, after: Sent) -> None:
        self._before = before
        self._after = after

    @cached_property
    def _directories(self) -> list[str]:
        """Return the directories that send other names; those that both share cost no time."""
        before = self._before.names
        after = self._after.names
        changed = []
        for directory in before.keys() | after.keys():
            old = before.get(directory)
            new = after.get(directory)
            if old is not new and old != new:
                changed.append(directory)
        return changed

    def hidden_names(self) -> Iterator[tuple[str, Iterable[str]]]:
        """Yield the directories with entries that are no longer sent, and their names."""
        for directory in self._directories:
            old = self._before.names.get(directory, _NONE)
            new = self._after.names.get(directory, _NONE)
            if names := old.keys() - new.keys():
                yield directory, names

    @property
    def hidden_directories(self) -> frozenset[str]:
        """Return the directories that are no longer sent."""
        return self._before.directories - self._after.directories

    @cached_property
    def hidden(self) -> Set[str]:
        """Return the entries that are no longer sent."""
        hidden = {*self.hidden_directories}
        for directory, names in self.hidden_names():
            hidden.update(map(join(directory, "").__add__, names))
        return hidden

    @cached_property
    def shown(self) -> Set[str]:
        """Return the entries that are sent now."""
        return SentDifference(self._after, self._before).hidden

    @cached_property
    def resized(self) -> Set[str]:
        """Return the entries that are sent with other bytes."""
        resized = set()
        for directory in self._directories:
            old = self._before.names.get(directory, _NONE)
            new = self._after.names.get(directory, _NONE)
            for name in old.keys() & new.keys():
                if old[name] != new[name]:
                    resized.add(join(directory, name))
        return resized

    @property
    def paths(self) -> Set[str]:
        """Return all of them."""
        return self.hidden | self.shown | self.resized


class Answer(Value):
    """The entries that one ignore file sends."""

    spec: DockerIgnoreSpec
    sent: Sent


class Snapshot(Mutable):
    """The whole context of a plan, ignored directories included, read by one walk."""

    plan: Plan
    root: MemoryDirectory
    problems: Problems  # problems of the walk; an unreadable directory is empty here
    _last: Answer | None = None

    @classmethod
    def take(
        cls, plan: Plan, *, progress: Progress | None = None, tolerant: bool = False
    ) -> Snapshot:
        """Return the context of `plan` as it is now. Raises what a `Walk` raises."""
        tree = MemoryTree()
        walk = native.add_everything(plan, tree, progress, tolerant=tolerant)
        if walk is None:
            walk = Walk(plan, everything=True, tolerant=tolerant)
            for event in reported(walk, progress, lambda: (tree.entries, tree.content_bytes)):
                tree.add(event)
        tree.add_closed(walk.problems)
        return cls(plan, tree.finish(), (*walk.problems, *walk.inspector.not_utf8()))

    def asked(self, plan: Plan) -> Snapshot:
        """Return the same tree for another plan, caches of the tree included."""
        same = copy(self)
        same.plan = plan
        same._last = None
        return same

    def of_directory(self, path: str, plan: Plan) -> Snapshot | None:
        """Return the context of `plan`, the directory at `path` here, without reading it again.

        None if there is no such directory, if something below it could not be read, or if the
        builder of `plan` is another one.
        """
        top = self.folder(path)
        if top is None or plan.builder is not self.plan.builder:
            return None
        if any(_is_about(problem, path) for problem in self.problems):
            return None
        root = MemoryDirectory("")
        pending = [(top, root)]
        while pending:
            folder, copied = pending.pop()
            copied.entries = folder.entries
            copied.content_bytes = folder.content_bytes
            for name, below in folder.folders.items():
                copied.folders[name] = MemoryDirectory(below.path[len(top.prefix) :])
                pending.append((below, copied.folders[name]))
        return Snapshot(plan, root, ())

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
        directory, _, name = path.rpartition("/")
        mode = PLAIN
        old = self.file(path)
        if old is not None:
            if not S_ISLNK(old.st_mode):
                mode = old.st_mode
        file = File(name, mode, size_bytes)
        entries = [*self._by_path[directory].entries.items()]
        place = bisect_left(entries, encoded(name), key=lambda entry: encoded(entry[0]))
        entries[place : place + (old is not None)] = [(name, file.kept)]
        return self._with_entries({directory: dict(entries)})

    def readable_beside(self, sent: Sent) -> Snapshot:
        """Return the same context with readable files outside `sent`: no builder opens them."""
        changed = {}
        for folder in self.folders:
            readable = {
                file.name: file._replace(readable=True).kept
                for file in folder.special
                if not file.readable and folder.prefix + file.name not in sent
            }
            if readable:
                changed[folder.path] = {**folder.entries, **readable}
        return self._with_entries(changed)

    def _with_entries(self, changed: Mapping[str, dict[str, int | File]]) -> Snapshot:
        """Return the same context with these entries; directories not above them are shared."""
        if not changed:
            return self
        by_path = {**self._by_path}
        replaced = {"", *chain.from_iterable(map(up_to, filter(None, changed)))}
        for path in sorted(replaced, key=len, reverse=True):  # those below come first
            old = by_path[path]
            folders = {name: by_path[folder.path] for name, folder in old.folders.items()}
            new = replace(old, entries=changed.get(path, old.entries), folders=folders)
            new.add_up()
            by_path[path] = new
        snapshot = replace(self, root=by_path[""], _last=None)
        snapshot._by_path = by_path
        return snapshot

    def sent(
        self, spec: DockerIgnoreSpec | None = None, *, include: Iterable[str] | None = None
    ) -> Sent:
        """Return what `spec`, by default our own, sends within `include`. Raises as a walk does."""
        if spec is None:
            spec = self.plan.spec
        if include is not None:
            include = tuple(include)
            return self.walked(Narrowed(spec, include), self._part(spec, include))
        last = self._last  # which another thread may replace
        if last is not None:
            if last.spec is spec:
                return last.sent
        sends_all = not spec.patterns and self.plan.builder.sends_sockets
        if sends_all and not self.has_further_names:
            sent = self._send_all()
        else:
            sent = self._judged(spec) or self.walked(fastest(spec))
        self._last = Answer(spec, sent)
        return sent

    def _part(self, spec: DockerIgnoreSpec, include: Sequence[str]) -> MemoryDirectory:
        """Return the tree with only what `include` can select; all of it if that is not certain.

        So a build that takes few files of a large directory costs no look at the others.
        """
        if any(pattern.fault for pattern in spec.patterns):
            return self.root
        if any(pattern_for(path) != path for path in include):
            return self.root
        return self.part_with(include)[""]

    def part_with(self, paths: Iterable[str]) -> dict[str, MemoryDirectory]:
        """Return the context first, and all directories above `paths`, with only these paths."""
        copies = {"": MemoryDirectory("")}
        for path in paths:
            above, _, name = path.rpartition("/")
            original = self.folder(above)
            if original is None or not original.has(name):
                continue
            part = copies[""]
            for directory in up_to(path)[:-1]:
                new = MemoryDirectory(directory)
                part = part.folders.setdefault(new.name, new)
                copies[directory] = part
            if name in original.folders:
                part.folders[name] = original.folders[name]
            # An ignore file is planned also where a directory has its name.
            if name in original.entries:
                part.entries[name] = original.entries[name]
        return copies

    def _send_all(self) -> Sent:
        """Return the entries sent without any pattern. Without hard links this needs no walk."""
        names = {}
        empty = set()
        for folder in self.folders:
            if folder.entries:
                names[folder.path] = folder.contents
            for file in folder.special:
                if not file.readable and file.st_size:
                    empty.add(folder.prefix + file.name)
        return Sent(
            names=names,
            directories=frozenset(self._by_path.keys() - {""}),
            empty=frozenset(empty),
            links=self.links,
        )

    @cached_property
    def _arrays(self) -> native.TreeArrays:
        return native.TreeArrays.of(self.folders)

    @cached_property
    def _is_usual(self) -> bool:
        """Return whether each file is readable and has one name here, and none is a socket."""
        if self.has_further_names:
            return False
        return all(
            file.readable and not S_ISSOCK(file.st_mode)
            for folder in self.folders
            for file in folder.special
        )

    @cached_property
    def _numbers(self) -> Numbers:
        return Numbers(self.folders, self.links)

    def judged(
        self, spec: DockerIgnoreSpec, *, include: Iterable[str] | None = None
    ) -> Sent | None:
        """Return the same as `sent`, with names that are made when asked for; None if not certain.

        Once the first answer has numbered all entries, the others cost the same for any patterns.
        """
        verdicts = self._verdicts(spec)
        if verdicts is None:
            return None
        if include is not None:
            asked = self._verdicts(include_spec(include))
            if asked is None:
                return None
            verdicts = verdicts.either(asked)
        names = JudgedNames.of(self._numbers, verdicts.files.translate(_SENT))
        return self._sent_of(verdicts, names)

    def _judged(self, spec: DockerIgnoreSpec) -> Sent | None:
        """Return the entries that the compiled core says are sent; None if it is not certain."""
        verdicts = self._verdicts(spec)
        if verdicts is None:
            return None
        all_sent = verdicts.files.translate(_SENT)
        names = {}
        start = 0
        for folder in self.folders:
            end = start + len(folder.entries)
            sent = all_sent[start:end]
            start = end
            if 1 not in sent:
                continue
            names[folder.path] = folder.contents
            if 0 in sent:
                names[folder.path] = dict(compress(folder.contents.items(), sent))
        return self._sent_of(verdicts, names)

    def _verdicts(self, spec: DockerIgnoreSpec) -> native.TreeVerdicts | None:
        """Return the verdicts of the compiled core; None if it is not certain."""
        if not self._is_usual:
            return None
        verdicts = native.verdicts(self.plan, spec, self._arrays)
        if verdicts is None or native.REFUSED in verdicts.files:
            return None
        return verdicts

    def _sent_of(self, verdicts: native.TreeVerdicts, names: NamesByDirectory) -> Sent:
        directories = self._sent_directories(verdicts.folders, names)
        return Sent(names, directories, empty=frozenset(), links=self.links)

    def _sent_directories(self, verdicts: bytes, names: NamesByDirectory) -> frozenset[str]:
        """Return the directories that are sent; an ignored one for what is sent in it."""
        sent = set()
        entered = []
        for folder, verdict in zip(self.folders, verdicts, strict=True):
            if not verdict:
                sent.add(folder.path)
            elif verdict == native.IGNORED:
                entered.append(folder)
        if self.plan.builder.sends_ignored_parents:
            for folder in reversed(entered):  # those below come first
                below = (inner.path for inner in folder.folders.values())
                if folder.path in names or not sent.isdisjoint(below):
                    sent.add(folder.path)
        return frozenset(sent - {""})

    def walked(self, evaluator: Evaluator, root: MemoryDirectory | None = None) -> Sent:
        """Return the entries that a walk in memory sends, from the part `root` or from all."""
        names: dict[str, dict[str, int]] = defaultdict(dict)
        directories = set()
        empty: set[str] = set()
        for event in Walk(self.plan, evaluator=evaluator, source=root or self.root):
            if isinstance(event, Folder):
                directories.add(event.path)
            elif isinstance(event, Files):
                sizes = zip(event.names, event.sizes, strict=True)
                names[event.prefix[:-1]].update(sizes)
                empty.update(map(event.prefix.__add__, event.empty))
        return Sent(
            names=names,
            directories=frozenset(directories),
            empty=frozenset(empty),
            links=self.links,
        )

    @cached_property
    def has_further_names(self) -> bool:
        """Return whether a file has several names here. The first one sent carries the content.

        Names outside the context do not matter: package managers link files from their store.
        """
        inodes = [
            file.st_ino for folder in self.folders for file in folder.special if file.st_nlink > 1
        ]
        return len({*inodes}) < len(inodes)

    @cached_property
    def links(self) -> LinksByDirectory:
        """Return the names of symlinks, by directory; directories without any are left out."""
        links = {}
        for folder in self.folders:
            symlinks = (file.name for file in folder.special if S_ISLNK(file.st_mode))
            names = frozenset(symlinks)
            if names:
                links[folder.path] = names
        return links


def _is_about(problem: Problem, path: str) -> bool:
    """Return whether a problem may be about something at or below a directory."""
    return problem.path is None or f"{problem.path}/".startswith(f"{path}/")
