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
_JVM = r"\b(mvnw?|mvnd|gradlew?|sbt|mill|ant|lein|clojure|clj|kobalt|amper|javac)\b"
_RUST = r"\b(cargo|cross|trunk|maturin|wasm-pack|dx|pip3?|uv|poetry|npm|yarn|pnpm|mix|bundle|gem)\b"
_NODE = (
    r"\b(run|build|next|nuxt|nuxi|nitro|vite|svelte-kit|storybook|turbo|nx|deno)\b"
    r"|\b(yarn|pnpm|bun) (?!install|i\b|add|config|cache|global|fetch|import|set)\w"
)
_SHIPPED = {
    **dict.fromkeys(("maven.target", "gradle.build", "jvm.out", "jvm.bin"), _JVM),
    **dict.fromkeys(("scala.target", "scala.mill", "clojure.target"), _JVM),
    **dict.fromkeys(("rust.target", "rust.renamedtarget"), _RUST),
    **dict.fromkeys(("node.next", "node.nuxt", "node.nitro", "node.sveltekit"), _NODE),
    "node.storybook": _NODE,
    "dotnet.bin": r"\b(dotnet|msbuild|nuke|cake)\b",
    "elixir.build": r"\b(mix|rebar3)\b",
    "haskell.stack": r"\bstack\b",
    "haskell.cabal": r"\bcabal\b",
    "swift.build": r"\bswift\b",
    "zig.out": r"\bzig\b",
}
"""What makes that which an image may run as it is, by rule; other tools do not."""


def builds(recipe: Recipe, rule: str = "") -> bool:
    """Whether a command runs what may build something, or what `rule` is about.

    To install build-essential is not that.
    """
    shipped = _SHIPPED.get(rule)
    tools = re.compile(f"{_ANY}|{shipped}") if shipped else _TOOLS
    return any(
        tools.search(" ".join(command.words))
        for _, command in recipe.steps
        if command.program not in _SYSTEM
    )
