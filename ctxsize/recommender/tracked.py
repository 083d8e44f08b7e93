"""Answer what git tracks and ignores in a context, also below repositories in it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from os.path import join
from typing import NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.git import GitError, GitRepository, Repositories, untracked_worktrees
from ctxsize.engine.git import find as find_repository
from ctxsize.model import Problem
from ctxsize.reader import border_of
from ctxsize.recommender.tree import Tree

KnownRepository = GitRepository | None


class InRepository(NamedTuple):
    """A path in the innermost repository around it."""

    repository: KnownRepository
    path: str  # relative to the repository, or to the context if that is in the repository
    prefix: str  # the path without this last part


class Tracked:
    """The files that git tracks and ignores, in the repository of the context and in inner ones."""

    def __init__(self, tree: Tree, repositories: Repositories | None = None) -> None:
        """Ask git; `repositories` know the answers for many contexts of a repository."""
        root = tree.directory
        self._root = root
        find = find_repository
        if repositories:
            find = repositories.find
        outer = find(root)
        self.problem: Problem | None = outer.problem  # why nothing is known of a repository
        self.top = border_of(root)  # of the repository around the context, or the context
        repository = self._readable(outer.repository)
        self._known = {"": repository}
        self.worktrees = {*untracked_worktrees(root, repository)}
        """The further worktrees of these repositories in the context."""
        for folder in tree.snapshot.folders:  # parents come first
            if folder.path and folder.has(".git"):
                self._add_repository(folder.path)

    def _add_repository(self, directory: str) -> None:
        """Ask git about an inner repository, or a worktree, in the directory."""
        full = join(self._root, directory)
        inner = None
        if not self.ignores(directory):  # one that the outer repository ignores is a download
            inner = find_repository(full).repository
        for worktree in untracked_worktrees(full, inner):
            self.worktrees.add(f"{directory}/{worktree}")
        if inner and inner.top == full:
            self._known[directory] = self._readable(inner)

    def _readable(self, repository: KnownRepository) -> KnownRepository:
        """Return the repository if its index can be read; else remember the problem."""
        try:
            _ = repository and (repository.index, repository.ignored)
        except GitError as error:
            self.problem = Problem("git", f"what git tracks is not known: {error}", path=self._root)
            return None
        return repository

    @property
    def ignored(self) -> frozenset[str] | None:
        """Return the paths that the context's repository ignores; None without a repository."""
        repository = self._known[""]
        if repository is None:
            return None
        return frozenset(path.rstrip("/") for path in repository.ignored)

    def tracks(self, path: str) -> bool:
        """Return True if git tracks `path` or something below it."""
        return bool(self.at_or_below(path))

    def at_or_below(self, path: str) -> list[str]:
        """Return every tracked file at or below `path`, and the submodules there."""
        repository, inner, prefix = self._of(path)
        if repository is None:
            return []
        return [prefix + tracked for tracked in repository.index.at_or_below(inner)]

    def is_untracked(self, path: str) -> bool:
        """Return True if `path` is in a repository that tracks nothing at or below it."""
        return self.covers(path) and not self.tracks(path)

    def covers(self, path: str) -> bool:
        """Return True if `path` is in a repository."""
        return self._of(path).repository is not None

    def ignores(self, path: str) -> bool:
        """Return True if git ignores all of `path`, but not the whole context."""
        repository, inner, _ = self._of(path)
        return repository is not None and repository.ignores(inner)

    def would_ignore(self, paths: Iterable[str]) -> set[str]:
        """Return those of `paths`, which need not exist, that the `.gitignore` files ignore."""
        repository = self._known[""]
        if repository is None:
            return set()
        with suppress(GitError):
            return repository.would_ignore(paths)
        return set()

    def tracks_name(self, name: str) -> bool:
        """Return True if git tracks something at or below a path that ends with `name`."""
        return f"/{name}/" in self._all_tracked

    @cached_property
    def _all_tracked(self) -> str:
        """Return all tracked paths, each with a slash in front of it and behind it."""
        repositories = filter(None, self._known.values())
        return "".join(f"/{path}/\n" for known in repositories for path in known.index)

    def _of(self, path: str) -> InRepository:
        known = self._known
        if len(known) > 1:
            for directory in reversed(up_to(path)[:-1]):
                if directory in known:
                    prefix = f"{directory}/"
                    return InRepository(known[directory], path.removeprefix(prefix), prefix)
        return InRepository(known[""], path, "")
