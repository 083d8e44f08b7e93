"""Decide whether a source names a file so that a build may read it.

Comments, addresses on the web and the settings of checkers that no RUN runs name many files that no
build reads.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from posixpath import basename

from ctxsize.globs import is_glob
from ctxsize.knowledge.rules import expression, listed, listed_names

WORDS = re.compile(r"[\w.-]+")
_BETWEEN_WORDS = r"[\s\"'`,;()\[\]{}<>|=]+"
_SLASH = r"[/\\]"
_WITH_SECTIONS = (".toml", ".cfg", ".ini")


def mentions(name: str, text: str, *, in_code: bool = False) -> bool:
    """Return True if a text names a file: in a path, in quotes or tags, or as an item of a list.

    In the code of a program only a path or a text in quotes does: all else is an identifier.
    """
    if name not in text:
        return False
    return any(mention.search(text) for mention in _mentions(name, in_code=in_code))


@cache
def _mentions(name: str, *, in_code: bool) -> tuple[re.Pattern[str], ...]:
    if in_code:
        return (re.compile(_in_code(name)),)
    return re.compile(_in_text(name)), re.compile(_as_item(name))


def _in_code(name: str) -> str:
    quoted = re.escape(name)
    return rf"{quoted}(?:(?<![\w.-]{quoted})(?=[/\\])|(?<=[\"'`/]{quoted})(?=[\"'`\s]|\Z))"


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


@lru_cache(maxsize=64)  # as many as texts are kept: each name asks about the same sources
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
    in_code = path.endswith(listed("quoting"))
    # Most sources mention a name nowhere, which is quicker to see than comments are to find.
    if not mentions(name, text, in_code=in_code):
        return False
    return mentions(name, without_remarks(basename(path), text), in_code=in_code)


def is_for_checkers(path: str, text: str, name: str) -> bool:
    """Return True if a source names `name` to linters, formatters and spell-checkers alone.

    Bundlers run some linters by themselves, which load what their settings name by a path.
    """
    own_name = basename(path)
    if listed_names("checkers")(own_name):
        return True
    if listed_names("checkers_in_bundlers")(own_name):
        return not _loads(without_remarks(own_name, text), name)
    if own_name.endswith(_WITH_SECTIONS):
        return not may_read(path, _without_checkers(text), name)
    return False


def _loads(text: str, name: str) -> bool:
    """Return True if settings name a file in `name`, or `./name`, and not only by a pattern."""
    for word in re.split(_BETWEEN_WORDS, text):
        parts = re.split(_SLASH, word)
        if name not in parts or is_glob(word):
            continue
        if parts[0] in (".", "..") or (parts[-1] and name in parts[:-1]):
            return True
    return False


def _without_checkers(text: str) -> str:
    """Return the text of a manifest without the sections of checkers: `[tool.ruff]`."""
    kept = []
    is_of_checker = False
    for line in text.splitlines():
        if line.startswith("["):
            is_of_checker = expression("section_of_checker").match(line) is not None
        if not is_of_checker:
            kept.append(line)
    return "\n".join(kept)
