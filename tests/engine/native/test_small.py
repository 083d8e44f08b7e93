"""A small tree costs the core little, however large its tables may become: pages are counted."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from ctxsize.engine.snapshot import Snapshot
from tests.engine.native.both import core
from tests.resolving import resolve
from tests.trees import build_tree, file

ROUNDS = 10
MOST_PAGES = 150


def pages_touched() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers touch pages of their own")
def test_small_trees_touch_few_pages(tmp_path: Path) -> None:
    """Memory of the allocator would be cleared, all of it, from the second walk on."""
    core()
    ignore_file = file(".dockerignore", b"*.log\n**/*[0-9].tmp\n!a/keep.log\n")
    plan = resolve(str(build_tree(tmp_path, ["a/b", "a/keep.log", "c", ignore_file])))
    Snapshot.take(plan).sent()
    before = pages_touched()
    for _ in range(ROUNDS):
        assert Snapshot.take(plan).sent().files == 4
    assert (pages_touched() - before) / ROUNDS < MOST_PAGES
