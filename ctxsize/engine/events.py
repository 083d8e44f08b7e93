"""What a walk tells, in the order in which the builder sends.

Files come in batches: those of one directory that are sent one after another.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from itertools import chain
from typing import NamedTuple

from ctxsize.engine.evaluate import Mark

Xattrs = dict[str, int]
"""Names of extended attributes, with the bytes of each value."""


FIRST_USUAL, LAST_USUAL = 2**56 // 10**9 + 1, 2**33 - 1
"""From 1972, as nanoseconds of nine bytes in packets, to 2242, as far as the header of tar goes."""


def are_usual(seconds: Collection[int]) -> bool:
    """Whether these times are usual: then they all take as much room."""
    return min(seconds) >= FIRST_USUAL and max(seconds) <= LAST_USUAL


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


class Plain(NamedTuple):
    """Files of which only size and time matter, told only to those who ask for `Bulk`.

    Regular files that all may read, without special bits, of one name each, without extended
    attributes where the builder sends them. All arrive whole.
    """

    prefix: str
    names: list[str]
    sizes: list[int]
    times: list[int] | None
    """When they were modified, in nanoseconds; None if all are usual."""
    mark: Mark
    odd: dict[str, Mark]


class Ignored(NamedTuple):
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


class Rest(NamedTuple):
    """Some of what a directory holds, from one name up to another, left to another walk."""

    path: str
    since: str
    until: str | None
    """The first name that is not in it; None if there is none."""


class LeftOut(NamedTuple):
    """The place of a `Rest` that this walk does not look at."""

    rest: Rest
    parents: list[Folder]
    """The ignored directories that are sent ahead of it if it holds anything to send."""


def not_utf8(event: Folder | Files | Plain) -> list[str]:
    """Return the paths of entries whose path, target or attribute's name is not UTF-8."""
    if isinstance(event, Folder):
        return [] if is_utf8(event.path, *event.xattrs) else [event.path]
    prefix, names = event.prefix, event.names
    links, xattrs = (event.links, event.xattrs) if isinstance(event, Files) else ({}, {})
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


def as_plain(files: Files, empty: frozenset[str]) -> Plain | None:
    """Return the same batch as `Plain` if that holds all that counts of it, or None."""
    if not files.plain or empty or files.xattrs:
        return None
    usual = are_usual([int(each[stat.ST_MTIME]) for each in files.stats])
    times = None if usual else [each.st_mtime_ns for each in files.stats]
    sizes = [int(each[stat.ST_SIZE]) for each in files.stats]
    return Plain(files.prefix, files.names, sizes, times, files.mark, files.odd)


Event = LeftOut | Folder | Files | Plain | Ignored | IgnoredFolder
