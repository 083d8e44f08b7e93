"""Mentions: the fast search finds what the plain pattern finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.recommender.facts import Texts, mentions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("open('docs/a')", True),
        ("docs/", True),
        ("my-docs/", False),
        ("include = ['docs']", True),
        ("see docs here", False),
        ("dir: docs", False),
        ("include(':docs')", True),
        ("<module>docs</module>", True),
        ("<module> docs </module>", True),
        ("<module>\n docs\n</module>", False),
        ("use ./docs", True),
        ("on:\n  - docs\n", True),
        ("packages:\n-   docs\n", True),
        ("- docs", True),
        ("  - the docs", False),
        ("- docstrings", False),
        ("docs - docs/x", True),
    ],
)
def test_what_is_a_mention(text: str, names: bool) -> None:
    assert mentions("docs", text) is names


MANY = ("a.md", "b.md", "a.md.x", "-x.md", "é.md", "a b.md", ".md", "c.1.md", "md", "a.", "x.md-y")


@given(
    st.lists(
        st.lists(st.sampled_from([*MANY, *"\n -/'`(),=._xé", "- ", "\t", "\x00"]), max_size=10),
        max_size=4,
    ),
    st.permutations(MANY),
)
def test_many_names_are_found_where_one_is(texts: list[list[str]], names: list[str]) -> None:
    data = [(str(at), "".join(each).encode()) for at, each in enumerate(texts)]
    together = Texts(data)
    for name in names:
        alone = Texts(data).mentioning(name)
        assert [*together.mentioning(name)] == [*alone]
        assert [*together.mentioning(name)] == [*Texts(data).mentioning(name)]
