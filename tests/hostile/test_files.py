"""Something else stands in the place of each file that ctxsize reads: every command ends.

Each trial is one kind of thing, in one place, met by one command.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize.cli.app import run
from tests.hostile.running import ended, limited
from tests.trees import Node, build_tree, device, directory, fifo, file, link, socket

KINDS: dict[str, Callable[[str], list[Node]]] = {
    "fifo": lambda path: [fifo(path)],
    "fifo behind links": lambda path: [
        fifo("d1-pipe"),
        link("d1-link", "d1-pipe"),
        link(path, "../" * path.count("/") + "d1-link"),
    ],
    "socket": lambda path: [socket(path)],
    "directory": lambda path: [directory(path)],
    "zero": lambda path: [link(path, "/dev/zero")],
    "zero itself": lambda path: [device(path, 1, 5)],
    "full": lambda path: [link(path, "/dev/full")],
    "null": lambda path: [link(path, "/dev/null")],
    "terminal": lambda path: [link(path, "/dev/tty")],
    "sparse": lambda path: [file(path, size_bytes=1 << 40)],
    "loop": lambda path: [link(path, path.rpartition("/")[2])],
    "memory": lambda path: [link(path, "/proc/self/mem")],
    "log": lambda path: [link(path, "/proc/kmsg")],
    "zeros": lambda path: [file(path, bytes(3000))],
    "no text": lambda path: [file(path, bytes(range(256)) * 4 + b"\xff\xfe\r\n\x1b]0;x\x07")],
}

TREE: dict[str, bytes] = {
    "Dockerfile": b"FROM node:22\nARG A\nCOPY . /app\nRUN npm ci\nRUN cargo build\n"
    b"RUN pip install -r requirements.txt\n",
    ".dockerignore": b"*.log\n",
    "src/a.js": b"1\n",
    "package.json": b'{"scripts": {"image": "docker build -f Other.dockerfile sub"}}',
    "compose.yaml": b"include: [inc.yaml]\nservices:\n  a:\n    build: .\n"
    b"  b:\n    extends: {file: base.yaml, service: b}\n    env_file: x.env\n",
    "inc.yaml": b"services: {c: {build: sub}}\n",
    "base.yaml": b"services: {b: {build: sub}}\n",
    ".env": b"A=1\n",
    "docker-bake.hcl": b'target "a" { context = "sub" }\n',
    "docker-bake.json": b'{"target": {"b": {"context": "sub"}}}',
    ".github/workflows/ci.yml": b"jobs: {a: {steps: [{run: docker build sub}]}}\n",
    "sub/Dockerfile": b"FROM scratch\nCOPY . /\n",
    "sub/Other.dockerfile": b"FROM scratch\nCOPY . /\n",
    "sub/.dockerignore": b"x\n",
    "Makefile": b"image:\n\tdocker build sub\n",
    "build.sh": b"docker build sub\n",
    "ctxsize.toml": b'baseline = "base.json"\n[contexts."."]\nmax = "1GB"\n',
    "base.json": b'{"version": 1, "contexts": {}}',
    "requirements.txt": b"a==1\n",
    "pyproject.toml": b'[project]\nname = "a"\n',
    "Cargo.toml": b'[package]\nname = "a"\n',
    "Cargo.lock": b"version = 4\n",
    "target/CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n# by cargo\n",
    "target/.rustc_info.json": b"{}",
    "target/debug/x": b"1",
    "node_modules/a/package.json": b"{}",
    "node_modules/.package-lock.json": b"{}",
    "package-lock.json": b"{}",
    ".venv/pyvenv.cfg": b"home = /usr/bin\n",
    ".venv/bin/python": b"",
    ".gitignore": b"target/\n",
    "key.pem": b"-----BEGIN PRIVATE KEY-----\n",
}

REPOSITORY = ("measure", "suggest", "lint", "scan", "advise", "clean", "check")
SCAN = ("scan", "advise", "check --all --max 1GB", "lint .")
BUILD = (*REPOSITORY, "ls --transfer", "explain --trace src/a.js", "suggest --allowlist")
DATA = ("suggest", "clean", "scan")

PLACES: dict[str, tuple[str, ...]] = {
    ".dockerignore": (
        *BUILD,
        "ls --why",
        "init --dry-run",
        "lint --fix --diff",
        "check --all --max 1GB",
        "ls --builder classic",
    ),
    "Dockerfile": (
        *BUILD,
        "ls --why",
        "init --dry-run",
        "explain --json src/a.js",
        "measure --builder classic",
        "measure --builder podman",
    ),
    "Dockerfile.dockerignore": (*BUILD, "lint Dockerfile.dockerignore"),
    ".containerignore": ("measure --builder podman", "lint --builder podman", "advise", "scan"),
    "Containerfile": ("scan", "advise", "suggest"),
    "dockerfile": ("measure", "scan"),
    "sub/Dockerfile": (*SCAN, "measure -f sub/Dockerfile", "suggest"),
    "sub/.dockerignore": (
        *SCAN,
        "ls --build-context n=sub --named n",
        "measure --build-context n=sub",
        "suggest --like sub/.dockerignore",
        "lint sub",
    ),
    "sub/Other.dockerfile": SCAN,
    "compose.yaml": (*SCAN, "suggest"),
    "inc.yaml": ("scan", "advise"),
    "base.yaml": ("scan", "advise"),
    ".env": ("scan", "advise", "suggest"),
    "docker-bake.hcl": ("scan", "advise"),
    "docker-bake.json": ("scan", "advise"),
    ".github/workflows/ci.yml": ("scan", "advise"),
    "package.json": (*SCAN, *DATA),
    "Makefile": SCAN,
    "build.sh": SCAN,
    "ctxsize.toml": (*REPOSITORY, "init"),
    "pyproject.toml": (*REPOSITORY, "measure -f sub/Dockerfile"),
    "base.json": ("check", "check --update-baseline"),
    "old.json": ("diff old.json", "diff old.json old.json", "check --baseline old.json"),
    "requirements.txt": (*DATA, "advise"),
    "Cargo.toml": (*DATA, "advise"),
    "Cargo.lock": ("advise", "clean"),
    "target/CACHEDIR.TAG": DATA,
    "target/.rustc_info.json": DATA,
    "node_modules/.package-lock.json": DATA,
    "node_modules/a/package.json": ("suggest",),
    "package-lock.json": DATA,
    ".venv/pyvenv.cfg": DATA,
    ".gitignore": ("suggest --from-gitignore", "suggest", "scan", "measure"),
    ".git": ("suggest --from-gitignore", "lint", *DATA, "measure", "check --all --max 1GB"),
    "key.pem": ("suggest", "lint"),
}

WORST = ("fifo behind links", "directory", "zero", "sparse", "no text")
"""The kinds that further commands meet; the first one of a place meets all."""
TRIALS = [
    pytest.param(kind, place, command, id=f"{kind} as {place}: {command}")
    for place, commands in PLACES.items()
    for command in commands
    for kind in (KINDS if command == commands[0] else WORST)
]


def planted(root: Path, kind: str, place: str) -> Path:
    """Plant the tree with something of this kind in one of its places."""
    nodes = [file(path, data) for path, data in TREE.items() if path != place]
    return build_tree(root / "r", [*nodes, *KINDS[kind](place)])


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Each hostile tree, planted once for all commands."""
    top = tmp_path_factory.mktemp("hostile")
    made: dict[tuple[str, str], Path] = {}

    def tree(kind: str, place: str) -> Path:
        if (kind, place) not in made:
            made[kind, place] = planted(top / str(len(made)), kind, place)
        return made[kind, place]

    return tree


@pytest.mark.parametrize(
    "command", sorted({each for commands in PLACES.values() for each in commands})
)
def test_without_a_hostile_file_commands_answer(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Else the trials would try nothing."""
    root = build_tree(tmp_path / "r", [file(path, data) for path, data in TREE.items()])
    code = ended(command, root, monkeypatch)
    asks_for_more = re.search(r"\.json|podman|\.dockerignore", command)
    assert code in (0, 1) or asks_for_more, capfd.readouterr().err


@pytest.mark.parametrize(("kind", "place", "command"), TRIALS)
def test_every_command_ends(
    kind: str,
    place: str,
    command: str,
    trees: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if "terminal" in kind and not os.access("/dev/tty", os.R_OK):
        pytest.skip("no terminal here")
    try:
        ended(command, trees(kind, place), monkeypatch)
    finally:
        captured = capfd.readouterr()
    assert "internal error" not in captured.err


ANSWERS = {
    # kind: what BuildKit of Docker 28.5.2, its classic builder and buildah 1.43 make of it as
    # .dockerignore: an empty file, no file, or a failing build; Docker waits for ever for some.
    "fifo": ("fails", "fails", "fails"),
    "fifo behind links": ("fails", "fails", "fails"),
    "zero itself": ("fails", "fails", "fails"),
    "null itself": ("empty", "empty", "empty"),
    "socket": ("empty", "fails", "fails"),
    "directory": ("none", "fails", "fails"),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("at", range(3), ids=["buildkit", "classic", "podman"])
def test_an_ignore_file_is_what_the_builder_makes_of_it(
    kind: str, at: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = KINDS.get(kind, lambda path: [device(path, 1, 3)])(".dockerignore")
    root = build_tree(tmp_path / "r", ["Dockerfile", "a", *planted])
    builder = ("buildkit", "classic", "podman")[at]
    with limited():
        code = run(["measure", "--builder", builder, str(root)])
    error = capfd.readouterr().err
    answer = ANSWERS[kind][at]
    assert code == (0 if answer in ("empty", "none") else 2)
    assert ("cannot read the ignore file" in error) == (answer == "fails")


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile"])
def test_what_docker_answers_is_read(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Docker 28.5.2 takes ignore files of 40 MB, and Dockerfiles of up to 16 MiB."""
    line = b"#" + b"x" * 98 + b"\n"
    for lines, codes in ((100_000, (0,)), (1_000_000, (0, 2))):
        data = b"FROM scratch\nCOPY . /\n" + line * lines
        root = build_tree(tmp_path / str(lines), ["Dockerfile", file(name, data)])
        assert run(["measure", str(root)]) in codes
    captured = capfd.readouterr()
    said = " ".join((captured.out + captured.err).split())
    assert "cannot be read: it is larger than " in said
