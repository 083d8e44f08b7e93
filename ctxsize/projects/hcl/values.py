"""Values of HCL, and how one becomes another: texts, numbers, truth values, lists and objects.

They are Python's own; a number is an `int` or, where it has a fraction, a
`Fraction`, since HCL does not round where `float` does. Behaviour: zclconf/go-cty
(`convert`), hashicorp/hcl.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, NoReturn

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_MOST_DIGITS = 400


class UnknownError(Exception):
    """The value cannot be told; the message says what it hangs on."""


def number(text: str) -> int | Fraction:
    """The number that `text` says. Raises `UnknownError` for what is none."""
    if len(text) > _MOST_DIGITS or not _NUMBER.fullmatch(text):
        raise UnknownError("a text that is no number")
    exponent = re.search(r"[eE]([+-]?\d+)", text)
    if exponent and abs(int(exponent[1])) > _MOST_DIGITS:
        raise UnknownError("a number that is too large")
    return whole(Fraction(text))


def whole(value: int | Fraction) -> int | Fraction:
    """`value`, as an `int` where it has no fraction."""
    return int(value) if value == int(value) else value


def as_text(value: Any) -> str:
    """A value in a text. Raises `UnknownError` for null, lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return _decimal(value)
    if isinstance(value, str | int):
        return str(value)
    raise UnknownError(f"{_kind(value)} that is no text")


def _decimal(value: Fraction) -> str:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        raise UnknownError("a number that has no end")
    with localcontext() as context:
        context.prec = _MOST_DIGITS
        return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"


def as_number(value: Any) -> int | Fraction:
    """A number, also from its text. Raises `UnknownError` for anything else."""
    if isinstance(value, str):
        return number(value)
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return value
    raise UnknownError(f"{_kind(value)} where a number is needed")


def as_int(value: Any) -> int:
    """A whole number. Raises `UnknownError` for anything else."""
    found = as_number(value)
    if isinstance(found, int):
        return found
    raise UnknownError("a fraction where a whole number is needed")


def as_bool(value: Any) -> bool:
    """A truth value, also from its text. Raises `UnknownError` for anything else."""
    found = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if isinstance(found, bool):
        return found
    raise UnknownError(f"{_kind(value)} where true or false is needed")


def as_list(value: Any) -> list[Any]:
    """A list. Raises `UnknownError` for anything else."""
    return value if isinstance(value, list) else _refuse(value, "a list")


def as_map(value: Any) -> dict[str, Any]:
    """An object, its keys in order. Raises `UnknownError` for anything else."""
    return dict(sorted(value.items())) if isinstance(value, dict) else _refuse(value, "an object")


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """The keys or places of what can be gone through, with what is there."""
    if isinstance(value, dict):
        return [*as_map(value).items()]
    return [*enumerate(as_list(value))]


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal; those of different types never are."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    numbers = [isinstance(each, int | Fraction) for each in (left, right)]
    truths = [isinstance(each, bool) for each in (left, right)]
    if truths[0] is not truths[1] or (not all(numbers) and type(left) is not type(right)):
        return False
    return bool(left == right)


def alike(values: list[Any]) -> list[Any]:
    """The items of a list as those of one type, texts where there are several."""
    kinds = {_kind(each) for each in values}
    if len(kinds) < 2:
        return values
    return [each if each is None else as_text(each) for each in values]


def encoded(value: Any) -> str:
    """A value as HCL writes it in JSON."""
    text = json.dumps(_for_json(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def decoded(text: str) -> Any:
    """The value that a JSON text says. Raises `ValueError`."""
    return json.loads(text, parse_float=number, parse_int=int)


def _for_json(value: Any) -> Any:
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, list):
        return [*map(_for_json, value)]
    if isinstance(value, dict):
        return {key: _for_json(each) for key, each in value.items()}
    return value


def _refuse(value: Any, wanted: str) -> NoReturn:
    raise UnknownError(f"{_kind(value)} where {wanted} is needed")


def _kind(value: Any) -> str:
    if value is None:
        return "a null"
    kinds = {bool: "a truth value", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
