"""How a build grew: each commit has the sizes of `measure` on a checkout of it."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import ctxsize
from ctxsize.errors import InputError
from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.history.repository import commit, git, planted
from tests.trees import build_tree, file, link

DOCKERFILES = (
    "FROM a\nCOPY . /x\n",
    "FROM a\nCOPY a b/*.txt /x/\nFROM a\nCOPY c /x\n",
    "FROM a\nARG WHAT=a\nCOPY $WHAT /x\n",
    "FROM a\nCOPY --exclude=*.md l /x\nADD b/a /y\n",
    'FROM a\nRUN --mount=type=bind,source=b,target=/b true\nCOPY ["a b", "/x/"]\n',
    "FROM a\nRUN true\n",
    "FROM a\nNONSENSE\n",
    "FROM a\nCOPY nothing* /x\n",
)
IGNORE_FILES = ("", "a\n", "*\n!b\n!c/**/a\n", "**/*.txt\n!b/b.txt\n", "b/*\n!b/a\n", "[\n", "l\n")
NAMES = ("a", "b", "c", "a.txt", "b.txt", "a b", "l", "\udcff", "x.md")
BUILDERS = ("buildkit", "classic", "podman")


def random_path(draw: random.Random) -> str:
    return "/".join(draw.choices(NAMES, k=draw.randint(1, 4)))


def change_at_random(draw: random.Random, root: Path) -> None:
    """Write, link or delete something, or change what decides about the build."""
    deed = draw.choice(("write", "write", "write", "link", "delete", "ignore", "dockerfile"))
    path = root / random_path(draw)
    if deed == "ignore":
        path = root / draw.choice((".dockerignore", "Dockerfile.dockerignore"))
    elif deed == "dockerfile":
        path = root / "Dockerfile"
    if deed == "delete" or path.is_symlink():
        path = root / draw.choice((*NAMES, "Dockerfile", ".dockerignore"))
        if path.is_symlink() or path.is_file():
            path.unlink()
        return
    inner = path.parent
    while inner != root:
        if inner.is_symlink() or inner.is_file():
            return
        inner = inner.parent
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if deed == "link":
        path.unlink(missing_ok=True)
        path.symlink_to(draw.choice(("a", "b", "../b", "/c", "nowhere", ".")))
    elif deed == "ignore":
        path.write_text(draw.choice(IGNORE_FILES))
    elif deed == "dockerfile":
        path.write_text(draw.choice(DOCKERFILES))
    else:
        path.write_bytes(b"x" * draw.randint(0, 5_000))


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("context", [".", "b"])
def test_each_commit_has_the_sizes_of_a_checkout(
    seed: int, builder: str, context: str, tmp_path: Path
) -> None:
    draw = random.Random(f"{seed} {context}")
    root = planted(tmp_path / "r", [file("Dockerfile", DOCKERFILES[0].encode()), "b/a"])
    for _ in range(12):
        for _ in range(draw.randint(1, 6)):
            change_at_random(draw, root)
        commit(root)
    options = {"builder": builder, "build_arguments": {"WHAT": "c"}}
    if context != ".":
        options["dockerfile"] = root / "Dockerfile"
    found = ctxsize.log(build_tree(root / context, ()), **options)
    assert len(found.commits) == 13
    known = 0
    for size in found.commits:
        checkout = tmp_path / size.commit
        git(root, "worktree", "add", "-q", "--detach", str(checkout), size.commit)
        (checkout / ".git").unlink()
        if context != ".":
            options["dockerfile"] = checkout / "Dockerfile"
        try:
            report = ctxsize.measure(checkout / context, **options)
        except ctxsize.CtxsizeError:
            assert (size.context, size.transfer) == (None, None)
            assert size.unknown
            continue
        totals = report.context.totals
        assert size.context == (totals.files, totals.content_bytes)
        if report.transfer is None:
            assert size.transfer is None
            continue
        known += 1
        assert size.transfer == (report.transfer.files, report.transfer.content_bytes)
    assert known or builder == "podman"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    nodes = [file("Dockerfile", b"FROM a\nCOPY src /x\n"), "src/main.py", "docs/a"]
    return planted(tmp_path / "r", nodes)


def grown(root: Path, path: str, size: int) -> None:
    build_tree(root, [file(path, size_bytes=size)])
    commit(root)


def test_a_commit_names_what_grew_most(root: Path) -> None:
    grown(root, "src/deep/assets/logo.png", 5_000)
    (root / "src/deep/other").write_bytes(b"x" * 9)
    grown(root, "docs/b", 90_000)
    (root / "src/deep/assets/logo.png").unlink()
    commit(root)
    gone, other, logo, first = ctxsize.log(root).commits
    assert first.growth is None
    assert logo.growth == (1, 5_000)
    assert logo.most == ("src/deep/assets/logo.png", 5_000, 1, False)
    assert other.growth == (1, 9)  # the transfer lacks docs
    assert other.most == ("src/deep/other", 9, 1, False)
    assert gone.growth == (-1, -5_000)
    assert gone.most == ("src/deep/assets/logo.png", -5_000, -1, False)


def test_growth_of_the_context_counts_if_no_transfer_is_known(root: Path) -> None:
    git(root, "rm", "-q", "Dockerfile")
    commit(root)
    grown(root, "docs/b", 100)
    found = ctxsize.log(root, count=2)
    assert found.of == "context"
    assert found.commits[0].growth == (1, 100)
    assert [size.unknown for size in found.commits] == ["no Dockerfile"] * 2
    assert found.commits[0].most == ("docs/b", 100, 1, False)


def test_the_ignore_file_of_each_commit_counts(root: Path) -> None:
    (root / ".dockerignore").write_text("docs\n")
    commit(root)
    new, old = ctxsize.log(root).commits
    assert old.context is not None
    assert new.context is not None
    assert new.context.files == old.context.files  # one less, and the ignore file itself
    (root / ".dockerignore").unlink()
    assert ctxsize.log(root).commits[0].context == new.context  # the work tree is not read


def test_a_row_says_what_is_not_known(root: Path, tmp_path: Path) -> None:
    (root / "Dockerfile").write_text("FROM a\nWRONG\n")
    commit(root)
    (root / ".dockerignore").write_text("[\n")
    commit(root)
    bad_lines, bad_dockerfile, fine = ctxsize.log(root).commits
    assert bad_lines.context is None
    assert bad_lines.unknown is not None
    assert bad_lines.unknown.startswith("line 1: ")
    assert bad_dockerfile.context is not None
    assert bad_dockerfile.transfer is None
    assert (bad_dockerfile.unknown or "").startswith("line 2: ")
    assert str(tmp_path) not in f"{bad_lines.unknown}{bad_dockerfile.unknown}"
    assert fine.transfer is not None
    assert bad_dockerfile.growth is None


def test_a_context_that_did_not_exist_is_not_known(root: Path) -> None:
    build_tree(root, [file("api/Dockerfile", b"FROM a\nCOPY . /x\n"), "api/a"])
    commit(root)
    new, old = ctxsize.log(root / "api").commits
    assert new.transfer is not None
    assert (old.context, old.unknown) == (None, "there is no directory api")


def test_merges_are_one_step_of_the_first_parent(root: Path) -> None:
    git(root, "switch", "-q", "-c", "side")
    grown(root, "src/side", 700)
    grown(root, "src/more", 70)
    git(root, "switch", "-q", "main")
    grown(root, "src/main", 5)
    git(root, "merge", "-q", "--no-ff", "-m", "merge side", "side")
    merge, main, _ = ctxsize.log(root).commits
    assert merge.subject == "merge side"
    assert merge.growth == (2, 770)
    assert main.growth == (1, 5)


def test_a_symlinked_dockerfile_is_followed(root: Path) -> None:
    os.rename(root / "Dockerfile", root / "prod")
    build_tree(root, [link("Dockerfile", "prod")])
    commit(root)
    new, old = ctxsize.log(root).commits
    assert new.transfer == old.transfer
    assert new.transfer is not None


def test_a_dockerfile_outside_the_context_is_that_of_the_commit(root: Path) -> None:
    build_tree(root, [file("docker/prod", b"FROM a\nCOPY a /x\n")])
    commit(root)
    (root / "docker/prod").write_text("FROM a\nRUN true\n")
    commit(root)
    nothing, some, missing = ctxsize.log(root / "docs", dockerfile=root / "docker/prod").commits
    assert nothing.transfer == (0, 0)
    assert some.transfer == (1, 7)
    assert missing.transfer is None


def test_what_a_checkout_converts_is_said_once(root: Path) -> None:
    (root / ".gitattributes").write_text("*.py eol=crlf\n*.bin filter=lfs\n")
    grown(root, "src/a.bin", 100)
    grown(root, "src/b", 100)
    problems = [problem.message for problem in ctxsize.log(root).problems]
    assert len(problems) == 2
    assert "git-lfs" in problems[0]
    assert "CRLF" in problems[1]


def test_submodules_are_empty_directories(root: Path, tmp_path: Path) -> None:
    other = planted(tmp_path / "other", ["big"])
    git(root, "submodule", "--quiet", "add", str(other), "src/other")
    commit(root)
    new, old = ctxsize.log(root).commits
    assert new.transfer == old.transfer


def test_a_shallow_clone_has_rows_up_to_its_border(root: Path, tmp_path: Path) -> None:
    for size in (10, 20, 30):
        grown(root, f"src/{size}", size)
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{root}", "clone")
    found = ctxsize.log(tmp_path / "clone")
    assert [size.growth for size in found.commits] == [(1, 30), None]
    assert "shallow" in found.problems[0].message
    assert not ctxsize.log(tmp_path / "clone", count=1).problems


def test_a_partial_clone_counts_what_it_has(root: Path, tmp_path: Path) -> None:
    grown(root, "src/big", 40)
    git(root, "config", "uploadpack.allowFilter", "true")
    source = f"file://{root}"
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", source, "clone")
    found = ctxsize.log(tmp_path / "clone")
    assert all(size.transfer is None for size in found.commits)
    assert "fetched" in (found.commits[0].unknown or "")
    assert "partial clone" in found.problems[-1].message


@pytest.mark.parametrize(
    "line",
    [
        b"100644 ../../etc\0%s",
        b"40000 ..\0%s",
        b"100644 .GIT\0%s",
        b"100644 a\0%s100644 a\0%s",
        b"100644 a",
        b"nonsense a\0%s",
    ],
)
def test_a_hostile_tree_is_not_known(line: bytes, root: Path, cli: Cli) -> None:
    count = line.count(b"%s")
    blob = git(root, "rev-parse", "HEAD:src/main.py")
    data = line.replace(b"%s", bytes.fromhex(blob)) if count else line
    tree = git(root, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", question=data)
    name = git(root, "commit-tree", "-p", "HEAD", "-m", "\x1b[31mred", tree)
    git(root, "update-ref", "HEAD", name)
    bad, fine = ctxsize.log(root).commits
    assert bad.context is None
    assert bad.unknown
    assert fine.context is not None
    for form in ("text", "json", "csv", "markdown"):
        result = cli("log", "--format", form, cwd=root)
        assert result.code == 0
        assert "\x1b" not in result.out


def test_a_tree_that_repeats_itself_without_end_is_not_known(root: Path) -> None:
    blob = git(root, "rev-parse", "HEAD:Dockerfile")
    lines = f"100644 blob {blob}\tDockerfile\n"
    for _ in range(12):
        tree = git(root, "mktree", question=lines.encode())
        lines = "".join(f"040000 tree {tree}\t{number}\n" for number in range(10))
    name = git(root, "commit-tree", "-p", "HEAD", "-m", "x", tree)
    git(root, "update-ref", "HEAD", name)
    bad, fine = ctxsize.log(root).commits
    assert "too many" in (bad.unknown or "")
    assert fine.transfer is not None


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: git(root, "checkout", "-q", "--orphan", "new"), "git knows no commit"),
        (lambda root: None, "git knows no commit 'nope'"),
    ],
)
def test_a_history_that_is_not_there_is_an_error(
    prepare: Callable[[Path], object], message: str, root: Path, cli: Cli
) -> None:
    prepare(root)
    words = ["--rev", "nope"] if "nope" in message else []
    result = cli("log", *words, cwd=root)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_without_a_repository_there_is_no_history(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\n")])
    with pytest.raises(InputError, match="there is no repository"):
        ctxsize.log(tmp_path)
    with pytest.raises(InputError, match="not a directory"):
        ctxsize.log(tmp_path / "nope")


def test_the_formats_agree(root: Path, cli: Cli) -> None:
    grown(root, 'src/x,"y"\n=z', 1_500)
    (root / "Dockerfile").write_text("WRONG\n")
    commit(root)
    shape = json.loads(cli("log", "--json", cwd=root).out)
    jsonschema.Draft202012Validator(schema("log")).validate(shape)
    assert [one["growth"] for one in shape["commits"]] == [
        None,
        {"files": 1, "content_bytes": 1_500},
        None,
    ]
    assert shape["commits"][0]["transfer"] is None
    rows = [*csv.DictReader(io.StringIO(cli("log", "--format", "csv", cwd=root).out))]
    assert [row["transfer_bytes"] for row in rows] == ["", "1512", "12"]
    assert rows[1]["grew_most"] == r'"src/x,\"y\"\n=z"'
    text = cli("log", cwd=root).out
    assert "3 commits, the newest first" in text
    assert "not known: line 1: " in text
    assert r'+1.5 kB "src/x,\"y\"\n=z"' in text
    assert "1.5 kB" in cli("log", "-q", "-n", "2", cwd=root).out
    assert "+1.5 kB" in cli("log", "--format", "markdown", cwd=root).out


def test_csv_is_a_format_of_log_alone(root: Path, cli: Cli) -> None:
    result = cli("measure", "--format", "csv", cwd=root)
    assert result.code == 2
    first = cli("log", "--format", "csv=growth.csv", cwd=root)
    assert (first.code, first.out) == (0, "")
    assert cli("log", "--format", "csv=growth.csv", cwd=root).code == 0  # over the earlier one
    assert (root / "growth.csv").read_text().startswith("commit,date,")
