"""Sums of the files that a list of patterns sends of trees of git, computed once a directory.

The fate of an entry depends on its path and on the patterns alone. So a directory that two commits
share at the same path has the same sums in both. Sizes are those of git's objects; symlinks count
no bytes, and submodules are empty directories.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxsize.engine.evaluate import DirectoryStates, Evaluator, HasMark
from ctxsize.engine.git import GitError
from ctxsize.engine.narrow import may_send
from ctxsize.engine.objects import GitEntries, GitObjects
from ctxsize.engine.sent_files import FilesByDirectory, Sizes
from ctxsize.model import Amount

_MOST_VISITS = 300_000  # directories of one commit: a small hostile repository may have billions
_LONGEST_PATH = 10_000  # characters; no system has as long ones
_NOTHING = Amount()


class TreeAt(NamedTuple):
    """A directory of git's, and its path in the context."""

    tree: str
    path: str = ""

    @property
    def prefix(self) -> str:
        """Return what stands before the names in it."""
        if self.path:
            return f"{self.path}/"
        return ""


class _Sum:
    """A directory whose sum is being computed; there may be many, so it is no `Mutable`."""

    def __init__(self, place: TreeAt, state: HasMark, above: _Sum | None) -> None:
        self.place = place
        self.state = state
        self.above = above
        self.files = 0
        self.content_bytes = 0

    def add(self, amount: Amount) -> None:
        self.files += amount.files
        self.content_bytes += amount.content_bytes


class TreeSums:
    """The sums of what an evaluator sends of any tree.

    Raises `GitError` for trees that git cannot read, and what the evaluator raises.
    """

    def __init__(self, objects: GitObjects, evaluator: Evaluator, *, refuses: bool) -> None:
        """Compute nothing yet; `refuses` is the field `refuses_to_open` of the builder."""
        self._objects = objects
        self._evaluator = evaluator
        self._refuses = refuses
        self._states = DirectoryStates(evaluator)
        self._amounts: dict[TreeAt, Amount] = {}

    def amount(self, tree: str) -> Amount:
        """Return the sum of what is sent of a context."""
        top = TreeAt(tree)
        if top not in self._amounts:
            self._objects.load([tree])
            self._add_up(_Sum(top, self._evaluator.root(), None))
        return self._amounts[top]

    def _add_up(self, top: _Sum) -> None:
        """Compute the sums of a directory and of all below that have none yet."""
        sums = [top]
        for directory in sums:
            if len(sums) > _MOST_VISITS:
                raise GitError("it has too many directories")
            sums += self._unknown_below(directory)
        for directory in reversed(sums):  # those below come first
            amount = Amount(directory.files, directory.content_bytes)
            self._amounts[directory.place] = amount
            above = directory.above
            if above is not None:
                above.add(amount)

    def _unknown_below(self, directory: _Sum) -> Iterator[_Sum]:
        """Add the files of a directory and the known sums in it; yield those to compute."""
        prefix = directory.place.prefix
        if len(prefix) > _LONGEST_PATH:
            raise GitError("its directories are too deep")
        entries = self._objects.entries(directory.place.tree)
        sizes = self._sent(entries, prefix, directory.state)
        directory.add(Amount(len(sizes), sum(sizes.values())))
        states = self._entered(entries, prefix, directory.state)
        for name, state in states.items():
            place = TreeAt(entries[name].name, prefix + name)
            known = self._amounts.get(place)
            if known is None:
                yield _Sum(place, state, directory)
            else:
                directory.add(known)

    def _sent(self, entries: GitEntries, prefix: str, state: HasMark) -> Sizes:
        """Return the bytes of the files in a directory that are sent, without symlinks."""
        evaluator = self._evaluator
        names = []
        for name, entry in entries.items():
            if entry.is_file or entry.is_link:
                names.append(name)
        others = evaluator.others(state, prefix, names)
        may_refuse = self._refuses and bool(state.mark.refused or others)
        if state.mark.ignored and not others:
            return {}
        sizes = {}
        for name in names:
            mark = others.get(name, state.mark)
            if mark.ignored:
                continue
            entry = entries[name]
            if entry.is_link:
                continue
            size = self._objects.size(entry.name) or 0
            if may_refuse and mark.refused:
                size = 0  # it arrives empty
            sizes[name] = size
        return sizes

    def _entered(self, entries: GitEntries, prefix: str, state: HasMark) -> Mapping[str, HasMark]:
        """Return the states of the subdirectories that may send something."""
        states = {}
        for name, entry in entries.items():
            if not entry.is_directory:
                continue
            below = self._evaluator.enter(state, prefix, name)
            if may_send(self._evaluator, below, prefix + name):
                states[name] = below
        return states

    def parts(self, place: TreeAt) -> dict[str, Amount]:
        """Return what is sent of each entry of a directory, which `amount` added up."""
        state = self._states.state(place.path)
        if state is None:
            return {}
        entries = self._objects.entries(place.tree)
        sizes = self._sent(entries, place.prefix, state)
        parts = {name: Amount(1, size) for name, size in sizes.items()}
        for name, entry in entries.items():
            if entry.is_directory:
                below = TreeAt(entry.name, place.prefix + name)
                parts[name] = self._amounts.get(below, _NOTHING)
        return parts

    def below(self, place: TreeAt, name: str) -> TreeAt | None:
        """Return a subdirectory, None if there is none of this name."""
        entry = self._objects.entries(place.tree).get(name)
        if entry is None or not entry.is_directory:
            return None
        return TreeAt(entry.name, place.prefix + name)

    def files(self, tree: str) -> FilesByDirectory:
        """Return the files that are sent of a context, with their bytes."""
        if not self.amount(tree).files:
            return FilesByDirectory({})
        by_directory: dict[str, Sizes] = {}
        pending = [TreeAt(tree)]
        while pending:
            place = pending.pop()
            entries = self._objects.entries(place.tree)
            state = self._states.state(place.path)
            if state is None:
                continue
            sizes = self._sent(entries, place.prefix, state)
            if sizes:
                by_directory[place.path] = sizes
            for name, entry in entries.items():
                if not entry.is_directory:
                    continue
                below = TreeAt(entry.name, place.prefix + name)
                amount = self._amounts.get(below, _NOTHING)
                if amount.files:
                    pending.append(below)
        return FilesByDirectory(by_directory)
