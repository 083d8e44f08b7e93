"""Real trees, ignore files and Dockerfiles, with artefacts planted, where such a corpus is given.

`CTXSIZE_CORPUS` names a directory with `ignorefiles/ID.dockerignore`,
`trees/ID.tsv.gz` (path, bytes, mode) and `instructions.json` (the instructions of
each Dockerfile). None of it belongs to the project.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.errors import CtxsizeError
from tests.recommender.projects import TAG
from tests.recommender.test_laws import everything
from tests.recommender.test_suggest import measured
from tests.trees import Node, build_tree, file

CORPUS = Path(os.environ.get("CTXSIZE_CORPUS", "/nowhere"))
MOST_FILES = 3000
LARGEST = 200_000
COMMAND = "cargo build; npm ci; composer install; mix deps.get; pip install .; go build; make"
BESIDE: dict[str, list[Node]] = {
    "Cargo.toml": [
        file("target/CACHEDIR.TAG", TAG),
        file("target/debug/deps/x.rlib", size_bytes=LARGEST),
        file("target/release/app", size_bytes=LARGEST),
    ],
    "package.json": [
        file("node_modules/.package-lock.json", b"{}"),
        file("node_modules/x/index.js", size_bytes=LARGEST),
        file("dist/main.js", size_bytes=LARGEST),
        file(".next/cache/x", size_bytes=LARGEST),
    ],
    "pyproject.toml": [file(".venv/pyvenv.cfg", b"home\n"), file(".ruff_cache/CACHEDIR.TAG", TAG)],
    "requirements.txt": [file("venv/pyvenv.cfg", b"home\n"), file("__pycache__/a.pyc", b"x")],
    "pom.xml": [file("target/classes/A.class", b"\xca\xfe\xba\xbe"), file("target/app.jar", b"PK")],
    "build.gradle": [file("build/libs/app.jar", b"PK"), file(".gradle/8/x", b"x")],
    "composer.json": [file("vendor/autoload.php", b"<?php")],
    "go.mod": [file("x.test", b"\x7fELF"), file("coverage.out", b"mode: set\n")],
    "mix.exs": [file("_build/dev/x", b"x"), file("deps/plug/mix.exs", b"x")],
    "Gemfile": [file("log/development.log", b"x"), file("tmp/cache/x", b"x")],
}
EVERYWHERE = [
    file(".idea/workspace.xml", b"<x/>"),
    file(".env", b"TOKEN=not-a-real-one\n"),
    file("big/recording.bin", size_bytes=30_000_000),
    file(".pytest_cache/CACHEDIR.TAG", TAG),
]


def identifiers() -> list[str]:
    found = sorted(path.name.removesuffix(".tsv.gz") for path in CORPUS.glob("trees/*.tsv.gz"))
    return found or ["none"]


def listed(identifier: str) -> list[tuple[str, int]]:
    with gzip.open(CORPUS / "trees" / f"{identifier}.tsv.gz", "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    found = [(row[0], min(int(row[1]), LARGEST)) for row in rows if not row[2].startswith("12")]
    return found[:MOST_FILES]


def artefacts(tracked: set[str]) -> Iterator[Node]:
    """What stands beside the manifests of the tree, where nothing tracked is in the way."""
    yield from EVERYWHERE
    for path in sorted(tracked):
        directory, _, name = path.rpartition("/")
        prefix = f"{directory}/" if directory else ""
        for node in BESIDE.get(name, []):
            yield file(prefix + node.path, node.content, size_bytes=node.size_bytes)


def dockerfile(instructions: list[dict[str, Any]]) -> str:
    lines = []
    for each in instructions:
        if each["name"] == "RUN":
            lines.append(" ".join(["RUN", *each["flags"], COMMAND]))
        elif not each.get("heredocs"):
            arguments = json.dumps(each["args"]) if each.get("json") else " ".join(each["args"])
            lines.append(" ".join([each["name"], *each["flags"], arguments]))
    return "\n".join(lines) + "\n"


def named(root: Path, instructions: list[dict[str, Any]]) -> set[str]:
    """The entries that COPY and ADD name, looked up on disk; variables are left out."""
    found: set[str] = set()
    for each in instructions:
        if each["name"] in ("COPY", "ADD") and not any("--from" in flag for flag in each["flags"]):
            for source in each["args"][:-1]:
                clean = source.strip("\"'").removeprefix("./").strip("/")
                if clean not in ("", ".") and "$" not in clean and "://" not in clean:
                    found |= {str(path.relative_to(root)) for path in root.glob(clean)}
    return found


def plant(root: Path, identifier: str, instructions: list[dict[str, Any]]) -> None:
    tree = listed(identifier)
    tracked = {path for path, _ in tree}
    nodes = {path: file(path, size_bytes=size) for path, size in tree}
    text = dockerfile(instructions).encode("utf-8", "surrogateescape")
    nodes["Dockerfile"] = file("Dockerfile", text)
    ignoring = (CORPUS / "ignorefiles" / f"{identifier}.dockerignore").read_bytes()
    nodes[".dockerignore"] = file(".dockerignore", ignoring)
    for node in artefacts(tracked):
        parents = {node.path[:at] for at, char in enumerate(node.path) if char == "/"}
        below = any(path.startswith(f"{node.path}/") for path in nodes)
        if node.path not in nodes and not parents & nodes.keys() and not below:
            nodes[node.path] = node
    build_tree(root, list(nodes.values()))
    index = "".join(f"100644 {'1' * 40}\t{path}\n" for path in sorted(tracked) if '"' not in path)
    for arguments in (["init", "-q"], ["update-index", "--index-info"]):
        subprocess.run(["git", *arguments], cwd=root, input=index, text=True, check=True)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="CTXSIZE_CORPUS names no corpus")
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("identifier", identifiers())
def test_nothing_that_a_dockerfile_takes_disappears(
    identifier: str, unsafe: bool, tmp_path: Path
) -> None:
    every = json.loads((CORPUS / "instructions.json").read_text())
    instructions = every.get(identifier, [{"name": "FROM", "flags": [], "args": ["scratch"]}])
    root = tmp_path / "ctx"
    plant(root, identifier, instructions)
    try:
        predicted = api.suggest(str(root), unsafe=unsafe)
    except CtxsizeError as error:
        pytest.skip(f"no such build: {error}")
    before = everything(root)
    advice = api.suggest(str(root), unsafe=unsafe, write=True)
    after = everything(root)
    assert named(root, instructions) & before - after == set()
    assert advice.after == predicted.after
    assert (advice.after.context, advice.after.transfer) == measured(root)
    again = api.suggest(str(root))
    assert [each.patterns for each in again.suggestions if each.safe] == []
