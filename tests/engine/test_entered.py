"""Docker opens a directory, maybe for nothing, exactly where `is_entered` says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.engine.narrow import is_entered
from ctxsize.engine.transfer_requests import includes_of
from tests.oracles.engines import Docker
from tests.resolving import resolve
from tests.trees import COPY_ALL, build_tree, directory, file

S = b"FROM scratch\n"
# A Dockerfile, an ignore file, and whether Docker stops at `d/e`, which it may not read.
CASES = {
    "sent": (COPY_ALL, b"*.log\n", True),
    "ignored": (COPY_ALL, b"d/e\n", False),
    "ignored, and the one above": (COPY_ALL, b"d\n", False),
    "all in it ignored": (COPY_ALL, b"d/e/*\n", True),
    "ignored, an exception elsewhere": (COPY_ALL, b"!c/x\nd/e\n", False),
    "ignored, an exception beside it": (COPY_ALL, b"!d/x\nd/e\n", False),
    "ignored, an exception inside": (COPY_ALL, b"!d/e/x\nd/e\n", True),
    "ignored, an earlier wildcard": (COPY_ALL, b"!**/x\nd/e\n", True),
    "ignored with all, an earlier wildcard": (COPY_ALL, b"!c/*.md\nd\n", True),
    "not taken": (S + b"COPY c /\n", b"*.log\n", False),
    "not taken, by a wildcard": (S + b"COPY c* /\n", b"*.log\n", True),
    "not taken, ignored": (S + b"COPY c* /\n", b"d/e\n", False),
    "its sibling taken": (S + b"COPY d/x /\n", b"*.log\n", False),
    "the one above taken": (S + b"COPY d /\n", b"*.log\n", True),
}


@pytest.mark.parametrize("name", CASES)
def test_docker_stops_at_what_it_opens(name: str, docker: Docker, tmp_path: Path) -> None:
    dockerfile, ignore_file, stops = CASES[name]
    nodes = [file("Dockerfile", dockerfile), file(".dockerignore", ignore_file)]
    root = build_tree(tmp_path / "ctx", [*nodes, directory("d/e", mode=0), "d/x", "c/x"])
    plan = resolve(str(root))
    assert stops == any(is_entered(plan.spec, "d/e", include) for include in includes_of(plan))
    error = docker.build_buildkit(root, unprivileged=True).error or ""
    assert ("permission denied" in error) is stops, error
