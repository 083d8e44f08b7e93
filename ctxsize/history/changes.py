"""The paths that differ between two commits, or between a commit and the work tree.

Git compares trees and the index alone: no filter, no driver and no program of the repository runs.
Both names of a renamed file differ, and so does a directory that only one side has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from os.path import isabs, isdir, islink, join, lexists, normpath, realpath
from typing import NamedTuple

from ctxsize.engine import git
from ctxsize.engine.dockerfiles import leads_out
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.git import GitError, GitRepository, ask, listed
from ctxsize.errors import InputError
from ctxsize.reader import entries_in
from ctxsize.values import Value

_RAW = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=dirty")
SHALLOW = "this clone is shallow: type `git fetch --unshallow`, or set `fetch-depth: 0` in CI"


class Changed(NamedTuple):
    """Paths that differ, relative to the top of the work tree."""

    paths: frozenset[str]  # files, symlinks, submodules, and directories that one side lacks
    deep: frozenset[str]  # those that lead elsewhere: symlinks and submodules of either side

    def within(self, directory: str) -> Iterator[tuple[str, str]]:
        """Yield the paths in a directory, in order: each as it is, and relative to that."""
        inside = f"{directory}/".removeprefix("./")
        for path in sorted(path for path in self.paths if path.startswith(inside)):
            yield path, path[len(inside) :]


class Span(Value):
    """Two states of a repository, and what differs between them."""

    repository: GitRepository | None
    old: str | None  # the name of the commit; None if it is not known
    new: str | None  # the same; None for the work tree
    changed: Changed


def span(root: str, revisions: str, *, dirty: bool = False) -> Span:
    """Return what differs from one commit to another below the top of the work tree of `root`.

    `revisions` are `A..B` for exactly these, or `A` for its merge base with HEAD, to HEAD, and with
    `dirty` to the work tree. Raises `InputError` without git, and for what git does not know.
    """
    repository = repository_of(root)
    if dirty and ".." in revisions:
        raise InputError(f"--dirty compares A with the work tree, and not with B: {revisions}")
    old, new = ends_of(repository, revisions)
    top = repository.top
    try:
        if dirty:
            return Span(repository, old, None, uncommitted(top, old))
        return Span(repository, old, new, _between(top, old, new))
    except GitError as error:
        raise InputError(f"git cannot compare {revisions}: {error}", path=root) from None


def ends_of(repository: GitRepository, revisions: str) -> tuple[str, str]:
    """Return the names of the commits that `revisions` of `span` are from and to.

    Raises `InputError`.
    """
    first, dots, last = revisions.partition("..")
    if last.startswith("."):
        raise InputError(f"name two commits as A..B, with two dots: {revisions}")
    if dots and not first:
        first = "HEAD"
    old = commit_of(repository, first)
    new = commit_of(repository, last or "HEAD")
    if not dots:
        old = _merge_base(repository, old, new)
    return old, new


def of_paths(root: str, paths: Iterable[str]) -> Span:
    """Return what differs if these paths do: relative to the work tree's top, or to `root`.

    A directory above them differs too, if it is gone or may be new as all that is in it differs.
    Raises `InputError` for a path that leads elsewhere.
    """
    repository = git.find(root).repository
    top = realpath(root)
    if repository is not None:
        top = repository.top
    differing = set()
    above = set()
    for path in filter(None, paths):
        inner = normpath(path)
        if isabs(inner) or leads_out(inner):
            raise InputError(f"the path is not relative to {top}", path=path)
        differing.add(inner)
        above.update(up_to(inner)[:-1])
    for directory in sorted(above, key=len, reverse=True):
        if _is_all_in(join(top, directory), directory, differing):
            differing.add(directory)
    deep = _leading_elsewhere(top, differing)
    return Span(repository, None, None, Changed(frozenset(differing), deep))


def repository_of(root: str) -> GitRepository:
    """Return the repository of the directory `root`. Raises `InputError`."""
    repository, problem = git.find(root)
    if repository is not None:
        return repository
    reason = "git finds none here"
    if problem is not None:
        reason = problem.message
    raise InputError(f"there is no repository: {reason}", path=root)


def commit_of(repository: GitRepository, revision: str) -> str:
    """Return the name of a commit. Raises `InputError`."""
    question = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    with suppress(GitError):
        return os.fsdecode(ask(repository.top, *question)).strip()
    hint = "`git log` lists them"
    if is_shallow(repository):
        hint = SHALLOW
    raise InputError(f"git knows no commit {revision!r}", path=repository.root, hint=hint)


def _merge_base(repository: GitRepository, old: str, new: str) -> str:
    try:
        return os.fsdecode(ask(repository.top, "merge-base", old, new)).strip()
    except GitError:
        hint = "name both, as in A..B"
        if is_shallow(repository):
            hint = SHALLOW
        raise InputError("the two commits have no common ancestor here", hint=hint) from None


def is_shallow(repository: GitRepository) -> bool:
    """Return whether commits are missing at the start of the history."""
    with suppress(GitError):
        return b"true" in ask(repository.top, "rev-parse", "--is-shallow-repository")
    return False


def _between(top: str, old: str, new: str) -> Changed:
    """Return what differs between two commits. Raises `GitError`."""
    changed = _read(listed(top, "diff-tree", *_RAW, old, new))
    directories = _directories(top, old) ^ _directories(top, new)
    return Changed(changed.paths | directories, changed.deep)


def uncommitted(top: str, commit: str) -> Changed:
    """Return what differs between a commit and the files here that git does not ignore.

    Raises `GitError`.
    """
    changed = _read(listed(top, "diff-index", *_RAW, commit))
    untracked = {
        path.rstrip("/") for path in listed(top, "ls-files", "-z", "-o", "--exclude-standard")
    }
    directories = set()
    for path in {*listed(top, "ls-files", "-z"), *untracked}:
        if path in untracked or lexists(join(top, path)):
            directories.update(up_to(path)[:-1])
    return Changed(
        changed.paths | untracked | (_directories(top, commit) ^ directories),
        changed.deep | _leading_elsewhere(top, untracked),
    )


def _read(lines: Sequence[str]) -> Changed:
    """Return the paths of git's raw format: a line about modes and names, then one path."""
    paths = lines[1::2]
    deep = set()
    for line, path in zip(lines[::2], paths, strict=True):
        old_mode, new_mode, *_ = line.removeprefix(":").split()
        if _leads_elsewhere(old_mode) or _leads_elsewhere(new_mode):
            deep.add(path)
    return Changed(frozenset(paths), frozenset(deep))


def _leads_elsewhere(mode: str) -> bool:
    """Return whether a mode, in git's octal digits, is that of a symlink or a submodule."""
    return mode in ("120000", "160000")


def _directories(top: str, commit: str) -> frozenset[str]:
    return frozenset(listed(top, "ls-tree", "-r", "-d", "-z", "--name-only", commit))


def _is_all_in(full: str, directory: str, paths: set[str]) -> bool:
    """Return whether a directory is gone, or has no entry besides `paths`."""
    try:
        return all(f"{directory}/{entry.name}" in paths for entry in entries_in(full))
    except OSError:
        return True


def _leading_elsewhere(top: str, paths: Iterable[str]) -> frozenset[str]:
    """Return those of `paths` that are symlinks, or directories, which may be submodules."""
    deep = set()
    for path in paths:
        full = join(top, path)
        if islink(full) or isdir(full):
            deep.add(path)
    return frozenset(deep)
