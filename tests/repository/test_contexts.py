"""The context of a Dockerfile that only a command names, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.advice import advise
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

TEXT = b"FROM alpine\nCOPY . /\n"
SETTINGS = file("x/.idea/workspace.xml", size_bytes=20_000)  # worth an ignore file
RECIPES: dict[str, tuple[str, list[str | Node]]] = {
    "a script": (
        "",
        [file("x/Dockerfile", TEXT), file("x/b.sh", b"cd ..; docker build -f x/Dockerfile .\n")],
    ),
    "a script's own directory": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("x/b.sh", b'cd "$(dirname "$0")/.."\ndocker build -f x/Dockerfile .\n'),
        ],
    ),
    "a substitution": (
        "",
        [file("x/Dockerfile", TEXT), file("b.sh", b"ID=$(docker build -q -f x/Dockerfile .)\n")],
    ),
    "behind a subshell": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("b.sh", b"A=$(cd a && pwd)\n(cd a; b)\ndocker build -f x/Dockerfile .\n"),
        ],
    ),
    "a case": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("b.sh", b"case $1 in\n  x) docker build -f x/Dockerfile . ;;\nesac\n"),
        ],
    ),
    "an expression of a workflow": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file(
                ".github/workflows/a.yml",
                b"jobs:\n  a:\n    steps:\n"
                b"    - run: docker build -t ${{ github.sha }} -f x/Dockerfile .\n",
            ),
        ],
    ),
    "a function of make": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("Makefile", b"b:\n\tdocker build -t $(if $(T),a,b) -f x/Dockerfile .\n"),
        ],
    ),
    "a substitution of make": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("Makefile", b"b:\n\tdocker run $$(docker build -q -f x/Dockerfile .)\n"),
        ],
    ),
    "a Makefile": (
        "",
        [
            file("x/Dockerfile", TEXT),
            file("x/Makefile", b"b:\n\tcd .. && docker build -f x/Dockerfile .\n"),
        ],
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_context_is_the_one_that_is_written(name: str, tmp_path: Path) -> None:
    context, nodes = RECIPES[name]
    root = build_tree(tmp_path / "r", [*nodes, "a/x/y", "a/z"])
    found = [
        e for e in discover(str(root)).builds if (e.build.dockerfile or "").endswith("x/Dockerfile")
    ]
    assert [os.path.relpath(e.build.context, root) for e in found] == [context or "."]


CONTESTED: dict[str, Node] = {
    "a variable": file("b.sh", b"docker build -f x/Dockerfile $1\n"),
    "a loop": file("b.sh", b"for f in */Dockerfile; do docker build -f $f .; done\n"),
    "a directory": file("b.sh", b"cd $ROOT\ndocker build -f x/Dockerfile .\n"),
    "behind an error": file("b.sh", b"a ;)\ndocker build -f x/Dockerfile y\n"),
    "a long script": file("b.sh", b"true\n" * 14_000 + b"docker build -f x/Dockerfile y\n"),
    "a Makefile": file("Makefile", b"b:\n\tdocker build -f $(FILE) $(CONTEXT)\n"),
    "a matrix file": file(
        ".github/workflows/a.yml",
        b"jobs:\n  a:\n    strategy:\n      matrix: ${{ fromJSON(needs.b.outputs.c) }}\n"
        b"    steps:\n"
        b"    - uses: docker/build-push-action@v6\n      with:\n        context: ${{ matrix.c }}\n",
    ),
    "a matrix file, by command": file(
        ".github/workflows/a.yml",
        b"jobs:\n  a:\n    steps:\n    - run: docker build -f ${{ matrix.f }} .\n",
    ),
}


@pytest.mark.parametrize("name", CONTESTED)
def test_a_guess_that_something_contradicts_is_no_ground_for_findings(
    name: str, tmp_path: Path
) -> None:
    nodes = [file("x/Dockerfile", TEXT), "x/a", file("y/.dockerignore", b"a\n"), "y/b"]
    root = build_tree(tmp_path / "r", [*nodes, SETTINGS, CONTESTED[name]])
    assert [e.contested for e in discover(str(root)).builds] == [True]
    codes = {
        each.code for each in (*api.scan(str(root)).findings, *advise(discover(str(root))).findings)
    }
    assert not codes & {"CTX201", "CTX301", "CTX302"}


@pytest.mark.parametrize(
    "script", [b"docker build -t a:$V --build-arg X=$Y .\n", b"docker build .\n"]
)
def test_variables_of_tags_and_arguments_contradict_nothing(script: bytes, tmp_path: Path) -> None:
    nodes = [file("x/Dockerfile", TEXT), file("Dockerfile", TEXT), "x/a", SETTINGS]
    root = build_tree(tmp_path / "r", [*nodes, file("b.sh", script)])
    assert not any(each.contested for each in discover(str(root)).builds)
    assert {"CTX201"} <= {each.code for each in advise(discover(str(root))).findings}
