"""What a walk tells, in the order in which the builder sends.

Files come in batches: those of one directory that are sent one after another.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple, TypeVar

from ctxsize.engine.evaluate import Mark

Xattrs = dict[str, int]
"""Names of extended attributes, with the bytes of each value."""
_NOBODY: frozenset[str] = frozenset()


class Folder(NamedTuple):
    """A directory that is sent."""

    path: str
    stat: os.stat_result
    mark: Mark
    xattrs: Xattrs


class Files(NamedTuple):
    """Entries of one directory, no directories among them, that are sent one after another."""

    prefix: str
    """The directory's path with a trailing `/`, `""` for the context."""
    names: list[str]
    stats: list[os.stat_result]
    plain: bool
    """Whether they are regular files that all may read, without special bits, of one name each."""
    mark: Mark
    """The mark of every name that `odd` does not hold."""
    odd: dict[str, Mark]
    links: dict[str, str]
    """The symlinks among them, with their targets."""
    linked: dict[str, str]
    """The further names of files, with the path under which each was sent first."""
    unreadable: frozenset[str]
    xattrs: dict[str, Xattrs]

    def withheld(self) -> frozenset[str]:
        """Return the names that a builder which refuses to open some files withholds."""
        usual, odd = self.mark.refused, self.odd
        if not usual and not odd:
            return _NOBODY
        return frozenset(n for n in self.names if (odd[n].refused if n in odd else usual))

    def content_sizes(self, empty: frozenset[str]) -> list[int]:
        """Return the bytes of content that travel for each name; `empty` arrive without it."""
        if self.plain and not empty:
            return [each.st_size for each in self.stats]
        # What is announced is `st_size`, also of a symlink, but only content of files travels.
        sizes = [each.st_size if stat.S_ISREG(each.st_mode) else 0 for each in self.stats]
        none = empty.union(self.linked)
        if not none:
            return sizes
        return [0 if name in none else size for name, size in zip(self.names, sizes, strict=True)]

    def with_content(self) -> dict[str, int]:
        """Return the regular files with content, and their sizes; further names have none."""
        return {
            name: each.st_size
            for name, each in zip(self.names, self.stats, strict=True)
            if stat.S_ISREG(each.st_mode) and each.st_size and name not in self.linked
        }


class IgnoredEntries(NamedTuple):
    """Entries of one directory, no directories among them, that are ignored."""

    prefix: str
    names: list[str]
    mark: Mark
    odd: dict[str, Mark]
    stats: list[os.stat_result | None]
    """Empty unless the walk was asked for everything; None for an entry that vanished."""


class IgnoredFolder(NamedTuple):
    """An ignored directory. It may still be sent, as `Folder`, for an entry below it."""

    path: str
    mark: Mark
    entered: bool


Event = Folder | Files | IgnoredEntries | IgnoredFolder
Progress = Callable[[int, int], None]
"""Called now and then with the entries and the bytes seen so far."""
Steps = Callable[[str, int, int], None]
"""Called with what is looked at next, how many of its kind are done, and of how many.

Both are 0 where the number is not known.
"""
Item = TypeVar("Item")
_BETWEEN_CALLS = 0.1
"""Seconds from one call of `progress` to the next, at least."""


def reported(
    events: Iterable[Event], progress: Progress | None, seen: Callable[[], tuple[int, int]]
) -> Iterator[Event]:
    """Yield `events`, and report what was `seen` of them to `progress` now and then."""
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
    """Report to `steps` what comes next."""
    if steps is not None:
        steps(name, 0, 0)


def stepped(
    items: Sequence[Item], steps: Steps | None, name: Callable[[Item], str]
) -> Iterator[Item]:
    """Yield `items`, and report to `steps` by its `name` which one comes next."""
    for done, item in enumerate(items):
        if steps is not None:
            steps(name(item), done, len(items))
        yield item


def not_utf8(event: Folder | Files) -> list[str]:
    """Return the paths of entries whose path, target or attribute's name is not UTF-8."""
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


def is_utf8(*texts: str) -> bool:
    """Return whether none of `texts` holds a byte that is not UTF-8."""
    text = "".join(texts)
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


class Batch(NamedTuple):
    """A directory, or files with what travels of them."""

    event: Files | Folder
    sizes: list[int]
    """The bytes of content that arrive of each file."""
    empty: frozenset[str]
    """The files that arrive without content."""
