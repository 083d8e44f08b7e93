"""Check the rows of the TOML files beside this module.

A mistake in a row is an error that names the file and the row, for the person who writes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast

from ctxsize.errors import InputError
from ctxsize.toml import TomlTable

FromRow = TypeVar("FromRow")
Types = tuple[type, ...]  # of the values of a key; all values of a list are texts

TEXT: Types = (str,)
FLAG: Types = (bool,)
NUMBER: Types = (int, float)
TEXTS: Types = (str, list)
TABLE: Types = (dict,)
ANYTHING: Types = ()  # checked by the reader of the key

_BY_FIELD = {
    "str": TEXT,
    "str | None": TEXT,
    "bool": FLAG,
    "Sequence[str]": (list,),
    "Mapping[str, str]": TABLE,
    "Mapping[str, Sequence[str]]": TABLE,
}
_LINE = r"\(at line (\d+)"
_BEGINNING = r"""[ \t]*(?:\[+[ \t]*([\w.'"-]+)|([\w.'"-]+)[ \t]*=)"""
"""The beginning of a table or of a key."""


@contextmanager
def reading(file: str, name: str) -> Iterator[None]:
    """Turn a mistake in the row `name` into an `InputError` that names it and its file."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, KeyError):
            problem = f"it has no key {error}"
        else:
            problem = str(error)
        raise InputError(
            f"the row `{name}` is broken: {problem}",
            path=_shown(file),
        ) from error


def _shown(file: str) -> str:
    return f"ctxsize/knowledge/{file}"


def not_parsed(file: str, text: str, error: ValueError) -> InputError:
    """Return the error for a file that is not TOML, or in which a row occurs twice."""
    message = str(error)
    place = re.search(_LINE, message)
    if place is None:
        return InputError(message, path=_shown(file))
    number = int(place[1])
    message = f"the row `{_row_at(text, number)}` is not valid TOML: {message}"
    return InputError(message, path=_shown(file), line=number)


def _row_at(text: str, number: int) -> str:
    """Return the table and the key to which the line of this number belongs."""
    key = ""
    for line in text.split("\n")[number - 1 :: -1]:
        beginning = re.match(_BEGINNING, line)
        if beginning and beginning[1]:
            return f"{beginning[1]}.{key}".rstrip(".")
        if beginning and not key:
            key = beginning[2]
    return key


def check_row(row: object, types: Mapping[str, Types], required: Collection[str] = ()) -> None:
    """Raise `ValueError` for an unknown key, a value of the wrong type, and a missing key."""
    if not isinstance(row, dict):
        raise ValueError("it is not a table")
    for key, value in row.items():
        if key not in types:
            raise ValueError(f"there is no key `{key}`")
        if types[key] and not _is_one_of(types[key], value):
            raise ValueError(f"the value of `{key}` has the wrong type")
    for key in required:
        if key not in row:
            raise ValueError(f"it needs a `{key}`")


def _is_one_of(types: Types, value: object) -> bool:
    if isinstance(value, list) and not all(isinstance(text, str) for text in value):
        return False
    return type(value) in types  # True is no number


def from_row(kind: type[FromRow], file: str, name: str, row: TomlTable) -> FromRow:
    """Return a row as a value of the dataclass `kind`. Raises `InputError` for a mistake."""
    keys = fields(cast(Any, kind))
    types = {key.name: _BY_FIELD.get(str(key.type), ANYTHING) for key in keys}
    with reading(file, name):
        required = [
            key.name for key in keys if key.default is MISSING and key.default_factory is MISSING
        ]
        check_row(row, types, required)
    return kind(**row)
