"""The package stays as readable as `benchmarks/density.py` measures it."""

from __future__ import annotations

import functools

import pytest

from benchmarks.density import PACKAGE, Density, density_of, modules

MOST_NODES = 358_400  # of the whole package, with docstrings
MOST_A_LINE = 8.5  # nodes of a line of code
MOST_MODULES = 228
MOST_A_LINE_OF_A_MODULE = 11  # nodes of a line of code
# Each a number in 1,000 lines of code.
MOST_CONDITIONAL_EXPRESSIONS = 15
MOST_PARALLEL_ASSIGNMENTS = 4
MOST_VAGUE_NAMES = 0.03  # the share of all assigned names

CHOICES = {
    "x = a if b else c\n": 1,
    "x = a if b else c if d else e\n": 2,
    "x = b and a or c\n": 1,
    "x = {True: a, False: c}[b]\n": 1,
    "x = (c, a)[b]\n": 1,
    "match b:\n    case 1:\n        x = a\n    case _:\n        x = c\n": 1,
    "if a and b or c:\n    pass\n": 0,
    "x = [a for a in b if a and b or c]\n": 0,
    "x = a < b and b < c or c == d\n": 0,
    "x = a or b\n": 0,
    "if b:\n    x = a\nelse:\n    x = c\n": 0,
}


@functools.cache
def measured() -> dict[str, Density]:
    return modules(PACKAGE)


def whole() -> Density:
    return sum(measured().values(), Density())


def test_a_line_holds_one_decision() -> None:
    density = whole()
    assert density.nodes_a_line <= MOST_A_LINE
    choices = density.per_1000_lines(density.conditional_expressions)
    assert choices <= MOST_CONDITIONAL_EXPRESSIONS
    pairs = density.per_1000_lines(density.parallel_assignments)
    assert pairs <= MOST_PARALLEL_ASSIGNMENTS


def test_no_module_is_dense() -> None:
    dense = {name: density.nodes_a_line for name, density in measured().items()}
    assert {name: nodes for name, nodes in dense.items() if nodes > MOST_A_LINE_OF_A_MODULE} == {}


def test_names_say_what_things_are() -> None:
    assert whole().vague_share < MOST_VAGUE_NAMES


def test_the_house_does_not_grow_unseen() -> None:
    assert whole().mass <= MOST_NODES
    assert len(measured()) <= MOST_MODULES


@pytest.mark.parametrize("source", CHOICES)
def test_what_counts_as_a_choice(source: str) -> None:
    assert density_of(source).conditional_expressions == CHOICES[source]


def test_docstrings_and_comments_count_nothing() -> None:
    plain = density_of("a = 1\nb = 2\n")
    explained = density_of('"""About."""\n\n# A note.\na = 1\n"""A constant."""\n\nb = 2  # two\n')
    assert (explained.lines, explained.nodes) == (plain.lines, plain.nodes)
    assert plain.lines == 2
