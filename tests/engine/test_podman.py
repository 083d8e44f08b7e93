"""Where Podman looks for ignore files, how it reads them, and what they do not hide from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.errors import IgnoreFileError
from tests.oracles.engines import Podman
from tests.trees import COPY_ALL, Node, build_tree, file

FILES = ("a", "b", "c", "d")
CF = file("cf/C.p", COPY_ALL)
BESIDE, GENERAL = file("cf/C.p.dockerignore", b"a\n"), file("myproj/.dockerignore", b"c\n")
INSIDE = file("myproj/cf/C.p.dockerignore", b"b\n")

PLACES: dict[str, tuple[list[str | Node], str, str]] = {
    "beside it": ([CF, BESIDE, GENERAL], "cf/C.p", "c"),
    "in the context": ([CF, BESIDE, INSIDE, GENERAL], "cf/C.p", "b"),
    "in the context, of Podman's name": (
        [CF, BESIDE, file("myproj/cf/C.p.containerignore", b"d\n"), GENERAL],
        "cf/C.p",
        "d",
    ),
    "in the context, of both names": (
        [CF, INSIDE, file("myproj/cf/C.p.containerignore", b"d\n")],
        "cf/C.p",
        "b",
    ),
    "a dot in front": ([CF, BESIDE, INSIDE], "./cf/C.p", "b"),
    "from beside the context": ([CF, BESIDE, GENERAL], "myproj/../cf/C.p", "c"),
    "out of the context and back": (
        [CF, BESIDE, GENERAL, "other/x", file("myproj/up", b"")],
        "other/../cf/C.p",
        "c",
    ),
    "in the context itself": (
        [file("myproj/C.p", COPY_ALL), file("myproj/C.p.dockerignore", b"a\n"), GENERAL],
        "myproj/C.p",
        "c",
    ),
    "a Dockerfile of the context alone": (
        [file("myproj/sub/C.p", COPY_ALL), file("myproj/sub/C.p.dockerignore", b"a\n"), GENERAL],
        "sub/C.p",
        "a",
    ),
    "an absolute path": ([CF, BESIDE, INSIDE, GENERAL], "{}/cf/C.p", "a"),
}
"""What lies there, the value of `-f`, and the file that is ignored."""


@pytest.mark.parametrize("name", PLACES)
def test_a_relative_dockerfile_has_its_ignore_file_in_the_context(
    buildah: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    nodes, dockerfile, hidden = PLACES[name]
    monkeypatch.chdir(build_tree(tmp_path / "top", [*nodes, *(f"myproj/{e}" for e in FILES)]))
    dockerfile = dockerfile.format(tmp_path / "top")
    result = buildah.build_buildah("myproj", dockerfile=dockerfile)
    assert {*FILES} - {*result.names} == {hidden}, result.error
    listing = api.ls("myproj", dockerfile=dockerfile, builder="podman")
    assert {*FILES} - {each.path for each in listing} == {hidden}
    report = api.measure("myproj", dockerfile=dockerfile, builder="podman")
    passed = [each for each in report.problems if each.code == "ignore-file-passed-over"]
    assert bool(passed) == ((BESIDE in nodes and hidden != "a") or name == "in the context itself")


TREE = ("a", "b", "c/x", "d e", "f ", "g/h", "i/j k", "i/j k /l")
LINES = (
    *(b"a\r\nb\r\n", b"a/\r\n", b"c/x/\r\nb", b"c/ \r\n", b"i/j k/\r\n", b"i/j k /\r\n"),
    *(b"f /\r\n", b"f /\n", b"d e\r\n", b" a\r\n", b"/a/\r\n", b"/\r\n", b"*\r\n!a\r\n"),
    *(b"*\r\n!c/x/\r\n", b"*\r\n!c/../a\r\n", b"*\r\n!c/\r\n", b"*\n!f /\r\n", b"*\n!c/ \r\n"),
    *(b"#a\r\nb\r\n", b"\r\na\r\n", b"c/./x\r\n", b"c/..\r\n", b"c/../a/\r\n", b"a\r", b"!\r\n"),
)


@pytest.mark.parametrize("data", LINES, ids=ascii)
def test_a_path_is_cleaned_before_its_cr_goes(buildah: Podman, tmp_path: Path, data: bytes) -> None:
    nodes = [*TREE, file("Dockerfile", COPY_ALL), file(".dockerignore", data)]
    root = build_tree(tmp_path / "c", nodes)
    result = buildah.build_buildah(root)
    if result.error is not None:
        with pytest.raises(IgnoreFileError, match="illegal exclusion pattern"):
            api.measure(str(root), builder="podman")
        return
    found = {each.path for each in api.ls(str(root), builder="podman")}
    assert found == {each.rstrip("/") for each in result.names}
    report = api.measure(str(root), builder="podman")
    assert report.ignore_file is not None
    assert not any(each.source.endswith("\r") for each in report.ignore_file.patterns)
