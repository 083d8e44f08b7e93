"""Decides if one pattern matches every path that another pattern matches.

The answer is sound but not complete: None means "not known". Directories with a
line feed in their name are disregarded, as `**` does not always match one.
"""

from __future__ import annotations

import re
from enum import Enum

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.patterns import DockerIgnorePattern

_SPECIAL = frozenset("|{}^")
"""Characters that change the meaning of the rest of a pattern with a wildcard."""
_ANY, _ONE = "\ue000", "\ue001"
"""Characters that no name contains, in place of the text that `*` and `?` match."""
_CLASS = re.compile(r"\[(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_.])+\]")
"""Matches a class of plain characters without a slash."""


class Cover(Enum):
    """The paths that the wider pattern matches, for each path of the narrower one."""

    ITSELF = "itself"
    """The path itself."""
    ABOVE = "above"
    """The path itself, or a directory above it."""


def covers(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how the text of `wide` covers that of `narrow`, whether exceptions or not.

    >>> make = DockerIgnorePattern
    >>> covers(make("**/*.pyc"), make("src/[a-f]*.pyc"))
    <Cover.ITSELF: 'itself'>
    >>> covers(make("target"), make("target/**/*.o"))
    <Cover.ABOVE: 'above'>
    >>> covers(make("target"), make("**/target"))
    """
    if wide.fault is not None or narrow.fault is not None or not wide.text or not narrow.text:
        return None
    if wide.text in (narrow.text, "**"):
        return Cover.ITSELF
    if is_literal(narrow):
        return _covers_path(wide, narrow.text)
    if (_SPECIAL | {"\\"}) & {*wide.text, *narrow.text}:
        return None
    found = _covers_all(wide, narrow)
    return found if found is Cover.ITSELF else _covers_below(wide.text, narrow.text) or found


def is_literal(pattern: DockerIgnorePattern) -> bool:
    """Return whether the pattern matches exactly one path: its text."""
    return not set(pattern.wildcards) & set(pattern.text)


def _covers_path(wide: DockerIgnorePattern, path: str) -> Cover | None:
    if wide.match_file(path) is not None:
        return Cover.ITSELF
    above = any(wide.match_file(each) is not None for each in up_to(path)[:-1])
    return Cover.ABOVE if above else None


def _covers_all(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how `wide` covers a path that represents all paths of `narrow`.

    No path represents a `**` in the middle; there it is a path for an entry at or above each.
    """
    start = "**/" if narrow.text.startswith("**/") else ""
    before, stars, _ = narrow.text.removeprefix(start).partition("**")
    rest = f"{before}*" if stars else before
    if (set(wide.wildcards) - {"*"}) & set(wide.text) or not rest:
        return None
    path = _CLASS.sub(_ONE, rest).replace("*", _ANY).replace("?", _ONE)
    # A leading `**/` is left out if the wider pattern has one too.
    if not wide.text.startswith(start) or set(narrow.wildcards) & set(path):
        return None
    found = _covers_path(wide, path)
    return Cover.ABOVE if found and stars else found


def _covers_below(wide: str, narrow: str) -> Cover | None:
    """Return how `wide` covers a pattern that begins with the same text."""
    if "[" in wide or "[" in narrow:
        return None
    directory = wide.removesuffix("/**")
    literal = directory != wide and "*" not in directory and "?" not in directory
    if literal and narrow.startswith(f"{directory}/"):
        return Cover.ITSELF
    if wide in ("*", "**/*") or narrow.startswith(f"{wide}/"):
        return Cover.ABOVE
    return None
