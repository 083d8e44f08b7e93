"""The sums of a measurement: totals, tree, largest files, patterns and extensions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from os.path import splitext
from stat import S_ISLNK, S_ISREG
from typing import NamedTuple

from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import DirectorySums, RunningSum, size_tree
from ctxsize.engine.events import (
    Event,
    Files,
    Folder,
    IgnoredEntries,
    IgnoredFolder,
    public_pattern,
)
from ctxsize.engine.plan import Plan
from ctxsize.engine.wire import METERS, Run
from ctxsize.model import Ignored, Measurement, Share, Shares, Totals

_MANY = 512  # approximate number of entries that are counted together
_APART = 1 << 32  # distance in positions between two files that the core counted


_PatternSums = defaultdict[int | None, RunningSum]  # by the index of a pattern, None for none


class CoreSums(NamedTuple):
    """The totals that the core counted, in the order in which it returns them."""

    content_bytes: int
    files: int
    directories: int
    ignored_files: int
    ignored_directories: int
    unopened: int
    announced_bytes: int  # those on the wire that announce entries
    wire_content_bytes: int


class LargeFile(NamedTuple):
    """A large file that the core found, with the number of files before it."""

    path: str
    content_bytes: int
    position: int


class WalkSums:
    """Adds up one measurement from the events of a whole walk, in order."""

    def __init__(self, builder: Builder, top: int) -> None:
        self._shown = top
        self.top = max(top, 1)
        self._meter = METERS[builder.meter]()
        self.content_bytes = 0
        self._files = 0
        self._directories = 0
        self._symlinks = 0
        self._hardlinks = 0
        self._direct = defaultdict[str, RunningSum](RunningSum, {"": RunningSum()})
        self._by_extension = defaultdict[str, RunningSum](RunningSum)
        self._waiting: list[Files | Folder] = []  # events to be counted together, in order
        self._room = _MANY  # how many more entries may wait
        self._by_pattern = _PatternSums(RunningSum)
        self._largest: list[tuple[int, int, str]] = []  # sorted: size, negative position, path
        self._seen = 0  # number of positions so far, without directories
        self._saved = _PatternSums(RunningSum)
        self._ignored_bytes = 0
        self._ignored_files = 0
        self._ignored_directories = 0
        self._ignored_symlinks = 0
        self._unopened = 0

    @property
    def entries(self) -> int:
        """Return the number of sent entries added so far."""
        return self._files + self._directories + self._symlinks

    def add(self, event: Event) -> None:
        """Add an event of a walk."""
        if isinstance(event, IgnoredEntries):
            self._add_ignored(event)
            return
        if isinstance(event, IgnoredFolder):
            self._ignored_directories += 1
            self._unopened += not event.entered
            return
        if isinstance(event, Files):
            self._files += len(event.names) - len(event.links)
            self._symlinks += len(event.links)
            self._hardlinks += len(event.linked)
            self._room -= len(event.names)
        else:
            self._directories += 1
            self._ignored_directories -= event.mark.ignored  # it was counted as ignored before
        self._waiting.append(event)
        if self._room < 0:
            self.settle()

    def add_core(
        self,
        totals: CoreSums,
        direct: Mapping[str, RunningSum],
        extensions: Mapping[str, RunningSum],
        by_pattern: Mapping[int | None, RunningSum],
        largest: Iterable[LargeFile],
    ) -> None:
        """Add sums that the core counted, except the order of entries, before anything else.

        `direct` is by the prefix of a directory, `by_pattern` by the index of a pattern, -1 for
        none.
        """
        self.content_bytes = totals.content_bytes
        self._files = totals.files
        self._directories = totals.directories
        self._ignored_files = totals.ignored_files
        self._ignored_directories = totals.ignored_directories
        self._unopened = totals.unopened
        self._meter.add_sums(totals.announced_bytes, totals.wire_content_bytes)
        self._direct.update(direct)
        self._by_extension.update(extensions)
        self._by_pattern.update(by_pattern)
        self._by_pattern[None] = self._by_pattern.pop(-1, RunningSum())
        self._largest = [
            (file.content_bytes, 1 - (file.position + 1) * _APART, file.path) for file in largest
        ]
        self._largest.sort(reverse=True)

    def add_runs(self, runs: Iterable[Run], files: int) -> None:
        """Add the order of entries that the core counted; `files` is the number of files so far."""
        self._meter.add_runs(runs)
        self._seen = files * _APART + self._seen % _APART

    def settle(self) -> None:
        """Count the waiting events: many files at once are counted faster."""
        waiting = self._waiting
        self._waiting = []
        self._room = _MANY
        if not waiting:
            return
        self._meter.add(waiting)
        batches = [event for event in waiting if isinstance(event, Files)]
        for files in batches:
            self._add_sizes(files)
            self._offer(files)
            self._seen += len(files.sizes)
        self._count_extensions(batches)

    def _add_sizes(self, files: Files) -> None:
        """Add files to their directory, and to the patterns that decided."""
        total = sum(files.sizes)
        count = len(files.sizes) - len(files.links)
        self.content_bytes += total
        self._direct[files.prefix].add(count, total)
        others = files.others
        if any(not mark.ignored for mark in others.values()):
            for name, size in zip(files.names, files.sizes, strict=True):
                if name in others:
                    is_file = name not in files.links
                    self._by_pattern[others[name].decider].add(is_file, size)
                    total -= size
                    count -= is_file
        if total or count:
            self._by_pattern[files.mark.decider].add(count, total)

    def _offer(self, files: Files) -> None:
        """Keep those files that are among the largest; of equal ones, the first."""
        largest = self._largest
        if len(largest) >= self.top:
            least = largest[-1][0]
            if max(files.sizes) < least:
                return
        sized = zip(files.names, files.sizes, strict=True)
        for position, (name, size) in enumerate(sized, self._seen):
            if size:
                largest.append((size, -position, files.prefix + name))
        largest.sort(reverse=True)
        del largest[self.top :]

    def _count_extensions(self, batches: list[Files]) -> None:
        """Add files to their extensions."""
        names = []
        sizes = []
        for files in batches:
            names += files.names
            sizes += files.sizes
        ends = [name[name.rfind(".") :] for name in names]
        if "\n." in "\n".join(("", *names)):  # quicker than a look at each name
            for position, name in enumerate(names):
                if name[0] == ".":
                    ends[position] = splitext(name)[1]
        by_end = defaultdict(list)
        for end, size in zip(ends, sizes, strict=True):
            by_end[end].append(size)
        for end, its_sizes in by_end.items():
            extension = ""
            if end[:1] == ".":  # else the last character of a name without a dot
                extension = end
            self._by_extension[extension].add(len(its_sizes), sum(its_sizes))
        for files in batches:
            for link in files.links:
                extension = splitext(link)[1]
                self._by_extension[extension].files -= 1

    def _add_ignored(self, ignored: IgnoredEntries) -> None:
        if not ignored.stats:
            self._ignored_files += len(ignored.names)
            return
        for name, status in zip(ignored.names, ignored.stats, strict=True):
            size = 0
            if S_ISREG(status.st_mode):
                size = status.st_size
            is_link = S_ISLNK(status.st_mode)
            self._ignored_bytes += size
            self._ignored_symlinks += is_link
            self._ignored_files += not is_link
            mark = ignored.others.get(name, ignored.mark)
            self._saved[mark.decider].add(not is_link, size)

    def measurement(self, plan: Plan, *, complete: bool, depth: int | None) -> Measurement:
        """Return the measurement; `complete` means that the walk looked at everything ignored."""
        self.settle()
        largest = [Share(path, size, 1) for size, _, path in self._largest]
        extensions = [
            Share(name, part.content_bytes, part.files) for name, part in self._by_extension.items()
        ]
        wire_bytes = None
        printed = None
        figures = self._meter.totals(plan)
        if figures:
            wire_bytes = figures[0]
            printed = " or ".join(dict.fromkeys(map(self._meter.printed, figures)))
        is_all_known = not self._unopened and not self._ignored_files
        ignored = Ignored(
            totals=Totals(
                content_bytes=self._ignored_bytes,
                files=self._ignored_files,
                directories=self._ignored_directories,
                symlinks=self._ignored_symlinks,
            ),
            unopened=self._unopened,
            complete=complete or is_all_known,
            by_pattern=_pattern_shares(plan, self._saved),
        )
        return Measurement(
            totals=Totals(
                content_bytes=self.content_bytes,
                files=self._files,
                directories=self._directories,
                symlinks=self._symlinks,
            ),
            wire_bytes=wire_bytes,
            printed=printed,
            tree=size_tree(self._direct, depth),
            largest_files=tuple(largest[: self._shown]),
            largest_directories=_largest_directories(self._direct, self._shown),
            by_extension=_shares(extensions),
            by_pattern=_pattern_shares(plan, self._by_pattern),
            ignored=ignored,
            hardlinks=self._hardlinks,
        )


def _shares(shares: Iterable[Share]) -> Shares:
    """Return those `shares` that contain files, largest first."""
    filled = [share for share in shares if share.files]
    filled.sort(key=lambda share: (-share.content_bytes, share.name, share.line or 0))
    return tuple(filled)


def _largest_directories(direct: DirectorySums, most: int) -> Shares:
    """Return the directories with the largest files in them; only these become shares."""
    filled = (  # in the order of their sizes, with the files
        (-amount.content_bytes, prefix.rstrip("/") or ".", amount.files)
        for prefix, amount in direct.items()
        if amount.files
    )
    return tuple(Share(path, -size, files) for size, path, files in nsmallest(most, filled))


def _pattern_shares(plan: Plan, sums: _PatternSums) -> Shares:
    """Return the shares of patterns by their indexes; None for no pattern."""
    shares = []
    for index, amount in sums.items():
        name = ""
        line = None
        if index is not None:
            pattern = public_pattern(plan.spec.patterns[index])
            name = str(pattern)
            line = pattern.line
        shares.append(Share(name, amount.content_bytes, amount.files, line))
    return _shares(shares)
