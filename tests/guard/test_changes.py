"""What changed between two times: all of it where all is known, and nothing made up elsewhere."""

from __future__ import annotations

from posixpath import dirname

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.guard.baseline import Known, SizeChange, SizeChanges, of_files, worth_keeping
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
    changes = SizeChanges(of_files(old), of_files(new))
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
    before, after = of_files(old), of_files(new)
    for each in SizeChanges(before, after).directories:
        inside = f"{each.path}/"

        def total(files: dict[str, int], inside: str = inside) -> int:
            return sum(size for path, size in files.items() if path.startswith(inside))

        assert each.delta_bytes == total(new) - total(old)


@given(TREES, TREES, st.integers(0, 4), st.integers(0, 4))
def test_changes_of_partly_known_sides_are_lower_bounds(
    old: dict[str, int], new: dict[str, int], directories: int, files: int
) -> None:
    """Of a side that holds only the largest, what is told to have grown did, at least so much."""
    before, after = of_files(old), of_files(new)
    kept = worth_keeping(before, directories=directories, files=files)
    for each in SizeChanges(kept, after).files:
        delta = new.get(each.path, 0) - old.get(each.path, 0)
        assert delta >= each.delta_bytes > 0 or delta <= each.delta_bytes <= 0
        if each.exact:
            assert delta == each.delta_bytes
    for each in SizeChanges(kept, after).directories:
        none = Amount()
        was, now = (side.directories.get(each.path, none) for side in (before, after))
        delta = now.content_bytes - was.content_bytes
        assert delta >= each.delta_bytes >= 0 or delta <= each.delta_bytes <= 0


def test_a_change_is_reported_for_the_deepest_directory() -> None:
    before, after = of_files({}), of_files({"a/b/c/big": 60, "x": 1})
    assert [each.path for each in SizeChanges(before, after).directories] == ["a/b/c"]


CASES = [
    # before, after, what grew
    ({"a/x": 1}, {"a/x": 1, "a/big": 60}, ["a/big"]),
    ({}, {f"d/{n}": 10 for n in range(3)}, ["d"]),
    ({"d/0": 1}, {"d/0": 1, "d/e/f/big": 60, "d/e/small": 1}, ["d/e/f/big"]),
    ({"d/0": 1}, {"d/0": 6, "d/big": 95}, ["d/big"]),
    ({"d/0": 1}, {"d/0": 7, "d/big": 94}, ["d"]),
    ({"a": 5}, {"a": 4}, []),
    ({"a": 5}, {"a": 9}, ["a"]),
]


@pytest.mark.parametrize(("old", "new", "grown"), CASES)
def test_what_grew_is_named_as_deep_as_one_part_explains_it(
    old: dict[str, int], new: dict[str, int], grown: list[str]
) -> None:
    assert [each.path for each in SizeChanges(of_files(old), of_files(new)).parts()] == grown


def test_a_directory_is_named_where_no_listed_file_explains_its_growth() -> None:
    before = Known(0, 0, {}, {}, depth=3)
    after = Known(900, 300, {"d": Amount(300, 900)}, {"d/0": 3}, depth=3, files_from=3)
    added = SizeChange("d", "added", None, 900, 900, 300, is_directory=True)
    assert SizeChanges(before, after).parts() == (added,)


def test_what_is_no_larger_than_an_unlisted_one_may_have_been_there() -> None:
    before = Known(90, 9, {}, {"big": 50}, directories_from=20, files_from=10)
    changes = SizeChanges(before, of_files({"big": 50, "d/x": 10, "d/y": 10}))
    assert (changes.files, changes.directories) == ((), ())
    changes = SizeChanges(before, of_files({"big": 50, "d/x": 11, "d/y": 10}))
    assert [(each.path, each.delta_bytes, each.exact) for each in changes.files] == [
        ("d/x", 1, False)
    ]
    assert [(each.path, each.delta_bytes) for each in changes.directories] == [("d", 1)]


def test_nothing_is_reported_below_the_known_depth() -> None:
    before = Known(10, 1, {"a": Amount(1, 10)}, {}, depth=1, files_from=10)
    after = of_files({"a/b/f": 10})
    assert SizeChanges(before, after).directories == ()


def parts_of_all(changes: SizeChanges, sign: int, by_files: bool) -> list[SizeChange]:
    """Return the parts as found among all changes at once."""

    def weight(change: SizeChange) -> int:
        if not by_files:
            return sign * change.delta_bytes
        if change.is_directory:
            return sign * change.delta_files
        return sign * int("/" not in change.path)

    def order(change: SizeChange) -> tuple[int, int, int, str]:
        return -weight(change), -abs(change.delta_bytes), -abs(change.delta_files), change.path

    listed = [each for each in (*changes.directories, *changes.files) if weight(each) > 0]
    directories = {"", *(each.path for each in listed if each.is_directory)}
    inside: dict[str, list[SizeChange]] = {path: [] for path in directories}
    for each in listed:
        above = each.path
        while above := dirname(above):
            if above in directories:
                break
        inside[above].append(each)
    parts = []
    for part in inside[""]:
        while inside.get(part.path):
            largest = min(inside[part.path], key=order)
            if weight(largest) < 0.95 * weight(part):
                break
            part = largest
        parts.append(part)
    return sorted(parts, key=order)


@given(TREES, TREES, st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_parts_are_those_among_all_changes(
    old: dict[str, int], new: dict[str, int], directories: int, files: int, partly: bool
) -> None:
    before, after = of_files(old), of_files(new)
    if partly:
        before = worth_keeping(before, directories=directories, files=files)
    changes = SizeChanges(before, after)
    for sign in (1, -1):
        expected = parts_of_all(changes, sign, by_files=False)
        assert [*changes.parts(sign)] == expected
        assert [*changes.parts(sign, most=2)] == expected[:2]
    changes = SizeChanges(of_files({}), after)
    expected = parts_of_all(changes, 1, by_files=True)
    assert [*changes.parts(by_files=True)] == expected
    assert changes.changed_files == len(changes.files)


def test_the_parts_of_many_files_take_no_change_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"d{number % 7}/e{number % 50}/{number}": 1 + number for number in range(2_000)}
    made: list[str] = []
    monkeypatch.setattr(
        "ctxsize.guard.baseline.SizeChange", lambda **fields: made.append(fields["path"])
    )
    changes = SizeChanges(of_files({}), of_files({**files, "other/x": 10**6}))
    changes.parts(most=20)
    assert changes.changed_files == 2_001
    assert len(made) == 8
