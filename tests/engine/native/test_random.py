"""Random contexts: the core and the Python walk give the same report."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.cli.conftest import unprivileged
from tests.engine.native.both import check
from tests.engine.native.strategies import contexts
from tests.oracles.availability import require
from tests.trees import Node, build_tree, file, remove_tree

NOBODY = 65534


@contextmanager
def built(nodes: list[Node], ignorefile: bytes) -> Iterator[Path]:
    """Yield the context on disk, where another user reaches it."""
    base = Path(tempfile.mkdtemp(prefix="ctxsize-"))
    try:
        base.chmod(0o755)
        described = [*nodes, file("Dockerfile"), file(".dockerignore", ignorefile)]
        yield build_tree(base / "ctx", described)
    finally:
        remove_tree(base)


@pytest.mark.fuzz
@given(context=contexts(), top=st.sampled_from([10, 1, 12]))
def test_root_gets_the_same_report(context: tuple[list[Node], bytes], top: int) -> None:
    require("root")
    with built(*context) as root:
        for spy in check(root, top=top):
            event(f"asks: {spy.asks > 0}")
            event(f"hands back: {spy.handed_back > 0}")


@pytest.mark.fuzz
@given(context=contexts(), owned=st.sets(st.integers(0, 13)))
def test_another_user_gets_the_same_report(
    context: tuple[list[Node], bytes], owned: set[int]
) -> None:
    require("root")
    nodes, ignorefile = context
    with built(nodes, ignorefile) as root:
        for number in owned & {*range(len(nodes))}:
            os.lchown(root / nodes[number].path, NOBODY, NOBODY)
        with unprivileged():
            check(root)
