"""What the engines answered where a rule of one builder decides, in tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine.builders import CLASSIC, PODMAN
from ctxsize.findings import Severity
from tests.engine.ours import ask
from tests.oracles.trees import Node, build_tree, directory, file

ERROR = Severity.ERROR

NODES: list[str | Node] = [
    *("bar/ab", "bar/cd", "foo/x/q", "foo/x/y/z", "deep/a/b/c/d", "top"),
    directory("e"),
    file("Dockerfile", b"FROM scratch\nCOPY . /\n"),
]
FOO = ["foo/", "foo/x/", "foo/x/y/", "foo/x/y/z"]
PARENTS: dict[str, list[str]] = {
    "*\n!bar/ab\n": ["bar/", "bar/ab"],
    "**\n!bar/ab\n": ["bar/", "bar/ab"],
    "**/*\n!bar/ab\n": ["bar/", "bar/ab"],
    "*\n!bar/*\n": ["bar/", "bar/ab", "bar/cd"],
    "*\n!foo/x/y\n": FOO,
    "*\n!foo/x/y/z\n": FOO,
    "*\n!foo\nfoo/x/q\n": FOO,
    "*\n!deep/a/b/c/d\n!top\n": [
        *("deep/", "deep/a/", "deep/a/b/", "deep/a/b/c/", "deep/a/b/c/d", "top")
    ],
    "*\n!e\n": ["e/"],
    "*\n!e/none\n": [],
    "*\n!bar/none\n": [],
    "*\n!**/ab\n": [],
    "*\n!*/ab\n": [],
    "*\n!ba\n": [],
}
"""The image of `COPY .`, the same of Buildah 1.39.3 and 1.43.2."""


@pytest.mark.parametrize("ignorefile", PARENTS)
def test_podman_lists_the_parents_of_what_an_exception_brings_back(
    ignorefile: str, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "ctx", NODES)
    (root / ".dockerignore").write_text(ignorefile)
    assert [*ask(root, builder=PODMAN).names] == PARENTS[ignorefile]


BOM, FAILS = b"\xef\xbb\xbf", True
MARKED: dict[bytes, bool] = {
    BOM + b"a\tb\n": FAILS,
    BOM + b"x\na\x01b\n": FAILS,
    BOM + b"\na\x01b\n": FAILS,
    BOM + b"#c\na\tb\n": FAILS,
    BOM + b"!a\tb\n": FAILS,
    BOM + b"a\rb\n": FAILS,
    BOM + b"a\x7fb\n": FAILS,
    BOM + b"a\x00b\n": FAILS,
    BOM + b"a\\\tb\n": FAILS,
    BOM + b"a[\t]b\n": FAILS,
    BOM + "#é\na\tb\n".encode(): FAILS,
    BOM + BOM + b"a\tb\n": not FAILS,
    BOM + "é\na\tb\n".encode(): not FAILS,
    BOM + b" " + BOM + b"x\na\tb\n": not FAILS,
    BOM + b"#\t\x01\nx\n": not FAILS,
    BOM + b"a\t\n": not FAILS,
    b"x\n" + BOM + b"\na\tb\n": not FAILS,
    b"a" + BOM + b"\na\tb\n": not FAILS,
    b"\xff\na\tb\n": not FAILS,
}
"""Whether the header of the request refuses the list: the same of Docker 26.1.5 and 28.5.2."""


@pytest.mark.parametrize("data", MARKED, ids=ascii)
def test_a_byte_order_mark_makes_no_control_character_legal(data: bytes, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["a", file(".dockerignore", data)])
    for builder in (CLASSIC, PODMAN):
        assert ask(root, builder=builder).error is None
    error = ask(root).error
    assert (error is not None) == MARKED[data], error
    if error is not None:
        assert "non-printable ASCII" in error.message
    lint = api.lint([str(root / ".dockerignore")])
    stopped = [each for each in lint.findings if each.code == "CTX122" and each.severity is ERROR]
    assert bool(stopped) == MARKED[data]
