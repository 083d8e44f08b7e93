"""Each Dockerfile is parsed once for a command."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ctxsize.dockerfile import parse
from ctxsize.dockerfile.instructions import Dockerfile
from tests.cli.conftest import Cli
from tests.trees import build_tree, file

DOCKERFILE = (
    b"FROM node:22 AS build\nCOPY package.json src /app/\nRUN npm ci\nFROM build\nCOPY a /\n"
)
FAULTY = b"FROM node:22\nCOPPY a /\n"
COMMANDS = (
    "measure .",
    "measure --build-context o=other --platform linux/amd64,linux/arm64 .",
    "ls --transfer .",
    "explain --trace package.json",
    "explain --source src",
    "suggest .",
    "suggest --write .",
    "suggest --allowlist .",
    "suggest --from-gitignore .",
    "suggest --like other/.dockerignore .",
    "lint .",
    "lint .dockerignore other/.dockerignore",
    "lint --fix .",
    "lint -C . -f Dockerfile",
    "check --max 1B .",
    "check --baseline b.json --update-baseline .",
    "check --max 1B --all .",
    "advise .",
    "advise --unsafe-fixes .",
    "scan .",
)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each text is parsed."""
    found = Counter[bytes]()

    parse_dockerfile = parse.parse_dockerfile

    def counted(data: str | bytes) -> Dockerfile:
        found[data.encode() if isinstance(data, str) else data] += 1
        return parse_dockerfile(data)

    monkeypatch.setattr(parse, "parse_dockerfile", counted)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dockerfile_is_parsed_once(
    command: str, tmp_path: Path, cli: Cli, parsed: Counter[bytes]
) -> None:
    nodes = [
        file("Dockerfile", DOCKERFILE),
        file(".dockerignore", b"*.log\n*.log\n"),
        file("other/Dockerfile", b"# another\n" + DOCKERFILE),
        file("other/.dockerignore", b"*.log\n"),
        file("dev.Dockerfile", b"# a third\n" + DOCKERFILE),
    ]
    more = ["package.json", "src/a.js", "a", "b.log", "node_modules/x/index.js", ".git/config"]
    root = build_tree(tmp_path / "ctx", [*nodes, *more])
    assert cli(*command.split(), cwd=root).code in (0, 1)
    assert DOCKERFILE in parsed
    # Builds that are found travel through the public functions as values.
    assert max(parsed.values()) == (2 if "--all" in command.split() else 1)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_faulty_dockerfile_is_parsed_once(
    command: str, tmp_path: Path, cli: Cli, parsed: Counter[bytes]
) -> None:
    nodes = [file("Dockerfile", FAULTY), file(".dockerignore", b"*.log\n")]
    root = build_tree(tmp_path / "ctx", [*nodes, "other/.dockerignore", "a", "b.log"])
    cli(*command.split(), cwd=root)
    assert parsed[FAULTY] <= (2 if "--all" in command.split() else 1)


def test_a_missing_ignore_file_is_found_without_another_parse(
    tmp_path: Path, cli: Cli, parsed: Counter[bytes]
) -> None:
    data = b"FROM node:22\nCOPY . .\n"
    settings = file(".idea/workspace.xml", bytes(20_000))
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", data), settings])
    assert "CTX201" in cli("advise", ".", cwd=root).out
    assert parsed == {data: 1}
