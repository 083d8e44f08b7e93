"""What a fix changes, in words."""

from __future__ import annotations

import pytest

from ctxsize.findings import Changes, Fix, Paths
from ctxsize.formats.wording import fix_text

ONE = Paths(("a",), 1, 1500)
MANY = Paths(("a/", "a/b", "c", "d/", "d/e", "f", "g"), 5, 2_000_000)
EMPTY = Paths(("a/", "a/b/"), 0, 0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (None, "order"),
        (Changes(), "order; changes nothing that is sent"),
        (Changes(ignored=ONE), "order; ignores 1.5 kB in 1 file"),
        (Changes(sent=MANY), "order; sends 2.0 MB in 5 files"),
        (Changes(ignored=EMPTY), "order; ignores 0 B in 0 files"),
        (Changes(emptied=ONE, filled=ONE),
         "order; empties 1.5 kB in 1 file, fills 1.5 kB in 1 file"),
    ],
)  # fmt: skip
def test_effect(changes: Changes | None, text: str) -> None:
    assert fix_text(Fix("order", (), certain=True, changes=changes)) == text
    unsure = fix_text(Fix("order", (), certain=False, changes=changes))
    assert unsure == f"{text} (unsafe: review first)"
