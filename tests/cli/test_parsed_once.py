"""Each Dockerfile is parsed once for a command, and once more where advice is given on it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import ctxsize.dockerfile
from ctxsize.advice import recipe
from ctxsize.dockerfile import parse
from tests.cli.conftest import Cli
from tests.oracles.trees import build_tree, file

DOCKERFILE = (
    b"FROM node:22 AS build\nCOPY package.json src /app/\nRUN npm ci\nFROM build\nCOPY a /\n"
)
FAULTY = b"FROM node:22\nCOPPY a /\n"
PARSED = {
    "measure .": 1,
    "measure --compare .": 1,
    "measure --build-context o=other --platform linux/amd64,linux/arm64 .": 1,
    "ls --transfer .": 1,
    "explain --trace package.json": 1,
    "explain --source src": 1,
    "suggest .": 1,
    "suggest --write .": 1,
    "suggest --allowlist .": 1,
    "suggest --tidy .": 1,
    "suggest --from-gitignore .": 1,
    "suggest --like other/.dockerignore .": 1,
    "lint .": 1,
    "lint .dockerignore other/.dockerignore": 1,
    "lint --fix .": 1,
    "lint -C . -f Dockerfile": 1,
    "check --max 1B .": 1,
    "check --baseline b.json --update-baseline .": 1,
    "check --max 1B --all .": 2,
    "advise .": 2,
    "scan .": 2,
}
"""How often a command parses a Dockerfile at most."""


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each text is parsed."""
    found = Counter[bytes]()

    def counted(data: str | bytes) -> ctxsize.dockerfile.Dockerfile:
        found[data.encode() if isinstance(data, str) else data] += 1
        return parse.parse_dockerfile(data)

    for module in (ctxsize.dockerfile, recipe):
        monkeypatch.setattr(module, "parse_dockerfile", counted)
    return found


@pytest.mark.parametrize("command", PARSED)
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
    assert max(parsed.values()) <= PARSED[command]


@pytest.mark.parametrize("command", PARSED)
def test_a_faulty_dockerfile_is_parsed_once(
    command: str, tmp_path: Path, cli: Cli, parsed: Counter[bytes]
) -> None:
    nodes = [file("Dockerfile", FAULTY), file(".dockerignore", b"*.log\n")]
    root = build_tree(tmp_path / "ctx", [*nodes, "other/.dockerignore", "a", "b.log"])
    cli(*command.split(), cwd=root)
    assert parsed[FAULTY] <= PARSED[command]
