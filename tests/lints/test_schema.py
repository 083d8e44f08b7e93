"""The JSON of `lint` and `rule` against the published schemas, and every other format once."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ctxsize import api
from ctxsize.codes import Rules, all_codes
from ctxsize.formats import FORMATS, Look, render
from ctxsize.formats.json import schema
from tests.formats.test_schema import closed
from tests.trees import build_tree, file

LINES = b"node_modules # x\n!\n  a\ndist\ndist\n\xff\n*.py|*.md\n"


def test_lint_follows_its_schema(tmp_path: Path) -> None:
    build_tree(tmp_path, [file(".dockerignore", LINES), "a/node_modules/b", ".env"])
    for fix in (False, True):
        linted = api.lint([str(tmp_path)], fix=fix)
        shape = json.loads(render("json", linted, Look()))
        jsonschema.validate(shape, closed(schema("lint")))
        assert bool(linted.edits) == fix
    jsonschema.validate(json.loads(render("json", api.lint(data=LINES), Look())), schema("lint"))


def test_rules_follow_their_schema() -> None:
    shape = json.loads(render("json", Rules(all_codes()), Look()))
    jsonschema.validate(shape, closed(schema("rules")))


def test_the_schemas_are_schemas() -> None:
    for kind in ("lint", "rules"):
        jsonschema.Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_what_is_found(name: str, tmp_path: Path) -> None:
    build_tree(tmp_path, [file(".dockerignore", LINES), "a"])
    text = render(name, api.lint([str(tmp_path)]), Look())
    assert "CTX102" in text
    assert "\x1b" not in text


def test_the_list_of_paths_is_cut_and_says_so(tmp_path: Path) -> None:
    made = [f"web/node_modules/{number}" for number in range(1200)]
    build_tree(tmp_path, [file(".dockerignore", b"node_modules\n"), "web/package.json", *made])
    shape = json.loads(render("json", api.lint([str(tmp_path)]), Look()))
    (finding,) = shape["findings"]
    ignored = finding["fix"]["effect"]["ignored"]
    assert (ignored["files"], len(ignored["paths"]), ignored["left_out"]) == (1200, 1000, 201)
    assert ignored["paths"][:2] == ["web/node_modules/", "web/node_modules/0"]
    jsonschema.validate(shape, closed(schema("lint")))
