"""The events of a walk, in the order in which the builder sends; files in a row share one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from os import fsencode, stat_result
from time import monotonic
from typing import NamedTuple, TypeVar

from ctxsize.engine.evaluate import Mark, Marks
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.model import Pattern

Xattrs = dict[str, int]  # names of extended attributes, and the number of bytes in each value


class Folder(NamedTuple):
    """A directory that is sent."""

    path: str
    stat: stat_result
    mark: Mark
    xattrs: Xattrs


class Files(NamedTuple):
    """Consecutive entries of one directory that are sent, without directories."""

    prefix: str  # the directory's path with a trailing `/`, `""` for the context
    names: list[str]
    stats: list[stat_result]
    sizes: list[int]  # bytes of content that arrive for each name
    plain: bool
    """True if all are regular files with one name, readable by everybody, without special bits
    and attributes, that arrive with their content."""
    mark: Mark  # the mark of every name that is not in `others`
    others: Marks
    links: dict[str, str]  # the symlinks among them, with their targets
    linked: dict[str, str]  # further names of files, with the path under which each was sent first
    empty: dict[str, str]  # files with content that arrive without it, and the reason
    unreadable: frozenset[str]
    xattrs: dict[str, Xattrs]

    @property
    def pairs(self) -> Iterator[tuple[str, stat_result]]:
        """Return each name with its stat."""
        return zip(self.names, self.stats, strict=True)


class IgnoredEntries(NamedTuple):
    """Entries of one directory that are ignored, without directories."""

    prefix: str
    names: list[str]
    mark: Mark
    others: Marks
    stats: list[stat_result]  # empty unless the walk covers everything
    unreadable: Collection[str]  # files among them; likewise


class IgnoredFolder(NamedTuple):
    """An ignored directory. It may still be sent later, as `Folder`, for an entry below it."""

    path: str
    mark: Mark
    entered: bool


class SentFolder(NamedTuple):
    """A directory that is sent, as the compiled core lists it."""

    path: str
    decider: int | None  # index of the pattern that decided


class SentRun(NamedTuple):
    """Plain files in a row of one directory that are sent, as the compiled core lists them."""

    prefix: str  # as that of `Files`
    names: list[str]
    sizes: Sequence[int]  # bytes
    decider: int | None  # index of the pattern that decided about all of them


Event = Folder | Files | IgnoredEntries | IgnoredFolder
EventOfSent = Event | SentFolder | SentRun
Progress = Callable[[int, int], None]  # called now and then with the entries and bytes so far
Steps = Callable[[str, int, int], None]
"""Called before each item with its name, the number of items done, and their total, or 0."""
Item = TypeVar("Item")
_BETWEEN_CALLS = 0.1  # least seconds between two calls of `progress`


def reported(
    events: Iterable[Event], progress: Progress | None, seen: Callable[[], tuple[int, int]]
) -> Iterator[Event]:
    """Yield `events`, and call `progress` now and then with the result of `seen`."""
    due = monotonic()
    for event in events:
        yield event
        if progress is not None and monotonic() >= due:
            due = monotonic() + _BETWEEN_CALLS
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


def order(path: str) -> bytes:
    """Return a key that sorts paths as builders do: a directory's entries follow it directly."""
    return fsencode(path).replace(b"/", b"\0")


def public_pattern(pattern: DockerIgnorePattern) -> Pattern:
    """Return the engine's pattern as the value in reports."""
    return Pattern(
        text=pattern.text,
        line=pattern.line,
        exception=pattern.include is False,
        source=str(pattern.pattern).removesuffix("\r"),
    )
