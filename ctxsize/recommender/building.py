"""Which Dockerfiles build what they ship, and which only take along what was built elsewhere."""

from __future__ import annotations

import re

from ctxsize.recommender.facts import Facts
from ctxsize.recommender.recipes import Recipe
from ctxsize.recommender.rules import Rule
from ctxsize.recommender.running import run_text
from ctxsize.shell import Command

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


def builds_anything(facts: Facts, recipe: Recipe) -> bool:
    """Whether a command runs what may build something. To install build-essential is not that."""
    return any(
        _TOOLS.search(" ".join(command.words))
        for _, command in facts.steps(recipe)
        if command.program not in _SYSTEM
    )


def builds(facts: Facts, recipe: Recipe, rule: Rule) -> bool:
    """Whether a command makes what `rule` is about, or what may build anything if it does not say.

    What only names the tool is none, nor a script of which nobody knows what it runs.
    """
    if not rule.built_by:
        return builds_anything(facts, recipe)
    return any(is_one_of(rule.built_by, command) for _, command in facts.steps(recipe))


def made_in(expression: str, at: str, command: Command) -> str | None:
    """Where one of the commands of an expression makes things, None for any other command."""
    if not is_one_of(expression, command):
        return None
    return "" if any("/" in word for word in command.arguments) else at


def is_one_of(expression: str, command: Command) -> bool:
    """Whether a command is one for which a rule's expression stands."""
    text = run_text(command)
    found = re.match(expression, text)
    # `make` is not the beginning of `make.sh`.
    return found is not None and found.end() >= len(text.partition(" ")[0])
