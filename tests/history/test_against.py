"""A commit in place of a baseline: growth since it is refused, and named."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import ctxsize
from ctxsize.errors import InputError
from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.history.repository import commit, git, planted
from tests.trees import build_tree, file

COPY_SRC = b"FROM a\nCOPY src /x\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    nodes = [
        file("Dockerfile", COPY_SRC),
        *(file(f"src/{number}", size_bytes=100) for number in range(40)),
        file("docs/a", size_bytes=1_000),
    ]
    return planted(tmp_path / "r", nodes)


def test_without_growth_it_passes(root: Path, cli: Cli) -> None:
    result = cli("check", "--against", "HEAD", cwd=root)
    assert (result.code, result.err) == (0, "")
    assert "ok .: 4.0 kB of 4.2 kB" in result.out
    assert "untracked" not in result.out


def test_growth_is_refused_with_its_culprits(root: Path, cli: Cli) -> None:
    build_tree(root, [file("src/new.bin", size_bytes=900)])
    commit(root)
    result = cli("check", "--against", "HEAD~1", cwd=root)
    assert result.code == 1
    assert "CTX404 the transfer grew by 900 B since HEAD~1" in result.out
    assert "Grown since HEAD~1" in result.out
    assert "src/new.bin" in result.out
    assert "baseline" not in result.out
    assert cli("check", "--against", "HEAD~1", "--growth", "2kB", cwd=root).code == 0
    assert cli("check", "--against", "HEAD", cwd=root).code == 0


def test_untracked_files_have_a_line_of_their_own(root: Path, cli: Cli) -> None:
    build_tree(root, [file("src/cache", size_bytes=500), file("src/cache2", size_bytes=70)])
    result = cli("check", "--against", "HEAD", cwd=root)
    assert result.code == 1
    assert "untracked: 2 files (570 B), the largest src/cache" in result.out
    shape = json.loads(cli("check", "--against", "HEAD", "--json", cwd=root).out)
    jsonschema.Draft202012Validator(schema("check")).validate(shape)
    assert shape["against"] == "HEAD"
    assert shape["checks"][0]["untracked"] == {
        "largest": "src/cache",
        "content_bytes": 570,
        "files": 2,
    }
    tolerant = cli("check", "--against", "HEAD", "--growth", "1MB", cwd=root)
    assert tolerant.code == 0
    assert "untracked: 2 files" in tolerant.out


def test_git_and_submodules_are_set_apart(root: Path, tmp_path: Path) -> None:
    (root / "Dockerfile").write_text("FROM a\nCOPY . /x\n")
    commit(root)
    other = planted(tmp_path / "other", [file("big", size_bytes=50_000)])
    git(root, "submodule", "--quiet", "add", str(other), "src/other")
    commit(root)
    report = ctxsize.check(root, against="HEAD")
    assert report.passes, report.findings
    [checked] = report.checks
    assert checked.untracked is None
    assert {limit.actual - (limit.baseline or 0) for limit in checked.limits} == {0}
    assert not checked.grown


def test_a_worktree_has_a_file_called_git(root: Path, tmp_path: Path) -> None:
    (root / "Dockerfile").write_text("FROM a\nCOPY . /x\n")
    commit(root)
    git(root, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    report = ctxsize.check(tmp_path / "tree", against="HEAD")
    assert {limit.actual - (limit.baseline or 0) for limit in report.checks[0].limits} == {0}


def test_a_lost_line_of_the_ignore_file_is_growth(root: Path, cli: Cli) -> None:
    (root / "Dockerfile").write_text("FROM a\nCOPY . /x\n")
    (root / ".dockerignore").write_text("docs\n.git\n")
    commit(root)
    (root / ".dockerignore").write_text(".git\n")
    result = cli("check", "--against", "HEAD", cwd=root)
    assert result.code == 1
    assert "docs/" in result.out


def test_shrinking_can_be_refused_too(root: Path, cli: Cli) -> None:
    for number in range(20):
        (root / f"src/{number}").unlink()
    result = cli("check", "--against", "HEAD", "--shrink", "10%", cwd=root)
    assert result.code == 1
    assert "shrank by 2.0 kB since HEAD" in result.out


def test_every_build_is_compared_with_itself(root: Path, cli: Cli) -> None:
    build_tree(root, [file("api/Dockerfile", COPY_SRC), file("api/src/a", size_bytes=1_000)])
    commit(root)
    build_tree(
        root,
        [
            file("api/src/b", size_bytes=800),
            *(file("web/Dockerfile", COPY_SRC), file("web/src/a", size_bytes=9_000)),
        ],
    )
    result = cli("check", "--all", "--against", "HEAD", cwd=root)
    assert result.code == 1
    assert "Refused: api" in result.out
    assert "untracked: 1 file (800 B), the largest src/b" in result.out
    assert "ok .:" in result.out
    assert "ok web:" in result.out
    assert "web: not compared with HEAD: there is no directory web" in result.err


def test_the_context_counts_if_that_is_limited(root: Path) -> None:
    build_tree(root, [file("docs/b", size_bytes=1_000)])
    assert ctxsize.check(root, against="HEAD").passes
    report = ctxsize.check(root, against="HEAD", budget=ctxsize.Budget(of="context"))
    assert not report.passes
    assert report.checks[0].limits[0].of == "context"


def test_all_platforms_are_counted_on_both_sides(root: Path) -> None:
    (root / "Dockerfile").write_text(
        "FROM a\nARG TARGETARCH\nCOPY src/1 src/$TARGETARCH* /x/\nCOPY src/2 /y\n"
    )
    build_tree(root, [file("src/amd64", size_bytes=10), file("src/arm64", size_bytes=20)])
    commit(root)
    platforms = ["linux/amd64", "linux/arm64"]
    report = ctxsize.check(root, against="HEAD", platforms=platforms)
    [size, files] = report.checks[0].limits
    assert (size.actual, size.baseline) == (430, 430)
    assert (files.actual, files.baseline) == (6, 6)


@pytest.mark.parametrize(
    ("limit", "advice"),
    [(["--max-files", "1"], "raise the budget"), (["--growth", "0%"], "raise --growth")],
)
def test_the_fix_is_about_the_limit_that_is_missed(
    limit: list[str], advice: str, root: Path, cli: Cli
) -> None:
    build_tree(root, [file("src/more", b"more"), file("src/less", b"less")])
    result = cli("check", "--against", "HEAD", *limit, cwd=root, columns=200)
    assert result.code == 1
    assert result.out.rstrip().endswith(f"or accept it: {advice}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "nope"], "git knows no commit 'nope'"),
        (["--against", "HEAD", "--baseline", "x"], "takes the place of a baseline"),
        (["--against", "HEAD", "--update-baseline"], "takes the place of a baseline"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, root: Path, cli: Cli) -> None:
    result = cli("check", *words, cwd=root)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_without_git_nothing_passes(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Dockerfile", COPY_SRC), "src/a"])
    with pytest.raises(InputError, match="there is no repository"):
        ctxsize.check(tmp_path, against="HEAD")
