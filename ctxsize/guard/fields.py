"""Check the fields of saved reports and baselines where they are read: they may be hostile.

Each function returns a value of its type within its limits, and raises `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

MOST = (1 << 80) - 1
"""Largest number of bytes or files: a file has at most 2**63 - 1 bytes, a context many of them."""
_LONGEST_PATH = 4096  # number of characters: Linux opens no longer path
_LONGEST_TEXT = 65_536  # number of characters of a name, a pattern or a message
_SHOWN = 40  # number of characters of a wrong value that a message quotes
T = TypeVar("T")


def number(value: object, most: int = MOST) -> int:
    """Return a number of bytes, files or lines."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{quoted(value)} is no number of bytes or files")
    return value


def text(value: object) -> str:
    """Return a name, a pattern or a message."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"{quoted(value)} is no text of at most {_LONGEST_TEXT:,} characters")
    return value


def optional(value: object, read: Callable[[object], T]) -> T | None:
    """Return a value that may be missing, as `read` returns it."""
    if value is None:
        return None
    return read(value)


def path(value: object) -> str:
    """Return the path of an entry of a context, relative to that."""
    if not isinstance(value, str) or len(value) > _LONGEST_PATH or not _is_path(value):
        raise ValueError(f"{quoted(value)} is no path in a context")
    return value


def _is_path(value: str) -> bool:
    return "\0" not in value and {"", ".", ".."}.isdisjoint(value.split("/"))


Pairs = Iterable[tuple[object, object]]  # the keys and values of a JSON object


def sizes(pairs: Pairs) -> dict[str, int]:
    """Return the bytes of each path."""
    return {path(name): number(size) for name, size in pairs}


def pairs_of(value: Any) -> Pairs:
    """Return the pairs of a JSON object."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{quoted(value)} is no object")
    return value.items()


def quoted(value: object) -> str:
    """Return the beginning of a wrong value, for a message."""
    if isinstance(value, int) and abs(value) > MOST:
        return "a larger number"
    if isinstance(value, (list, dict)):
        return f"a list or an object of {len(value):,}"
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}…"
    return repr(value)
