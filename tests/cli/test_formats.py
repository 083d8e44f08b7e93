"""`--format NAME[=FILE]`: several at once, each in its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import build_tree, file


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", ["a", file("b/c", size_bytes=1_000_000)])


def test_several_at_once(cli: Cli, context: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    plain = cli("measure", ".", cwd=context)
    result = cli("measure", ".", "--format", "text", "--format", f"json={out}", cwd=context)
    assert (result.code, result.out, result.err) == (0, plain.out, "")
    assert json.loads(out.read_text()) == json.loads(
        cli("measure", ".", "--format", "json", cwd=context).out
    )


def test_only_a_file_leaves_stdout_empty(cli: Cli, context: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    result = cli(
        "measure", ".", "--format", f"text={out}", "--color", "always", cwd=context, columns=60
    )
    assert (result.code, result.out) == (0, "")
    assert out.read_text() == cli("measure", ".", cwd=context).out


def test_stdout_may_be_named(cli: Cli, context: Path) -> None:
    assert cli("measure", ".", "--format", "json=-", cwd=context).out.startswith("{")


WRONG = [
    (["xml"], "no such format: 'xml' (one of text, json"),
    (["=x"], "no such format: ''"),
    (["json="], "'json=' has no file name"),
    (["text", "json"], "several formats for stdout"),
    (["text", "json=-"], "several formats for stdout"),
    (["text=a", "json=./a"], "several formats for './a'"),
]


@pytest.mark.parametrize(("formats", "message"), WRONG)
def test_an_unknown_format_is_a_usage_error(
    cli: Cli, context: Path, formats: list[str], message: str
) -> None:
    arguments = [word for each in formats for word in ("--format", each)]
    result = cli("measure", *arguments, cwd=context)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"ctxsize: error: [^\n]+\n", result.err)
    assert message in result.err
    assert not (context / "a=").exists()


def test_a_file_that_cannot_be_written(cli: Cli, context: Path) -> None:
    result = cli("measure", "--format", "text", "--format", "json=nope/out.json", cwd=context)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"ctxsize: error: nope/out\.json: cannot be written: [^\n]+\n", result.err)
