"""The rules: a row of `knowledge/rules/*.toml` for each kind of directory or file.

`README.md` beside this file describes the keys of a row. `suggest` uses the rules, `ctxsize.clean.proofs`
their key `clean` and `ctxsize.lints.depths` their key `nests`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

from ctxsize import units
from ctxsize.globs import matching
from ctxsize.shipped import shipped_text
from ctxsize.toml import trusted_table

SAFE_FROM = 0.85  # minimum confidence of a safe suggestion


class Category(str, Enum):
    """The purpose of a directory or a file."""

    ARTEFACT = "artefact"
    CACHE = "cache"
    DEPS = "deps"
    VCS = "vcs"
    IDE = "ide"
    AGENTS = "agents"
    OS = "os"
    DOCS = "docs"
    TESTS = "tests"
    CI = "ci"
    DOCKER = "docker"
    DATA = "data"
    CONFIG = "config"
    SECRET = "secret"
    LOG = "log"

    @property
    def heading(self) -> str:
        """Return the heading over its patterns in ignore files."""
        return str(table("lists.toml")["headings"][self.value])


class EntryType(str, Enum):
    """The type of an entry in the tree."""

    DIRECTORY = "directory"
    FILE = "file"
    SYMLINK = "symlink"


@dataclass(frozen=True)
class Marker:
    """The proof that a directory or a file is what its name suggests."""

    kind: str  # a key of `markers` in `lists.toml`
    names: tuple[str, ...] = ()  # by kind: names, endings, an expression or bytes in hexadecimal
    number: int = 0  # the minimum number of bytes, or the offset of the first ones
    parts: tuple[Marker, ...] = ()

    def __str__(self) -> str:
        """Return its condition, as a clause."""
        if self.parts:
            return (", and " if self.kind == "all_of" else "; or ").join(map(str, self.parts))
        names = [f"`{each}`" for each in self.names]
        size = units.human(self.number)
        if len(names) == 1:
            one = names[0]
        else:
            one = "one of " + ", ".join(names)
        if self.names == ("",):
            clause = "a symlink"
        else:
            clause = table("lists.toml")["markers"][self.kind]
        return clause.format(one=one, all=" and ".join(names), size=size)


@dataclass(frozen=True)
class Rule:
    """The knowledge about one kind of directory or file; `README.md` explains the keys."""

    name: str  # `rust.target`: the ecosystem, and a word for it
    find: tuple[str, ...]  # names, or last components of paths; empty for a directory of any name
    category: Category
    confidence: float  # probability that no build needs it, if the marker holds and no trap objects
    marker: Marker
    why: str
    again: str = ""
    kind: EntryType = EntryType.DIRECTORY
    anchored: bool = False  # True for the path, not `**/name`: the name often means another thing
    contents: bool = False
    volatile: bool = True
    traps: tuple[str, ...] = ()
    read_by: str = ""
    only_proved: bool = False
    never: bool = False
    clean: Mapping[str, Any] = field(default_factory=dict, compare=False)
    nests: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def ecosystem(self) -> str:
        return self.name.partition(".")[0]

    @property
    def reason(self) -> str:
        """Return the first clause of `why`, a few words that say what it is."""
        return re.split("[:;,]", self.why, maxsplit=1)[0]

    @property
    def looks_for(self) -> str:
        """Return the names that it looks for, in words."""
        if self.kind is EntryType.DIRECTORY:
            slash = "/"
        else:
            slash = ""
        names = ", ".join(f"`{each}{slash}`" for each in self.find)
        return names or f"a {self.kind.value} of any name"

    @property
    def written_as(self) -> str:
        """Return the pattern that it suggests, in words."""
        if self.never:
            return "never suggested"
        if self.anchored or self.find[0].startswith("/"):
            return "its path" + (" with `/*`" if self.contents else "")
        return ", ".join(f"`**/{each}`" for each in self.find)


def is_source(name: str) -> bool:
    """Return True if the name is that of a program's source or of a manifest."""
    return name.endswith(listed("sources")) or name in listed("source_names")


def is_build_input(name: str) -> bool:
    """Return True if the name is that of a manifest, a lock file or a tool's version file."""
    return listed_names("inputs")(name) is not None


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its name, in the order in which they are tried."""
    return {rule.name: rule for name in listed("rules") for rule in rules_in(name)}


def rules_in(name: str) -> Iterator[Rule]:
    """Yield the rules of one file; its table `default` has values for all its rows."""
    ecosystems = {**table("rules", f"{name}.toml")}
    default = ecosystems.pop("default", {})
    for ecosystem, things in ecosystems.items():
        for word, values in things.items():
            yield rule_of(f"{ecosystem}.{word}", {**default, **values})


@cache
def table(*path: str) -> dict[str, Any]:
    """Return the content of a TOML file of `knowledge`."""
    return trusted_table(shipped_text("/".join(("knowledge", *path))))


@cache
def listed(key: str) -> tuple[str, ...]:
    """Return the words of a list in `lists.toml`."""
    return tuple(str(table("lists.toml")[key]).split())


FETCHED = frozenset(listed("fetched"))  # directories without a Dockerfile of this repository
NOT_SOURCES = FETCHED | {*listed("generated")}  # directories that prove nothing about sources


@cache
def listed_names(key: str) -> Callable[[str], object]:
    """Return a function that matches names with the globs of a list in `lists.toml`."""
    return matching(listed(key))


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return an expression of `lists.toml`."""
    return re.compile(joined(table("lists.toml")["expressions"][key]))


def joined(text: str) -> str:
    """Return a long expression with its lines joined."""
    return "".join(map(str.strip, text.split("\n")))


def texts(value: str | list[str]) -> tuple[str, ...]:
    """Return the texts of a value: one text or a list of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(value)


_KEYS = {"also_beside": "beside", "at_least_mib": "at_least", "link_into": "link"}
"""Kinds of markers for the keys of rows that are not named after their kind."""


def rule_of(name: str, row: dict[str, Any]) -> Rule:
    """Return the rule that a row describes. Raises `ValueError` or `TypeError` for a mistake."""
    values = dict(row)
    kind = next(kind for kind in EntryType if kind.value in values)
    find = texts(values.pop(kind.value))
    any_name = find == ("*",)
    markers = table("lists.toml")["markers"].keys() | _KEYS.keys()
    marker = _all({key: values.pop(key) for key in row if key in markers})
    nests = values.pop("nests", {})
    return Rule(
        name=name,
        find=() if any_name else find,
        category=Category(values.pop("category")),
        marker=marker,
        kind=kind,
        anchored=any_name or values.pop("form", "anywhere") == "anchored",
        traps=texts(values.pop("traps", [])),
        nests=nests and {"names": find, **({} if nests is True else nests)},
        **values,  # an unknown key raises `TypeError`
    )


def _all(values: dict[str, Any]) -> Marker:
    if not values:
        raise ValueError("a row needs a marker, at least `exists = true`")
    markers = tuple(_marker(key, value) for key, value in values.items())
    if len(markers) == 1:
        return markers[0]
    return Marker("all_of", parts=markers)


def _marker(key: str, value: Any) -> Marker:
    kind = _KEYS.get(key, key)
    if key == "any_of":
        return Marker(kind, parts=tuple(map(_all, value)))
    if key == "at_least_mib":
        return Marker(kind, number=value * 1024 * 1024)
    if isinstance(value, dict):
        return Marker(kind, texts(value["bytes"]), value["at"])
    return Marker(kind, () if value is True else texts(value))
