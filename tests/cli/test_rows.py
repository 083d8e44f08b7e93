"""Builds that are alike share a row, and each command counts the same builds and bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.conftest import Cli
from tests.trees import build_tree, file

ALL = b"FROM alpine\nARG V\nCOPY . /\n"
TWINS = [
    file("web/Dockerfile", ALL),
    file("web/.serena/cache/x.pkl", size_bytes=3_000_000),
    file("web/a", size_bytes=1_000_000),
    file("api/Dockerfile", ALL),
    file("api/a", size_bytes=2_000_000),
    file("Makefile", b"a:\n\tdocker build --build-arg V=1 web\nb:\n\tdocker build web\n"),
    file("compose.yaml", b"services:\n  api: {build: api}\n"),
]


def test_builds_that_differ_in_nothing_that_is_sent_are_one_row(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", TWINS)
    first = cli(cwd=root).out
    assert first.startswith("No Dockerfile here, and 3 builds below: 6.0 MB would be sent")
    assert re.search(r"4\.0 MB +3\.0 MB +none +web \(2 builds\)", first), first
    assert len(re.findall("none +web", first)) == 1
    scanned = cli("scan", cwd=root).out
    assert "3 builds, the most costly first" in scanned
    assert re.search(r"4\.0 MB +3\.0 MB .* web \(2 builds\)", scanned), scanned
    assert "3.0 MB of 6.0 MB that 3 builds" in cli("suggest", "--all", cwd=root).out
    refused = cli("measure", cwd=root).err
    assert "3 builds found: name one" in refused
    assert "ctxsize measure api\n  ctxsize measure web\n" in refused, refused


NAMED = [
    file("a/Dockerfile", b"FROM scratch\nCOPY --from=made . /\n"),
    file("b/Dockerfile", b"FROM scratch\nCOPY . /\n"),
    file("b/x", size_bytes=1_000_000),
    file("made/y", size_bytes=7_000_000),
    file(
        "compose.yaml",
        b"services:\n  a: {build: {context: a, additional_contexts: {made: ./made}}}\n"
        b"  b: {build: b}\n",
    ),
]


def test_named_contexts_are_sent_in_every_command(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", NAMED)
    context = ("--build-context", "made=made", "a")
    assert "7.0 MB in 1 file would be sent" in cli("measure", *context, cwd=root).out
    assert re.search(r"7\.0 MB +0 B .* a\n", cli("scan", cwd=root).out)
    (row, _) = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    assert row["transfer"]["content_bytes"] == 0
    assert row["named_contexts"] == {"content_bytes": 7_000_000, "files": 1}
    first = cli(cwd=root).out
    assert "2 builds below: 8.0 MB would be sent" in first
    assert re.search(r"7\.0 MB +0 B +none +a\n", first)
    checked = cli("check", "--max", "5MB", "--of", "transfer", *context, cwd=root)
    assert checked.code == 1
    assert "7.0 MB" in checked.out
