"""Exceptions that an earlier one makes useless (CTX112): without them no tree changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice, permutations, product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctxsize.build import Build
from ctxsize.engine.automaton import Program
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.lints import overlaps
from ctxsize.lints.case import Case
from ctxsize.lints.lookup import Target
from ctxsize.lints.overlaps import redundant
from ctxsize.lints.targets import STDIN, Cases

PATHS = ["/".join(names) for depth in range(1, 5) for names in product("ab", repeat=depth)]
LINES = st.sampled_from(
    [
        *("*", "**", "a", "a/*", "a/b", "**/b", "a/b/**", "*/b"),
        *("!a", "!a/b", "!a/*", "!a/**", "!a/*/**", "!*/b", "!**/b", "!a/b/a", "!**", "!a/*/b"),
        *("!*", "!a/b/*", "!?/a", "!**/a/b", "!a*", "!a/**/b"),
    ]
)


def useless(case: Case) -> list[int]:
    """The numbers of the exceptions that are found."""
    numbers = [finding.location.line or 0 for finding in redundant(case)]
    return [number for number in numbers if case.lines[number - 1].exception]


def fates(builder: Builder, lines: list[str]) -> list[tuple[bool, bool]]:
    """Whether each path is ignored, and whether its content is kept back."""
    spec = builder.spec_class.from_lines(lines)
    return [(spec.match_file(path), spec.refuses(path)) for path in PATHS]


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@example(["*", "!a", "!a/b"])
@example(["a/*", "!a", "!a/b"])
@example(["*", "!a/*/**", "!a/b/a"])
@example(["*", "!**/b", "!a/b"])
@example(["*", "!a", "!a/b/a", "a/b", "!*/b/b"])
@given(st.lists(LINES, min_size=3, max_size=6))
def test_without_it_nothing_changes_in_any_tree(builder: Builder, lines: list[str]) -> None:
    case = Cases(Build(), builder).case(Target(STDIN), "\n".join(lines).encode())
    for number in useless(case):
        without = [*lines]
        without[number - 1] = "#"
        assert fates(builder, without) == fates(builder, lines), lines


def test_each_builder_has_such_lines() -> None:
    for builder in BUILDERS.values():
        case = Cases(Build(), builder).case(Target(STDIN), b"*\n!a\n!a/b\n!c/*\n!c/d\n")
        assert useless(case) == [3, 5]


def test_nested_exceptions_take_one_comparison_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[str]()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            calls[name] += 1
            return function(*arguments)

        return count

    lines = ["*", *("!" + "/".join(["d"] * depth) for depth in range(1, 301))]
    case = Cases(Build(), BUILDERS["buildkit"]).case(Target(STDIN), "\n".join(lines).encode())
    monkeypatch.setattr(overlaps, "covers", counted("covers", overlaps.covers))
    monkeypatch.setattr(Program, "follow", counted("follow", Program.follow))
    assert len(useless(case)) == 299
    assert calls["covers"] == 299
    # An automaton of all lines would take a step for each of the 45,150 names.
    assert calls["follow"] < 1_000


def test_lines_without_wildcards_are_found_as_those_with(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "*",
        "!a",
        "!a/b",
        "!a/b/c",
        "!**/c",
        "!a/*",
        "!b/a/c",
        "!b",
        "a/b",
        "!a/b/c",
        "!./b/a",
    ]
    for builder in BUILDERS.values():
        for lines in islice(permutations(texts, 5), 0, None, 97):
            case = Cases(Build(), builder).case(Target(STDIN), "\n".join(lines).encode())
            found = useless(case)
            with monkeypatch.context() as patch:
                patch.setattr(overlaps, "_is_plain", lambda line: False)
                assert useless(case) == found, lines
