"""The tree of a page: directories as nodes, the largest of them within a room."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import chain, count
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.formats.wording import fit, visible
from ctxsize.model import Amount

ROOM = 225_000  # number of characters of all trees, some 4,000 nodes
LONGEST_NAME = 160  # number of columns
_FEW = 30  # number of entries that a directory shows if there is room
_DEEPEST = 60  # number of levels


class ClassAmount(NamedTuple):
    """The bytes and files of one class of entries; JSON has it as a list."""

    number: int  # the index of the class
    content_bytes: int
    files: int


Amounts = list[ClassAmount]
Order = tuple[int, int, str]  # a key for sorting: the least is the largest entry


class Leaf(NamedTuple):
    """An entry of a directory: its name, its kind as in a node, and its amounts."""

    name: str
    kind: str
    amounts: Amounts
    directory: MemoryDirectory | None = None

    @property
    def order(self) -> Order:
        """Return a key: the largest comes first."""
        size = Amount.of(*self.amounts)
        return -size.content_bytes, -size.files, self.name


class _Pending(NamedTuple):
    """A leaf whose node is still to be made; the first of a heap is the largest."""

    order: Order
    number: int  # makes each comparable
    leaf: Leaf
    siblings: list[object]  # the nodes to which its own is added
    depth: int


Leaves: TypeAlias = Callable[[MemoryDirectory], Iterable[Leaf]]
OwnAmounts: TypeAlias = Callable[[MemoryDirectory], list[Amounts]]


class _Entries:
    """The entries of directories; a directory that has nothing but another one is that one."""

    def __init__(self, root: MemoryDirectory, leaves: Leaves, amounts: OwnAmounts | None) -> None:
        self._leaves = leaves
        self._sums: dict[str, Amounts] = {}
        self._ends: dict[str, MemoryDirectory] = {}
        for directory in reversed([*root.tree()]):
            if amounts is None:
                own = [leaf.amounts for leaf in leaves(directory)]
            else:
                own = amounts(directory)
            inner = self._folders(directory)
            below = [self._sums[path] for path in inner]
            path = directory.path
            self._sums[path] = added([*own, *below])
            self._ends[path] = directory
            if len(inner) == 1 and not own:
                self._ends[path] = self._ends[inner[0]]
        self.root = Leaf(".", "d", self._sums[""], root)

    def of(self, leaf: Leaf) -> list[Leaf]:
        """Return the entries of a directory, the largest first; none of a file."""
        directory = leaf.directory
        if directory is None:
            return []
        entries = [*self._leaves(directory)]
        for path in self._folders(directory):
            end = self._ends[path]
            name = end.path[len(directory.prefix) :]
            entries.append(Leaf(name, "d", self._sums[end.path], end))
        return sorted(entries, key=attrgetter("order"))

    def _folders(self, directory: MemoryDirectory) -> list[str]:
        """Return the paths of the directories in one that have anything."""
        paths = [folder.path for folder in directory.folders.values()]
        return [path for path in paths if self._sums[path]]


def nodes(
    root: MemoryDirectory, leaves: Leaves, most: int = ROOM, amounts: OwnAmounts | None = None
) -> object:
    """Return the tree as `[name, kind, amounts, children, more]`, of about `most` characters.

    `amounts` are those of all `leaves` of a directory, which is asked for these if it is drawn.
    """
    entries = _Entries(root, leaves, amounts)
    first = entries.root
    least = 12 * first.order[0] / most  # an order: it is negative
    number = count()
    top = list[object]()
    heap = [_Pending(first.order, next(number), first, top, 0)]
    while heap:
        pending = heappop(heap)
        leaf = pending.leaf
        inside = entries.of(leaf)
        shown = []
        if pending.depth < _DEEPEST:
            shown = _largest(inside, least, most)
        most -= _length(shown)
        children = list[object]()
        name = fit(visible(leaf.name), LONGEST_NAME)
        node = [name, leaf.kind, leaf.amounts, children, len(inside)]
        if shown:
            node = [name, leaf.kind, [], children, 0]
        pending.siblings.append(node)
        for entry in shown:
            below = _Pending(entry.order, next(number), entry, children, pending.depth + 1)
            heappush(heap, below)
        left = inside[len(shown) :]
        if shown and left:
            rest = added(entry.amounts for entry in left)
            children.append(["", "r", rest, [], len(left)])
            most = max(0, most - 20 - 16 * len(rest))
    return top[0]


def _largest(entries: list[Leaf], least: float, most: float) -> list[Leaf]:
    """Return the first entries: those up to the order `least` and a few, within half the room."""
    large = bisect(entries, least, key=lambda entry: entry.order[0])
    shown = entries[: max(_FEW, large)]
    while _length(shown) > most / 2:
        shown = shown[: len(shown) // 2]
    return shown


def _length(entries: Iterable[Leaf]) -> int:
    """Return about how many characters the nodes of entries take."""
    return sum(30 + len(entry.name) + 16 * len(entry.amounts) for entry in entries)


def added(parts: Iterable[Amounts]) -> Amounts:
    """Return the sums by class."""
    by_class: dict[int, ClassAmount] = {}
    for number, content_bytes, files in chain.from_iterable(parts):
        before = by_class.get(number, ClassAmount(number, 0, 0))
        by_class[number] = ClassAmount(
            number, before.content_bytes + content_bytes, before.files + files
        )
    return sorted(by_class.values())
