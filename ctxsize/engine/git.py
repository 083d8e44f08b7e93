"""Query git for the tracked files, ignored files and submodules of a directory.

The repository may be hostile. Git only reads: it takes no lock, runs no program of the
repository, fetches nothing, and follows no `core.worktree` elsewhere.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from itertools import pairwise
from os.path import dirname, isabs, isfile, join, lexists, realpath, relpath
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.model import Problem, Texts
from ctxsize.reader import (
    awaited_fifo,
    first_odd_file,
    git_directories,
    holds,
    is_on_same_disk,
    looks_like_git,
    path_in,
    reference_files,
    top_of,
    worktrees_in,
)
from ctxsize.values import Value

if TYPE_CHECKING:
    from subprocess import Popen

_SECONDS = 10.0  # until a git command is stopped
_LOOKS_AFTER = (0.3, 3.0)  # seconds without an answer, until a look at whether git waits for a FIFO
_MOST_STOPPED = 3  # repositories with a stopped command, from which git is given up
# Not the variables that a hook sets (`GIT_DIR`, `GIT_INDEX_FILE`), which name another repository.
_KEPT_VARIABLES = (
    "(?!GIT_)|GIT_CEILING_DIRECTORIES|GIT_CONFIG_(?!PARAMETERS$)|GIT_DISCOVERY_ACROSS_FILESYSTEM"
)
_SETTINGS = (
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
)
"""Options that override the configuration of the repository, which may name programs."""
_CHECK_IGNORE = (
    *("-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false"),
    *("check-ignore", "--no-index", "--"),
)
# Git must not look elsewhere, write, fetch or ask.
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a clone has none
    "LC_ALL": "C",
}
_OWN = ("index", "refs", "refs/heads", "packed-refs", "reftable", "objects", "config")
"""Parts of a repository that git would also read through a symlink to another one."""
_OF_WORK_TREE = (".gitignore", ".gitattributes", ".gitmodules")
_OF_REPOSITORY = (
    *("index", "config", "config.worktree", "commondir", "gitdir", "shallow"),
    *("packed-refs", "info/exclude", "info/attributes", "info/grafts", "info/sparse-checkout"),
    *("objects/info/alternates", "objects/info/commit-graph"),
)
"""Files that git opens for every answer: it waits for ever if one is a FIFO."""


class GitError(Exception):
    """Git did not answer; the message is a clause for a person."""

    is_stopped = False  # as it did not answer in time
    is_odd = False  # as it would wait for a file of the repository


class SortedPaths:
    """Paths to search in, compared after `fold`."""

    def __init__(self, paths: Iterable[str], fold: Callable[[str], str] = str) -> None:
        self._fold = fold
        self._paths = sorted(paths, key=fold)
        self._keys = [*map(fold, self._paths)]

    def __iter__(self) -> Iterator[str]:
        """Yield the paths in order."""
        return iter(self._paths)

    def at_or_below(self, path: str) -> list[str]:
        """Return `path` if it is one of them, and all that are below it."""
        keys = self._keys
        key = self._fold(path)
        same = self._paths[bisect_left(keys, key) : bisect_right(keys, key)]
        first_below = bisect_left(keys, f"{key}/")
        end_below = bisect_left(keys, f"{key}0")  # which comes after "/"
        return same + self._paths[first_below:end_below]


class GitLookup(NamedTuple):
    """A repository, a reason why git does not answer, or neither."""

    repository: GitRepository | None = None
    problem: Problem | None = None


class GitRepository(Value):
    """The repository of a directory; all answers are about that alone, cached, relative to it."""

    root: str  # the directory, as a real path
    top: str  # of the work tree

    @cached_property
    def tracked(self) -> frozenset[str]:
        """Return the files and submodules of the index below `root`. Raises `GitError`."""
        return frozenset(listed(self.root, "ls-files", "-z"))

    @cached_property
    def index(self) -> SortedPaths:
        """Return what is tracked, to search in. Raises `GitError`."""
        return SortedPaths(self.tracked)

    def ignores(self, path: str) -> bool:
        """Return whether `path` or a directory above it is ignored. Raises `GitError`."""
        if path in self.ignored or f"{path}/" in self.ignored:
            return True
        return self._ignores_all_in(path.rpartition("/")[0])

    def would_ignore(self, paths: Iterable[str]) -> set[str]:
        """Return those of `paths` that the `.gitignore` files ignore, whether or not they exist.

        The settings of a user do not count. A path that git quotes is not found. Raises `GitError`.
        """
        asked = {f"./{path}": path for path in paths}  # git takes `:` at the start for a sign
        answer = os.fsdecode(ask(self.root, *_CHECK_IGNORE, *asked))
        return {asked[line] for line in answer.splitlines() if line in asked}

    @cached_property
    def _ignores_all_in(self) -> Callable[[str], bool]:
        """Return whether a directory or one above it is ignored; its files ask one by one."""
        ignored = self.ignored
        return lru_cache(maxsize=64)(
            lambda directory: any(f"{above}/" in ignored for above in up_to(directory))
        )

    @cached_property
    def listed_as_ignored(self) -> SortedPaths:
        """Return what git lists of ignored paths; also a directory in which it ignores all."""
        return SortedPaths(
            listed(self.root, "ls-files", "-z", "-o", "-i", "--exclude-standard", "--directory")
        )

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Return the untracked paths that git ignores; a trailing `/` includes all below."""
        # Git also lists a directory that it does not ignore if it ignores all entries in it.
        return frozenset(
            path
            for path, following in pairwise([*self.listed_as_ignored, ""])
            if not path.endswith("/") or not following.startswith(path)
        )


class PartOfRepository(GitRepository):
    """The repository of a directory below another one, `outer`, which was asked already.

    Its paths are part of the answers about `outer`, so that git is not started again.
    """

    outer: GitRepository

    def _own_part(self, of_outer: SortedPaths) -> Iterator[str]:
        """Yield those paths of the outer repository that are in this one."""
        inner = relpath(self.root, self.outer.root)
        for path in of_outer.at_or_below(inner):
            yield path[len(inner) + 1 :]

    @cached_property
    def tracked(self) -> frozenset[str]:
        """Return the files and submodules of the index below `root`. Raises `GitError`."""
        return frozenset(self._own_part(self.outer.index))

    @cached_property
    def listed_as_ignored(self) -> SortedPaths:
        """Return what git lists of ignored paths; also a directory in which it ignores all."""
        return SortedPaths(self._own_part(self.outer.listed_as_ignored))


class Repositories:
    """Find the repositories of directories below `base`; git answers once for all of them.

    They are those of one moment: a caller makes one for one answer.
    """

    def __init__(self, base: str) -> None:
        self._base = base

    @cached_property
    def _outer(self) -> GitRepository | None:
        return find(self._base).repository

    def find(self, root: str) -> GitLookup:
        """Return what `find` returns of the directory `root`."""
        outer = self._outer
        real = realpath(root)
        if outer is None:
            return find(root)
        if not _is_plain_part(outer, real):
            return find(root)
        return GitLookup(PartOfRepository(real, outer.top, outer))


def _is_plain_part(outer: GitRepository, real: str) -> bool:
    """Return whether git's answers about `outer` have all that it would say of `real` below."""
    if real == outer.root:
        return False
    if not holds(outer.root, real):
        return False
    if top_of(real) != outer.top:
        return False
    # Git looks for a repository upward from `real`, up to these borders.
    if "GIT_CEILING_DIRECTORIES" in os.environ:
        return False
    if not is_on_same_disk(outer.root, real):
        return False
    inner = relpath(real, outer.root)
    around = up_to(inner)
    if ".git" in around:
        return False
    if any(looks_like_git(join(outer.root, directory)) for directory in around):
        return False
    try:
        if inner in outer.tracked:  # a submodule
            return False
        # In a directory that git lists as one, it would list other paths.
        return not any(outer.listed_as_ignored.at_or_below(f"{directory}/") for directory in around)
    except GitError:
        return False


def find(root: str) -> GitLookup:
    """Return the repository of the directory `root`, or why git does not answer."""
    real = realpath(root)
    if (nearest := top_of(real)) is None:
        return GitLookup()
    try:
        top = _top(real, nearest)
        _check_agreement(top)
        return GitLookup(GitRepository(real, top))
    except GitError as error:
        if nearest != real and ".git" in real.split("/"):
            return GitLookup()  # a repository's own files, which have no work tree
        return GitLookup(problem=Problem("git", f"what git tracks is not known: {error}", nearest))


def untracked_worktrees(root: str, repository: GitRepository | None = None) -> frozenset[str]:
    """Return the further worktrees in `root` that its repository does not track."""
    worktrees = worktrees_in(root)
    if not worktrees:
        return worktrees
    repository = repository or find(root).repository
    if repository is None:
        return worktrees
    try:
        index = repository.index
        return frozenset(path for path in worktrees if not index.at_or_below(path))
    except GitError:
        return worktrees


def _top(root: str, nearest: str) -> str:
    """Return the top of the work tree. Raises `GitError` if that belongs to another `.git`."""
    top = _line(root, "--show-toplevel")
    question = "--absolute-git-dir"
    # Git passes by a `.git` that is no repository, like an empty directory.
    is_outer = holds(top, root) and top_of(top) == top
    if top == nearest:
        return top
    if is_outer and _line(root, question) == _line(top, question):
        return top
    raise GitError(f"its core.worktree is {top}, and git would list that directory instead")


def _check_agreement(top: str) -> None:
    """Raise `GitError` if the `.git` of the work tree `top` is of another work tree.

    A hostile `.git` can name any repository of this machine, and git would list that one. That of
    a worktree or a submodule names a repository that names this work tree in turn.
    """
    dot_git = join(top, ".git")
    directory = path_in(dot_git, "gitdir: ") or realpath(dot_git)
    common = directory
    if lexists(f"{directory}/commondir"):
        common = path_in(f"{directory}/commondir")
        is_listed = dirname(directory) == join(common, "worktrees")
        agrees = is_listed and path_in(f"{directory}/gitdir") == dot_git
    else:
        agrees = directory == dot_git or _work_tree_of(directory) == top
    if not agrees:
        raise GitError(
            f"its .git leads to {directory}, the repository of another work tree; "
            f"if not, git -C {directory} config core.worktree {top} says so"
        )
    for path in _files_of((directory, common), _OWN):
        if lexists(path) and not (holds(directory, path) or holds(common, path)):
            raise GitError(f"its {relpath(path, top)} leads to another repository")


def _files_of(directories: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the paths of `names` and of references in the directories of a repository."""
    paths = reference_files(directories)
    for directory in directories:
        paths += (join(directory, name) for name in names)
    return paths


def _work_tree_of(directory: str) -> str:
    """Return the work tree that the configuration of a repository names; `""` without one."""
    for name in ("config.worktree", "config"):
        with suppress(GitError):
            answer = ask(
                directory,
                "config",
                "--no-includes",
                "--file",
                join(directory, name),
                "core.worktree",
            )
            work_tree = os.fsdecode(answer.removesuffix(b"\n"))
            return realpath(join(directory, work_tree))
    return ""


def _line(root: str, question: str) -> str:
    """Return the path that `git rev-parse` prints."""
    answer = ask(root, "rev-parse", question).removesuffix(b"\n")
    return realpath(os.fsdecode(answer))


def listed(root: str, *arguments: str) -> list[str]:
    """Return what git prints with `-z`, a path or a line about one each. Raises `GitError`."""
    return os.fsdecode(ask(root, *arguments)).split("\0")[:-1]


_failures: dict[tuple[str | bytes, ...], GitError] = {}
"""Errors by repository, arguments and question; by repository alone if git would stop again."""


def ask(root: str, *arguments: str, question: bytes = b"") -> bytes:
    """Return what git prints; it reads `question`. Raises `GitError`.

    A failed command is not run again.
    """
    top = top_of(root) or root
    path = os.environ.get("PATH", "")
    program = find_program("git", path, top)
    if program is None:
        raise GitError("git is not installed, or PATH names it only inside the repository")
    asked: tuple[str | bytes, ...] = (top, *arguments, question)
    if failed := _failures.get((top,)) or _failures.get(asked):
        raise failed
    if sum(failure.is_stopped for failure in _failures.values()) >= _MOST_STOPPED:
        raise GitError("git did not answer in other repositories")
    try:
        _refuse_odd_files(root, top)
        return _run(program, root, top, arguments, trusted_path(path, top), question)
    except GitError as error:
        if error.is_stopped or error.is_odd:
            asked = (top,)
        _failures[asked] = error
        raise


def _refuse_odd_files(root: str, top: str) -> None:
    """Raise `GitError` for a file that git opens and that is a FIFO or a device."""
    here = realpath(root)
    work_tree = [here]
    while here != top and holds(top, here):
        here = dirname(here)
        work_tree.append(here)
    paths = [join(directory, name) for directory in work_tree for name in _OF_WORK_TREE]
    paths += _files_of(git_directories(top), _OF_REPOSITORY)
    if (path := first_odd_file(paths)) is not None:
        raise _waits_for(path)


def _waits_for(path: str) -> GitError:
    error = GitError(f"{path} is a FIFO or a device, for which git would wait")
    error.is_odd = True
    return error


def _run(
    program: str, root: str, top: str, arguments: Texts, search_path: str, question: bytes
) -> bytes:
    """Return what git prints; it finds other programs in `search_path`. Raises `GitError`."""
    import subprocess

    kept = {name: text for name, text in os.environ.items() if re.match(_KEPT_VARIABLES, name)}
    try:
        with subprocess.Popen(
            [program, "--no-pager", *_SETTINGS, *arguments],
            cwd=root,
            env={**kept, **_QUIET, "PATH": search_path},
            stdin=subprocess.PIPE if question else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                output, errors = _answer(process, (root, *git_directories(top)), question)
            finally:
                process.kill()
    except (OSError, ValueError) as error:
        raise GitError(f"git cannot be run: {error}") from None
    if process.returncode == 1 and "check-ignore" in arguments and not errors:
        return output  # nothing is ignored
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        reason = (lines or ["it failed without a message"])[0].removeprefix("fatal: ")
        if "dubious ownership" in reason:
            reason = "git distrusts its owner; see `git config --global --add safe.directory`"
        raise GitError(reason)
    if arguments[0] == "rev-parse" and not output.strip():
        raise GitError("git printed nothing")
    return output


def _answer(
    process: Popen[bytes], directories: Iterable[str], question: bytes
) -> tuple[bytes, bytes]:
    """Return what git prints. Raises `GitError` if it waits for a FIFO, or takes too long."""
    import subprocess

    waited = 0.0
    for until in (*_LOOKS_AFTER, _SECONDS):
        pause = max(0.0, min(until, _SECONDS) - waited)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(question or None, timeout=pause)
        waited += pause
        if (path := awaited_fifo(directories)) is not None:
            raise _waits_for(path)
    stopped = GitError(f"git did not answer within {_SECONDS:.0f} seconds")
    stopped.is_stopped = True
    raise stopped


@lru_cache
def find_program(name: str, path: str, *tops: str) -> str | None:
    """Return the path of the program that PATH finds, outside the directories `tops` and `.`."""
    here = realpath(".")
    for directory in trusted_path(path, *tops).split(os.pathsep):
        program = join(directory, name)
        real = realpath(program)
        if dirname(real) == here:
            continue
        if _is_in(real, tops):
            continue
        if directory and isfile(real) and os.access(real, os.X_OK):
            return program
    return None


@lru_cache
def trusted_path(path: str, *tops: str) -> str:
    """Return PATH without relative directories, `.`, and those in `tops` or this repository."""
    here = realpath(".")
    trusted = []
    for directory in path.split(os.pathsep):
        real = realpath(directory)
        if isabs(directory) and real != here and not _is_in(real, tops):
            trusted.append(directory)
    return os.pathsep.join(trusted)


def _is_in(real: str, tops: Iterable[str]) -> bool:
    """Return whether a real path is in one of `tops`, or in the repository of `.`."""
    untrusted = {*tops, top_of(".") or "/"} - {"/"}
    return any(holds(top, real) for top in untrusted)
