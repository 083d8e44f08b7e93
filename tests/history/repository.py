"""A repository of a test, which needs no configuration of git from elsewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.trees import Node, build_tree

_AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgSign=false")


def git(where: Path, *arguments: str, question: bytes = b"") -> str:
    """Run git, and return what it prints."""
    command = ["git", *_AUTHOR, "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=where, check=True, capture_output=True, input=question)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def commit(root: Path) -> str:
    """Commit all that is here, and return the name of the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "x")
    return git(root, "rev-parse", "HEAD")


def planted(root: Path, nodes: Iterable[str | Node]) -> Path:
    """Plant a repository whose first commit has everything."""
    build_tree(root, nodes)
    git(root, "init", "-q", "-b", "main", ".")
    commit(root)
    return root
