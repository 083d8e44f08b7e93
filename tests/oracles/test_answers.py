"""Recorded answers come back as they were, and only for the question that was asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracles import answers
from tests.oracles.answers import Result
from tests.oracles.archives import TarEntry
from tests.oracles.buildah import BuildahResult
from tests.oracles.buildkit import BuildResult, Transfer
from tests.oracles.classic import ClassicResult
from tests.oracles.questions import Question, asked
from tests.trees import Node, build_tree, directory, fifo, file, hardlink, link

TREE: list[str | Node] = ["Dockerfile", "d/a", file("b", b"x"), link("l", "b"), hardlink("h", "b")]
OTHERS: dict[str, Node] = {
    "content": file("b", b"y"),
    "size": file("b", b"xx"),
    "mode": file("b", b"x", mode=0o600),
    "time": file("b", b"x", mtime_ns=0),
    "attribute": file("b", b"x", xattrs={"user.k": b""}),
    "kind": fifo("b"),
    "one more": directory("empty"),
}


def question(root: Path, *more: Node) -> Question:
    nodes = {node.path if isinstance(node, Node) else node: node for node in [*TREE, *more]}
    return asked("buildkit", build_tree(root / "ctx", nodes.values()), None, None, ())


def test_the_place_is_no_part_of_a_question(tmp_path: Path) -> None:
    here = question(tmp_path / "here", file("note", f"{tmp_path}/here/ctx".encode()))
    there = question(tmp_path / "elsewhere", file("note", f"{tmp_path}/elsewhere/ctx".encode()))
    assert here.digest() == there.digest()


@pytest.mark.parametrize("name", OTHERS)
def test_what_an_engine_could_notice_is(name: str, tmp_path: Path) -> None:
    same = question(tmp_path / "same").digest()
    assert question(tmp_path / "other", OTHERS[name]).digest() != same


def test_options_contexts_and_the_past_are(tmp_path: Path) -> None:
    plain = question(tmp_path)
    named = replace(plain, extra=(f"--build-context=n={build_tree(tmp_path / 'named', ['x'])}",))
    digests = {plain.digest(), plain.digest("past"), named.digest()}
    build_tree(tmp_path / "named", ["y"])
    outside = build_tree(tmp_path / "out", ["Dockerfile", "Dockerfile.dockerignore"]) / "Dockerfile"
    digests |= {named.digest(), replace(plain, dockerfile=outside).digest()}
    assert len(digests) == 5


ENTRIES = (
    TarEntry("d/", "directory", 0, mode=0o755),
    TarEntry("shut/", "directory", 0, mode=0o700),
    TarEntry("a", "file", 5),
    TarEntry("run", "file", 0, mode=0o4755),
    TarEntry("l\udcff", "symlink", 0, linkname="a", mode=0o777),
    TarEntry("null", "char", 0, device=(1, 3), xattrs={"user.k": "v"}),
)
RESULTS: dict[str, Result] = {
    "buildkit": BuildResult(
        ENTRIES, (Transfer("[internal] load build context", "transferring context:", 7),), None
    ),
    "classic": ClassicResult(ENTRIES, 4096, "4.096kB", None),
    "buildah": BuildahResult((), "no such file: {context}/x"),
}


@pytest.mark.parametrize("builder", RESULTS)
def test_an_answer_comes_back(
    builder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = build_tree(tmp_path / "ctx", TREE)
    question, result = asked(builder, context, None, None, ()), RESULTS[builder]
    row = answers.row("key", "test", "newer", question, result)
    monkeypatch.setattr(answers, "recorded", lambda: {"key": {**(row or {}), "older": "newer"}})
    error = result.error and result.error.replace("{context}", str(context))
    for age in ("newer", "older"):
        back = answers.answer("key", age, question)
        assert back is not None
        assert back.error == error
        if not error:
            assert back == result
    assert answers.answer("other", "newer", question) is None
