"""The story from end to end, as it is typed: scan, suggest, advise, clean, and scan again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ctxsize.cli.app import run
from tests.oracles.trees import build_tree, file
from tests.scan.story import GB, story

SERVICES = ("rask-log-aggregator", "rask-log-forwarder", "recap-worker")


def scanned(capfd: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The builds of `ctxsize scan`, by their contexts, in its order."""
    capfd.readouterr()
    run(["scan", "--format", "json", "--exit-zero"])
    builds = json.loads(capfd.readouterr().out)["builds"]
    return {each["context"]: each for each in builds}


def advised(capfd: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """The codes that `ctxsize advise` finds."""
    capfd.readouterr()
    run(["advise", "--format", "json", "--exit-zero", *options])
    return [each["code"] for each in json.loads(capfd.readouterr().out)["findings"]]


def test_three_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = [*story(), file("Cargo.lock", b"version = 4\n")]
    root = build_tree(tmp_path / "repository", nodes)
    monkeypatch.chdir(root)

    builds = scanned(capfd)
    assert next(iter(builds)) == "rask-log-aggregator"
    assert builds["rask-log-aggregator"]["ignore_file"] is None
    assert builds["rask-log-aggregator"]["transfer"]["content_bytes"] > 19 * GB

    like = ["--like", "recap-worker/.dockerignore", "--write", "rask-log-aggregator"]
    assert run(["suggest", *like]) == 0
    builds = scanned(capfd)
    assert builds["rask-log-aggregator"]["ignore_file"] == "rask-log-aggregator/.dockerignore"
    assert builds["rask-log-aggregator"]["transfer"]["content_bytes"] < 100_000
    assert run(["scan"]) == 0

    before = advised(capfd)
    assert {"CTX210", "CTX220"} <= set(before)
    run(["advise", "--fix"])
    assert "CTX220" not in advised(capfd)
    run(["advise", "--unsafe-fixes", "--select", "CTX210"])
    assert not {"CTX210", "CTX211", "CTX212", "CTX220"} & set(advised(capfd))
    ids = "".join(
        path.read_text() for path in root.glob("*/Dockerfile*") if path.suffix != ".dockerignore"
    )
    for name in ("aggregator-bookworm", "recap-worker-bookworm-$TARGETARCH"):
        assert f"id={name}-target" in ids

    assert run(["clean", "--ecosystem", "rust", "--recent", "0"]) == 0
    assert all((root / service / "target").is_dir() for service in SERVICES)
    assert run(["clean", "--ecosystem", "rust", "--recent", "0", "--yes"]) == 0
    assert not any((root / service / "target").exists() for service in SERVICES)
    assert all((root / service / "Cargo.lock").is_file() for service in SERVICES)
