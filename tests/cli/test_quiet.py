"""Nothing is said of what no build sends, and no two lines are proposed for one thing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, Node, build_tree, file

ALL = file("Dockerfile", COPY_ALL)
NOTHING = file("Dockerfile", b"FROM x\nRUN y\n")
ONE = file("Dockerfile", b"FROM x\nCOPY lib lib\n")
LINES = file(".dockerignore", b".git\n")
SCREENS = ((), ("measure",), ("suggest",), ("lint",), ("scan",))
CSPROJ = b'<Project Sdk="Microsoft.NET.Sdk"></Project>\n'
DOTNET = b"""\
FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build
WORKDIR /app
COPY . .
WORKDIR /app/src/Web
RUN dotnet restore
RUN dotnet publish -c Release -o out
FROM mcr.microsoft.com/dotnet/aspnet:8.0
COPY --from=build /app/src/Web/out ./
"""


def tracked(root: Path, nodes: list[str | Node]) -> Path:
    """Return a tree of which git tracks all but what its `.gitignore` ignores."""
    build_tree(root, nodes)
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


UNSENT: dict[str, list[str | Node]] = {
    "nothing is taken": [NOTHING, file("client/.env.development", b"SECRET=ARNFCb9zrC9ZHm5h\n")],
    "another directory is taken": [ONE, "lib/a", file(".env", b"DB_PASSWORD=hunter2hunter2\n")],
    "no name has a value": [ALL, file(".env.production", b"APP_KEY=\nDB_PASSWORD=\n")],
    "no name is a secret": [ALL, file(".envrc", b"CORES=$(nproc)\nexport PARTS=$CORES\n")],
}


@pytest.mark.parametrize("name", UNSENT)
def test_what_no_build_sends_is_no_secret(name: str, cli: Cli, tmp_path: Path) -> None:
    root = tracked(tmp_path / "r", [*UNSENT[name], LINES])
    for command in SCREENS:
        assert not re.search("secret|^  !", cli(*command, cwd=root).out, re.MULTILINE)
    assert cli(cwd=root).lines[0].startswith("Fine: ")


def test_what_another_build_of_the_context_sends_is_a_secret(cli: Cli, tmp_path: Path) -> None:
    env = file("client/.env.development", b"SECRET=ARNFCb9zrC9ZHm5h\n")
    recipe = file("Makefile", b"a:\n\tdocker build .\n\tdocker build -f all.Dockerfile .\n")
    root = tracked(tmp_path / "r", [NOTHING, file("all.Dockerfile", COPY_ALL), recipe, env, LINES])
    assert "! a secret is in the context: client/.env.development" in cli("suggest", cwd=root).out


def test_one_unknown_command_does_not_make_an_ignore_file_read(cli: Cli, tmp_path: Path) -> None:
    script = b'#!/bin/sh\nbuild() {\n docker buildx build "$rootdir" -f "$file"\n}\n'
    root = build_tree(
        tmp_path / "r",
        [
            file("web/Dockerfile", b"FROM x\nCOPY pc /pc\n"),
            file("pc/.dockerignore", b"target\n"),
            "pc/core/a",
            file("bin/b", script),
        ],
    )
    words = " ".join(cli("lint", cwd=root).out.split())
    assert (
        "pc/.dockerignore: 1 pattern pc/.dockerignore info CTX127 no build seems to read" in words
    )
    assert "no build has the context pc; a command that is not written out may read it" in words
    assert "sent" not in words


def test_byte_code_is_foreseen_for_own_python_alone(cli: Cli, tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        file("Dockerfile", b"FROM golang\nCOPY . .\nRUN go build -o /x ./cmd\n"),
        file("vendor/o/otel/requirements.txt", b"codespell==2.4.1\n"),
        *("vendor/modules.txt", "vendor/o/otel/a.py", "cmd/main.go", "go.mod"),
        file(".dockerignore", b".git\nbin\n"),
    ]
    root = tracked(tmp_path / "r", nodes)
    for command in ("suggest", "lint"):
        assert "__pycache__" not in cli(command, cwd=root).out
    build_tree(root, ["requirements.txt"])
    assert "__pycache__" not in cli("suggest", cwd=root).out
    build_tree(root, ["tools/a.py"])
    assert "**/__pycache__  nothing yet; Python makes it here" in cli("suggest", cwd=root).out


def projects(root: Path, names: str) -> Path:
    """Return projects of .NET whose ignore file matches at one level too high."""
    nodes: list[str | Node] = [
        file("Dockerfile", DOTNET),
        file(".dockerignore", b".git\nDockerfile\n.dockerignore\n*/bin\n*/obj\n"),
        file(".gitignore", b"[Bb]in/\n[Oo]bj/\n"),
        *(file(f"src/{name}/{name}.csproj", CSPROJ) for name in names),
        file("src/Web/Web.csproj", CSPROJ),
    ]
    return tracked(root, nodes)


def test_lint_foresees_in_a_fresh_clone_what_suggest_does(cli: Cli, tmp_path: Path) -> None:
    root = projects(tmp_path / "r", "A")
    assert (
        "src/A/bin src/Web/bin  nothing yet; dotnet build makes it" in cli("suggest", cwd=root).out
    )
    words = " ".join(cli("lint", cwd=root).out.split())
    assert "CTX135 no line ignores `**/obj`: nothing yet; dotnet restore makes it here" in words
    assert "CTX135 no line ignores `src/A/bin`, `src/Web/bin`: nothing yet; dotnet" in words


def test_one_line_is_proposed_for_what_is_there_and_what_will_be(cli: Cli, tmp_path: Path) -> None:
    root = projects(tmp_path / "r", "ABCDEFGH")
    for name in "ABC":
        build_tree(root, [file(f"src/{name}/bin/Debug/net8.0/a.dll", size_bytes=5_000_000)])
        build_tree(root, [file(f"src/{name}/obj/project.assets.json", b"{}")])
    screen = cli("suggest", "--write", cwd=root).out
    assert "15.0 MB      3  **/bin   output of a .NET build" in screen
    assert "Prevention" not in screen
    assert (root / ".dockerignore").read_text().split()[-2:] == ["**/bin", "**/obj"]
    assert "nothing found" in cli("lint", cwd=root).out


OUTPUTS = {
    "vite.config.ts": (b'export default { build: { outDir: "./build/app" } }\n', "build"),
    "vite.config.js": (b"export default { build: { outDir: process.env.OUT } }\n", "**/dist"),
    "vite.config.mjs": (
        b"export default { root: 'web', build: { outDir: '../dist' } }\n",
        "**/dist",
    ),
    "tsconfig.json": (b'{"compilerOptions": {\n  "outDir": "lib"\n}}\n', ""),
    "tsconfig.json ": (b'{"compilerOptions": {\n  // "outDir": "lib"\n}}\n', "**/dist"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_directory_that_settings_name_is_foreseen(name: str, cli: Cli, tmp_path: Path) -> None:
    text, output = OUTPUTS[name]
    nodes: list[str | Node] = [
        file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci && npm run build\n"),
        file("package.json", b'{"scripts": {"build": "vite build"}}\n'),
        file(name.strip(), text),
        file(".gitignore", b"node_modules\ndist\nbuild\n"),
        file(".dockerignore", b".git\n**/node_modules\n"),
    ]
    root = tracked(tmp_path / "r", nodes)
    for command in ("suggest", "lint"):
        words = " ".join(cli(command, cwd=root).out.split())
        assert words.count("npm run build makes") == bool(output)
        assert output in words
