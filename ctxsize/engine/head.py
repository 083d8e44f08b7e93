"""The files of a commit, as git lists them; nothing is checked out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from stat import S_IFREG
from typing import NamedTuple

from ctxsize.engine.git import GitError, GitRepository, ask, listed

_NO_NAMES = {"", ".", "..", ".git"}  # of entries of a tree; git writes none of these
_PLAIN = "10"  # the first digits of the mode of a regular file


class Blob(NamedTuple):
    """A file, symlink or submodule of a commit."""

    mode: int  # as `st_mode`
    is_submodule: bool
    size_bytes: int | None  # None for a submodule, and for what a partial clone has not fetched


FilesOfCommit = Mapping[str, Mapping[str, int | Blob]]
"""Files by directory and name; a regular one is its size, if that is known."""


class Head:
    """A commit of a repository, HEAD by default, with paths relative to the top of the work tree.

    Everything raises `GitError`.
    """

    def __init__(self, repository: GitRepository, commit: str = "HEAD") -> None:
        self._repository = repository
        self._top = repository.top
        self._named = commit

    @cached_property
    def _commit(self) -> str:
        """Return the name of the commit, as another one may be made meanwhile."""
        name = self._named
        with suppress(GitError):
            return os.fsdecode(ask(self._top, "rev-parse", "--verify", "--quiet", name)).strip()
        return name  # without one, the error of the next question is clearer

    @cached_property
    def files(self) -> FilesOfCommit:
        """Return all files, by directory."""
        listing = os.fsdecode(ask(self._top, "ls-tree", "-r", "-l", "-z", self._commit))
        by_directory = defaultdict[str, dict[str, int | Blob]](dict)
        for line in _lines(listing):
            words, path = line.split("\t", 1)
            mode, kind, _, size = words.split()
            directory, _, name = path.rpartition("/")
            is_possible = name.lower() not in _NO_NAMES
            if directory and directory not in by_directory:
                is_possible &= _NO_NAMES.isdisjoint(directory.lower().split("/"))
            if not is_possible:
                raise GitError(f"no file can have the path {path!r}")
            size_bytes = None
            if size.isdigit():
                size_bytes = int(size)
            if size_bytes is not None and mode.startswith(_PLAIN):
                by_directory[directory][name] = size_bytes
            else:
                by_directory[directory][name] = Blob(int(mode, 8), kind == "commit", size_bytes)
        return by_directory

    def blob(self, path: str) -> Blob | None:
        """Return the file at `path`, None if there is none."""
        directory, _, name = path.rpartition("/")
        blob = self.files.get(directory, {}).get(name)
        if isinstance(blob, int):
            return Blob(S_IFREG, False, blob)
        return blob

    def content(self, path: str) -> bytes:
        """Return the content of a file, without any conversion."""
        return ask(self._top, "cat-file", "blob", f"{self._commit}:{path}")

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the paths and contents of those of `paths` that it has and that git can name."""
        asked = [path for path in paths if "\n" not in path]
        lines = "".join(f"{self._commit}:{path}\n" for path in asked)
        answer = ask(self._top, "cat-file", "--batch", question=os.fsencode(lines))
        start = 0
        for path in asked:
            end = answer.index(b"\n", start)
            _, _, size = answer[start:end].rpartition(b" ")
            start = end + 1
            if size.isdigit():
                yield path, answer[start : start + int(size)]
                start += int(size) + 1

    def matching(self, *pathspecs: str) -> set[str]:
        """Return the tracked files of the index that match, with the attributes of HEAD."""
        tree = self._tree_with_attributes
        return {
            *listed(
                self._repository.root, "-c", f"attr.tree={tree}", "ls-files", "-z", "--", *pathspecs
            )
        }

    @cached_property
    def _tree_with_attributes(self) -> str:
        """Return HEAD, or the empty tree if that has the same attributes: git finds none faster."""
        if any(".gitattributes" in names for names in self.files.values()):
            return self._commit
        return os.fsdecode(ask(self._top, "hash-object", "-t", "tree", "--stdin")).strip()


def _lines(listing: str) -> Iterator[str]:
    """Yield the lines that end with NUL, without a list of them: a repository may have many."""
    start = 0
    while (end := listing.find("\0", start)) >= 0:
        yield listing[start:end]
        start = end + 1
