"""Fewest rules, most bytes: a greedy cover of what travels for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ctxsize.recommender.forms import Candidate
from ctxsize.recommender.rules import Category
from ctxsize.recommender.tree import Sums, is_below

FILE_IS_WORTH = 16 * 1024
"""Bytes that take as long as the look, the header and the hash that each file costs."""
_LEAST_BYTES = 256 * 1024
_LEAST_SHARE = 0.001
_OF_CONTEXT = 0.001
"""What a byte counts that stays in the context and does not travel to this builder."""


@dataclass(frozen=True)
class Ranked:
    """A candidate, and what it saves beyond those before it."""

    candidate: Candidate
    context: Sums
    transfer: Sums
    safe: bool


class CoveredPaths:
    """What is covered so far, as outermost paths."""

    def __init__(self, sums: Mapping[str, Sums]) -> None:
        self._sums = sums
        self._covered: set[str] = set()
        self._above: set[str] = set()
        """The directories that hold something covered."""

    def add(self, candidate: Candidate) -> None:
        """Count what `candidate` hides as covered."""
        self._covered.update(candidate.paths)
        for path in candidate.paths:
            at = path.rpartition("/")[0]
            while at and at not in self._above:
                self._above.add(at)
                at = at.rpartition("/")[0]

    def left(self, candidate: Candidate, sums: Mapping[str, Sums]) -> Sums:
        """What `candidate` hides that is not covered yet."""
        total = Sums()
        own = set(candidate.paths)
        for path in own:
            if not self._has(path) and not is_below(path, own):
                total = total.plus(sums.get(path, Sums()).minus(self._below(path, sums)))
        return total.minus(sum_of(sums, candidate.keeps))

    def _has(self, path: str) -> bool:
        return path in self._covered or is_below(path, self._covered)

    def _below(self, path: str, sums: Mapping[str, Sums]) -> Sums:
        if path not in self._above:
            return Sums()
        inner = (each for each in self._covered if each.startswith(f"{path}/"))
        outer = (each for each in inner if not is_below(each, self._covered))
        return sum_of(sums, outer)


def ranked(
    candidates: Iterable[tuple[Candidate, bool]],
    context: Mapping[str, Sums],
    transfer: Mapping[str, Sums],
) -> list[Ranked]:
    """Those of `candidates` that are worth a line: safe ones first, the largest first.

    Each comes with whether it is safe. Secrets and what changes by itself are
    worth a line whatever their size, the latter if it travels.
    """
    found: list[Ranked] = []
    cover = CoveredPaths(context)
    for safe in (True, False):
        pending = [each for each, is_safe in candidates if is_safe is safe]
        while pending:
            scored = [(_value(each, cover, context, transfer), each) for each in pending]
            _, best = max(scored, key=lambda each: (each[0], each[1].rule.name, each[1].lines))
            pending.remove(best)
            saved = cover.left(best, context)
            travels = saved if transfer is context else cover.left(best, transfer)
            if saved.entries and _is_worth_a_line(best, saved, travels, context.get("", Sums())):
                found.append(Ranked(best, saved, travels, safe))
                cover.add(best)
    return found


def sum_of(sums: Mapping[str, Sums], paths: Iterable[str]) -> Sums:
    """The sums of several paths together."""
    total = Sums()
    for path in paths:
        total = total.plus(sums.get(path, Sums()))
    return total


def _value(
    candidate: Candidate,
    cover: CoveredPaths,
    context: Mapping[str, Sums],
    transfer: Mapping[str, Sums],
) -> float:
    left = _weight(cover.left(candidate, context))
    travels = left if transfer is context else _weight(cover.left(candidate, transfer))
    return candidate.rule.confidence * (travels + _OF_CONTEXT * left)


def _weight(sums: Sums) -> float:
    return sums.content_bytes + FILE_IS_WORTH * sums.entries


def _is_worth_a_line(candidate: Candidate, saved: Sums, travels: Sums, whole: Sums) -> bool:
    rule = candidate.rule
    if rule.category is Category.SECRET or (rule.volatile and travels.entries):
        return True
    return _weight(saved) >= max(_LEAST_BYTES, _LEAST_SHARE * whole.content_bytes)
