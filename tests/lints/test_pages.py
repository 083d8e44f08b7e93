"""Every code of every package has a page that says what its `Code` says.

`CTXSIZE_UPDATE=1 pytest tests/lints/test_pages.py` writes them anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ctxsize.findings import Code
from ctxsize.formats.codes import all_codes
from ctxsize.formats.names import visible

PAGES = Path(__file__).parent.parent.parent / "docs" / "codes"


def page(code: Code) -> str:
    """The page of a code, in Markdown."""
    parts = [
        f"# {code.name} {code.slug}",
        f"{code.summary}",
        f"Usual severity: {code.severity.value}.",
        code.why,
    ]
    for title, example in (("Bad", code.bad), ("Good", code.good)):
        if example:
            shown = "\n".join(map(visible, example.split("\n")))
            parts += [f"## {title}", f"```text\n{shown}\n```"]
    return "\n\n".join(parts) + "\n"


def overview() -> str:
    """The list of all pages."""
    rows = [
        f"| [{each.name}]({each.name}.md) | {each.slug} | {each.severity.value} "
        f"| {each.summary.replace('|', chr(92) + '|')} |"
        for each in all_codes()
    ]
    head = "# Codes\n\nA code is never used for anything else, also when it is retired.\n\n"
    return head + "\n".join(["| code | name | severity | |", "|---|---|---|---|", *rows]) + "\n"


WANTED = {f"{code.name}.md": page(code) for code in all_codes()} | {"README.md": overview()}


def test_each_code_has_its_page() -> None:
    if os.environ.get("CTXSIZE_UPDATE"):
        PAGES.mkdir(exist_ok=True)
        for name, text in WANTED.items():
            (PAGES / name).write_text(text, encoding="utf-8")
    present = {each.name: each.read_text(encoding="utf-8") for each in PAGES.glob("*.md")}
    assert {name for name, text in WANTED.items() if present.get(name) != text} == set()
    assert present.keys() == WANTED.keys()


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
