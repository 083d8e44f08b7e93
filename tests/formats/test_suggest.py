"""Advice as text and JSON: golden files, and the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ctxsize import api
from ctxsize.formats import Look, render
from ctxsize.formats import text as texts
from ctxsize.formats.json import schema
from ctxsize.formats.sections import suggested
from tests.formats.golden import held
from tests.formats.test_schema import closed
from tests.recommender.projects import PROJECTS
from tests.trees import build_tree, file

CASES = {
    "suggest-rust.txt": ("rust", {}, Look()),
    "suggest-rust-full.txt": ("rust", {}, Look(full=True)),
    "suggest-rust.md": ("rust", {}, Look()),
    "suggest-rust-60.txt": ("rust", {}, Look(width=60)),
    "suggest-rust-colour.txt": ("rust", {}, Look(colour=True)),
    "suggest-rust-written.txt": ("rust", {"write": True}, Look()),
    "suggest-python.txt": ("python", {}, Look()),
    "suggest-terraform.json": ("terraform", {}, Look()),
}


@pytest.mark.parametrize("name", CASES)
def test_advice_looks_as_kept(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, options, look = CASES[name]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", PROJECTS[project].nodes))
    advice = api.suggest(**options)  # type: ignore[arg-type]
    formats = {".json": "json", ".md": "markdown"}
    held(name, render(formats.get(Path(name).suffix, "text"), advice, look))


def test_all_that_there_is_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"FROM base.invalid/x AS b\nCOPY . .\nRUN make\nFROM scratch\nCOPY bin/app .npmrc /\n"
    nodes = [
        *("go.mod", "docs/index.md", "main.go", "target/release/app", "Cargo.toml"),
        file("bin/app", b"\x7fELF", size_bytes=30_000_000),
        file("media/film.mov", size_bytes=90_000_000),
        file("data/rows.csv", size_bytes=70_000_000),
        file("main.go", b"//go:embed docs/index.md\n"),
        file(".npmrc", b"//r.example.org/:_authToken=x\n"),
    ]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", [file("Dockerfile", text), *nodes]))
    advice = api.suggest()
    held("suggest-everything.txt", render("text", advice, Look()))
    held(
        "suggest-everything-explained.txt",
        texts.render(suggested.rules(advice, [], Look()), Look()),
    )
    held(
        "suggest-explained.txt",
        texts.render(suggested.rules(advice, ["rust.target", "go.bin"], Look()), Look()),
    )


@pytest.mark.parametrize("name", PROJECTS)
def test_advice_follows_the_schema(name: str, tmp_path: Path) -> None:
    root = str(build_tree(tmp_path / "ctx", PROJECTS[name].nodes))
    for write in (False, True):
        shape = json.loads(render("json", api.suggest(root, write=write), Look()))
        jsonschema.validate(shape, closed(schema("suggest")))
