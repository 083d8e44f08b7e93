"""The structure of patterns: their segments, and whether one covers another, by their text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.globs import translate
from ctxsize.go.strings import is_utf8
from ctxsize.values import Mutable

_SPECIAL = frozenset("\\|{}^\ufffd\ufeff\n")  # may change the meaning of a wildcard pattern
CLASS = r"\[[A-Za-z0-9_.-]+\]"  # a class of a glob, as in `Segment.text`
_PLAIN_CLASS = r"\[(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?|[.])+\]"
_WILDCARDS = frozenset("*?[")


def split_classes(text: str) -> list[str]:
    """Split a text at its classes `[…]`, which are at odd places; `[` without `]` is text.

    >>> split_classes("a[bc]?[d")
    ['a', '[bc]', '?[d']
    """
    end = text.rfind("]") + 1  # no class ends behind it, so no search goes on to the end
    *parts, last = re.split(r"(\[[^]]*\]?)", text[:end])
    return [*parts, last + text[end:]]


class Segment(NamedTuple):
    """One segment of a pattern: the names it matches, and the segments allowed before it."""

    kind: str
    """`literal`, `prefix` and `suffix`: names that are, begin or end with `text`. `glob`: names
    that match `text` with `*`, `?` and classes of ASCII characters. `any`: every name.
    `opening`: names that begin with `text`, followed by `**`. `below`: that `**` itself. `path`:
    the pattern's whole expression, for this segment and all below; every match contains `text`."""
    text: str = ""
    loop: bool = False  # True if any number of other segments may precede it
    final: bool = False  # True if the pattern matches a path that ends here


_BELOW = Segment("below", loop=True, final=True)  # a `**` at the end of a pattern
_WHOLE = Segment("path", loop=True, final=True)


def segments(pattern: DockerIgnorePattern) -> list[Segment]:
    """Return the segments of `pattern`; one for the whole path if it does not split at slashes."""
    return _segments(pattern.text, pattern.kind, is_faulty=bool(pattern.fault))


@lru_cache(maxsize=10_000)  # the trials of a file differ in few lines
def _segments(text: str, kind: str, *, is_faulty: bool) -> list[Segment]:
    # `Pattern.match` cuts such a text between bytes, not between characters.
    special = not is_utf8(text) or text.startswith("\ufeff")
    if special and kind != "exact":
        return [_WHOLE]
    if kind == "tree" or is_faulty:
        return [_WHOLE]
    has_odd_class = not {*"[]"}.isdisjoint(re.sub(_PLAIN_CLASS, "", text))
    if kind == "regexp" and (has_odd_class or _SPECIAL & {*text}):
        # A wildcard other than `**` may match a slash.
        return [_WHOLE._replace(text=_required_text(text))]
    if kind == "suffix" and text != "**" and not text.startswith("**/"):
        first, *others = _globs(text)
        return [first._replace(kind="suffix"), *others]
    return _globs(text)


def _required_text(text: str) -> str:
    """Return a text that each match of an unusual expression contains."""
    # `|` separates the text before it from the anchor, and `{}` may repeat a character.
    if {*"|{}"} & {*text}:
        return ""
    plain = re.split(r"[][\\^\ufeff\ufffd\n]", text)[0]
    return max(re.split(r"[*?/]+", plain), key=len)


def _globs(text: str) -> list[Segment]:
    """Return the segments of a text; one for all if a wildcard could match a slash."""
    parts = text.split("/")
    if not parts[0]:  # a blank was there, which Docker trims late: the pattern matches nothing
        return [_WHOLE]
    globs: list[Segment] = []
    loop = False
    for number, part in enumerate(parts, 1):
        name = part.removeprefix("**")
        loop = loop or name != part
        if "**" in name:
            start = name.removesuffix("**")
            if number < len(parts) or not _WILDCARDS.isdisjoint(start):
                return [_WHOLE]
            return [*globs, Segment("opening", start, loop, final=True), _BELOW]
        if name:
            globs.append(_glob(name)._replace(loop=loop))
            loop = False
        elif number == len(parts):
            return [*globs, _BELOW]
    globs[-1] = globs[-1]._replace(final=True)
    return globs


def _glob(name: str) -> Segment:
    head, star, tail = name.partition("*")
    if head and tail:
        return Segment("glob", name)
    if not _WILDCARDS.isdisjoint(head + tail):
        return Segment("glob", name)
    if not star:
        return Segment("literal", name)
    if tail:
        return Segment("suffix", tail)
    if head:
        return Segment("prefix", head)
    return Segment("any")


_Bounds = tuple[int | None, int | None]  # of the part of a name that a text is compared with
_WHOLE_NAME: _Bounds = (None, None)


class _GlobBits(Mutable):
    """A glob and the bits of its segments."""

    inner: str  # a text that each match contains
    regex: re.Pattern[str]
    bits: int = 0


class Index:
    """Segments by the text with which a name must begin or end, so that few are tried."""

    def __init__(self) -> None:
        self._texts: dict[_Bounds, defaultdict[str, int]] = {}
        """Texts and their bits."""
        self._globs: dict[str, _GlobBits] = {}

    def add(self, bit: int, part: Segment) -> None:
        """Add a segment under its bit; one without a text matches every name."""
        text = part.text
        if part.kind == "glob":
            if text not in self._globs:
                inner = max(re.split(rf"[*?]|{CLASS}", text), key=len)
                self._globs[text] = _GlobBits(inner, re.compile(translate(text)))
            self._globs[text].bits |= bit
            return
        bounds: _Bounds = (None, len(text))
        if part.kind == "literal":
            bounds = _WHOLE_NAME
        elif part.kind == "suffix":
            bounds = (-len(text), None)
        self._texts.setdefault(bounds, defaultdict(int))[text] |= bit

    def known_among(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names that a segment may match, in order."""
        if self._globs or self._texts.keys() - {_WHOLE_NAME}:
            return names
        literals: Mapping[str, int] = self._texts.get(_WHOLE_NAME, {})
        return [name for name in names if name in literals]

    def matching(self, name: str) -> int:
        """Return the bits of the segments that match `name`."""
        matching = 0
        for (start, end), texts in self._texts.items():
            matching |= texts.get(name[start:end], 0)
        for glob in self._globs.values():
            if glob.inner in name and glob.regex.match(name) is not None:
                matching |= glob.bits
        return matching


_ANY = "\ue000"  # in no name; in place of what `*` matches
_ONE = "\ue001"  # the same for `?`

Cover = Literal["itself", "above"]
"""The wider pattern matches each path of the narrower one, or a directory above it."""


def covers(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how the text of `wide` covers that of `narrow`, whether exceptions or not."""
    if wide.fault or narrow.fault:
        return None
    text = wide.text
    narrow_text = narrow.text
    if not text or not narrow_text:
        return None
    if text in (narrow_text, "**"):
        return "itself"
    if is_literal(narrow):
        return _covers_path(wide, narrow_text)
    if _SPECIAL & {*text, *narrow_text}:
        return None
    cover = _covers_all(wide, narrow)
    if cover is None and text in ("*", "**/*"):
        return "above"
    return cover


def is_literal(pattern: DockerIgnorePattern) -> bool:
    """Return whether the pattern matches exactly one path: its text."""
    return not set(pattern.wildcards) & set(pattern.text)


def _covers_path(wide: DockerIgnorePattern, path: str) -> Cover | None:
    if wide.kind == "exact":
        if path == wide.text:
            return "itself"
        if path.startswith(f"{wide.text}/"):
            return "above"
        return None
    if wide.matches(path):
        return "itself"
    directories = up_to(path)[:-1]
    if any(map(wide.matches, directories)):
        return "above"
    return None


def _covers_all(wide: DockerIgnorePattern, narrow: DockerIgnorePattern) -> Cover | None:
    """Return how `wide` covers a path that represents all paths of `narrow`.

    No path represents a `**` in the middle; there it is a path for an entry at or above each.
    """
    start = ""
    if narrow.text.startswith("**/"):
        start = "**/"
    rest, stars, _ = narrow.text.removeprefix(start).partition("**")
    if stars:
        rest += "*"
    other_wildcards = set(wide.wildcards) - {"*"}
    if other_wildcards & set(wide.text) or not rest:
        return None
    path = re.sub(_PLAIN_CLASS, _ONE, rest).replace("*", _ANY).replace("?", _ONE)
    # A leading `**/` is left out if the wider pattern has one too.
    if not wide.text.startswith(start):
        return None
    if set(narrow.wildcards) & set(path):
        return None
    cover = _covers_path(wide, path)
    if cover and stars:
        return "above"
    return cover
