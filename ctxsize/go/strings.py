"""White space and bytes of texts, as Go's package `strings` and its decoder see them."""

from __future__ import annotations

import re

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Characters that `strings.TrimSpace` trims. `str.strip()` would also trim U+001C to U+001F."""


def encoded(text: str) -> bytes:
    """Return the bytes of `text`, which Go compares and sorts."""
    return text.encode("utf-8", "surrogateescape")


def is_utf8(*texts: str) -> bool:
    """Return whether all `texts` are UTF-8."""
    text = "".join(texts)
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def as_go_sees(text: str) -> str:
    """Return `text` with U+FFFD in place of each undecodable byte."""
    if text.isascii():
        return text
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
