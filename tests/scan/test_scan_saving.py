"""The saving that `scan` shows of a build is what `suggest` predicts for its ignore file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli
from tests.trees import COPY_ALL, build_tree, file

__all__ = ["cli"]
S = b"FROM scratch\n"
NODES = [
    file("a.Dockerfile", S + b"COPY src /\n"),
    file("b.Dockerfile", COPY_ALL),
    file("src/.vscode/settings.json", size_bytes=700),
    file("src/main.c", size_bytes=300),
    file(".idea/workspace.xml", size_bytes=5_000),
    "main.py",
]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_builds_that_share_an_ignore_file(cli: Cli, tmp_path: Path, order: tuple[str, str]) -> None:
    services = [
        f"  {name}: {{build: {{context: ., dockerfile: {name}.Dockerfile}}}}" for name in order
    ]
    compose = "\n".join(["services:", *services, ""]).encode()
    root = build_tree(tmp_path / "ctx", [*NODES, file("compose.yaml", compose)])
    rows = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    savings = {row["dockerfile"]: row["saving"]["content_bytes"] for row in rows}
    patterns = []
    for name in ("a.Dockerfile", "b.Dockerfile"):
        advice = json.loads(cli("suggest", "-f", name, "--json", cwd=root).out)
        saved = advice["before"]["transfer"]["content_bytes"]
        saved -= advice["after"]["transfer"]["content_bytes"]
        assert savings[name] == saved, name
        patterns.append({line for each in advice["suggestions"] for line in each["patterns"]})
    assert patterns[0] == patterns[1]
    assert {"**/.vscode", "**/.idea", "a.Dockerfile", "b.Dockerfile"} <= patterns[0]
