"""Hostile names and lines in every format: nothing that a terminal or a log would obey."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ctxsize.config import load
from ctxsize.formats import FORMATS
from tests.cli.conftest import Cli, cli
from tests.trees import build_tree, file

__all__ = ["cli"]

NAMES = {
    "escape": "\x1b[2J\x1b]0;x\x07",
    "c1": "\x9b2J\x85",
    "newline": "a\n::error::owned\n##[error]owned",
    "carriage return": "a\r::error::owned",
    "percent": "%0A::error::owned%1B",
    "bidi": "a\u202e\u2066gpj.exe\u200b\ufeff",
    "markup": "<img src=x>`|**[a](b)&amp;\"'",
    "undecodable": "a\udcff\udc9b",
    "separators": "a\u2028\u2029b,c:d;e=f",
}
COMMANDS = (
    "measure",
    "suggest",
    "lint",
    "scan",
    "advise",
    "clean",
    "check --max 1B",
    "diff old.json",
    "check --all --max 1B",
)
TRIALS = [(name, command) for name in NAMES for command in COMMANDS]


def planted(top: Path, name: str) -> Path:
    """A tree whose names, lines and values are all `name`, with a finding of each command."""
    line = name.encode("utf-8", "surrogateescape").replace(b"\n", b" ").replace(b"\r", b" ")
    dockerfile = b"FROM node AS b\nCOPY . /" + line + b"\nRUN npm ci && pip install " + line + b"\n"
    return build_tree(
        top / "r",
        [
            file("Dockerfile", dockerfile),
            file(".dockerignore", b"x\nx\n" + line + b"\n/../" + line + b"\n*.py[cod\n"),
            file(name + "/Dockerfile", dockerfile),
            file(
                name + "/.dockerignore", b"node_modules\nnode_modules\nno/where\n!" + line + b"\n"
            ),
            file(name + "/package.json", b'{"scripts": {"a": "docker build ."}}'),
            file(name + "/compose.yaml", b"services: {a: {build: " + line + b"}}\n"),
            file(name + "/node_modules/.package-lock.json", b"{}"),
            file(name + "/.env", b"A=1\n"),
            file(name + "/target/" + name, b"x" * 5000),
            file("Cargo.toml", b"[package]\n"),
            file(
                "target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# by cargo\n"
            ),
            file("target/.rustc_info.json", b"{}"),
            file("target/" + name, b"1"),
            file(
                "ctxsize.toml", b"[[suppress]]\ncode = 'CTX101'\nreason = 'x'\npath = 'nowhere'\n"
            ),
        ],
    )


def assert_tame(text: str) -> None:
    """Assert that there is no control character but the end of a line, and nothing that hides."""
    odd = {
        each
        for each in text
        if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each != "\n"
    }
    assert not odd, sorted(map(ascii, odd))


@pytest.mark.parametrize(("name", "command"), TRIALS)
def test_no_name_of_a_file_breaks_a_format(
    name: str, command: str, cli: Cli, tmp_path: Path
) -> None:
    root = planted(tmp_path, NAMES[name])
    if command.startswith("diff"):
        (root / "old.json").write_bytes(cli("measure", "--format", "json", cwd=root).raw)
        (root / (NAMES[name] + "/new")).write_bytes(b"x" * 100)
    for style in FORMATS:
        result = cli(*command.split(), "--format", style, cwd=root)
        assert result.code in (0, 1, 2), result.err
        assert_tame(result.err)
        assert_tame(result.out)
        if not result.out:
            continue
        if style in ("json", "sarif", "gitlab"):
            json.loads(result.out)
        elif style == "junit":
            ElementTree.fromstring(result.out)
        elif style == "github":
            for line in result.lines:
                assert re.match("::(error|warning|notice) (file|title)=|::(end)?group|[^:#]", line)
                assert "::error::owned" not in line or line.startswith("::")
                assert "##[" not in line or line.startswith("::")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_file_breaks_a_listing_or_what_init_writes(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    root = planted(tmp_path, NAMES[name])
    (root / "ctxsize.toml").unlink()
    for command in (["ls", "--why"], ["explain", "--json", NAMES[name]], ["init", "--dry-run"]):
        result = cli(*command, cwd=root)
        assert result.code in (0, 2), result.err
        assert_tame((result.out + result.err).replace("\t", ""))
    written = cli("init", cwd=root)
    assert_tame(written.out + written.err)
    assert written.code in (0, 2)  # a build with a name that is not UTF-8 is left out
    assert (root / "ctxsize.toml").exists() == (written.code == 0)
    assert bool(load(str(root)).contexts) == (written.code == 0)
