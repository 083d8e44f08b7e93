"""Whether one pattern matches all that another one matches, whatever a tree holds.

Sound and not complete: None means that it is not known. Names of directories
that hold a line feed are left aside, as `**` does not always match one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.patterns import DockerIgnorePattern

_ODD = frozenset("|{}^")
"""What takes a part of a pattern a meaning for the rest of it, where there is a wildcard."""
_ANY, _ONE = "\ue000", "\ue001"
"""Characters that no name holds: they stand for what `*` and `?` of the narrower pattern match."""
_CLASS = re.compile(r"\[(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_.])+\]")
"""A class of plain characters, none of them a slash."""


class Cover(Enum):
    """Where the wider pattern matches."""

    ITSELF = "itself"
    """Every path that the narrower one matches."""
    ABOVE = "above"
    """That path, or a directory above it."""


def covers(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how the text of `wide` covers that of `narrow`; exceptions or not is left aside.

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
    if (_ODD | {"\\"}) & {*wide.text, *narrow.text}:
        return None
    found = _covers_all(wide, narrow)
    return found if found is Cover.ITSELF else _covers_below(wide.text, narrow.text) or found


def is_literal(pattern: DockerIgnorePattern) -> bool:
    """Return whether the pattern matches one path alone, the one that it is."""
    return not set(pattern.wildcards) & set(pattern.text)


def _covers_path(wide: DockerIgnorePattern, path: str) -> Cover | None:
    """Return how `wide` covers one path."""
    if wide.match_file(path) is not None:
        return Cover.ITSELF
    above = any(wide.match_file(each) is not None for each in up_to(path)[:-1])
    return Cover.ABOVE if above else None


def _covers_all(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how `wide` covers a path that stands for all that `narrow` matches.

    Where none does for `**` within it, one for a directory above may.
    """
    if (set(wide.wildcards) - {"*"}) & set(wide.text):
        return None
    for text in _above(narrow.text):
        path = _standing_for(wide, narrow, text)
        found = None if path is None else _covers_path(wide, path)
        if found is not None:
            return found if text == narrow.text else Cover.ABOVE
    return None


def _above(text: str) -> Iterator[str]:
    """Yield `text`, and patterns for a directory above each path that it matches, or that path."""
    yield text
    while "**" in text.removeprefix("**/"):
        head, _, last = text.rpartition("/")
        if last == "**" and head:
            yield f"{head}/*"
        # What is below `**/x` is not below `**`, but below something that `**/x` matches.
        text = "" if head == "**" else head
        yield text


def _standing_for(wide: DockerIgnorePattern, narrow: DockerIgnorePattern, text: str) -> str | None:
    """Return a path that stands for all that `text` matches, None where there is no such path.

    At any depth, if the wider pattern holds at any depth too.
    """
    rest = text.removeprefix("**/")
    if not rest or "**" in rest or (rest != text and not wide.text.startswith("**/")):
        return None
    rest = _CLASS.sub(_ONE, rest).replace("*", _ANY).replace("?", _ONE)
    return None if set(narrow.wildcards) & set(rest) else rest


def _covers_below(wide: str, narrow: str) -> Cover | None:
    """Return how a pattern covers another one that begins with its own text."""
    if "[" in wide or "[" in narrow:
        return None
    directory = wide.removesuffix("/**")
    literal = directory != wide and "*" not in directory and "?" not in directory
    if literal and narrow.startswith(f"{directory}/"):
        return Cover.ITSELF
    if wide in ("*", "**/*") or narrow.startswith(f"{wide}/"):
        return Cover.ABOVE
    return None
