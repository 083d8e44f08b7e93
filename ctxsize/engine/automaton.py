"""The fast evaluator: computes the verdicts of a whole directory at once.

Why it is exact: after Docker's walk has dealt with a path, only the *last* pattern that counts as
matched matters for everything below. Its kind is the verdict, and an earlier pattern can no longer
change it. A later one can, and counts only if it does (`DockerIgnoreSpec.step`). So a directory is
described by that pattern, the `decider`, and by the segments that later patterns have matched.

How it is fast: each segment of a pattern, split at `/`, is one bit of an integer, the bits of later
patterns higher. `live` has the bits whose segment may match a name in this directory. Entering a
child is a look-up of the name's bits, an `and` and a shift. A pattern that does not split (a class
that may match `/`, special forms) keeps its expression, which is tried on each path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ctxsize.engine.evaluate import (
    UNMATCHED,
    DockerIgnoreSpec,
    Evaluator,
    Mark,
    Marks,
    PatternByPattern,
)
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import Index, Segment, segments

_MOST_NAMES = 50_000
_MOST_STATES = 20_000
_MOST_CHILDREN = 256

Hits = defaultdict[str, int]  # segments as bits, by the names in a directory that they match


class _PathSearch(NamedTuple):
    """The expression of a pattern without segments, which is tried on whole paths."""

    bit: int
    text: str  # that each match contains
    regex: Any  # compiled at its first use


class Decision(NamedTuple):
    """The indexes of two patterns, -1 for none."""

    decider: int  # the verdict is its kind
    last: int  # the last one that matched, which decides whether the sender refuses to open a file


class Program:
    """The patterns of a spec as bits. A mask is an integer with one bit for each segment."""

    def __init__(self, patterns: Sequence[DockerIgnorePattern]) -> None:
        self.ignoring = {index for index, pattern in enumerate(patterns) if pattern.include}
        self.owner: list[int] = []
        self.parts: list[Segment] = []
        self.start = 0
        self.final = 0
        self.loop = 0
        self.advance = 0
        self.exceptions = 0
        self.text_loops = 0
        self._text_matches = 0
        self.whole_paths = 0
        self._path_searches: list[_PathSearch] = []
        self.ends: list[int] = []
        """The number of segments up to the end of each pattern."""
        self._index = Index()
        for index, pattern in enumerate(patterns):
            self._add(index, pattern)
            self.ends.append(len(self.owner))
        self._two_lines = 1 << len(self.owner)
        self.known = _Known(self)

    def after(self, index: int) -> int:
        """Return the bits of the patterns after `index`; all bits for -1."""
        if index < 0:
            return -1
        return -1 << self.ends[index]

    def _add(self, index: int, pattern: DockerIgnorePattern) -> None:
        self.start |= 1 << len(self.owner)
        parts = segments(pattern)
        for part in parts:
            bit = 1 << len(self.owner)
            self.owner.append(index)
            self.parts.append(part)
            if part.final:
                self.final |= bit
            if part.loop:
                self.loop |= bit
            if not pattern.include:
                self.exceptions |= bit
            if part is not parts[-1]:
                self.advance |= bit
            self._add_match(bit, part, pattern)

    def _add_match(self, bit: int, part: Segment, pattern: DockerIgnorePattern) -> None:
        """Add what a segment matches."""
        if part.kind == "path":
            search = _PathSearch(bit, part.text, pattern.regex)
            self._path_searches.append(search)
            self.whole_paths |= bit
            return
        self._index.add(bit, part)
        # In an expression, `**` stops at a newline; as a mere prefix or suffix it does not.
        if pattern.kind == "regexp":
            if part.loop:
                self.text_loops |= bit
            if part.kind in ("below", "opening"):
                self._text_matches |= bit

    def bits(self, name: str) -> int:
        """Return the segments that match `name`, and the bit `_two_lines` for a newline in it."""
        matching = self._index.matching(name)
        if "\n" in name:
            return matching & ~self._text_matches | self._two_lines
        return matching

    def hits(self, live: int, prefix: str, names: Sequence[str]) -> Hits:
        """Return the `live` segments that match, for each name with any."""
        matching: Hits = defaultdict(int)
        if not live:
            return matching
        known = self.known
        for name in self._index.known_among(names):
            hits = live & known[name]
            if hits:
                matching[name] = hits
        for bit, text, regex in self._path_searches:
            if not live & bit:
                continue
            candidates = names
            if text not in prefix:
                candidates = [name for name in names if text in name]
            for name in candidates:
                if regex.search(prefix + name) is not None:
                    matching[name] |= bit
        return matching

    def follow(self, live: int, hits: int, name: str) -> int:
        """Return the bits that are live below `name`, given the bits `hits` that matched it."""
        loops = self.loop
        if "\n" in name:
            loops &= ~self.text_loops
        return (hits & self.advance) << 1 | live & loops

    def decide(self, before: Decision, matched: int) -> Decision:
        """Return the decision after a path that the `matched` patterns match.

        Only a later pattern of the other kind changes the verdict, and counts for entries below.
        """
        decider, last = before
        matched &= self.after(decider)
        if not matched:
            return before
        last = max(last, self.owner_of(matched))
        rival_kind = ~self.exceptions
        if decider in self.ignoring:
            rival_kind = self.exceptions
        while rivals := matched & rival_kind:
            lowest = rivals & -rivals
            decider = self.owner_of(lowest)
            matched &= self.after(decider)
            rival_kind = ~rival_kind
        return Decision(decider, last)

    def owner_of(self, bits: int) -> int:
        """Return the index of the pattern to which the highest of these bits belongs."""
        return self.owner[bits.bit_length() - 1]

    def mark(self, decision: Decision) -> Mark:
        """Return the mark of a path about which this was decided."""
        decider, last = decision
        if decider < 0:
            return UNMATCHED
        ignored = decider in self.ignoring
        refused = not ignored and last in self.ignoring
        return Mark(ignored, decider, refused)


class _Known(dict[str, int]):
    """A cache of the segments that match each name."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.same: dict[int, int] = {}

    def __missing__(self, name: str) -> int:
        if len(self) >= _MOST_NAMES:
            self.clear()
            self.same.clear()
        bits = self._program.bits(name)
        bits = self.same.setdefault(bits, bits)
        self[name] = bits
        return bits


class _State(dict[int, "Mark | None"]):
    """A directory: its mark, live segments, and entries' marks by segments (None: its own)."""

    def __init__(self, program: Program, live: int, decision: Decision) -> None:
        self._program = program
        self.live = live
        self.decision = decision
        self.mark = program.mark(decision)
        self.children: dict[int, _State] = {}
        self.watched = live & program.final

    def __missing__(self, matched: int) -> Mark | None:
        decision = self._program.decide(self.decision, matched)
        mark: Mark | None = self._program.mark(decision)
        if mark == self.mark:
            mark = None
        if len(self) < _MOST_CHILDREN:
            self[matched] = mark
        return mark


def fastest(spec: DockerIgnoreSpec) -> Evaluator:
    """Return the evaluator for `spec`: an automaton wherever that is exact."""
    if spec.evaluator is None:
        has_fault = any(pattern.fault for pattern in spec.patterns)
        if spec.remembers_parents and not has_fault:
            spec.evaluator = Automaton(spec)
        else:
            spec.evaluator = PatternByPattern(spec)
    return spec.evaluator


class Automaton:
    """An evaluator with the same marks as `PatternByPattern`, and bounded memory.

    It is not exact for specs with a faulty pattern or with another evaluation than
    `DockerIgnoreSpec.step`. `enters` replaces that of a spec that lacks some patterns.
    """

    def __init__(
        self, spec: DockerIgnoreSpec, *, enters: Callable[[str], bool] | None = None
    ) -> None:
        self._enters = enters or spec.enters
        self.program = Program(spec.patterns)
        self._states: dict[tuple[int, Decision], _State] = {}

    def root(self) -> _State:
        return self._state(self.program.start, Decision(-1, -1))

    def others(self, state: _State, prefix: str, names: Sequence[str]) -> Marks:
        others: Marks = {}
        for name, matched in self.program.hits(state.watched, prefix, names).items():
            mark = state[matched]
            if mark is not None:
                others[name] = mark
        return others

    def enter(self, state: _State, prefix: str, name: str) -> _State:
        bits = self.program.known[name]
        child = state.children.get(bits)
        if child is not None:
            return child
        program = self.program
        hits = program.hits(state.live, prefix, [name])[name]
        matched = hits & program.final
        decision = program.decide(state.decision, matched)
        live = program.follow(state.live, hits, name)
        live &= program.after(decision.decider)
        child = self._state(live, decision)
        if not state.live & program.whole_paths:  # else it depends on the path
            if len(state.children) < _MOST_CHILDREN:
                state.children[bits] = child
        return child

    def enters(self, state: _State, path: str) -> bool:
        """Return whether anything below the ignored directory `path` can be sent."""
        # With a wildcard in an exception, `filterFS` also opens directories without any match.
        if state.mark.ignored:
            has_exceptions = state.live & self.program.exceptions
            if not has_exceptions:
                return False
        return self._enters(path)

    def _state(self, live: int, decision: Decision) -> _State:
        states = self._states
        key = live, decision
        state = states.get(key)
        if state is None:
            if len(states) >= _MOST_STATES:
                states.clear()
            state = _State(self.program, live, decision)
            states[key] = state
        return state
