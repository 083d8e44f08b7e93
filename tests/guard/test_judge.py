"""A size is judged at the byte: what is allowed is allowed, and one byte more is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.config import Budget
from ctxsize.guard import judge
from ctxsize.guard.baseline import DEPTH, TOP, Known, of_measurement
from ctxsize.model import Effect, Problem
from ctxsize.units import Tolerance
from tests.trees import build_tree, file

SIZE, TOLERANCE = 50_000, 10_000
DOCKERFILE = b"FROM scratch\nCOPY . /\n"

CASES = [
    # the budget, the bytes of the baseline, the codes
    (Budget(max_bytes=SIZE), None, []),
    (Budget(max_bytes=SIZE - 1), None, ["CTX401"]),
    (Budget(max_files=2), None, []),
    (Budget(max_files=1), None, ["CTX402"]),
    (Budget(min_bytes=SIZE), None, []),
    (Budget(min_bytes=SIZE + 1), None, ["CTX403"]),
    (Budget(growth=Tolerance(TOLERANCE)), SIZE - TOLERANCE, []),
    (Budget(growth=Tolerance(TOLERANCE)), SIZE - TOLERANCE - 1, ["CTX404"]),
    (Budget(growth=Tolerance(TOLERANCE)), SIZE + TOLERANCE, []),
    (Budget(growth=Tolerance(TOLERANCE)), SIZE + TOLERANCE + 1, ["CTX406"]),
    (Budget(growth=Tolerance(percent=25)), SIZE * 4 // 5, []),
    (Budget(growth=Tolerance(percent=25)), SIZE * 4 // 5 - 1, ["CTX404"]),
    (Budget(growth=Tolerance(SIZE), shrink=Tolerance(TOLERANCE)), SIZE + TOLERANCE, []),
    (Budget(growth=Tolerance(SIZE), shrink=Tolerance(TOLERANCE)), SIZE + TOLERANCE + 1, ["CTX405"]),
]


@pytest.mark.parametrize(("budget", "was", "codes"), CASES)
def test_a_limit_is_kept_up_to_its_last_byte(
    budget: Budget, was: int | None, codes: list[str], tmp_path: Path
) -> None:
    nodes = [file("Dockerfile", DOCKERFILE), file("x", size_bytes=SIZE - len(DOCKERFILE))]
    report = api.measure(str(build_tree(tmp_path / "ctx", nodes)))
    baseline = None if was is None else {"x": Known(was, 2, {}, {})}
    found = judge("x", report, budget, baseline).findings
    assert [each.code for each in found] == codes


@pytest.mark.parametrize(("most", "code"), [(10**6, "CTX408"), (1, "CTX401")])
def test_a_size_that_is_not_complete_is_told_unless_it_is_too_large_anyway(
    most: int, code: str, tmp_path: Path
) -> None:
    report = api.measure(str(build_tree(tmp_path / "ctx", [file("Dockerfile", DOCKERFILE)])))
    report = replace(report, problems=(Problem("vanished", "", effect=Effect.LOWER_BOUND),))
    found = judge("x", report, Budget(max_bytes=most), None).findings
    assert [each.code for each in found] == [code]


@pytest.mark.parametrize(("count", "least"), [(TOP - 1, 0), (TOP, 1), (TOP + 9, 10)])
def test_a_file_that_is_not_listed_may_be_as_large_as_the_last_one(
    count: int, least: int, tmp_path: Path
) -> None:
    nodes = [file(f"{size}", size_bytes=size) for size in range(1, count + 1)]
    context = api.measure(str(build_tree(tmp_path / "ctx", nodes)), top=TOP, depth=DEPTH).context
    assert of_measurement(context).files_from == least
