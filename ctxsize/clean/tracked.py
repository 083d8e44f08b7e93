"""What git tracks, asked of every repository above a directory.

A directory can lie in several: a submodule, a nested repository, a worktree.
Any of them may track what is in it, so each is asked, once. What may belong to a
repository that git does not answer for stays.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator

from ctxsize.clean.inventory import BARE, REPOSITORIES
from ctxsize.clean.values import CleanObjection
from ctxsize.engine import git


class Tracking:
    """The answers of git so far, by the top of each repository."""

    def __init__(self) -> None:
        self._answers: dict[str, git.SortedPaths | CleanObjection] = {}
        self._is_top: dict[str, bool] = {}

    def objection(self, path: str) -> CleanObjection | None:
        """Return why the directory `path`, a real path, holds what git tracks, or None.

        Where there is a repository and git does not answer, that is a reason too.
        """
        try:
            tops = list(self._tops(os.path.dirname(path)))
        except OSError as error:
            return CleanObjection("git", f"what git tracks is not known: {error.strerror}")
        for top in tops:
            if any(_is_there(f"{top}/{name}") for name in REPOSITORIES - {".git"}):
                return CleanObjection("vcs", f"{top} is under version control, and not of git")
            answer = self._answers.get(top)
            if answer is None:
                answer = self._answers[top] = _asked(top)
            if isinstance(answer, CleanObjection):
                return answer
            for found in answer.at_or_below(os.path.relpath(path, top)):
                return CleanObjection("tracked", f"git tracks {found}")
        return None

    def _tops(self, path: str) -> Iterator[str]:
        """Yield every directory from `path` upward that holds a repository. Raises `OSError`."""
        while True:
            if path not in self._is_top:
                inner = (_is_there(f"{path}/{name}") for name in sorted(REPOSITORIES))
                self._is_top[path] = any(inner) or _is_bare(path)
            if self._is_top[path]:
                yield path
            above = os.path.dirname(path)
            if above == path:
                return
            path = above


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is_bare(path: str) -> bool:
    return all(_is_there(f"{path}/{name}") for name in BARE)


def _asked(top: str) -> git.SortedPaths | CleanObjection:
    """Return all that the repository at `top` tracks.

    Git passes over a `.git` that it cannot read (an empty directory, a FIFO, a dangling
    symlink) and answers for a repository further up, which knows nothing of this one.
    """
    if os.path.islink(f"{top}/.git"):
        return CleanObjection("git", f"{top}/.git is a symlink, so what git tracks is not known")
    found = git.find(top)
    if found.problem is not None:
        return CleanObjection("git", found.problem.message)
    if found.repository is None or found.repository.top != top:
        what = "is a bare repository" if _is_bare(top) else "holds a repository"
        return CleanObjection("git", f"{top} {what} for which git does not answer")
    try:
        return git.SortedPaths(found.repository.tracked | found.repository.submodules, _folded)
    except git.GitError as error:
        return CleanObjection("git", f"what git tracks is not known: {error}")


def _folded(name: str) -> str:
    """Return `name` as file systems compare it that do not tell upper from lower case."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
