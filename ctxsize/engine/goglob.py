"""Go's `filepath.Match` for one name: another dialect than that of ignore files.

It looks at bytes where a star has just been, so that `?` may match a part of a
character. Undecodable bytes of a name are surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_Test = Callable[[bytes, int], int | None]
"""Where a match that starts at an index ends, or None."""

_WILDCARD = re.compile(r"(?s)(?:\\.|[^\\*?\[])*[*?\[]")


def has_wildcards(name: str) -> bool:
    r"""Return whether `name` holds a wildcard that no backslash escapes.

    >>> has_wildcards("a*"), has_wildcards(r"a\*"), has_wildcards("a]")
    (True, False, False)
    """
    return _WILDCARD.match(name) is not None


def match(pattern: str, name: str) -> bool:
    r"""Return whether `pattern` matches all of `name`; a pattern with an error matches nothing.

    >>> match("[a-c]*.txt", "b1.txt"), match("[!a]", "!"), match("[]", "]"), match("*??", "日")
    (True, True, False, True)
    """
    tests = _tests(pattern)
    if tests is None:
        return False
    data = name.encode("utf-8", "surrogateescape")
    ends = {0}
    for test in tests:
        if test is None:
            ends = set(range(min(ends), len(data) + 1))
        else:
            found = (test(data, start) for start in ends if start < len(data))
            ends = {end for end in found if end is not None}
        if not ends:
            return False
    return len(data) in ends


def _tests(pattern: str) -> list[_Test | None] | None:
    """Return the parts that must match in turn, None for a star; None for a bad pattern."""
    tests: list[_Test | None] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            tests.append(None)
        elif char == "?":
            tests.append(lambda data, start: start + _rune(data, start)[1])
        elif char == "[":
            negated = pattern[at : at + 1] == "^"
            ranges, at = _ranges(pattern, at + negated)
            if ranges is None:
                return None
            tests.append(_in_class(ranges, negated=negated))
        elif char == "\\" and at == len(pattern):
            return None
        else:
            at += char == "\\"
            tests.append(_literal(pattern[at - 1]))
    return tests


def _literal(char: str) -> _Test:
    expected = char.encode("utf-8", "surrogateescape")
    return lambda data, start: start + len(expected) if data.startswith(expected, start) else None


def _in_class(ranges: list[tuple[str, str]], *, negated: bool) -> _Test:
    def test(data: bytes, start: int) -> int | None:
        char, width = _rune(data, start)
        inside = any(low <= char <= high for low, high in ranges)
        return start + width if inside != negated else None

    return test


def _ranges(pattern: str, at: int) -> tuple[list[tuple[str, str]] | None, int]:
    """Return the ranges of a class and the index behind its `]`; None for an error."""
    ranges: list[tuple[str, str]] = []
    while not ranges or pattern[at : at + 1] != "]":
        low, at = _class_char(pattern, at)
        high = low
        if low and pattern[at : at + 1] == "-":
            high, at = _class_char(pattern, at + 1)
        if not low or not high or at == len(pattern):
            return None, at
        ranges.append((low, high))
    return ranges, at + 1


def _class_char(pattern: str, at: int) -> tuple[str, int]:
    """Return the character of a class at `at` and the index behind it; "" where none may stand."""
    char = pattern[at : at + 1]
    if char == "\\":
        at += 1
        char = pattern[at : at + 1]
    elif char in ("-", "]"):
        return "", at
    return ("" if "\udc80" <= char <= "\udcff" else char), at + 1


def _rune(data: bytes, start: int) -> tuple[str, int]:
    """Return the character at `start` and its bytes: U+FFFD and 1 where there is none."""
    for width in range(1, 5):
        try:
            return data[start : start + width].decode(), width
        except UnicodeDecodeError:
            continue
    return "\ufffd", 1
