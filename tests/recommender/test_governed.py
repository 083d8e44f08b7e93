"""Which Dockerfiles the suggestions for a context heed: those that builds use with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.projects import discover
from tests.oracles.trees import build_tree, file

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
        each.rule for each in advice.suggestions if name in each.paths
    }
