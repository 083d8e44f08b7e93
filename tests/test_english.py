"""Rules of plain English that a program can check, on our own texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "ctxsize").rglob("*.py"))
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("ctxsize/codes/*.md")))
HIDDEN_SUBJECT = re.compile(r"(What|Whether|Who|That|Of|As|So|How|Why)\b")
"""First words behind which a reader waits for the subject."""
OLD_WORDS = re.compile(
    r"\b(anew|mend|mends|graver|lest|amiss|whoever|somebody|be it|for want of|is no more"
    r"|all the same|of which|whom|shall|tell|tells|told)\b",
    re.IGNORECASE,
)
"""Words that a reader who learned English at school may not know, or with vague meaning."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Those of modules, classes and functions, and the texts below fields and constants."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text


def texts(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_docstrings_begin_with_a_verb_or_a_noun(module: Path) -> None:
    assert [
        f"{relative(module)}:{each.lineno} {each.value.splitlines()[0]}"
        for each in docstrings(ast.parse(module.read_text()))
        if HIDDEN_SUBJECT.match(each.value)
    ] == []


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_texts_of_the_program_use_plain_words(module: Path) -> None:
    assert [
        f"{relative(module)}:{each.lineno} {found[0]}"
        for each in texts(ast.parse(module.read_text()))
        if (found := OLD_WORDS.search(each.value))
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_use_plain_words(page: Path) -> None:
    assert [
        f"{relative(page)}:{number} {found[0]}"
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if (found := OLD_WORDS.search(line))
    ] == []
