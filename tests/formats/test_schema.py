"""Real JSON reports against the published schema."""

from __future__ import annotations

import ast
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize import api
from ctxsize.formats import Look, render
from ctxsize.formats import json as shapes
from tests.contexts import CONTEXTS
from tests.trees import build_tree, file


def published() -> dict[str, Any]:
    """The schema as the installed package holds it."""
    text = (
        resources.files("ctxsize.formats.json").joinpath("measure.schema.json").read_text("utf-8")
    )
    schema: dict[str, Any] = json.loads(text)
    return schema


def closed(schema: Any) -> Any:
    """The schema with no room for keys that it does not describe."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return found | {"additionalProperties": False} if "properties" in found else found


@pytest.mark.parametrize("builder", ["buildkit", "classic", "podman"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_reports_follow_the_schema(context: str, builder: str, tmp_path: Path) -> None:
    root = str(build_tree(tmp_path / "ctx", CONTEXTS[context]))
    for ignored in (False, True):
        report = api.measure(root, builder=builder, ignored=ignored)
        shape = json.loads(render("json", report, Look()))
        jsonschema.validate(shape, closed(published()))


def test_failing_builders_and_faulty_patterns_follow_it_too(tmp_path: Path) -> None:
    nodes = ["a", "Dockerfile", file(".dockerignore", b"*\n[z-a]\n")]
    context = build_tree(tmp_path / "ctx", nodes)
    report = api.measure(str(context))
    shape = json.loads(render("json", report, Look()))
    jsonschema.validate(shape, closed(published()))
    assert shape["problems"][0]["code"] == "unreached-bad-pattern"


def test_named_contexts_follow_it_too(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY --from=lib l /\nCOPY --from=lib m /\n"
    root = build_tree(tmp_path, [file("app/Dockerfile", text), "lib/l", file("lib/.dockerignore")])
    contexts = {"lib": f"{root}/lib", "image": "docker-image://alpine", "spare": str(root)}
    report = api.measure(f"{root}/app", build_contexts=contexts)
    shape = json.loads(render("json", report, Look()))
    jsonschema.validate(shape, closed(published()))
    assert [len(each["transfers"]) for each in shape["named_contexts"]] == [2, 0, 0]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(published())


def test_the_keys_that_others_build_on(tmp_path: Path) -> None:
    root = str(build_tree(tmp_path / "ctx", CONTEXTS["node"]))
    shape = json.loads(render("json", api.measure(root), Look()))
    assert shape["version"] == 2
    transfer = {"context_used", "follow_paths", "content_bytes", "files", "wire_bytes", "printed"}
    assert transfer | {"sources"} <= set(shape["transfer"])
    assert {"path", "patterns"} <= set(shape["ignore_file"])
    assert "platforms" in shape["transfer"]
    context = {"content_bytes", "files", "directories", "symlinks", "entries", "wire_bytes"}
    assert context | {"printed"} <= set(shape["context"])


def test_the_table_of_fields_names_classes_of_the_package() -> None:
    package = Path(shapes.__file__).parents[2]
    defined = {
        node.name
        for module in package.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert {name.partition(".")[0] for name in shapes.fields()} <= defined
