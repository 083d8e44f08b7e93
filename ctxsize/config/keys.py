"""The keys of the configuration, and the readers of their values.

A reader converts one value of TOML, and raises `InputError` if it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import InputError
from ctxsize.units import human, parse_size

OF = ("context", "transfer")
"""The sizes that a budget may limit."""
_Amount = TypeVar("_Amount")


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


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InputError("must be a text that is not empty")
    return value


def _number(value: object) -> int:
    # TOML has no larger numbers, and no count is that large.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    raise InputError("must be a number that is not negative and has at most 64 bits")


def _amount(
    what: str, examples: str, parse: Callable[[str], _Amount], of_bytes: Callable[[int], _Amount]
) -> Callable[[object], _Amount]:
    """Return a reader of a number of bytes, or of a text that `parse` accepts."""

    def read(value: object) -> _Amount:
        if isinstance(value, str):
            return parse(value)
        try:
            return of_bytes(_number(value))
        except InputError:
            raise InputError(f"must be {what}", hint=f"for instance {examples}") from None

    return read


def _choice(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if text(value) not in choices:
            raise InputError(f"no such choice: {value!r}", hint=f"one of {', '.join(choices)}")
        return text(value)

    return read


def code(value: object) -> str:
    """Return one code, in full."""
    if not re.fullmatch(r"CTX[0-9]{3}", text(value)):
        raise InputError(f"no code: {value!r}", hint="for instance CTX101")
    return text(value)


def _codes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError("must be a list of codes", hint='for instance ["CTX101"]')
    for each in value:
        if not re.fullmatch(r"CTX[0-9]{0,3}", text(each)):
            raise InputError(f"no code: {each!r}", hint="for instance CTX101, or CTX1 for all such")
    return tuple(value)


def _arguments(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InputError("must be a table of texts", hint='for instance { VERSION = "3" }')
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise InputError("must be a list of texts", hint='for instance ["linux/arm64"]')
    return tuple(value)


def _tables(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InputError("must be tables", hint='[contexts."services/api"]')
    return value


def _list_of_tables(value: object) -> list[object]:
    if not isinstance(value, list):
        raise InputError("must be an array of tables", hint="[[suppress]]")
    return value


_size = _amount("a size", '"50MB", or a number of bytes', parse_size, int)
_tolerance = _amount("a size or a percentage", '"5MB" or "10%"', Tolerance.parse, Tolerance)

Keys = dict[str, tuple[str, Callable[[object], Any]]]
"""The attribute and the reader of each key."""

BUILD_KEYS: Keys = {
    "dockerfile": ("dockerfile", text),
    "target": ("target", text),
    "builder": ("builder", _choice(*BUILDERS)),
    "build-args": ("build_arguments", _arguments),
    "build-contexts": ("build_contexts", _arguments),
    "platforms": ("platforms", _texts),
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
    "select": ("select", _codes),
    "ignore": ("ignore", _codes),
    "suppress": ("suppress", _list_of_tables),
    "baseline": ("baseline", text),
    "contexts": ("contexts", _tables),
}

SUPPRESSION_KEYS: Keys = {
    "code": ("code", code),
    "path": ("path", text),
    "pattern": ("pattern", text),
    "reason": ("reason", text),
}
