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

Shape = Mapping[str, Any]  # a JSON Schema; `errorMessage` is for a value that does not follow it
_SCHEMA = "formats/json/config.schema.json"
ASSERTIONS = ("require", "forbid")  # keys of lists of patterns, which add up
_MOST = 1000  # numbers of patterns of a list, and of characters of one
_TYPES = {"string": str, "integer": int, "array": list, "object": dict}
_ATTRIBUTES = {"build-args": "build_arguments", "max": "max_bytes", "min": "min_bytes"}


@cache
def shapes(table: str = "") -> dict[str, Shape]:
    """Return the shape of each key of the top level, or of a `context` or a `suppression`."""
    schema = json.loads(shipped(_SCHEMA))
    definitions = schema["$defs"]
    keys = (definitions[table] if table else schema)["properties"]
    return {
        key: definitions[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for key, each in keys.items()
    }


def attribute_of(key: str) -> str:
    """Return the name of the attribute for a key."""
    return _ATTRIBUTES.get(key, key.replace("-", "_"))


def value_of(key: str, shape: Shape, value: object) -> Any:
    """Return the attribute's value for a value of TOML. Raises `InputError` for a wrong one."""
    if isinstance(value, date):
        value = str(value)
    else:
        value = value
    if isinstance(value, str) and key in _PARSERS:
        return _PARSERS[key](value)
    for each in value[:_MOST] if key in ASSERTIONS and isinstance(value, list) else ():
        if isinstance(each, str) and len(each) <= _MOST:
            _check_pattern(each)
    if not _follows(value, shape):
        raise InputError(shape["errorMessage"])
    if isinstance(value, list):
        if key in ASSERTIONS:
            return tuple(dict.fromkeys(value))
        return tuple(value)
    if key in ("growth", "shrink") and isinstance(value, int):
        return Tolerance(value)
    return value


def _follows(value: object, shape: Shape) -> bool:
    """Return whether `value` follows `shape`; tables with keys of their own are read later."""
    if "anyOf" in shape:
        return any(_follows(value, each) for each in shape["anyOf"])
    if "$ref" in shape:
        return True
    parts = [*value.values()] if isinstance(value, dict) else value
    if isinstance(parts, list):
        parts = parts
    else:
        parts = []
    inner = shape.get("items") or shape.get("additionalProperties") or {}
    return (
        type(value) is _TYPES[shape["type"]]
        and value in shape.get("enum", [value])
        and (not isinstance(value, str) or re.search(shape.get("pattern", ""), value) is not None)
        and (not isinstance(value, int) or shape["minimum"] <= value <= shape["maximum"])
        and (shape.get("format") != "date" or _is_day(value))
        and len(parts) <= shape.get("maxItems", len(parts))
        and all(_follows(each, inner) for each in parts)
    )


def _is_day(text: object) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(str(text)))
    return False


def _check_pattern(text: str) -> None:
    """Raise `InputError` for a text that matches no entry of a context as a line does."""
    try:
        pattern = DockerIgnorePattern(text)
    except IgnoreFileError as error:
        raise InputError(f"{text!r}: {error.message}", hint=error.hint) from None
    wrong = {None: "it is empty or a comment", False: "it begins with !"}.get(pattern.include)
    if f"{pattern.text}/".startswith(("./", "../")):
        wrong = "it names nothing inside the context"
    if wrong := pattern.fault or wrong:
        hint = "write a line of an ignore file, relative to the context and without !"
        raise InputError(f"{text!r}: {wrong}", hint=hint)


_PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("max", "min"), parse_size),
    **dict.fromkeys(("growth", "shrink"), Tolerance.parse),
}
