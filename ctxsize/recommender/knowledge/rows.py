"""Reads the rows of `rules/*.toml`: one for each kind of directory or file.

`CONTRIBUTING.md` says what a row holds. `load.py` makes rules of the rows for suggestions,
`ctxsize.clean.proofs` what may be deleted, `ctxsize.lints.names` what nests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

FILES = (
    *("vcs", "editors", "systems", "rust", "node", "frontend", "python", "ml", "jvm", "dotnet"),
    *("games", "ruby", "php", "elixir", "go", "cpp", "apple", "languages", "infra", "docs"),
    *("tests", "ci", "docker", "secrets", "anything"),
)
"""Names of the files; where two rows speak of one directory, the earlier row decides."""
_DEFAULT = "default"
"""The table of a file whose values count for each of its rows that has no other."""


class RuleRow(NamedTuple):
    """What one table of a file says, with the defaults of that file."""

    name: str
    """`rust.target`: the ecosystem, and a word for the thing."""
    values: dict[str, Any]
    clean: dict[str, Any]
    """What proves that it may be deleted, empty where nothing does."""
    nests: dict[str, Any]
    """Which names of it turn up below the top, too, and what shows where; empty if none do."""

    @property
    def ecosystem(self) -> str:
        """Return the part of the name before the dot."""
        return self.name.partition(".")[0]


@cache
def rows() -> tuple[RuleRow, ...]:
    """Return all rows, in the order in which they are tried."""
    return tuple(row for name in FILES for row in _read(name))


def _read(name: str) -> Iterator[RuleRow]:
    ecosystems = table("rules", f"{name}.toml")
    default = ecosystems.pop(_DEFAULT, {})
    for ecosystem, things in ecosystems.items():
        for word, values in things.items():
            clean = values.pop("clean", {})
            nests = _nests(values.pop("nests", None), values)
            yield RuleRow(f"{ecosystem}.{word}", {**default, **values}, clean, nests)


def table(*path: str) -> dict[str, Any]:
    """Return what a TOML file of this package holds."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    with open(os.path.join(os.path.dirname(__file__), *path), "rb") as file:
        found: dict[str, Any] = tomllib.load(file)
    return found


def _nests(nests: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the names that turn up below the top, which are those of the row if it names none."""
    if nests is None:
        return {}
    own = next(values[key] for key in ("directory", "file", "symlink") if key in values)
    return {"names": own, **({} if nests is True else nests)}


def texts(value: str | list[str]) -> tuple[str, ...]:
    """Return the texts of a value, which may be one text or a list of them."""
    return (value,) if isinstance(value, str) else tuple(value)
