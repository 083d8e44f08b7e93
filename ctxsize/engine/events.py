"""The events of a walk, in the order in which the builder sends.

Files that are sent one after another from one directory share an event.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple, TypeVar

from ctxsize.engine.evaluate import Mark
from ctxsize.engine.golang import is_utf8

Xattrs = dict[str, int]
"""Names of extended attributes, and the number of bytes in each value."""
_NOBODY: frozenset[str] = frozenset()


class Folder(NamedTuple):
    """A directory that is sent."""

    path: str
    stat: os.stat_result
    mark: Mark
    xattrs: Xattrs


class Files(NamedTuple):
    """Consecutive entries of one directory that are sent, without directories."""

    prefix: str
    """The directory's path with a trailing `/`, `""` for the context."""
    names: list[str]
    stats: list[os.stat_result]
    plain: bool
    """True if all are regular files with one name, readable by everybody, without special bits."""
    mark: Mark
    """The mark of every name that is not in `odd`."""
    odd: dict[str, Mark]
    links: dict[str, str]
    """The symlinks among them, with their targets."""
    linked: dict[str, str]
    """Further names of files, with the path under which each file was sent first."""
    unreadable: frozenset[str]
    xattrs: dict[str, Xattrs]

    def withheld(self) -> frozenset[str]:
        """Return the names that the sender refuses to open, if the builder refuses at all."""
        usual, odd = self.mark.refused, self.odd
        if not usual and not odd:
            return _NOBODY
        return frozenset(n for n in self.names if (odd[n].refused if n in odd else usual))

    def content_sizes(self, empty: frozenset[str]) -> list[int]:
        """Return the bytes of content sent for each name; 0 for the names in `empty`."""
        if self.plain and not empty:
            return [each.st_size for each in self.stats]
        # The sender announces `st_size` for symlinks too, but sends content only for files.
        sizes = [each.st_size if stat.S_ISREG(each.st_mode) else 0 for each in self.stats]
        none = empty.union(self.linked)
        if not none:
            return sizes
        return [0 if name in none else size for name, size in zip(self.names, sizes, strict=True)]

    def with_content(self) -> dict[str, int]:
        """Return the sizes of regular files with content, each under its first name only."""
        return {
            name: each.st_size
            for name, each in zip(self.names, self.stats, strict=True)
            if stat.S_ISREG(each.st_mode) and each.st_size and name not in self.linked
        }


class IgnoredEntries(NamedTuple):
    """Entries of one directory that are ignored, without directories."""

    prefix: str
    names: list[str]
    mark: Mark
    odd: dict[str, Mark]
    stats: list[os.stat_result | None]
    """Empty unless the walk covers everything; None for an entry that vanished."""


class IgnoredFolder(NamedTuple):
    """An ignored directory. It may still be sent later, as `Folder`, for an entry below it."""

    path: str
    mark: Mark
    entered: bool


Event = Folder | Files | IgnoredEntries | IgnoredFolder
Progress = Callable[[int, int], None]
"""Called now and then with the number of entries and bytes so far."""
Steps = Callable[[str, int, int], None]
"""Called before each item with its name, the number of items done, and their total.

Both numbers are 0 if they are not known.
"""
Item = TypeVar("Item")
_BETWEEN_CALLS = 0.1
"""Least seconds between two calls of `progress`."""


def reported(
    events: Iterable[Event], progress: Progress | None, seen: Callable[[], tuple[int, int]]
) -> Iterator[Event]:
    """Yield `events`, and call `progress` now and then with the result of `seen`."""
    if progress is None:
        yield from events
        return
    due = monotonic()
    for event in events:
        yield event
        now = monotonic()
        if now >= due:
            due = now + _BETWEEN_CALLS
            progress(*seen())


def step(steps: Steps | None, name: str) -> None:
    """Report to `steps` the step that comes next."""
    if steps is not None:
        steps(name, 0, 0)


def stepped(
    items: Sequence[Item], steps: Steps | None, name: Callable[[Item], str]
) -> Iterator[Item]:
    """Yield `items`, and report to `steps` the name of each before it."""
    for done, item in enumerate(items):
        if steps is not None:
            steps(name(item), done, len(items))
        yield item


def not_utf8(event: Folder | Files) -> list[str]:
    """Return the entries with a path, target or attribute's name that is not UTF-8."""
    if isinstance(event, Folder):
        return [] if is_utf8(event.path, *event.xattrs) else [event.path]
    prefix, names, links, xattrs = event.prefix, event.names, event.links, event.xattrs
    texts = chain([prefix], names, links.values(), *xattrs.values())
    if is_utf8(*texts):
        return []
    return [
        prefix + name
        for name in names
        if not is_utf8(prefix, name, links.get(name, ""), *xattrs.get(name, ()))
    ]


class Batch(NamedTuple):
    """A directory, or files with the content that is sent."""

    event: Files | Folder
    sizes: list[int]
    """Bytes of content that arrive for each file."""
    empty: frozenset[str]
    """The files that arrive without content."""
