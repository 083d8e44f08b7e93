"""No regular expression of the package is slow on any text: they are found, and attacked.

Each expression gets texts that are made from it, in a child, in the ways in which the code looks
for it. Where the code gives it short texts only, a comment says `on at most N characters`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import pytest

from tests.hostile.computed import COMPUTED
from tests.hostile.expressions import Expression, every, reachable
from tests.hostile.slowness import slow_ones

SLOW = {
    "blanks before a word": (r"^\s*(?:built|\.)", re.MULTILINE, "search"),
    "options before a word": (r"\bgit\s+(-\S+\s+\S+\s+)*(describe|log)\b", 0, "search"),
    "a heredoc": (r'"<<(-?)(\w+)\r?\n(.*?)\n?[ \t]*\2\s*"\Z', re.DOTALL, "match"),
    "a class without an end": (r"\[[^]]*\]|\?", 0, "each"),
    "a text without an end": (r'("(?:[^"\\\n]|\\.)*")|\t', re.DOTALL, "each"),
    "a word, and another one later": (r"pdm-backend.*scm", 0, "search"),
    "nested repetitions": (r"(a+)+$", 0, "match"),
    "alternatives that overlap": (r"(a|ab|b)*c", 0, "match"),
    "an option in two ways": (r"docker(?: --?[\w-]+)* build", 0, "match"),
    "two repetitions of the same": (r"a*a*b", 0, "fullmatch"),
    "a comment behind blanks": (r"([^\s#].*?)\s+(#.*)", 0, "fullmatch"),
    "bytes": (r"\s*\{.*\s*\}\s*;", re.DOTALL, "match"),
}
QUICK = {
    "blanks before a word": (r"^[^\S\n]*(?:built|\.)", re.MULTILINE, "search"),
    "a class without an end": (r"\[[^]]*\]?|\?", 0, "each"),
    "a word, and another one later": (r"pdm-backend(?:(?!pdm-backend).)*scm", 0, "search"),
    "single characters": (r"[\w.-]+", 0, "each"),
    "nothing": (r"(?!)", 0, "each"),
}
PARTS = 8
"""Tests over which the expressions are spread, as several processes run tests."""


@cache
def all_of_them() -> tuple[list[Expression], set[str]]:
    """Return every expression, and the keys of the computed ones: they take long to find."""
    return every(COMPUTED)


def different(expressions: Iterable[Expression]) -> list[Expression]:
    """Return one of those that differ in nothing but their place."""
    found = {(each.source, each.flags, each.ways, each.most): each for each in expressions}
    return [*found.values()]


def test_every_call_is_known() -> None:
    """A call whose expression is computed needs a line in `COMPUTED`, and each line a call."""
    found, keys = all_of_them()
    assert keys == COMPUTED.keys()
    assert len(different(found)) > 500
    compiled = {(each.source, each.pattern.flags) for each in found}
    for place, pattern in reachable():
        source = pattern.pattern
        text = source if isinstance(source, str) else source.decode("latin-1")
        assert (text, pattern.flags) in compiled, place


@pytest.mark.parametrize("name", SLOW)
def test_attacks_find_slow_expressions(name: str) -> None:
    source, flags, way = SLOW[name]
    binary = name == "bytes"
    assert slow_ones([Expression(name, source, flags, frozenset({way}), binary=binary)])


@pytest.mark.parametrize("name", QUICK)
def test_attacks_leave_quick_expressions(name: str) -> None:
    source, flags, way = QUICK[name]
    assert not slow_ones([Expression(name, source, flags, frozenset({way}))])


@pytest.mark.parametrize("part", range(PARTS))
def test_no_expression_is_slow(part: int) -> None:
    found, _ = all_of_them()
    slow = slow_ones(different(found)[part::PARTS])
    assert not {f"{each.where}: {each.source}": attack for each, attack in slow.items()}
