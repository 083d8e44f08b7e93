"""What each code catches and what it does not: trees, and the lines of the findings."""

from __future__ import annotations

from typing import NamedTuple

from tests.trees import Node, directory, file, link


class Case(NamedTuple):
    """A tree and where its findings are: `path:line`, none where the code must be silent."""

    nodes: list[str | Node]
    found: tuple[str, ...] = ()


def one(text: str, *others: str | Node, found: tuple[int, ...] = ()) -> Case:
    """A repository with a Dockerfile, which has an ignore file, and findings at these lines."""
    nodes: list[str | Node] = [file("Dockerfile", text.encode()), file(".dockerignore", b".git\n")]
    return Case([*nodes, *others], tuple(f"Dockerfile:{line}" for line in found))


def several(compose: str, **dockerfiles: str) -> list[str | Node]:
    """Services of a Compose file, each with a directory and a Dockerfile of its own."""
    nodes = [file(f"{name}/Dockerfile", text.encode()) for name, text in dockerfiles.items()]
    listed = "".join(f"  {name}:\n    build: {name}\n" for name in dockerfiles)
    return [file("compose.yaml", f"services:\n{listed}{compose}".encode()), *nodes]


WRAPPER = file("mvnw", b"#!/bin/sh\n", mode=0o755)


def inline(*lines: str, key: str = "|") -> Node:
    """A Compose file that holds a Dockerfile."""
    text = "".join(f"        {line}\n" for line in lines)
    return file(
        "compose.yaml",
        f"services:\n  a:\n    build:\n      dockerfile_inline: {key}\n{text}\n  b:\n"
        "    image: x\n".encode(),
    )


NODE = ("package.json", "package-lock.json")
CHEF = """\
FROM rust:1.82 AS chef
WORKDIR /app
RUN cargo install cargo-chef
FROM chef AS planner
COPY . .
RUN cargo chef prepare
FROM chef AS builder
COPY --from=planner /app/recipe.json recipe.json
RUN cargo chef cook{cook}
COPY . .
RUN{mounts} cargo build{build}
"""
MOUNT = "RUN --mount=type=cache,target={} {}\n"


def chef(cook: str = " --release", build: str = " --release", mounts: str = "") -> str:
    return CHEF.format(cook=cook, build=build, mounts=mounts)


def rust(image: str, mount: str) -> str:
    return (
        f"FROM {image} AS build\nWORKDIR /app\nCOPY . .\n"
        f"RUN --mount=type=cache,{mount} cargo build && cp target/debug/a /a\n"
    )


PACKAGES = ("package.json", "api/package.json", "web/package.json", "ui/kit/package.json")
COPIES = """\
COPY package.json ./
COPY api/package.json api/
COPY ./web/package.json ./web/package.json
COPY ui/kit/package.json ui/kit/
"""


def workspace(
    copies: str = COPIES, *others: str | Node, syntax: str = "1.20", found: tuple[int, ...] = ()
) -> Case:
    """A workspace whose manifests are copied one by one."""
    text = f"# syntax=docker/dockerfile:{syntax}\nFROM node:22\nWORKDIR /app\n{copies}"
    return one(text, *PACKAGES, *others, found=found)


IDEA = [file(".idea/workspace.xml", b"<project/>"), file(".idea/x.xml", size_bytes=300_000)]
"""What `suggest` proves to be unneeded, and what is worth an ignore file."""
CASES: dict[str, dict[str, Case]] = {
    "CTX201": {
        "copies all": Case(
            [file("Dockerfile", b"FROM scratch\nCOPY a /\nCOPY . /\n"), "a", *IDEA],
            ("Dockerfile:3",),
        ),
        "binds all": Case(
            [file("Dockerfile", b"FROM alpine\nRUN --mount=type=bind,target=/src make\n"), *IDEA],
            ("Dockerfile:2",),
        ),
        "in a Compose file": Case(
            [inline("FROM alpine", "COPY . /"), "a", *IDEA], ("compose.yaml:3",)
        ),
        "nothing to save but files of builders": Case(
            [file("Dockerfile", b"FROM scratch\nCOPY . /\n"), "a"]
        ),
        "twice for one context": Case(
            [
                file("Dockerfile", b"FROM scratch\nCOPY . /\n"),
                file("dev.Dockerfile", b"FROM scratch\nCOPY . /\n"),
                *IDEA,
            ],
            ("Dockerfile:2",),
        ),
        "a target that does not take it": Case(
            [
                file("Dockerfile", b"FROM x AS base\nCOPY a /\nFROM base\nCOPY . /\n"),
                file("compose.yaml", b"services: {v: {build: {context: ., target: base}}}\n"),
                *("a", *IDEA),
            ]
        ),
        "an ignore file": one("FROM scratch\nCOPY . /\n"),
        "an ignore file of its own": Case(
            [file("Dockerfile", b"FROM scratch\nCOPY . /\n"), "Dockerfile.dockerignore"]
        ),
        "copies by name": Case([file("Dockerfile", b"FROM scratch\nCOPY a /\n"), "a"]),
        "copies from a stage": Case(
            [file("Dockerfile", b"FROM alpine AS a\nFROM scratch\nCOPY --from=a . /\n")]
        ),
    },
    "CTX202": {
        "npm": one("FROM node:22\nWORKDIR /a\nCOPY . .\nRUN npm ci\n", *NODE, found=(3,)),
        "what ONBUILD copies": one(
            "FROM node:22 AS b\nONBUILD COPY . .\nFROM b\nCOPY . .\nRUN npm ci\n", *NODE
        ),
        "what ONBUILD runs": one(
            "FROM node:22 AS b\nCOPY . .\nONBUILD RUN npm ci\nFROM b\n", *NODE
        ),
        "in a list": one(
            "FROM node:22\nCOPY . /a\nRUN cd /a && npm install --omit=dev && npm run build\n",
            *NODE,
            found=(2,),
        ),
        "yarn": one("FROM node:22\nADD . .\nRUN yarn --frozen-lockfile\n", "yarn.lock", found=(2,)),
        "pnpm": one("FROM node:22\nCOPY . .\nRUN corepack pnpm i\n", *NODE, found=(2,)),
        "bun": one("FROM oven/bun\nCOPY . .\nRUN bun install\n", *NODE, found=(2,)),
        "pip": one(
            "FROM python:3\nCOPY . .\nRUN python -m pip install -r requirements.txt\n",
            "requirements.txt",
            found=(2,),
        ),
        "uv": one("FROM python:3\nCOPY . .\nRUN uv sync --locked\n", "uv.lock", found=(2,)),
        "poetry": one("FROM python:3\nCOPY . .\nRUN poetry install\n", "poetry.lock", found=(2,)),
        "composer": one(
            "FROM php:8\nCOPY . .\nRUN composer install\n", "composer.json", found=(2,)
        ),
        "bundler": one("FROM ruby:3\nCOPY . .\nRUN bundle install\n", "Gemfile", found=(2,)),
        "go": one("FROM golang:1\nCOPY . .\nRUN go build ./...\n", "go.mod", found=(2,)),
        "mix": one("FROM elixir\nCOPY . .\nRUN mix deps.get\n", "mix.exs", found=(2,)),
        "divided by what comes behind": one(
            "FROM node:22\nWORKDIR /a\nCOPY --chown=node:node . .\n"
            "RUN set -eux; \\\n    corepack enable && \\\n    # the lock file decides\n"
            "    npm ci --no-audit; \\\n\n    npm run build # and that is all\n",
            *NODE,
            found=(3,),
        ),
        "a heredoc": one(
            "FROM node:22\nCOPY . /a/\nENV CI=true\nWORKDIR /a\n"
            "RUN <<EOF\nset -e\nnpm ci\nnpm test\nEOF\n",
            *NODE,
            found=(2,),
        ),
        "a list of words": one('FROM node:22\nCOPY . .\nRUN ["npm", "ci"]\n', *NODE, found=(2,)),
        "a list of words that stays": one(
            'FROM php:8\nCOPY ["./", "/srv/"]\nWORKDIR /srv\nRUN ["composer", "install"]\n',
            *("composer.json", "composer.lock"),
            found=(2,),
        ),
        "another escape": one(
            "# escape=`\nFROM node:22\nCOPY . .\nRUN npm ci && `\n    npm run build\n",
            *NODE,
            found=(3,),
        ),
        "poetry in the same RUN": one(
            "FROM python:3\nCOPY . .\nRUN pip install poetry && poetry install --only main\n",
            *(file("pyproject.toml", b"[tool.poetry]\n"), "poetry.lock"),
            found=(2,),
        ),
        "a directory of it": one(
            "FROM node:22\nCOPY . /a\nRUN npm --prefix /a/web ci\n",
            *("web/package.json", "web/package-lock.json"),
            found=(2,),
        ),
        "a tool of another image between": one(
            "FROM php:8-fpm\nWORKDIR /srv\nCOPY . .\n"
            "COPY --from=composer:2 /usr/bin/composer /usr/bin/composer\n"
            "RUN composer install --no-dev\n",
            *("composer.json", "composer.lock"),
            found=(3,),
        ),
        "something of another image among the sources": one(
            "FROM node:22\nWORKDIR /a\nCOPY . .\nCOPY --from=x /lock /a/package-lock.json\n"
            "RUN npm ci\n",
            *NODE,
            found=(3,),
        ),
        "Bundler, told nothing": one("FROM ruby:3\nCOPY . .\nRUN bundle\n", "Gemfile", found=(2,)),
        "something between": one(
            "FROM node:22\nCOPY . .\nRUN node prepare.js\nRUN npm ci\n", *NODE, found=(2,)
        ),
        "in a condition": one(
            'FROM node:22\nCOPY . .\nRUN if [ "$X" = 1 ]; then npm ci; fi\n', *NODE, found=(2,)
        ),
        "in a script of words": one(
            'FROM node:22\nCOPY . .\nRUN ["sh", "-c", "npm ci && npm test"]\n', *NODE, found=(2,)
        ),
        "a directory that it makes": one(
            "FROM node:22\nWORKDIR /a\nCOPY . .\nRUN npm ci\n",
            *NODE,
            "node_modules/a/i.js",
            found=(3,),
        ),
        "the project alone": one("FROM python:3\nCOPY . .\nRUN pip install .\n", "setup.py"),
        "scripts of its own, cached": one(
            "FROM node:22\nCOPY . .\n" + MOUNT.format("/root/.npm", "npm ci"),
            file("package.json", b'{"scripts": {"prepare": "node prepare.js"}}'),
        ),
        "elsewhere": one("FROM node:22\nCOPY . /a\nWORKDIR /b\nRUN npm ci\n", *NODE),
        "no manifest": one("FROM node:22\nCOPY . .\nRUN npm ci\n"),
        "a manifest that is ignored": Case(
            [
                file("Dockerfile", b"FROM node:22\nCOPY . .\nRUN npm ci\n"),
                file(".dockerignore", b"package*.json\n"),
                *NODE,
            ]
        ),
        "manifest first": one("FROM node:22\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n", *NODE),
        "twice, manifest first": one(
            "FROM node:22\nCOPY package.json .\nRUN npm ci\nCOPY . .\nRUN npm ci --omit=dev\n",
            *NODE,
        ),
        "named packages": one("FROM python:3\nCOPY . .\nRUN pip install flask\n"),
        "a tool of its own": one("FROM node:22\nCOPY . .\nRUN npm install -g serve\n", *NODE),
        "no install": one("FROM node:22\nCOPY . .\nRUN npm run build && echo npm ci\n", *NODE),
        "another stage": one("FROM node:22 AS a\nCOPY . .\nFROM node:22\nRUN npm ci\n", *NODE),
        "go with a cache": one(
            "FROM golang:1\nCOPY . .\n" + MOUNT.format("/go/pkg/mod", "go build ./..."), "go.mod"
        ),
        "go, vendored": one(
            "FROM golang:1\nCOPY . .\nRUN go build ./...\n", "go.mod", "vendor/modules.txt"
        ),
        "cached": one("FROM node:22\nCOPY . .\n" + MOUNT.format("/root/.npm", "npm ci"), *NODE),
        "compilers, which run after each change": one(
            "FROM x\nCOPY . .\nRUN mvn -B package\nRUN gradle :app:build\n"
            "RUN dotnet publish -o /o\n",
            *("pom.xml", "build.gradle", "a.csproj"),
        ),
        "go, of several modules": one("FROM x\nCOPY . .\nRUN go build\n", "go.mod", "go.work"),
    },
    "CTX203": {
        "to the directory of the stage": workspace(found=(4,)),
        "to an absolute directory": workspace(
            COPIES.replace(" ./\n", " /s/\n")
            .replace("api/\n", "/s/api/\n")
            .replace("./web/package.json\n", "/s/web/package.json\n")
            .replace("ui/kit/\n", "/s/ui/kit/.\n"),
            found=(4,),
        ),
        "to a subdirectory": workspace(
            "".join(
                f"COPY --link --chown=1000:100 {each}/package.json a/b/{each}/\n"
                for each in ("api", "web", "ui/kit")
            ),
            found=(4,),
        ),
        "several files at once": workspace(
            COPIES.replace("COPY api/", "COPY api/a.json api/"), "api/a.json", found=(4,)
        ),
        "the newest frontend": workspace(syntax="1", found=(4,)),
        "frontends": Case(
            [
                *PACKAGES,
                *(
                    file(f"Dockerfile.{at}", f"# syntax={name}\nFROM a\n{COPIES}".encode())
                    for at, name in enumerate(
                        (
                            "docker/dockerfile",
                            "docker.io/docker/dockerfile:1.20.0",
                            "docker/dockerfile:1.100-labs",
                            "docker/dockerfile:latest",
                            "docker/dockerfile:1-labs",
                            "docker/dockerfile:1.21@sha256:0a",
                        )
                    )
                ),
            ],
            tuple(f"Dockerfile.{at}:3" for at in range(6)),
        ),
        "other frontends": Case(
            [
                *PACKAGES,
                *(
                    file(f"Dockerfile.{at}", f"# syntax={name}\nFROM a\n{COPIES}".encode())
                    for at, name in enumerate(
                        (
                            "docker/dockerfile:1.19",
                            "docker/dockerfile:1.2",
                            "docker/dockerfile:1@sha256:0a",
                            "docker/dockerfile:1.2-labs",
                            "mirror/docker/dockerfile:1.20",
                            "docker/dockerfile-upstream:1.20",
                        )
                    )
                ),
            ]
        ),
        "directories with another mode": workspace(COPIES, directory("ui", mode=0o775), found=(4,)),
        "no frontend": one("FROM node:22\nWORKDIR /app\n" + COPIES, *PACKAGES),
        "with a comment between": workspace(COPIES.replace("COPY ./", "# b\nCOPY ./"), found=(4,)),
        "with a comment inside": workspace(
            COPIES.replace("kit/package.json ui", "kit/package.json \\\n# b\nui"), found=(4,)
        ),
        "one file again": workspace("COPY package.json ./\n" + "COPY api/package.json api/\n" * 3),
        "too few": workspace("".join(COPIES.splitlines(keepends=True)[:3])),
        "with something between": workspace(COPIES.replace("COPY ./", "RUN true\nCOPY ./")),
        "other options": workspace(
            COPIES.replace("COPY api", "COPY --chown=1 api").replace("COPY ./", "COPY --link ./")
        ),
        "options that mean something else": workspace(COPIES.replace("COPY", "COPY --chmod=644")),
        "from a stage": workspace(COPIES.replace("COPY", "COPY --from=b")),
        "other paths": workspace(
            COPIES.replace(" ui/kit/\n", " ui/\n").replace("api/\n", "apis/\n")
        ),
        "other directories": workspace(COPIES.replace("ui/kit/\n", "/ui/kit/\n")),
        "a directory without a slash": workspace(COPIES.replace("ui/kit/\n", "ui/kit\n")),
        "wildcards, variables and a list": workspace(
            "COPY api/package*.json api/\nARG A=api\nCOPY $A/package.json api/\n"
            'COPY ["web/package.json", "web/"]\nCOPY ui/kit/package.json ui/kit/\n'
        ),
        "above the directory": workspace(COPIES.replace("ui/kit/\n", "../ui/kit/\n")),
        "directories": workspace("".join(f"COPY {e} {e}/\n" for e in ("api", "web", "ui/kit"))),
        "not there": workspace(COPIES.replace("ui/kit", "ui")),
        "a symlink": workspace(COPIES.replace("ui/kit", "ui/link"), link("ui/link", "kit")),
        "a linked file": workspace(
            COPIES.replace("ui/kit", "b"), link("b/package.json", "../api/package.json")
        ),
    },
    "CTX210": {
        "build": one("FROM rust:1\nCOPY . .\nRUN cargo build --release\n", found=(3,)),
        "install": one("FROM rust:1\nCOPY . .\nRUN cargo install --path .\n", found=(3,)),
        "copied by name": one(
            "FROM rust:1\nCOPY Cargo.toml Cargo.lock ./\nCOPY src src\nRUN cargo +1.80 b -r\n",
            *("Cargo.toml", "Cargo.lock", "src/a"),
            found=(4,),
        ),
        "only the registry": one(
            "FROM rust:1\nCOPY . .\n" + MOUNT.format("/usr/local/cargo/registry", "cargo build"),
            found=(3,),
        ),
        "its result": one(
            "FROM rust:1-trixie AS b\nWORKDIR /app\nCOPY . .\nRUN --mount=type=secret,id=t \\\n"
            "    cargo build --release --locked\nFROM debian\n"
            "COPY --from=b /app/target/release/a /app/target/release/a-b /usr/bin/\n",
            found=(4,),
        ),
        "its result in the same RUN": one(
            "FROM rust:1-trixie AS b\nWORKDIR /app\nCOPY . .\n"
            "RUN cargo build --release && cp target/release/a /a\n"
            "FROM debian\nCOPY --from=b /a /a\n",
            found=(4,),
        ),
        "arguments, and a comment": one(
            "FROM rust:1-trixie AS b\nARG EXTRA=--locked\nWORKDIR /app\n# what is needed to link\n"
            "RUN apt-get install -y clang\n\nCOPY . .\nRUN cargo build --release $EXTRA\n"
            "FROM debian\nCOPY --from=b /app/target/release/a /a\n",
            found=(8,),
        ),
        "fetched before": one(
            "FROM rust:1\nCOPY Cargo.toml .\nRUN cargo fetch\nCOPY src src\n"
            "RUN cargo build --offline\n",
            *("Cargo.toml", "src/x"),
            found=(5,),
        ),
        "with flags": one(
            "FROM rust:1 AS b\nWORKDIR /a\nCOPY . .\n"
            "RUN RUSTFLAGS='--cfg x' cargo build $(test $X && echo --release) "
            '--features "a b" --bin a && cp target/debug/a /a\n'
            "FROM scratch\nCOPY --from=b /a /\n",
            found=(4,),
        ),
        "its result, found": one(
            "FROM rust:1\nWORKDIR /a\nCOPY . .\n"
            "RUN cargo build && find target/debug -type f -exec cp -t /bin {} +\n",
            found=(4,),
        ),
        "parts of the registry": one(
            "FROM rust:1\nCOPY . .\n"
            + MOUNT.format("/usr/local/cargo/registry/index", "cargo build"),
            found=(3,),
        ),
        "a stage by number": one(
            "FROM rust:1\nWORKDIR /app\nCOPY . .\nRUN cargo build\nFROM debian\n"
            "COPY --from=0 /app/target/debug/a /a\n",
            found=(4,),
        ),
        "words": one('FROM rust:1\nCOPY . .\nRUN ["cargo", "build"]\n', found=(3,)),
        "several": one("FROM rust:1\nCOPY . .\nRUN cargo build && cargo build -p b\n", found=(3,)),
        "a heredoc": one(
            "FROM rust:1\nCOPY . .\nRUN <<EOF\ncargo build --target-dir out\nEOF\n", found=(3,)
        ),
        "chef": one(chef()),
        "a cache on target": one(
            "FROM rust:1\nCOPY . .\n" + MOUNT.format("/target", "cargo build")
        ),
        "stand-ins": one(
            "FROM rust:1\nCOPY Cargo.toml .\nRUN mkdir src && echo 'fn main() {}' > src/main.rs"
            " && cargo build\nCOPY . .\nRUN cargo build\n",
            "Cargo.toml",
        ),
        "a tool": one("FROM rust:1\nCOPY . .\nRUN cargo install sqlx-cli\n"),
        "nothing copied": one("FROM rust:1\nRUN git clone x && cargo build\n"),
        "sccache": one("FROM rust:1\nENV RUSTC_WRAPPER=sccache\nCOPY . .\nRUN cargo build\n"),
    },
    "CTX211": {
        "profile": one(chef(cook=""), found=(11,)),
        "named profile": one(chef(cook=" --profile=ci"), found=(11,)),
        "features": one(chef(build=" --release --features a"), found=(11,)),
        "all features": one(chef(build=" --release --all-features"), found=(11,)),
        "target": one(chef(build=" --release --target x86_64-unknown-linux-musl"), found=(11,)),
        "directory": one(
            chef().replace("RUN cargo build", "WORKDIR /src\nRUN cargo build"), found=(12,)
        ),
        "flags": one(
            chef().replace("RUN cargo build", 'RUN RUSTFLAGS="-C x" cargo build'), found=(11,)
        ),
        "toolchain": one(
            chef().replace("cargo chef cook", "cargo +nightly chef cook"), found=(11,)
        ),
        "a toolchain of the planner, which compiles nothing": one(
            chef().replace("FROM chef AS planner", "FROM rust:1.80 AS planner\nWORKDIR /app")
        ),
        "a second build": one(
            chef() + "RUN cargo build --features a\n",
            found=(12,),
        ),
        "in a list, with flags": one(
            chef(cook=" --locked").replace(
                "RUN cargo chef cook", "RUN date && CC=a cargo chef cook"
            )
            + "FROM scratch\n",
            found=(11,),
        ),
        "words": one(
            chef().replace("RUN cargo chef cook --release", 'RUN ["cargo", "chef", "cook"]'),
            found=(11,),
        ),
        "an image of its own for cook and build": one(
            chef().replace("FROM chef AS builder", "FROM rust:1.83-slim AS builder")
        ),
        "in a condition": one(
            chef()
            .replace("RUN cargo chef cook", "RUN if [ $X ]; then \\\n    A=b cargo chef cook")
            .replace("cook --release\n", "cook --locked >log; fi\n"),
            found=(12,),
        ),
        "in a script": one(
            chef().replace("RUN cargo chef cook --release", "RUN bash -c 'cargo chef cook'"),
            found=(11,),
        ),
        "in a script of words": one(
            chef().replace(
                "RUN cargo chef cook --release", 'RUN ["sh", "-c", "cargo  chef cook --locked"]'
            ),
            found=(11,),
        ),
        "for either profile": one(
            chef()
            .replace(
                "RUN cargo chef cook", "RUN if [ $X ]; then cargo chef cook; else cargo chef cook"
            )
            .replace("cook --release\n", "cook --release --all-features; fi\n")
            .replace("RUN cargo build", "RUN if [ $X ]; then cargo build -F $F; else cargo build")
            .replace("build --release\n", "build --release -F $F --all-features; fi\n")
        ),
        "a member of the workspace": one(
            chef().replace("RUN cargo build", "RUN cd crates/a && cargo build")
        ),
        "the same": one(chef()),
        "the same features": one(chef(" --release --features a", " --release --features=a")),
        "one of several": one(
            chef().replace("RUN cargo chef cook", "RUN cargo chef cook && cargo chef cook")
        ),
        "a variable": one(chef(build=" --profile $PROFILE")),
    },
    "CTX212": {
        "a binary": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build")
            + "FROM scratch\nCOPY --from=b /app/target/debug/a /a\n",
            found=(6,),
        ),
        "by number, relative mount": one(
            "FROM rust:1\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("target", "cargo build")
            + "FROM scratch\nCOPY --from=0 /app/target/debug/a /a\n",
            found=(6,),
        ),
        "node_modules": one(
            "FROM node:22 AS b\nWORKDIR /a\n"
            + MOUNT.format("/a/node_modules", "npm ci")
            + "FROM node:22\nCOPY --from=b /a/node_modules /a/node_modules\n",
            found=(5,),
        ),
        "a RUN that cannot be read": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build")
            + "RUN x ) && cp -r /out /app/target\n"
            "FROM scratch\nCOPY --from=b /app/target/debug/a /a\n",
        ),
        "two of one name": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build && cargo build -r # both")
            + "FROM scratch\nCOPY --from=b /app/target/debug/a /d\n"
            "COPY --from=b /app/target/release/a /app/target/release/a.d /r/\n",
            found=(6, 7, 7),
        ),
        "any of them": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "set -e; cargo build;")
            + 'FROM scratch\nCOPY --from=b ["/app/target/debug/*.so", "/lib/"]\n',
            found=(6,),
        ),
        "a heredoc": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            "RUN --mount=type=cache,target=target <<EOF\ncargo build\nEOF\n"
            "FROM scratch\nCOPY --from=b app/target/debug/a /a\n",
            found=(8,),
        ),
        "words, by a user": one(
            "FROM rust:1 AS b\nWORKDIR /app\nUSER 1000\n"
            + MOUNT.format("/app/target,uid=1000", '["cargo", "build"]')
            + "FROM scratch\nCOPY --from=b --chown=1000 /app/target/debug/a /app/target/debug/b\n",
            found=(6,),
        ),
        "built again without it": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build --lib")
            + "RUN cargo build\nFROM scratch\nCOPY --from=b /app/target/debug/a /\n"
        ),
        "copied out": one(
            "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build && cp target/debug/a /a")
            + "FROM scratch\nCOPY --from=b /a /a\n"
        ),
        "mounted again": one(
            "FROM rust:1\nWORKDIR /app\nCOPY . .\n"
            + MOUNT.format("/app/target", "cargo build")
            + MOUNT.format("/app/target", "cp target/debug/a /a")
        ),
        "no mount": one(
            "FROM rust:1 AS b\nCOPY . .\nRUN cargo build\nFROM scratch\n"
            "COPY --from=b /target/debug/a /\n"
        ),
        "beside it": one(
            "FROM rust:1 AS b\n"
            + MOUNT.format("/app/target", "cargo build")
            + "FROM scratch\nCOPY --from=b /app/targets /a\n"
        ),
    },
    "CTX220": {
        "libc": Case(
            several(
                "",
                a=rust("rust:1-alpine", "target=/app/target"),
                b=rust("rust:1-bookworm", "target=/app/target/"),
            ),
            ("a/Dockerfile:4", "b/Dockerfile:4"),
        ),
        "release": Case(
            several(
                "",
                a=rust("rust:1-bullseye", "target=/app/target"),
                b=rust("rust:1-bookworm", "id=/app/target,target=/other/target"),
            ),
            ("a/Dockerfile:4", "b/Dockerfile:4"),
        ),
        "stages of one file": one(
            rust("rust:1-alpine", "target=target") + rust("rust:1-trixie", "target=target"),
            found=(4,),
        ),
        "wheels of two versions of Python": Case(
            several(
                "",
                a="FROM x/fast:python3.9-slim\n"
                + MOUNT.format("/root/.cache/pip", "pip install a"),
                b="FROM python:3.10-alpine\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
            )
        ),
        "wheels": Case(
            several(
                "",
                a="FROM python:3-alpine\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
                b="FROM python:3-slim\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
            ),
            ("a/Dockerfile:2", "b/Dockerfile:2"),
        ),
        "platforms": Case(
            [
                file(
                    "compose.yaml",
                    b"services:\n  a:\n    build:\n      context: a\n"
                    b"      platforms: [linux/amd64, linux/arm64]\n",
                ),
                file("a/Dockerfile", rust("rust:1-bookworm", "target=/app/target").encode()),
            ],
            ("a/Dockerfile:4",),
        ),
        "platforms, by an architecture without its ARG": Case(
            [
                file(
                    "docker-bake.json",
                    b'{"target": {"a": {"platforms": ["linux/amd64", "linux/arm64"]}}}',
                ),
                file("Dockerfile", rust("rust:1", "id=a-$TARGETARCH,target=/app/target").encode()),
            ],
            ("Dockerfile:4",),
        ),
        "platforms, in stages that build on each other": Case(
            [
                file(
                    "docker-bake.json",
                    b'{"target": {"a": {"platforms": ["linux/amd64", "linux/arm64"]}}}',
                ),
                file(
                    "Dockerfile",
                    b"FROM rust:1-trixie AS a\n"
                    + MOUNT.format("/t/target", "make").encode()
                    + b"FROM a\n"
                    + MOUNT.format("/t/target", "make install").encode(),
                ),
            ],
            ("Dockerfile:2",),
        ),
        "cgo, whose cache knows the compiler": Case(
            several(
                "",
                a="FROM golang:1-alpine\n" + MOUNT.format("/root/.cache", "go build"),
                b="FROM golang:1-trixie\n" + MOUNT.format("/root/.cache", "go build"),
            ),
        ),
        "an id that both chose": Case(
            several(
                "",
                a=rust("rust:1-alpine", "id=t,target=/app/target"),
                b=rust("rust:1-bookworm", '"id=t",dst=/app/target,sharing=locked'),
            ),
            ("a/Dockerfile:4", "b/Dockerfile:4"),
        ),
        "services of one name": Case(
            [
                file(f"{name}/api/Dockerfile", rust("rust:1-trixie", "target=/t/target").encode())
                for name in ("x", "y")
            ],
            ("x/api/Dockerfile:4", "y/api/Dockerfile:4"),
        ),
        "several mounts, for platforms": Case(
            [
                file(
                    "docker-bake.json",
                    b'{"target": {"a": {"platforms": ["linux/amd64", "linux/arm64"]}}}',
                ),
                file(
                    "Dockerfile",
                    b"FROM rust:1-trixie\nRUN --mount=type=cache,target=/t/target \\\n"
                    b"    # of another tool\n"
                    b"    --mount=type=cache,target=/t/target/node_modules \\\n    make\n"
                    b"RUN --mount=type=cache,target=/t/target make install\n",
                ),
            ],
            ("Dockerfile:2", "Dockerfile:2"),
        ),
        "ids": Case(
            several(
                "",
                a=rust("rust:1-alpine", "id=a,target=/app/target"),
                b=rust("rust:1-bookworm", "id=b,target=/app/target"),
            )
        ),
        "images of one libc and tool": one(
            rust("rust:1.82", "target=target")
            + rust("rust:1.83-slim", "target=target")
            + rust(f"ghcr.io/mirror/rust:1@sha256:{'0a' * 32}", "target=target"),
        ),
        "wheels of one libc": Case(
            several(
                "",
                a="FROM python:3-alpine\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
                b="FROM python:3-alpine3.20\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
            )
        ),
        "another tool, of an unknown system": Case(
            several(
                "",
                a="FROM python:3\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
                b="FROM acme/base\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
            ),
            ("a/Dockerfile:2", "b/Dockerfile:2"),
        ),
        "another service": Case(
            several(
                "",
                a=rust("rust:1.81-slim-bookworm", "target=/app/target"),
                b=rust("rust:1.82-bookworm", "target=/app/target"),
            ),
            ("a/Dockerfile:4", "b/Dockerfile:4"),
        ),
        "another service, by an id that both chose": Case(
            several(
                "",
                a=rust("rust:1.81-slim-bookworm", "id=x,target=/app/target"),
                b=rust("rust:1.82-bookworm", "id=x,target=/app/target"),
            )
        ),
        "another Dockerfile of the same service": Case(
            [
                file("Dockerfile", rust("rust:1-bookworm", "target=/app/target").encode()),
                file("dev.Dockerfile", rust("rust:1-bookworm", "target=/app/target").encode()),
            ]
        ),
        "downloads": Case(
            several(
                "",
                a="FROM node:22-alpine\n" + MOUNT.format("/root/.npm", "npm ci"),
                b="FROM node:22-bookworm\n" + MOUNT.format("/root/.npm", "npm ci"),
            )
        ),
        "platforms, by architecture": Case(
            [
                file(
                    "compose.yaml",
                    b"services:\n  a:\n    build:\n      context: a\n"
                    b"      platforms: [linux/amd64, linux/arm64]\n",
                ),
                file(
                    "a/Dockerfile",
                    rust("rust:1-bookworm", "id=a-$TARGETARCH,target=/app/target")
                    .replace("WORKDIR", "ARG TARGETARCH\nWORKDIR")
                    .encode(),
                ),
            ]
        ),
        "cross-compiled on one platform": Case(
            [
                file(
                    "compose.yaml",
                    b"services:\n  a:\n    build:\n      context: a\n"
                    b"      platforms: [linux/amd64, linux/arm64]\n",
                ),
                file(
                    "a/Dockerfile",
                    rust("--platform=$BUILDPLATFORM rust:1", "target=/app/target").encode(),
                ),
            ]
        ),
        "no cgo": Case(
            several(
                "",
                a="FROM golang:1-alpine\n" + MOUNT.format("/root/.cache", "CGO_ENABLED=0 go build"),
                b="FROM golang:1-trixie\nENV CGO_ENABLED=0\n"
                + MOUNT.format("/root/.cache", "go build"),
            )
        ),
    },
    "CTX221": {
        "apt, in two stages": one(
            "FROM debian:12\n"
            + MOUNT.format("/var/lib/apt", "apt-get update && apt-get install -y a")
            + "FROM debian:12\n"
            + MOUNT.format("/var/lib/apt", "apt-get update"),
            found=(2,),
        ),
        "apt, in two services of a Compose file": Case(
            several(
                "",
                a="FROM debian:12\n" + MOUNT.format("/var/lib/apt", "apt-get update"),
                b="FROM debian:12\n" + MOUNT.format("/var/lib/apt", "apt-get update"),
            ),
            ("a/Dockerfile:2", "b/Dockerfile:2"),
        ),
        "apt, for two platforms": Case(
            [
                file(
                    "docker-bake.json",
                    b'{"target": {"a": {"platforms": ["linux/amd64", "linux/arm64"]}}}',
                ),
                file(
                    "Dockerfile",
                    b"FROM debian:12\n" + MOUNT.format("/var/lib/apt", "apt-get update").encode(),
                ),
            ],
            ("Dockerfile:2",),
        ),
        "apt, in several RUNs": one(
            "FROM debian:12\n"
            + 2 * MOUNT.format("/var/lib/apt", "apt-get update")
            + "FROM debian:12\n"
            + MOUNT.format("/var/lib/apt", "apt-get update"),
            found=(2,),
        ),
        "apt, in Dockerfiles that nothing builds together": Case(
            [
                file(
                    f"{name}/Dockerfile",
                    b"FROM debian:12\n" + MOUNT.format("/var/lib/apt", "apt-get update").encode(),
                )
                for name in ("a", "b")
            ]
        ),
        "apt, alone": one("FROM debian:12\n" + MOUNT.format("/var/lib/apt", "apt-get update")),
        "apt, shared on purpose": one(
            2
            * (
                "FROM debian:12\nRUN --mount=type=cache,target=/var/cache/apt,sharing=shared \\\n"
                "    --mount=type=cache,target=/var/lib/apt,sharing=shared \\\n"
                "    rm -f /etc/apt/apt.conf.d/docker-clean && apt-get install -y a\n"
            )
        ),
        "apt, locked": one(
            2
            * ("FROM debian:12\n" + MOUNT.format("/var/lib/apt,sharing=locked", "apt-get update")),
        ),
        "apt, stages in a row": one(
            "FROM debian:12 AS a\n"
            + MOUNT.format("/var/lib/apt", "apt-get update")
            + "FROM a\n"
            + MOUNT.format("/var/lib/apt", "apt-get update")
        ),
        "npm": one(2 * ("FROM node:22\n" + MOUNT.format("/root/.npm", "npm ci"))),
    },
    "CTX222": {
        "another home": one(
            "FROM node:22\nUSER node\n" + MOUNT.format("/root/.npm", "npm ci"), found=(3,)
        ),
        "a variable": one(
            "FROM python:3\nENV PIP_CACHE_DIR=/cache\n"
            + MOUNT.format("/root/.cache/pip", "pip install a"),
            found=(3,),
        ),
        "CARGO_HOME": one(
            "FROM rust:1\nENV CARGO_HOME=/c\n"
            + MOUNT.format("/usr/local/cargo/registry", "cargo fetch"),
            found=(3,),
        ),
        "GOMODCACHE": one(
            "FROM golang:1\nENV GOMODCACHE=/m GOCACHE=/g\n"
            + MOUNT.format("/go/pkg/mod", "go mod download"),
            found=(3,),
        ),
        "no cache": one(
            "FROM python:3\n" + MOUNT.format("/root/.cache/pip", "pip install --no-cache-dir a"),
            found=(2,),
        ),
        "no cache by a variable": one(
            "FROM python:3\nENV PIP_NO_CACHE_DIR=1\n"
            + MOUNT.format("/root/.cache/pip", "pip install a"),
            found=(3,),
        ),
        "another home, by a number that is told": one(
            "FROM debian\nRUN useradd -m -u 1234 app\nUSER app\n"
            + MOUNT.format("/root/.cache/pip", "pip install a"),
            found=(4,),
        ),
        "another home, of nobody knows whom": one(
            "FROM debian\nUSER app\n" + MOUNT.format("/root/.cache/pip", "pip install a"),
            found=(3,),
        ),
        "no cache, twice": one(
            "FROM python:3\nRUN --mount=type=cache,target=/root/.cache/pip \\\n"
            "    pip install --no-cache-dir a && \\\n    pip install \\\n    --no-cache-dir \\\n"
            "    b\n",
            found=(2,),
        ),
        "no cache, in words": one(
            "FROM python:3\n"
            + MOUNT.format("/root/.cache/pip", '["pip", "install", "--no-cache-dir", "a"]'),
            found=(2,),
        ),
        "no cache, in a script": one(
            "FROM python:3\n"
            + MOUNT.format("/root/.cache/pip", "bash -c 'pip install --no-cache-dir a'"),
            found=(2,),
        ),
        "no cache, in a script with others": one(
            "FROM python:3-alpine\n"
            + MOUNT.format(
                "/root/.cache/uv", "sh -c 'apk add --no-cache git && uv sync --no-cache --locked'"
            ),
            found=(2,),
        ),
        "no cache by a variable of the command": one(
            "FROM python:3\n"
            + MOUNT.format("/root/.cache/uv", "date && UV_NO_CACHE=1 uv pip install a"),
            found=(2,),
        ),
        "no cache by a variable, in words": one(
            "FROM python:3\nENV PIP_NO_CACHE_DIR=1\n"
            + MOUNT.format("/root/.cache/pip", '["pip", "install", "a"]'),
            found=(3,),
        ),
        "docker-clean, in a heredoc": one(
            "FROM ubuntu:24.04\nRUN --mount=type=cache,target=/var/cache/apt,sharing=locked <<EOF\n"
            "apt-get update\napt-get install -y a\nEOF\n",
            found=(2,),
        ),
        "no home": one(
            "FROM node:22\nWORKDIR /a\n" + MOUNT.format("~/.npm,id=npm", "npm ci"), found=(3,)
        ),
        "thrown away": one(
            "FROM node:22\n"
            + MOUNT.format("/root/.npm", "npm ci && npm cache clean --force && npm test"),
            found=(2,),
        ),
        "told where": one(
            "FROM node:22\n"
            + MOUNT.format("/c/pnpm", "pnpm config set store-dir /c/pnpm && pnpm install")
            + MOUNT.format("/c/pip", "pip install --cache-dir /c/pip a")
            + MOUNT.format("/c/pnpm", "pnpm install --offline")
        ),
        "emptied among others": one(
            "FROM x\nRUN --mount=type=cache,target=/var/lib/apt,sharing=locked \\\n"
            "    --mount=type=cache,target=/var/cache/apt,sharing=locked \\\n"
            "    apt-get update && \\\n    apt-get install -y a && \\\n    apt-get clean && \\\n"
            "    rm -rf /var/lib/apt/lists/* /tmp/* # tidy\n",
            found=(2, 2),
        ),
        "emptied, in a script": one(
            "FROM x\n"
            + MOUNT.format(
                "/var/cache/apt,sharing=locked",
                'bash -c "apt-get update && rm -rf /var/cache/apt/archives"',
            ),
            found=(2,),
        ),
        "emptied, or else": one(
            "FROM x\n"
            + MOUNT.format(
                "/var/lib/apt,sharing=locked",
                "apt-get update && (rm -r /var/lib/apt/lists || true)",
            ),
            found=(2,),
        ),
        "poetry's variable that is none": one(
            "FROM python:3\nENV POETRY_NO_CACHE=1\n"
            + MOUNT.format("/root/.cache/pypoetry", "poetry install")
        ),
        "docker-clean": one(
            "FROM debian:bookworm\n"
            + MOUNT.format("/var/cache/apt,sharing=locked", "apt-get install -y a"),
            found=(2,),
        ),
        "emptied": one(
            "FROM x\n"
            + MOUNT.format(
                "/var/lib/apt,sharing=locked", "apt-get update && rm -rf /var/lib/apt/lists/*"
            ),
            found=(2,),
        ),
        "its home": one("FROM node:22\nUSER node\n" + MOUNT.format("/home/node/.npm", "npm ci")),
        "its variable": one(
            "FROM node:22\nENV npm_config_cache=/c/.npm\n" + MOUNT.format("/c/.npm", "npm ci")
        ),
        "all caches": one("FROM python:3\n" + MOUNT.format("/root/.cache", "pip install a")),
        "docker-clean removed": one(
            "FROM debian:12\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\n"
            + MOUNT.format("/var/cache/apt,sharing=locked", "apt-get install -y a")
        ),
        "a user without a known home": one(
            "FROM node:22\nUSER 1000\n" + MOUNT.format("/srv/.npm", "npm ci")
        ),
        "pip on its way to uv": one(
            "FROM python:3\n" + MOUNT.format("/root/.cache/uv", "pip install uv && uv sync")
        ),
    },
    "CTX223": {
        "in a stage above": one(
            "FROM node:22 AS a\nCOPY . .\nFROM a AS b\nRUN npm ci\n", *NODE, found=(4,)
        ),
        "tools between": one(
            "FROM python:3\nWORKDIR /a\nCOPY . .\nRUN apt-get update && apt-get install -y gcc\n"
            "RUN pip install --upgrade pip\nUSER app\nRUN pip install -r r.txt -r d/dev.txt\n",
            *("r.txt", file("d/dev.txt", b"-r ../base.txt\npytest\n"), file("base.txt", b"a\n")),
            found=(7,),
        ),
        "the project too": one(
            "FROM python:3\nCOPY . .\nRUN pip install -r r.txt -e .\n", "r.txt", found=(3,)
        ),
        "workspaces": one(
            "FROM node:22\nCOPY . .\nRUN yarn install --immutable\n",
            file("package.json", b'{"workspaces": ["packages/*"]}'),
            *("packages/a/package.json", "packages/b/package.json", "other/package.json"),
            *("yarn.lock", ".yarnrc.yml", ".yarn/releases/yarn.cjs"),
            found=(3,),
        ),
        "a directory with blanks": one(
            'FROM node:22\nCOPY . /a\nWORKDIR "/a/my app"\nRUN npm ci\n',
            *("my app/package.json", "my app/package-lock.json"),
            found=(4,),
        ),
        "another directory behind the copy": one(
            "FROM golang:1\nWORKDIR /s\nCOPY --link . .\nWORKDIR /s/web\nRUN go mod download\n"
            "RUN go build\n",
            *("web/go.mod", "web/go.sum"),
            found=(5,),
        ),
        "another directory, from nobody knows which": one(
            "FROM golang:1\nCOPY . .\nWORKDIR web\nRUN go mod download\n",
            *("web/go.mod", "web/go.sum"),
            found=(4,),
        ),
        "scripts of its own": one(
            "FROM node:22\nCOPY . .\nRUN npm ci\n",
            file("package.json", b'{"scripts": {"postinstall": "node patch.js"}}'),
            found=(3,),
        ),
        "scripts of its own, not run": one(
            "FROM node:22\nCOPY . .\nRUN npm ci --ignore-scripts\n",
            file("package.json", b'{"scripts": {"postinstall": "node patch.js"}}'),
            found=(3,),
        ),
        "above several stages": one(
            "FROM node:22 AS a\nCOPY . .\nFROM a AS b\nRUN npm ci\nFROM a AS c\nRUN npm ci\n",
            *NODE,
            found=(4,),
        ),
        "npm": one("FROM node:22\nCOPY . .\nRUN npm ci\n", found=(3,)),
        "several": one("FROM x\nCOPY . .\nRUN pip install -r r.txt && npm ci\n", found=(3,)),
        "behind a directory": one("FROM x\nCOPY src /s/\nRUN npm ci\n", "src/a.js", found=(3,)),
        "behind a mount of the context": one(
            "FROM x\nRUN --mount=type=bind,target=. npm ci\n", found=(2,)
        ),
        "what CTX202 does not say": one(
            "FROM x\nCOPY . .\nRUN npm ci\nRUN composer install\n",
            *NODE,
            "composer.json",
            found=(4,),
        ),
        "go, of several modules": one(
            "FROM x\nCOPY . .\nRUN go build ./...\n", "go.mod", "go.work", found=(3,)
        ),
        "dotnet": one("FROM sdk\nCOPY . .\nRUN dotnet publish -o /o\n", "a.csproj", found=(3,)),
        "dotnet, restored": one(
            "FROM sdk\nCOPY . /s\nWORKDIR /s/api\nRUN dotnet restore\n",
            "api/api.csproj",
            found=(4,),
        ),
        "maven": one("FROM maven\nCOPY . .\nRUN mvn -B package\n", "pom.xml", found=(3,)),
        "Maven's wrapper": one(
            "FROM temurin\nCOPY . /s\nWORKDIR /s\nRUN chmod +x mvnw\n"
            "RUN ./mvnw -Pprod package -DskipTests\n",
            *("pom.xml", WRAPPER, ".mvn/wrapper/maven-wrapper.properties"),
            found=(5,),
        ),
        "gradle": one("FROM gradle\nCOPY . .\nRUN gradle :app:build\n", "build.gradle", found=(3,)),
        "words": one('FROM node:22\nCOPY . .\nRUN ["npm", "ci"]\n', found=(3,)),
        "a heredoc": one("FROM node:22\nCOPY . .\nRUN <<EOF\nnpm ci\nEOF\n", found=(3,)),
        "on the next line": one(
            "FROM node:22\nCOPY . .\nRUN \\\n    # all\n    npm ci\n", found=(3,)
        ),
        "another escape": one("# escape=`\nFROM node:22\nCOPY . .\nRUN npm ci\n", found=(4,)),
        "by a user": one("FROM node:22\nUSER node\nCOPY . .\nRUN npm ci\n", found=(4,)),
        "no cache": one(
            "FROM python:3\nCOPY . .\nRUN pip install --no-cache-dir \\\n    -r r.txt\n", found=(3,)
        ),
        "thrown away": one(
            "FROM node:22\nCOPY . .\nRUN yarn install --frozen-lockfile && yarn cache clean\n",
            found=(3,),
        ),
        "thrown away at the end": one(
            "FROM node:22\nCOPY . .\nRUN set -e; npm ci && npm cache clean --force; npm -v\n",
            found=(3,),
        ),
        "thrown away by rm": one(
            "FROM node:22\nCOPY . .\nRUN npm ci && rm -rf /root/.npm && rm -rf /root/.npm /tmp/a\n",
            found=(3,),
        ),
        "thrown away before": one(
            "FROM node:22\nCOPY . .\nRUN npm cache clean --force && npm ci\n", found=(3,)
        ),
        "poetry, with environments below its caches": one(
            "FROM python:3.13-slim\nWORKDIR /a\nRUN pip install --no-cache-dir poetry\nCOPY s/ .\n"
            'RUN poetry install\nCMD ["poetry", "run", "python", "x.py"]\n',
            *(file("s/pyproject.toml", b"[tool.poetry]\n"), "s/poetry.lock", "s/x.py"),
            found=(5,),
        ),
        "poetry's caches, moved": one(
            "FROM python:3\nENV POETRY_CACHE_DIR=/c\nCOPY s/ .\nRUN poetry install\n",
            "s/x.py",
            found=(4,),
        ),
        "poetry's caches, moved by a command": one(
            "FROM python:3\nCOPY s/ .\nRUN poetry config cache-dir /c && poetry install\n", "s/x.py"
        ),
        "the packages of another stage": one(
            "FROM python:3 AS b\nWORKDIR /opt/p\nCOPY poetry.lock pyproject.toml ./\n"
            "RUN poetry install --only main\nFROM python:3\nCOPY --from=b /opt/p /opt/p\n"
            "WORKDIR /app\nCOPY app ./app\nRUN poetry install --only main\n",
            *(file("pyproject.toml", b"[tool.poetry]\n"), "app/x.py", "poetry.lock"),
        ),
        "the wheels of another stage": one(
            "FROM python:3 AS b\nWORKDIR /s\nCOPY r.txt ./\nRUN pip wheel -w /wheels -r r.txt\n"
            "FROM python:3\nWORKDIR /s\nCOPY app ./app\n"
            "RUN --mount=type=bind,from=b,source=/wheels,target=/wheels"
            " pip install /wheels/* && pip install .\n",
            *("app/x.py", "r.txt"),
        ),
        "the modules of another stage": one(
            "FROM node:22 AS b\nWORKDIR /s\nCOPY package.json ./\nRUN npm install\n"
            "FROM node:22\nWORKDIR /t\nCOPY --from=b /s/node_modules ./node_modules\n"
            "COPY app ./app\nRUN npm install\n",
            *("app/x.js", "package.json"),
        ),
        "what another stage built": one(
            "FROM node:22 AS b\nWORKDIR /s\nCOPY package.json ./\nRUN npm install\n"
            "FROM node:22\nWORKDIR /s\nCOPY --from=b /s/dist ./dist\n"
            "COPY app ./app\nRUN npm install\n",
            *("app/x.js", "package.json"),
            found=(9,),
        ),
        "no cache, of another manager": one(
            "FROM php:8\nCOPY . .\nRUN composer install --no-cache --no-dev\n", found=(3,)
        ),
        "needed again": one(
            "FROM sdk AS a\nCOPY . .\nRUN dotnet restore\nRUN dotnet build --no-restore\n"
            "FROM a\nRUN dotnet publish -o /o\n",
            found=(3,),
        ),
        "the same in several stages": one(
            "FROM x AS a\nCOPY . .\nFROM a AS b\nRUN npm ci\nFROM a\nRUN npm ci\n", found=(4,)
        ),
        "mounted for one RUN alone": one(
            "FROM golang:1\nCOPY go.mod go.sum ./\n"
            + MOUNT.format("/go/pkg/mod", "go mod download")
            + "COPY . .\nRUN go build ./...\n",
            *("go.mod", "go.sum"),
            found=(5,),
        ),
        "for several platforms, by a user": Case(
            [
                file(
                    "docker-bake.json",
                    b'{"target": {"a": {"platforms": ["linux/amd64", "linux/arm64"]}}}',
                ),
                file(
                    "Dockerfile",
                    b"FROM python:3-slim\nUSER app\nCOPY . .\n"
                    b"# hadolint ignore=DL3042\nRUN pip install -r r.txt\n",
                ),
            ],
            ("Dockerfile:5",),
        ),
        "on several systems": Case(
            several(
                "",
                a="FROM golang:1-alpine\nCOPY . .\nRUN go mod download\nRUN go build\n",
                b="FROM golang:1-trixie\nCOPY . .\nRUN go mod download\nRUN go build\n",
            ),
            ("a/Dockerfile:3", "b/Dockerfile:3"),
        ),
        "in a Compose file": Case(
            [inline("FROM node:22", "COPY . .", "ENV X=$$Y", "", "RUN npm ci", "RUN date")],
            ("compose.yaml:3",),
        ),
        "in a Compose file, with a variable in the line": Case(
            [inline("FROM node:22", "COPY . .", "RUN npm ci --only=${X:-prod}")],
            ("compose.yaml:3",),
        ),
        "in quotes of a Compose file": Case(
            [
                file(
                    "compose.yaml",
                    b"services:\n  a:\n    build:\n"
                    b'      dockerfile_inline: "FROM rust\\nCOPY . .\\nRUN cargo fetch # $$X\\n"\n',
                )
            ],
            ("compose.yaml:3",),
        ),
        "in a Bake file": Case(
            [
                file(
                    "docker-bake.hcl",
                    b'target "a" {\n  dockerfile-inline = <<EOT\nFROM node:22\nCOPY . .\n'
                    b"RUN npm ci --only=$${X}\nEOT\n}\n",
                )
            ],
            ("docker-bake.hcl:1",),
        ),
        "Windows": one("FROM sdk:8.0-nanoserver-1809\nCOPY . .\nRUN dotnet restore\n"),
        "wheels that are there": one(
            "FROM python:3\nCOPY . .\nRUN pip install --no-cache /wheels/*\n"
        ),
        "yarn 4": one("FROM node:22\nCOPY . .\nRUN yarn install\n", ".yarnrc.yml", found=(3,)),
        "composer's image": one("FROM composer:2\nCOPY . .\nRUN composer install\n", found=(3,)),
        "maven and gradle": one(
            "FROM x\nCOPY . .\nRUN mvn package\nFROM y\nCOPY . .\nRUN gradle build\n", found=(3, 6)
        ),
        "a place of its own": one(
            "FROM ruby:3\nCOPY . .\nENV BUNDLE_PATH=/b\nRUN bundle install\nENV BUNDLE_PATH=\n"
            "RUN bundle config set --local path vendor && bundle install\n"
        ),
        "mounted": one("FROM node:22\nCOPY . .\n" + MOUNT.format("/root/.npm", "npm ci")),
        "upgrades itself": one("FROM python:3\nCOPY . .\nRUN pip install -U pip setuptools\n"),
        "vendored": one("FROM golang:1\nCOPY . .\nRUN go build -mod=vendor ./...\n"),
        "fetched before": one(
            "FROM golang:1\nCOPY . .\nRUN go mod download\nRUN go build ./...\n", "go.mod"
        ),
        "installed before": one(
            "FROM x\nWORKDIR /a\nCOPY package.json r.txt ./\nRUN npm ci\nRUN pip install -r r.txt\n"
            "COPY . .\nRUN npm install\nRUN pip install .\n",
            *("package.json", "r.txt"),
        ),
        "installed before, elsewhere": one(
            "FROM x\nWORKDIR /a\nCOPY a/package.json ./\nRUN npm i\nWORKDIR /b\nCOPY . .\n"
            "RUN npm i\n",
            *("a/package.json",),
            found=(7,),
        ),
        "fetched before, into a mount": one(
            "FROM golang:1\nCOPY . .\n"
            + MOUNT.format("/go/pkg/mod", "go mod download")
            + "RUN go build ./...\n",
            "go.mod",
            found=(4,),
        ),
        "the same downloads in an earlier layer": one(
            "FROM node:22\nWORKDIR /a\nCOPY package*.json .\nRUN npm ci\nCOPY . .\n"
            "RUN npm ci --omit=dev\n",
            *NODE,
        ),
        "the same downloads, emptied in the earlier layer": one(
            "FROM node:22\nWORKDIR /a\nCOPY package*.json .\n"
            "RUN npm ci && npm cache clean --force\nCOPY . .\nRUN npm ci --omit=dev\n",
            *NODE,
            found=(6,),
        ),
        "the same downloads, removed in the earlier layer": one(
            "FROM node:22\nWORKDIR /a\nCOPY package*.json .\nRUN npm ci && rm -rf ~/.npm\n"
            "COPY . .\nRUN npm ci --omit=dev\n",
            *NODE,
            found=(6,),
        ),
        "the same downloads, in a mount of the earlier layer": one(
            "FROM node:22\nWORKDIR /a\nCOPY package*.json .\n"
            + MOUNT.format("/root/.npm", "npm ci")
            + "COPY . .\nRUN npm ci --omit=dev\n",
            *NODE,
            found=(6,),
        ),
        "the same downloads, in another cache": one(
            "FROM node:22\nWORKDIR /a\nCOPY package*.json .\nRUN npm ci --cache /c\nCOPY . .\n"
            "RUN npm ci --omit=dev\n",
            *NODE,
            found=(6,),
        ),
        "the same cache, filled in an earlier layer by a task of the project": one(
            "FROM temurin\nWORKDIR /app\nCOPY build.gradle gradlew ./\nCOPY gradle gradle\n"
            "RUN chmod +x gradlew\nRUN ./gradlew downloadRepos\nCOPY . .\n"
            "RUN chmod +x gradlew\nRUN ./gradlew installDist\n",
            *("build.gradle", "gradlew", "gradle/wrapper/gradle-wrapper.properties"),
        ),
        "a cache that an earlier RUN does not fill": one(
            "FROM temurin\nWORKDIR /app\nCOPY build.gradle gradlew ./\nCOPY gradle gradle\n"
            "RUN ./gradlew --version\nCOPY . .\nRUN ./gradlew installDist\n",
            *("build.gradle", "gradlew", "gradle/wrapper/gradle-wrapper.properties"),
            found=(7,),
        ),
        "in front of the sources": one("FROM node:22\nCOPY package.json .\nRUN npm ci\nCOPY . .\n"),
        "tools in front of the sources": one("FROM x\nRUN pip install flask\nCOPY . .\n"),
        "a directory of its own": one("FROM x\nCOPY .yarn .yarn\nRUN yarn\n", ".yarn/a"),
        "what CTX202 says": one("FROM node:22\nCOPY . .\nRUN npm ci\n", *NODE),
        "go, vendored, by its directory": one(
            "FROM golang:1\nCOPY . .\nRUN go build ./...\n", "go.mod", "vendor/modules.txt"
        ),
        "a script of another kind": one(
            "FROM x\nCOPY . .\nRUN <<EOF\n#!/usr/bin/python\nnpm ci\nEOF\n"
        ),
        "mentioned": one("FROM x\nCOPY . .\nRUN echo 'npm ci' # npm ci\n"),
    },
    "CTX250": {
        "one directory": Case(
            [
                file("make.sh", b"podman build -f a/Dockerfile .\n"),
                file("a/Dockerfile", b"FROM scratch\nCOPY a/src /\nCOPY a/x /\n"),
                *("a/src/x", "a/x", "b/y", "c/z"),
            ],
            ("a/Dockerfile:2",),
        ),
        "below others, with an ignore file": Case(
            [
                file("make.sh", b"podman build .\n"),
                file("Dockerfile", b"FROM scratch\nCOPY services/a /\n"),
                file(".dockerignore", b"**/*.log\n"),
                *("services/a/x", "services/b/x", "b/y", "c/z"),
            ],
            ("Dockerfile:2",),
        ),
        "only what is named travels": Case(
            [inline("FROM alpine", "COPY a /"), *("a/x", "b/y", "c/z")]
        ),
        "an allowlist": Case(
            [
                file("make.sh", b"podman build .\n"),
                file("Dockerfile", b"FROM scratch\nCOPY a /\n"),
                file(".dockerignore", b"# no more than this\n*\n!a\n"),
                *("a/x", "b/y", "c/z"),
            ]
        ),
        "two directories": Case(
            [
                file("make.sh", b"podman build .\n"),
                file("Dockerfile", b"FROM scratch\nCOPY a /\nCOPY b /\n"),
                *("a/x", "b/y", "c/z"),
            ]
        ),
        "all": Case(
            [
                file("make.sh", b"podman build .\n"),
                file("Dockerfile", b"FROM scratch\nCOPY . /\n"),
                *("a/x", "b/y", "c/z"),
            ]
        ),
        "nothing asks for it": Case(
            [file("Dockerfile", b"FROM scratch\nCOPY a /\n"), *("a/x", "b/y", "c/z")]
        ),
        "nothing else there": Case(
            [
                file("make.sh", b"podman build .\n"),
                file("Dockerfile", b"FROM scratch\nCOPY a /\n"),
                "a/x",
            ]
        ),
    },
}
