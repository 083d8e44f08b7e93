"""Wildcards as `filepath.Match` reads them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ctxsize.go.strings import encoded

_WILDCARD = re.compile(r"(?s)(?:\\.|[^\\*?\[])*[*?\[]")


def has_wildcards(name: str) -> bool:
    """Return whether `name` contains an unescaped wildcard."""
    return _WILDCARD.match(name) is not None


def fixed_part(path: str) -> str:
    """Return the components of `path` before the first one with a wildcard."""
    fixed = []
    for part in path.split("/"):
        if has_wildcards(part):
            break
        fixed.append(part)
    return "/".join(fixed)


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


_CHUNK = rb"(?s)(\**)((?:[^*\[\\]|\\.|\\\Z|\[(?:[^]\\]|\\.)*\]?)*)"
"""Matches stars and the text up to the next star outside a class (`scanChunk`)."""


class _Chunk(NamedTuple):
    """A part of a pattern up to the next star outside a class."""

    starred: bool  # True if stars stand before it
    text: bytes


@lru_cache(maxsize=256)
def _chunks(pattern: str) -> tuple[_Chunk, ...]:
    """Return the chunks of a pattern, which many names are compared with."""
    chunks = []
    for match in re.finditer(_CHUNK, encoded(pattern)):
        stars, text = match.groups()
        if stars or text:
            chunks.append(_Chunk(bool(stars), text))
    return tuple(chunks)


def _match(pattern: str, name: bytes, *, whole: bool) -> bool:
    """Return whether a pattern matches; with `whole` each chunk is read to its end for errors."""
    chunks = _chunks(pattern)
    for number, chunk in enumerate(chunks, 1):
        if not chunk.text:
            return b"/" not in name
        is_last = number == len(chunks)
        most_skipped = 0
        if chunk.starred:
            most_skipped = len(name)
        for skip in range(most_skipped + 1):
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
    offset = 0
    while offset < len(pattern):
        if failed and not whole:
            return None
        failed |= not name
        char, width = _rune(name)
        if pattern[offset] == ord("["):
            offset, contains = _match_class(pattern, offset, char)
            failed |= not contains
        elif pattern[offset] == ord("?"):
            failed |= char == "/"
            offset += 1
        else:
            if pattern[offset] == ord("\\"):
                offset += 1
            if offset == len(pattern):
                raise _BadPatternError
            failed = failed or pattern[offset] != name[0]
            offset += 1
            width = 1
        name = name[width:]
    if failed:
        return None
    return name


def _match_class(pattern: bytes, offset: int, char: str) -> tuple[int, bool]:
    """Return the offset behind the class at an offset, and whether the class contains `char`."""
    offset += 1
    negated = pattern[offset : offset + 1] == b"^"
    if negated:
        offset += 1
    contains = False
    is_first = True
    while is_first or pattern[offset : offset + 1] != b"]":
        is_first = False
        low, offset = _class_char(pattern, offset)
        high = low
        if pattern[offset : offset + 1] == b"-":
            high, offset = _class_char(pattern, offset + 1)
        contains |= low <= char <= high
    return offset + 1, contains != negated


def _class_char(pattern: bytes, offset: int) -> tuple[str, int]:
    """Return a character of a class and the offset behind it (`getEsc`)."""
    first = pattern[offset : offset + 1]
    if first in (b"-", b"]"):
        raise _BadPatternError
    if first == b"\\":
        offset += 1
    char, width = _rune(pattern[offset : offset + 4])
    offset += width
    is_invalid = char == "\ufffd" and width == 1
    if is_invalid or offset >= len(pattern):
        raise _BadPatternError
    return char, offset


def _rune(text: bytes) -> tuple[str, int]:
    """Return the first character of `text` and its length; U+FFFD and 1 for an invalid one."""
    for width in range(1, 5):
        try:
            return text[:width].decode(), width
        except UnicodeDecodeError:
            continue
    return "\ufffd", 1
