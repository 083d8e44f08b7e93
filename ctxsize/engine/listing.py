"""All entries of a context with their verdicts, in the order in which the builder sends."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from typing import Any

from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import (
    Event,
    Files,
    Folder,
    IgnoredEntries,
    IgnoredFolder,
    not_utf8,
    order,
)
from ctxsize.engine.inspect import not_utf8_problems
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.walk import Walk
from ctxsize.entry import Entry, Kind, Pattern, Verdict
from ctxsize.model import Problem

_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.DEVICE,
    stat.S_IFBLK: Kind.DEVICE,
}
WITHHELD = "the sender refuses to open it"
NO_PERMISSION = "no permission to read it"


class Listing:
    """The `sent` entries of a request's context, the `ignored` ones, or both.

    Iterate it once. It streams: only the paths of ignored directories that are sent are
    kept. With `ignored`, it opens the directories that the builder does not enter.
    `problems` is complete after the iteration. Raises what `Walk` raises.
    """

    def __init__(
        self,
        request: Request,
        *,
        sent: bool = True,
        ignored: bool = False,
        evaluator: Evaluator[Any] | None = None,
    ) -> None:
        self._request = request
        self._walk = Walk(request, everything=ignored, evaluator=evaluator)
        self._not_utf8: list[str] = []
        self._with_sent = sent
        self._with_ignored = ignored
        self._verdicts: dict[tuple[bool, int | None], Verdict] = {}
        self._sent_parents: frozenset[str] = frozenset()

    @property
    def problems(self) -> list[Problem]:
        """Return the problems that made the listing incomplete."""
        found = not_utf8_problems(self._not_utf8, self._request.builder)
        return [*self._request.ignore_file_problems, *self._walk.problems, *found]

    def __iter__(self) -> Iterator[Entry]:
        if self._with_ignored:
            self._sent_parents = _sent_parents(self._request)
        before: list[Entry] = []
        for event in self._walk:
            if isinstance(event, IgnoredEntries):  # sent ones of the same run precede it
                yield from merge(before, self._entries(event), key=_by_order)
                before = []
            else:
                yield from before
                before = [*self._entries(event)]
        yield from before

    def _entries(self, event: Event) -> Iterator[Entry]:
        """Yield the entries of one event."""
        if self._request.builder.sends_only_utf8 and isinstance(event, (Files, Folder)):
            self._not_utf8 += not_utf8(event)
        if isinstance(event, Files):
            if self._with_sent:
                yield from self._files(event)
        elif isinstance(event, IgnoredEntries):
            if self._with_ignored:
                yield from self._ignored(event)
        elif isinstance(event, IgnoredFolder):
            # One that is sent for an entry below it is yielded here, ahead of all below it.
            sent = event.path in self._sent_parents
            if self._with_sent if sent else self._with_ignored:
                yield self._directory(event, ignored=not sent)
        elif self._with_sent and event.path not in self._sent_parents:
            yield self._directory(event, ignored=False)

    def _directory(self, event: Folder | IgnoredFolder, *, ignored: bool) -> Entry:
        verdict = self._verdict(ignored, event.mark.decider)
        return Entry(event.path, Kind.DIRECTORY, 0, 0, verdict)

    def _files(self, files: Files) -> Iterator[Entry]:
        withheld = files.withheld() if self._request.builder.refuses_to_open else frozenset[str]()
        sizes = files.content_sizes(files.unreadable | withheld)
        odd, usual = files.odd, self._verdict(files.mark.ignored, files.mark.decider)
        for name, each, size in zip(files.names, files.stats, sizes, strict=True):
            verdict, kind, empty = usual, _KINDS[stat.S_IFMT(each.st_mode)], None
            if name in odd:
                verdict = self._verdict(False, odd[name].decider)
            if name in files.linked and kind is not Kind.SYMLINK:
                kind = Kind.HARDLINK
            elif kind is Kind.FILE and not size and each.st_size:
                empty = WITHHELD if name in withheld else NO_PERMISSION
            yield Entry(files.prefix + name, kind, each.st_size, size, verdict, empty)

    def _ignored(self, ignored: IgnoredEntries) -> Iterator[Entry]:
        for name, each in zip(ignored.names, ignored.stats, strict=True):
            if each is not None:
                mark = ignored.odd.get(name, ignored.mark)
                kind = _KINDS[stat.S_IFMT(each.st_mode)]
                verdict = self._verdict(True, mark.decider)
                yield Entry(ignored.prefix + name, kind, each.st_size, 0, verdict)

    def _verdict(self, ignored: bool, decider: int | None) -> Verdict:
        if (ignored, decider) not in self._verdicts:
            by = None if decider is None else public_pattern(self._request.spec.patterns[decider])
            self._verdicts[ignored, decider] = Verdict(ignored, by)
        return self._verdicts[ignored, decider]


def entries(request: Request, *, sent: bool = True, ignored: bool = False) -> Listing:
    """Return the entries of the context: the sent ones, the ignored ones, or both in order."""
    return Listing(request, sent=sent, ignored=ignored)


def public_pattern(pattern: DockerIgnorePattern) -> Pattern:
    """Return the engine's pattern as the value in reports."""
    return Pattern(pattern.text, pattern.line, pattern.include is False, str(pattern.pattern))


def _sent_parents(request: Request) -> frozenset[str]:
    """Return the ignored directories that are sent ahead of a re-included entry below them.

    This needs a walk of its own, unless there are no exceptions.
    """
    exceptions = any(pattern.include is False for pattern in request.spec.patterns)
    if not exceptions or not request.builder.sends_ignored_parents:
        return frozenset()
    walk = Walk(request)
    return frozenset(e.path for e in walk if isinstance(e, Folder) and e.mark.ignored)


def _by_order(entry: Entry) -> bytes:
    return order(entry.path)


class Union:
    """The entries of several `listings`, each path once, in order. Iterate it once.

    `unfound` returns further problems.
    """

    def __init__(
        self, listings: Sequence[Listing], unfound: Callable[[], Iterable[Problem]] = tuple
    ) -> None:
        self._listings = listings
        self._unfound = unfound

    @property
    def problems(self) -> list[Problem]:
        """Return the problems that made the listings incomplete."""
        found = (each for one in self._listings for each in one.problems)
        return list(dict.fromkeys((*found, *self._unfound())))

    def __iter__(self) -> Iterator[Entry]:
        last = None
        for entry in merge(*self._listings, key=_by_order):
            if entry.path != last:
                yield entry
            last = entry.path
