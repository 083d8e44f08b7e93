"""What may belong to another repository stays, whatever its `.git` looks like."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clean.cleaning import carried_out, codes, paths, planned
from tests.clean.test_hostile import git, rust

Change = Callable[[Path], object]


def _bare(app: Path) -> None:
    git("init", "-q", "--bare", str(app / "made"), cwd=app)
    for each in (app / "made").iterdir():
        each.rename(app / each.name)


def _elsewhere(app: Path) -> None:
    git("init", "-q", cwd=app)
    (app.parent / "other").mkdir()
    git("config", "core.worktree", "../../other", cwd=app)


def _linked_to_a_repository(app: Path) -> None:
    git("init", "-q", "--separate-git-dir", str(app.parent / "kept"), cwd=app)
    (app / ".git").unlink()
    (app / ".git").symlink_to("../kept")


def _left_of_a_worktree(app: Path) -> None:
    (app / ".git").write_text("gitdir: ../.git/worktrees/gone\n")


UNKNOWN: dict[str, Change] = {
    "a symlink to a directory": lambda app: (app / ".git").symlink_to("src"),
    "a symlink to the repository above": lambda app: (app / ".git").symlink_to("../.git"),
    "a symlink to a repository": _linked_to_a_repository,
    "a dangling symlink": lambda app: (app / ".git").symlink_to("nowhere"),
    "a symlink to itself": lambda app: (app / ".git").symlink_to(".git"),
    "an empty directory": lambda app: (app / ".git").mkdir(),
    "an empty file": lambda app: (app / ".git").touch(),
    "a file of another kind": lambda app: (app / ".git").write_text("a\n"),
    "a worktree that is gone": _left_of_a_worktree,
    "a FIFO": lambda app: os.mkfifo(app / ".git"),
    "a work tree elsewhere": _elsewhere,
    "a bare repository": _bare,
    "Mercurial": lambda app: (app / ".hg").mkdir(),
    "Subversion": lambda app: (app / ".svn").mkdir(),
    "Jujutsu": lambda app: (app / ".jj").mkdir(),
    "a symlink of Jujutsu": lambda app: (app / ".jj").symlink_to("nowhere"),
    "a file of Mercurial": lambda app: (app / ".hg").touch(),
}


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("name", UNKNOWN)
def test_a_repository_that_git_does_not_answer_for_protects(
    name: str, above: bool, tmp_path: Path
) -> None:
    root = rust(tmp_path)
    if above or "above" in name:
        git("init", "-q", cwd=root)
        git("add", "-f", "app/src", cwd=root)
    UNKNOWN[name](root / "app")
    plan = planned(root, recent_s=0)
    assert set(codes(plan)) == {"app/target"}
    assert set(codes(plan).values()) <= {"git", "vcs"}
    assert paths(plan) == []


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_repository_that_appears_after_the_plan_protects(name: str, tmp_path: Path) -> None:
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    plan = planned(root, recent_s=0)
    assert paths(plan) == ["app/target"]
    UNKNOWN[name](root / "app")
    assert not carried_out(plan)["app/target"].done
    assert (root / "app/target").is_dir()


@pytest.mark.parametrize("name", [".hg", ".svn", ".jj"])
def test_another_system_beside_git_protects(name: str, tmp_path: Path) -> None:
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    (root / name).mkdir()
    assert codes(planned(root, recent_s=0)) == {"app/target": "vcs"}


@pytest.mark.parametrize("name", ["repository", "worktree", "submodule"])
def test_a_repository_that_answers_protects_what_it_tracks_alone(name: str, tmp_path: Path) -> None:
    root = rust(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    git("init", "-q", cwd=root)
    if name == "repository":
        git("init", "-q", cwd=root / "app")
    elif name == "submodule":
        (root / ".git/modules").mkdir()
        git("init", "-q", "--separate-git-dir", str(root / ".git/modules/app"), cwd=root / "app")
        git("config", "core.worktree", "../../../app", cwd=root / "app")  # as of a submodule
    else:
        git("init", "-q", cwd=other)
        git("commit", "-qm", "x", "--allow-empty", cwd=other)
        git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "y", cwd=other)
        (tmp_path / "tree/.git").rename(root / "app/.git")
        git("worktree", "repair", str(root / "app"), cwd=other)
    assert paths(planned(root, recent_s=0)) == ["app/target"]
    git("add", "-f", "target/release/app", cwd=root / "app")
    assert codes(planned(root, recent_s=0)) == {"app/target": "tracked"}
