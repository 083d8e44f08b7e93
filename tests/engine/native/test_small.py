"""The core takes no more memory than a tree needs: pages are counted."""

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


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers touch pages of their own")
def test_a_trial_keeps_nothing_of_directories_that_it_left(tmp_path: Path) -> None:
    """With so many patterns, what may match in a directory takes a kilobyte."""
    core()
    ignore_file = file(".dockerignore", "".join(f"**/x{at}\n" for at in range(4000)).encode())
    directories = [f"d{at // 50}/e{at % 50}/" for at in range(3000)]
    snapshot = Snapshot.take(resolve(str(build_tree(tmp_path, [*directories, ignore_file]))))
    snapshot.judged(snapshot.plan.spec)
    before = pages_touched()
    snapshot.judged(snapshot.plan.spec)
    touched = pages_touched() - before
    kept = 3000 * 1024 // resource.getpagesize()
    assert touched < kept
