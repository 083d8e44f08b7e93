"""Names on a terminal: safe, reversible, no wider than they may be."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.formats import Look, wording
from ctxsize.formats.sections import Section, Table
from ctxsize.formats.text import render
from ctxsize.formats.wording import all_quoted, clipped, fit, quoted, unquoted, visible
from ctxsize.formats.wrapping import brief, wrapped
from ctxsize.units import columns

NAMES = st.binary(min_size=1, max_size=20).map(os.fsdecode)


@given(NAMES)
def test_quoting_reads_back_and_prints_safely(name: str) -> None:
    assert quoted(name).isprintable()
    assert unquoted(quoted(name)) == name


@pytest.mark.parametrize("name", ['"', '"a', 'a"', "", "a"])
def test_what_no_one_quoted_is_itself(name: str) -> None:
    assert unquoted(name) == name


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
    ("the rest of packages/web/src/", 21, "the rest of …/src/"),
    ("1,234 × packages/node_modules/", 24, "1,234 × …/node_modules/"),
    ('"directory with a tab\\t"/', 16, '"direc…a tab\\t"/'),
    ('"directory with a tab\\t/"', 16, '"direc…a tab\\t/"'),
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


def test_a_path_of_many_levels_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of characters that are measured does not grow with the product of levels."""
    measured = [0]

    def counted(text: str) -> int:
        measured[0] += len(text)
        return columns(text)

    monkeypatch.setattr(wording, "columns", counted)
    path = "COPY " + "é/../" * 12_000
    assert columns(fit(path, 60)) <= 60
    assert measured[0] < 3 * len(path)


BRIEF = [
    ("COPY services/web/package.json: not found", 20, 2, "COPY …/package.json: not found"),
    (f"COPY {'m' * 90}: not found", 40, 3, f"COPY {'m' * 14}…{'m' * 24}: not found"),
    ("one two three", 40, 1, "one two three"),
]


@pytest.mark.parametrize(("text", "width", "lines", "shown"), BRIEF)
def test_a_message_keeps_its_words(text: str, width: int, lines: int, shown: str) -> None:
    assert brief(text, width, lines) == shown


@given(st.text("a b./日", max_size=200), st.integers(20, 50), st.integers(1, 3))
def test_a_message_has_its_lines(text: str, width: int, lines: int) -> None:
    found = wrapped(brief(text, width, lines), width, 0)
    assert len(found) <= lines
    assert all(columns(each) <= width for each in found)


@given(st.lists(st.text() | st.sampled_from(["a", "b/c", " d", "e ", 'f"', "g\\", "\udcff"])))
def test_many_names_are_quoted_as_each_is(names: list[str]) -> None:
    assert all_quoted(names) == [*map(quoted, names)]
