"""A rollout over fresh clones: what developers will have is kept out before it is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import build_tree, file

DOCKERFILE = b"""\
FROM node:22
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = build_tree(
        tmp_path / "shop",
        [
            file("Dockerfile", DOCKERFILE),
            file(".gitignore", b"node_modules\ndist\n"),
            file("package.json", b'{"scripts": {"build": "vite build"}}\n'),
            file("package-lock.json", b'{"lockfileVersion": 3}\n'),
            file("src/index.js", size_bytes=1_000),
        ],
    )
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


def install(root: Path) -> None:
    """Leave what `npm install` and a build do."""
    build_tree(
        root,
        [
            file("node_modules/.package-lock.json", b'{"lockfileVersion": 3}'),
            file("node_modules/vite/index.js", size_bytes=30_000_000),
            file("dist/index.js", size_bytes=1_000_000),
        ],
    )


def test_a_fresh_clone_is_told_what_will_be_there(cli: Cli, clone: Path) -> None:
    lines = cli("suggest", cwd=clone).lines
    assert lines[0].startswith("Can be ignored with 4 patterns: ")
    assert lines[lines.index("Prevention") :] == [
        "Prevention",
        "  pattern          reason",
        "  **/node_modules  nothing yet; npm ci makes it here",
        "  **/dist          nothing yet; npm run build makes it here",
    ]


def test_what_is_made_later_is_not_sent_and_the_check_passes(cli: Cli, clone: Path) -> None:
    first = cli("init", cwd=clone)
    assert first.lines[0].endswith(", 2 for what is not there yet")
    install(clone)
    context = json.loads(cli("measure", "--json", cwd=clone).out)["context"]
    assert context["content_bytes"] < 10_000
    assert cli("check", cwd=clone).code == 0
    again = cli("suggest", cwd=clone)
    assert again.lines[0] == "Nothing safe to add"
    assert "Prevention" not in again.out


def test_a_second_run_is_silent(cli: Cli, clone: Path) -> None:
    cli("suggest", "--write", cwd=clone)
    before = (clone / ".dockerignore").read_bytes()
    assert cli("suggest", "-q", cwd=clone).out == ""
    cli("suggest", "--write", cwd=clone)
    assert (clone / ".dockerignore").read_bytes() == before


def test_prevention_alone_fails_no_check(cli: Cli, clone: Path) -> None:
    (clone / ".dockerignore").write_text("**/.git\nDockerfile\n.dockerignore\n")
    result = cli("suggest", "--check", cwd=clone)
    assert (result.code, result.lines[0]) == (
        0,
        "Nothing to ignore yet; 2 patterns for what will be there",
    )
    (clone / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    assert cli("suggest", "--check", cwd=clone).code == 1


def test_json_names_the_command(cli: Cli, clone: Path) -> None:
    suggestions = json.loads(cli("suggest", "--json", cwd=clone).out)["suggestions"]
    assert {each["rule"]: each["prevents"] for each in suggestions} == {
        "vcs.git": None,
        "docker.dockerfile": None,
        "docker.ignorefile": None,
        "node.modules": "npm ci",
        "node.dist": "npm run build",
    }


def test_the_ignore_file_says_what_makes_it(cli: Cli, clone: Path) -> None:
    cli("suggest", "--write", "--only", "node.modules", cwd=clone)
    text = (clone / ".dockerignore").read_text()
    assert "# Installed packages, made by npm ci\n**/node_modules\n" in text
    assert "dist" not in text


def test_verbose_says_where_the_lock_file_is(cli: Cli, clone: Path) -> None:
    text = " ".join(cli("suggest", "-v", cwd=clone).out.split())
    assert "Evidence: node_modules: package-lock.json beside it, and npm ci makes it" in text
