"""Sources that Podman finds or not: our verdict is that of the real buildah."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.formats.wording import level
from tests.oracles.engines import Podman
from tests.transfer.test_engine_fails import LINKS, TREE
from tests.trees import build_tree, file, link

S = "FROM scratch\n"
MORE: dict[str, tuple[str, str]] = {
    "missing": ("", S + "COPY none /o/\n"),
    "missing beside another": ("", S + "COPY none app /o/\n"),
    "no match": ("", S + "COPY none* /o/\n"),
    "no match beside another": ("", S + "COPY none* app /o/\n"),
    "hidden": ("app", S + "COPY app /o/\n"),
    "hidden directory": ("v1", S + "COPY v1 /o/\n"),
    "hidden directory with an exception": ("v1\n!v1/x", S + "COPY v1 /o/\n"),
    "hidden directory, other exception": ("*\n!app", S + "COPY v1 /o/\n"),
    "hidden entries": ("v1/*", S + "COPY v1 /o/\n"),
    "all matches hidden": ("v1/*", S + "COPY v1/* /o/\n"),
    "a match hidden": ("v1/x", S + "COPY v1/* /o/\n"),
    "dangling": ("", S + "COPY gone /o/\n"),
    "dangling match": ("", S + "COPY gon* /o/\n"),
    "all hidden": ("*", S + "COPY . /o/\n"),
    "all matches of a star hidden": ("*", S + "COPY * /o/\n"),
    "out of the context": ("", S + "COPY ../app /o/\n"),
    "in a stage that is not needed": (
        "",
        "FROM scratch AS a\nCOPY none /\nFROM scratch\nCOPY app /\n",
    ),
}
# Mounts need a command, which this buildah cannot run.
CASES = {name: each for name, each in LINKS.items() if "--" not in each[1]} | MORE


@pytest.mark.parametrize("name", CASES)
def test_a_source_is_found_or_the_build_fails(buildah: Podman, tmp_path: Path, name: str) -> None:
    ignoring, text = CASES[name]
    nodes = [*TREE, link("gone", "none"), file(".dockerignore", ignoring.encode())]
    root = build_tree(tmp_path / "context", nodes)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)
    error = buildah.build_buildah(root, dockerfile=dockerfile).error
    report = api.measure(str(root), dockerfile=str(dockerfile), builder="podman")
    assert (level(report) == "build-fails") == (error is not None), error
