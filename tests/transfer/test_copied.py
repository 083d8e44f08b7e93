"""What each source copies of what is sent for it, held against the image of a real build.

Each file has a base name of its own, by which it is found in the image.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.model import Kind
from tests.oracles.availability import unavailable
from tests.oracles.buildkit import BuildResult
from tests.oracles.dockerd import FRONTEND
from tests.oracles.engines import MODE, Docker
from tests.trees import Node, build_tree, file, link

TREE: list[str | Node] = [
    file(".dockerignore", b"Dockerfile\n.dockerignore\n"),
    *("a", "b.log", "docs/x.md", "docs/y/z.txt", "docs/y/w.md", "src/m.py", "src/k.log"),
    *("src/docs/q.md", "src/docs/r/t.log", "data/docs/u.md", "data/v.log", "e/"),
    *(link("ln", "docs"), link("dl", "src"), link("li", "src/docs"), link("src/up", "../a")),
]
ON_THE_WAY = {"ln", "dl", "li"}
"""Symlinks that a source names: they are sent, and the image has what they lead to."""

CASES = {
    "a directory": "COPY --exclude=docs . /o/",
    "a directory with a slash": "COPY --exclude=docs/ . /o/",
    "not from the root": "COPY --exclude=/docs . /o/",
    "cleaned": "COPY --exclude=src/../docs --exclude=./src . /o/",
    "at any depth": "COPY --exclude=**/docs . /o/",
    "several": "COPY --exclude=docs --exclude=*.log . /o/",
    "relative to the directory": "COPY --exclude=docs src /o/",
    "not relative to the context": "COPY --exclude=src/docs src /o/",
    "the directory itself": "COPY --exclude=docs docs /o/",
    "the file itself": "COPY --exclude=a --exclude=x.md a docs/x.md /o/",
    "in one of two": "COPY --exclude=docs src data /o/",
    "in all of them": "COPY --exclude=* src data /o/",
    "all": "COPY --exclude=** . /o/",
    "copied again": "COPY --exclude=docs --exclude=!docs/x.md . /o/",
    "excluded after all": "COPY --exclude=!docs/x.md --exclude=docs . /o/",
    "copied again alone": "COPY --exclude=!a . /o/",
    "all but one": "COPY --exclude=** --exclude=!src/m.py . /o/",
    "all but a directory": "COPY --exclude=* --exclude=!src . /o/",
    "no pruning": "COPY --exclude=* --exclude=!src/*/** . /o/",
    "contents": "COPY --exclude=docs/* . /o/",
    "contents at any depth": "COPY --exclude=docs/** . /o/",
    "a question mark": "COPY --exclude=do?s . /o/",
    "a class": "COPY --exclude=[sd]* . /o/",
    "empty": "COPY --exclude= . /o/",
    "of a wildcard": "COPY --exclude=*.md d*s /o/",
    "of files of a wildcard": "COPY --exclude=*.md docs/* /o/",
    "below a wildcard": "COPY --exclude=z.txt docs/* /o/",
    "the match of a wildcard": "COPY --exclude=y --exclude=docs/y docs/* /o/",
    "of everything by a star": "COPY --exclude=**/docs * /o/",
    "of a link": "COPY --exclude=x.md ln /o/",
    "through a link": "COPY --exclude=w.md ln/y /o/",
    "a link": "COPY --exclude=ln --exclude=src/up . /o/",
    "of a wildcard that matches a link": "COPY --exclude=y l* /o/",
    "ADD": "ADD --exclude=docs --exclude=*.log . /o/",
    "ADD of a directory": "ADD --exclude=*.log src /o/",
    "no variable": "ARG E=docs\nCOPY --exclude=$E . /o/",
    "a wildcard before a name": "COPY */docs /o/",
    "a wildcard before a name, without some": "COPY --exclude=r */docs /o/",
    "a wildcard that matches a link in the middle": "COPY d?*/docs /o/",
    "a star behind a link": "COPY dl/* /o/",
    "two instructions": "COPY --exclude=docs . /o/\nCOPY --exclude=src --exclude=data . /o/",
}
PATTERNS = (
    *("docs", "*.md", "*.log", "src", "y", "**/docs", "**", "*", "*/docs", "docs/y", "docs/*"),
    *("src/**", "!docs", "!docs/y", "!**/z.txt", "!src/docs/q.md", "!y", "!*.md", "/docs", "d*s"),
    *("[sd]*", "**/y", "*/*", "!src/*/**", "!**", "e", "!e", "a", "ln", "x.md", "**/*.md"),
    *("docs/**", "!docs/**", "r", "!r/t.log", "!*/r"),
)
SOURCES = (
    *(".", "src", "docs", "d*", "*", "docs/*", "s* d*", "ln", "src docs", ".", "src/docs", "li"),
    *("dl", "*/docs", "./", "a src", "data d*s", "l*", "d?*/docs", "src/*", "."),
)
PARENTS = {
    "a directory": "src",
    "two": "src docs/y",
    "behind a pivot": "src/./docs",
    "pivot at the root": "./src/docs",
    "a star": "*/docs",
    "a star behind a pivot": "src/./*",
    "two stars": "**/*.md",
    "two stars behind a pivot": "src/./**/*.md",
    "all of it": ".",
    "a link": "ln",
    "through a link": "ln/y",
    "a link before the pivot": "dl/./docs",
    "two pivots": "src/./docs/./r",
    "without a directory": "--exclude=docs src data",
    "without a path": "--exclude=src/docs src data",
    "without a path below the pivot": "--exclude=docs/r --exclude=src src/./docs",
    "without some of two stars": "--exclude=src --exclude=!src/docs **/*.md",
    "without some of a link": "--exclude=r dl/./docs",
    "without all": "--exclude=** src",
}


def random_lines() -> list[str]:
    """Sixty instructions with up to four excludes, the same in every run."""
    chance, lines = random.Random(35), []
    for _ in range(60):
        excludes = [f"--exclude={chance.choice(PATTERNS)}" for _ in range(chance.randint(1, 4))]
        keyword = chance.choice(("COPY", "COPY", "ADD"))
        lines.append(f"{keyword} {' '.join(excludes)} {chance.choice(SOURCES)} /o/")
    return lines


def planted(tmp_path: Path, text: str) -> Path:
    return build_tree(tmp_path / "context", [*TREE, file("Dockerfile", text.encode())])


def check_image(root: Path, image: BuildResult) -> None:
    """Each file of the image has a taker, each other one has none, and the sums are the image's."""
    assert image.error is None
    names = {os.path.basename(each.name) for each in image.entries if each.kind != "directory"}
    entries = [each for each in api.ls(str(root)) if each.kind is not Kind.DIRECTORY]
    explained = api.explain([each.path for each in entries], build=str(root))
    assert all(each.takers is not None for each in explained)
    taken = {os.path.basename(each.path) for each in explained if each.takers}
    # What `src/up` leads to has that name in the image.
    expected = names | ({"a"} if "up" in names and "a" in taken else set())
    assert taken - ON_THE_WAY == expected - ON_THE_WAY
    report = api.measure(str(root))
    assert report.transfer is not None
    if len(report.transfer.sources) == 1:
        # What a link leads to may be there twice.
        files = [each for each in image.entries if each.kind == "file"]
        sizes = {os.path.basename(each.name): each.size_bytes for each in files}
        (source,) = report.transfer.sources
        assert source.files == len(sizes)
        assert source.content_bytes == sum(sizes.values())


@pytest.mark.parametrize("name", CASES)
def test_takers_are_those_whose_files_the_image_has(
    docker: Docker, tmp_path: Path, name: str
) -> None:
    root = planted(tmp_path, f"FROM scratch\n{CASES[name]}\n")
    image = docker.build_buildkit(root)
    if docker.age == "older" and "--exclude" in CASES[name]:
        assert "unknown flag: exclude" in str(image.error)
        return
    check_image(root, image)


@pytest.mark.parametrize("line", random_lines())
def test_takers_of_random_excludes(docker: Docker, tmp_path: Path, line: str) -> None:
    root = planted(tmp_path, f"FROM scratch\n{line}\n")
    image = docker.build_buildkit(root)
    assert (image.error is None) == (docker.age == "newer")
    if image.error is None:
        check_image(root, image)


@pytest.mark.parametrize("name", PARENTS)
def test_takers_with_parents(docker: Docker, tmp_path: Path, name: str) -> None:
    if MODE == "record" and FRONTEND not in os.environ:
        unavailable(f"{FRONTEND} names no program")
    docker.live = docker.live and FRONTEND in os.environ
    head = "# syntax=docker/dockerfile:1.20\nFROM scratch\n"
    root = planted(tmp_path, f"{head}COPY --parents {PARENTS[name]} /o/\n")
    image = docker.build_buildkit(root)
    if docker.age == "older" and image.error is not None:
        assert image.error.endswith('"/a": not found')  # which `src/up` leads to
        return
    check_image(root, image)
