"""Read TOML of strangers: what would take a parser more than its size in time or memory is refused.

A dotted key costs a parser the square of its parts, and each part about a kilobyte. Nested arrays
cost it a call each.
"""

from __future__ import annotations

import re
import sys
from typing import Any

TomlTable = dict[str, Any]
_MOST_PARTS = 32  # of one dotted key
_MOST_DOTS = 100_000  # of all dotted keys of a file; numbers with a point count too
_DEEPEST = 100  # largest number of nested arrays and inline tables
_NO_SYNTAX = (
    r'''(?s)"""(?:[^"\\]+|\\(?:.|\Z)|"(?!""))*(?:"{3,5}|\Z)'''
    r"""|'''(?:[^']+|'(?!''))*(?:'{3,5}|\Z)"""
    r"""|"(?:[^"\\\n]+|\\[^\n])*\\?"?|'[^'\n]*'?|\#[^\n]*"""
)
"""Matches a text of one or several lines, open ones included, and a comment."""
_NO_SEPARATOR = r"[^\n.,=\[\]{}]+"


def read_toml(data: bytes) -> TomlTable:
    """Return the table in `data`.

    Raises `UnicodeDecodeError`, `RecursionError`, and `ValueError` with the line at the end of
    its message, for instance `(at line 3, column 1)`.
    """
    text = data.decode("utf-8")
    _refuse_costly(text.replace("\r\n", "\n"))
    return trusted_table(text)


def trusted_table(text: str) -> TomlTable:
    """Return the table in a text of the package, which needs no check."""
    if sys.version_info >= (3, 11):  # slow to import, and what the package ships is parsed before
        import tomllib
    else:
        import tomli as tomllib
    table: TomlTable = tomllib.loads(text)
    return table


def _refuse_costly(text: str) -> None:
    """Raise `ValueError` for keys of too many parts, and for too many nested brackets."""
    without_texts = re.sub(_NO_SYNTAX, _line_feeds_of, text)
    # The parts of a key are gone, and blanks between them: what is left of `a . b.c` is `..`.
    separators = re.sub(_NO_SEPARATOR, "", without_texts)
    before, long_key, _ = separators.partition("." * _MOST_PARTS)
    if long_key:
        raise _refusal(f"a key has more than {_MOST_PARTS} parts", before)
    if separators.count(".") > _MOST_DOTS:
        before, _, _ = separators.rpartition(".")
        raise _refusal(f"its keys have more than {_MOST_DOTS:,} dots", before)
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", separators):
        if bracket[0] in "[{":
            depth += 1
        elif depth:
            depth -= 1
        if depth > _DEEPEST:
            before = separators[: bracket.start()]
            raise _refusal(f"more than {_DEEPEST} arrays and tables are nested", before)


def _line_feeds_of(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _refusal(message: str, before: str) -> ValueError:
    line = before.count("\n") + 1
    return ValueError(f"{message} (at line {line}, column 1)")
