"""Environment files that a bundler reads while an image is built are never called safe to hide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from tests.trees import Node, build_tree, file

VALUES = b"VITE_URL=https://example.org\n"
RUNS_SCRIPT = "FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n"


def manifest(script: str = "", path: str = "package.json", **packages: str) -> Node:
    content = {"scripts": {"build": script}, "devDependencies": packages}
    return file(path, json.dumps(content).encode())


def doubts(root: Path, path: str) -> tuple[str, ...] | None:
    """What speaks against hiding `path`; None if it is safe, or nothing is suggested."""
    for each in api.suggest(str(root)).suggestions:
        if path in each.paths and not each.safe:
            return each.doubts
    return None


SCRIPTS = [
    *("vite build", "vite build --mode staging", "tsc && vite build", "next build"),
    *("react-scripts build", "nuxt build", "nuxi generate", "astro build", "gatsby build"),
    *("vue-cli-service build", "svelte-kit build", "remix vite:build", "expo export"),
    *(
        "craco build",
        "parcel build index.html",
        "rsbuild build",
        "quasar build",
        "react-router build",
    ),
    *("env-cmd -f .env.production tsc", "cp .env.production .env && tsc", "storybook build"),
    "node --env-file=.env.production build.js",
    *("node -r dotenv/config build.js", "dotenv -- tsc", "taro build --type h5"),
    *("prisma generate && tsc", "dotenv -e config/values -- tsc"),
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_that_runs_a_bundler(script: str, tmp_path: Path) -> None:
    nodes = [manifest(script), file(".env.production", VALUES), "src/main.js"]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", RUNS_SCRIPT.encode()), *nodes])
    assert doubts(root, ".env.production")


@pytest.mark.parametrize("command", ["npx vite build", "yarn next build", "bunx astro build"])
def test_dockerfile_that_runs_a_bundler(command: str, tmp_path: Path) -> None:
    dockerfile = f"FROM node\nCOPY . .\nRUN {command}\n"
    nodes = [file("Dockerfile", dockerfile.encode()), file(".env.production", VALUES)]
    root = build_tree(tmp_path / "ctx", [*nodes, manifest()])
    tool = command.split()[1]
    assert doubts(root, ".env.production") == (f"{tool}, which {root}/Dockerfile runs, reads it",)


@pytest.mark.parametrize(
    "command",
    [
        "php artisan config:cache",
        "php artisan optimize",
        "composer dump-env prod",
        "npx prisma generate",
        "node -r dotenv/config build.mjs",
    ],
)
def test_command_that_loads_environment_files(command: str, tmp_path: Path) -> None:
    dockerfile = f"FROM php\nCOPY . .\nRUN {command}\n"
    nodes = [file("Dockerfile", dockerfile.encode()), file(".env", b"APP_KEY=abc\n"), "index.php"]
    root = build_tree(tmp_path / "ctx", nodes)
    assert doubts(root, ".env")


@pytest.mark.parametrize(
    "name", [".env", ".env.local", ".env.production", ".env.production.local", ".env.staging"]
)
def test_every_file_that_is_read(name: str, tmp_path: Path) -> None:
    nodes = [manifest("vite build"), file(name, VALUES), file(".gitignore", b".env*\n")]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", RUNS_SCRIPT.encode()), *nodes])
    found = doubts(root, name)
    assert found
    assert "vite of package.json reads it" in found[0]


WHERE: dict[str, tuple[str, list[Node]]] = {
    "a package of its own": ("web/.env", [manifest(), manifest("vite build", "web/package.json")]),
    "no script, only a dependency": (".env", [manifest("make", vite="6")]),
    "settings alone": (".env", [file("vite.config.ts", b"import { defineConfig } from 'vite'\n")]),
    "dotenv in webpack": (".env", [manifest("webpack", dotenv="16")]),
    "a plugin of webpack": (".env", [manifest("make", **{"dotenv-webpack": "8"})]),
    "a directory that the script names": ("web/.env", [manifest("vite build web")]),
    "a directory for such files": (
        "env/.env.production",
        [manifest("vite build"), file("vite.config.js", b"export default {envDir: './env'}\n")],
    ),
    "above the package": (
        ".env",
        [
            manifest("npm run build -w web"),
            manifest("vite build", "web/package.json"),
            file("web/vite.config.js", b"export default {envDir: '..'}\n"),
        ],
    ),
}


@pytest.mark.parametrize("case", WHERE)
def test_where_the_bundler_is_told(case: str, tmp_path: Path) -> None:
    path, nodes = WHERE[case]
    nodes = [*nodes, file("Dockerfile", RUNS_SCRIPT.encode()), file(path, VALUES)]
    root = build_tree(tmp_path / "ctx", nodes)
    assert doubts(root, path)


SAFE: dict[str, tuple[str, str, list[Node]]] = {
    "no bundler": (".env", RUNS_SCRIPT, [manifest("tsc")]),
    "next as a tag": (".env", RUNS_SCRIPT, [manifest("tsc", react="next")]),
    "dotenv of a server": (".env", RUNS_SCRIPT, [manifest("tsc", dotenv="16")]),
    "another service": (
        "api/.env",
        RUNS_SCRIPT,
        [manifest("vite build"), file("api/go.mod", b"module x\n")],
    ),
    "a program that loads another such file": (
        "packages/lib/.env.local",
        RUNS_SCRIPT,
        [manifest("dotenv -e .env -- tsc"), manifest("vite build", "apps/api/package.json")],
    ),
    "what no build takes": (
        ".env",
        "FROM node\nCOPY src src\nCOPY package.json .\nRUN npm run build\n",
        [manifest("vite build")],
    ),
}


@pytest.mark.parametrize("case", SAFE)
def test_what_a_bundler_takes_is_safe_or_not(case: str, tmp_path: Path) -> None:
    path, dockerfile, nodes = SAFE[case]
    nodes = [*nodes, file("Dockerfile", dockerfile.encode()), file(path, VALUES), file("src/x.js")]
    root = build_tree(tmp_path / "ctx", nodes)
    found = {path: each.safe for each in api.suggest(str(root)).suggestions for path in each.paths}
    assert found[path]
