"""Several listings of one context as one: what travels in any of several transfers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge

from ctxsize.engine.listing import Listing, order
from ctxsize.model import Entry, Problem


class Union:
    """The entries of `listings`, each path once, in the order of each. Iterate it once.

    `unfound` is called for the problems of what is listed for.
    """

    def __init__(
        self, listings: Sequence[Listing], unfound: Callable[[], Iterable[Problem]] = tuple
    ) -> None:
        self._listings = listings
        self._unfound = unfound

    @property
    def problems(self) -> list[Problem]:
        """Return what made the listings incomplete."""
        found = (each for one in self._listings for each in one.problems)
        return list(dict.fromkeys((*found, *self._unfound())))

    def __iter__(self) -> Iterator[Entry]:
        last = None
        for entry in merge(*self._listings, key=_by_order):
            if entry.path != last:
                yield entry
            last = entry.path


def _by_order(entry: Entry) -> bytes:
    return order(entry.path)
