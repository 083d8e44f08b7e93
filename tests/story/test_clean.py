"""The three services go through `ctxsize clean` with the figures of the decision record."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clean.snapshots import snapshot, without
from tests.cli.conftest import Cli
from tests.story.repository import AGGREGATOR, GB, SERVICES, build


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return build(tmp_path / "services")


def test_clean_frees_all_three_and_takes_nothing_else(repository: Path, cli: Cli) -> None:
    assert (AGGREGATOR.files, AGGREGATOR.content_bytes) == (41_396, 202 * GB // 10)
    before = snapshot(repository)
    command = ("clean", "--ecosystem", "rust")

    dry = cli(*command, "--format", "json", cwd=repository)
    assert (dry.code, snapshot(repository)) == (0, before)
    found = json.loads(dry.out)
    assert [(each["service"], each["files"], each["content_bytes"]) for each in found["items"]] == [
        (service.name, service.files, service.content_bytes) for service in SERVICES
    ]
    parts = {each["name"]: each["content_bytes"] for each in found["items"][0]["parts"]}
    assert (parts["debug/deps"], parts["debug/incremental"]) == (13 * GB, 43 * GB // 10)
    of_release = (size for name, size in parts.items() if name.startswith("release"))
    assert sum(of_release) == 18 * GB // 10

    text = cli(*command, cwd=repository)
    assert "41,396  " in text.out
    assert re.search(r"20\.2 GB +41,396  [\w-]+/target\n", text.out)
    assert "debug/deps 13.0 GB, debug/incremental 4.3 GB, " in " ".join(text.out.split())

    done = cli(*command, "--yes", "--format", "json", cwd=repository)
    assert done.code == 0
    results = json.loads(done.out)["results"]
    assert [each["files"] for each in results] == [service.files for service in SERVICES]
    assert snapshot(repository) == without(before, [f"{each.name}/target" for each in SERVICES])

    scanned = json.loads(cli("scan", "--format", "json", cwd=repository).out)
    assert max(each["context_size"]["content_bytes"] for each in scanned["builds"]) < 20_000


def test_crates_are_as_many_as_the_record_says(tmp_path: Path) -> None:
    root = build(tmp_path / "services", targets=False)
    for service in SERVICES:
        lock = (root / service.name / "Cargo.lock").read_text()
        assert lock.count("source = ") == service.crates
    assert [each.crates for each in SERVICES] == [13, 24, 44]
    assert sorted(path.parent.name for path in root.rglob(".dockerignore")) == ["recap-worker"]
