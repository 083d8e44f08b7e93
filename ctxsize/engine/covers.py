"""Whether one pattern matches all that another one matches, whatever a tree holds.

Sound and not complete: None means that it is not known. Names of directories
that hold a line feed are left aside, as `**` does not always match one.
"""

from __future__ import annotations

import re
from enum import Enum

from ctxsize.engine.patterns import DockerIgnorePattern

_ODD = frozenset("|{}^[\\")
"""What takes a part of a pattern a meaning for the rest of it."""


class Cover(Enum):
    """Where the wider pattern matches."""

    ITSELF = "itself"
    """Every path that the narrower one matches."""
    ABOVE = "above"
    """That path, or a directory above it."""


def covers(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """How the text of `wide` covers that of `narrow`; whether they are exceptions is left aside.

    >>> make = DockerIgnorePattern
    >>> covers(make("**/*.pyc"), make("src/a.pyc"))
    <Cover.ITSELF: 'itself'>
    >>> covers(make("target"), make("target/*.o"))
    <Cover.ABOVE: 'above'>
    >>> covers(make("target"), make("**/target"))
    """
    if wide.fault is not None or narrow.fault is not None or not wide.text or not narrow.text:
        return None
    if wide.text in (narrow.text, "**"):
        return Cover.ITSELF
    if is_literal(narrow):
        return _covers_path(wide, wide.text, narrow.text)
    if _ODD & {*wide.text, *narrow.text}:
        return None
    return _covers_anywhere(wide, narrow) or _covers_below(wide.text, narrow.text)


def is_literal(pattern: DockerIgnorePattern) -> bool:
    """Whether the pattern matches one path alone, the one that it is."""
    return not set(pattern.wildcards) & set(pattern.text)


def _covers_path(pattern: DockerIgnorePattern, text: str, path: str) -> Cover | None:
    """How `text`, read as `pattern` reads its own, covers one path."""
    search = re.compile(pattern.expression(text)).search
    if search(path):
        return Cover.ITSELF
    slashes = (at for at, char in enumerate(path) if char == "/")
    return Cover.ABOVE if any(search(path[:at]) for at in slashes) else None


def _covers_anywhere(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """How a pattern for any depth covers another one."""
    inner = wide.text.removeprefix("**/")
    if inner in (wide.text, "") or "**" in inner:
        return None
    if narrow.text == inner or narrow.text.endswith(f"/{inner}"):
        return Cover.ITSELF
    rest = narrow.text.removeprefix("**/")
    if rest != narrow.text and not set(narrow.wildcards) & set(rest):
        return _covers_path(wide, inner, rest)
    return None


def _covers_below(wide: str, narrow: str) -> Cover | None:
    if wide in ("*", "**/*") or narrow.startswith(f"{wide}/"):
        return Cover.ABOVE
    directory = wide.removesuffix("/**")
    literal = directory != wide and "*" not in directory and "?" not in directory
    return Cover.ITSELF if literal and narrow.startswith(f"{directory}/") else None
