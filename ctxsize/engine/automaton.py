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
tried on each path. The meaning of patterns is written in
`ctxsize.engine.patterns` alone; this module takes it apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ctxsize.engine import goregexp
from ctxsize.engine.evaluate import Evaluator, Mark, PatternByPattern
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec, classify

_MOST_NAMES = 20_000
_MOST_STATES = 20_000
_MOST_CHILDREN = 256

_REGEXP_CHARACTERS = frozenset("\\|{}^\ufffd\ufeff\n")
_PLAIN_CLASS = re.compile(r"\[(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?|[.])+\]")

Pick = Callable[[Sequence[str]], Iterable[str]]
"""Chooses the names of a directory that need a look."""


class Segment(NamedTuple):
    """One segment of a pattern: which names it matches, and what may stand before it."""

    kind: str
    """`literal`, `prefix`, `suffix` or `regexp`, of its `text`; `any` name; `opening` for the
    names that start with `text` where `**` follows it; `below` for that `**` itself."""
    text: str = ""
    loop: bool = False
    """Whether any number of other segments may precede it."""
    final: bool = False
    """Whether the pattern matches a path that ends here."""


def segments(pattern: DockerIgnorePattern) -> list[Segment] | None:
    """The segments of `pattern`, or None if it does not split at its slashes."""
    text = pattern.text
    kind, _ = classify(text)
    if kind == "exact":
        return _final([Segment("literal", part) for part in text.split("/")])
    if not _utf8(text) or text.startswith("\ufeff"):
        return None  # Docker cuts such a text between bytes, not between characters
    if kind == "prefix":
        return _open_ended(text[:-2].split("/"))
    if kind == "suffix":
        return _anywhere(text[2:])
    return _globs(text)


def _final(parts: list[Segment]) -> list[Segment]:
    return [*parts[:-1], parts[-1]._replace(final=True)]


_BELOW = Segment("below", loop=True, final=True)
"""The `**` at the end of a pattern."""


def _open_ended(parts: list[str]) -> list[Segment]:
    """`dir/**`: everything below; `dir/a**`: each name that starts so, and everything below."""
    before = [Segment("literal", part) for part in parts[:-1]]
    if not parts[-1]:
        return [*before, _BELOW]
    return [*before, Segment("opening", parts[-1], final=True), _BELOW]


def _anywhere(text: str) -> list[Segment]:
    """`**/x`: at any depth; `**x`: each path that ends so."""
    if not text:
        return [_BELOW]
    first, *rest = text.removeprefix("/").split("/")
    start = Segment("literal" if text.startswith("/") else "suffix", first, loop=True)
    return _final([start, *(Segment("literal", part) for part in rest)])


def _globs(text: str) -> list[Segment] | None:
    """The segments of a wildcard pattern; None if a wildcard could match across a slash."""
    if _REGEXP_CHARACTERS.intersection(text):
        return None
    without_classes = _PLAIN_CLASS.sub("_", text)
    if "[" in without_classes or "]" in without_classes:
        return None
    parts = text.split("/")
    found: list[Segment] = []
    loop = False
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        name = part.removeprefix("**")
        loop = loop or name != part
        if "**" in name:
            return _glob_to_the_end(found, name, loop=loop) if last else None
        if name:
            found.append(_glob(name)._replace(loop=loop))
            loop = False
        elif last:
            return [*found, _BELOW]
    return _final(found)


def _glob_to_the_end(found: list[Segment], name: str, *, loop: bool) -> list[Segment] | None:
    """The segments of a pattern that ends in `name**`, if nothing but text is before the stars."""
    start = name.removesuffix("**")
    if any(char in start for char in "*?["):
        return None
    return [*found, Segment("opening", start, loop=loop, final=True), _BELOW]


def _glob(name: str) -> Segment:
    if not any(char in name for char in "*?["):
        return Segment("literal", name)
    if name == "*":
        return Segment("any")
    if name.startswith("*") and not any(char in name[1:] for char in "*?["):
        return Segment("suffix", name[1:])
    if name.endswith("*") and not any(char in name[:-1] for char in "*?["):
        return Segment("prefix", name[:-1])
    return Segment("regexp", goregexp.translate(classify(name)[1]))


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Program:
    """The patterns of a spec as bits; masks are integers with one bit for each segment."""

    def __init__(self, patterns: Sequence[DockerIgnorePattern]) -> None:
        self.exceptional = [pattern.include is False for pattern in patterns]
        self.owner: list[int] = []
        self.parts: list[Segment] = []
        self.start = self.final = self.loop = self.advance = self.exceptions = 0
        self.text_loops = self._text_matches = 0
        self.whole_paths: list[tuple[int, Callable[[str], object]]] = []
        self._after: list[int] = []
        self._literals: dict[str, int] = {}
        self._tests: list[tuple[int, Callable[[str], object]]] = []
        self._always = 0
        self._names: dict[str, int] = {}
        for index, pattern in enumerate(patterns):
            self._add(index, pattern)
            self._after.append(-1 << len(self.owner))

    def after(self, index: int) -> int:
        """The bits of the patterns after `index`; all for -1."""
        return -1 if index < 0 else self._after[index]

    def _add(self, index: int, pattern: DockerIgnorePattern) -> None:
        self.start |= 1 << len(self.owner)
        parts = segments(pattern)
        if parts is None:
            assert pattern.regex is not None  # a spec holds no comments
            bit = self._bit(index, Segment("path", loop=True, final=True))
            self.whole_paths.append((bit, pattern.regex.search))
            return
        expression = classify(pattern.text)[0] == "regexp"
        for part in parts:
            bit = self._bit(index, part)
            self._learn(bit, part)
            # In an expression, `**` stops at a newline; as a mere prefix or suffix it does not.
            if expression and part.loop:
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

    def _learn(self, bit: int, part: Segment) -> None:
        if part.kind in ("any", "below"):
            self._always |= bit
        elif part.kind == "literal":
            self._literals[part.text] = self._literals.get(part.text, 0) | bit
        else:
            self._tests.append((bit, _test(part)))

    def bits(self, name: str) -> int:
        """The segments that match `name`."""
        found = self._names.get(name)
        if found is None:
            found = self._always | self._literals.get(name, 0)
            for bit, test in self._tests:
                if test(name):
                    found |= bit
            if "\n" in name:
                found &= ~self._text_matches
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[name] = found
        return found

    def path_bits(self, live: int, path: str) -> int:
        """Those of the `live` patterns without segments that match `path`."""
        found = 0
        for bit, search in self.whole_paths:
            if live & bit and search(path) is not None:
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


def _test(part: Segment) -> Callable[[str], object]:
    text = part.text
    if part.kind in ("prefix", "opening"):
        return lambda name: name.startswith(text)
    if part.kind == "suffix":
        return lambda name: name.endswith(text)
    return re.compile(text).search


class _State:
    """A directory: its mark, and what may still happen below it."""

    __slots__ = ("children", "decider", "last", "live", "mark", "marks", "pick", "reach")

    def __init__(self, program: _Program, live: int, decider: int, last: int) -> None:
        self.live = live
        self.decider = decider
        self.last = last
        self.mark = program.mark(decider, last)
        self.marks: dict[int, Mark] = {0: self.mark}
        self.children: dict[str, _State] = {}
        self.pick: Pick | None = None
        self.reach = not self.mark.ignored or bool(live & program.exceptions)


def fastest(spec: DockerIgnoreSpec) -> Evaluator[Any]:
    """The evaluator to use for `spec`: an automaton wherever it is exact."""
    if spec.remembers_parents and not any(pattern.fault for pattern in spec.patterns):
        return Automaton(spec)
    return PatternByPattern(spec)


class Automaton:
    """An evaluator that gives the same marks as `PatternByPattern`, a directory at a time.

    Its memory is bounded, whatever the tree. Not for specs with a faulty
    pattern or with another evaluation than `DockerIgnoreSpec.step`.
    """

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self._spec = spec
        self._program = _Program(spec.patterns)
        self._states: dict[tuple[int, int, int], _State] = {}
        self._picks: dict[int, Pick] = {}
        self._whole_paths = sum(bit for bit, _ in self._program.whole_paths)

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
        odd = {}
        for name in state.pick(names):
            matched = watched & program.bits(name)
            if watched & self._whole_paths:
                matched |= program.path_bits(watched, prefix + name)
            mark = state.marks.get(matched)
            if mark is None:
                mark = program.mark(*program.decide(state.decider, state.last, matched))
                state.marks[matched] = mark
            if mark != state.mark:
                odd[name] = mark
        return odd

    def enter(self, state: _State, prefix: str, name: str) -> _State:
        """The state of the subdirectory `name`."""
        child = state.children.get(name)
        if child is None:
            program = self._program
            hits = state.live & program.bits(name)
            if state.live & self._whole_paths:
                hits |= program.path_bits(state.live, prefix + name)
            decider, last = program.decide(state.decider, state.last, hits & program.final)
            live = program.follow(state.live, hits, name) & program.after(decider)
            child = self._state(live, decider, last)
            if len(state.children) < _MOST_CHILDREN and not state.live & self._whole_paths:
                state.children[name] = child
        return child

    def enters(self, state: _State, path: str) -> bool:
        """Whether anything below the ignored directory `path` can be sent."""
        return state.reach and self._spec.enters(path)

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
            pick = self._picks[watched] = _picker(_watched_parts(self._program, watched))
        return pick


def _watched_parts(program: _Program, watched: int) -> list[Segment]:
    parts = []
    while watched:
        lowest = watched & -watched
        parts.append(program.parts[lowest.bit_length() - 1])
        watched ^= lowest
    return parts


def _picker(parts: list[Segment]) -> Pick:
    """A filter for the names that one of `parts` matches."""
    if any(part.kind in ("any", "below", "path") for part in parts):
        return lambda names: names
    literals = frozenset(part.text for part in parts if part.kind == "literal")
    prefixes = tuple({part.text for part in parts if part.kind in ("prefix", "opening")})
    suffixes = tuple({part.text for part in parts if part.kind == "suffix"})
    flag = "(?a)"
    sources = sorted({part.text.removeprefix(flag) for part in parts if part.kind == "regexp"})
    if not sources and not prefixes and not suffixes:
        return lambda names: literals.intersection(names)
    if not sources:
        return lambda names: [
            name
            for name in names
            if name in literals or name.endswith(suffixes) or name.startswith(prefixes)
        ]
    search = re.compile(flag + "|".join(f"(?:{source})" for source in sources)).search
    return lambda names: [
        name
        for name in names
        if name in literals
        or name.endswith(suffixes)
        or name.startswith(prefixes)
        or search(name) is not None
    ]
