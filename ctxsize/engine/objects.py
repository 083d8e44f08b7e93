"""Trees and files of a repository by the names of their objects: each is read once.

Commits share most of their directories, so a history costs little more than its changes. Git reads
the objects; nothing is checked out, and no filter runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from stat import S_IFDIR, S_ISDIR, S_ISLNK, S_ISREG
from typing import NamedTuple

from ctxsize.engine.git import GitError, ask

_AT_ONCE = 50_000  # number of objects that one command of git is asked for
_MOST_VISITS = 300_000  # directories of one commit: a small hostile repository may have billions
_MOST_LINKS = 100_000  # symlinks of one commit
_NO_NAMES = {"", ".", "..", ".git"}  # of entries of a tree; git writes none of these


class GitEntry(NamedTuple):
    """An entry of a tree."""

    mode: int  # as `st_mode`
    name: str  # of the object

    @property
    def is_directory(self) -> bool:
        """Return whether it is a tree."""
        return S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Return whether it is a symlink."""
        return S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """Return whether it is a regular file."""
        return S_ISREG(self.mode)


GitEntries = Mapping[str, GitEntry]


class _Answer(NamedTuple):
    """An object as git prints it."""

    kind: str
    content: bytes


class GitObjects:
    """The objects of a repository, which are kept. Everything raises `GitError`."""

    def __init__(self, top: str) -> None:
        """Read nothing yet from the repository of the work tree `top`."""
        self._top = top
        self._trees: dict[str, GitEntries | GitError] = {}
        self._whole: set[str] = set()  # trees that are read with all below
        self._without_links: set[str] = set()
        self._sizes: dict[str, int | None] = {}
        self._contents: dict[str, bytes] = {}

    def load(self, trees: Iterable[str]) -> None:
        """Read trees with all below and the sizes of files, a level of all trees at a time."""
        blobs = set()
        pending = {*trees} - self._whole
        while pending:
            self._read_trees(pending)
            self._whole |= pending
            below = set()
            for tree in pending:
                entries = self._trees[tree]
                if isinstance(entries, GitError):
                    continue
                for entry in entries.values():
                    if entry.is_directory:
                        below.add(entry.name)
                    elif entry.is_file or entry.is_link:
                        blobs.add(entry.name)
            pending = below - self._whole
        self._read_sizes(blobs)

    def descend(self, trees: Iterable[str], path: str) -> dict[str, str]:
        """Return the directories at `path` in `trees`, by the tree; those without one are left out.

        They are read a level of all trees at a time.
        """
        found = {tree: tree for tree in trees}
        for part in path.split("/"):
            if part in ("", "."):
                continue
            self._read_trees(found.values())
            below = {}
            for tree, directory in found.items():
                entries = self._trees[directory]
                if isinstance(entries, GitError):
                    continue
                entry = entries.get(part)
                if entry is None:
                    continue
                if entry.is_directory:
                    below[tree] = entry.name
            found = below
        return found

    def entries(self, tree: str) -> GitEntries:
        """Return the entries of a tree by name."""
        self._read_trees([tree])
        entries = self._trees[tree]
        if isinstance(entries, GitError):
            raise entries
        return entries

    def entry(self, tree: str, path: str) -> GitEntry | None:
        """Return the entry at `path` in a tree, None if there is none."""
        entry = GitEntry(S_IFDIR, tree)
        for part in path.split("/"):
            if part in ("", "."):
                continue
            if not entry.is_directory:
                return None
            below = self.entries(entry.name).get(part)
            if below is None:
                return None
            entry = below
        return entry

    def size(self, blob: str) -> int | None:
        """Return the bytes of a file; None for what a partial clone has not fetched."""
        if blob not in self._sizes:
            self._read_sizes([blob])
        return self._sizes[blob]

    def content(self, blob: str) -> bytes:
        """Return the content of a file, without any conversion."""
        if blob not in self._contents:
            (answer,) = self._ask([blob])
            if answer is None:
                raise GitError("a file of it has not been fetched")
            self._contents[blob] = answer.content
        return self._contents[blob]

    @property
    def unfetched(self) -> int:
        """Return the number of files whose size git does not know."""
        return sum(size is None for size in self._sizes.values())

    def links(self, top: str) -> list[tuple[str, str]]:
        """Return the symlinks at and below a tree: their paths, and the names of their objects."""
        visits = [_Visited(top, "", 0)]
        having = set()
        links: list[tuple[str, str]] = []
        for index, visited in enumerate(visits):
            if visited.tree in self._without_links:
                continue
            if len(visits) > _MOST_VISITS:
                raise GitError("it has too many directories")
            if len(links) > _MOST_LINKS:
                raise GitError("it has too many symlinks")
            entries = self.entries(visited.tree)
            for name, entry in entries.items():
                path = visited.prefix + name
                if entry.is_directory:
                    visits.append(_Visited(entry.name, f"{path}/", index))
                elif entry.is_link:
                    links.append((path, entry.name))
                    having.add(index)
        while visits:  # those below come first
            visited = visits.pop()
            if len(visits) in having:
                having.add(visited.above)
            else:
                self._without_links.add(visited.tree)
        return links

    def _read_trees(self, trees: Iterable[str]) -> None:
        unknown = []
        for tree in dict.fromkeys(trees):
            if tree not in self._trees:
                unknown.append(tree)
        for some in _portions(unknown):
            for tree, answer in zip(some, self._ask(some), strict=True):
                self._trees[tree] = _parsed(tree, answer)

    def _read_sizes(self, blobs: Iterable[str]) -> None:
        unknown = [blob for blob in blobs if blob not in self._sizes]
        for some in _portions(unknown):
            question = _question(some)
            answer = ask(self._top, "cat-file", "--batch-check", question=question)
            lines = answer.decode()
            for blob, line in zip(some, lines.splitlines(), strict=True):
                size = line.rpartition(" ")[2]
                self._sizes[blob] = None
                if size.isdigit():
                    self._sizes[blob] = int(size)

    def _ask(self, names: Sequence[str]) -> list[_Answer | None]:
        """Return objects by their names, None for those that are missing."""
        question = _question(names)
        answer = ask(self._top, "cat-file", "--batch", question=question)
        objects: list[_Answer | None] = []
        start = 0
        for _ in names:
            end = answer.index(b"\n", start)
            line = answer[start:end]
            heading = line.decode()
            _, kind, *size = heading.split(" ")
            start = end + 1
            if not size:
                objects.append(None)
                continue
            end = start + int(size[0])
            objects.append(_Answer(kind, answer[start:end]))
            start = end + 1
        return objects


class _Visited(NamedTuple):
    """A directory in a search for symlinks."""

    tree: str
    prefix: str
    above: int  # the index of the directory that it is in


def _question(names: Sequence[str]) -> bytes:
    """Return the names as git reads them, a line each."""
    lines = [f"{name}\n" for name in names]
    return "".join(lines).encode()


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


def _is_possible(name: str) -> bool:
    """Return whether git would write an entry of this name."""
    if "/" in name:
        return False
    return name.lower() not in _NO_NAMES


def _parsed(tree: str, answer: _Answer | None) -> GitEntries | GitError:
    """Return the entries of a tree, or why it has none that a checkout could write."""
    if answer is None:
        return GitError("a directory of it has not been fetched")
    if answer.kind != "tree":
        return GitError(f"{tree} is no directory")
    data = answer.content
    name_bytes = len(tree) // 2
    entries: dict[str, GitEntry] = {}
    start = 0
    try:
        while start < len(data):
            blank = data.index(b" ", start)
            end = data.index(b"\0", blank)
            name = os.fsdecode(data[blank + 1 : end])
            if not _is_possible(name) or name in entries:
                return GitError(f"no entry can have the name {name!r} there")
            mode = int(data[start:blank], 8)
            start = end + 1 + name_bytes
            entries[name] = GitEntry(mode, data[end + 1 : start].hex())
    except ValueError:
        return GitError(f"the directory {tree} cannot be read")
    return entries
