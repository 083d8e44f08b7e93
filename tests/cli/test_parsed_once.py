"""Each Dockerfile is parsed once for a command, and once more where builds are discovered."""

from __future__ import annotations

from pathlib import Path

import pytest

import ctxsize.dockerfile
from ctxsize.advice import recipe
from ctxsize.dockerfile import parse
from ctxsize.projects import dockerfiles
from tests.cli.conftest import Cli
from tests.oracles.trees import build_tree, file

DOCKERFILE = (
    b"FROM node:22 AS build\nCOPY package.json src /app/\nRUN npm ci\nFROM build\nCOPY a /\n"
)
PARSED = {
    "measure .": 1,
    "ls --transfer .": 1,
    "explain --trace package.json": 1,
    "explain --source src": 1,
    "suggest .": 2,
    "suggest --allowlist .": 2,
    "advise .": 2,
}


@pytest.mark.parametrize("command", PARSED)
def test_a_dockerfile_is_parsed_once(
    command: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [file("Dockerfile", DOCKERFILE), file(".dockerignore", b"*.log\n")]
    root = build_tree(tmp_path / "ctx", [*nodes, "package.json", "src/a.js", "a", "b.log"])
    parsed = []

    def counted(data: str | bytes) -> ctxsize.dockerfile.Dockerfile:
        parsed.append(data)
        return parse.parse_dockerfile(data)

    for module in (ctxsize.dockerfile, dockerfiles, recipe):
        monkeypatch.setattr(module, "parse_dockerfile", counted)
    assert cli(*command.split(), cwd=root).code in (0, 1)
    assert 0 < len(parsed) <= PARSED[command]
