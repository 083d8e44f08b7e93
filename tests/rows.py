"""Check the rows of the TOML files of `ctxsize/knowledge`: their keys, and the types of values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, cast

from ctxsize.knowledge.rules import Category, Foresight, table
from ctxsize.knowledge.tools import Job, Tool
from ctxsize.recommender.mentions import MentionRow, ReadKind, StartingCommand
from ctxsize.repository.recognisers import (
    BuildCommand,
    BuildDescription,
    FileKind,
    OthersDirectory,
)
from ctxsize.toml import TomlTable

Types = tuple[type, ...]  # of the values of a key; all values of a list are texts

TEXT: Types = (str,)
FLAG: Types = (bool,)
NUMBER: Types = (int, float)
TEXTS: Types = (str, list)
TABLE: Types = (dict,)
ANYTHING: Types = ()  # checked by itself

BY_FIELD = {
    "str": TEXT,
    "str | None": TEXT,
    "bool": FLAG,
    "Sequence[str]": (list,),
    "Mapping[str, str]": TABLE,
    "Mapping[str, Sequence[str]]": TABLE,
}
OF_FORESIGHT = {"str": TEXT, "Texts": TEXTS, "bool": FLAG}
KINDS = ("directory", "file", "symlink")
OF_RULES = {
    **dict.fromkeys(("category", "form", "why", "again", "read_by", "doubt"), TEXT),
    **dict.fromkeys((*KINDS, "traps"), TEXTS),
    **dict.fromkeys(("contents", "volatile", "only_proved", "varying", "never"), FLAG),
    "confidence": NUMBER,
    "clean": TABLE,
    "nests": ANYTHING,
    "foreseen": ANYTHING,
}
"""Types of the values of a rule by their keys, markers excluded."""
OF_MARKERS = {"at_least_mib": NUMBER}
"""Types of the values of markers that are no texts; `true` fits every marker."""
OF_TOOLS = {
    **dict.fromkeys((field.name for field in fields(Tool)), TEXT),
    **dict.fromkeys((*Job._fields, "like"), TEXT),
    **dict.fromkeys(("is_locked", "keeps_in_cache"), FLAG),
    "used": NUMBER,
    "jobs": ANYTHING,
}
"""Types of the values of a tool; one without `jobs` describes its only job itself."""


def problems(file: str, content: TomlTable) -> Iterator[str]:
    """Yield what is wrong with the rows of a file, each with the name of its row."""
    if file.startswith("rules/"):
        yield from _of_rules(content)
    elif file == "tools.toml":
        yield from _of_tools(content["tool"])
    elif file == "builds.toml":
        yield from _of_builds(content)
    elif file == "reads.toml":
        yield from _of_reads(content)
    else:
        for key, value in content.items():
            if not isinstance(value, str | dict):
                yield f"{key}: the value of `{key}` has the wrong type"


def _of_rules(content: TomlTable) -> Iterator[str]:
    ecosystems = dict(content)
    default = ecosystems.pop("default", {})
    for ecosystem, rows in ecosystems.items():
        if not isinstance(rows, dict):
            yield f"{ecosystem}: it is not a table"
            continue
        for word, row in rows.items():
            for problem in _of_rule(row, default):
                yield f"{ecosystem}.{word}: {problem}"


def _of_rule(row: object, default: TomlTable) -> Iterator[str]:
    if not isinstance(row, dict):
        yield "it is not a table"
        return
    row = {**default, **row}
    lists = table("lists.toml")
    markers = {*lists["markers"], "also_beside", *OF_MARKERS, "link_into"}
    yield from _of_values(
        {key: value for key, value in row.items() if key not in markers},
        OF_RULES,
        ("why", "category", "confidence"),
    )
    yield from _of_marker({key: value for key, value in row.items() if key in markers})
    if len(row.keys() & {*KINDS}) != 1:
        yield "it needs one of `directory`, `file` and `symlink`"
    if row.get("category") not in {category.value for category in Category}:
        yield f"there is no category `{row.get('category')}`"
    foreseen = row.get("foreseen", [])
    if isinstance(foreseen, dict):
        foreseen = [foreseen]
    types = {key.name: OF_FORESIGHT[str(key.type)] for key in fields(Foresight)}
    for foresight in foreseen:
        yield from _of_values(foresight, types, ("by", "beside"))


def _of_marker(row: TomlTable) -> Iterator[str]:
    """Yield what is wrong with the markers of a rule, or with one of several."""
    if not row:
        yield "it needs a marker, at least `exists = true`"
    for key, value in row.items():
        if value is True:
            continue
        if key == "any_of":
            for part in value:
                yield from _of_marker(part)
        elif isinstance(value, dict):
            yield from _of_values(value, {"bytes": TEXTS, "at": NUMBER}, ("bytes", "at"))
        else:
            yield from _of_values({key: value}, {key: OF_MARKERS.get(key, TEXTS)})


def _of_tools(rows: TomlTable) -> Iterator[str]:
    for name, row in rows.items():
        for problem in _of_values(row, OF_TOOLS):
            yield f"tool.{name}: {problem}"
        if row.get("like", name) not in rows:
            yield f"tool.{name}: there is no tool `{row['like']}` to be like"
        for job in row.get("jobs", ()):
            for problem in _of_values(job, dict.fromkeys(Job._fields, TEXT)):
                yield f"tool.{name}: {problem}"


def _of_builds(content: TomlTable) -> Iterator[str]:
    for key, kind in (("others", OthersDirectory), ("command", BuildCommand), ("file", FileKind)):
        for number, row in enumerate(content[key], 1):
            yield from _of_fields(f"{key} {number}", row, kind)
            for form in row.get("build", ()):
                yield from _of_fields(f"{key} {number}.build", form, BuildDescription)


def _of_reads(content: TomlTable) -> Iterator[str]:
    for name, row in content["starts"].items():
        yield from _of_fields(f"starts.{name}", row, StartingCommand)
    for name, row in content["reads"].items():
        yield from _of_fields(f"reads.{name}", {"rows": [], **row}, ReadKind)
        for mention in row.get("rows", ()):
            yield from _of_fields(f"reads.{name}", mention, MentionRow)


def _of_fields(name: str, row: object, kind: type) -> Iterator[str]:
    """Yield what is wrong with a row whose keys are the fields of a class."""
    keys = fields(cast(Any, kind))
    types = {key.name: BY_FIELD.get(str(key.type), ANYTHING) for key in keys}
    required = [
        key.name for key in keys if key.default is MISSING and key.default_factory is MISSING
    ]
    for problem in _of_values(row, types, required):
        yield f"{name}: {problem}"


def _of_values(
    row: object, types: Mapping[str, Types], required: Collection[str] = ()
) -> Iterator[str]:
    """Yield each unknown key, each value of the wrong type, and each missing key."""
    if not isinstance(row, dict):
        yield "it is not a table"
        return
    for key, value in row.items():
        if key not in types:
            yield f"there is no key `{key}`"
        elif types[key] and not _is_one_of(types[key], value):
            yield f"the value of `{key}` has the wrong type"
    for key in required:
        if key not in row:
            yield f"it needs a `{key}`"


def _is_one_of(types: Types, value: object) -> bool:
    if types == TEXTS and isinstance(value, list):
        return all(isinstance(text, str) for text in value)
    return type(value) in types  # True is no number
