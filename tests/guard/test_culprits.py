"""Who is to blame: the largest parts, as deep as one part is nearly all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.guard import culprits
from ctxsize.guard.baseline import DEPTH, TOP, of_measurement
from tests.trees import Node, build_tree, file

pytestmark = pytest.mark.usefixtures("each_walk")

CASES: dict[str, tuple[list[str | Node], list[tuple[str, int]], list[tuple[str, int]]]] = {
    # files, culprits by bytes, culprits by files
    "one file far down": (
        [file("a/b/c/big", size_bytes=9_000), file("a/small", size_bytes=9)],
        [("a/b/c/big", 9_000)],
        [("a/", 9_009)],
    ),
    "two halves": (
        [file("t/debug/x", size_bytes=900), file("t/release/x", size_bytes=600)],
        [("t/", 1_500)],
        [("t/", 1_500)],
    ),
    "a file at the top": (
        [file("dump", size_bytes=70), file("src/a", size_bytes=30)],
        [("dump", 70), ("src/a", 30)],
        [("dump", 70), ("src/", 30)],
    ),
    "many small ones": (
        [*(f"m/n/{at}" for at in range(40)), file("big", size_bytes=90_000)],
        [("big", 90_000), ("m/n/", 270)],
        [("m/n/", 270), ("big", 90_000)],
    ),
    "nothing": ([], [], []),
}


@pytest.mark.parametrize("name", CASES)
def test_culprits_are_the_largest_parts_as_deep_as_one_holds_nearly_all(
    name: str, tmp_path: Path
) -> None:
    nodes, by_bytes, by_files = CASES[name]
    context = api.measure(str(build_tree(tmp_path / "ctx", nodes)), top=TOP, depth=DEPTH).context
    known = of_measurement(context)
    assert [(each.name, each.content_bytes) for each in culprits(known)] == by_bytes
    found = [(each.name, each.content_bytes) for each in culprits(known, by_files=True)]
    assert found == by_files
