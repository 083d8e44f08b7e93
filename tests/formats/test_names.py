"""Names on a terminal: safe, reversible, no wider than they may be."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from ctxsize.formats.wording import columns, fit, quoted, unquoted, visible

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
