"""The events of a walk, in the order in which the builder sends; files in a row share one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import NamedTuple, TypeVar

from ctxsize.engine.evaluate import Mark
from ctxsize.engine.golang import is_utf8
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.model import Pattern

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
    """The mark of every name that is not in `others`."""
    others: dict[str, Mark]
    links: dict[str, str]
    """The symlinks among them, with their targets."""
    linked: dict[str, str]
    """Further names of files, with the path under which each file was sent first."""
    unreadable: frozenset[str]
    xattrs: dict[str, Xattrs]

    @property
    def pairs(self) -> Iterator[tuple[str, os.stat_result]]:
        """Return each name with its stat."""
        return zip(self.names, self.stats, strict=True)

    def withheld(self) -> frozenset[str]:
        """Return the names that the sender refuses to open, if the builder refuses at all."""
        usual, others = self.mark.refused, self.others
        if not usual and not others:
            return _NOBODY
        return frozenset(n for n in self.names if (others[n].refused if n in others else usual))

    def content_sizes(self, empty: frozenset[str]) -> list[int]:
        """Return the bytes of content sent for each name; 0 for the names in `empty`."""
        if self.plain and not empty:
            return [each.st_size for each in self.stats]
        # The sender announces `st_size` for symlinks too, but sends content only for files.
        sizes = [each.st_size if stat.S_ISREG(each.st_mode) else 0 for each in self.stats]
        none = empty.union(self.linked)
        pairs = zip(self.names, sizes, strict=True)
        return [0 if name in none else size for name, size in pairs] if none else sizes

    def with_content(self) -> dict[str, int]:
        """Return the sizes of regular files with content, each under its first name only."""
        return {
            name: each.st_size
            for name, each in self.pairs
            if stat.S_ISREG(each.st_mode) and each.st_size and name not in self.linked
        }


class IgnoredEntries(NamedTuple):
    """Entries of one directory that are ignored, without directories."""

    prefix: str
    names: list[str]
    mark: Mark
    others: dict[str, Mark]
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
"""Called before each item with its name, the number of items done, and their total, or 0."""
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
    return [
        event.prefix + name
        for name in event.names
        if not is_utf8(event.prefix, name, event.links.get(name, ""), *event.xattrs.get(name, ()))
    ]


def order(path: str) -> bytes:
    """Return a key that sorts paths as builders do: a directory's entries follow it directly."""
    return os.fsencode(path).replace(b"/", b"\0")


def public_pattern(pattern: DockerIgnorePattern) -> Pattern:
    """Return the engine's pattern as the value in reports."""
    return Pattern(pattern.text, pattern.line, pattern.include is False, str(pattern.pattern))


class Batch(NamedTuple):
    """A directory, or files with the content that is sent."""

    event: Files | Folder
    sizes: list[int]
    """Bytes of content that arrive for each file."""
    empty: frozenset[str]
    """The files that arrive without content."""
