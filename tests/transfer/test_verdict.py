"""The verdict of `measure`: it goes by sizes, and by whether the build fails; names say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.formats.json import render
from ctxsize.formats.wording import LARGE_BYTES, MANY_FILES, TOO_LARGE_BYTES, level
from tests.trees import COPY_ALL, Node, build_tree, fifo, file, link

pytestmark = pytest.mark.usefixtures("each_walk")

MB = 1_000_000
ALL = file("Dockerfile", COPY_ALL)
BUILDERS = ("buildkit", "classic", "podman")
FINE: dict[str, list[str | Node]] = {
    "a small project": [ALL, "package.json", file("package-lock.json", size_bytes=600_000)],
    "packages": [ALL, "package.json", file("node_modules/a/index.js", size_bytes=9 * MB)],
    "a repository": [ALL, ".git/HEAD", file(".git/objects/pack/p", size_bytes=9 * MB)],
    "build output": [ALL, "target/CACHEDIR.TAG", file("target/a", size_bytes=9 * MB)],
    "what git ignores": [ALL, file(".gitignore", b"/data/\n"), file("data/a", size_bytes=9 * MB)],
    "names of secrets": [ALL, ".env", "keys/id_rsa", "tls/server.pem", ".aws/credentials"],
    "one file is most of it": [ALL, file("a.bin", size_bytes=40 * MB)],
}


def copying(*sources: str) -> Node:
    lines = "".join(f"COPY {each} /\n" for each in sources)
    return file("Dockerfile", b"FROM scratch\n" + lines.encode())


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", FINE)
def test_names_say_nothing_to_measure(case: str, builder: str, tmp_path: Path) -> None:
    report = api.measure(str(build_tree(tmp_path / "c", FINE[case])), builder=builder)
    assert level(report) == "fine"
    shape = json.loads(render(report))
    assert shape["verdict"] == {"level": "fine"}
    text = json.dumps([shape[key] for key in shape if key not in ("context", "transfer")])
    assert not any(word in text for word in ("unneeded", "secret", "git-ignored", "reasons"))


def test_sizes_make_the_verdict(tmp_path: Path) -> None:
    for number, (size_bytes, files, expected) in enumerate(
        [
            (LARGE_BYTES - 100, 1, "fine"),
            (LARGE_BYTES, 1, "worth-a-look"),
            (TOO_LARGE_BYTES, 1, "too-big"),
            (MANY_FILES, MANY_FILES, "worth-a-look"),
        ]
    ):
        parts = [file(f"d/{at}", size_bytes=size_bytes // files) for at in range(files)]
        assert (
            level(api.measure(str(build_tree(tmp_path / str(number), [ALL, *parts])))) == expected
        )


HOSTILE = {
    "a FIFO": fifo(".gitignore"),
    "a link": link(".gitignore", "/dev/zero"),
    "sparse": file(".gitignore", size_bytes=3_000 * MB),
    "stars": file(
        ".gitignore", b"*a*a*a*a*a*a*a*a*a*b\n**/**/**/**/a/**/*b\n" + b"**/" * 9 + b"a" * 200
    ),
    "a lone backslash": file(".gitignore", b"data\\\n\\\n!\n/\n[\n"),
    "many patterns": file(".gitignore", b"".join(b"a*%x\na%x*\n" % (n, n) for n in range(60_000))),
    "no UTF-8": file(".gitignore", b"\xff\n\x00\n"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_gitignore_stops_no_first_screen(case: str, tmp_path: Path) -> None:
    nodes = [ALL, HOSTILE[case], file("a" * 200 + "/" + "a" * 200, size_bytes=9_000)]
    glance = api.glance(str(build_tree(tmp_path / "c", nodes)))
    assert glance.advice is not None


@pytest.mark.parametrize(("ignored", "found"), [(b"nothing\n", True), (b"src\n", False)])
def test_the_verdict_is_no_milder_than_a_source_that_is_not_found(
    tmp_path: Path, *, ignored: bytes, found: bool
) -> None:
    root = build_tree(tmp_path, [copying("src"), "src/index.js", file(".dockerignore", ignored)])
    report = api.measure(str(root))
    assert level(report) == ("fine" if found else "build-fails")
    (root / "src/index.js").unlink()
    (root / "src").rmdir()
    assert level(api.measure(str(root))) == "build-fails"
