"""Names found by an index of globs are those that each glob matches by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize import globs
from ctxsize.globs import GlobIndex, like

GLOBS = st.lists(st.text("ab.*?[]!", min_size=1, max_size=5), max_size=5)
NAMES = st.lists(st.text("ab.[]!", min_size=1, max_size=6), max_size=5)


@given(GLOBS, NAMES)
def test_an_index_finds_what_each_glob_matches(wanted: list[str], names: list[str]) -> None:
    index = GlobIndex([(glob, number) for number, glob in enumerate(wanted)])
    for name in names:
        assert index.of(name) == [number for number, glob in enumerate(wanted) if like(glob, name)]


def test_names_without_what_a_glob_needs_are_not_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `ab.x` begins as a glob does, and only `x.sw.y` contains what one needs."""
    index = GlobIndex([("ab*c", 1), ("*.sw?", 2), ("*.log", 3)])
    asked = list[str]()
    monkeypatch.setattr(globs, "like", lambda glob, name: asked.append(name))
    for name in ("ab.x", "x.sw.y", "a", "b.log", "x.sx", "c.ab"):
        index.of(name)
    assert asked == ["ab.x", "x.sw.y"]
