"""What the engines answered where a rule of one builder decides, in tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.engine.builders import PODMAN
from tests.engine.ours import ask
from tests.oracles.trees import Node, build_tree, directory, file

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
