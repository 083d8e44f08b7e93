"""A tree of a few thousand nodes: the largest parts of a context, and the sums of the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush, nsmallest
from typing import NamedTuple

from ctxsize.engine.source import MemoryDirectory
from ctxsize.formats.wording import fit, visible

Amounts = tuple[tuple[int, int, int], ...]
"""For each class of files its index, and the number of bytes and files."""
_DEEPEST = 60
"""Number of levels of nodes; what lies deeper is one leaf."""
_LONGEST_NAME = 160
"""Number of columns of a name."""


class Box(NamedTuple):
    """A rectangle of the picture, and those in it."""

    name: str
    kind: str
    """`d` for a directory, `f` file, `l` symlink, `o` other, `r` the smaller entries together."""
    amounts: Amounts
    """Empty for a directory with children."""
    children: Sequence[Box] = ()
    more: int = 0
    """Number of entries that it stands for."""


class Leaf(NamedTuple):
    """An entry, ordered by size, with the directory if it is one."""

    order: tuple[int, int]
    path: str
    name: str
    kind: str
    amounts: Amounts
    held: MemoryDirectory | None = None


def leaf(
    path: str, name: str, kind: str, amounts: Amounts, held: MemoryDirectory | None = None
) -> Leaf:
    """Return an entry with the order of its amounts: the largest comes first."""
    size = -sum(each[1] for each in amounts), -sum(each[2] for each in amounts)
    return Leaf(size, path, name, kind, amounts, held)


class Treemap:
    """The directories below `root` with their sums; `entries` returns the others in a directory."""

    def __init__(
        self, root: MemoryDirectory, entries: Callable[[MemoryDirectory], list[Leaf]]
    ) -> None:
        self._root, self._entries = root, entries
        self._sums: dict[str, Amounts] = {}
        self._only: dict[str, MemoryDirectory] = {}
        for held in reversed([*root.tree()]):
            found = [each.amounts for each in entries(held)]
            folders = [each for each in held.folders.values() if each.path in self._sums]
            if found or folders or held is root:
                sums = [self._sums[each.path] for each in folders]
                self._sums[held.path] = added(each for some in (*found, *sums) for each in some)
            if len(folders) == 1 and not found:
                self._only[held.path] = folders[0]
        self.amounts = self._sums[root.path]

    def _children(self, held: MemoryDirectory) -> list[Leaf]:
        """Return the entries; a directory stands for the single one in it, if that is so."""
        children = self._entries(held)
        for folder in held.folders.values():
            if folder.path in self._sums:
                end = folder
                while end.path in self._only:
                    end = self._only[end.path]
                name = end.path[len(held.prefix) :]
                children.append(leaf(end.path, name, "d", self._sums[end.path], end))
        return children

    def nodes(self, most: int) -> Box:
        """Return the tree with about `most` nodes: the largest entries, wherever they are."""
        first = leaf("", ".", "d", self.amounts, self._root)
        shown, counts = defaultdict[str, list[Leaf]](list), dict[str, int]()
        heap = [(first, 0, "")]
        while heap and most > 0:
            each, depth, above = heappop(heap)
            most, held = most - 1, each.held
            if depth:
                shown[above].append(each)
            if held is not None and depth < _DEEPEST:
                children = self._children(held)
                counts[held.path] = len(children)
                most -= len(children) > most  # room for the rest of them
                for child in nsmallest(most, children):
                    heappush(heap, (child, depth + 1, held.path))
        return self._node(first, shown, counts)

    def _node(self, each: Leaf, shown: dict[str, list[Leaf]], counts: dict[str, int]) -> Box:
        name = fit(visible(each.name), _LONGEST_NAME)
        found = shown.get(each.path, []) if each.held is not None else []
        if not found:
            return Box(name, each.kind, each.amounts, (), counts.get(each.path, 0))
        children = [self._node(child, shown, counts) for child in found]
        if left := counts[each.path] - len(found):
            gone = ((at, -size, -files) for one in found for at, size, files in one.amounts)
            children.append(Box("", "r", added((*each.amounts, *gone)), (), left))
        return Box(name, each.kind, (), children)


def added(parts: Iterable[tuple[int, int, int]]) -> Amounts:
    """Return the sums by class."""
    sums: dict[int, list[int]] = {}
    for at, size, files in parts:
        one = sums.setdefault(at, [0, 0])
        one[0] += size
        one[1] += files
    return tuple((at, size, files) for at, (size, files) in sorted(sums.items()))
