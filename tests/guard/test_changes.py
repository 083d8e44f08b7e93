"""What changed between two times: all of it where all is known, and nothing made up elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.guard.baseline import Known, SizeChange, between, of_files, worth_keeping
from ctxsize.model import Amount

TREES = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(
        lambda parts: "/".join(parts) + "f"
    ),
    st.integers(0, 50),
    max_size=12,
)
"""Files end in f, so that none is a directory of another."""


@given(TREES, TREES)
def test_changes_between_full_listings_are_exact(old: dict[str, int], new: dict[str, int]) -> None:
    changes = between(of_files(old.items()), of_files(new.items()))
    expected = {
        path: new.get(path, 0) - old.get(path, 0)
        for path in {**old, **new}
        if old.get(path) != new.get(path)
    }
    assert {each.path: each.delta_bytes for each in changes.files} == expected
    assert all(each.exact for each in (*changes.files, *changes.directories))
    for each in changes.files:
        assert (each.what == "added") == (each.path not in old)
        assert (each.what == "removed") == (each.path not in new)
    sizes = [abs(each.delta_bytes) for each in changes.files]
    assert sizes == sorted(sizes, reverse=True)


@given(TREES, TREES)
def test_a_directory_changes_by_what_is_in_it(old: dict[str, int], new: dict[str, int]) -> None:
    before, after = of_files(old.items()), of_files(new.items())
    for each in between(before, after).directories:
        inside = f"{each.path}/"

        def total(files: dict[str, int], inside: str = inside) -> int:
            return sum(size for path, size in files.items() if path.startswith(inside))

        assert each.delta_bytes == total(new) - total(old)


@given(TREES, TREES, st.integers(0, 4), st.integers(0, 4))
def test_changes_of_partly_known_sides_are_lower_bounds(
    old: dict[str, int], new: dict[str, int], directories: int, files: int
) -> None:
    """Of a side that holds only the largest, what is told to have grown did, at least so much."""
    before, after = of_files(old.items()), of_files(new.items())
    kept = worth_keeping(before, directories=directories, files=files)
    for each in between(kept, after).files:
        delta = new.get(each.path, 0) - old.get(each.path, 0)
        assert delta >= each.delta_bytes > 0 or delta <= each.delta_bytes <= 0
        if each.exact:
            assert delta == each.delta_bytes
    for each in between(kept, after).directories:
        none = Amount()
        was, now = (side.directories.get(each.path, none) for side in (before, after))
        delta = now.content_bytes - was.content_bytes
        assert delta >= each.delta_bytes >= 0 or delta <= each.delta_bytes <= 0


def test_a_change_is_reported_for_the_deepest_directory() -> None:
    before, after = of_files([]), of_files([("a/b/c/big", 60), ("x", 1)])
    assert [each.path for each in between(before, after).directories] == ["a/b/c"]


CASES = [
    # before, after, what grew
    ([("a/x", 1)], [("a/x", 1), ("a/big", 60)], ["a/big"]),
    ([], [(f"d/{n}", 10) for n in range(3)], ["d"]),
    ([("d/0", 1)], [("d/0", 1), ("d/e/f/big", 60), ("d/e/small", 1)], ["d/e/f/big"]),
    ([("d/0", 1)], [("d/0", 6), ("d/big", 95)], ["d/big"]),
    ([("d/0", 1)], [("d/0", 7), ("d/big", 94)], ["d"]),
    ([("a", 5)], [("a", 4)], []),
    ([("a", 5)], [("a", 9)], ["a"]),
]


@pytest.mark.parametrize(("old", "new", "grown"), CASES)
def test_what_grew_is_named_as_deep_as_one_part_explains_it(
    old: list[tuple[str, int]], new: list[tuple[str, int]], grown: list[str]
) -> None:
    assert [each.path for each in between(of_files(old), of_files(new)).parts()] == grown


def test_a_directory_is_named_where_no_listed_file_explains_its_growth() -> None:
    before = Known(0, 0, {}, {}, depth=3)
    after = Known(900, 300, {"d": Amount(300, 900)}, {"d/0": 3}, depth=3, files_from=3)
    added = SizeChange("d", "added", None, 900, 900, 300, is_directory=True)
    assert between(before, after).parts() == (added,)


def test_what_is_no_larger_than_an_unlisted_one_may_have_been_there() -> None:
    before = Known(90, 9, {}, {"big": 50}, directories_from=20, files_from=10)
    changes = between(before, of_files([("big", 50), ("d/x", 10), ("d/y", 10)]))
    assert (changes.files, changes.directories) == ((), ())
    changes = between(before, of_files([("big", 50), ("d/x", 11), ("d/y", 10)]))
    assert [(each.path, each.delta_bytes, each.exact) for each in changes.files] == [
        ("d/x", 1, False)
    ]
    assert [(each.path, each.delta_bytes) for each in changes.directories] == [("d", 1)]


def test_nothing_is_reported_below_the_known_depth() -> None:
    before = Known(10, 1, {"a": Amount(1, 10)}, {}, depth=1, files_from=10)
    after = of_files([("a/b/f", 10)])
    assert between(before, after).directories == ()
