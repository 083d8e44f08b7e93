"""Hostile repositories and every command: nothing beyond the repository is walked or written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, file, link

DOCKERFILE = b"FROM rust:1.80-bookworm\nCOPY . .\nRUN cargo build --release\n"
"""A Dockerfile on which `advise --unsafe-fixes` has something to change."""
IGNORE = b"a\na\nnode_modules \n!b\n"
"""An ignore file on which `lint --fix` has something to change."""
TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# by cargo\n"
PRECIOUS = [
    *(file("Dockerfile", DOCKERFILE), file(".dockerignore", IGNORE), "node_modules/x", "a", "b"),
    *(file("Cargo.toml", b'[package]\nname = "x"\n'), file("target/CACHEDIR.TAG", TAG)),
    *(file("target/.rustc_info.json", b"{}"), file("target/debug/x", size_bytes=2_000_000)),
    *(file("sub/Dockerfile", DOCKERFILE), file("sub/.dockerignore", IGNORE), "sub/a"),
    file("compose.yaml", b"services:\n  p:\n    build: .\n"),
    file(
        "inline.yaml",
        b"services:\n  i:\n    build:\n      context: .\n      dockerfile_inline: |\n"
        b"        FROM rust:1.80-bookworm\n        COPY . .\n        RUN cargo build --release\n",
    ),
    file("b.json", b'{\n  "version": 1,\n  "contexts": {}\n}\n'),
]
OWN = [
    file("Dockerfile", DOCKERFILE),
    file("Cargo.toml", b'[package]\nname = "r"\n'),
    "src/main.rs",
]


def compose(text: str) -> Node:
    return file("compose.yaml", f"services:\n  s:\n    {text}\n".encode())


def build(**keys: str) -> Node:
    return compose("build: {" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}")


def workflow(text: str) -> Node:
    steps = f"on: push\njobs:\n  j:\n    steps:\n      - {text}\n"
    return file(".github/workflows/ci.yml", steps.encode())


def scripts(command: str) -> Node:
    return file("package.json", f'{{"scripts": {{"image": "{command}"}}}}'.encode())


LISTED: dict[str, list[str | Node]] = {
    "compose context": [build(context="../precious")],
    "compose context, short": [compose("build: ../precious")],
    "compose context, absolute": [compose("build: {tmp}/precious")],
    "compose context, the parent": [build(context="..", dockerfile="precious/Dockerfile")],
    "compose context, roundabout": [compose("build: ./src/../../precious/sub/..")],
    "compose context behind a link": [compose("build: ./link"), link("link", "../precious")],
    "compose context below a link": [compose("build: ./link/sub"), link("link", "../precious")],
    "compose Dockerfile": [build(context=".", dockerfile="../precious/Dockerfile")],
    "compose Dockerfile, a link": [
        build(context=".", dockerfile="D"),
        link("D", "../precious/Dockerfile"),
    ],
    "compose Dockerfile behind a link": [
        build(context=".", dockerfile="link/Dockerfile"),
        link("link", "../precious"),
    ],
    "compose named context": [
        build(context=".", additional_contexts="{more: ../precious}"),
    ],
    "compose inline Dockerfile": [
        build(context="../precious", dockerfile_inline='"FROM scratch\\nCOPY . /\\n"'),
    ],
    "compose variable": [
        build(context='"${WHERE}"'),
        file(".env", b"WHERE=../precious\n"),
    ],
    "bake context": [
        file("docker-bake.json", b'{"target": {"t": {"context": "../precious"}}}'),
    ],
    "bake context in HCL": [
        file("docker-bake.hcl", b'target "t" {\n  context = "../precious"\n}\n'),
    ],
    "bake Dockerfile": [
        file(
            "docker-bake.json",
            b'{"target": {"t": {"context": ".", "dockerfile": "../precious/Dockerfile"}}}',
        ),
    ],
    "bake named context": [
        file(
            "docker-bake.json",
            b'{"target": {"t": {"context": ".", "contexts": {"more": "../precious"}}}}',
        ),
    ],
    "compose context like a URL": [build(context="a://../../precious"), "a:/x"],
    "compose named context like a URL": [
        build(context=".", additional_contexts='{more: "a://../../precious"}'),
        "a:/x",
    ],
    "compose named context like a service": [
        build(context=".", additional_contexts='{more: "./service:/../../precious"}'),
        "service:/x",
    ],
    "bake context like a URL": [
        file("docker-bake.json", b'{"target": {"t": {"context": "a://../../precious"}}}'),
        "a:/x",
    ],
    "bake named context like a URL": [
        file(
            "docker-bake.json",
            b'{"target": {"t": {"context": ".", "contexts": {"more": "a://../../precious"}}}}',
        ),
        "a:/x",
    ],
    "package.json, named like a URL": [
        scripts("docker build --build-context more=a://../../precious ."),
        "a:/x",
    ],
    "package.json, like a URL": [scripts("docker build a://../../precious"), "a:/x"],
    "workflow like a URL": [
        workflow(
            "uses: docker/build-push-action@v6\n        with: {context: 'a://../../precious'}"
        ),
        "a:/x",
    ],
    "package.json": [scripts("docker build ../precious")],
    "package.json, the parent": [scripts("docker build -f ../precious/Dockerfile ..")],
    "package.json, cd": [scripts("cd .. && docker build precious")],
    "package.json, Dockerfile": [scripts("docker build -f ../precious/Dockerfile .")],
    "package.json, named": [scripts("docker build --build-context more=../precious .")],
    "package.json, podman": [scripts("podman build ../precious")],
    "package.json below": [
        file("web/package.json", b'{"scripts": {"i": "docker build ../../precious"}}'),
    ],
    "Makefile": [file("Makefile", b"image:\n\tdocker build ../precious\n")],
    "Makefile, cd": [file("Makefile", b"image:\n\tcd ../precious && docker build .\n")],
    "script": [file("scripts/build.sh", b"docker build ../../precious\n")],
    "justfile": [file("justfile", b"image:\n    docker build ../precious\n")],
    "GitLab": [file(".gitlab-ci.yml", b"b:\n  script:\n    - docker build ../precious\n")],
    "workflow": [
        workflow("uses: docker/build-push-action@v6\n        with: {context: ../precious}"),
    ],
    "workflow Dockerfile": [
        workflow(
            "uses: docker/build-push-action@v6\n"
            "        with: {context: ., file: ../precious/Dockerfile}"
        ),
    ],
    "workflow named context": [
        workflow(
            "uses: docker/build-push-action@v6\n"
            "        with: {context: ., build-contexts: more=../precious}"
        ),
    ],
    "workflow command": [workflow("run: docker build ../precious")],
    "workflow directory": [workflow("run: docker build .\n        working-directory: ../precious")],
}
"""Repositories with a build that lies outside: it is listed, with one message."""

REFUSED: dict[str, list[str | Node]] = {
    "compose include": [file("compose.yaml", b"include: [../precious/inline.yaml]\n")],
    "compose extends": [compose("extends: {file: ../precious/inline.yaml, service: i}")],
    "compose file that is a link": [link("compose.yaml", "../precious/inline.yaml")],
    "Dockerfile that is a link": [link("x.Dockerfile", "../precious/Dockerfile")],
    "ignore file that is a link": [link(".dockerignore", "../precious/.dockerignore")],
    "own ignore file that is a link": [
        link("Dockerfile.dockerignore", "../precious/.dockerignore"),
    ],
    "ignore file of podman that is a link": [link(".containerignore", "../precious/.dockerignore")],
    "directory that is a link": [link("link", "../precious")],
    "configured context": [file("ctxsize.toml", b'max = "1B"\n[contexts."../precious"]\n')],
    "configured path": [file("ctxsize.toml", b'max = "1B"\n[contexts.x]\npath = "../precious"\n')],
    "configured paths": [file("ctxsize.toml", b'max = "1B"\n[contexts."../*"]\n')],
    "configured paths behind a link": [
        file("ctxsize.toml", b'max = "1B"\n[contexts."*/sub"]\n'),
        link("link", "../precious"),
    ],
    **{
        f"configured {key} like a URL": [
            file("ctxsize.toml", f'max = "1B"\n{key} = "a://../../precious{name}"\n'.encode()),
            "a:/x",
        ]
        for key, name in {
            "baseline": "/b.json",
            "extends": "/Cargo.toml",
            "dockerfile": "/Dockerfile",
            "build-contexts.more": "",
            "contexts.x.path": "",
        }.items()
    },
    **{
        f"configured {key} above a link": [
            file("ctxsize.toml", f'max = "1B"\n{key} = "deep/../../precious{name}"\n'.encode()),
            link("deep", "src/inner/../inner"),
            "src/inner/precious/b.json",
        ]
        for key, name in {
            "baseline": "/b.json",
            "extends": "/Cargo.toml",
            "dockerfile": "/Dockerfile",
            "build-contexts.more": "",
            "contexts.x.path": "",
        }.items()
    },
    "configured link": [
        file("ctxsize.toml", b'max = "1B"\n[contexts.link]\n'),
        link("link", "../precious"),
    ],
    "configured Dockerfile": [
        file("ctxsize.toml", b'max = "1B"\ndockerfile = "../precious/Dockerfile"\n'),
    ],
    "configured named context": [
        file("ctxsize.toml", b'max = "1B"\n[build-contexts]\nmore = "../precious"\n'),
    ],
    "configured baseline": [file("ctxsize.toml", b'baseline = "../precious/b.json"\n')],
    "configured baseline, a link": [
        file("ctxsize.toml", b'baseline = "b.json"\n'),
        link("b.json", "../precious/b.json"),
    ],
    "configuration that is a link": [link("ctxsize.toml", "../precious/Cargo.toml")],
    "manifest that is a link": [link("package.json", "../precious/Cargo.toml"), link("w", "..")],
}
"""Repositories that lead outside otherwise."""

OF_PODMAN = {"open Dockerfile.dockerignore"}
"""A podman build reads it through the link, and `lint` compares the builders."""

COMMANDS = [
    ["scan"],
    ["advise"],
    ["advise", "--fix"],
    ["advise", "--unsafe-fixes"],
    ["lint"],
    ["lint", "--unsafe-fixes"],
    ["suggest"],
    ["suggest", "--write", "--unsafe"],
    ["suggest", "--allowlist", "--write"],
    ["check", "--all", "--max", "1B"],
    ["check", "--max", "1B"],
    ["check"],
    ["check", "--update-baseline"],
    ["clean"],
    ["clean", "--recent", "0", "--deps", "--yes"],
    ["measure"],
]

_watched: list[tuple[str, list[str]]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event in ("open", "os.scandir", "os.listdir", "os.chdir"):
        root, seen = _watched[-1]
        path, flags = arguments[0] if arguments else None, arguments[-1]
        follows = event != "open" or not (isinstance(flags, int) and flags & os.O_NOFOLLOW)
        if (
            follows
            and isinstance(path, str | bytes)
            and os.path.realpath(os.fsdecode(path)).startswith(root)
        ):
            seen.append(f"{event} {os.fsdecode(path)}")


sys.addaudithook(_hook)


@contextmanager
def watched(directory: Path) -> Iterator[list[str]]:
    """Collects what is opened or listed in a directory."""
    seen: list[str] = []
    _watched.append((str(directory.resolve()), seen))
    try:
        yield seen
    finally:
        _watched.pop()


def planted(tmp_path: Path, nodes: list[str | Node], *, repository: bool) -> Path:
    """A repository `r` beside what must not be touched."""
    build_tree(tmp_path / "precious", PRECIOUS)
    names = {each if isinstance(each, str) else each.path for each in nodes}
    own = [each for each in OWN if (each if isinstance(each, str) else each.path) not in names]
    root = build_tree(tmp_path / "r", [*own, *nodes])
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_text(path.read_text().replace("{tmp}", str(tmp_path)))
    if repository:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def state(directory: Path) -> dict[str, tuple[object, ...]]:
    """All that a write would change."""
    return {
        str(path): (
            path.lstat().st_mtime_ns,
            path.lstat().st_ino,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [directory, *directory.rglob("*")]
    }


@pytest.mark.parametrize("case", [*LISTED, *REFUSED])
def test_nothing_outside_is_walked_or_written(case: str, cli: Cli, tmp_path: Path) -> None:
    nodes = LISTED.get(case) or REFUSED[case]
    for repository in (True, False):
        top = tmp_path / f"{repository}"
        root = planted(top, nodes, repository=repository)
        before = state(top / "precious")
        for command in COMMANDS:
            with watched(top / "precious") as seen:
                result = cli(*command, cwd=root)
            assert result.code in (0, 1, 2), command
            assert {*seen} <= OF_PODMAN, command
            assert state(top / "precious") == before, command
        assert [each.name for each in top.iterdir() if each.name.startswith(".ctxsize")] == []


@pytest.mark.parametrize("case", LISTED)
def test_what_lies_outside_is_listed_with_one_message(case: str, cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path, LISTED[case], repository=True)
    for command in (["scan"], ["scan", "--format", "markdown"], ["advise"]):
        out = cli(*command, cwd=root).out
        assert " ".join(out.split()).count("outside the repository") == 1, out
    assert "outside the repository" in cli("check", "--all", "--max", "1GB", cwd=root).err


def test_what_the_user_names_is_looked_at(cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path, [build(context="../precious")], repository=True)
    for command in (["scan"], ["lint"], ["suggest"], ["measure"], ["advise"], ["clean"]):
        assert cli(*command, "../precious", cwd=root).code in (0, 1)
    assert cli("suggest", "--write", "../precious", cwd=root).code == 0
    assert b"target" in (tmp_path / "precious/.dockerignore").read_bytes()
    assert cli("lint", "--fix", "../precious/sub/.dockerignore", cwd=root).code in (0, 1)
    assert (tmp_path / "precious/sub/.dockerignore").read_bytes() != IGNORE


def test_a_context_elsewhere_in_the_repository_is_inside(cli: Cli, tmp_path: Path) -> None:
    node = file("web/compose.yaml", b"services:\n  s:\n    build: ..\n")
    root = planted(tmp_path, [node, file("web/x", b"x")], repository=True)
    assert "outside" not in cli("scan", cwd=root / "web").out
    outside = planted(tmp_path / "no", [node], repository=False)
    assert "outside the repository" in cli("scan", cwd=outside / "web").out


def test_a_script_is_resolved_against_its_own_directory(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("web/package.json", b'{"scripts": {"i": "docker build ."}}')]
    root = planted(tmp_path, nodes, repository=True)
    assert "command" not in cli("scan", "--format", "json", cwd=root).out
    nodes = [file("web/build.sh", b"docker build -f web/D ..\n"), file("web/D", DOCKERFILE)]
    root = planted(tmp_path / "script", nodes, repository=True)
    (tmp_path / "script" / "web").mkdir()
    (tmp_path / "script" / "web/D").write_bytes(DOCKERFILE)
    assert "outside" not in cli("scan", cwd=root).out
