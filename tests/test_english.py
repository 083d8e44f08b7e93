"""Rules of plain English that a program can check, on our own texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctxsize.codes import code_of, names

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "ctxsize").rglob("*.py"))
PLACES = ("*.md", "docs/*.md", "ctxsize/codes/*.md", "ctxsize/cli/help/*.txt")
PAGES = sorted(path for place in PLACES for path in ROOT.glob(place))
HIDDEN_SUBJECT = re.compile(r"(What|Whether|Who|That|Of|As|So|How|Why)\b")
"""First words behind which a reader waits for the subject."""
OLD_WORDS = re.compile(
    r"\b(anew|mend|mends|graver|lest|amiss|whoever|somebody|be it|for want of|is no more"
    r"|all the same|of which|whom|shall|tell|tells|told)\b",
    re.IGNORECASE,
)
"""Words that a reader who learned English at school may not know, or with vague meaning."""

NO_SUBJECT = re.compile(
    r"(it|they|is|are|was|has|must|cannot|not|no longer|assumed|computed|found|given|known|left"
    r"|made|read|sent|skipped|used|written|without)\b"
)
"""First words of a message that needs the line above it to be understood."""
DELIVERED = re.compile(r"(Problem|Finding|finding|complain|_complain|_unread|note)\Z")
"""Calls that make a message, which stands alone in SARIF, GitLab and JUnit reports."""

TEXTS = ("message", "lead", "text", "what")
"""Names of variables with the text of a message."""


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


def messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The beginning of each text of a problem or a finding, with its line."""
    for function in ast.walk(tree):
        calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
        made = [each for each in calls if DELIVERED.search(ast.unparse(each.func))]
        if not (isinstance(function, ast.FunctionDef) and made):
            continue
        values = [value for call in made for value in call.args]
        assigned = (each for each in ast.walk(function) if isinstance(each, ast.Assign))
        values += [each.value for each in assigned if ast.unparse(each.targets[0]) in TEXTS]
        for value in values:
            first = value.values[0] if isinstance(value, ast.JoinedStr) else value
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield value.lineno, first.value


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_messages_have_a_subject(module: Path) -> None:
    assert [
        f"{relative(module)}:{line} {text}"
        for line, text in messages(ast.parse(module.read_text()))
        if " " in text and NO_SUBJECT.match(text)
    ] == []


@pytest.mark.parametrize("code", names(), ids=str)
def test_each_code_has_one_plain_sentence(code: str) -> None:
    summary = code_of(code).summary
    assert re.fullmatch(r"[A-Z`*].{10,110}\.", summary)
    assert not NO_SUBJECT.match(summary) or summary.startswith("No longer reported: ")
    assert not re.search(r"\b(this|these|it|its) (line|pattern|file|build)\b", summary), summary


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_use_plain_words(page: Path) -> None:
    assert [
        f"{relative(page)}:{number} {found[0]}"
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if (found := OLD_WORDS.search(line))
    ] == []
