"""`lint` and `suggest` call the same things safe, and doubt them on the same ground."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_unread import without_reasons
from tests.trees import COPY_ALL, Node, build_tree, file

TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"
ALL = file("Dockerfile", COPY_ALL)
CARGO = file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build --release\n")
ENV = file(".env", b"PASSWORD=hunter2hunter2\n")
GIT = (file(".git/HEAD", size_bytes=7), ".git/objects/", ".git/refs/")
LINES = file(".dockerignore", b"z\n")
MB = 1_000_000


class Screen(NamedTuple):
    """A tree, what `lint` prints about it, and what `suggest` does."""

    tree: list[str | Node]
    linted: str
    suggested: str


SCREENS: dict[str, Screen] = {
    "settings and the repository": Screen(
        [ALL, ENV, LINES, *GIT],
        ".dockerignore warning CTX109 every build sends `.git`, which each git command changes: "
        "7 B in 1 file fix: ignore `**/.git`; ignores 7 B in 1 file "
        ".dockerignore warning CTX110 the build sends .env, which may contain secrets: "
        "24 B in 1 file fix: ignore `**/.env`; ignores 24 B in 1 file "
        "2 findings: 2 warnings; 2 fixable with --fix",
        "24 B 1 **/.env environment variables",
    ),
    "settings that a bundler reads": Screen(
        [file("Dockerfile", b"FROM node\nCOPY . .\nRUN npx vite build\n"), ENV, LINES],
        "info CTX110 the build sends .env, which may contain secrets: 24 B in 1 file; vite, which "
        "Dockerfile runs, reads it fix: ignore `**/.env`; ignores 24 B in 1 file (unsafe: "
        "review first)",
        "Needs your confirmation: --unsafe, or --only PATTERN size files pattern doubt "
        "24 B 1 **/.env vite",
    ),
    "copies in a directory that is doubted itself": Screen(
        [
            file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci\n"),
            file("package.json", b'{"scripts": {"check": "node tests/run.js"}}'),
            *("package-lock.json", "web/package.json", "tests/run.js", "tests/e2e/package.json"),
            file("web/node_modules/a/b.js", size_bytes=3 * MB),
            file("tests/e2e/node_modules/a/b.js", size_bytes=MB),
            file(".dockerignore", b"node_modules\n"),
        ],
        "warning CTX101 `node_modules` matches at the top of the context only, so the build sends "
        "2 other copies: 4.0 MB in 2 files 1 | node_modules | ^^^^^^^^^^^^ fix: write "
        "`**/node_modules`; ignores 4.0 MB in 2 files 1 finding",
        "4.0 MB 2 **/node_modules installed packages",
    ),
    "copies of which a build takes some": Screen(
        [
            file("Dockerfile", b"FROM python\nCOPY app /app\n"),
            *("app/a.py", "tests/a.py"),
            file("app/__pycache__/a.cpython-312.pyc", size_bytes=3 * MB),
            file("tests/__pycache__/a.cpython-312.pyc", size_bytes=MB),
            file(".dockerignore", b"__pycache__\n"),
        ],
        "warning CTX101 `__pycache__` matches at the top of the context only, so the build sends "
        "1 other copy: 3.0 MB in 1 file 1 | __pycache__ | ^^^^^^^^^^^ fix: write "
        "`**/__pycache__`; ignores 4.0 MB in 2 files 1 finding",
        "3.0 MB 1 **/__pycache__ byte code",
    ),
    "an output that no command makes": Screen(
        [
            file("Dockerfile", b"FROM rust\nCOPY . .\n"),
            file(".dockerignore", b"target/\n"),
            *("Cargo.toml", "edge/Cargo.toml", file("edge/target/CACHEDIR.TAG", TAG)),
            file("edge/target/debug/big", size_bytes=3 * MB),
        ],
        "info CTX101 `target/` matches at the top of the context only, so the build sends 1 other "
        "copy: 3.0 MB in 2 files; the image of Dockerfile may need it: no command there makes it "
        "1 | target/ | ^^^^^^^ fix: write `**/target`; ignores 3.0 MB in 2 files "
        "(unsafe: review first)",
        "3.0 MB 2 **/target the image of Dockerfile may need it",
    ),
    "an output beside one that suggest has written by its path": Screen(
        [
            file("Dockerfile", b"FROM rust\nCOPY . .\n"),
            file(".dockerignore", b"# >>> ctxsize: `ctxsize suggest`\ntarget\n# <<< ctxsize\n"),
            *("Cargo.toml", "edge/Cargo.toml", file("edge/target/CACHEDIR.TAG", TAG)),
            file("edge/target/debug/big", size_bytes=3 * MB),
        ],
        "nothing found",
        "3.0 MB 2 **/target the image of Dockerfile may need it",
    ),
    "an output with a tag and no manifest beside it": Screen(
        [
            CARGO,
            file(".dockerignore", b"target\n"),
            *("Cargo.toml", "fuzz/a.rs", file("fuzz/target/CACHEDIR.TAG", TAG)),
            file("fuzz/target/debug/big", size_bytes=3 * MB),
        ],
        "warning CTX101 `target` matches at the top of the context only, so the build sends 1 "
        "other copy: 3.0 MB in 2 files 1 | target | ^^^^^^ fix: write "
        "`**/target`; ignores 3.0 MB in 2 files 1 finding: 1 warning; 1 fixable with --fix",
        "3.0 MB 2 **/target Cargo's build output",
    ),
    "a version that make reads from git": Screen(
        [
            file("Dockerfile", b"FROM alpine\nCOPY . .\nRUN make x\n"),
            file("Makefile", b"V := $(shell git describe --tags)\nx:\n\techo $(V)\n"),
            *(LINES, *GIT),
        ],
        "nothing found",
        "Safe to add size files pattern reason 32 B 1 Dockerfile a file",
    ),
    "byte code in its directories": Screen(
        [
            ALL,
            file(".dockerignore", b"__pycache__\n*.pyc\n"),
            *("app/a.py", "app/api/a.py"),
            file("app/__pycache__/a.cpython-312.pyc", size_bytes=MB),
        ],
        "warning CTX101 `__pycache__` matches at the top of the context only, so the build sends "
        "1 other copy: 1.0 MB in 1 file 1 | __pycache__ | ^^^^^^^^^^^ fix: "
        "write `**/__pycache__`; ignores 1.0 MB in 1 file 1 finding: 1 warning; 1 fixable with "
        "--fix",
        "1.0 MB 1 **/__pycache__ byte code for this machine's Python",
    ),
    "a virtual environment without a manifest beside it": Screen(
        [
            file("Dockerfile", b"FROM python\nCOPY . .\nRUN pip install flask\n"),
            *(LINES, "a.js", file("tools/.venv/pyvenv.cfg", b"home = /usr/bin\n")),
            file("tools/.venv/lib/a.so", size_bytes=3 * MB),
        ],
        "warning CTX135 the build sends tools/.venv/, a virtual environment: 3.0 MB in 2 files "
        "fix: ignore `**/.venv`; ignores 3.0 MB in 2 files 1 finding",
        "3.0 MB 2 **/.venv a virtual environment",
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_lint_says_what_suggest_says(name: str, cli: Cli, tmp_path: Path) -> None:
    screen = SCREENS[name]
    root = build_tree(tmp_path / "ctx", screen.tree)
    assert screen.linted in without_reasons(cli("lint", cwd=root, columns=100).lines)
    assert screen.suggested in " ".join(cli("suggest", cwd=root, columns=100).out.split())


def test_fixes_write_what_suggest_calls_safe(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [ALL, ENV, LINES, *GIT])
    assert cli("lint", "--fix", cwd=root).code == 0
    assert (root / ".dockerignore").read_bytes() == b"z\n**/.git\n**/.env\n"


NODE = file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci\n")
WRITTEN: dict[str, tuple[list[str | Node], bytes, str]] = {
    "a name for the top": (
        [ALL, "app/a.py", file("app/__pycache__/a.cpython-312.pyc", size_bytes=MB)],
        b"# Python\n__pycache__\n*.pyc\n",
        "# Python\n**/__pycache__\n*.pyc\n",
    ),
    "a path": (
        [
            *(NODE, "package.json", "package-lock.json"),
            *("web/package.json", "web/package-lock.json", "docs/a.md"),
            file("node_modules/a/b.js", size_bytes=3 * MB),
        ],
        b"./web/node_modules/\r\nlogs\r\n\r\n# more\r\napi/node_modules\r\n",
        "**/node_modules\r\nlogs\r\n\r\n# more\r\n",
    ),
    "an exception behind it": (
        [ALL, "app/a.py", file("app/__pycache__/a.cpython-312.pyc", size_bytes=MB)],
        b"__pycache__\n!a\n",
        "__pycache__\n!a\n\n# >>> ctxsize",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_pattern_is_written_in_place_of_lines_that_it_covers(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    tree, before, after = WRITTEN[name]
    root = build_tree(tmp_path / "ctx", [*tree, file(".dockerignore", before)])
    assert cli("suggest", "--write", cwd=root).code == 0
    assert (root / ".dockerignore").read_bytes().decode().startswith(after)
    assert cli("lint", "--select", "CTX101,CTX112", cwd=root).code == 0
    assert "Nothing safe to add" in cli("suggest", cwd=root).out


def test_a_name_of_one_tool_is_proved_everywhere_by_one(cli: Cli, tmp_path: Path) -> None:
    nodes = [ALL, ".idea/workspace.xml", file("c/.idea/x.bin", size_bytes=2 * MB)]
    root = build_tree(tmp_path / "ctx", nodes)
    subprocess.run(["git", "init", "-q", root], check=True)
    assert "**/.idea" in cli("suggest", "--write", cwd=root).out
    assert cli("lint", cwd=root).code == 0


def test_without_an_ignore_file_a_finding_names_a_build_that_sends(
    cli: Cli, tmp_path: Path
) -> None:
    nodes = [
        file(
            "compose.yaml", b"services: {a: {build: {dockerfile: a.Dockerfile}}, b: {build: .}}\n"
        ),
        file("Dockerfile", b"FROM node\nCOPY b /\n"),
        file("a.Dockerfile", b"FROM node\nCOPY a /\nRUN npm ci\n"),
        *("b/x", "a/package.json", "a/package-lock.json"),
        file("a/node_modules/x.js", size_bytes=MB),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    result = cli("lint", "--select", "CTX135", cwd=root, columns=100)
    assert "a.Dockerfile warning CTX135 the build sends a/node_modules/" in result.out


def test_without_an_ignore_file_lint_finds_what_it_finds_with_an_empty_one(
    cli: Cli, tmp_path: Path
) -> None:
    nodes = [NODE, "package.json", "package-lock.json", ENV]
    root = build_tree(tmp_path / "ctx", nodes)
    for arguments in (["lint"], ["lint", "-f", "Dockerfile"]):
        done = cli(*arguments, cwd=root, columns=100)
        assert done.code == 1
        assert without_reasons(done.lines) == (
            "no ignore file here Dockerfile warning CTX110 the build sends .env, which may contain "
            "secrets: 24 B in 1 file help: create .dockerignore with `**/.env` Dockerfile info "
            "CTX135 no line ignores `**/node_modules`: nothing yet; npm ci makes it here, and a "
            "build would send it help: create .dockerignore with `**/node_modules` 2 findings: "
            "1 warning, 1 info"
        )
    (root / ".dockerignore").write_bytes(b"")
    codes = [line.split()[2] for line in cli("lint", "-q", cwd=root).lines]
    assert codes == ["CTX110", "CTX135"]
    (root / ".dockerignore").write_bytes(b"**/.env\n**/node_modules\n")
    assert cli("lint", cwd=root).code == 0


def test_no_question_about_the_program_itself(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        *(CARGO, "Cargo.toml", "crates/a/Cargo.toml", "crates/a/src/lib.rs"),
        *(file(f"crates/{number}/cases/a.snap", size_bytes=MB) for number in range(12)),
        *(file(f"assets/{number}.snap", size_bytes=MB) for number in range(12)),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    out = " ".join(cli("suggest", cwd=root, columns=100).out.split())
    assert "does the build need it? size files path in git 12.0 MB 12 assets git tracks it" in out
    assert "12.0 MB 12 crates" not in out
