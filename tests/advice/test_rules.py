"""Each code of advice, over what it catches and what it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize.advice import CODES, RULES, advise
from ctxsize.advice.command import run
from ctxsize.config import Config
from ctxsize.dockerfile import parse_dockerfile
from ctxsize.findings import Finding
from ctxsize.projects import discover
from tests.advice.cases import CASES, Case
from tests.oracles.trees import build_tree

TABLE = [(code, name) for code, cases in CASES.items() for name in cases]


def found(code: str, root: Path) -> list[Finding]:
    return [each for each in advise(discover(str(root))).findings if each.code == code]


def places(findings: list[Finding], root: Path) -> tuple[str, ...]:
    return tuple(
        f"{os.path.relpath(each.location.path, root)}:{each.location.line}" for each in findings
    )


@pytest.mark.parametrize(("code", "name"), TABLE)
def test_catches_and_catches_not(code: str, name: str, tmp_path: Path) -> None:
    case = CASES[code][name]
    root = build_tree(tmp_path / "repository", case.nodes)
    assert places(found(code, root), root) == case.found


def test_every_code_is_found_by_a_rule_and_has_cases_of_both_kinds() -> None:
    assert RULES.keys() == CODES.keys() == CASES.keys()
    for code, cases in CASES.items():
        assert any(case.found for case in cases.values()), code
        assert any(not case.found for case in cases.values()), code


def test_every_code_explains_itself() -> None:
    for name, code in CODES.items():
        assert code.name == name
        assert code.why.endswith("."), name
        assert code.bad, name
        assert code.good, name


def fixed_cases() -> list[tuple[str, str, Case]]:
    return [
        (code, name, case)
        for code, cases in CASES.items()
        for name, case in cases.items()
        if case.found
    ]


@pytest.mark.parametrize(("code", "name", "case"), fixed_cases())
def test_a_fix_mends_its_finding_and_leaves_a_dockerfile(
    code: str, name: str, case: Case, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", case.nodes)
    discovery = discover(str(root))
    for finding in found(code, root):
        if finding.fix is None:
            continue
        (edit,) = finding.fix.edits
        assert edit.before == Path(edit.path).read_bytes()
        parse_dockerfile(edit.after)
        after = advise(discovery, changed={edit.path: edit.after}).findings
        same = [each for each in after if each.code == code]
        assert len(same) < len(found(code, root)), edit.after.decode()


@pytest.mark.parametrize(("code", "name", "case"), fixed_cases())
def test_certain_fixes_end_and_applied_twice_change_nothing(
    code: str, name: str, case: Case, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", case.nodes)
    discovery = discover(str(root))
    advice = run(discovery, fix=True, config=Config())
    assert not any(each.fix and each.fix.certain for each in advice.findings)
    for edit in advice.edits:
        Path(edit.path).write_bytes(edit.after)
    assert run(discover(str(root)), fix=True, config=Config()).edits == ()
