"""The size tree in text: what a narrow terminal cuts, and which directories are left out."""

from __future__ import annotations

import pytest

from ctxsize.formats import Look
from ctxsize.formats.charts import tree
from ctxsize.formats.sections import Section
from ctxsize.formats.text import render
from ctxsize.model import Directory
from ctxsize.units import columns

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


def lines(limit: int, width: int) -> list[str]:
    table = tree(TREE, limit, width)
    return render([Section([table])], Look(width=width)).splitlines()


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
def test_a_long_name_loses_its_middle_and_bars_need_room(width: int) -> None:
    """Guides stay whole, and a directory that has nothing but another one shares its row."""
    shown = lines(9, width)
    assert max(map(columns, shown)) <= width
    for line, end in zip(shown[1:], (" .", "├─ a", "│  └─ b", "", "└─ c/d"), strict=True):
        assert line.endswith(end)
    assert "│" in shown[4]
    assert "…" in shown[4]
    assert ("█" in shown[1]) is (width > 60)


@pytest.mark.parametrize(
    ("limit", "last"), [(1, " ."), (2, "a"), (3, "b"), (4, "-end"), (5, "c/d")]
)
def test_the_largest_are_shown_and_a_parent_before_a_child_of_its_size(
    limit: int, last: str
) -> None:
    shown = lines(limit, 80)
    whole = min(5, limit + (limit == 4))  # one more has its row instead of a line about it
    assert len(shown) == 1 + whole + (whole < 5)
    assert shown[limit].endswith(last)
    left = f"  and {5 - whole} more directories"
    assert (shown[-1] == left) is (whole < 5)


def test_directories_too_deep_for_guides_are_named_by_their_path() -> None:
    node = Directory("/".join(["d"] * 40), 1, 1)
    for depth in range(39, 0, -1):
        path = "/".join(["d"] * depth)
        node = Directory(path, 100 - depth, 100 - depth, (node,))
    shown = render([Section([tree(Directory("", 100, 100, (node,)), 50, 80)])], Look()).splitlines()
    assert max(map(columns, shown)) <= 80
    assert len(shown) == 42
    assert shown[5].endswith("└─ d")
    assert shown[15].endswith("   d/d/d/d/d/d/d/d")
    assert shown[40].endswith("…/d/d/d/d/d/d/d")
