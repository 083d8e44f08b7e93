"""The entries that one source of COPY or ADD copies, where these are not all that it asks for.

`--exclude` does not change what is sent: BuildKit leaves the entries out when it copies. A pattern
is relative to each directory that is copied, whose own name it cannot exclude, and neither can it
exclude a file that the source itself names (`copier.exclude` of fsutil). A wildcard that matches a
symlink asks for whole trees (`follow`), and the source names a part of them. `--parents` copies
what its pattern matches below the pivot, and follows no symlink there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator, HasMark, Mark
from ctxsize.engine.narrow import NOT_ASKED_FOR, Ends, ExcludePattern, ExcludeSpec, Narrowed, ends
from ctxsize.go.wildcards import has_wildcards, match


def copies_all(source: Source, include: Iterable[str] | None) -> bool:
    """Return whether `source` copies all that it asks for.

    `include` are the patterns that `follow` returns for its path.
    """
    if source.excludes or source.parents is not None:
        return False
    cut = (each for each in include or () if source.path.startswith(f"{each}/"))
    return not any(map(has_wildcards, cut))


def copied(
    asked: Evaluator[Any], source: Source, root: str, include: Iterable[str] | None
) -> Evaluator[Any]:
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
    within: tuple[Within, ...]
    mark: Mark


class CopiedPart:
    """An evaluator for the entries of `asked` that lead to `Ends`, and those in them."""

    def __init__(self, asked: Evaluator[Any], inside: Evaluator[Any], ends: Ends) -> None:
        """Copy from the directories among `ends` what `inside` says, by paths relative to them."""
        self._asked = asked
        self._inside = inside
        self._ends = ends

    def root(self) -> CopiedState:
        asked = self._asked.root()
        if "." not in self._ends.paths:
            return CopiedState(asked, (), asked.mark)
        return CopiedState(asked, (Within(0, self._inside.root()),), asked.mark)

    def others(self, state: CopiedState, prefix: str, names: Sequence[str]) -> dict[str, Mark]:
        asked = self._asked.others(state.asked, prefix, names)
        copied = self._copied(state, prefix, names)
        marks = dict[str, Mark]()
        for name in names:
            mark = asked.get(name, state.asked.mark)
            if name not in copied and not mark.ignored:
                mark = NOT_ASKED_FOR
            if mark != state.mark:
                marks[name] = mark
        return marks

    def enter(self, state: CopiedState, prefix: str, name: str) -> CopiedState:
        asked = self._asked.enter(state.asked, prefix, name)
        within = [
            Within(length, self._inside.enter(inner, prefix[length:], name))
            for length, inner in state.within
        ]
        if self._is_end(prefix + name):
            within.append(Within(len(prefix) + len(name) + 1, self._inside.root()))
        mark = asked.mark
        if not mark.ignored and all(each.state.mark.ignored for each in within):
            mark = NOT_ASKED_FOR
        return CopiedState(asked, tuple(within), mark)

    def enters(self, state: CopiedState, path: str) -> bool:
        if state.asked.mark.ignored and not self._asked.enters(state.asked, path):
            return False
        return self._leads_on(path) or any(self._may_copy(each, path) for each in state.within)

    def _may_copy(self, within: Within, path: str) -> bool:
        inside = path[within.length :]
        return not within.state.mark.ignored or self._inside.enters(within.state, inside)

    def _leads_on(self, path: str) -> bool:
        """Return whether an end, or a symlink on the way, may lie below the directory `path`."""
        depth = path.count("/") + 1
        deeper = (each.split("/") for each in self._ends.paths if each.count("/") >= depth)
        if any(_matches("/".join(parts[:depth]), path) for parts in deeper):
            return True
        return any(link.startswith(f"{path}/") for link in self._ends.links)

    def _is_end(self, path: str) -> bool:
        return any(_matches(end, path) for end in self._ends.paths)

    def _copied(self, state: CopiedState, prefix: str, names: Sequence[str]) -> set[str]:
        """Return those of `names` that are copied, or that lead to what is copied."""
        copied = set[str]()
        for length, inner in state.within:
            copied |= {*self._left(inner, prefix[length:], names)}
        for name in (name for name in names if name not in copied):
            if prefix + name in self._ends.links or self._is_end(prefix + name):
                copied.add(name)
        return copied

    def _left(self, state: HasMark, prefix: str, names: Sequence[str]) -> Iterator[str]:
        """Yield the names that are not left out of a copied directory."""
        marks = self._inside.others(state, prefix, names)
        for name in names:
            if not marks.get(name, state.mark).ignored:
                yield name


def _matches(end: str, path: str) -> bool:
    return path == end or match(end, path)
