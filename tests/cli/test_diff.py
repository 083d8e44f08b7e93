"""`ctxsize diff`: two saved reports, or one and now."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.formats.golden import held
from tests.formats.test_schema import closed
from tests.trees import COPY_ALL, build_tree, file

SAVED = {
    "measure": ["measure", "--top", "1000", "--depth", "9", "--format", "json=../before.json"],
    "check": ["check", "--max", "1TB", "--format", "json=../before.json"],
    "baseline": ["check", "--baseline", "../before.json", "--update-baseline"],
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    nodes = [
        file("Dockerfile", COPY_ALL),
        file("gone.bin", size_bytes=2_000),
        file("lib/grows", size_bytes=100),
        file("lib/same", size_bytes=100),
    ]
    return build_tree(tmp_path / "ctx", nodes)


def change(context: Path) -> None:
    (context / "gone.bin").unlink()
    build_tree(context, [file("data/raw/new.bin", size_bytes=60_000_000)])
    (context / "lib/grows").write_bytes(b"x" * 5_000)


def save(cli: Cli, how: str, context: Path) -> None:
    if how == "ls":
        out = cli("ls", "--format", "json", cwd=context).raw
        (context.parent / "before.json").write_bytes(out)
    else:
        assert cli(*SAVED[how], cwd=context).code == 0


@pytest.mark.parametrize("how", ["ls", *SAVED])
def test_since_a_saved_report(cli: Cli, context: Path, how: str) -> None:
    save(cli, how, context)
    change(context)
    result = cli("diff", "../before.json", "--format", "json", cwd=context)
    assert (result.code, result.err) == (0, "")
    shape = json.loads(result.out)
    jsonschema.validate(shape, closed(schema("diff")))
    assert shape["delta_bytes"] == 60_000_000 - 2_000 + 4_900
    files = {each["path"]: (each["what"], each["delta_bytes"]) for each in shape["files"]}
    assert files == {
        "data/raw/new.bin": ("added", 60_000_000),
        "lib/grows": ("grew", 4_900),
        "gone.bin": ("removed", -2_000),
    }
    directories = {each["path"]: each["delta_bytes"] for each in shape["directories"]}
    assert directories["lib"] == 4_900
    assert 60_000_000 in directories.values()


def test_two_directories_as_text_and_markdown(cli: Cli, context: Path, tmp_path: Path) -> None:
    save(cli, "ls", context)
    change(context)
    (tmp_path / "after.jsonl").write_bytes(cli("ls", "--format", "json", cwd=context).raw)
    sides = ["before.json", "after.jsonl"]
    held("diff.txt", cli("diff", *sides, cwd=tmp_path).out)
    held("diff-full.txt", cli("diff", *sides, "--full", cwd=tmp_path).out)
    held("diff.md", cli("diff", *sides, "--format", "markdown", cwd=tmp_path).out)
    assert (
        cli("diff", "ctx", "after.jsonl", cwd=tmp_path).out == "The same size: 60.0 MB in 4 files\n"
    )


def test_a_short_report_says_that_it_is_short(cli: Cli, context: Path) -> None:
    assert cli("measure", "--top", "1", "--format", "json=../before.json", cwd=context).code == 0
    change(context)
    assert "smaller changes" in cli("diff", "../before.json", cwd=context).out
    out = cli("diff", "../before.json", "--full", cwd=context).out
    assert "smaller changes" in out
    # They may have been there with up to 2,000 bytes, unlisted.
    assert "+60.0 MB         at least  data/raw/new.bin" in out
    assert "+3.0 kB         at least  lib/grows" in out


WRONG = [
    (b"", 0, "The same"),
    (b"{}", 2, "is no saved report"),
    (b"[]", 2, "is no saved report"),
    (b"hello", 2, "is no saved report"),
    (b"\xff", 2, "is no saved report"),
    (b'{"kind": "file"}', 2, "is no saved report"),
    (b'{"context": {"tree": 3}}', 2, "is no saved report"),
    (b'{"version": 1, "contexts": {"a": 3}}', 2, "is no baseline"),
]


@pytest.mark.parametrize(("data", "code", "said"), WRONG)
def test_what_is_no_report(cli: Cli, tmp_path: Path, data: bytes, code: int, said: str) -> None:
    context = build_tree(tmp_path / "ctx", [])
    (tmp_path / "r.json").write_bytes(data)
    result = cli("diff", "../r.json", cwd=context)
    assert result.code == code
    assert said in result.out + result.err


def test_one_of_several_contexts(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repo", [file("a/x", size_bytes=3), file("b/y", size_bytes=5)])
    (root / "ctxsize.toml").write_text('max = "1GB"\n[contexts.a]\n[contexts.b]\n')
    assert cli("check", "--format", "json=r.json", cwd=root).code == 0
    result = cli("diff", "r.json", "a", cwd=root)
    assert (result.code, result.out) == (2, "")
    assert "r.json: has several contexts (add --name with one of a, b)" in result.err
    assert (
        cli("diff", "r.json", "b", "--name", "b", cwd=root).out == "The same size: 5 B in 1 file\n"
    )
    assert cli("diff", "r.json", "b", "--name", "c", cwd=root).code == 2


def test_a_report_that_is_missing_is_an_input_error(cli: Cli, tmp_path: Path) -> None:
    result = cli("diff", "nope", cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "nope: the report cannot be read: No such file" in result.err
