"""Two commits are compared as two saved reports are, without a checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ctxsize
from ctxsize.errors import InputError
from tests.cli.conftest import Cli
from tests.history.repository import commit, git, planted
from tests.trees import build_tree, file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a tag, in which one file is new, one grew, and one is ignored since."""
    nodes = [
        file("Dockerfile", b"FROM a\nCOPY . /x\n"),
        *(file("src/a", size_bytes=10), file("src/b", size_bytes=20), "api/x", "log/old"),
    ]
    root = planted(tmp_path / "r", nodes)
    git(root, "tag", "v1")
    build_tree(root, [file("src/a", size_bytes=500), file("src/new", size_bytes=70)])
    (root / ".dockerignore").write_text("log\n")
    commit(root)
    return root


def test_it_is_the_difference_of_two_checkouts(root: Path, tmp_path: Path, cli: Cli) -> None:
    shapes = []
    for revision in ("v1", "HEAD"):
        checkout = tmp_path / revision
        git(root, "worktree", "add", "-q", "--detach", str(checkout), revision)
        (checkout / ".git").unlink()
        shapes.append(cli("ls", "--json", cwd=checkout).out)
    (tmp_path / "old.jsonl").write_text(shapes[0])
    (tmp_path / "new.jsonl").write_text(shapes[1])
    expected = json.loads(cli("diff", "old.jsonl", "new.jsonl", "--json", cwd=tmp_path).out)
    found = json.loads(cli("diff", "v1..HEAD", "--json", cwd=root).out)
    for key in ("delta_bytes", "delta_files", "files", "directories"):
        assert found[key] == expected[key]
    assert (found["before"]["name"], found["after"]["name"]) == ("v1", "HEAD")


def test_the_ignore_file_of_each_commit_decides(root: Path, cli: Cli) -> None:
    report = ctxsize.diff_commits("v1..HEAD", root)
    culprits = {culprit.change.path: culprit for culprit in report.contexts[0].culprits}
    assert culprits["src"].decision == "no-pattern"
    back = ctxsize.diff_commits("HEAD..v1", root)
    assert back.contexts[0].what == "shrank"
    paths = {change.path for change in back.contexts[0].changes.files}
    assert "log/old" in paths
    (root / ".dockerignore").write_text("src\n")  # the work tree does not count
    assert ctxsize.diff_commits("v1..HEAD", root).after == report.after
    assert "Grew by" in cli("diff", "v1..HEAD", cwd=root).out


def test_since_begins_where_both_went_apart(root: Path, cli: Cli) -> None:
    git(root, "switch", "-q", "-c", "branch", "v1")
    build_tree(root, [file("src/mine", size_bytes=900)])
    commit(root)
    shape = json.loads(cli("diff", "--since", "main", "--json", cwd=root).out)
    assert [change["path"] for change in shape["files"]] == ["src/mine"]
    assert shape["delta_bytes"] == 900
    assert cli("diff", "--since", "main..HEAD", "--json", cwd=root).code == 0


def test_a_context_below_the_top_is_compared_alone(root: Path) -> None:
    build_tree(root, [file("api/y", size_bytes=30)])
    commit(root)
    report = ctxsize.diff_commits("v1..HEAD", root / "api")
    assert report.after.content_bytes - report.before.content_bytes == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope..HEAD"], "git knows no commit 'nope'"),
        (["HEAD...HEAD"], "two dots"),
        (["--since", "nope"], "git knows no commit 'nope'"),
        (["HEAD..HEAD", ".", "x"], "BEFORE and AFTER"),
        (["--since", "v1", "--checkout"], "--checkout"),
        (["--since", "v1", "--name", "x"], "BEFORE and AFTER"),
        (["v1..HEAD", "docs"], "not a directory"),
        (["../a.json"], "cannot be read"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, root: Path, cli: Cli) -> None:
    result = cli("diff", *words, cwd=root)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_file_with_dots_in_its_name_is_a_report(root: Path, cli: Cli) -> None:
    (root / "a..b").write_text(cli("ls", "--json", cwd=root).out)
    assert cli("diff", "a..b", cwd=root).code == 0


def test_a_commit_without_the_context_is_an_error(root: Path) -> None:
    build_tree(root, [file("new/x")])
    commit(root)
    with pytest.raises(InputError, match=r"the context of the commit \w+ is not known: there is"):
        ctxsize.diff_commits("v1..HEAD", root / "new")
