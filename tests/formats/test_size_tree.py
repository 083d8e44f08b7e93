"""The size tree in text: what a narrow terminal cuts, and which directories are left out."""

from __future__ import annotations

import pytest

from ctxsize.formats import Look
from ctxsize.formats.sections import SizeTree
from ctxsize.formats.text import size_tree
from ctxsize.formats.wording import columns
from ctxsize.model import Directory

LONG = "日本-" + "x" * 80 + "-end"
DEEP = Directory(f"a/b/{LONG}", 20_000_000_000, 40_000)
TREE = Directory(
    "",
    20_000_000_002,
    41_000,
    (
        Directory("a", DEEP.content_bytes, 40_500, (Directory("a/b", 20_000_000_000, 1, (DEEP,)),)),
        Directory("c", 2, 1, (Directory("c/d", 2, 1),)),
    ),
)


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
def test_a_long_name_loses_its_middle_and_then_there_is_no_room_for_bars(width: int) -> None:
    lines = [*size_tree(SizeTree(TREE, 9), Look(width=width))]
    assert max(map(columns, lines)) <= width
    starts = (".", "├─ a", "│  └─ b", "│  ", "└─ c", "   └─ d")
    assert all(line[19:].startswith(each) for line, each in zip(lines[1:], starts, strict=True))
    assert "…" in lines[4]
    assert "-end " in lines[4]
    assert "█" not in lines[1]


@pytest.mark.parametrize(
    ("limit", "last"), [(1, "."), (2, "a"), (3, "b"), (4, "日…"), (5, "c"), (6, "d")]
)
def test_the_largest_are_shown_and_a_parent_before_a_child_of_its_size(
    limit: int, last: str
) -> None:
    lines = [*size_tree(SizeTree(TREE, limit), Look(width=60))]
    assert len(lines) == 1 + limit
    assert lines[-1][19:].lstrip("│ └─").startswith(last)
    assert ("█" in lines[1]) is (limit < 4)
