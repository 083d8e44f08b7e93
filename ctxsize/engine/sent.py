"""What would be sent of a context in memory, a directory at a time, and how two answers differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ctxsize.engine.listing import order

Names = Mapping[str, int]
"""The entries of one directory that are no directories, and the bytes that travel of each."""
_NONE: Names = {}


@dataclass(frozen=True, eq=False)
class Sent:
    """What would be sent of a snapshot under one evaluation."""

    names: Mapping[str, Names]
    """By directory; a directory of which no such entry is sent is missing."""
    directories: frozenset[str]
    empty: frozenset[str]
    """The files with content that arrive without it."""
    content_bytes: int
    files: int
    """All that is neither a directory nor a symlink."""

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return name in self.names.get(directory, _NONE) or path in self.directories

    def size(self, path: str) -> int:
        """Return the bytes of content of an entry that is sent; 0 for a directory."""
        directory, _, name = path.rpartition("/")
        return self.names.get(directory, _NONE).get(name, 0)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Return content bytes by entry, in no particular order; 0 for directories."""
        sizes = dict.fromkeys(self.directories, 0)
        for directory, names in self.names.items():
            prefix = _prefix(directory)
            sizes.update({prefix + name: size for name, size in names.items()})
        return sizes

    @property
    def paths(self) -> Collection[str]:
        """Return every entry, directories too; it behaves as a set."""
        return self.sizes.keys()

    def without(self, other: Sent) -> list[str]:
        """Return the entries that are sent here and not by `other`, in the builder's order."""
        found = [*(self.directories - other.directories)]
        for directory, names in self.names.items():
            there = other.names.get(directory, _NONE)
            if names is not there:
                prefix = _prefix(directory)
                found += [prefix + name for name in names.keys() - there.keys()]
        return sorted(found, key=order)

    def same(self, other: Sent) -> bool:
        """Return whether both send the same entries with the same content."""
        if self.directories != other.directories or self.empty != other.empty:
            return False
        return self.names == other.names


class SentDifference(NamedTuple):
    """The entries whose fate is another one; directories too, but for the last two."""

    hidden: frozenset[str]
    """Sent before, and no more."""
    shown: frozenset[str]
    """Sent from now on."""
    resized: frozenset[str]
    """Sent as before, with more of their content or less."""
    moved: frozenset[str]
    """Sent as before, and now empty or no more so, whatever travelled of them."""

    @property
    def paths(self) -> frozenset[str]:
        """Return all of them."""
        return self.hidden | self.shown | self.resized | self.moved


def differences(before: Sent, after: Sent) -> SentDifference:
    """Return what is sent otherwise `after`; directories that both share cost next to nothing."""
    hidden = {*(before.directories - after.directories)}
    shown = {*(after.directories - before.directories)}
    resized: set[str] = set()
    for directory, old, new in differing(before, after):
        prefix = _prefix(directory)
        hidden.update(prefix + name for name in old.keys() - new.keys())
        shown.update(prefix + name for name in new.keys() - old.keys())
        resized.update(prefix + name for name in old.keys() & new.keys() if old[name] != new[name])
    moved = (before.empty ^ after.empty) - hidden - shown
    return SentDifference(frozenset(hidden), frozenset(shown), frozenset(resized), frozenset(moved))


def differing(before: Sent, after: Sent) -> Iterator[tuple[str, Names, Names]]:
    """Yield each directory of which other entries are sent, with those before and after."""
    for directory, old in before.names.items():
        new = after.names.get(directory, _NONE)
        if old is not new and old != new:
            yield directory, old, new
    for directory in after.names.keys() - before.names.keys():
        yield directory, _NONE, after.names[directory]


def _prefix(directory: str) -> str:
    return f"{directory}/" if directory else ""
