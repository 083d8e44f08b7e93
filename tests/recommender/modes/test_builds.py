"""Real builds before and after a mode has written: what arrives is what was planned."""

from __future__ import annotations

from pathlib import Path

from ctxsize import api
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.recommender.modes import test_allowlist, test_from_gitignore, test_sibling
from tests.trees import COPY_ALL, build_tree, file


def files(result: BuildResult) -> set[str]:
    assert result.error is None
    return {each.name for each in result.entries if not each.name.endswith("/")}


def printed(root: Path) -> int | None:
    transfer = api.measure(str(root)).transfer
    return None if transfer is None else transfer.wire_bytes


def test_an_allow_list(docker: Docker, tmp_path: Path) -> None:
    root = test_allowlist.plant(
        tmp_path, dockerfile=b"FROM scratch\nCOPY src /src\nCOPY pack*.json config /c/\n"
    )
    before = docker.build_buildkit(root)
    assert api.plan_ignore_file(str(root), mode="allowlist", write=True).written
    after = docker.build_buildkit(root)
    assert after.names == before.names
    assert after.transferred_bytes == before.transferred_bytes == printed(root)
    # What the list leaves, a build that takes everything shows.
    copy_all = build_tree(tmp_path / "elsewhere", [file("Dockerfile", COPY_ALL)]) / "Dockerfile"
    whole = docker.build_buildkit(root, dockerfile=copy_all)
    taken = {*test_allowlist.SOURCES, "config/secret.toml"}
    assert files(whole) == taken


def test_an_allow_list_for_a_named_context_of_the_same_directory(
    docker: Docker, tmp_path: Path
) -> None:
    root = test_allowlist.plant(tmp_path, dockerfile=test_allowlist.AGAIN)
    contexts = {"again": str(root)}
    before = docker.build_buildkit(root, extra=["--build-context", f"again={root}"])
    plan = api.plan_ignore_file(str(root), mode="allowlist", write=True, build_contexts=contexts)
    assert plan.written
    after = docker.build_buildkit(root, extra=["--build-context", f"again={root}"])
    assert files(after) == files(before) >= {"c/build.toml", "src/a.js"}


def test_what_git_ignores(docker: Docker, tmp_path: Path) -> None:
    test_from_gitignore.changed(tmp_path)
    result = docker.build_buildkit(tmp_path)
    expected = test_from_gitignore.not_ignored(tmp_path) | {".dockerignore"}
    assert {name for name in files(result) if not name.startswith(".git/")} == expected
    assert result.transferred_bytes == printed(tmp_path)


def test_the_image_is_the_same_with_the_siblings_rules(docker: Docker, tmp_path: Path) -> None:
    change = test_sibling.covered(tmp_path, "target/\n.cargo/\n.idea/\ndocs/\n*.log\n")
    root = tmp_path / test_sibling.OURS
    assert change.after is not None
    (root / ".dockerignore").write_bytes(change.after)
    result = docker.build_buildkit(root)
    sources = {"Cargo.toml", "Cargo.lock", "src/main.rs", ".cargo/config.toml"}
    assert files(result) == sources | {"Dockerfile", ".dockerignore"}


def test_a_tidy_file(docker: Docker, tmp_path: Path) -> None:
    lines = b"# mine\n*.log\n**/*.log\nsrc/x\nsrc\n!src/keep\n"
    nodes = ["a.log", "b/c.log", "README.md", "src/x/y", "src/keep/z", "src/other"]
    root = build_tree(
        tmp_path, [file("Dockerfile", COPY_ALL), file(".dockerignore", lines), *nodes]
    )
    before = docker.build_buildkit(root)
    (linted,) = api.lint([str(root)], fix=True, select=["CTX112"]).files
    assert linted.edit is not None
    (root / ".dockerignore").write_bytes(linted.edit.after)
    assert linted.edit.after == b"# mine\n**/*.log\nsrc\n!src/keep\n"
    assert docker.build_buildkit(root).names == before.names
