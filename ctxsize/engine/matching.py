"""Which segments match a name: for one name, and for all names of a directory at once."""

from __future__ import annotations

import re
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import TypeVar

from ctxsize.engine.segments import Segment

_FEW, _FEW_ENDS = 64, 12
_SAMPLED, _LEARNED = 8, 8
"""One in so many names of a large directory says whether they are new, and one in so many new
ones of these is looked up by itself, to be known."""
_RARE = 8
"""A few extensions that fewer than one in so many names have are sooner looked for in all at once
than looked up for each."""

_Key = TypeVar("_Key", bound=Hashable)
Search = Callable[[str], object]
Finder = Callable[[Sequence[str]], tuple[Iterable[str], Iterable[int]]]
"""Finds the names of a directory that segments match, with the bits of these; of those that it
leaves out none is matched."""


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


def finder(known: Mapping[str, int], parts: Sequence[tuple[int, Segment]]) -> Finder:
    """Return what finds the names that `parts` match, each given with its bit.

    `parts` are given with the numbers of their bits. It may find others too, and tell more bits
    than were asked for: those that are `known` of a name, which is asked there.
    """
    if not all(part.kind == "literal" or _texts(part) for _, part in parts):
        return lambda names: (names, map(known.__getitem__, names))
    if not all(part.kind == "literal" or _is_extension(part) for _, part in parts):
        return _Search(known, parts)
    pick = _picker(parts)
    return lambda names: (found := pick(names), map(known.__getitem__, found))


def _picker(parts: Sequence[tuple[int, Segment]]) -> Callable[[Sequence[str]], Collection[str]]:
    """Return a filter for names that are among the literals or have one of the extensions."""
    literals = frozenset(part.text for _, part in parts if part.kind == "literal")
    ends = frozenset(part.text for _, part in parts if part.kind != "literal")
    if not ends:
        return literals.intersection
    if len(ends) < _FEW_ENDS:
        few = tuple(ends)
        return lambda names: [name for name in names if name in literals or name.endswith(few)]
    return lambda names: [
        name for name in names if name in literals or name[name.rfind(".") :] in ends
    ]


def _is_extension(part: Segment) -> bool:
    """Return whether names end so just when this is what follows their last dot, dot included."""
    return part.kind == "suffix" and part.text.startswith(".") and part.text.count(".") == 1


def _texts(part: Segment) -> tuple[str, ...]:
    """Texts that are each in every name that `part` matches, a newline marking either end."""
    if part.kind == "suffix":
        return (f"{part.text}\n",)
    if part.kind in ("prefix", "opening") and part.text:
        return (f"\n{part.text}",)
    return part.needles


class _Search:
    """Finds names by the texts that are looked for in all names of a directory at once.

    Few names are each looked up, and so are those that are known already. Of each
    segment's texts one is looked for: that which was the rarest in the names at hand
    when it was chosen. It is chosen again once it turns out to be frequent. Extensions
    that are many or frequent are looked up for each name instead.
    """

    def __init__(self, known: Mapping[str, int], parts: Sequence[tuple[int, Segment]]) -> None:
        self._known = known
        self._literals: dict[str, int] = {}
        self._extensions: dict[str, int] = {}
        self._sought: dict[tuple[tuple[str, ...], str], int] = {}
        self._ends = self._extensions
        """Those that are looked up for each name."""
        self._tests: dict[str, list[tuple[Search | None, int]]] = {}
        """By the text that is looked for: what says whether it matches a name that holds the
        text, if that alone does not, and the bits."""
        for number, part in parts:
            bit = 1 << number
            if part.kind == "literal":
                _add(self._literals, part.text, bit)
            elif _is_extension(part):
                _add(self._extensions, part.text, bit)
            else:
                _add(self._sought, (_texts(part), part.text if part.needles else ""), bit)

    def __call__(self, names: Sequence[str]) -> tuple[Iterable[str], Iterable[int]]:
        if len(names) < _FEW or not self._are_new(names):
            return names, map(self._known.__getitem__, names)
        text = "\n".join(("", *names, ""))
        if text.count("\n") != len(names) + 1:
            return names, map(self._known.__getitem__, names)
        if not self._tests:
            self._choose(text)
        found = {name: self._literals[name] for name in self._literals.keys() & names}
        ends = self._ends
        for name in [name for name in names if name[name.rfind(".") :] in ends] if ends else ():
            _add(found, name, ends[name[name.rfind(".") :]])
        if self._search(text, found) * 2 > len(names):
            self._tests = {}
        return found, found.values()

    def _are_new(self, names: Sequence[str]) -> bool:
        """Return whether few are known; some are known from now on, so that what comes often is."""
        known, sample = self._known, names[::_SAMPLED]
        new = [name for name in sample if name not in known]
        for name in new[::_LEARNED]:
            known[name]
        return len(new) * 4 > len(sample)

    def _search(self, text: str, found: dict[str, int]) -> int:
        """Add the bits of what is sought to the names that are `found`; how many were tried."""
        tried = 0
        for sought, tests in self._tests.items():
            for name in _holding(sought, text):
                tried += len(tests)
                for search, bits in tests:
                    if search is None or search(name) is not None:
                        _add(found, name, bits)
        return tried

    def _choose(self, text: str) -> None:
        """Choose what is to be looked for, and tried where it is found."""
        ends = {f"{end}\n": bits for end, bits in self._extensions.items()}
        rare = len(ends) < _FEW_ENDS and sum(map(text.count, ends)) * _RARE < text.count("\n")
        self._ends = {} if rare else self._extensions
        self._tests = {end: [(None, bits)] for end, bits in ends.items()} if rare else {}
        for (texts, expression), bits in self._sought.items():
            search = re.compile(expression).search if expression else None
            self._tests.setdefault(min(texts, key=text.count), []).append((search, bits))


def _holding(sought: str, text: str) -> Iterator[str]:
    """Yield the lines of `text` with `sought`, which may begin or end with a newline."""
    size, at = len(sought.rstrip("\n")), text.find(sought)
    while at >= 0:
        start = text.rfind("\n", 0, at + 1) + 1
        end = text.index("\n", at + size)
        yield text[start:end]
        at = text.find(sought, end)


def _add(bits: dict[_Key, int], key: _Key, more: int) -> None:
    bits[key] = bits.get(key, 0) | more
