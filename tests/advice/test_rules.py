"""Each code of advice, over what it catches and what it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize.advice import RULES, advise
from ctxsize.codes import code_of, names
from ctxsize.findings import Finding
from ctxsize.repository import discover
from tests.advice.cases import CASES
from tests.trees import build_tree, file

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


def test_onbuild_copies_the_context(tmp_path: Path) -> None:
    text = b"FROM a AS b\nONBUILD COPY . /\nFROM b\n"
    root = build_tree(tmp_path / "repository", [file("Dockerfile", text)])
    assert places(found("CTX201", root), root) == ("Dockerfile:2",)


def test_every_code_is_found_by_a_rule_and_has_cases_of_both_kinds() -> None:
    assert RULES.keys() == {*names("CTX2")} == CASES.keys()
    for code, cases in CASES.items():
        assert any(case.found for case in cases.values()), code
        assert any(not case.found for case in cases.values()), code


def test_every_code_explains_itself() -> None:
    for name, code in ((each, code_of(each)) for each in names("CTX2")):
        assert code.name == name
        assert code.why.endswith("."), name
        assert code.bad, name
        assert code.good, name
