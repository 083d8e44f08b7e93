"""The verdicts of a whole directory at once: the fast evaluator.

Why it is exact. After Docker's walk has dealt with a path, only the *last*
pattern that counts as matched matters for everything below: its kind is the
verdict, and an earlier pattern can no longer change it. A later one can, and it
counts only if it changes the verdict (`DockerIgnoreSpec.step`). So a directory
is summed up by that one pattern, the `decider`, and by how far each later
pattern has got with its segments.

How it is fast. A pattern is split at `/`; each segment is one bit of an
integer, the bits of later patterns higher. `live` has the bits whose segment
may match a name in this directory. Entering a child is a look-up of the name's
bits, an `and` and a shift. Of a directory's files only those that some live
last segment matches are looked at; all others share the directory's mark.

What does not split into segments (a class that may match `/`, `**` inside a
name, the oddities of regular expressions) keeps its expression, which is then
tried on each path below the segments that do split off at its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ctxsize.engine.evaluate import Evaluator, Mark, PatternByPattern
from ctxsize.engine.matching import Index, Pick, Search, picker
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec, classify
from ctxsize.engine.segments import REST, Segment, segments

_MOST_NAMES = 50_000
_MOST_STATES = 20_000
_MOST_CHILDREN = 256


class _Program:
    """The patterns of a spec as bits; masks are integers with one bit for each segment."""

    def __init__(self, patterns: Sequence[DockerIgnorePattern]) -> None:
        self.exceptional = [pattern.include is False for pattern in patterns]
        self.owner: list[int] = []
        self.parts: list[Segment] = []
        self.start = self.final = self.loop = self.advance = self.exceptions = 0
        self.text_loops = self._text_matches = 0
        self.whole_paths = 0
        self._path_searches: list[tuple[int, Search]] = []
        self._live_searches: dict[int, list[tuple[int, Search]]] = {}
        self._after: list[int] = []
        self._index = Index()
        self._always = 0
        self.known: dict[str, int] = {}
        self._same: dict[int, int] = {}
        for index, pattern in enumerate(patterns):
            self._add(index, pattern)
            self._after.append(-1 << len(self.owner))

    def after(self, index: int) -> int:
        """The bits of the patterns after `index`; all for -1."""
        return -1 if index < 0 else self._after[index]

    def _add(self, index: int, pattern: DockerIgnorePattern) -> None:
        self.start |= 1 << len(self.owner)
        parts = segments(pattern)
        parts = [REST] if parts is None else parts
        expression = classify(pattern.text)[0] == "regexp"
        for part in parts:
            bit = self._bit(index, part)
            if part.kind == "path":
                assert pattern.regex is not None  # a spec holds no comments
                self._path_searches.append((bit, pattern.regex.search))
                self.whole_paths |= bit
            elif part.kind in ("any", "below"):
                self._always |= bit
            else:
                self._index.add(bit, part)
            # In an expression, `**` stops at a newline; as a mere prefix or suffix it does not.
            if expression and part.loop and part.kind != "path":
                self.text_loops |= bit
            if expression and part.kind in ("below", "opening"):
                self._text_matches |= bit
            self.advance |= bit if part is not parts[-1] else 0

    def _bit(self, index: int, part: Segment) -> int:
        bit = 1 << len(self.owner)
        self.owner.append(index)
        self.parts.append(part)
        self.final |= bit if part.final else 0
        self.loop |= bit if part.loop else 0
        self.exceptions |= bit if self.exceptional[index] else 0
        return bit

    def bits(self, name: str) -> int:
        """The segments that match `name`; `known` has those of names that came before."""
        found = self._always | self._index.matching(name)
        if "\n" in name:
            found &= ~self._text_matches
        if len(self.known) >= _MOST_NAMES:
            self.known.clear()
            self._same.clear()
        self.known[name] = found = self._same.setdefault(found, found)
        return found

    def path_bits(self, live: int, path: str) -> int:
        """Those of the `live` patterns without segments that match `path`."""
        searches = self._live_searches.get(live)
        if searches is None:
            if len(self._live_searches) >= _MOST_CHILDREN:
                self._live_searches.clear()
            searches = [each for each in self._path_searches if live & each[0]]
            self._live_searches[live] = searches
        found = 0
        for bit, search in searches:
            if search(path) is not None:
                found |= bit
        return found

    def follow(self, live: int, hits: int, name: str) -> int:
        """The bits that are live below `name`, of which `hits` matched it."""
        loops = self.loop & ~self.text_loops if "\n" in name else self.loop
        return (hits & self.advance) << 1 | live & loops

    def decide(self, decider: int, last: int, matched: int) -> tuple[int, int]:
        """The new decider and last match after a path that the `matched` patterns match.

        Only a later pattern of the other kind changes the verdict, and only one
        that does is remembered for what lies below.
        """
        matched &= self.after(decider)
        if not matched:
            return decider, last
        last = max(last, self.owner[matched.bit_length() - 1])
        ignored = decider >= 0 and not self.exceptional[decider]
        while rivals := matched & (self.exceptions if ignored else ~self.exceptions):
            lowest = rivals & -rivals
            decider = self.owner[lowest.bit_length() - 1]
            matched &= self.after(decider)
            ignored = not ignored
        return decider, last

    def mark(self, decider: int, last: int) -> Mark:
        """The mark of a path whose fate those two patterns are."""
        ignored = decider >= 0 and not self.exceptional[decider]
        refused = not ignored and last >= 0 and not self.exceptional[last]
        return Mark(ignored, None if decider < 0 else decider, refused)


class _State:
    """A directory: its mark, and what may still happen below it."""

    __slots__ = ("children", "decider", "last", "live", "mark", "marks", "pick", "reach")

    def __init__(self, program: _Program, live: int, decider: int, last: int) -> None:
        self.live = live
        self.decider = decider
        self.last = last
        self.mark = program.mark(decider, last)
        self.marks: dict[int, Mark | None] = {}
        self.children: dict[str, _State] = {}
        self.pick: Pick | None = None
        self.reach = not self.mark.ignored or bool(live & program.exceptions)


def fastest(spec: DockerIgnoreSpec, *, thorough: bool = False) -> Evaluator[Any]:
    """The evaluator to use for `spec`: an automaton wherever it is exact.

    A `thorough` one has every ignored directory opened that Docker opens.
    """
    if spec.remembers_parents and not any(pattern.fault for pattern in spec.patterns):
        return Automaton(spec, thorough=thorough)
    return PatternByPattern(spec)


class Automaton:
    """An evaluator that gives the same marks as `PatternByPattern`, a directory at a time.

    Its memory is bounded, whatever the tree. Not for specs with a faulty
    pattern or with another evaluation than `DockerIgnoreSpec.step`.
    """

    def __init__(self, spec: DockerIgnoreSpec, *, thorough: bool = False) -> None:
        self._spec = spec
        self._thorough = thorough
        self._program = _Program(spec.patterns)
        self._states: dict[tuple[int, int, int], _State] = {}
        self._picks: dict[int, Pick] = {}

    def root(self) -> _State:
        """The state of the context itself."""
        return self._state(self._program.start, -1, -1)

    def odd(self, state: _State, prefix: str, names: Sequence[str]) -> dict[str, Mark]:
        """The marks of those `names` that differ from the directory's own."""
        program = self._program
        watched = state.live & program.final
        if not watched:
            return {}
        if state.pick is None:
            state.pick = self._pick(watched)
        known, marks, on_paths = program.known, state.marks, watched & program.whole_paths
        odd: dict[str, Mark] = {}
        for name in state.pick(names):
            bits = known.get(name)
            matched = watched & (program.bits(name) if bits is None else bits)
            if on_paths:
                matched |= program.path_bits(on_paths, prefix + name)
            if matched:
                mark = marks[matched] if matched in marks else self._mark(state, matched)
                if mark is not None:
                    odd[name] = mark
        return odd

    def _mark(self, state: _State, matched: int) -> Mark | None:
        """The mark of an entry that the `matched` segments match; None for the usual one."""
        program = self._program
        mark = program.mark(*program.decide(state.decider, state.last, matched))
        found = None if mark == state.mark else mark
        if len(state.marks) < _MOST_CHILDREN:
            state.marks[matched] = found
        return found

    def enter(self, state: _State, prefix: str, name: str) -> _State:
        """The state of the subdirectory `name`."""
        child = state.children.get(name)
        if child is None:
            program = self._program
            bits = program.known.get(name)
            hits = state.live & (program.bits(name) if bits is None else bits)
            on_paths = state.live & program.whole_paths
            if on_paths:
                hits |= program.path_bits(on_paths, prefix + name)
            decider, last = program.decide(state.decider, state.last, hits & program.final)
            live = program.follow(state.live, hits, name) & program.after(decider)
            child = self._state(live, decider, last)
            if len(state.children) < _MOST_CHILDREN and not on_paths:
                state.children[name] = child
        return child

    def enters(self, state: _State, path: str) -> bool:
        """Whether anything below the ignored directory `path` can be sent.

        If `thorough`, whether Docker looks: it does wherever an exception has a wildcard.
        """
        return (state.reach or self._thorough) and self._spec.enters(path)

    def _state(self, live: int, decider: int, last: int) -> _State:
        key = (live, decider, last)
        state = self._states.get(key)
        if state is None:
            if len(self._states) >= _MOST_STATES:
                self._states.clear()
            state = self._states[key] = _State(self._program, live, decider, last)
        return state

    def _pick(self, watched: int) -> Pick:
        pick = self._picks.get(watched)
        if pick is None:
            if len(self._picks) >= _MOST_STATES:
                self._picks.clear()
            pick = self._picks[watched] = picker(_watched_parts(self._program, watched))
        return pick


def _watched_parts(program: _Program, watched: int) -> list[Segment]:
    parts = []
    while watched:
        lowest = watched & -watched
        parts.append(program.parts[lowest.bit_length() - 1])
        watched ^= lowest
    return parts
