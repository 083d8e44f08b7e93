"""Compose files of any name, and scripts without an ending: the beginning of a file decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import reader
from ctxsize.cli.app import run
from ctxsize.repository import discover, search
from tests.trees import Node, build_tree, file

BUILD = b"FROM scratch AS dev\nCOPY . /\nFROM scratch\nCOPY . /\n"
WEB = file("web/Dockerfile", BUILD)
COMPOSE: dict[str, tuple[list[str | Node], list[str]]] = {
    # case: (the tree, `context target` of what Compose files define)
    "any name": ([file("stack.yml", b"services:\n  a:\n    build: web\n"), WEB], ["web "]),
    "below a directory": (
        [file("ops/local.yaml", b"services:\n  a:\n    build: ../web\n"), WEB],
        ["web "],
    ),
    "behind a comment and extensions": (
        [
            file(
                "dev.yml",
                b"# of developers\nx-a: &a {context: web}\nservices:\n  a: {build: *a}\n",
            ),
            WEB,
        ],
        ["web "],
    ),
    "a part of another project": (
        [
            file("compose.yaml", b"services:\n  a:\n    build: web\n  b: {image: b}\n"),
            file(
                "dev.yaml",
                b"services:\n  a:\n    build: {target: dev}\n  b: {ports: [80:80]}\n  c: {}\n",
            ),
            WEB,
        ],
        ["web ", "web dev"],
    ),
    "a project of its own": (
        [
            file("compose.yaml", b"services:\n  a:\n    build: {context: web, target: dev}\n"),
            file("ci.yaml", b"services:\n  a:\n    build: {context: web}\n"),
            WEB,
        ],
        ["web ", "web dev"],
    ),
    "included with another directory": (
        [
            file(
                "compose.yaml",
                b"include:\n  - {path: ops/part.yaml, project_directory: .}\nservices: {}\n",
            ),
            file("ops/part.yaml", b"services:\n  a:\n    build: web\n"),
            WEB,
        ],
        ["web "],
    ),
    "a template": (
        [file("stack.yml", b"services:\n  a:\n    build: {{ directory }}\n"), WEB],
        [],
    ),
    "services of another tool": (
        [
            file("config/services.yaml", b"services:\n  App\\: {resource: ../src}\n"),
            file(".lando.yml", b"services:\n  a:\n    build: [npm ci]\nrecipe: lamp\n"),
            file("tool.yml", b"services:\n  a:\n    build: [npm ci]\n"),
            file("app.yaml", b"kind: x\nservices:\n  a:\n    build: web\n"),
            file("list.yml", b"services:\n  - build: web\n"),
            file("inner.yml", b"x:\n  services:\n    a:\n      build: web\n"),
            file("bad.yml", b"services:\n  a: [\n"),
            WEB,
        ],
        [],
    ),
    "only images": ([file("db.yml", b"services:\n  a: {image: postgres}\n"), WEB], []),
}


@pytest.mark.parametrize("case", COMPOSE)
def test_compose_files_of_any_name(case: str, tmp_path: Path) -> None:
    tree, expected = COMPOSE[case]
    root = build_tree(tmp_path / "r", tree)
    discovery = discover(str(root))
    found = [
        f"{os.path.relpath(each.build.context, root)} {each.build.target}"
        for each in discovery.builds
        if any(place.how == "compose" for place in each.places)
    ]
    assert found == expected
    assert discovery.problems == ()


def test_scan_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(
        tmp_path,
        [
            file(
                "stack.yml",
                b"services:\n  a:\n    build:\n      context: .\n      dockerfile: docker/app\n",
            ),
            file("docker/app", BUILD),
        ],
    )
    monkeypatch.chdir(tmp_path)
    run(["scan"])
    assert "1 build\n" in capsys.readouterr().out.replace(", the most costly first", "")


def test_few_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest files are asked, and of a directory of data only some."""
    monkeypatch.setattr(search, "_MOST_ASKED", 8)
    monkeypatch.setattr(search, "_MOST_ASKED_HERE", 3)
    data = [file(f"data/{number:03}", b"x") for number in range(100)]
    deep = [file(f"a/b/c/{number}.yaml", b"services:\n  a:\n    build: .\n") for number in range(9)]
    root = build_tree(
        tmp_path / "r", [*data, *deep, file("stack.yml", b"services:\n  a:\n    build: web\n"), WEB]
    )
    opened = list[str]()

    def read_file(path: str, *arguments: int, **options: bool) -> bytes:
        opened.append(os.path.relpath(path, root))
        return reader.read_file(path, *arguments, **options)

    monkeypatch.setattr(search, "read_file", read_file)
    discovery = discover(str(root), guesses=False)
    assert [os.path.relpath(each.build.context, root) for each in discovery.builds][-1] == "web"
    assert len({path for path in opened if path.startswith("data/")}) == 3
    assert len({path for path in opened if path.startswith("a/")}) == 3


def test_the_nearest_files_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MOST_ASKED", 1)
    deep = [file(f"a/{number}.yaml", b"services:\n  a:\n    build: .\n") for number in range(9)]
    nodes = [*deep, file("z.yml", b"services:\n  a:\n    build: web\n"), WEB]
    root = build_tree(tmp_path / "r", nodes)
    builds = discover(str(root), guesses=False).builds
    assert [os.path.relpath(each.build.context, root) for each in builds] == ["web"]
