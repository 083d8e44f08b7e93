"""Which Dockerfiles the suggestions for a context heed: those that builds use with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

CARGO = file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n")
RUST = (CARGO, "Cargo.toml", "src/main.rs", "docs/a.md")
TAKES_DOCS = b"FROM scratch\nCOPY docs /docs\n"


def safe(root: Path, **options: object) -> set[str]:
    """The paths that are safe to hide."""
    made = api.suggest(str(root), **options).suggestions  # type: ignore[arg-type]
    return {path for each in made if each.safe for path in each.paths}


@pytest.mark.parametrize(
    "name",
    [
        *("Dockerfile-dev", "dockerfile-dev", "Dockerfile_prod", "web-dockerfile", "Containerfile"),
        *("containerfile", "DOCKERFILE", "Dockerfile.web", "web.Dockerfile", "Dockerfile.go"),
        *("bridge.Dockerfile.viewer", ".Dockerfile", "docker/dockerfile"),
    ],
)
def test_suggest_and_discover_agree_on_what_is_a_dockerfile(name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*RUST, file(name, TAKES_DOCS)])
    assert str(root / name) in discover(str(root)).dockerfiles
    assert "docs" not in safe(root)


@pytest.mark.parametrize(
    "name", ["Dockerfile.md", "dockerfile.ex", "dockerfile.svg", "Dockerfile.rego", "Dockerfile~"]
)
def test_suggest_and_discover_agree_on_what_is_none(name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*RUST, file(name, TAKES_DOCS)])
    found = discover(str(root))
    assert str(root / name) not in found.dockerfiles
    assert not found.problems
    advice = api.suggest(str(root))
    assert not advice.problems
    assert "docs" not in {each.path for each in advice.blocked}
    assert "docker.dockerfile" not in {
        each.rule.name for each in advice.suggestions if name in each.paths
    }


EVERYTHING = b"FROM node\nCOPY . .\nRUN pytest\n"
"""Built here, it makes the packages and `e2e` doubtful."""
BIG = (
    *(CARGO, "Cargo.toml", "src/main.rs", file("e2e/big.bin", size_bytes=9_000_000), "e2e/x.rs"),
    *("package.json", "node_modules/.package-lock.json", "docs/a.md"),
)
ELSEWHERE: dict[str, tuple[list[str | Node], str]] = {
    "beside a manifest": ([file("examples/x/Dockerfile", EVERYTHING), "examples/x/go.mod"], ""),
    "beside what it takes": (
        [
            file("demo/Dockerfile", b"FROM node\nCOPY main.py start.sh /\nRUN pytest\n"),
            *("demo/main.py", "demo/start.sh"),
        ],
        "",
    ),
    "the same names here": (
        [
            file("ex/Dockerfile", b"FROM node\nCOPY package*.json ./\nCOPY . .\nRUN pytest\n"),
            "ex/package.json",
        ],
        "",
    ),
    "a directory for Dockerfiles below the project": (
        [file("sub/docker/Dockerfile", EVERYTHING), "sub/pyproject.toml"],
        "",
    ),
    "Compose says so": (
        [file("docker/x/Dockerfile", EVERYTHING), "docker/x/run.sh"],
        "services: {a: {build: docker/x}}\n",
    ),
    "a Dockerfile here that is built with another directory": (
        [file("x.Dockerfile", EVERYTHING), "sub/x"],
        "services: {a: {build: {context: sub, dockerfile: ../x.Dockerfile}}}\n",
    ),
}
HERE: dict[str, tuple[list[str | Node], str]] = {
    "at the top": ([file("x.Dockerfile", EVERYTHING)], ""),
    "a directory for Dockerfiles": (
        [file("docker/Dockerfile", EVERYTHING), "docker/entrypoint.sh", "docker/php/php.ini"],
        "",
    ),
    "a directory for Dockerfiles with a manifest": (
        [
            file("docker/Dockerfile", b"FROM node\nCOPY package*.json ./\nCOPY . .\nRUN pytest\n"),
            "docker/package.json",
        ],
        "",
    ),
    "one below it": ([file("docker/app/Dockerfile", EVERYTHING), "docker/app/start.sh"], ""),
    "hidden": ([file(".devcontainer/Dockerfile", EVERYTHING), ".devcontainer/x.json"], ""),
    "takes what is here": (
        [
            file("ops/api/Dockerfile", b"FROM node\nCOPY src src\nCOPY . .\nRUN pytest\n"),
            "ops/api/start.sh",
        ],
        "",
    ),
    "takes what is nowhere yet and what is here": (
        [
            file("img/Dockerfile", b"FROM node\nCOPY out/app docs /\nCOPY . .\nRUN pytest\n"),
            "img/start.sh",
        ],
        "",
    ),
    "names its own place": (
        [
            file("api/web/Dockerfile", b"FROM node\nCOPY . .\nRUN cd api/web && npm i && pytest\n"),
            "api/web/package.json",
        ],
        "",
    ),
    "takes from its own place": (
        [
            file("web/Dockerfile", b"FROM node\nCOPY web/package.json /\nCOPY . .\nRUN pytest\n"),
            "web/package.json",
        ],
        "",
    ),
    "Compose says so": (
        [file("examples/x/Dockerfile", EVERYTHING), "examples/x/go.mod"],
        "services: {a: {build: {context: ., dockerfile: examples/x/Dockerfile}}}\n",
    ),
    "Compose says both": (
        [file("x/Dockerfile", EVERYTHING), "x/go.mod"],
        "services: {a: {build: x}, b: {build: {context: ., dockerfile: x/Dockerfile}}}\n",
    ),
}


def test_what_speaks_against_nothing(tmp_path: Path) -> None:
    """The tables below are about what another Dockerfile changes in this."""
    root = build_tree(tmp_path / "ctx", [*BIG])
    assert doubtful(root) == set()


def doubtful(root: Path) -> set[str]:
    """The paths of the top that may not be hidden because of the tests that a Dockerfile runs."""
    return {each.path for each in api.suggest(str(root)).blocked if each.trap == "test_stage"}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_dockerfile_of_another_context_says_nothing(case: str, tmp_path: Path) -> None:
    nodes, compose = ELSEWHERE[case]
    more = [file("compose.yaml", compose.encode())] if compose else []
    root = build_tree(tmp_path / "ctx", [*BIG, *nodes, *more])
    assert doubtful(root) == set()
    assert "docs" in safe(root)


@pytest.mark.parametrize("case", HERE)
def test_a_dockerfile_that_may_be_built_here_is_heeded(case: str, tmp_path: Path) -> None:
    nodes, compose = HERE[case]
    more = [file("compose.yaml", compose.encode())] if compose else []
    root = build_tree(tmp_path / "ctx", [*BIG, *nodes, *more])
    assert "e2e" in doubtful(root)


@pytest.mark.parametrize("inside", ["", "docs"])
def test_other_dockerfiles_are_named_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    compose = b"services: {a: {build: {context: ., dockerfile: build/Dockerfile-dev}}}\n"
    nodes = [file("compose.yaml", compose), "docs/guide.md", ".git/HEAD"]
    for path, source in (("Dockerfile", "."), ("build/Dockerfile-dev", "docs")):
        nodes.append(file(path, f"FROM scratch\nCOPY {source} /\n".encode()))
    root = build_tree(tmp_path / "r", nodes)
    monkeypatch.chdir(root / inside)
    advice = api.suggest(os.path.relpath(root))
    reasons = [each.reason for each in advice.blocked]
    assert f"COPY docs ({os.path.relpath(root / 'build/Dockerfile-dev')}:2) takes it" in reasons
