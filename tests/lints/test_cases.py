"""Every code against its table; `test_claims` holds its figures and fixes against Docker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.codes import code_of, names
from ctxsize.findings import Finding
from ctxsize.lints import Linted
from tests.lints.cases import CATCHES, SILENT, Case
from tests.trees import build_tree

ELSEWHERE = {"CTX117", "CTX127", "CTX129", "CTX132", "CTX134", "CTX136", "CTX142", "CTX143"}
"""Codes whose cases are in `test_files`, `test_selection`, `test_references`, `test_hazards`."""
RETIRED = {"CTX119", "CTX126", "CTX128"}
"""Codes that are no longer reported, but still accepted."""


Planted = Callable[[Case], Path]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Return the tree of a case, which is made once; no test changes it."""
    made: dict[str, Path] = {}

    def plant(case: Case) -> Path:
        if repr(case) not in made:
            assert case.tree is not None
            made[repr(case)] = root = build_tree(tmp_path_factory.mktemp("case") / "ctx", case.tree)
            (root / ".dockerignore").write_bytes(case.lines.encode("utf-8", "surrogateescape"))
        return made[repr(case)]

    return plant


def linted(case: Case, planted: Planted, **options: object) -> Linted:
    """What is found in `case`."""
    options = {"builder": case.builder, **options}
    if case.tree is None:
        data = case.lines.encode("utf-8", "surrogateescape")
        return api.lint(data=data, **options)  # type: ignore[arg-type]
    return api.lint([str(planted(case) / ".dockerignore")], **options)  # type: ignore[arg-type]


def shown(finding: Finding) -> str:
    """A finding as the tables write it."""
    place = finding.location
    text = f"{place.line}:{place.column} " if place.line else ""
    text += finding.severity.value
    if finding.files is not None:
        text += f" {finding.files} files {finding.content_bytes} B"
    if finding.fix is not None:
        text += ", certain" if finding.fix.certain else ", unsafe"
    return text


def rows(table: dict[str, list[Case]]) -> list[tuple[str, Case]]:
    return [(code, case) for code, cases in table.items() for case in cases]


@pytest.mark.parametrize(("code", "case"), rows(CATCHES))
def test_each_lint_finds_what_its_cases_hold(code: str, case: Case, planted: Planted) -> None:
    found = linted(case, planted, select=[code]).findings
    assert tuple(map(shown, found)) == case.found
    assert all(each.code == code and each.message for each in found)


@pytest.mark.parametrize(("code", "case"), rows(SILENT))
def test_each_lint_is_silent_where_its_cases_are_fine(
    code: str, case: Case, planted: Planted
) -> None:
    found = linted(case, planted, select=[code]).findings
    assert [each.message for each in found] == []


def test_each_code_has_its_cases() -> None:
    assert set(CATCHES) == set(SILENT) == {*names("CTX1")} - ELSEWHERE - RETIRED
    assert all(cases for cases in (*CATCHES.values(), *SILENT.values()))


def test_retired_codes_are_accepted_and_say_so() -> None:
    assert api.lint(data=b"\xef\xbb\xbf  c++\n", select=[*RETIRED]).findings == ()
    assert all(code_of(each).summary.startswith("No longer reported") for each in RETIRED)


TEXT_ALONE = (
    *("CTX101", "CTX102", "CTX103", "CTX104", "CTX105", "CTX106", "CTX107", "CTX112", "CTX113"),
    *("CTX114", "CTX115", "CTX121", "CTX122", "CTX123", "CTX124"),
)
"""Codes that need no tree."""


@pytest.mark.parametrize("code", TEXT_ALONE)
def test_the_examples_of_a_page_hold(code: str) -> None:
    bad, good = code_of(code).bad.encode(), code_of(code).good.encode()
    assert api.lint(data=bad + b"\n", select=[code]).findings
    assert not api.lint(data=good + b"\n", select=[code]).findings


@pytest.mark.parametrize("builder", ["classic", "podman"])
@pytest.mark.parametrize(
    ("code", "case"), [row for row in rows(CATCHES) + rows(SILENT) if row[1].tree is not None]
)
def test_other_builders_have_their_say_too(
    code: str, case: Case, builder: str, planted: Planted
) -> None:
    outcome = linted(case, planted, builder=builder, fix=True)
    (one,) = outcome.files
    again = api.lint(
        [one.path],
        builder=builder,
        data=outcome.edits[0].after if outcome.edits else None,
        fix=True,
    )
    assert again.edits == ()
    assert one.content_bytes is not None
    sent = api.measure(str(planted(case)), builder=builder) if _builds(code, outcome) else None
    if sent is not None and not outcome.edits:
        assert sent.context.totals.content_bytes == one.content_bytes


def _builds(code: str, outcome: Linted) -> bool:
    """Whether the build does not fail at a pattern."""
    return code not in ("CTX121", "CTX122") and "CTX121" not in {c.code for c in outcome.findings}


def test_a_line_with_a_backquote_stays_one_code_span(planted: Planted) -> None:
    (found,) = linted(Case("a`b\na`b\n", []), planted, select=["CTX113"]).findings
    assert found.message == "``a`b`` repeats the pattern on line 1"
