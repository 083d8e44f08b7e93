r"""Regular expressions that match in time linear in the text, as Go's do.

Python's `re` backtracks, so `(.*/)?a(.*/)?a…` takes it time without bound. An
`Expression` uses `re` where its syntax shows that this is quick. Elsewhere it
follows all ways through the text at once (Thompson's construction, with the
sets of ways kept as states), as Go's `regexp` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from ctxsize.engine.characters import (
    REPLACEMENT,
    Ranges,
    complement,
    holds,
    is_special,
    source,
)

_SLASH = ord("/")
_WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")

_MOST_STEPS, _MOST_DEGREE = 2**16, 4
"""Number of steps that backtracking may take at worst, and the degree up to which it is tried."""
_MOST_KEPT = 200_000
"""Number of nodes in all states that one expression keeps."""


class Chars(NamedTuple):
    """One character within `ranges`."""

    ranges: Ranges


class Assertion(NamedTuple):
    r"""A place in the text: `\A`, `\Z`, `\b` or `\B`."""

    kind: str


class Sequence(NamedTuple):
    """All of `parts`, one after another."""

    parts: list[Node]


class Either(NamedTuple):
    """One of `branches`."""

    branches: list[Node]


class Repeat(NamedTuple):
    """`node` from `low` to `high` times, without an upper bound for None."""

    node: Node
    low: int
    high: int | None


Node = Chars | Assertion | Sequence | Either | Repeat


class Expression:
    """In the place of an `re.Pattern`: its source in Python's syntax, and what it finds."""

    def __init__(self, pattern: str = "", read: Callable[[], Node] | None = None) -> None:
        """Keep a `pattern` that is quick, or what reads a syntax tree at its first use."""
        self._read = read
        if read is None:
            self.written = pattern, 0

    @cached_property
    def node(self) -> Node | None:
        """Return the syntax tree, None for a pattern."""
        return None if self._read is None else self._read()

    @cached_property
    def written(self) -> tuple[str, float]:
        """Return the source and its degree of backtracking: a power of the text's length."""
        assert self.node is not None
        return written(self.node)

    @property
    def pattern(self) -> str:
        """Return the source in Python's syntax."""
        return self.written[0]

    @cached_property
    def search(self) -> Callable[[str], object]:
        """Return the function that says whether a text holds a match; compiled at its first use."""
        node, (pattern, degree) = self.node, self.written
        if node is not None and degree > _MOST_DEGREE:
            return Linear(node).search
        quick = re.compile(pattern).search
        if node is None or degree <= 1:
            return quick
        linear = Linear(node).search
        longest = int(_MOST_STEPS ** (1 / degree))
        return lambda text: quick(text) if len(text) <= longest else linear(text)

    def match(self, text: str) -> object:
        """Search `text`. What has a `match` is a compiled expression to pathspec."""
        return self.search(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)


def written(node: Node) -> tuple[str, float]:
    """Return Python's source for `node`, to be searched, and the degree of backtracking over it."""
    branches = node.branches if isinstance(node, Either) else [node]
    writer = _Writer()
    found = [writer.write(each) for each in branches]
    # Where a branch is not tied to the beginning, each place may be one.
    loose = [not isinstance(n, Sequence) or n.parts[:1] != [Assertion(r"\A")] for n in branches]
    degree = max(degree + each for (_, degree), each in zip(found, loose, strict=True))
    return "(?a)" + "|".join(source for source, _ in found), degree


class _Writer:
    """Writes Python's source, with the degree of each part; it numbers the groups."""

    def __init__(self) -> None:
        self._groups = 0

    def write(self, node: Node) -> tuple[str, float]:
        if isinstance(node, Chars):
            return source(node.ranges), 0
        if isinstance(node, Assertion):
            return f"(?:{node.kind})", 0
        if isinstance(node, Sequence):
            return self._sequence(node.parts)
        if isinstance(node, Repeat):
            return self._repeat(node)
        found = [self.write(each) for each in node.branches]
        return f"(?:{'|'.join(each for each, _ in found)})", max(1, *(n for _, n in found))

    def _repeat(self, node: Repeat) -> tuple[str, float]:
        inner, degree = self.write(node.node)
        low, high = node.low, node.high
        if not isinstance(node.node, (Chars, Assertion)):
            inner = f"(?:{inner})"
        if low == high:
            degree *= low
        elif high == 1 or isinstance(node.node, (Chars, Assertion)):
            degree = max(1, degree)
        else:
            degree = float("inf")
        operator = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
        return inner + (operator or f"{{{low},{'' if high is None else high}}}"), degree

    def _sequence(self, parts: list[Node]) -> tuple[str, float]:
        pieces: list[str] = []
        total: float = 0
        at = 0
        while at < len(parts):
            end = _committed(parts, at)
            if end:
                pieces.append(self._commitment(parts[at + 1 : end]))
                at = end
                continue
            piece, degree = self.write(parts[at])
            at += 1
            pieces.append(piece)
            total += 0 if _takes_the_rest(parts, at) else degree
        return "".join(pieces), total

    def _commitment(self, chunk: list[Node]) -> str:
        """Return the source for a star and the `chunk` after it, without a way back into them."""
        self._groups += 1
        name = f"star{self._groups}"
        inner = "".join(self.write(each)[0] for each in chunk)
        return f"(?=(?P<{name}>[^/]*?{inner}))(?P={name})"


def _committed(parts: list[Node], at: int) -> int:
    """Return where the next star is, if the one at `at` may match as little as possible; else 0.

    It may if only single characters other than a slash follow, and then another
    star: whatever a later match would leave to that star, an earlier one can.
    Without it, `*a*a*a*b` would take time without bound on a long name.
    """
    if not _is_star(parts[at]):
        return 0
    for end in range(at + 1, len(parts)):
        node = parts[end]
        if not isinstance(node, Chars) or holds(node.ranges, _SLASH):
            return end if end > at + 1 and _is_star(node) else 0
    return 0


def _is_star(node: Node) -> bool:
    return (
        isinstance(node, Repeat)
        and (node.low, node.high) == (0, None)
        and isinstance(node.node, Chars)
        and complement(node.node.ranges) == [(_SLASH, _SLASH)]
    )


def _takes_the_rest(parts: list[Node], end: int) -> bool:
    r"""Return whether the part before `end` is `.*` or `(/.*)?`, and the text has to end there.

    It has no choice, but for a text with a line feed.
    """
    if len(parts) != end + 1 or parts[end] != Assertion(r"\Z"):
        return False
    node: Node = parts[end - 1]
    if isinstance(node, Repeat) and (node.low, node.high) == (0, 1):
        node = node.node
        if isinstance(node, Sequence) and all(isinstance(each, Chars) for each in node.parts[:-1]):
            node = node.parts[-1] if node.parts else node
    unbounded = isinstance(node, Repeat) and node.high is None and isinstance(node.node, Chars)
    return unbounded and complement(node.node.ranges) == [(10, 10)]  # type: ignore[union-attr]


class _LinearState:
    """A set of nodes that the text so far leads to, and the states that follow."""

    __slots__ = ("before", "following", "nodes", "verdict")

    def __init__(self, nodes: frozenset[int], before: str, *, verdict: bool | None = None) -> None:
        self.nodes = nodes
        self.before = before
        """The character before, or what is as good; empty at the beginning."""
        self.following: dict[str, _LinearState] = {}
        self.verdict = verdict
        """Whether there is a match, once it is known."""


_FOUND = _LinearState(frozenset(), "", verdict=True)
_NOT_FOUND = _LinearState(frozenset(), "", verdict=False)


class Linear:
    """Searches texts for an expression, a character at a time."""

    def __init__(self, node: Node) -> None:
        self.nodes: list[tuple[Ranges | str, tuple[int, ...]]] = [("match", ())]
        """For each node the characters, or the assertion, that lead to the next ones."""
        self._node = node
        self._kept = 0
        self._states: dict[tuple[frozenset[int], str], _LinearState] = {}
        self._start = _LinearState(frozenset(), "")

    def search(self, text: str) -> bool | None:
        """Return True if `text` holds a match, else None, as `re` does."""
        state = self._start
        for char in chain(text, ("",)):
            found = state.following.get(char)
            state = self._step(state, char) if found is None else found
            if state.verdict is not None:
                break
        return state.verdict or None

    @cached_property
    def _first(self) -> int:
        return self._add(self._node, 0)

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
        if node.high is None:
            loop = self._new("", after)
            self.nodes[loop] = ("", (self._add(node.node, loop), after))
            first = loop
        else:
            first = after
            for _ in range(node.high - node.low):
                first = self._new("", self._add(node.node, first), after)
        for _ in range(node.low):
            first = self._add(node.node, first)
        return first

    def _new(self, what: Ranges | str, *after: int) -> int:
        self.nodes.append((what, after))
        return len(self.nodes) - 1

    def _step(self, state: _LinearState, char: str) -> _LinearState:
        """Return the state after `char`, which is empty at the end of the text."""
        reached = self._reached(state, char)
        code = ord(char) if char else -1
        code = REPLACEMENT if is_special(code) else code
        if 0 in reached:
            found = _FOUND
        elif not char:
            found = _NOT_FOUND
        else:
            nodes = frozenset(
                after
                for what, following in (self.nodes[each] for each in reached)
                if not isinstance(what, str) and holds(what, code)
                for after in following
            )
            found = self._state(nodes, "w" if char in _WORD else "-")
        self._kept += 1
        state.following[char] = found
        return found

    def _state(self, nodes: frozenset[int], before: str) -> _LinearState:
        if self._kept > _MOST_KEPT:
            self._kept = 0
            self._states.clear()
            self._start = _LinearState(frozenset(), "")
        found = self._states.get((nodes, before))
        if found is None:
            self._kept += len(nodes) + 1
            found = self._states[nodes, before] = _LinearState(nodes, before)
        return found

    def _reached(self, state: _LinearState, char: str) -> set[int]:
        """Return the nodes of `state` and of the start, and all that follow without a character."""
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
            what, following = self.nodes[left.pop()]
            if isinstance(what, str) and holds.get(what):
                left += (new := set(following) - reached)
                reached |= new
        return reached
