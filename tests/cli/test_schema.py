"""Each schema as shipped, alone: it holds what it refers to, and real output follows it.

`CTXSIZE_UPDATE=1 pytest tests/cli/test_schema.py` copies the shared schemas
(findings, measure, suggest) into those that refer to them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.json import SCHEMAS
from tests.cli.conftest import Cli
from tests.history.repository import planted
from tests.pages import IS_UPDATING
from tests.trees import file

DIRECTORY = Path(__file__).parents[2] / "ctxsize/formats/json"
SHARED = {"finding": "findings", "report": "measure", "suggest": "suggest"}
"""Definitions that are the schema of this name."""
NODES = [
    file("Dockerfile", b"FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"),
    file("package.json", b'{"name": "x", "version": "1.0.0"}\n'),
    file(".dockerignore", b"*.log # logs\n"),
    file("node_modules/.package-lock.json", b'{"lockfileVersion": 3}'),
    file("node_modules/a/index.js", size_bytes=5_000),
    file("id_rsa", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"),
]
OUTPUT: dict[str, list[str]] = {
    "advise": ["advise"],
    "affected": ["affected", "--stdin"],
    "digest": ["digest"],
    "check": ["check", "--max", "1B"],
    "clean": ["clean", "--deps", "--recent", "0"],
    "diff": ["diff", "old.json"],
    "explain": ["explain", "--trace", "node_modules/a/index.js", "a.log", "gone"],
    "glance": ["."],
    "lint": ["lint"],
    "log": ["log"],
    "measure": ["measure"],
    "plan": ["suggest", "--allowlist"],
    "rules": ["rule"],
    "scan": ["scan"],
    "suggest": ["suggest"],
    "suggest-all": ["suggest", "--all"],
}
"""A command whose JSON follows the schema."""
WRITTEN = {
    "baseline": ["check", "--update-baseline", "--baseline", "written.json"],
}
"""A command that writes a file which follows the schema."""


def shipped(name: str) -> Path:
    return DIRECTORY / f"{name}.schema.json"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shipped(name).read_text())
    return found


def bundled(name: str) -> dict[str, Any]:
    """The schema with the shared ones that it refers to in its `$defs`, as they are now."""
    own = read(name)
    kept = {key: value for key, value in own.pop("$defs", {}).items() if key not in SHARED}
    text = json.dumps([own, kept])
    shared = {
        key: read(source)
        for key, source in SHARED.items()
        if any(f'"$ref": "{start}{key}' in text for start in ("#/$defs/", "urn:ctxsize:"))
    }
    return {**own, "$defs": {**kept, **shared}} if kept or shared else own


def test_the_names_are_the_files() -> None:
    assert {*SCHEMAS} == {path.name.partition(".")[0] for path in DIRECTORY.glob("*.schema.json")}
    # `tests/guard/test_config.py` holds that of the configuration against its reader.
    assert OUTPUT.keys() | WRITTEN.keys() | {"findings", "config"} == {*SCHEMAS}


@pytest.mark.parametrize("name", SCHEMAS)
def test_shared_definitions_are_up_to_date(name: str) -> None:
    wanted = json.dumps(bundled(name), indent=2, ensure_ascii=False) + "\n"
    if IS_UPDATING:
        shipped(name).write_text(wanted)
    assert json.loads(wanted) == read(name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_reference_leads_somewhere_in_the_file(name: str) -> None:
    schema = read(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    identities = [
        schema["$id"],
        *(e["$id"] for e in schema.get("$defs", {}).values() if "$id" in e),
    ]
    assert len(identities) == len(set(identities))
    for inner in (schema, *(e for e in schema.get("$defs", {}).values() if "$id" in e)):
        for reference in references(inner):
            known = reference in identities
            assert known or reference.removeprefix("#/$defs/") in inner["$defs"], reference


def references(schema: Any, *, top: bool = True) -> list[str]:
    """The `$ref` of a schema, but for those of resources in it."""
    if isinstance(schema, list):
        return [found for each in schema for found in references(each, top=False)]
    if not isinstance(schema, dict) or ("$id" in schema and not top):
        return []
    below = [found for each in schema.values() for found in references(each, top=False)]
    return [*below, schema["$ref"]] if isinstance(schema.get("$ref"), str) else below


@pytest.mark.parametrize("name", [*OUTPUT, *WRITTEN])
def test_real_output_follows_the_file_alone(name: str, cli: Cli, tmp_path: Path) -> None:
    context = planted(tmp_path / "context", NODES)
    (context / "old.json").write_text(cli("measure", "--format", "json", cwd=context).out)
    (context / "new.md").write_text("x")
    if name in OUTPUT:
        result = cli(*OUTPUT[name], "--format", "json", cwd=context)
        (context / "written.json").write_text(result.out)
    else:
        result = cli(*WRITTEN[name], cwd=context)
    assert result.code in (0, 1), result.err
    found = json.loads((context / "written.json").read_text())
    jsonschema.Draft202012Validator(read(name)).validate(found)
    argv = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(shipped(name))]
    checked = subprocess.run(
        [*argv, "written.json"], cwd=context, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_prints_the_file(name: str, cli: Cli) -> None:
    result = cli("schema", name)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == read(name)


def test_schema_lists_the_names(cli: Cli) -> None:
    assert cli("schema").out.split() == [*SCHEMAS]


@pytest.mark.parametrize(
    ("name", "hint"), [("measur", "measure"), ("rule", "rules"), ("x", ", ".join(SCHEMAS))]
)
def test_an_unknown_schema_is_an_error_with_suggestions(name: str, hint: str, cli: Cli) -> None:
    result = cli("schema", name)
    assert (result.code, result.out) == (2, "")
    assert hint in result.err


def builders_in(shape: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema, at any depth, that lists the builders."""
    if isinstance(shape, dict):
        if "buildkit" in shape.get("enum", ()):
            yield shape
        for inner in shape.values():
            yield from builders_in(inner)
    elif isinstance(shape, list):
        for inner in shape:
            yield from builders_in(inner)


def test_schemas_name_every_builder() -> None:
    listed = 0
    for path in DIRECTORY.glob("*.schema.json"):
        for shape in builders_in(json.loads(path.read_text())):
            listed += 1
            assert shape["enum"] == [*BUILDERS], path.name
            message = f"must be one of {', '.join(BUILDERS)}"
            assert shape.get("errorMessage", message) == message, path.name
    assert listed >= 3
