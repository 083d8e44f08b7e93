"""Sizes and ages as texts, and texts as sizes and ages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ctxsize import units
from ctxsize.errors import InputError

CASES: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    (units.parse_size, ("50MB",), 50_000_000),
    (units.parse_size, ("1.5 GiB",), 1_610_612_736),
    (units.parse_size, ("300B",), 300),
    (units.parse_size, ("10000",), 10_000),
    (units.parse_size, ("0",), 0),
    (units.parse_size, ("50k",), 50_000),
    (units.parse_age, ("30d",), 2_592_000.0),
    (units.parse_age, ("12 h",), 43_200.0),
    (units.parse_age, ("1.5min",), 90.0),
    (units.parse_age, ("2 hours",), 7_200.0),
    (units.parse_age, ("0",), 0.0),
    (units.human_age, (42,), "42 seconds"),
    (units.human_age, (150,), "2 minutes"),
    (units.human_age, (86_400 * 3.5,), "3 days"),
    (units.human, (20_214_000_000,), "20.2 GB"),
    (units.human, (999,), "999 B"),
    (units.human, (1000,), "1.0 kB"),
    (units.human, (1500,), "1.5 kB"),
    (units.printed_by_buildkit, (2,), "2B"),
    (units.printed_by_buildkit, (999,), "999B"),
    (units.printed_by_buildkit, (1000,), "1.00kB"),
    (units.printed_by_buildkit, (1_000_000,), "1.00MB"),
    (units.printed_by_buildkit, (20_214_000_000,), "20.21GB"),
    (units.printed_by_classic, (2048,), "2.048kB"),
    (units.printed_by_classic, (512,), "512B"),
    (units.printed_by_classic, (1000,), "1kB"),
    (units.percent, (123, 1000), "12%"),
    (units.percent, (0.001,), "<1%"),
    (units.percent, (0, 0), "0%"),
    (units.percent, (1,), "100%"),
    (units.percent, (0.999,), ">99%"),
    (units.percent, (0.99,), "99%"),
    (units.plural, (1, "file"), "1 file"),
    (units.plural, (1200, "directory"), "1,200 directories"),
    (units.plural, (2, "day"), "2 days"),
]


@pytest.mark.parametrize(("function", "given", "expected"), CASES)
def test_a_quantity_is_converted(
    function: Callable[..., Any], given: tuple[Any, ...], expected: object
) -> None:
    assert function(*given) == expected


@pytest.mark.parametrize("text", ["50", " 9999 ", "1.5", "0.5"])
def test_a_small_number_without_a_unit_is_ambiguous(text: str) -> None:
    number = text.strip()
    with pytest.raises(InputError, match=f"write {number}B or {number}MB"):
        units.parse_size(text)
    with pytest.raises(InputError, match=f"write {number}% or {number}MB"):
        units.Tolerance.parse(text)
