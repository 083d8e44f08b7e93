"""Worktrees of git and the directories of coding agents: what is hidden of them, and what stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.reader import worktrees_in
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

DOCKERFILE = file("Dockerfile", b"FROM alpine\nCOPY . /app\n")
SOURCE = file("src/big", size_bytes=400_000)


def git(where: Path, *arguments: str) -> None:
    settings = ("user.name=a", "user.email=a@localhost", "protocol.file.allow=always")
    options = (word for each in settings for word in ("-c", each))
    command = ["git", *options, *arguments]
    subprocess.run(command, cwd=where, check=True, capture_output=True)


def repository(root: Path, *nodes: str | Node) -> Path:
    build_tree(root, [DOCKERFILE, SOURCE, *nodes])
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def add(root: Path, path: str) -> Path:
    git(root, "worktree", "add", "-q", "--detach", path)
    return root / path


def safe(root: Path) -> set[str]:
    advice = api.suggest(str(root))
    return {line for each in advice.suggestions if each.safe for line in each.patterns}


def test_worktrees_are_found_wherever_they_lie(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", "docs/a", ".claude/CLAUDE.md")
    for path in ("next", "docs/wt", ".claude/worktrees/one", ".claude/worktrees/two", "at/a b"):
        add(root, path)
    found = {"next", "docs/wt", ".claude/worktrees", "at"}
    assert worktrees_in(str(root)) == found
    assert safe(root) >= found
    assert [each.build.context for each in discover(str(root)).builds] == [str(root)]


def test_the_suggestion_hides_the_worktrees_and_nothing_else(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", "docs/a")
    add(root, "docs/wt")
    (root / ".dockerignore").write_text("".join(f"{line}\n" for line in sorted(safe(root))))
    sent = {each.path for each in api.ls(str(root))}
    assert {"docs/a", "src/big"} <= sent
    assert not any(path.startswith("docs/wt") for path in sent)


def test_a_worktree_in_a_worktree_goes_with_it(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    inner = add(add(root, "a"), "b/c")
    assert worktrees_in(str(root)) >= {"a", "a/b"}
    assert "a" in safe(root)
    assert not any(line.startswith("a/") for line in safe(root))
    assert worktrees_in(str(root / "a")) == {"b"}
    assert worktrees_in(str(inner)) == frozenset()


def test_a_context_that_is_a_worktree_is_not_hidden(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    tree = add(main, str(tmp_path / "tree"))
    assert worktrees_in(str(tree)) == frozenset()
    assert "src/big" in {each.path for each in api.ls(str(tree))}
    add(tree, "x/inner")
    assert worktrees_in(str(tree)) == {"x"}
    # The context below the worktree of the repository is a part of it.
    assert worktrees_in(str(tree / "src")) == frozenset()


def test_worktrees_with_relative_links(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", "at/a")
    tree, listed = add(root, "at/wt"), root / ".git/worktrees/wt"
    (tree / ".git").write_text("gitdir: ../../.git/worktrees/wt\n")
    (listed / "gitdir").write_text("../../../at/wt/.git\n")
    assert worktrees_in(str(root)) == {"at/wt"}


def test_a_submodule_is_no_worktree_but_may_have_some(tmp_path: Path) -> None:
    library = repository(tmp_path / "library")
    root = repository(tmp_path / "r")
    git(root, "submodule", "add", "-q", str(library), "vendored/lib")
    git(root, "commit", "-qam", "second")
    assert (root / "vendored/lib/.git").is_file()
    assert worktrees_in(str(root)) == frozenset()
    assert not {"vendored", "vendored/lib", "**/lib"} & safe(root)
    add(root / "vendored/lib", "wt")
    assert "vendored/lib/wt" in safe(root)


def test_another_repository_in_the_context_is_no_worktree(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    other = repository(tmp_path / "other")
    repository(root / "clone")
    add(other, str(root / "theirs"))
    assert worktrees_in(str(root)) == frozenset()
    assert not {"clone", "theirs"} & safe(root)


def _unlisted(root: Path, tree: Path) -> None:
    subprocess.run(["rm", "-r", str(root / ".git/worktrees/wt")], check=True)
    assert tree.is_dir()


def _moved(root: Path, tree: Path) -> None:
    (root / ".git/worktrees/wt/gitdir").write_text(f"{root}/src/.git\n")
    (root / "src/.git").write_text((tree / ".git").read_text())
    (root / "src/.git").unlink()


def _elsewhere(root: Path, tree: Path) -> None:
    outside = root.parent / "outside"
    (outside / "worktrees/wt").mkdir(parents=True)
    (outside / "worktrees/wt/gitdir").write_text(f"{tree}/.git\n")
    (tree / ".git").write_text(f"gitdir: {outside}/worktrees/wt\n")


def _written(text: bytes) -> Callable[[Path, Path], None]:
    def spoil(root: Path, tree: Path) -> None:
        (tree / ".git").write_bytes(text)

    return spoil


def _fifo(root: Path, tree: Path) -> None:
    (tree / ".git").unlink()
    os.mkfifo(tree / ".git")


def _link(root: Path, tree: Path) -> None:
    (tree / ".git").rename(root / "kept")
    (tree / ".git").symlink_to(root / "kept")


def _no_list(root: Path, tree: Path) -> None:
    path = root / ".git/worktrees/wt/gitdir"
    path.unlink()
    os.mkfifo(path)


SPOILT: dict[str, Callable[[Path, Path], None]] = {
    "the repository does not list it": _unlisted,
    "the list names another directory": _moved,
    "it names a list outside": _elsewhere,
    "a huge file": _written(b"gitdir: " + b"x" * 10_000_000),
    "a NUL": _written(b"gitdir: a\0b\n"),
    "nothing": _written(b""),
    "no path": _written(b"gitdir: \n"),
    "a FIFO": _fifo,
    "a FIFO in the list": _no_list,
    "a symlink": _link,
}


@pytest.mark.parametrize("case", SPOILT)
def test_only_what_both_sides_name_is_a_worktree(case: str, tmp_path: Path) -> None:
    root = repository(tmp_path / "r", "at/a")
    tree = add(root, "at/wt")
    SPOILT[case](root, tree)
    assert worktrees_in(str(root)) == frozenset()
    assert "at/wt" not in safe(root)


def test_what_the_repository_tracks_is_not_hidden(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", "at/a")
    add(root, "at/wt")
    git(root, "add", "at/wt")
    assert "at/wt" not in safe(root)


def test_a_worktree_that_a_dockerfile_copies_stays(tmp_path: Path) -> None:
    text = b"FROM alpine\nCOPY . /app\nCOPY wt/src /old\n"
    root = repository(tmp_path / "r")
    (root / "Dockerfile").write_bytes(text)
    add(root, "wt")
    assert "wt" not in safe(root)


def test_the_dockerfile_of_a_worktree_is_no_build_of_this_context(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    tree = add(root, "wt")
    (tree / "Dockerfile").write_bytes(b"FROM alpine\nCOPY .codex /root/.codex\nCOPY src /src\n")
    build_tree(root, [".codex/config.toml", file(".codex/log", size_bytes=50_000)])
    assert {"wt", ".codex"} <= safe(root)


def test_many_worktrees_are_read_in_time(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    for number in range(3_000):
        (root / f".git/worktrees/w{number}").mkdir(parents=True)
        (root / f".git/worktrees/w{number}/gitdir").write_text(f"{root}/w{number}/.git\n")
    assert worktrees_in(str(root)) == frozenset()


AGENTS = {
    ".codex": ".codex/config.toml",
    ".gemini": ".gemini/settings.json",
    ".opencode": ".opencode/agent/a.md",
    ".windsurf": ".windsurf/rules/a.md",
    ".agents": ".agents/skills/a/SKILL.md",
    ".claude": ".claude/settings.json",
    "**/.cursor": ".cursor/rules/a.mdc",
}


@pytest.mark.parametrize("line", AGENTS)
def test_directories_of_agents_are_hidden_unless_git_tracks_them(line: str, tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    build_tree(root, [AGENTS[line], file(f"{line.removeprefix('**/')}/log", size_bytes=50_000)])
    assert line in safe(root)
    git(root, "add", AGENTS[line])
    advice = api.suggest(str(root))
    assert not any(line in each.patterns for each in advice.suggestions)
    assert any(each.trap == "tracked" for each in advice.blocked)


def test_untracked_parts_of_a_tracked_directory_are_hidden(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", ".claude/CLAUDE.md", "docs/a")
    add(root, ".claude/worktrees/a")
    build_tree(root, [file(".claude/settings.local.json", b'{"permissions": {}}')])
    found = safe(root)
    assert {".claude/worktrees", "**/.claude/settings.local.json"} & found == {".claude/worktrees"}
    assert ".claude/settings.local.json" in found
    assert ".claude" not in found


def test_an_agents_directory_that_a_dockerfile_copies_stays(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    build_tree(root, [".claude/skills/a/SKILL.md"])
    (root / "Dockerfile").write_bytes(b"FROM alpine\nCOPY . /app\nCOPY .claude /root/.claude\n")
    assert ".claude" not in safe(root)


def test_histories_of_aider_are_hidden(tmp_path: Path) -> None:
    nodes = [
        file(".aider.chat.history.md", b"\n# aider chat started at 2026-01-02 03:04:05\n"),
        file(".aider.input.history", b"\n# 2026-01-02 03:04:05.678901\n+/help\n"),
        file(".aider.tags.cache.v4/cache.db", size_bytes=300_000),
        ".aider.conf.yml",
    ]
    root = repository(tmp_path / "r")
    build_tree(root, nodes)
    assert {each for each in safe(root) if "aider" in each} == {
        "**/.aider.chat.history.md",
        "**/.aider.input.history",
        "**/.aider.tags.cache.v*",
    }


def test_a_worktree_that_git_tracks_is_a_part_of_the_project(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", file("src/app/Dockerfile", b"FROM alpine\n"))
    for path in ("cp/b", "build", "inner/x"):
        add(root, path)
    listed = root / ".git/worktrees/forged"
    listed.mkdir()
    (listed / "gitdir").write_text(f"{root}/src/app/.git\n")
    (root / "src/app/.git").write_text(f"gitdir: {listed}\n")
    git(root, "add", "cp/b")
    assert worktrees_in(str(root)) == {"cp", "src/app", "build", "inner"}
    assert {line for line in safe(root) if "ockerfile" not in line} >= {"**/.git", "build", "inner"}
    assert not {"cp", "src", "src/app"} & safe(root)
    found = {each.build.dockerfile for each in discover(str(root)).builds}
    assert str(root / "src/app/Dockerfile") in found


def test_beside_a_bare_repository_all_worktrees_have_builds(tmp_path: Path) -> None:
    origin, root = repository(tmp_path / "origin"), tmp_path / "r"
    root.mkdir()
    git(root, "clone", "-q", "--bare", str(origin), ".bare")
    (root / ".git").write_text("gitdir: ./.bare\n")
    contexts = [str(add(root, path)) for path in ("feat", "main")]
    assert [each.build.context for each in discover(str(root)).builds] == contexts
