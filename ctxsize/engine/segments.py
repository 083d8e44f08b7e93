"""Patterns of an ignore file as segments: what each matches of one name of a path, and which do.

The meaning of patterns is written in `ctxsize.engine.patterns` alone; this
module takes it apart.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import NamedTuple, TypeVar

from ctxsize.engine import goregexp
from ctxsize.engine.patterns import DockerIgnorePattern

_REGEXP_CHARACTERS = frozenset("\\|{}^\ufffd\ufeff\n")
_PLAIN_CLASS = re.compile(r"\[(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?|[.])+\]")


class Segment(NamedTuple):
    """One segment of a pattern: which names it matches, and what may stand before it."""

    kind: str
    """`literal`, `prefix`, `suffix` or `regexp`, of its `text`; `any` name; `opening` for the
    names that start with `text` where `**` follows it; `below` for that `**` itself; `path` for
    what keeps the pattern's expression, for this segment and all below it."""
    text: str = ""
    loop: bool = False
    """Whether any number of other segments may precede it."""
    final: bool = False
    """Whether the pattern matches a path that ends here."""
    needles: tuple[str, ...] = ()
    """Texts that are each in every name that a `regexp` matches, a newline marking either end;
    of a `path`, in every path, and without a slash."""
    glob: str = ""
    """What a `regexp` was made of: names with `*`, `?` and classes of ASCII characters."""


def segments(pattern: DockerIgnorePattern) -> list[Segment] | None:
    """Return the segments of `pattern`, or None if it does not split at its slashes."""
    text = pattern.text
    kind = pattern.kind
    if kind == "exact":
        return _final([Segment("literal", part) for part in text.split("/")])
    if not _utf8(text) or text.startswith("\ufeff"):
        return None  # Docker cuts such a text between bytes, not between characters
    if kind == "prefix":
        return _open_ended(text[:-2].split("/"))
    if kind == "suffix":
        return _anywhere(text[2:])
    return _globs(text)


def _final(parts: list[Segment]) -> list[Segment]:
    return [*parts[:-1], parts[-1]._replace(final=True)]


_BELOW = Segment("below", loop=True, final=True)
"""The `**` at the end of a pattern."""


def _open_ended(parts: list[str]) -> list[Segment]:
    """Return `dir/**`, which is all below, or `dir/a**`: names that start so, and all below."""
    before = [Segment("literal", part) for part in parts[:-1]]
    if not parts[-1]:
        return [*before, _BELOW]
    return [*before, Segment("opening", parts[-1], final=True), _BELOW]


def _anywhere(text: str) -> list[Segment]:
    """Return the segments of `**/x`, at any depth, or of `**x`: each path that ends so."""
    if not text:
        return [_BELOW]
    first, *rest = text.removeprefix("/").split("/")
    start = Segment("literal" if text.startswith("/") else "suffix", first, loop=True)
    return _final([start, *(Segment("literal", part) for part in rest)])


def _globs(text: str) -> list[Segment] | None:
    """Return the segments of a wildcard pattern; None if a wildcard could match across a slash."""
    if not _is_plain(text):
        return _plain_beginning(text)
    parts = text.split("/")
    if not parts[0]:  # what stood there was a blank that Docker trims late: nothing matches
        return None
    found: list[Segment] = []
    loop = False
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        name = part.removeprefix("**")
        loop = loop or name != part
        if "**" in name:
            return _glob_to_the_end(found, name, loop=loop) if last else None
        if name:
            found.append(_glob(name)._replace(loop=loop))
            loop = False
        elif last:
            return [*found, _BELOW]
    return _final(found)


def _is_plain(text: str) -> bool:
    """Return whether no wildcard of `text` but `**` could match a slash, and none is an odd one."""
    if _REGEXP_CHARACTERS.intersection(text):
        return False
    without_classes = _PLAIN_CLASS.sub("_", text)
    return "[" not in without_classes and "]" not in without_classes


def _plain_beginning(text: str) -> list[Segment] | None:
    """Return the segments before the first odd one, and the expression for the rest.

    None if there is no such beginning: `|` would tear it from its anchor, `{}`
    may repeat a slash.
    """
    found: list[Segment] = []
    parts = text.split("/")
    if not any(char in text for char in "|{}"):
        for part in parts[:-1]:
            if not part or "**" in part or not _is_plain(part):
                break
            found.append(_glob(part))
    rest = "/".join(parts[len(found) :])
    return [*found, REST._replace(needles=_plain_texts(rest))] if found else None


def _plain_texts(rest: str) -> tuple[str, ...]:
    r"""Return the texts in `rest` of which no odd part can make anything else.

    >>> _plain_texts("*/main*[^0-9]*.c")
    ('main',)
    """
    plain = re.split(r"[][\\^\ufeff\ufffd\n]", rest)[0]
    return tuple(text for text in re.split(r"[*?/]+", plain) if text)


REST = Segment("path", loop=True, final=True)


def _glob_to_the_end(found: list[Segment], name: str, *, loop: bool) -> list[Segment] | None:
    """Return the segments of a pattern `text**`; None if wildcards precede the stars."""
    start = name.removesuffix("**")
    if any(char in start for char in "*?["):
        return None
    return [*found, Segment("opening", start, loop=loop, final=True), _BELOW]


def _glob(name: str) -> Segment:
    if not any(char in name for char in "*?["):
        return Segment("literal", name)
    if name == "*":
        return Segment("any")
    if name.startswith("*") and not any(char in name[1:] for char in "*?["):
        return Segment("suffix", name[1:])
    if name.endswith("*") and not any(char in name[:-1] for char in "*?["):
        return Segment("prefix", name[:-1])
    _, expression = DockerIgnorePattern.meaning(name)
    return Segment("regexp", goregexp.translate(expression), needles=_needles(name), glob=name)


def _needles(glob: str) -> tuple[str, ...]:
    r"""Return the texts between the wildcards of `glob`, with a newline at its beginning and end.

    >>> _needles("lib*_[0-9].so")
    ('\nlib', '_', '.so\n')
    """
    texts = re.split(r"[*?]+", _PLAIN_CLASS.sub("*", f"\n{glob}\n"))
    return tuple(text for text in texts if text.strip("\n"))


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_Key = TypeVar("_Key", bound=Hashable)


class Index:
    """Segments by the text that a name must begin or end with, so that few are tried on it."""

    def __init__(self) -> None:
        self._literals: dict[str, int] = {}
        self._starts = _Texts()
        self._ends = _Texts()
        self._starts_of_searches = _Texts()
        self._searches: dict[str, dict[str, tuple[str, re.Pattern[str], int]]] = {}
        """By what a name starts with and by expression: a text to look for first, and the bits."""

    def add(self, bit: int, part: Segment) -> None:
        """Add a segment under its bit."""
        if part.kind == "literal":
            _add(self._literals, part.text, bit)
        elif part.kind == "suffix":
            self._ends.add(part.text, bit, outermost=part.text[-1:])
        elif part.kind != "regexp":
            self._starts.add(part.text, bit, outermost=part.text[:1])
        else:
            self._add_search(bit, part)

    def _add_search(self, bit: int, part: Segment) -> None:
        first = part.needles[0] if part.needles else ""
        start = first.strip("\n") if first.startswith("\n") else ""
        self._starts_of_searches.add(start, bit, outermost=start[:1])
        searches = self._searches.setdefault(start, {})
        others = (each.strip("\n") for each in part.needles[bool(start) :])
        inner = max(others, key=len, default="")
        inner, regex, bits = searches.get(part.text, (inner, re.compile(part.text), 0))
        searches[part.text] = inner, regex, bits | bit

    def matching(self, name: str) -> int:
        """Return the bits of the segments that match `name`."""
        found = self._literals.get(name, 0)
        first = name[0]
        for length in self._starts.lengths(first):
            found |= self._starts.bits.get(name[:length], 0)
        for length in self._ends.lengths(name[-1]):
            found |= self._ends.bits.get(name[-length:] if length else "", 0)
        for length in self._starts_of_searches.lengths(first):
            for inner, regex, bits in self._searches.get(name[:length], _NONE).values():
                if inner in name and regex.search(name) is not None:
                    found |= bits
        return found


class _Texts:
    """Texts that names begin with, or end with, and their bits."""

    def __init__(self) -> None:
        self.bits: dict[str, int] = {}
        self._lengths: dict[str, set[int]] = {}

    def add(self, text: str, bit: int, *, outermost: str) -> None:
        """Add `text`, whose outermost character is `outermost`; the empty text is in every name."""
        _add(self.bits, text, bit)
        self._lengths.setdefault(outermost, set()).add(len(text))

    def lengths(self, outermost: str) -> list[int]:
        """Return the lengths of texts that a name with the character `outermost` may hold."""
        return [*self._lengths.get(outermost, ()), *self._lengths.get("", ())]


_NONE: dict[str, tuple[str, re.Pattern[str], int]] = {}


def _add(bits: dict[_Key, int], key: _Key, more: int) -> None:
    bits[key] = bits.get(key, 0) | more
