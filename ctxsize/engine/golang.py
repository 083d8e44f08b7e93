"""What Go's standard library makes of paths and patterns.

The builders are written in Go, so the meaning of a line depends on details of
`strings.TrimSpace`, `filepath.Clean` and `filepath.Match` that Python's
counterparts do not share. Text is `str` with undecodable bytes as surrogate
escapes throughout. Names that COPY takes are matched by `filepath.Match`, another
dialect than that of ignore files: it looks at bytes where a star has just been, so
that `?` may match a part of a character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go trims. Python's `str.strip()` would also take U+001C to U+001F."""


def trim_space(text: str) -> str:
    """Return `text` without the white space that `strings.TrimSpace` removes at both ends."""
    return text.strip(WHITE_SPACE)


def clean(path: str) -> str:
    """Return the shortest path with the same meaning, found lexically (`filepath.Clean`).

    >>> clean("a//b/../c/."), clean("../x"), clean("/.."), clean("")
    ('a/c', '../x', '/', '.')
    """
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append(part)
    if rooted:
        return "/" + "/".join(kept)
    return "/".join(kept) or "."


def syntax_error(pattern: str) -> int | None:
    """Return where `filepath.Match(pattern, ".")` finds bad syntax, or None.

    Builders validate each pattern with just that call. It stops as soon as the
    name cannot match any more, so it sees little beyond the first star: `[` is
    an error and `a*[` is not. The offset counts characters of `pattern`.
    """
    rest, name = 0, "."
    while rest < len(pattern):
        star, start, end = _next_chunk(pattern, rest)
        rest = end
        if star and start == end:
            return None
        outcome = _first_match(pattern[start:end], name, star=star, last=end == len(pattern))
        if isinstance(outcome, _Bad):
            return start + outcome.offset
        if outcome is None:
            return None
        name = outcome
    return None


class _Bad(Exception):  # noqa: N818 - a signal between three functions, not an error to users
    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def _next_chunk(pattern: str, start: int) -> tuple[bool, int, int]:
    """Return whether a star precedes, and the bounds of the star-free text after it."""
    first = start
    while start < len(pattern) and pattern[start] == "*":
        start += 1
    in_class, at = False, start
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at = min(at + 1, len(pattern) - 1)
        elif char in "[]":
            in_class = char == "["
        elif char == "*" and not in_class:
            break
        at += 1
    return start > first, start, at


def _first_match(chunk: str, name: str, *, star: bool, last: bool) -> str | _Bad | None:
    """Return what is left of `name` after the leftmost match of `chunk`, None for no match."""
    skips = range(len(name) + 1 if star else 1)
    try:
        for skip in skips:
            if skip and name[skip - 1] == "/":
                break
            left = _match_chunk(chunk, name[skip:])
            if left is not None and (left == "" or not last):
                return left
    except _Bad as bad:
        return bad
    return None


def _match_chunk(chunk: str, name: str) -> str | None:
    """Return what is left of `name` after `chunk`, or None; reads `chunk` to its end either way."""
    failed = False
    at = 0
    while at < len(chunk):
        failed = failed or not name
        char = chunk[at]
        if char == "[":
            at, holds = _match_class(chunk, at, "" if failed else name[0])
            failed = failed or not holds
        elif char == "?":
            failed = failed or name[0] == "/"
            at += 1
        else:
            if char == "\\":
                at += 1
                if at == len(chunk):
                    raise _Bad(at - 1)
            failed = failed or chunk[at] != name[0]
            at += 1
        name = name[1:]
    return None if failed else name


def _match_class(chunk: str, at: int, char: str) -> tuple[int, bool]:
    """Return the offset after the class that starts at `at`, and whether `char` is in it."""
    opening = at
    at += 1
    negated = chunk[at : at + 1] == "^"
    at += negated
    holds, ranges = False, 0
    while not (ranges and chunk[at : at + 1] == "]"):
        low, at = _class_char(chunk, at, opening)
        high = low
        if chunk[at] == "-":
            high, at = _class_char(chunk, at + 1, opening)
        holds = holds or low <= char <= high
        ranges += 1
    return at + 1, holds != negated


def _class_char(chunk: str, at: int, opening: int) -> tuple[str, int]:
    if chunk[at : at + 1] in ("", "-", "]"):
        raise _Bad(opening)
    if chunk[at] == "\\":
        at += 1
    if at + 1 >= len(chunk) or "\udc80" <= chunk[at] <= "\udcff":
        raise _Bad(opening)
    return chunk[at], at + 1


def code_points(text: str) -> Iterator[str]:
    """Return the characters that Go sees: each undecodable byte is one U+FFFD."""
    return ("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in text)


def has_prefix(prefix: str) -> str:
    r"""Return the Python expression for `strings.HasPrefix`; `prefix` may end inside a character.

    >>> begins = re.compile(has_prefix("a\udcc3"))
    >>> [bool(begins.search(path)) for path in ("aé", "a\udcc3", "ae")]
    [True, True, False]
    """
    whole = rf"\A{re.escape(prefix)}"
    raw = prefix[len(prefix.rstrip(_RAW)) :][-3:]
    for at, char in enumerate(raw):
        lead, have = ord(char) - 0xDC00, len(raw) - at
        need = 2 + (lead >= 0xE0) + (lead >= 0xF0)
        if lead >= 0xC2 and have < need and all(each <= "\udcbf" for each in raw[at + 1 :]):
            bits = lead & 0x7F >> need
            for each in raw[at + 1 :]:
                bits = bits << 6 | ord(each) & 0x3F
            step = 64 ** (need - have)
            chars = _characters(range(bits * step, (bits + 1) * step), need)
            if chars:
                return rf"(?:{whole}|\A{re.escape(prefix[:-have])}[{chars[0]}-{chars[-1]}])"
    return whole


def has_suffix(suffix: str) -> str:
    r"""Return the Python expression for `strings.HasSuffix`; `suffix` may start inside a character.

    >>> ends = re.compile(has_suffix("\udca9"))
    >>> [bool(ends.search(path)) for path in ("é", "\udca9", "e")]
    [True, True, False]
    """
    tails, bits = [re.escape(suffix)], 0
    for count, char in enumerate(suffix[:3], 1):
        if not "\udc80" <= char <= "\udcbf":
            break
        bits = bits << 6 | ord(char) & 0x3F
        chars = "".join(_characters(range(bits, 0x110000, 64**count), count + 1))
        tails.append(f"[{chars}]{re.escape(suffix[count:])}")
    return rf"(?:{'|'.join(tails)})\Z"


_RAW = "".join(map(chr, range(0xDC80, 0xDD00)))
_SHORTEST = {2: 0x80, 3: 0x800, 4: 0x10000}


def _characters(codes: range, length: int) -> list[str]:
    """Return the characters among `codes` that take at least `length` bytes."""
    return [
        chr(code)
        for code in codes
        if _SHORTEST[length] <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    ]


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
        low, at = _glob_class_char(pattern, at)
        high = low
        if low and pattern[at : at + 1] == "-":
            high, at = _glob_class_char(pattern, at + 1)
        if not low or not high or at == len(pattern):
            return None, at
        ranges.append((low, high))
    return ranges, at + 1


def _glob_class_char(pattern: str, at: int) -> tuple[str, int]:
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
