"""Sources and inputs of builds by their names, and which directory holds those of a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import translate

from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.recommender.tree import Tree, directories_above

_INPUTS = (
    *("Cargo.lock", "Cargo.toml", "rust-toolchain*", "package.json", "package-lock.json"),
    *("npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock*"),
    *(".nvmrc", ".node-version", ".yarnrc.yml", "tsconfig*.json", "composer.json"),
    *("composer.lock", "pyproject.toml", "poetry.lock", "uv.lock", "Pipfile*", "setup.py"),
    *("setup.cfg", "requirements*.txt", ".python-version", ".tool-versions", "go.mod"),
    *("go.sum", "go.work", "Gemfile", "Gemfile.lock", ".ruby-version", "mix.exs", "mix.lock"),
    *("pom.xml", "build.gradle*", "settings.gradle*", "gradle.properties", "gradlew", "mvnw"),
    *("gradle-wrapper.jar", "gradle-wrapper.properties", "maven-wrapper.*", "*.csproj"),
    *("*.fsproj", "*.sln", "*.slnx", "global.json", "nuget.config", "Directory.*.props"),
    *("Package.swift", "Package.resolved", "pubspec.yaml", "pubspec.lock", "stack.yaml"),
    *("*.cabal", "build.zig*", "shard.yml", "shard.lock", "rebar.config", "rebar.lock"),
    *("CMakeLists.txt", "vcpkg.json", "conanfile.*", "flake.nix", "flake.lock"),
)
_IS_INPUT = re.compile("|".join(map(translate, _INPUTS)))
_SOURCES = tuple(
    f".{ending}"
    for group in (
        "rs py pyi go js mjs cjs ts mts cts tsx jsx vue svelte astro java kt kts scala sbt clj",
        "rb php ex exs erl c cc cpp cxx h hpp cs fs vb swift m dart hs ml zig nim cr lua pl pm r",
        "sh bash zsh ps1 toml json jsonc cfg ini gradle xml cmake mk csproj fsproj props targets",
        "gemspec cabal nix bzl proto graphql sql",
    )
    for ending in group.split()
)
_SOURCE_NAMES = frozenset(
    {"Makefile", "GNUmakefile", "makefile", "justfile", "Justfile", "Rakefile", "Gemfile"}
    | {"CMakeLists.txt", "MANIFEST.in", "BUILD", "WORKSPACE", "Procfile", "Earthfile"}
)
FETCHED = frozenset(
    {".git", "node_modules", ".venv", "site-packages", "target", ".cargo", "bower_components"}
)
"""Directories in which no Dockerfile of this repository lies."""
NOT_SOURCES = FETCHED | {
    *("venv", "_build", "__pycache__", ".next", ".terraform", "dist-newstyle"),
}
"""Directories whose content nobody wrote; what is in them says nothing about the sources."""
_SHARED = frozenset(
    (
        *("docker", "dockerfiles", "container", "containers", "image", "images", "build", "infra"),
        *("builder", "deploy", "deployment", "ci", "ops", "k8s", "kubernetes", "package", "tools"),
        *("packaging", "release", "scripts", "hack", "dev", "test", "tests", "e2e", "config"),
        *("conf", "etc", "docs"),
    )
)
"""Directories whose Dockerfiles often build what lies elsewhere, mostly above."""


def is_source(name: str) -> bool:
    """Return whether a file is a program's source or a manifest, by its name."""
    return name.endswith(_SOURCES) or name in _SOURCE_NAMES


def is_build_input(name: str) -> bool:
    """Return whether a file of that name is a manifest, a lock file or a tool's version."""
    return _IS_INPUT.match(name) is not None


def home_of(dockerfile: str, named: Collection[str], tree: Tree) -> str:
    """Return the directory from which a Dockerfile that nothing asks for is built: `""` for here.

    That is one which holds more of the paths that it names than this one does; or as many, and a
    project lies there. Else it is here: to hide what a build needs is worse than a doubt.
    """
    here = _found("", named, tree)
    for directory in directories_above(dockerfile):
        there = _found(directory, named, tree)
        if there > here or (there == here and _is_project(directory, tree)):
            return directory
    return ""


def _found(directory: str, paths: Collection[str], tree: Tree) -> int:
    return sum(tree.find(directory, each) is not None for each in paths)


def _is_project(directory: str, tree: Tree) -> bool:
    """Return whether something to build lies in a directory, and not only what builds need."""
    if any(map(is_build_input, tree.names(directory))):
        return True
    parts = directory.lower().split("/")
    is_shared = any(part in _SHARED or part.startswith(".") for part in parts)
    return not is_shared and any(_others(directory, tree))


def _others(directory: str, tree: Tree) -> Iterator[str]:
    for name in tree.names(directory):
        if not (is_dockerfile(name) or is_ignore_file(name) or name.startswith("README")):
            yield name
