"""`make pages` renews every file that a test compares with the program."""

from __future__ import annotations

import re

from tests.examples import ROOT

USES = re.compile(
    r"^from tests\.(pages|formats\.golden) import .*\b(compare|held|IS_UPDATING)\b", re.MULTILINE
)
MODULES = {
    str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("tests/**/*.py"))
}


def test_make_pages_runs_each_test_that_renews_a_file() -> None:
    makefile = (ROOT / "Makefile").read_text()
    using = {name for name, text in MODULES.items() if USES.search(text) and "/test_" in name}
    assert len(using) > 10
    assert {name for name in using if name not in makefile} == set()


def test_there_is_one_switch() -> None:
    reading = [name for name, text in MODULES.items() if re.search(r"environ.*UPDATE", text)]
    assert reading == ["tests/pages.py", "tests/test_pages.py"]
    assert "CTXSIZE_UPDATE=1" in (ROOT / "CONTRIBUTING.md").read_text()
