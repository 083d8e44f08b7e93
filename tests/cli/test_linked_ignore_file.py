"""An ignore file that is a symbolic link: no command writes through it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import build_tree, file, link

TREE = [
    file("Dockerfile", b"FROM rust:1\nCOPY Cargo.toml Cargo.lock ./\nCOPY src src\n"),
    *("Cargo.toml", "Cargo.lock", "src/main.rs", "docs/a.md", "docs/b.md"),
    file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# by cargo\n"),
    *(file("target/.rustc_info.json", b"{}"), file("target/debug/x", size_bytes=2_000_000)),
    file(".gitignore", b"a\na\n"),
]
WRITING = [
    ["suggest", "--write"],
    ["suggest", "--write", "--unsafe"],
    ["suggest", "--write", "--allowlist"],
    ["suggest", "--write", "--from-gitignore"],
    ["suggest", "--write", "--like", "other/.dockerignore"],
    ["init"],
    ["lint", "--fix"],
    ["lint", "--unsafe-fixes"],
]
OTHER = file("other/.dockerignore", b"target\ndocs\n")


def planted(root: Path, name: str, target: str) -> Path:
    build_tree(root, [*TREE, OTHER, link(name, target), file("ignore", b"a\na\n")])
    (root / ".git").mkdir()
    return root


def state(root: Path) -> dict[str, bytes]:
    """Return the content of each file of `root`, by its name, and the targets of links."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path)] = bytes(path.readlink())
        elif path.is_file():
            found[str(path)] = path.read_bytes()
    return found


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "target"),
    [
        (".dockerignore", ".gitignore"),
        (".dockerignore", "ignore"),
        ("Dockerfile.dockerignore", ".gitignore"),
    ],
)
def test_nothing_is_written_through_the_link(
    command: list[str], name: str, target: str, cli: Cli, tmp_path: Path
) -> None:
    root = planted(tmp_path / "r", name, target)
    before = state(root)
    result = cli(*command, cwd=root)
    assert result.code == 2
    assert f"{name}: the file is a symbolic link to {target}" in result.err
    assert "--replace-link" in result.err
    assert state(root) == before


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_file_takes_the_place_of_the_link(command: list[str], cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", ".dockerignore", ".gitignore")
    result = cli(*command, "--replace-link", cwd=root)
    assert result.code in (0, 1), result.err
    assert not (root / ".dockerignore").is_symlink()
    assert (root / ".gitignore").read_bytes() == b"a\na\n"
    assert b"a\n" in (root / ".dockerignore").read_bytes()
    assert cli("measure", "-q", cwd=root).code == 0


def test_git_commits_new_work_after_it(cli: Cli, tmp_path: Path) -> None:
    """Git still lists what only the ignore file hides: it may be work to commit."""
    root = build_tree(tmp_path / "r", [*TREE, link(".dockerignore", ".gitignore")])
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert cli("suggest", "--write", "--unsafe", "--replace-link", cwd=root).code == 0
    listed = ["git", "status", "--porcelain", "--untracked-files=all", "docs", "Dockerfile"]
    status = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    assert {"?? Dockerfile", "?? docs/a.md"} <= {*status.splitlines()}


@pytest.mark.parametrize("options", [[], ["--from-gitignore"], ["--allowlist"]], ids=" ".join)
def test_the_next_step_of_suggest_succeeds(options: list[str], cli: Cli, tmp_path: Path) -> None:
    for name, leads in (("linked", True), ("plain", False)):
        root = planted(tmp_path / name, ".dockerignore", "ignore")
        if not leads:
            (root / ".dockerignore").unlink()
            (root / ".dockerignore").write_bytes(b"a\na\n")
        out = cli("suggest", *options, cwd=root).out
        (step,) = (each for each in out.splitlines() if "ctxsize suggest --write" in each)
        assert ("--replace-link" in step) == leads
        words = step.partition("ctxsize ")[2].partition("  ")[0].split()
        assert cli(*words, cwd=root).code == 0


@pytest.mark.parametrize(
    "command", [["suggest"], ["suggest", "--diff"], ["lint"], ["lint", "--fix", "--diff"]]
)
def test_the_option_needs_a_command_that_writes(
    command: list[str], cli: Cli, tmp_path: Path
) -> None:
    root = planted(tmp_path / "r", ".dockerignore", ".gitignore")
    result = cli(*command, "--replace-link", cwd=root)
    assert (result.code, "--replace-link needs" in result.err) == (2, True)


def test_a_dockerfile_that_is_a_link_is_still_rewritten(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM rust:1.80-bookworm\nCOPY . .\nRUN cargo build --release\n"
    nodes = [file("docker/Dockerfile", text), link("Dockerfile", "docker/Dockerfile")]
    root = build_tree(tmp_path / "r", [*nodes, file("Cargo.toml", b'[package]\nname = "x"\n')])
    (root / ".git").mkdir()
    result = cli("advise", "--unsafe-fixes", cwd=root)
    assert "symbolic link" not in result.err
