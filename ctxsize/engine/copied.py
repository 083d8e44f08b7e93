"""The entries that one source of COPY or ADD copies, where these are not all that it asks for.

`--exclude` does not change what is sent: BuildKit leaves the entries out when it copies. A pattern
is relative to each directory that is copied, whose own name it cannot exclude, and neither can it
exclude a file that the source itself names (`copier.exclude` of fsutil). A wildcard that matches a
symlink asks for whole trees (`follow`), and the source names a part of them. `--parents` copies
what its pattern matches below the pivot, and follows no symlink there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator, HasMark, Mark, Marks, up_to
from ctxsize.engine.narrow import (
    NOT_ASKED_FOR,
    Ends,
    ExcludePattern,
    ExcludeSpec,
    Includes,
    Narrowed,
    ends,
    may_send,
)
from ctxsize.go.wildcards import has_wildcards, match


def copies_all(source: Source, include: Includes) -> bool:
    """Return whether `source` copies all that it asks for.

    `include` are the patterns that `follow` returns for its path.
    """
    if source.excludes:
        return False
    if source.parents is not None:
        return False
    for pattern in include or ():
        if has_wildcards(pattern) and source.path.startswith(f"{pattern}/"):
            return False
    return True


def copied(asked: Evaluator, source: Source, root: str, include: Includes) -> Evaluator:
    """Return the evaluator of what `source` copies among all that `asked` sends.

    `include` are the patterns that `follow` returns for its path below `root`.
    """
    if copies_all(source, include):
        return asked
    excludes = ExcludeSpec(map(ExcludePattern, source.excludes))
    if source.parents is None:
        return CopiedPart(asked, fastest(excludes), ends(root, source.path))
    base, pattern = source.parents
    return CopiedPart(asked, Narrowed(excludes, [pattern]), ends(root, base))


class Within(NamedTuple):
    """A copied directory above an entry, and the state of what is copied inside of it."""

    length: int  # characters of its path with a trailing `/`
    state: HasMark


class CopiedState(NamedTuple):
    """The state of a directory."""

    asked: HasMark
    within: Sequence[Within]
    mark: Mark


class CopiedPart:
    """An evaluator for the entries of `asked` that lead to `Ends`, and those in them."""

    def __init__(self, asked: Evaluator, inside: Evaluator, ends: Ends) -> None:
        """Copy from the directories among `ends` what `inside` says, by paths relative to them."""
        self._asked = asked
        self._inside = inside
        self._ends = ends
        ways = (*ends.paths, *ends.links)
        self._above = {above for way in ways for above in up_to(way)[:-1]}

    def root(self) -> CopiedState:
        asked = self._asked.root()
        within = []
        if "." in self._ends.paths:
            within.append(Within(0, self._inside.root()))
        return CopiedState(asked, within, asked.mark)

    def others(self, state: CopiedState, prefix: str, names: Sequence[str]) -> Marks:
        asked = self._asked.others(state.asked, prefix, names)
        copied = set()
        for length, inner in state.within:
            inside = self._inside.others(inner, prefix[length:], names)
            for name in names:
                if not inside.get(name, inner.mark).ignored:
                    copied.add(name)
        marks: Marks = {}
        for name in names:
            path = prefix + name
            mark = asked.get(name, state.asked.mark)
            if not mark.ignored and name not in copied:
                if path not in self._ends.links and not _is_named(path, self._ends.paths):
                    mark = NOT_ASKED_FOR
            if mark != state.mark:
                marks[name] = mark
        return marks

    def enter(self, state: CopiedState, prefix: str, name: str) -> CopiedState:
        asked = self._asked.enter(state.asked, prefix, name)
        path = prefix + name
        within = [
            Within(length, self._inside.enter(above, prefix[length:], name))
            for length, above in state.within
        ]
        if _is_named(path, self._ends.paths):
            within.append(Within(len(path) + 1, self._inside.root()))
        mark = asked.mark
        if not mark.ignored and all(inside.state.mark.ignored for inside in within):
            mark = NOT_ASKED_FOR
        return CopiedState(asked, within, mark)

    def enters(self, state: CopiedState, path: str) -> bool:
        if not may_send(self._asked, state.asked, path):
            return False
        if _is_named(path, self._above):
            return True
        return any(may_send(self._inside, inner, path[length:]) for length, inner in state.within)


def _is_named(path: str, patterns: Collection[str]) -> bool:
    """Return whether one of `patterns` is `path` or matches it."""
    if path in patterns:
        return True
    return any(match(pattern, path) for pattern in patterns)
