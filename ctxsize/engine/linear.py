"""Searches for a Go regular expression in time linear in the text, as Go's `regexp` does.

It follows all paths through the expression at once: Thompson's construction, with each set of
reached nodes cached as a state.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain

from ctxsize.engine.goregexp import (
    Chars,
    Either,
    Node,
    Ranges,
    Repeat,
    Sequence,
    code_of,
    parsed,
)

_WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_MOST_KEPT = 200_000
"""Number of nodes that one expression caches in all its states."""


class _Ways:
    """A state: the nodes reached by the text so far, and the states that follow."""

    __slots__ = ("before", "following", "nodes", "verdict")

    def __init__(self, nodes: frozenset[int], before: str, *, verdict: bool | None = None) -> None:
        self.nodes = nodes
        self.before = before
        """The kind of the previous character: `w` in a word, else `-`; empty at the beginning."""
        self.following: dict[str, _Ways] = {}
        self.verdict = verdict
        """True or False once the result is certain."""


_FOUND = _Ways(frozenset(), "", verdict=True)
_NOT_FOUND = _Ways(frozenset(), "", verdict=False)


class Linear:
    """Searches texts for an expression, character by character."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._nodes: list[tuple[Ranges | str, tuple[int, ...]]] = [("match", ())]
        """For each node: the characters or the assertion that lead on, and the next nodes."""
        self._forget()

    def _forget(self) -> None:
        self._kept = 0
        self._states: dict[tuple[frozenset[int], str], _Ways] = {}
        self._start = _Ways(frozenset(), "")

    def search(self, text: str) -> bool | None:
        """Return True for a match in `text`, else None, as `re` does."""
        state = self._start
        for char in chain(text, ("",)):
            found = state.following.get(char)
            state = self._step(state, char) if found is None else found
            if state.verdict is not None:
                break
        return state.verdict or None

    @cached_property
    def _first(self) -> int:
        return self._add(parsed(self._expression), 0)

    def _add(self, node: Node, after: int) -> int:
        """Add nodes for `node` in front of the node `after`; return the first of them."""
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                after = self._add(part, after)
            return after
        if isinstance(node, Repeat):
            return self._repeated(node, after)
        if isinstance(node, Either):
            return self._new("", *[self._add(each, after) for each in node.branches])
        return self._new(node.ranges if isinstance(node, Chars) else node.kind, after)

    def _repeated(self, node: Repeat, after: int) -> int:
        first, needed = after, node.low
        if node.high is None:
            loop = self._new("", after)
            first = self._add(node.node, loop)
            self._nodes[loop] = ("", (first, after))
            # A loop is its own first copy: with a second one, nested loops would double.
            first, needed = (first, needed - 1) if needed else (loop, 0)
        for _ in range(0 if node.high is None else node.high - node.low):
            first = self._new("", self._add(node.node, first), after)
        for _ in range(needed):
            first = self._add(node.node, first)
        return first

    def _new(self, what: Ranges | str, *after: int) -> int:
        self._nodes.append((what, after))
        return len(self._nodes) - 1

    def _step(self, state: _Ways, char: str) -> _Ways:
        """Return the state after `char`, which is empty at the end of the text."""
        reached = self._reached(state, char)
        if 0 in reached:
            found = _FOUND
        elif not char:
            found = _NOT_FOUND
        else:
            code = code_of(char)
            nodes = frozenset(
                after
                for what, following in (self._nodes[each] for each in reached)
                if not isinstance(what, str) and any(low <= code <= high for low, high in what)
                for after in following
            )
            found = self._state(nodes, "w" if char in _WORD else "-")
        self._kept += 1
        state.following[char] = found
        return found

    def _state(self, nodes: frozenset[int], before: str) -> _Ways:
        if self._kept > _MOST_KEPT:
            self._forget()
        found = self._states.get((nodes, before))
        if found is None:
            self._kept += len(nodes) + 1
            found = self._states[nodes, before] = _Ways(nodes, before)
        return found

    def _reached(self, state: _Ways, char: str) -> set[int]:
        """Return the nodes of `state` and the start, and all that follow without a character."""
        in_word = state.before in _WORD and state.before != ""
        holds = {
            "": True,
            r"\A": not state.before,
            r"\Z": not char,
            r"\b": in_word != (char in _WORD),
            r"\B": in_word == (char in _WORD),
        }
        reached = {self._first, *state.nodes}
        left = list(reached)
        while left:
            what, following = self._nodes[left.pop()]
            if isinstance(what, str) and holds.get(what):
                left += (new := set(following) - reached)
                reached |= new
        return reached
