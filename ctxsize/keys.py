"""The keys of the configuration and their values, as its JSON Schema describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from typing import Any

from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.shipped import shipped
from ctxsize.units import Tolerance, parse_size

Values = dict[str, Any]  # of a table, by attribute or by key
KeySchema = Mapping[str, Any]
"""A JSON Schema; `errorMessage` is for a value that does not follow it."""
KeySchemas = dict[str, KeySchema]  # by key
_SCHEMA = "formats/json/config.schema.json"
ASSERTIONS = ("require", "forbid")  # keys of lists of patterns, which add up
_MOST = 1000  # number of patterns of a list, and of characters of one
_TYPES = {"string": str, "integer": int, "array": list, "object": dict}
_ATTRIBUTES = {"build-args": "build_arguments", "max": "max_bytes", "min": "min_bytes"}


@cache
def schemas(table: str = "") -> KeySchemas:
    """Return the schema of each key of the top level, or of a `context` or a `suppression`."""
    whole = json.loads(shipped(_SCHEMA))
    definitions = whole["$defs"]
    keys: KeySchemas = {**definitions.get(table, whole)["properties"]}
    for key, schema in keys.items():
        if "$ref" in schema:
            keys[key] = definitions[schema["$ref"].rpartition("/")[2]]
    return keys


def attribute_of(key: str) -> str:
    """Return the name of the attribute for a key."""
    return _ATTRIBUTES.get(key, key.replace("-", "_"))


def value_of(key: str, schema: KeySchema, written: object) -> Any:
    """Return the attribute's value for a value of TOML. Raises `InputError` for a wrong one."""
    if isinstance(written, date):
        written = str(written)
    if isinstance(written, str) and key in _PARSERS:
        return _PARSERS[key](written)
    if isinstance(written, list) and key in ASSERTIONS:
        for pattern in written[:_MOST]:
            if isinstance(pattern, str) and len(pattern) <= _MOST:
                _check_pattern(pattern)
    if not _follows(written, schema):
        raise InputError(schema["errorMessage"])
    if isinstance(written, list):
        if key in ASSERTIONS:
            return tuple(dict.fromkeys(written))
        return tuple(written)
    if isinstance(written, int) and key in ("growth", "shrink"):
        return Tolerance(written)
    return written


def _follows(value: Any, schema: KeySchema) -> bool:
    """Return whether `value` follows `schema`; tables with keys of their own are read later."""
    if "anyOf" in schema:
        return any(_follows(value, choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        return True
    if type(value) is not _TYPES[schema["type"]]:
        return False
    if value not in schema.get("enum", [value]):
        return False
    if isinstance(value, str):
        if schema.get("format") == "date" and not _is_day(value):
            return False
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int):
        return bool(schema["minimum"] <= value <= schema["maximum"])
    if isinstance(value, dict):
        value = [*value.values()]
    if len(value) > schema.get("maxItems", len(value)):
        return False
    inner = schema.get("items") or schema.get("additionalProperties") or {}
    return all(_follows(part, inner) for part in value)


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(text))
    return False


def _check_pattern(text: str) -> None:
    """Raise `InputError` for a text that matches no entry of a context as a line does."""
    try:
        pattern = DockerIgnorePattern(text)
    except IgnoreFileError as error:
        raise InputError(f"{text!r}: {error.message}", hint=error.hint) from None
    wrong = pattern.fault
    if wrong:
        pass
    elif f"{pattern.text}/".startswith(("./", "../")):
        wrong = "it names nothing inside the context"
    elif pattern.include is None:
        wrong = "it is empty or a comment"
    elif not pattern.include:
        wrong = "it begins with !"
    if wrong:
        raise InputError(
            f"{text!r}: {wrong}",
            hint="write a line of an ignore file, relative to the context and without !",
        )


_PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("max", "min"), parse_size),
    **dict.fromkeys(("growth", "shrink"), Tolerance.parse),
}
