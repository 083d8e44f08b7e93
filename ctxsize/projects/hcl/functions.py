"""The functions of Bake's standard library that depend on nothing but their arguments.

Behaviour: docker/buildx (`bake/hclparser`), zclconf/go-cty (`function/stdlib`); the
tests ask `docker buildx bake --print`. What depends on the time, on chance or on the
machine is left out, and so is what no context hangs on.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import quote_plus

from ctxsize.projects.hcl.effort import LONGEST
from ctxsize.projects.hcl.formatting import formatted
from ctxsize.projects.hcl.values import (
    UnknownError,
    alike,
    as_bool,
    as_int,
    as_list,
    as_map,
    as_number,
    as_text,
    decoded,
    encoded,
    same,
    whole,
)

_LARGEST_RANGE = 1024
_LARGEST_POWER = 1024


def modulo(left: Any, right: Any) -> Any:
    """The rest of a division, with the sign of what is divided."""
    return whole(left - right * math.trunc(Fraction(left) / right))


def _numbers(compute: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: _whole(compute(*map(as_number, values)))


def _whole(value: Any) -> Any:
    return whole(value) if isinstance(value, int | Fraction) and value not in (0, 1) else value


def _texts(compute: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: compute(*map(as_text, values))


def _truths(compute: Callable[..., bool]) -> Callable[..., bool]:
    return lambda *values: compute(*map(as_bool, values))


def _each(text: str, change: Callable[[str], str]) -> str:
    """`text` with each character changed, where that leaves one character."""
    return "".join(changed if len(changed := change(each)) == 1 else each for each in text)


def _title(text: str) -> str:
    found = []
    for before, each in zip(f" {text}", text, strict=False):
        inside = before.isalnum() or before == "_" or not (before.isascii() or before.isspace())
        found.append(each if inside else _each(each, str.title))
    return "".join(found)


def _join(by: Any, *lists: Any) -> str:
    between: str = as_text(by)
    texts = [as_text(each) for values in lists for each in as_list(values)]
    _must_fit(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _replace(text: str, old: str, new: str) -> str:
    _must_fit(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _must_fit(length: int) -> None:
    if length > LONGEST:
        raise UnknownError("a text that is too long")


def _split(by: str, text: str) -> list[str]:
    return text.split(by) if by else [*text]


def _substr(text: Any, offset: Any, length: Any) -> str:
    whole_text: str = as_text(text)
    start, count = as_int(offset), as_int(length)
    start = max(0, len(whole_text) + start) if start < 0 else start
    return whole_text[start:] if count < 0 else whole_text[start : start + count]


def _indent(spaces: Any, text: Any) -> str:
    _must_fit(as_int(spaces))
    return _replace(as_text(text), "\n", "\n" + " " * as_int(spaces))


def _parseint(text: Any, base: Any) -> int:
    return int(as_text(text), as_int(base))


def _pow(base: Any, exponent: Any) -> Any:
    power, found = as_int(exponent), Fraction(as_number(base))
    if not -_LARGEST_POWER <= power <= _LARGEST_POWER or abs(found) > _LARGEST_POWER:
        raise UnknownError("a power that is too large")
    return whole(found**power)


def _coalesce(*values: Any) -> Any:
    for each in alike([*values]):
        if each is not None:
            return each
    raise UnknownError("coalesce finds no value")


def _coalescelist(*lists: Any) -> list[Any]:
    for each in lists:
        if as_list(each):
            return list(each)
    raise UnknownError("coalescelist finds no list with items")


def _concat(*lists: Any) -> list[Any]:
    return [each for values in lists for each in as_list(values)]


def _merge(*maps: Any) -> dict[str, Any]:
    return {key: value for each in maps if each is not None for key, value in as_map(each).items()}


def _zipmap(keys: Any, values: Any) -> dict[str, Any]:
    return dict(zip(map(as_text, as_list(keys)), as_list(values), strict=True))


def _lookup(values: Any, key: Any, default: Any) -> Any:
    return as_map(values).get(as_text(key), default)


def _index(values: Any, key: Any) -> Any:
    return as_list(values)[_place(key)]


def _hasindex(values: Any, key: Any) -> bool:
    return _place(key) < len(as_list(values))


def _element(values: Any, index: Any) -> Any:
    return as_list(values)[_place(index) % len(values)]


def _place(index: Any) -> int:
    if as_int(index) < 0:
        raise UnknownError("an index below zero")
    return as_int(index)


def _slice(values: Any, start: Any, end: Any) -> list[Any]:
    first, last = as_int(start), as_int(end)
    if not 0 <= first <= last <= len(as_list(values)):
        raise UnknownError("a slice beyond the list")
    return list(values[first:last])


def _contains(values: Any, wanted: Any) -> bool:
    return any(same(each, wanted) for each in as_list(values))


def _distinct(values: Any) -> list[Any]:
    found: dict[Hashable, Any] = {}
    for each in alike(as_list(values)):
        found.setdefault(_identity(each), each)
    return [*found.values()]


def _identity(value: Any) -> Hashable:
    """The same for what is the same to HCL, and for nothing else."""
    if isinstance(value, list):
        return ("list", *map(_identity, value))
    if isinstance(value, dict):
        return ("object", *((key, _identity(each)) for key, each in as_map(value).items()))
    is_number = isinstance(value, int | Fraction) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__, value


def _flatten(values: Any) -> list[Any]:
    def flat(items: list[Any]) -> Iterator[Any]:
        for each in items:
            if isinstance(each, list):
                yield from flat(each)
            else:
                yield each

    return [*flat(as_list(values))]


def _chunklist(values: Any, size: Any) -> list[list[Any]]:
    items, length = as_list(values), as_int(size) or max(1, len(values))
    return [items[at : at + length] for at in range(0, len(items), length)]


def _range(*numbers: Any) -> list[Any]:
    start, limit = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
    first, last = as_number(start), as_number(limit)
    step = as_number(numbers[2]) if len(numbers) == 3 else (1 if first <= last else -1)
    found: list[Any] = []
    while step and (first < last if step > 0 else first > last):
        found.append(whole(first))
        first += step
        if len(found) > _LARGEST_RANGE:
            raise UnknownError("a range that is too long")
    if not step:
        raise UnknownError("a range without a step")
    return found


def _length(values: Any) -> int:
    return len(as_list(values))


def _sorted(values: Any) -> list[str]:
    return sorted(map(as_text, as_list(values)), key=lambda each: each.encode())


def _as_set(values: list[Any]) -> list[Any]:
    """The items in the order that a set has."""
    found = _distinct(values)
    if all(isinstance(each, str) for each in found):
        return _sorted(found)
    if all(isinstance(each, int | Fraction) and not isinstance(each, bool) for each in found):
        return sorted(found)
    raise UnknownError("a set of something else than texts or numbers")


def _setunion(*sets: Any) -> list[Any]:
    return _as_set(_concat(*sets))


def _setintersection(first: Any, *others: Any) -> list[Any]:
    known = [{*map(_identity, as_list(each))} for each in others]
    return _as_set([x for x in as_list(first) if all(_identity(x) in each for each in known)])


def _setsubtract(first: Any, other: Any) -> list[Any]:
    known = {*map(_identity, as_list(other))}
    return _as_set([each for each in as_list(first) if _identity(each) not in known])


def _sanitize(text: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in text)


def _hash(name: str) -> Callable[..., str]:
    return _texts(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())


STANDARD: dict[str, Callable[..., Any]] = {
    "absolute": _numbers(abs),
    "add": _numbers(lambda left, right: left + right),
    "and": _truths(lambda left, right: left and right),
    "base64decode": _texts(lambda text: base64.b64decode(text, validate=True).decode()),
    "base64encode": _texts(lambda text: base64.b64encode(text.encode()).decode()),
    "basename": _texts(lambda path: path.rstrip("/").rpartition("/")[2] or ("/" if path else ".")),
    "ceil": _numbers(math.ceil),
    "chomp": _texts(lambda text: text.rstrip("\r\n")),
    "chunklist": _chunklist,
    "coalesce": _coalesce,
    "coalescelist": _coalescelist,
    "compact": lambda values: [as_text(each) for each in as_list(values) if each not in (None, "")],
    "concat": _concat,
    "contains": _contains,
    "dirname": _texts(lambda path: path.rpartition("/")[0] or "."),
    "distinct": _distinct,
    "divide": _numbers(lambda left, right: Fraction(left) / right),
    "element": _element,
    "equal": same,
    "flatten": _flatten,
    "floor": _numbers(math.floor),
    "format": formatted,
    "formatlist": lambda text, values: [formatted(text, each) for each in as_list(values)],
    "greaterthan": _numbers(lambda left, right: left > right),
    "greaterthanorequalto": _numbers(lambda left, right: left >= right),
    "hasindex": _hasindex,
    "indent": _indent,
    "index": _index,
    "int": _numbers(math.trunc),
    "join": _join,
    "jsondecode": _texts(decoded),
    "jsonencode": encoded,
    "keys": lambda values: [*as_map(values)],
    "length": _length,
    "lessthan": _numbers(lambda left, right: left < right),
    "lessthanorequalto": _numbers(lambda left, right: left <= right),
    "lookup": _lookup,
    "lower": _texts(lambda text: _each(text, str.lower)),
    "max": _numbers(max),
    "md5": _hash("md5"),
    "merge": _merge,
    "min": _numbers(min),
    "modulo": _numbers(modulo),
    "multiply": _numbers(lambda left, right: left * right),
    "negate": _numbers(lambda value: -value),
    "not": _truths(lambda value: not value),
    "notequal": lambda left, right: not same(left, right),
    "or": _truths(lambda left, right: left or right),
    "parseint": _parseint,
    "pow": _pow,
    "range": _range,
    "replace": _texts(_replace),
    "reverse": _texts(lambda text: text[::-1]),
    "reverselist": lambda values: as_list(values)[::-1],
    "sanitize": _texts(_sanitize),
    "setintersection": _setintersection,
    "setsubtract": _setsubtract,
    "setunion": _setunion,
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "sha512": _hash("sha512"),
    "signum": _numbers(lambda value: (value > 0) - (value < 0)),
    "slice": _slice,
    "sort": _sorted,
    "split": _texts(_split),
    "strlen": _texts(len),
    "substr": _substr,
    "subtract": _numbers(lambda left, right: left - right),
    "title": _texts(_title),
    "trim": _texts(lambda text, characters: text.strip(characters)),
    "trimprefix": _texts(lambda text, prefix: text.removeprefix(prefix)),
    "trimspace": _texts(lambda text: text.strip()),
    "trimsuffix": _texts(lambda text, suffix: text.removesuffix(suffix)),
    "upper": _texts(lambda text: _each(text, str.upper)),
    "urlencode": _texts(lambda text: quote_plus(text, safe="")),
    "values": lambda values: [*as_map(values).values()],
    "zipmap": _zipmap,
}
"""Each by its name; `try` and `can` are none, as they do not fail where an argument does."""
