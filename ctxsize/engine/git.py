"""What git knows of a directory: tracked files, ignored ones, submodules, worktrees.

The only place that runs git. It asks and never writes: no lock is taken, no
hook or file-system monitor of the repository is run, nothing is fetched. The
variables that a hook sets (`GIT_DIR`, `GIT_INDEX_FILE`) are left out, as they
name another repository than the one that is asked about.
"""

from __future__ import annotations

import os
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from ctxsize.model import Problem
from ctxsize.values import dataclass

_SECONDS = 60.0
_KEPT_VARIABLES = (
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
)
_DROPPED_VARIABLES = ("GIT_CONFIG_PARAMETERS",)
_SUBMODULE = b"160000"


class GitError(Exception):
    """Git did not answer; the message is a clause for a person."""


@dataclass(frozen=True)
class Found:
    """What was found above a directory: a repository, a reason why git cannot say, or neither."""

    repository: Repository | None = None
    problem: Problem | None = None
    """There seems to be a repository, and git does not tell what is in it."""


@dataclass(frozen=True)
class Repository:
    """The repository that a directory belongs to; the answers are about that directory alone.

    Paths are relative to `root`, `/`-separated, undecodable bytes as surrogate
    escapes. The answers are those of the first time they are asked for.
    """

    root: str
    """The directory that was asked about, as a real path."""
    top: str
    """The top of the work tree."""

    @classmethod
    def at(cls, root: str) -> Repository | None:
        """The repository that `root` belongs to, or None where git knows none or is not there."""
        return find(root).repository

    @cached_property
    def _index(self) -> tuple[frozenset[str], frozenset[str]]:
        files, submodules = set[str](), set[str]()
        for record in _records(self.root, "ls-files", "-z", "--stage"):
            mode, _, rest = record.partition(b" ")
            path = os.fsdecode(rest.partition(b"\t")[2])
            (submodules if mode == _SUBMODULE else files).add(path)
        return frozenset(files), frozenset(submodules)

    @property
    def tracked(self) -> frozenset[str]:
        """The files of the index below `root`. Raises `GitError`."""
        return self._index[0]

    @property
    def submodules(self) -> frozenset[str]:
        """The directories below `root` that belong to repositories of their own by the index."""
        return self._index[1]

    @cached_property
    def ignored(self) -> frozenset[str]:
        """What git ignores and does not track, a directory with a trailing `/` for all below.

        Each is what a pattern of git names; `./` is `root` itself. Raises `GitError`.
        """
        options = ("-o", "-i", "--exclude-standard", "--directory", "-z")
        listed = sorted(map(os.fsdecode, _records(self.root, "ls-files", *options)))
        # Git also lists directories that it does not ignore, but all that is in them.
        below = pairwise([*listed, ""])
        return frozenset(
            path
            for path, following in below
            if not (path.endswith("/") and following.startswith(path))
        )

    @cached_property
    def worktrees(self) -> frozenset[str]:
        """The real paths of all work trees of the repository. Raises `GitError`."""
        lines = _records(self.root, "worktree", "list", "--porcelain", "-z")
        return frozenset(
            os.path.realpath(os.fsdecode(line.partition(b" ")[2]))
            for line in lines
            if line.startswith(b"worktree ")
        )


def find(root: str) -> Found:
    """The repository that the directory `root` belongs to, and what git cannot say about it."""
    real = os.path.realpath(root)
    try:
        top = _asked(real, "rev-parse", "--show-toplevel").removesuffix(b"\n")
    except GitError as error:
        return Found(problem=_problem(real, error))
    return Found(Repository(real, os.path.realpath(os.fsdecode(top))))


def _problem(root: str, error: GitError) -> Problem | None:
    """Why git does not tell, or None where no directory above holds a `.git`."""
    at = root
    while not os.path.lexists(os.path.join(at, ".git")):  # noqa: PTH118
        if at == os.path.dirname(at):  # noqa: PTH120
            return None
        at = os.path.dirname(at)  # noqa: PTH120
    if at != root and _is_inside_git(root):
        return None
    return Problem("git", f"what git tracks is not known: {error}", path=at)


def _is_inside_git(root: str) -> bool:
    """Whether `root` is part of a repository's own files, which have no work tree."""
    return ".git" in Path(root).parts


def _records(root: str, *arguments: str) -> list[bytes]:
    return [record for record in _asked(root, *arguments).split(b"\0") if record]


def _asked(root: str, *arguments: str) -> bytes:
    """What git prints. Raises `GitError` where it prints an error, takes too long or is missing."""
    import subprocess

    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=true", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git did not answer within {_SECONDS:.0f} seconds") from None
    except (OSError, ValueError) as error:
        raise GitError(f"git cannot be run: {error}") from None
    if done.returncode:
        raise GitError(_reason(done.stderr))
    return done.stdout


def _reason(stderr: bytes) -> str:
    """The first line of what git says is wrong, and what to do about an owner it distrusts."""
    lines = stderr.decode(errors="replace").strip().splitlines() or ["it failed without a word"]
    first = lines[0].removeprefix("fatal: ")
    if "dubious ownership" in first:
        return "git distrusts its owner; see `git config --global --add safe.directory`"
    return first


def _environment() -> dict[str, str]:
    """Our environment without what would make git look elsewhere, write, fetch or ask."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_")
        or (name.startswith(_KEPT_VARIABLES) and name not in _DROPPED_VARIABLES)
    }
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **quiet, "LC_ALL": "C"}
