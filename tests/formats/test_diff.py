"""Unified diffs: as `patch` reads them, and safe to look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ctxsize.findings import Edit
from ctxsize.formats import Look
from ctxsize.formats.exchange import diff
from tests.oracles.availability import require

CASES = {
    "new": (None, b"a\nb\n"),
    "added": (b"a\nb\n", b"a\nb\nc\n"),
    "removed": (b"a\nb\nc\n", b"a\nc\n"),
    "no end before": (b"a\nb", b"a\nb\nc\n"),
    "no end after": (b"a\nb\n", b"a\nb"),
    "no end at all": (b"x\na", b"y\na"),
    "crlf": (b"a\r\nb\r\n", b"a\r\nb\r\nc\r\n"),
    "two places": (b"1\n" * 20 + b"x\n", b"y\n" + b"1\n" * 20),
    "looks like a header": (b"-- a\n", b"++ b\n@ c\n"),
}


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile dev.dockerignore", 'q"uote'])
@pytest.mark.parametrize("case", CASES)
def test_git_applies_it(tmp_path: Path, case: str, name: str) -> None:
    require("git")
    before, after = CASES[case]
    path = tmp_path / name
    if before is not None:
        path.write_bytes(before)
    text = diff([Edit(name, before, after)], Look())
    applied = subprocess.run(
        ["git", "apply", "-p0", "-"], cwd=tmp_path, input=text.encode(), capture_output=True
    )
    assert applied.stderr == b""
    assert path.read_bytes() == after


def test_nothing_changes_nothing() -> None:
    assert diff([Edit("a", b"x", b"x")], Look()) == ""


def test_text() -> None:
    edits = [Edit("a\n", b"keep\nold\x1b[31m\n", b"keep\n\xff\tnew"), Edit("new", None, b"")]
    assert diff(edits, Look()) == (
        '--- "a\\n"\n+++ "a\\n"\n@@ -1,2 +1,2 @@\n keep\n-old\\033[31m\n+\\377\tnew\n'
        "\\ No newline at end of file\n--- /dev/null\n+++ new\n"
    )


def test_colours() -> None:
    assert diff([Edit("a", b"x\n", b"y\n")], Look(colour=True)) == (
        "\x1b[1m--- a\x1b[0m\n\x1b[1m+++ a\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n"
        "\x1b[1;31m-x\x1b[0m\n\x1b[1;32m+y\x1b[0m\n"
    )
