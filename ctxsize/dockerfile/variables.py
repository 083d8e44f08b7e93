"""A mapping that never changes and of which each version is kept, without a copy."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

Value = TypeVar("Value")
_DEEPEST = 100
"""Number of branches that a name is looked for in, before they are copied into one."""
_point = itemgetter(0)


class Variables(Generic[Value]):
    """Names and values that never change; setting one returns the next point.

    A Dockerfile may set 100,000, and each of its steps may be asked later, so that nothing is
    copied. Points in a row share a log, in which each sees what was set up to it. A point that
    is not the last of its log begins a branch.
    """

    __slots__ = ("_at", "_below", "_count", "_depth", "_last", "_log")

    def __init__(self) -> None:
        self._log: dict[str, list[tuple[int, Value]]] = {}
        self._last = [0]
        """The last point of the log."""
        self._at = self._count = self._depth = 0
        self._below: Variables[Value] | None = None

    def __contains__(self, name: str) -> bool:
        return self._entry(name) is not None

    def __len__(self) -> int:
        return self._count

    def find(self, name: str) -> Value | None:
        """Return the value of `name`, None without one."""
        entry = self._entry(name)
        return None if entry is None else entry[1]

    def _entry(self, name: str) -> tuple[int, Value] | None:
        here: Variables[Value] | None = self
        while here is not None:
            entries = here._log.get(name)
            if entries:
                # Nearly always, the last one counts.
                known = entries[-1][0] <= here._at
                index = len(entries) if known else bisect_right(entries, here._at, key=_point)
                if index:
                    return entries[index - 1]
            here = here._below
        return None

    def names(self) -> Iterator[str]:
        """Yield each name once."""
        seen: set[str] = set()
        here: Variables[Value] | None = self
        while here is not None:
            for name, entries in here._log.items():
                if name not in seen and entries[0][0] <= here._at:
                    seen.add(name)
                    yield name
            here = here._below

    def set(self, name: str, value: Value) -> Variables[Value]:
        """Return the next point, at which `name` has this value."""
        is_new = name not in self
        following: Variables[Value] = Variables()
        if self._at == self._last[0]:
            following._log, following._last = self._log, self._last
            following._below, following._depth = self._below, self._depth
        elif self._depth < _DEEPEST:
            following._below, following._depth = self, self._depth + 1
        else:
            found = {each: self._entry(each) for each in self.names()}
            following._log = {each: [(0, entry[1])] for each, entry in found.items() if entry}
        following._last[0] += 1
        following._at = following._last[0]
        following._count = self._count + is_new
        following._log.setdefault(name, []).append((following._at, value))
        return following
