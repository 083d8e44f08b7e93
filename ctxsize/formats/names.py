"""Print names safely: without control characters, and within a width."""

from __future__ import annotations

import os
import re
import unicodedata

_LETTERS = dict(zip("\a\b\t\n\v\f\r", "abtnvfr", strict=True))
_ESCAPE = re.compile(rb"""\\([0-7]{3}|[abtnvfr"\\])""")
_ESCAPED = {letter.encode(): char.encode() for char, letter in _LETTERS.items()}


def visible(text: str) -> str:
    r"""Return `text` with all non-printable characters escaped.

    >>> visible("a\x1b[31m\n")
    'a\\033[31m\\n'
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def quoted(name: str) -> str:
    r"""Return `name`, in double quotes as `git` writes it if `unquoted` needs them.

    >>> quoted("a b.txt"), quoted("a\n"), quoted(os.fsdecode(b"\xff"))
    ('a b.txt', '"a\\n"', '"\\377"')
    """
    plain = name.isprintable() and '"' not in name and "\\" not in name
    if plain and name == name.strip():
        return name
    return '"' + visible(name.replace("\\", r"\\").replace('"', r"\"")) + '"'


def unquoted(text: str) -> str:
    r"""Return the name that `quoted` wrote as `text`.

    >>> unquoted('"a\\n"'), unquoted("a b.txt")
    ('a\n', 'a b.txt')
    """
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return text
    return os.fsdecode(_ESCAPE.sub(_unescaped, os.fsencode(text[1:-1])))


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else _ESCAPED.get(code, code)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    if char in _LETTERS:
        return f"\\{_LETTERS[char]}"
    errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", errors))


def columns(text: str) -> int:
    """Return the width of `text` on a terminal.

    >>> columns("abc"), columns("日本")
    (3, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int, *, front: bool = False) -> str:
    """Return `text`, without its middle or `front` if it is wider than `width` columns.

    >>> fit("src/components/Button.tsx", 15), fit("components", 5, front=True)
    ('src/c…utton.tsx', '…ents')
    """
    if columns(text) <= width:
        return text
    width = max(width, 2)
    head = 0 if front else (width - 1) // 3 + 1
    tail = width - 1 - head
    return _prefix(text, head) + "…" + _prefix(text[::-1], tail)[::-1]


def _prefix(text: str, width: int) -> str:
    for at, char in enumerate(text):
        width -= _columns(char)
        if width < 0:
            return text[:at]
    return text


def pad(text: str, width: int) -> str:
    """Return `text` with blanks up to `width` columns."""
    return text + " " * (width - columns(text))
