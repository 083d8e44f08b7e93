"""An exception of the ignore file is its author's word: no suggestion and no mode takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from tests.recommender.test_suggest import repository, sent
from tests.trees import Node, build_tree, file

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"
NODES: tuple[str | Node, ...] = (
    file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\nRUN npm ci\n"),
    *("Cargo.toml", "src/main.rs", "target/x", "docs/a.md", "docs/api/b.md", "package.json"),
    *("node_modules/.package-lock.json", ".idea/workspace.xml", "web/.idea/workspace.xml"),
    file(".env.production", b"URL=x\n"),
    file("a/.env.production", b"URL=x\n"),
    file("certs/id_rsa", KEY),
    file("src/.env", b"A=b\n"),
)
NAMED = [
    (".env*\n!.env.production\n", ".env.production"),
    ("**/.env*\n!**/.env.production\n", "a/.env.production"),
    ("**/.env.*\n!.env.prod*\n", ".env.production"),
    ("!.env.production\n", ".env.production"),
    ("certs\n!certs/id_rsa\n", "certs/id_rsa"),
    ("**/id_*\n!**/certs/id_*\n", "certs/id_rsa"),
    ("docs\n!docs\n", "docs/a.md"),
    ("docs\n!docs/api\n", "docs/api/b.md"),
    ("target\n!target/x\n", "target/x"),
    ("*\n!Cargo.toml\n!target/**\n", "target/x"),
    ("node_modules\n!node_modules/.package-lock.json\n", "node_modules/.package-lock.json"),
    (".idea\n!./.idea/\n", ".idea/workspace.xml"),
]


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize(("text", "path"), NAMED)
def test_what_an_exception_names_stays(text: str, path: str, unsafe: bool, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*NODES, file(".dockerignore", text.encode())])
    assert path in sent(root)
    advice = api.suggest(str(root), write=True, unsafe=unsafe)
    assert path in sent(root)
    assert {each.trap for each in advice.blocked} & {"author_exception"}


def test_the_reason_names_the_line(tmp_path: Path) -> None:
    ignoring = file(".dockerignore", b".env*\n!.env.production\n")
    root = build_tree(tmp_path / "ctx", [*NODES, ignoring])
    reasons = {each.path: each.reason for each in api.suggest(str(root)).blocked}
    wanted = f"{root}/.dockerignore:2 re-includes it: !.env.production"
    assert reasons[".env.production"] == wanted


@pytest.mark.parametrize("text", ["*\n!Cargo.toml\n!src\n!target\n", "src/*\n!src/**\n"])
def test_a_directory_above_is_another_matter(text: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*NODES, file(".dockerignore", text.encode())])
    assert "src/.env" in sent(root)
    api.suggest(str(root), write=True)
    assert "src/.env" not in sent(root)


def test_no_pattern_for_all_places_where_an_exception_names_one(tmp_path: Path) -> None:
    ignoring = file(".dockerignore", b"!keep/.idea\n")
    root = build_tree(tmp_path / "ctx", [*NODES, ignoring])
    lines = {line for each in api.suggest(str(root)).suggestions for line in each.patterns}
    assert {".idea/**", "web/.idea/**"} <= lines


def test_from_gitignore_leaves_it_too(tmp_path: Path) -> None:
    nodes = [
        *NODES,
        file(".dockerignore", b"!.env.production\n"),
        file(".gitignore", b".env.*\n/target\n"),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    repository(root, "Cargo.toml", ".gitignore")
    api.plan_ignore_file(str(root), mode="from-gitignore", write=True)
    left = sent(root)
    assert ".env.production" in left
    assert "target/x" not in left


def test_a_sibling_does_not_overrule_it(tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other", [file(".dockerignore", b".env.production\ntarget\n")])
    root = build_tree(tmp_path / "ctx", [*NODES, file(".dockerignore", b"!.env.production\n")])
    api.plan_ignore_file(str(root), mode="like", like=str(other / ".dockerignore"), write=True)
    left = sent(root)
    assert ".env.production" in left
    assert "target/x" not in left
