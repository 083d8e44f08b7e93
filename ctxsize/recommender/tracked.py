"""What the repositories of a context track and ignore, each path asked of its own one."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property, lru_cache
from typing import NamedTuple

from ctxsize.engine import git
from ctxsize.engine.border import border_of
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.model import Problem
from ctxsize.recommender.tree import Tree


class _KnownPaths(NamedTuple):
    """What one repository says; sorted what it tracks, to search in."""

    tracked: list[str]
    ignored: frozenset[str]

    def ignores(self, path: str) -> bool:
        """Return whether `path` or a directory above it is ignored."""
        ends = (at for at, char in enumerate(f"{path}/") if char == "/")
        return path in self.ignored or any(f"{path[:end]}/" in self.ignored for end in ends)


class Tracked:
    """What git knows of a context: the repository around it and those inside it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._root = tree.snapshot.request.root
        found = git.find(self._root)
        self.problem: Problem | None = found.problem
        """Why it is not known what is tracked, though there seems to be a repository."""
        self.top = border_of(self._root)
        """The top of the repository around the context, or the context where there is none."""
        self._known = {"": self._ask(found.repository)}
        self._inner = lru_cache(maxsize=None)(self._find_inner)

    def _ask(self, repository: GitRepository | None) -> _KnownPaths | None:
        if repository is None:
            return None
        try:
            submodules = {f"{at}/" for at in repository.submodules}
            return _KnownPaths(sorted(repository.tracked | submodules), repository.ignored)
        except GitError as error:
            self.problem = Problem("git", f"what git tracks is not known: {error}", path=self._root)
            return None

    @property
    def has_repository(self) -> bool:
        """Return whether a repository covers the context."""
        return self._known[""] is not None

    @property
    def ignored(self) -> frozenset[str]:
        """Return what the context's repository ignores, without the `/` of directories."""
        known = self._known[""]
        return frozenset() if known is None else frozenset(p.rstrip("/") for p in known.ignored)

    def first(self, path: str) -> str | None:
        """Return a tracked file at or below `path`; None if git tracks nothing there."""
        known, inner, _ = self._of(path)
        if known is not None:
            at = bisect_left(known.tracked, inner)
            if known.tracked[at : at + 1] == [inner]:
                return path
        return next(iter(self.below(path)), None)

    def below(self, path: str) -> list[str]:
        """Return every tracked file below `path`."""
        known, inner, prefix = self._of(path)
        if known is None:
            return []
        start = bisect_left(known.tracked, f"{inner}/")
        end = bisect_left(known.tracked, f"{inner}0")
        return [prefix + each for each in known.tracked[start:end]]

    def covers(self, path: str) -> bool:
        """Return whether a repository says anything about `path`."""
        return self._of(path)[0] is not None

    def ignores(self, path: str) -> bool:
        """Return whether git ignores all of `path` and tracks nothing there.

        Not where it ignores the whole context: that says nothing about a part of it.
        """
        known, inner, _ = self._of(path)
        return known is not None and known.ignores(inner)

    def _of(self, path: str) -> tuple[_KnownPaths | None, str, str]:
        """Return what the repository of `path` knows, the path in it, and the prefix before it."""
        top = self._inner(path.rpartition("/")[0]) if self._has_inner else ""
        prefix = f"{top}/" if top else ""
        return self._known[top], path[len(prefix) :], prefix

    @cached_property
    def _has_inner(self) -> bool:
        """Return whether something in a directory below the top looks like a repository."""
        return any(held.path and held.has(".git") for held in self._tree.snapshot.folders)

    def _find_inner(self, directory: str) -> str:
        """Return the repository that `directory` belongs to: its path in the context.

        One inside what the outer repository ignores is a download, no part of the sources.
        """
        if not directory:
            return ""
        outer = self._inner(directory.rpartition("/")[0])
        known = self._known[outer]
        inner = directory.removeprefix(f"{outer}/")
        if not self._tree.has(directory, ".git") or (known is not None and known.ignores(inner)):
            return outer
        found = git.find(f"{self._root}/{directory}").repository
        if found is None or found.top != f"{self._root.rstrip('/')}/{directory}":
            return outer
        self._known[directory] = self._ask(found)
        return directory
