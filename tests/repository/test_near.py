"""Where a context has no Dockerfile of its own, messages name what to type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.cli.app import run
from ctxsize.engine.dockerfiles import files_near
from tests.trees import Node, build_tree, file

ALL = b"FROM scratch\nCOPY . .\n"
COMPOSE = (
    b"services:\n  a:\n    build:\n      context: .\n      dockerfile: docker/api.Dockerfile\n"
)
CASES: dict[str, tuple[list[str | Node], str]] = {
    "another name": ([file("Dockerfile.dev", ALL)], "-f Dockerfile.dev ."),
    "podman's name": ([file("Containerfile", ALL)], "-f Containerfile ."),
    "a directory for Dockerfiles": ([file("docker/Dockerfile", ALL)], "-f docker/Dockerfile ."),
    "build": ([file("build/Dockerfile", ALL), "build/run.sh"], "-f build/Dockerfile ."),
    "what it takes is here": (
        [file("ci/img/x", b""), file("ci/Dockerfile", b"FROM scratch\nCOPY src /\n"), "src/a"],
        "-f ci/Dockerfile .",
    ),
    "a context of its own": ([file("web/Dockerfile", ALL), "web/package.json"], "web"),
    "Compose": (
        [file("compose.yaml", COMPOSE), file("docker/api.Dockerfile", ALL)],
        "-f docker/api.Dockerfile . (compose.yaml:3)",
    ),
    "Compose, another context": (
        [file("docker-compose.yml", b"services: {a: {build: web}}\n"), file("web/Dockerfile", ALL)],
        "web (docker-compose.yml:1)",
    ),
    "Bake": (
        [
            file("docker-bake.hcl", b'target "a" {\n  dockerfile = "deep/down/x.Dockerfile"\n}\n'),
            file("deep/down/x.Dockerfile", ALL),
        ],
        "-f deep/down/x.Dockerfile . (docker-bake.hcl:1)",
    ),
    "Quarkus": (
        [file("src/main/docker/Dockerfile.jvm", b"FROM scratch\nCOPY pom.xml /\n"), "pom.xml"],
        "-f src/main/docker/Dockerfile.jvm .",
    ),
    "a space in the name": ([file("my web/Dockerfile", ALL), "my web/x.py"], "'my web'"),
}


@pytest.mark.parametrize("case", CASES)
def test_message_names_what_to_type(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, expected = CASES[case]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", nodes))
    wanted = f"there is no Dockerfile at the top of this context; name the build with {expected}"
    for problems in (api.measure().problems, api.suggest().problems):
        assert [each.message for each in problems if each.code == "no-dockerfile"] == [wanted]


@pytest.mark.parametrize("case", CASES)
def test_check_names_what_to_type(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nodes, expected = CASES[case]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", nodes))
    assert run(["check", ".", "--max", "1GB", "--of", "transfer"]) == 2
    assert f"name the build with {expected}" in capsys.readouterr().err
    assert run(["check", ".", "--max", "1B"]) == 1
    assert f"with {expected}" in " ".join(capsys.readouterr().out.split())


def test_what_was_named_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "ctx", CASES["Compose"][0]))
    assert api.measure(dockerfile="docker/api.Dockerfile").problems == ()


def test_many_are_counted(tmp_path: Path) -> None:
    nodes = [file(f"{name}/Dockerfile", ALL) for name in "abcdef"]
    root = build_tree(tmp_path / "ctx", [*nodes, *(f"{name}/x.c" for name in "abcdef")])
    (problem,) = api.measure(str(root)).problems
    assert problem.message.endswith(f"with {root}/a, or {root}/b, or {root}/c, or 3 more")


@pytest.mark.parametrize(
    "nodes",
    [
        ["src/a.c"],
        [file("compose.yaml", b"services: {db: {image: postgres}}\n")],
        [file("compose.yaml", b"services: [\n")],
        ["Dockerfile.md"],
    ],
)
def test_where_nothing_is_found_the_build_fails(nodes: list[str | Node], tmp_path: Path) -> None:
    (problem,) = api.measure(str(build_tree(tmp_path / "ctx", nodes))).problems
    assert problem.message.startswith("the build fails: ")
    assert "-f" in problem.message


def test_the_look_is_bounded_and_waits_for_nothing(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [f"d{n:03}/a/b/Dockerfile" for n in range(300)])
    os.mkfifo(root / "compose.yaml")
    assert files_near(str(root)) == []
    (problem,) = api.measure(str(root)).problems
    assert problem.message.startswith("the build fails: ")
