"""Decide whether a source names a file so that a build may read it.

Comments and addresses on the web name many files that no build reads.
"""

from __future__ import annotations

import re
from functools import cache
from posixpath import basename

from ctxsize.knowledge.rules import expression, listed

WORDS = re.compile(r"[\w.-]+")


def mentions(name: str, text: str) -> bool:
    """Return True if a text names a file: in a path, in quotes or tags, or as an item of a list."""
    if name not in text:
        return False
    return any(mention.search(text) for mention in _mentions(name))


@cache
def _mentions(name: str) -> tuple[re.Pattern[str], ...]:
    return re.compile(_in_text(name)), re.compile(_as_item(name))


def _in_text(name: str) -> str:
    """Return an expression for a name in a path, in quotes or in tags.

    Look-behinds after the name test what is in front of it: so `re` skips to the next name.
    """
    quoted = re.escape(name)
    in_path = rf"(?<![\w.-]{quoted})(?=[/\\])"
    in_quotes = rf"(?<=[\"'`/=(:>]{quoted})(?=[\"'`),<\s]|\Z)"
    in_tags = rf"(?<=>\s{quoted})(?=\s<)"
    return f"{quoted}(?:{in_path}|{in_quotes}|{in_tags})"


def _as_item(name: str) -> str:
    return rf"(?m)^[ \t]*-[ \t]+{re.escape(name)}(?![\w.-])"


def without_addresses(text: str) -> str:
    """Return a text without addresses on the web, which name no file of a context."""
    if "://" not in text:
        return text
    return expression("address").sub("", text)


def without_remarks(name: str, text: str) -> str:
    """Return the text of a source of this name without addresses and lines of comments."""
    if not expression("speaks_in_comments").search(text):
        if name.endswith(listed("hash_comments")):
            text = expression("hash_comment").sub("", text)
        elif name.endswith(listed("slash_comments")):
            text = expression("slash_comment").sub("", text)
    return without_addresses(text)


def may_read(path: str, text: str, name: str) -> bool:
    """Return True if a build may read, by the source at `path`, a file or directory `name`."""
    return mentions(name, without_remarks(basename(path), text))
