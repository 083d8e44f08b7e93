"""The commits of a history, each with the one that it follows in its own line.

Of a merge that is its first parent: a main branch is a line of merges, and each is one step of it.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ctxsize.engine.git import GitError, GitRepository, ask
from ctxsize.errors import InputError
from ctxsize.history.changes import SHALLOW, commit_of, is_shallow
from ctxsize.model import Problem, Problems

_FORMAT = "--format=%T %cI %s"  # the tree, when it was committed, and the subject


class Commit(NamedTuple):
    """A commit of a history."""

    name: str
    tree: str
    date: str  # when it was committed, as ISO 8601 with the zone
    subject: str


class CommitLine(NamedTuple):
    """The commits of a line of first parents, the newest first."""

    commits: tuple[Commit, ...]
    problems: Problems


def first_parents(repository: GitRepository, revision: str, count: int) -> CommitLine:
    """Return at most `count` commits from a revision on, and a problem if a clone lacks others.

    Raises `InputError` for a revision that git does not know.
    """
    name = commit_of(repository, revision)
    question = ("rev-list", "--first-parent", f"--max-count={count}", "--encoding=UTF-8", _FORMAT)
    try:
        answer = os.fsdecode(ask(repository.top, *question, name))
    except GitError as error:
        message = f"git cannot list its commits: {error}"
        raise InputError(message, path=repository.root) from None
    lines = answer.split("\n")
    commits = []
    for heading, line in zip(lines[::2], lines[1::2], strict=False):
        tree, date, subject = line.split(" ", 2)
        commits.append(Commit(heading.removeprefix("commit "), tree, date, subject))
    problems = []
    if len(commits) < count and is_shallow(repository):
        problems.append(Problem("shallow", f"earlier commits are not known: {SHALLOW}"))
    return CommitLine(tuple(commits), tuple(problems))


def commit_at(repository: GitRepository, revision: str) -> Commit:
    """Return the commit that a revision names. Raises as `first_parents`."""
    return first_parents(repository, revision, 1).commits[0]
