"""The rules of all ecosystems: a module each, and here the registry."""

from __future__ import annotations

from ctxsize.recommender.knowledge import (
    anything,
    apple,
    ci,
    cpp,
    credentials,
    docker,
    docs,
    dotnet,
    editors,
    elixir,
    frontend,
    games,
    go,
    infra,
    jvm,
    languages,
    ml,
    node,
    php,
    python,
    ruby,
    rust,
    secrets,
    systems,
    tests,
    vcs,
)
from ctxsize.recommender.rules import Rule

_MODULES = (
    vcs,
    editors,
    systems,
    rust,
    node,
    frontend,
    python,
    ml,
    jvm,
    dotnet,
    games,
    ruby,
    php,
    elixir,
    go,
    cpp,
    apple,
    languages,
    infra,
    docs,
    tests,
    ci,
    docker,
    secrets,
    credentials,
    anything,
)

RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
"""Every rule; where two speak of one directory the earlier one has the word."""

BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}
