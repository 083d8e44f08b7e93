"""What `check` offers where a context is too large: how much of the excess it saves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, build_tree, file

SETTINGS = 20_000 - len(COPY_ALL)
"""Number of bytes of the Dockerfile and of settings, which is all that can be ignored for sure."""
LIMITS = {
    "little of the bytes": (["--max", "1MB"], "saves 20.0 kB of the 5.0 MB over the budget"),
    "some of the files": (["--max-files", "1"], "saves 2 of the 3 files over the budget"),
    "enough bytes": (["--max", "6019999B"], "saves 20.0 kB, which is enough"),
    "enough files": (["--max-files", "2"], "saves 20.0 kB, which is enough"),
    "enough files, too few bytes": (
        ["--max", "1MB", "--max-files", "2"],
        "saves 20.0 kB of the 5.0 MB over the budget",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_annotations_and_sarif_say_how_much_it_saves(cli: Cli, tmp_path: Path, name: str) -> None:
    options, offer = LIMITS[name]
    nodes = [
        file("Dockerfile", COPY_ALL),
        file(".idea/workspace.xml", size_bytes=SETTINGS),
        "empty",
        file("data.bin", size_bytes=6_000_000),
    ]
    root = build_tree(tmp_path, nodes)
    result = cli("check", *options, "--format", "github", cwd=root)
    assert result.code == 1
    annotations = [line for line in result.out.splitlines() if line.startswith("::error")]
    assert all(line.endswith(f"%0Ahelp: ctxsize suggest --write {offer}") for line in annotations)
    log = json.loads(cli("check", *options, "--format", "sarif", cwd=root).out)
    results = log["runs"][0]["results"]
    assert len(results) == len(annotations) == len(options) // 2
    for each in results:
        assert f"ctxsize suggest --write {offer}" in each["message"]["text"]
