"""Names on a terminal: safe, reversible, no wider than they may be."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.formats import Look
from ctxsize.formats.sections import Section, Table
from ctxsize.formats.text import render
from ctxsize.formats.wording import clipped, fit, quoted, unquoted, visible
from ctxsize.units import columns

NAMES = st.binary(min_size=1, max_size=20).map(os.fsdecode)


@given(NAMES)
def test_quoting_reads_back_and_prints_safely(name: str) -> None:
    assert quoted(name).isprintable()
    assert unquoted(quoted(name)) == name


@given(NAMES)
def test_visible_is_printable(name: str) -> None:
    assert visible(name).isprintable()


@given(st.text(max_size=40), st.integers(2, 50))
def test_fit_fits(text: str, width: int) -> None:
    fitted = fit(text, width)
    assert columns(fitted) <= width
    assert fitted == text or "…" in fitted


FITTED = [
    ("services/web/src/components/Button.tsx", 26, "…/components/Button.tsx"),
    ("services/web/src/components/", 20, "…/src/components/"),
    ("/usr/share/dict/words", 15, "…/dict/words"),
    ("src/components/Button.tsx", 10, "…utton.tsx"),
    ("0123456789abcdef.tsx", 10, "0123…f.tsx"),
    ("!services/web/node_modules", 16, "!…/node_modules"),
    ('"a/b c/\\377.txt"', 12, '"…/\\377.txt"'),
    ("COPY services/web/src", 14, "COPY …/web/src"),
    ("RUN --mount, bind of services/web/src", 27, "RUN --mount, bind of …/src"),
    ("│  │  └─ target/debug/deps", 18, "│  │  └─ …/deps"),
    ("│  │  └─ target/debug/deps", 10, "…/deps"),
    ("src/日本語", 8, "…/日本語"),
]


@pytest.mark.parametrize(("text", "width", "fitted"), FITTED)
def test_a_path_loses_its_first_directories(text: str, width: int, fitted: str) -> None:
    assert fit(text, width) == fitted
    assert columns(fitted) <= width


@given(st.text("a b./│─", max_size=60), st.integers(6, 50))
def test_a_sentence_loses_words_in_its_middle(text: str, width: int) -> None:
    assert columns(clipped(text, width)) <= width


def test_two_columns_of_names_share_the_width() -> None:
    rows = [("1 B", "services/web/node_modules/left-pad", "**/node_modules"), ("12 B", "a", "")]
    table = Table(("size", "part", "pattern"), rows, names=2)
    assert render([Section([table])], Look(width=44)).splitlines() == [
        "  size  part                 pattern",
        "   1 B  …/left-pad           **/node_modules",
        "  12 B  a",
    ]
