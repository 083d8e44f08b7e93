"""A source whose name depends on a variable without a value blocks only what it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.recommender.facts import may_be
from tests.trees import Node, build_tree, file

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"
NODES: tuple[str | Node, ...] = (
    file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n"),
    *("Cargo.toml", "src/main.rs", "target/debug/x", ".idea/workspace.xml", "docs/a.md"),
    *(file("id_rsa", KEY), file("dist/id_rsa", KEY), file(".env", b"A=b\n"), "dist/app-1.jar"),
)
ALL = {"target", ".idea", "docs", "id_rsa", "dist/id_rsa", ".env"}
CASES = {
    "COPY app-${V}.tar.gz /": set(),
    "COPY dist/app-$V.jar /": set(),
    "COPY dist/$V /d": {"dist/id_rsa"},
    "COPY ${V}/debug/x /x": {"target"},
    "COPY target/$V/x /x": {"target"},
    "COPY ${V} /app": {"target", "docs"},
    "COPY ${V}/ /app": {"target", "docs"},
    "COPY ${SRC} /app": {"target", "docs"},
    "COPY docs/${V} /docs": {"docs"},
    "COPY ${V}.md /": {"docs"},
    "COPY .$V /etc/settings": {".env", ".idea"},
    "COPY $V /root/.ssh/id_rsa": {"target", "docs", "id_rsa", "dist/id_rsa", ".env"},
    "COPY ${V:+x}id_rsa /k": {"id_rsa", "dist/id_rsa"},
    "RUN --mount=type=bind,source=$V,target=/v cat /v/x": {"target", "docs"},
}


@pytest.mark.parametrize("name", ["Dockerfile.dev", "Dockerfile"])
@pytest.mark.parametrize("line", CASES)
def test_what_a_variable_can_be(line: str, name: str, tmp_path: Path) -> None:
    text = (
        "FROM rust AS b\nCOPY . .\nRUN cargo build\nFROM scratch\nCOPY --from=b /x /x\nARG V SRC\n"
    )
    nodes = {(each if isinstance(each, str) else each.path): each for each in NODES}
    nodes[name] = file(name, f"{text}{line}\n".encode())
    root = build_tree(tmp_path / "ctx", list(nodes.values()))
    made = api.suggest(str(root)).suggestions
    safe = {path for each in made if each.safe for path in each.paths}
    assert ALL - safe == CASES[line]


UNDECIDED = {
    "a variable that must be given": "FROM scratch\nARG V\nENV A=${V:?missing}\n{}\n",
    "a variable of the base image": "FROM php\nENV A=${DEPS:?missing}\n{}\n",
    "another frontend": "# syntax=frontend.invalid/x\nFROM scratch\n{}\nTAKE target/x\n",
    "too many stages": "".join(f"FROM scratch AS s{n}\n" for n in range(501)) + "{}\n",
}
"""Dockerfiles that may be built, though it is not known what they take."""


@pytest.mark.parametrize("case", UNDECIDED)
def test_a_dockerfile_that_is_not_understood_makes_a_doubt(case: str, tmp_path: Path) -> None:
    text = UNDECIDED[case].replace("{}", "COPY id_rsa target/x /").encode()
    root = build_tree(tmp_path / "ctx", [*NODES, file("other.Dockerfile", text)])
    made = api.suggest(str(root)).suggestions
    safe = {path for each in made if each.safe for path in each.paths}
    assert ALL - safe == {"target", "docs", "id_rsa", "dist/id_rsa"}


@pytest.mark.parametrize("case", UNDECIDED)
@pytest.mark.parametrize("mode", ["allowlist", "from-gitignore"])
def test_no_mode_hides_what_it_may_take(mode: str, case: str, tmp_path: Path) -> None:
    named = file("Dockerfile", b"FROM rust\nCOPY Cargo.toml src ./\nRUN cargo build\n")
    text = UNDECIDED[case].replace("{}", "COPY target/x /").encode()
    nodes = [named, file("other.Dockerfile", text), file(".gitignore", b"target\n*.log\n")]
    root = build_tree(tmp_path / "ctx", [*nodes, "Cargo.toml", "src/a.rs", "target/x", "a.log"])
    api.plan_ignore_file(str(root), mode=mode, write=True)
    assert "target/x" in {each.path for each in api.ls(str(root))}


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "a/b", True),
        ("a/*", "a", True),
        ("a/*", "ab", False),
        ("*/src", "src", True),
        ("*/src", "a/b/src", True),
        ("*/src", "src/a", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "axbxc", True),
        ("a*b*c", "acb", False),
        ("a/*/b", "a/b", True),
    ],
)
def test_an_unknown_source_may_be_what_its_pattern_allows(
    pattern: str, path: str, expected: bool
) -> None:
    assert may_be(pattern, path) is expected
