"""Every command that reports does so in every format, and other programs can read it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from ctxsize.formats import FORMATS
from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.oracles.schemas import sarif
from tests.trees import build_tree, file

NODES = [
    file("Dockerfile", b"FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"),
    file("package.json", b'{"name": "x", "version": "1.0.0"}\n'),
    file(".dockerignore", b"*.log # logs\n"),
    file("node_modules/.package-lock.json", b"{}"),
    file("node_modules/a/index.js", size_bytes=5_000),
    file("old.jsonl", b""),
]
REPORTING: dict[str, list[str]] = {
    "measure": [],
    "suggest": [],
    "clean": [],
    "advise": [],
    "lint": [],
    "rule": ["CTX101"],
    "scan": [],
    "check": ["--max", "1B"],
    "diff": ["old.jsonl"],
}
SCHEMAS = {"rule": "rules"}


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", REPORTING)
def test_each_command_writes_each_of_its_formats(
    cli: Cli, tmp_path: Path, name: str, format_name: str
) -> None:
    context = build_tree(tmp_path / "ctx", NODES)
    result = cli(name, *REPORTING[name], "--format", format_name, cwd=context)
    assert result.code in (0, 1), result.err
    assert result.out.endswith("\n")
    if format_name == "json":
        jsonschema.validate(json.loads(result.out), schema(SCHEMAS.get(name, name)))
    elif format_name == "sarif":
        log = json.loads(result.out)
        jsonschema.validate(log, sarif())
        rules = log["runs"][0]["tool"]["driver"]["rules"]
        assert all(rule.get("name") for rule in rules), "a code that no registry holds"
    elif format_name == "gitlab":
        assert isinstance(json.loads(result.out), list)
    elif format_name == "junit":
        assert ElementTree.fromstring(result.out).tag == "testsuites"


def test_those_that_find_something_say_so_everywhere(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", NODES)
    for name, code in (("lint", "CTX102"), ("check", "CTX401"), ("advise", "CTX202")):
        for format_name in set(FORMATS) - {"json"}:
            result = cli(name, *REPORTING[name], "--format", format_name, cwd=context)
            assert code in result.out or (name, format_name) == ("check", "text"), (
                name,
                format_name,
            )


@pytest.mark.parametrize("option", ["-v", "-q"])
def test_rule_has_no_option_without_effect(cli: Cli, option: str) -> None:
    assert cli("rule", option).code == 2
