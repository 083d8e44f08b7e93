"""Findings as text and JSON: golden files, and the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ctxsize import api
from ctxsize.findings import Finding
from ctxsize.formats import Look, render, text
from ctxsize.formats import json as shapes
from ctxsize.formats.json import schema
from ctxsize.formats.sections import Findings, Section
from tests.contexts import CONTEXTS
from tests.formats.findings import FINDINGS
from tests.formats.golden import held
from tests.formats.test_schema import closed
from tests.trees import build_tree, file

LOOKS = {
    "findings.txt": Look(),
    "findings-60.txt": Look(width=60),
    "findings-colour.txt": Look(colour=True),
    "findings-full.txt": Look(full=True),
}


@pytest.mark.parametrize("name", LOOKS)
def test_findings_as_text(name: str) -> None:
    held(name, text.render([Section([Findings(FINDINGS)])], LOOKS[name]))


def test_findings_as_json() -> None:
    shaped = shapes.to_json(FINDINGS)
    held("findings.json", json.dumps(shaped, indent=2) + "\n")
    for each in json.loads(json.dumps(shaped)):
        jsonschema.validate(each, closed(schema("findings")))


def test_the_schema_is_one_and_goes_into_others() -> None:
    jsonschema.Draft202012Validator.check_schema(schema("findings"))
    reference = {"$ref": "urn:ctxsize:finding:1"}
    host = {"properties": {"f": reference}, "$defs": schema("lint")["$defs"]}
    jsonschema.validate({"f": shapes.to_json(FINDINGS[0])}, host)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"f": {"code": "x"}}, host)


def findings_of(context: Path, **options: object) -> dict[str, Finding]:
    return {each.code: each for each in api.measure(str(context), **options).findings}  # type: ignore[arg-type]


def test_problems_of_a_report_are_findings(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["traps"])
    found = findings_of(context)["CTX001"]
    assert found.location.path == f"{context}/node_modules/keep/deep/f.js"
    assert "refuses to open" in found.message


def test_what_a_transfer_assumes_is_one_too(tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM scratch\nARG WHAT\nCOPY ${WHAT}/a /\n"), "a"]
    context = build_tree(tmp_path / "ctx", nodes)
    found = findings_of(context)["CTX010"]
    assert (found.location.path, found.severity) == (f"{context}/Dockerfile", "info")


def test_faulty_patterns_are_at_their_line(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", ["a", file(".dockerignore", b"*\n[z-a]\n")])
    assert findings_of(context)["CTX003"].location.line == 2


def test_every_context_renders(tmp_path: Path) -> None:
    for name, nodes in CONTEXTS.items():
        report = api.measure(str(build_tree(tmp_path / name, nodes)))
        for each in report.findings:
            assert each.code != "CTX000"
        assert render("text", report, Look())
