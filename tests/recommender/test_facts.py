"""What is a mention of a file in a text."""

from __future__ import annotations

import pytest

from ctxsize.recommender.grounds import WORDS, mentions


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


@pytest.mark.parametrize(
    "text", ["docs/", "'docs'", "<module> docs </module>", "- docs\n", "é:docs/"]
)
def test_a_mention_is_a_whole_word(text: str) -> None:
    assert mentions("docs", text)
    assert "docs" in WORDS.findall(text)
