"""Wildcards as `filepath.Match` reads them."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from ctxsize.go.strings import encoded

_WILDCARD = re.compile(r"(?s)(?:\\.|[^\\*?\[])*[*?\[]")


def has_wildcards(name: str) -> bool:
    """Return whether `name` contains an unescaped wildcard."""
    return _WILDCARD.match(name) is not None


def fixed_part(path: str) -> str:
    """Return the components of `path` before the first one with a wildcard."""
    return "/".join(takewhile(lambda part: not has_wildcards(part), path.split("/")))


def match(pattern: str, name: str) -> bool:
    """Return whether `filepath.Match` matches; a pattern with an error matches nothing.

    This dialect differs from that of ignore files. After a star it compares bytes, so that
    `?` may match a part of a character.
    """
    try:
        return _match(pattern, encoded(name), whole=False)
    except _BadPatternError:
        return False


def is_malformed(pattern: str) -> bool:
    """Return whether `filepath.Match(pattern, ".")` reports an error.

    Builders validate each pattern with this call. It stops as soon as the name cannot match, so
    it reads little beyond the first star: `[` is an error and `a*[` is not.
    """
    if "[" not in pattern and "\\" not in pattern:
        return False
    try:
        _match(pattern, b".", whole=True)
    except _BadPatternError:
        return True
    return False


class _BadPatternError(Exception):
    """The pattern is malformed (`filepath.ErrBadPattern`)."""


_CHUNK = re.compile(rb"(?s)(\**)((?:[^*\[\\]|\\.|\\\Z|\[(?:[^]\\]|\\.)*\]?)*)")
"""Matches stars and the text up to the next star outside a class (`scanChunk`)."""


class _Chunk(NamedTuple):
    """A part of a pattern up to the next star outside a class."""

    starred: bool  # True if stars stand before it
    text: bytes


@lru_cache(maxsize=256)
def _chunks(pattern: str) -> tuple[_Chunk, ...]:
    """Return the chunks of a pattern, which many names are compared with."""
    found = _CHUNK.finditer(encoded(pattern))
    return tuple(_Chunk(bool(each[1]), each[2]) for each in found if each[0])


def _match(pattern: str, name: bytes, *, whole: bool) -> bool:
    """Return whether a pattern matches; with `whole` each chunk is read to its end for errors."""
    chunks = _chunks(pattern)
    for number, chunk in enumerate(chunks, 1):
        if not chunk.text:
            return b"/" not in name
        is_last = number == len(chunks)
        for skip in range(len(name) + 1 if chunk.starred else 1):
            if skip and name[skip - 1 : skip] == b"/":
                return False
            left = _match_chunk(chunk.text, name[skip:], whole=whole)
            if left is not None and (left == b"" or not is_last):
                name = left
                break
        else:
            return False
    return name == b""


def _match_chunk(pattern: bytes, name: bytes, *, whole: bool) -> bytes | None:
    """Return the rest of `name` after the match, or None (`matchChunk`).

    Go reads the whole chunk, which decides only whether the pattern is malformed.
    """
    failed = False
    at = 0
    while at < len(pattern):
        if failed and not whole:
            return None
        failed = failed or not name
        char, width = _rune(name)
        if pattern[at] == ord("["):
            at, holds = _match_class(pattern, at, char)
            failed = failed or not holds
        elif pattern[at] == ord("?"):
            failed = failed or char == "/"
            at += 1
        else:
            at += pattern[at] == ord("\\")
            if at == len(pattern):
                raise _BadPatternError
            failed = failed or pattern[at] != name[0]
            at = at + 1
            width = 1
        name = name[width:]
    return None if failed else name


def _match_class(pattern: bytes, at: int, char: str) -> tuple[int, bool]:
    """Return the offset behind the class at `at`, and whether the class contains `char`."""
    negated = pattern[at + 1 : at + 2] == b"^"
    at += 1 + negated
    holds = False
    ranges = 0
    while not (ranges and pattern[at : at + 1] == b"]"):
        low, at = _class_char(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-":
            high, at = _class_char(pattern, at + 1)
        holds = holds or low <= char <= high
        ranges += 1
    return at + 1, holds != negated


def _class_char(pattern: bytes, at: int) -> tuple[str, int]:
    """Return a character of a class and the offset behind it (`getEsc`)."""
    if pattern[at : at + 1] in (b"-", b"]"):
        raise _BadPatternError
    at += pattern[at : at + 1] == b"\\"
    char, width = _rune(pattern[at : at + 4])
    if at + width >= len(pattern) or (char, width) == ("\ufffd", 1):
        raise _BadPatternError
    return char, at + width


def _rune(data: bytes) -> tuple[str, int]:
    """Return the first character of `data` and its length; U+FFFD and 1 for an invalid one."""
    for width in range(1, 5):
        try:
            return data[:width].decode(), width
        except UnicodeDecodeError:
            continue
    return "\ufffd", 1
