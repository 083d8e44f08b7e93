"""Which segments match a name: for one name, and for all names of a directory at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from ctxsize.engine.segments import Segment

_FEW, _FEW_ENDS = 64, 12
_CREDIT = 200
"""So many names more may be let through than are held back before a filter is given up."""

Search = Callable[[str], object]
Pick = Callable[[Sequence[str]], Iterable[str]]
"""Chooses the names of a directory that need a look."""


class Index:
    """Segments by the text that a name must begin or end with, so that few are tried on it."""

    def __init__(self) -> None:
        self._literals: dict[str, int] = {}
        self._starts = _Texts()
        self._ends = _Texts()
        self._starts_of_searches = _Texts()
        self._searches: dict[str, dict[str, tuple[str, Search, int]]] = {}
        """By what a name starts with and by expression: a text to look for first, and the bits."""

    def add(self, bit: int, part: Segment) -> None:
        """Add a segment under its bit."""
        if part.kind == "literal":
            self._literals[part.text] = self._literals.get(part.text, 0) | bit
        elif part.kind == "suffix":
            self._ends.add(part.text, bit, outermost=part.text[-1:])
        elif part.kind != "regexp":
            self._starts.add(part.text, bit, outermost=part.text[:1])
        else:
            first = part.needles[0] if part.needles else ""
            start = first.strip("\n") if first.startswith("\n") else ""
            self._starts_of_searches.add(start, bit, outermost=start[:1])
            searches = self._searches.setdefault(start, {})
            others = (each.strip("\n") for each in part.needles[bool(start) :])
            inner = max(others, key=len, default="")
            inner, search, bits = searches.get(part.text, (inner, re.compile(part.text).search, 0))
            searches[part.text] = inner, search, bits | bit

    def matching(self, name: str) -> int:
        """The bits of the segments that match `name`."""
        found = self._literals.get(name, 0)
        first = name[0]
        for length in self._starts.lengths(first):
            found |= self._starts.bits.get(name[:length], 0)
        for length in self._ends.lengths(name[-1]):
            found |= self._ends.bits.get(name[-length:] if length else "", 0)
        for length in self._starts_of_searches.lengths(first):
            for inner, search, bits in self._searches.get(name[:length], _NONE).values():
                if inner in name and search(name) is not None:
                    found |= bits
        return found


class _Texts:
    """Texts that names begin with, or end with, and their bits."""

    def __init__(self) -> None:
        self.bits: dict[str, int] = {}
        self._lengths: dict[str, set[int]] = {}

    def add(self, text: str, bit: int, *, outermost: str) -> None:
        """Add `text`, whose outermost character is `outermost`; the empty text is in every name."""
        self.bits[text] = self.bits.get(text, 0) | bit
        self._lengths.setdefault(outermost, set()).add(len(text))

    def lengths(self, outermost: str) -> list[int]:
        """How long those are that may stand in a name whose outermost character is `outermost`."""
        return [*self._lengths.get(outermost, ()), *self._lengths.get("", ())]


_NONE: dict[str, tuple[str, Search, int]] = {}


def picker(parts: list[Segment]) -> Pick:
    """A filter for the names that one of `parts` may match; it lets through some others too."""
    if any(part.kind in ("any", "below", "path") for part in parts):
        return _all
    literals = frozenset(part.text for part in parts if part.kind == "literal")
    ends = frozenset(part.text for part in parts if _is_extension(part))
    needles = {_text_needles(part) for part in parts if part.kind != "literal"} - {()}
    searched = {each for each in needles if each[0][:-1] not in ends}
    if any(part.kind == "regexp" and not part.needles for part in parts):
        return _all
    if searched:
        return _Search(literals, ends, sorted(searched))
    if not ends:
        return literals.intersection
    if len(ends) < _FEW_ENDS:
        few = tuple(ends)
        return lambda names: [name for name in names if name in literals or name.endswith(few)]
    return lambda names: [
        name for name in names if name in literals or name[name.rfind(".") :] in ends
    ]


def _all(names: Sequence[str]) -> Sequence[str]:
    return names


def _is_extension(part: Segment) -> bool:
    """Whether names end so just when this is what follows their last dot, dot included."""
    return part.kind == "suffix" and part.text.startswith(".") and part.text.count(".") == 1


def _text_needles(part: Segment) -> tuple[str, ...]:
    if part.kind == "suffix":
        return (f"{part.text}\n",)
    if part.kind in ("prefix", "opening"):
        return (f"\n{part.text}",)
    return part.needles


class _Search:
    """A filter that looks for texts in all names of a directory at once.

    Of each segment's texts only the rarest is looked for. Few names are let
    through as they are: each was probably seen before. So are all, once it has
    turned out that most are let through anyway.
    """

    def __init__(
        self, literals: frozenset[str], ends: frozenset[str], needles: list[tuple[str, ...]]
    ) -> None:
        self._literals = literals
        self._ends = ends
        self._needles = needles
        self._texts = frozenset(chain.from_iterable(needles))
        self._gain = _CREDIT

    def __call__(self, names: Sequence[str]) -> Iterable[str]:
        if len(names) < _FEW or self._gain < 0:
            return names
        text = "\n".join(("", *names, ""))
        if text.count("\n") != len(names) + 1:
            return names
        found = set(self._literals.intersection(names))
        if self._ends:
            found.update([name for name in names if name[name.rfind(".") :] in self._ends])
        counts = {each: text.count(each) for each in self._texts}
        for needle in {min(needles, key=counts.__getitem__) for needles in self._needles}:
            if counts[needle]:
                found.update(_holding(needle, text))
        self._gain += len(names) - 2 * len(found)
        return found


def _holding(needle: str, text: str) -> Iterator[str]:
    """The lines of `text` that hold `needle`, which may begin or end with a newline."""
    size, at = len(needle.rstrip("\n")), text.find(needle)
    while at >= 0:
        start = text.rfind("\n", 0, at + 1) + 1
        end = text.index("\n", at + size)
        yield text[start:end]
        at = text.find(needle, end)
