r"""Sets of characters as Go's regular expressions know them, and as Python writes them.

Go sees each undecodable byte of a path as U+FFFD, so wherever that matches, a
surrogate escape does too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

Ranges = list[tuple[int, int]]
"""Inclusive ranges of code points, in any order."""

LAST = 0x10FFFF
REPLACEMENT = 0xFFFD
_SURROGATES = (0xDC80, 0xDCFF)


class GoRegexpError(ValueError):
    """Go would refuse the expression; the message is Go's word for why."""


_DIGIT: Ranges = [(0x30, 0x39)]
_SPACE: Ranges = [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)]
_UPPER: Ranges = [(0x41, 0x5A)]
_LOWER: Ranges = [(0x61, 0x7A)]
_WORD: Ranges = [*_DIGIT, *_UPPER, *_LOWER, (0x5F, 0x5F)]
PERL: dict[str, Ranges] = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
POSIX: dict[str, Ranges] = {
    "alnum": [*_DIGIT, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGIT,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGIT, (0x41, 0x46), (0x61, 0x66)],
}


def holds(ranges: Ranges, code: int) -> bool:
    """Return whether the code point is in one of `ranges`."""
    return any(low <= code <= high for low, high in ranges)


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the code points that are not in `ranges`, in order."""
    gaps: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if start < low:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    if start <= LAST:
        gaps.append((start, LAST))
    return gaps


def source(ranges: Ranges) -> str:
    """Return Python's source for one character in `ranges`."""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1] and not is_special(ranges[0][0]):
        return re.escape(chr(ranges[0][0]))
    inside, outside = _with_surrogates(ranges), _with_surrogates(complement(ranges))
    if outside and len(outside) < len(inside):
        return f"[^{_ranges_source(outside)}]"
    return f"[{_ranges_source(inside)}]" if inside else "(?!)"


def is_special(code: int) -> bool:
    """Return whether it is U+FFFD, or an undecodable byte that Go sees as that."""
    return code == REPLACEMENT or _SURROGATES[0] <= code <= _SURROGATES[1]


def _with_surrogates(ranges: Ranges) -> Ranges:
    """Return `ranges` with the surrogate escapes in exactly if U+FFFD is in."""
    first, last = _SURROGATES
    kept = complement([*complement(ranges), _SURROGATES])
    replacement = holds(kept, REPLACEMENT)
    return [*kept, (first, last)] if replacement else kept


def _ranges_source(ranges: Ranges) -> str:
    pairs = ((_escaped(low), _escaped(high)) for low, high in ranges)
    return "".join(low if low == high else f"{low}-{high}" for low, high in pairs)


def _escaped(code: int) -> str:
    char = chr(code)
    plain = char.isascii() and (char.isalnum() or char in "/_")
    return char if plain else "\\n" if char == "\n" else f"\\U{code:08x}"


def code_of(char: str) -> int:
    """Return the code point that Go sees."""
    code = ord(char)
    return REPLACEMENT if _SURROGATES[0] <= code <= _SURROGATES[1] else code


@cache
def category_ranges(name: str) -> Ranges:
    """Return the code points whose Unicode general category starts with `name`."""
    import unicodedata

    if name == "Any":
        return [(0, LAST)]
    if re.fullmatch("[A-Z][a-z]+(_[A-Z][a-z]+)*", name) and len(name) > 2:
        raise NotImplementedError(f"Unicode class {name}")
    holds: Callable[[str], bool] = lambda kind: kind.startswith(name) and kind != "Cn"  # noqa: E731
    ranges: Ranges = []
    for code in range(LAST + 1):
        if not holds(unicodedata.category(chr(code))):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    if not ranges or not name:
        raise GoRegexpError("invalid character class range")
    return ranges
