"""The text of findings: the line with its carets, the reason, and what --quiet and -v show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.codes import all_codes
from ctxsize.findings import Finding, Fix, Location, Severity
from ctxsize.formats import Look, text, wrapping
from ctxsize.formats.sections import Findings, Section, Table
from ctxsize.formats.wording import summary
from ctxsize.units import columns
from tests.formats.findings import FINDINGS

LONG = "a/" * 100
EXCERPTS: dict[str, tuple[Location, list[str]]] = {
    "a pattern": (
        Location("i", 7, 3, 7, 6, "  abc # d"),
        ["7 |   abc # d", "  |   ^^^"],
    ),
    "a whole line if no column is known": (
        Location("D", 12, text="\tRUN npm ci \\"),
        ["12 | \\tRUN npm ci \\", "   |   ^^^^^^^^^^"],
    ),
    "a tab and an escape": (
        Location("i", 1, 7, 1, 8, "a\t\x1b[1mb"),
        ["1 | a\\t\\033[1mb", "  |           ^"],
    ),
    "wide and combining letters": (
        Location("i", 1, 4, 1, 6, "日e\u0301本x"),
        ["1 | 日e\u0301本x", "  |    ^^^"],
    ),
    "a byte that is not UTF-8, and a direction mark": (
        Location("i", 1, 2, 1, 3, "\udcff\u202ea"),
        ["1 | \\377\\342\\200\\256a", "  |     ^^^^^^^^^^^^"],
    ),
    "a long line is cut after the carets": (
        Location("i", 1, 1, 1, 4, "abc" + LONG),
        ["1 | abca/a/a/a/a/a/a/a/a/a/a/a/…", "  | ^^^"],
    ),
    "and before them": (
        Location("i", 1, 201, 1, 204, LONG + "abc"),
        ["1 | …a/a/a/a/a/a/a/a/a/a/a/a/abc", "  |                          ^^^"],
    ),
    "or within them": (
        Location("i", 1, 201, 1, 401, LONG + LONG),
        ["1 | …a/a/a/a/a/a/a/a/a/a/a/a/a/…", "  |          ^^^^^^^^^^^^^^^^^^^"],
    ),
    "no text": (Location("i", 1, 1, 1, 2), []),
    "an empty line": (Location("i", 1, 1, 1, 1, " "), []),
}


def shown(findings: tuple[Finding, ...], look: Look) -> list[str]:
    return text.render([Section([Findings(findings)])], look).splitlines()


@pytest.mark.parametrize("name", EXCERPTS)
def test_the_carets_are_below_the_pattern(name: str) -> None:
    location, lines = EXCERPTS[name]
    finding = Finding("CTX112", Severity.INFO, "m", location)
    found = [line for line in shown((finding,), Look(width=36)) if " | " in line]
    assert found == [f"    {line}" for line in lines]
    assert all(columns(line) < 40 for line in found)


@given(st.text(max_size=90), st.data(), st.integers(40, 120))
def test_any_line_stays_within_the_width(line: str, data: st.DataObject, width: int) -> None:
    start = data.draw(st.integers(1, len(line) + 1))
    end = data.draw(st.integers(start, len(line) + 1))
    finding = Finding("CTX112", Severity.INFO, "m", Location("i", 12_345, start, 12_345, end, line))
    found = [each for each in shown((finding,), Look(width=width)) if " | " in each]
    assert all(columns(each) <= width and each.isprintable() for each in found)
    assert len(found) == 2 * bool(line.strip())
    assert not found or set(found[1].partition(" | ")[2].strip()) == {"^"}


FIXABLE = replace(
    FINDINGS[2], code="CTX101", location=Location("a", 2, 1, 2, 5, "dist"), files=None
)
OTHER = replace(FIXABLE, location=Location("a", 3, 1, 3, 5, "dist"), evidence=("x", "y"))
GROUP = replace(FIXABLE, more_locations=(Location("a", 4, text="d"), Location("a", 12, text="e")))


def test_a_code_is_explained_once_and_a_fix_replaces_the_help() -> None:
    lines = shown((FIXABLE, OTHER), Look())
    assert sum(line.startswith("    why: ") for line in lines) == 1
    assert sum(line.startswith("    fix: ") for line in lines) == 2
    assert not any("help:" in line for line in lines)
    assert [line for line in lines if line.startswith("    - ")] == [
        "    - web/packages/p0/node_modules",
        "    - and 6 more",
        "    - x",
        "    - y",
    ]


def test_verbose_shows_all_evidence_the_help_and_each_place() -> None:
    lines = shown((GROUP,), Look(full=True))
    assert sum(line.startswith("    - web/") for line in lines) == 7
    assert "    - also on lines 4, 12" in lines
    assert any("help:" in line for line in lines)
    assert lines[1:5] == ["     2 | dist", "       | ^^^^", "     4 | d", "    12 | e"]


def test_quiet_shows_a_line_for_each_finding() -> None:
    long = replace(FIXABLE, message="m" * 90)
    assert shown((FIXABLE, long), Look(quiet=True)) == [
        f"a:2:1 warning CTX101 {each.message}" for each in (FIXABLE, long)
    ]


def test_brief_findings_are_the_most_severe_and_the_largest() -> None:
    sizes = [None, 5, 70, 6]
    found = [replace(FIXABLE, message=f"m{size}", content_bytes=size) for size in sizes]
    found += [replace(FIXABLE, message="error about d/a", severity=Severity.ERROR)]
    found[-1] = replace(found[-1], location=Location("d/a"))
    section = Section([Findings(found, brief=3)])
    assert text.render([section], Look()).splitlines() == [
        "  ! error about d/a",
        "  ! a:2:1: m70",
        "  ! a:2:1: m6",
        "    and 2 more; -v lists all",
    ]


def test_lines_are_wrapped_by_columns_and_no_word_is_cut() -> None:
    lines = wrapping.wrapped("日本 " * 30 + "x" * 50, 40, 4)
    assert max(map(columns, lines[:-1])) <= 40
    assert lines[-1] == "    " + "x" * 50
    assert " ".join(" ".join(lines).split()) == "日本 " * 30 + "x" * 50
    table = Table(("size", "pattern", "reason"), [("1 B", "a", "y" * 90), ("n" * 90,)], prose=True)
    assert all(
        word in text.render([Section([table])], Look()).split() for word in ("y" * 90, "n" * 90)
    )


SURE, UNSURE = (Fix("f", (), certain=each) for each in (True, False))


@pytest.mark.parametrize(
    ("fixes", "fixed", "wanted"),
    [
        ([], 0, "no findings"),
        ([], 3, "3 fixed, none left"),
        ([None], 0, "1 finding: 1 warning"),
        ([None, SURE], 0, "2 findings: 2 warnings; 1 fixable with --fix"),
        ([UNSURE], 0, "1 finding: 1 warning; 1 fixable with --unsafe-fixes"),
        (
            [SURE, SURE, UNSURE],
            0,
            "3 findings: 3 warnings; 2 fixable with --fix, 1 more with --unsafe-fixes",
        ),
        ([None, SURE], 5, "5 fixed, 2 left: 2 warnings; 1 fixable with --fix"),
        ([UNSURE], 1_000, "1,000 fixed, 1 left: 1 warning; 1 fixable with --unsafe-fixes"),
    ],
)
def test_the_summary_counts_what_is_there(fixes: list[Fix | None], fixed: int, wanted: str) -> None:
    assert summary([replace(FIXABLE, fix=each) for each in fixes], fixed) == wanted


def test_the_summary_counts_the_places_of_a_group() -> None:
    groups = [replace(GROUP, fix=SURE), replace(GROUP, fix=UNSURE), replace(FIXABLE, fix=SURE)]
    found = "3 findings in 7 places: 3 warnings; 4 fixable with --fix, 3 more with --unsafe-fixes"
    assert summary(groups) == found
    assert summary(groups, 2).startswith("2 fixed, 3 left in 7 places: 3 warnings; 4 fixable")


def test_every_reason_is_one_short_sentence() -> None:
    for code in all_codes():
        assert code.why.startswith(code.reason)
        assert code.reason.endswith("."), code.name
        assert len(code.reason) <= 220, code.name
