"""A build argument that FROM lacks stops no suggestion: it is named, and all else is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import DockerfileError, api
from tests.recommender.test_governed import RUST, safe
from tests.trees import build_tree, file

REST = "COPY . .\nRUN cargo build\n"
DOCKERFILES = {
    "an image": ("ARG BASE\nFROM $BASE\n", {"BASE"}),
    "a tag": ("ARG TAG\nFROM rust:${TAG}\n", {"TAG"}),
    "asked for": ("ARG BASE\nFROM ${BASE:?name}\n", {"BASE"}),
    "a registry and a tag": ("ARG REG\nARG TAG\nFROM $REG/rust:$TAG\n", {"REG", "TAG"}),
    "by another argument": ("ARG TAG\nARG IMAGE=rust:$TAG\nFROM $IMAGE\n", {"TAG"}),
    "a platform": ("ARG P\nFROM --platform=$P rust\n", {"P"}),
    "an architecture": ("ARG A\nFROM --platform=linux/$A rust\n", {"A"}),
    "a second stage": ("ARG B\nFROM $B AS deps\nFROM rust\n", {"B"}),
}


@pytest.mark.parametrize("case", DOCKERFILES)
def test_argument_is_named_and_the_rest_suggested(case: str, tmp_path: Path) -> None:
    text, names = DOCKERFILES[case]
    root = build_tree(tmp_path / "ctx", [*RUST, "target/x", file("Dockerfile", b"")])
    (root / "Dockerfile").write_text(text + REST)
    advice = api.suggest(str(root), write=True)
    found = [each for each in advice.problems if each.code == "unknown-argument"]
    assert len(found) == 1
    assert all(any(f"--build-arg {name}=…" in each.message for each in found) for name in names)
    assert all(each.message.startswith("the build needs --build-arg ") for each in found)
    assert {line for each in advice.suggestions for line in each.patterns} >= {"**/target", "docs"}
    assert advice.written
    assert advice.before.transfer is not None


def test_what_is_taken_by_name_stays(tmp_path: Path) -> None:
    text = f"ARG BASE\nFROM $BASE\n{REST}COPY docs /docs\n"
    root = build_tree(tmp_path / "ctx", [*RUST[1:], file("Dockerfile", text.encode())])
    assert "docs" not in safe(root)


def test_another_dockerfile_is_heeded(tmp_path: Path) -> None:
    text = b"ARG BASE\nFROM $BASE\nCOPY docs /docs\n"
    root = build_tree(tmp_path / "ctx", [*RUST, file("Dockerfile.dev", text)])
    assert "docs" not in safe(root)
    assert not api.suggest(str(root)).problems


def test_the_made_up_value_is_no_source(tmp_path: Path) -> None:
    text = f"ARG BASE\nFROM $BASE\nARG BASE\n{REST}COPY $BASE /x\n"
    root = build_tree(tmp_path / "ctx", [*RUST[1:], file("Dockerfile", text.encode())])
    assert "docs" not in safe(root)


def test_a_value_that_is_given_counts(tmp_path: Path) -> None:
    text = f"ARG BASE\nFROM $BASE\n{REST}"
    root = build_tree(tmp_path / "ctx", [*RUST[1:], file("Dockerfile", text.encode())])
    advice = api.suggest(str(root), build_arguments={"BASE": "rust"})
    assert not advice.problems
    assert advice.before.transfer is not None


def test_modes_go_on_too(tmp_path: Path) -> None:
    text = b"ARG BASE\nFROM $BASE\nCOPY src /src\n"
    root = build_tree(tmp_path / "ctx", [*RUST[1:], file("Dockerfile", text)])
    plan = api.plan_ignore_file(str(root), mode="allowlist")
    assert [each.line for each in plan.change.added] == ["*", "!src"]
    assert "--build-arg BASE=…" in plan.problems[-1].message


def test_what_no_argument_mends_is_still_an_error(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*RUST[1:], file("Dockerfile", b"FROM $NOT_DECLARED\n")])
    with pytest.raises(DockerfileError, match="should not be blank"):
        api.suggest(str(root))
