"""What proves that a build needs a file, and what only looks as if it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_spared import cloned, safe
from tests.trees import Node, file

GO = b"""\
FROM golang AS b
WORKDIR /a
COPY . .
RUN go build -o /x ./cmd
FROM scratch
COPY --from=b /x /x
"""
VENDORED = b"FROM ubuntu AS b\nCOPY . .\nRUN just chromad\nFROM scratch\nCOPY --from=b /a/x /x\n"
PROGRAM = (
    file("go.mod", b"module x\n"),
    file("cmd/main.go", b"package main\n"),
    file("vendor/modules.txt", b"# m\n"),
    file("Dockerfile", GO),
    file(".dockerignore", b".git\n"),
)


def doubts(cli: Cli, root: Path) -> str:
    return " ".join(cli("suggest", "--unsafe", "-v", cwd=root).out.split())


@pytest.mark.parametrize("place", ["vendor/m", "third_party/m", "tests/image", "fixtures/m"])
def test_dockerfiles_that_are_left_out_ask_for_nothing(
    place: str, cli: Cli, tmp_path: Path
) -> None:
    root = cloned(
        tmp_path,
        *PROGRAM,
        file("a.test", b"\x7fELF" + bytes(4_000_000)),
        file(f"{place}/Dockerfile", VENDORED),
        file(f"{place}/LICENSE", b"MIT\n"),
    )
    told = " ".join(cli("suggest", cwd=root).out.split())
    assert "4.0 MB of 4.0 MB" in told
    assert "a compiled test" in told
    assert f"{place}/Dockerfile may need it" not in doubts(cli, root)


def test_vendored_code_names_nothing_outside_of_it(cli: Cli, tmp_path: Path) -> None:
    named = file("vendor/m/m.go", b'package m\nvar D = "docs/x"\n')
    pages = file("docs/x.md", size_bytes=3_000_000)
    assert "docs" in safe(cloned(tmp_path / "out", *PROGRAM, named, pages))
    ours = file("cmd/other.go", b'package main\nvar D = "docs/x"\n')
    root = cloned(tmp_path / "ours", *PROGRAM, ours, pages)
    assert "docs" not in safe(root)
    assert "cmd/other.go mentions it" in doubts(cli, root)
    inside = file("vendor/m/docs/x.md", size_bytes=3_000_000)
    root = cloned(tmp_path / "in", *PROGRAM, named, inside)
    assert not any("docs" in line for line in safe(root))


NODE = b"""\
FROM node AS s
WORKDIR /s
COPY package.json package-lock.json webpack.config.js ./
RUN npm ci && npm run build
FROM python
COPY --from=s /s/dist /d
COPY . /s/
"""


@pytest.mark.parametrize(
    ("line", "is_safe"),
    [
        ('const isDev = process.env.NODE_ENV === "development";', True),
        ("const key = import.meta.env.KEY, other = process?.env.KEY;", True),
        ('const file = path.join(__dirname, ".env");', False),
        ("const file = `${root}/.env`;", False),
    ],
)
def test_variables_are_no_file_of_variables(line: str, is_safe: bool, tmp_path: Path) -> None:
    root = cloned(
        tmp_path,
        file("Dockerfile", NODE),
        file("package.json", b'{"scripts": {"build": "webpack"}}'),
        file("package-lock.json", b"{}"),
        file(".env", b"PASSWORD=hunter2hunter2\n"),
        file("webpack.config.js", line.encode()),
        file(".dockerignore", b".git\n**/node_modules\n"),
    )
    assert ("**/.env" in safe(root)) is is_safe


DOTNET = b"""\
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS b
WORKDIR /s
COPY . .
RUN dotnet publish -o out
FROM x
COPY --from=b /s/out /app
"""
TOP = b'#!/bin/sh\nexport R="$(git rev-parse --show-toplevel)"\n'


@pytest.mark.parametrize(
    ("dockerfile", "script", "text", "is_safe"),
    [
        (DOTNET, ".devcontainer/c.sh", TOP, True),
        (DOTNET, "docker/build.sh", b"V=$(git describe)\ndocker build -t x:$V .\n", True),
        (DOTNET.replace(b"dotnet p", b"./p.sh && dotnet p"), "dev/c.sh", TOP, True),
        (DOTNET.replace(b"dotnet p", b"./p.sh && dotnet p"), "p.sh", TOP, False),
        (DOTNET.replace(b"dotnet p", b"./p.sh && dotnet p"), "v.sh", b"git describe\n", False),
    ],
)
def test_a_script_of_the_host_reads_no_version(
    dockerfile: bytes, script: str, text: bytes, is_safe: bool, cli: Cli, tmp_path: Path
) -> None:
    root = cloned(
        tmp_path,
        file("Dockerfile", dockerfile),
        file("a.csproj", b'<Project Sdk="Microsoft.NET.Sdk"></Project>'),
        file(".dockerignore", b"**/bin\n**/obj\n"),
        file(script, text),
    )
    assert bool({".git", "**/.git"} & safe(root)) is is_safe
    assert "from git" not in cli("lint", cwd=root).out


TURBO = """\
FROM node:22 AS builder
COPY . .
{}FROM node:22 AS installer
COPY --from=builder /app/out/full/ .
RUN turbo run build --filter=@x/remix...
FROM node:22
COPY --from=builder {} .
CMD ["sh", "start.sh"]
"""
NEXT = (
    file("package.json", b'{"workspaces": ["apps/*"], "scripts": {"build": "turbo run build"}}'),
    file("package-lock.json", b"{}"),
    file("apps/docs/package.json", b'{"name": "@x/docs", "scripts": {"build": "next build"}}'),
    file("apps/docs/.next/p.pack", size_bytes=3_000_000),
    file("docker/start.sh", b"#!/bin/sh\nnode build/server/main.js\n"),
    file(".gitignore", b".next/\n"),
    file(".dockerignore", b".git\n**/node_modules\n.next/\n"),
)


@pytest.mark.parametrize(
    ("run", "taken", "is_safe"),
    [
        ("", "/app/out/json/", True),
        ("RUN turbo prune @x/remix --docker\n", "/app/out/json/", True),
        ("", "/apps/docs/.next/p.pack", False),
        ("", "/apps/docs", False),
        ("", "/apps/*", False),
        ("RUN cp -r apps /app/out/json\n", "/app/out/json/", False),
        ("RUN ./pack.sh\n", "/app/out/json/", False),
    ],
)
def test_a_copy_from_a_stage_brings_what_is_at_its_source(
    run: str, taken: str, is_safe: bool, tmp_path: Path
) -> None:
    root = cloned(tmp_path, file("Dockerfile", TURBO.format(run, taken).encode()), *NEXT)
    is_found = any(".next" in line for line in safe(root))
    assert is_found is is_safe


EXCLUDING = "FROM python:3.12\nWORKDIR /s\nCOPY {} . /s/\nRUN python -m compileall app\n"


@pytest.mark.parametrize(
    ("flags", "is_safe"),
    [
        ("--exclude=docs", True),
        ("--exclude=doc*", False),
        ("", False),
        ("--exclude=docs/b", False),
        ("--exclude=docs --exclude=!docs/a.png", False),
    ],
)
def test_what_no_copy_brings_is_read_by_nothing(flags: str, is_safe: bool, tmp_path: Path) -> None:
    nodes: tuple[Node, ...] = (
        file("Dockerfile", f"# syntax=docker/dockerfile:1\n{EXCLUDING.format(flags)}".encode()),
        file("app/config.py", b'DOCS = "docs"\n'),
        file("docs/a.png", size_bytes=3_000_000),
        file(".dockerignore", b".git\n"),
    )
    root = cloned(tmp_path, *nodes)
    assert any(line.startswith("docs") for line in safe(root)) is is_safe
