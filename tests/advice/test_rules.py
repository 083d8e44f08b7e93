"""Each code of advice, over what it catches and what it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize.advice import RULES, advise
from ctxsize.codes import code_of, names
from ctxsize.findings import Finding
from ctxsize.repository import discover
from tests.advice.cases import CASES, IDEA
from tests.trees import Node, build_tree, file

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
    root = build_tree(tmp_path / "repository", [file("Dockerfile", text), *IDEA])
    assert places(found("CTX201", root), root) == ("Dockerfile:2",)


def test_the_command_of_no_ignore_file_names_a_build_that_takes_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"FROM x AS base\nCOPY r /\nFROM base AS dev\nRUN y\nFROM base\nCOPY . .\n"
    nodes: list[str | Node] = [
        *(file("v/Dockerfile", text), "v/r", file("v/.npmrc", b"//r/:_authToken=abcdefgh1\n")),
        file("compose.yaml", b"services: {v: {build: {context: v, target: dev}}}\n"),
        file("build.sh", b"docker build v\n"),
    ]
    monkeypatch.chdir(build_tree(tmp_path / "repository", nodes))
    (finding,) = found("CTX201", Path("."))
    assert finding.help == "write one with `ctxsize suggest --write v`"


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
