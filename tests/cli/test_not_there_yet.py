"""A source that git ignores, and that a command makes before the build: no build fails for it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, file, link

DOCKERFILE = file("Dockerfile", b"FROM node\nCOPY dist ./dist\n")
COMMANDS = [
    (),
    ("measure",),
    ("suggest",),
    ("suggest", "--all"),
    ("lint",),
    ("scan",),
    ("check", "--max", "1MB"),
    ("check", "--all", "--max", "1MB"),
    ("init",),
]
"""Each exits with 0 for a build that does not fail."""
MADE: dict[str, tuple[Node, str]] = {
    "a script of a package": (
        file("package.json", b'{"scripts": {\n"image": "tsc && docker build ."}}\n'),
        "package.json:2 runs `tsc`",
    ),
    "several commands": (
        file(
            "package.json",
            b'{"scripts": {"i": "yarn && yarn build && docker buildx build ."}}\n',
        ),
        "package.json:1 runs `yarn build`",
    ),
    "a prerequisite": (
        file("Makefile", b"image: web\n\t@docker build -t a .\nweb:\n\tnpm run build --x=y\n"),
        "Makefile:2 runs `npm run build`",
    ),
    "a build with options behind its context": (
        file("package.json", b'{"scripts": {"i": "tsc && docker build -t a . --push -t dist"}}'),
        "package.json:1 runs `tsc`",
    ),
    "a script that runs others": (
        file("package.json", b'{"scripts": {"i": "npm run build-all && docker build --push ."}}'),
        "package.json:1 runs `npm run build-all`",
    ),
    "an earlier line": (
        file("Makefile", b"image:\n\tnpm run build\n\tdocker build .\n"),
        "Makefile:3 runs `npm run build`",
    ),
}


def repository(tmp_path: Path, *nodes: str | Node, ignored: bytes = b"dist/\n") -> Path:
    root = build_tree(tmp_path, [DOCKERFILE, file(".gitignore", ignored), *nodes])
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def failures(cli: Cli, root: Path) -> list[str]:
    report = json.loads(cli("measure", "--json", cwd=root).out)
    return [problem["message"] for problem in report["failures"]]


@pytest.mark.parametrize("name", MADE)
def test_what_a_command_makes_before_the_build_is_a_note(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    maker, words = MADE[name]
    root = repository(tmp_path, maker)
    for command in COMMANDS:
        done = cli(*command, cwd=root)
        assert done.code == 0, (command, done.out, done.err)
        assert "the build fails" not in done.out + done.err
    screen = " ".join(cli(cwd=root).out.split())
    assert f"Dockerfile:2: dist is not there yet; git ignores it, and {words} before the" in screen
    assert failures(cli, root) == []


FAILS: dict[str, tuple[list[str | Node], bytes]] = {
    "only words are printed before it": (
        [file("Makefile", b"image: in\n\t@echo x\n\tdocker build .\nin:\n\tdocker login -p x\n")],
        b"dist/\n",
    ),
    "packages are installed before it": (
        [file("package.json", b'{"scripts": {"i": "npm ci && docker build ."}}\n')],
        b"dist/\n",
    ),
    "another context is built": (
        [file("package.json", b'{"scripts": {"i": "tsc && docker build web"}}\n'), "web/a"],
        b"dist/\n",
    ),
    "an image has the name of the context": (
        [file("package.json", b'{"scripts": {"i": "tsc && docker build web -t ."}}'), "web/a"],
        b"dist/\n",
    ),
    "a comment": ([file("Makefile", b"image: x\n\ttsc\n# docker build .\n")], b"dist/\n"),
    "nothing runs before it": ([file("Makefile", b"image:\n\tdocker build .\n")], b"dist/\n"),
    "another target runs before it": (
        [file("Makefile", b"a:\n\tnpm run build\nimage:\n\tdocker build .\n")],
        b"dist/\n",
    ),
    "git does not ignore it": ([MADE["a prerequisite"][0]], b"out/\n"),
    "no command builds": ([file("package.json", b'{"scripts": {"b": "tsc && x"}}\n')], b"dist\n"),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_nothing_makes_fails_the_build(name: str, cli: Cli, tmp_path: Path) -> None:
    nodes, ignored = FAILS[name]
    root = repository(tmp_path, *nodes, ignored=ignored)
    assert failures(cli, root) == [
        "the build fails: COPY dist: not found, as it is not in the context"
    ]
    assert cli("check", "--max", "1MB", cwd=root).code == 1


def test_what_an_ignore_file_hides_fails_the_build(cli: Cli, tmp_path: Path) -> None:
    maker = MADE["a prerequisite"][0]
    root = repository(tmp_path, maker, "dist/a", file(".dockerignore", b"dist\n"))
    assert len(failures(cli, root)) == 1


def test_nothing_outside_is_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("image:\n\ttsc\n\tdocker build .\n")
    root = repository(tmp_path / "r", link("Makefile", "../outside"))
    assert len(failures(cli, root)) == 1


def test_values_of_options_are_not_printed(cli: Cli, tmp_path: Path) -> None:
    line = b'{"scripts": {"i": "fetch-it dist --token=hunter2 -p hunter3 && docker build ."}}\n'
    root = repository(tmp_path, file("package.json", line))
    done = cli("measure", cwd=root)
    assert "runs `fetch-it dist` before the build" in " ".join(done.out.split())
    assert "hunter" not in done.out + done.err


def test_all_in_the_directory_is_ignored_by_git(cli: Cli, tmp_path: Path) -> None:
    root = repository(tmp_path, MADE["a script of a package"][0], ignored=b"dist/*\n")
    assert failures(cli, root) == []
