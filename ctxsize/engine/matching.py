"""Which segments match a name."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TypeVar

from ctxsize.engine.segments import Segment

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
