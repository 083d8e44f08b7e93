"""Searches for a Go regular expression in time linear in the text, as Go's `regexp` does.

It follows all paths through the expression at once: Thompson's construction, with each set of
reached nodes cached as a state.
"""

from __future__ import annotations

from array import array
from itertools import chain
from typing import ClassVar

from ctxsize.engine.goregexp import Nodes, code_of, parsed

_MOST_CACHED_BYTES = 2**26
"""Number of bytes that all machines together may cache."""


class _Reached:
    """The nodes reached by the text so far, and what follows them."""

    __slots__ = ("before", "following", "nodes", "verdict")

    def __init__(self, nodes: bytes, before: str, verdict: bool | None = None) -> None:
        self.nodes = nodes
        """Their numbers, four bytes each."""
        self.before = before
        """The kind of the previous character: `w` in a word, else `-`; empty at the beginning."""
        self.following: dict[str, _Reached] = {}
        self.verdict = verdict
        """True or False once the result is certain."""


_FOUND = _Reached(b"", "", verdict=True)
_NOT_FOUND = _Reached(b"", "", verdict=False)


class Machine:
    """Searches texts for an expression, character by character."""

    _caching: ClassVar[set[Machine]] = set()
    """The machines that cache anything: once they have too much, all of them forget it."""
    _cached_bytes: ClassVar[int] = 0

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._states: dict[tuple[bytes, str], _Reached] = {}
        self._nodes = Nodes()
        self._first = 0

    def search(self, text: str) -> bool | None:
        """Return True for a match in `text`, else None, as `re` does."""
        if not self._first:
            part = parsed(self._expression)
            self._count(24 * part.size)
            self._first = part.add(self._nodes, 0)
        state = self._state(b"", "")
        for char in chain(text, ("",)):
            found = state.following.get(char)
            state = self._step(state, char) if found is None else found
            if state.verdict is not None:
                break
        return state.verdict or None

    def _count(self, size_bytes: int) -> None:
        """Count what is cached next; first makes room for it if need be."""
        if Machine._cached_bytes > _MOST_CACHED_BYTES:
            for each in Machine._caching:
                each._forget(nodes=each is not self)
            Machine._caching.clear()
            Machine._cached_bytes = 0
        Machine._caching.add(self)
        Machine._cached_bytes += size_bytes

    def _forget(self, *, nodes: bool) -> None:
        """Free the states and the nodes, which the next search makes again."""
        for state in self._states.values():
            state.following.clear()
        self._states.clear()
        if nodes:
            self._nodes, self._first = Nodes(), 0

    def _step(self, state: _Reached, char: str) -> _Reached:
        """Return the state after `char`, which is empty at the end of the text."""
        reached = self._reached(state, char)
        if 0 in reached:
            found = _FOUND
        elif not char:
            found = _NOT_FOUND
        else:
            nodes, code = self._nodes, code_of(char)
            after, fits = set[int](), dict[int, bool]()
            for node in reached:
                what = nodes.what[node]
                if isinstance(what, str):
                    continue
                if id(what) not in fits:  # the copies of a node share its ranges
                    fits[id(what)] = any(low <= code <= high for low, high in what)
                if fits[id(what)]:
                    after.add(nodes.after[node])
            found = self._state(array("I", sorted(after)).tobytes(), _kind(char))
        self._count(128)
        state.following[char] = found
        return found

    def _state(self, nodes: bytes, before: str) -> _Reached:
        found = self._states.get((nodes, before))
        if found is None:
            self._count(512 + len(nodes))
            found = self._states[nodes, before] = _Reached(nodes, before)
        return found

    def _reached(self, state: _Reached, char: str) -> set[int]:
        """Return the nodes of `state` and the start, and all that follow without a character."""
        at_border = (state.before == "w") != (_kind(char) == "w")
        holds = {"": True, r"\A": not state.before, r"\z": not char}
        holds |= {r"\b": at_border, r"\B": not at_border}
        reached = {self._first, *memoryview(state.nodes).cast("I")}
        nodes, left = self._nodes, list(reached)
        while left:
            node = left.pop()
            what = nodes.what[node]
            if isinstance(what, str) and holds.get(what):
                new = {nodes.after[node], nodes.other[node]} - reached
                reached |= new
                left += new
        return reached


def _kind(char: str) -> str:
    """Return `w` for a character of a word, else `-`; `""` at the end of the text."""
    return char and ("w" if char.isascii() and (char.isalnum() or char == "_") else "-")
