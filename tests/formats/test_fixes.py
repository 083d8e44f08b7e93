"""What a fix changes, in words."""

from __future__ import annotations

import pytest

from ctxsize.findings import Changes, Fix, Paths
from ctxsize.formats import wording as fixes

ONE = Paths(("a",), 1, 1500)
MANY = Paths(("a/", "a/b", "c", "d/", "d/e", "f", "g"), 5, 2_000_000)
EMPTY = Paths(("a/", "a/b/"), 0, 0)


@pytest.mark.parametrize(
    ("changes", "named", "text"),
    [
        (None, (), ""),
        (Changes(), (), "changes nothing that is sent"),
        (Changes(ignored=ONE), (), "ignores 1 file, 1.5 kB (a)"),
        (Changes(ignored=ONE), ("a",), "ignores 1 file, 1.5 kB"),
        (Changes(sent=MANY), (), "sends 5 files, 2.0 MB (a/, c, d/ and 2 more)"),
        (Changes(sent=MANY), ("a/", "c", "d/"), "sends 5 files, 2.0 MB"),
        (Changes(ignored=EMPTY), (), "ignores 2 directories (a/)"),
        (Changes(emptied=ONE, filled=ONE), ("a",),
         "empties 1 file, 1.5 kB, gives content to 1 file, 1.5 kB"),
        (Changes(ignored=ONE, sent=EMPTY), (),
         "ignores 1 file, 1.5 kB (a), sends 2 directories (a/)"),
    ],
)  # fmt: skip
def test_effect(changes: Changes | None, named: tuple[str, ...], text: str) -> None:
    assert fixes.effect(Fix("", (), certain=True, changes=changes), named=named) == text
