"""The keys of the configuration, and the readers of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import InputError
from ctxsize.units import human, parse_size

OF = ("context", "transfer")
"""The sizes that a budget may limit."""


@dataclass(frozen=True)
class Tolerance:
    """The tolerated difference from a baseline: bytes, or a share of the baseline.

    >>> Tolerance.parse("10%").limit(3000), Tolerance.parse("1kB").limit(3000)
    (300, 1000)
    """

    content_bytes: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Return the tolerance in `text`: `5%`, `2MB`. Raises `InputError` for anything else."""
        share = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", text)
        if share is not None:
            return cls(percent=float(share[1]))
        try:
            return cls(content_bytes=parse_size(text))
        except InputError:
            raise InputError(
                f"neither a size nor a percentage: {text!r}", hint="write for instance 5MB or 10%"
            ) from None

    def limit(self, baseline: int) -> int:
        """Return the tolerated difference from `baseline` in bytes, rounded down."""
        if self.percent is not None:
            return int(baseline * self.percent / 100)
        return self.content_bytes or 0

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else human(self.content_bytes or 0)


Reader = Callable[[object], Any]
Keys = dict[str, tuple[str, Reader]]
"""The attribute and the reader of each key."""


def _that(is_right: Callable[[Any], object], wrong: str, hint: str | None = None) -> Reader:
    """Return a reader of the values that `is_right` accepts."""

    def read(value: object) -> Any:
        if not is_right(value):
            raise InputError(wrong, hint=hint)
        return value

    return read


text = _that(
    lambda it: isinstance(it, str) and it.strip() != "", "must be a text that is not empty"
)
# TOML has no larger numbers, and no count is that large.
_number = _that(
    lambda it: type(it) is int and 0 <= it < 1 << 63,
    "must be a number that is not negative and has at most 64 bits",
)
_arguments = _that(
    lambda it: isinstance(it, dict) and all(isinstance(each, str) for each in it.values()),
    "must be a table of texts",
    'for instance { VERSION = "3" }',
)
_texts = _that(
    lambda it: isinstance(it, list) and all(isinstance(each, str) and each for each in it),
    "must be a list of texts",
    'for instance ["linux/arm64"]',
)
_codes = _that(lambda it: isinstance(it, list), "must be a list of codes", '["CTX101"]')
_tables = _that(lambda it: isinstance(it, dict), "must be tables", '[contexts."services/api"]')
_list_of_tables = _that(
    lambda it: isinstance(it, list), "must be an array of tables", "[[suppress]]"
)


def _code(value: object, digits: str = "{3}") -> Any:
    if not re.fullmatch(f"CTX[0-9]{digits}", text(value)):
        raise InputError(f"no code: {value!r}", hint="for instance CTX101, or CTX1 for all such")
    return value


def _prefixes(value: object) -> tuple[Any, ...]:
    return tuple(_code(each, "{0,3}") for each in _codes(value))


def _choice(*choices: str) -> Reader:
    def read(value: object) -> Any:
        if text(value) not in choices:
            raise InputError(f"no such choice: {value!r}", hint=f"one of {', '.join(choices)}")
        return value

    return read


def _amount(
    what: str, examples: str, parse: Callable[[str], Any], of_bytes: Callable[[int], Any]
) -> Reader:
    """Return a reader of a number of bytes, or of a text that `parse` accepts."""

    def read(value: object) -> Any:
        if isinstance(value, str):
            return parse(value)
        try:
            return of_bytes(_number(value))
        except InputError:
            raise InputError(f"must be {what}", hint=f"for instance {examples}") from None

    return read


_size = _amount("a size", '"50MB", or a number of bytes', parse_size, int)
_tolerance = _amount("a size or a percentage", '"5MB" or "10%"', Tolerance.parse, Tolerance)

BUILD_KEYS: Keys = {
    "dockerfile": ("dockerfile", text),
    "target": ("target", text),
    "builder": ("builder", _choice(*BUILDERS)),
    "build-args": ("build_arguments", _arguments),
    "build-contexts": ("build_contexts", _arguments),
    "platforms": ("platforms", lambda value: tuple(_texts(value))),
}
"""Keys of a build: in a context, or at the top level for all contexts."""

BUDGET_KEYS: Keys = {
    "max": ("max_bytes", _size),
    "max-files": ("max_files", _number),
    "min": ("min_bytes", _size),
    "min-files": ("min_files", _number),
    "of": ("of", _choice(*OF)),
    "growth": ("growth", _tolerance),
    "shrink": ("shrink", _tolerance),
}
"""Keys of a budget, likewise."""

CONTEXT_KEYS: Keys = {"path": ("context", text), **BUILD_KEYS, **BUDGET_KEYS}

TOP_KEYS: Keys = {
    **BUILD_KEYS,
    **BUDGET_KEYS,
    "select": ("select", _prefixes),
    "ignore": ("ignore", _prefixes),
    "suppress": ("suppress", _list_of_tables),
    "baseline": ("baseline", text),
    "contexts": ("contexts", _tables),
}

SUPPRESSION_KEYS: Keys = {
    "code": ("code", _code),
    "path": ("path", text),
    "pattern": ("pattern", text),
    "reason": ("reason", text),
}
