"""Reads the rows of `rules/*.toml`: one for each kind of directory or file.

`CONTRIBUTING.md` says what a row holds. Suggestions take the rules made of the rows here,
`ctxsize.clean.proofs` what may be deleted, `ctxsize.lints.depths` what nests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from ctxsize.recommender.rules import MARKERS, Category, EntryType, Form, Marker, Rule

FILES = (
    *("vcs", "editors", "systems", "rust", "node", "frontend", "python", "ml", "jvm", "dotnet"),
    *("games", "ruby", "php", "elixir", "go", "cpp", "apple", "languages", "infra", "docs"),
    *("tests", "ci", "docker", "secrets", "anything"),
)
"""Names of the files; where two rows speak of one directory, the earlier row decides."""
_DEFAULT = "default"
"""The table of a file whose values count for each of its rows that has no other."""


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its name, in the order in which they are tried."""
    return {rule.name: rule for name in FILES for rule in rules_in(name)}


def rules_in(name: str) -> Iterator[Rule]:
    """Yield the rules of one file."""
    ecosystems = table("rules", f"{name}.toml")
    default = ecosystems.pop(_DEFAULT, {})
    for ecosystem, things in ecosystems.items():
        for word, values in things.items():
            yield rule_of(f"{ecosystem}.{word}", {**default, **values})


def table(*path: str) -> dict[str, Any]:
    """Return what a TOML file of this package holds."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    with open(os.path.join(os.path.dirname(__file__), *path), "rb") as file:
        found: dict[str, Any] = tomllib.load(file)
    return found


def texts(value: str | list[str]) -> tuple[str, ...]:
    """Return the texts of a value, which may be one text or a list of them."""
    return (value,) if isinstance(value, str) else tuple(value)


_ANY_NAME = "*"
_KEYS = {"also_beside": "beside", "at_least_mib": "at_least", "link_into": "link"}
"""What keys of rows mean that are not called as their marker."""
_MARKERS = MARKERS.keys() | _KEYS.keys()


def rule_of(name: str, row: dict[str, Any]) -> Rule:
    """Return the rule that a row describes. Raises `ValueError` or `TypeError` for a mistake."""
    values = dict(row)
    kind = next(kind for kind in EntryType if kind.value in values)
    find = texts(values.pop(kind.value))
    any_name = find == (_ANY_NAME,)
    marker = _all({key: values.pop(key) for key in row if key in _MARKERS})
    nests = values.pop("nests", {})
    return Rule(
        name=name,
        find=() if any_name else find,
        category=Category(values.pop("category")),
        marker=marker,
        kind=kind,
        form=Form.ANCHORED if any_name else Form(values.pop("form", Form.ANYWHERE)),
        traps=texts(values.pop("traps", [])),
        nests=nests and {"names": find, **({} if nests is True else nests)},
        **values,  # a key that no rule has is an error
    )


def _all(values: dict[str, Any]) -> Marker:
    if not values:
        raise ValueError("a row must say what proves the thing, or that it `exists`")
    markers = tuple(_marker(key, value) for key, value in values.items())
    return markers[0] if len(markers) == 1 else Marker("all_of", parts=markers)


def _marker(key: str, value: Any) -> Marker:
    kind = _KEYS.get(key, key)
    if key == "any_of":
        return Marker(kind, parts=tuple(map(_all, value)))
    if key == "at_least_mib":
        return Marker(kind, number=value * 1024 * 1024)
    if isinstance(value, dict):
        return Marker(kind, texts(value["bytes"]), value["at"])
    return Marker(kind, () if value is True else texts(value))
