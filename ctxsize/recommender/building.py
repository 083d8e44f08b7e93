"""Which Dockerfiles build what they ship, and which only take along what was built elsewhere."""

from __future__ import annotations

import re

from ctxsize.recommender.recipes import Recipe

_TOOLS = re.compile(
    r"\b(cargo|npm|npx|yarn|pnpm|bun|deno|make|cmake|ninja|meson|go (build|install|run|test)|mvnw?|"
    r"gradlew?|dotnet|msbuild|mix|rebar3|sbt|mill|lein|clojure|python3?|pip3?|uv|poetry|pdm|hatch|"
    r"tsc|vite|webpack|ng|swift|flutter|dart|stack|cabal|dune|zig|nim|nimble|shards|crystal|gleam|"
    r"bazel|bundle|rails|rake|composer|build)\b|\.sh\b|\./"
)
_SYSTEM = frozenset(
    [
        *("apt", "apt-get", "aptitude", "apk", "dnf", "microdnf", "yum", "zypper", "pacman"),
        *("tdnf", "brew", "choco", "echo", "printf", "rm"),
    ]
)
"""Programs that may name a tool, and do not run it."""
_ANY = r"\.sh\b|^\.\.?/|\b(make|just|task|bazel|nix|nix-build|earthly|mage|docker)\b"
"""What may run any tool."""


def builds(recipe: Recipe, built_by: str = "") -> bool:
    """Whether a command runs what may build something, or what only `built_by` stands for.

    To install build-essential is not that.
    """
    tools = re.compile(f"{_ANY}|{built_by}") if built_by else _TOOLS
    return any(
        tools.search(" ".join(command.words))
        for _, command in recipe.steps
        if command.program not in _SYSTEM
    )
