"""Every code has a page that reads as all others do, and a line of the overview.

`CTXSIZE_UPDATE=1 pytest tests/lints/test_pages.py` writes the overview.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ctxsize.codes import Code, all_codes, code_of, names
from tests.pages import compare

ROOT = Path(__file__).parent.parent.parent
OVERVIEW = ROOT / "docs" / "codes.md"


def overview() -> str:
    """The list of all pages."""
    rows = [
        f"| [{each.name}](../ctxsize/codes/{each.name}.md) | {each.slug} | {each.severity.value} "
        f"| {each.summary.replace('|', chr(92) + '|')} |"
        for each in all_codes()
    ]
    head = "# Codes\n\nA code keeps its meaning, even after it is retired.\n\n"
    return head + "\n".join(["| code | name | severity | |", "|---|---|---|---|", *rows]) + "\n"


def test_each_code_has_its_line_in_the_overview() -> None:
    compare(OVERVIEW, overview())


def test_each_code_that_the_package_names_has_a_page() -> None:
    named = {
        node.value
        for path in (ROOT / "ctxsize").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.fullmatch(r"CTX\d{3}", str(node.value))
    }
    assert named <= {*names()}
    with pytest.raises(KeyError):
        code_of("CTX999")


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.name)
def test_codes_are_well_formed(code: Code) -> None:
    assert re.fullmatch(r"CTX\d{3}", code.name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.slug)
    assert code.summary.strip()
    assert code.why.strip()


def test_names_are_used_once() -> None:
    names = [each.name for each in all_codes()]
    slugs = [each.slug for each in all_codes()]
    assert len(set(names)) == len(names)
    assert len(set(slugs)) == len(slugs)
