"""The rules: a row of `knowledge/rules/*.toml` for each kind of directory or file.

`README.md` beside this file describes the keys of a row. `suggest` uses the rules,
`ctxsize.clean.proofs` their key `clean` and `ctxsize.lints.depths` their key `nests`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from functools import cache
from typing import Any
from zlib import crc32

from ctxsize.globs import NameTest, matching
from ctxsize.model import Texts
from ctxsize.shipped import shipped, shipped_text
from ctxsize.toml import TomlTable, trusted_table
from ctxsize.units import human
from ctxsize.values import Value

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
        return str(_lists()["headings"][self.value])


class EntryType(str, Enum):
    """The type of an entry in the tree."""

    DIRECTORY = "directory"
    FILE = "file"
    SYMLINK = "symlink"


_BETWEEN_PARTS = {"all_of": ", and ", "any_of": "; or "}


class Marker(Value):
    """The proof that a directory or a file is what its name suggests."""

    kind: str  # a key of `markers` in `lists.toml`
    names: Texts = ()  # by kind: names, endings, an expression or bytes in hexadecimal
    number: int = 0  # the minimum number of bytes, or the offset of the first ones
    parts: tuple[Marker, ...] = ()

    def __str__(self) -> str:
        """Return its condition, as a clause."""
        if self.parts:
            return _BETWEEN_PARTS[self.kind].join(map(str, self.parts))
        if self.names == ("",):
            return "a symlink"
        names = [f"`{name}`" for name in self.names]
        one = ", ".join(names)
        if len(names) > 1:
            one = f"one of {one}"
        clause: str = _lists()["markers"][self.kind]
        return clause.format(one=one, all=" and ".join(names), size=human(self.number))


class Foresight(Value):
    """Evidence that a command makes the directory of a rule, where it is not there yet."""

    by: str  # the command
    beside: Texts  # manifests or lock files: names, or `*` with an ending
    names: Texts  # of the directory
    also_beside: Texts = ()  # one of these must be there, too
    not_beside: Texts = ()
    configured: bool = False  # True if settings beside the manifest may name the directory
    of_files: str = ""  # the ending of the files that it is made of, one of which must be there
    git_ignored: bool = False  # True if a line of a `.gitignore` must ignore it
    outermost: bool = False  # True if a manifest below another one of the rule makes none


class Rule(Value):
    """The knowledge about one kind of directory or file; `README.md` explains the keys."""

    name: str  # `rust.target`: the ecosystem, and a word for it
    find: Texts  # names, or last components of paths; empty for a directory of any name
    category: Category
    confidence: float  # probability that no build needs it, if the marker holds and no trap objects
    marker: Marker
    why: str
    again: str = ""
    kind: EntryType = EntryType.DIRECTORY
    anchored: bool = False  # True for the path, not `**/name`: the name often means another thing
    contents: bool = False
    volatile: bool = True
    traps: Texts = ()
    read_by: str = ""
    only_proved: bool = False
    varying: bool = False  # True if the next one has another name that the glob matches, too
    never: bool = False
    doubt: str = ""
    clean: Mapping[str, Any] = field(default_factory=dict, compare=False)
    nests: Mapping[str, Any] = field(default_factory=dict, compare=False)
    foreseen: tuple[Foresight, ...] = field(default=(), compare=False)

    @property
    def ecosystem(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_secret(self) -> bool:
        return self.category is Category.SECRET

    @property
    def is_told_by_name(self) -> bool:
        """Return True if nobody gives such a name to sources, wherever it is."""
        return bool(self.nests) and not self.nests.get("ambiguous", False)

    @property
    def is_for_builders(self) -> bool:
        """Return True for the files that builders read: all are small, and come last."""
        return self.marker.kind == "is_dockerfile"

    @property
    def reason(self) -> str:
        """Return the first clause of `why`, a few words that say what it is."""
        return re.split("[:;,]", self.why, maxsplit=1)[0]

    @property
    def possible_need(self) -> str:
        """Return why a build may need it, as a clause without a subject."""
        return self.doubt or str(_lists()["doubts"][self.category.value])

    @property
    def looks_for(self) -> str:
        """Return the names that it looks for, in words."""
        if not self.find:
            return f"a {self.kind.value} of any name"
        slash = ""
        if self.kind is EntryType.DIRECTORY:
            slash = "/"
        return ", ".join(f"`{name}{slash}`" for name in self.find)

    @property
    def written_as(self) -> str:
        """Return the pattern that it suggests, in words."""
        if self.never:
            return "never suggested"
        if not (self.anchored or self.find[0].startswith("/")):
            return ", ".join(f"`**/{name}`" for name in self.find)
        if self.contents:
            return "its path with `/*`"
        return "its path"


def is_source(name: str) -> bool:
    """Return True if the name is that of a program's source or of a manifest."""
    endings = listed("program_ends") + listed("manifest_ends")
    return name.endswith(endings) or name in listed("source_names")


def is_program(name: str) -> bool:
    """Return True if the name is that of a program's source; `.env.local.php` has settings."""
    return name.endswith(listed("program_ends")) and not name.startswith(".")


def has_known_ending(name: str) -> bool:
    """Return True if its name says what a file is: a source, a document, a part of a program."""
    _, dot, ending = name.rpartition(".")
    if not dot:
        return name in listed("source_names") or name in listed("document_names")
    return ending.lower() in _known_endings()


@cache
def _known_endings() -> frozenset[str]:
    lists = ("program_ends", "manifest_ends", "documents", "other_ends")
    return frozenset(ending.lower().lstrip(".") for key in lists for ending in listed(key))


def is_build_input(name: str) -> bool:
    """Return True if the name is that of a manifest, a lock file or a tool's version file."""
    return listed_names("inputs")(name) is not None


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its name, in the order in which they are tried."""
    return {rule.name: rule for file in listed("rules") for rule in rules_in(file)}


def rules_in(name: str) -> Iterator[Rule]:
    """Yield the rules of one file; its table `default` has values for all its rows."""
    ecosystems = dict(table(f"rules/{name}.toml"))
    default = ecosystems.pop("default", {})
    for ecosystem, rows in ecosystems.items():
        for word, row in rows.items():
            yield rule_of(f"{ecosystem}.{word}", {**default, **row})


@cache
def table(file: str) -> TomlTable:
    """Return the content of a TOML file of `knowledge`."""
    text = shipped_text(f"knowledge/{file}")
    parsed = _parsed_at_build().get(file, {})
    if parsed.get("crc32") == crc32(text.encode()):
        table: TomlTable = parsed["table"]
        return table
    return trusted_table(text)


@cache
def _parsed_at_build() -> dict[str, TomlTable]:
    """Return what `hatch_build.py` made of the TOML files, by file; nothing where it did not run.

    To parse them takes a quarter of a run. A file that was edited since has another checksum.
    """
    try:
        tables: dict[str, TomlTable] = json.loads(shipped("knowledge/parsed.json"))
    except (OSError, ValueError):
        return {}
    return tables


def _lists() -> TomlTable:
    return table("lists.toml")


@cache
def listed(key: str) -> Texts:
    """Return the words of a list in `lists.toml`."""
    return tuple(_lists()[key].split())


FETCHED = frozenset(listed("fetched"))  # directories without a Dockerfile of this repository
NOT_SOURCES = FETCHED | {*listed("generated")}  # directories that prove nothing about sources


@cache
def listed_names(key: str) -> NameTest:
    """Return a function that matches names with the globs of a list in `lists.toml`."""
    return matching(listed(key))


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return an expression of `lists.toml`."""
    return re.compile(joined(_lists()["expressions"][key]))


def joined(text: str) -> str:
    """Return a long expression with its lines joined."""
    return "".join(map(str.strip, text.split("\n")))


def texts(value: str | list[str]) -> Texts:
    """Return the texts of a value: one text or a list of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(value)


_TYPES = {kind.value: kind for kind in EntryType}
_MARKERS = {"also_beside": "beside", "at_least_mib": "at_least", "link_into": "link"}
"""Kinds of markers for the keys of rows that are not named after their kind."""


def rule_of(name: str, row: TomlTable) -> Rule:
    """Return the rule that a row describes."""
    values = dict(row)
    keys_of_markers = _keys_of_markers()
    markers = {key: values.pop(key) for key in row if key in keys_of_markers}
    (kind,) = values.keys() & _TYPES.keys()
    find = texts(values.pop(kind))
    any_name = find == ("*",)
    nests = values.pop("nests", {})
    if nests is True:
        nests = {"names": find}
    elif nests:
        nests = {"names": find, **nests}
    foreseen = values.pop("foreseen", [])
    if isinstance(foreseen, dict):
        foreseen = [foreseen]
    return Rule(
        name=name,
        find=() if any_name else find,
        category=Category(values.pop("category")),
        marker=_all(markers),
        kind=_TYPES[kind],
        anchored=values.pop("form", "anywhere") == "anchored" or any_name,
        traps=texts(values.pop("traps", [])),
        nests=nests,
        foreseen=tuple(_foresight(table, find) for table in foreseen),
        **values,
    )


def _foresight(row: TomlTable, find: Texts) -> Foresight:
    values = {**row}
    for key in ("beside", "also_beside", "not_beside", "names"):
        if key in values:
            values[key] = texts(values[key])
    values.setdefault("names", find[:1])
    return Foresight(**values)


@cache
def _keys_of_markers() -> frozenset[str]:
    return frozenset((*_lists()["markers"], *_MARKERS))


def _all(values: TomlTable) -> Marker:
    markers = tuple(_marker(key, value) for key, value in values.items())
    if len(markers) == 1:
        return markers[0]
    return Marker("all_of", parts=markers)


def _marker(key: str, value: Any) -> Marker:
    kind = _MARKERS.get(key, key)
    if value is True:
        return Marker(kind)
    if key == "any_of":
        return Marker(kind, parts=tuple(map(_all, value)))
    if key == "at_least_mib":
        return Marker(kind, number=value * 1024 * 1024)
    if isinstance(value, dict):
        return Marker(kind, texts(value["bytes"]), value["at"])
    return Marker(kind, texts(value))
