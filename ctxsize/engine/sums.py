"""The sums of a measurement: totals, tree, largest files, patterns and extensions."""

from __future__ import annotations

import heapq
import stat
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from itertools import chain
from os.path import splitext
from typing import TypeVar

from ctxsize.engine import events
from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import SECRET_START, Clues, Sum, size_tree
from ctxsize.engine.events import Event, Files, Folder, IgnoredEntries, IgnoredFolder
from ctxsize.engine.plan import Plan
from ctxsize.engine.wire import METERS
from ctxsize.model import Ignored, Measurement, Share, Totals

K = TypeVar("K")
_MANY = 512  # approximate number of entries that are counted together
_APART = 1 << 32  # distance in positions between two files that the core counted
_LEAST_LARGEST = 10  # least number of largest files to keep, for hints


class WalkSums:
    """Adds up one measurement from the events of a whole walk, in order."""

    def __init__(self, builder: Builder, top: int) -> None:
        self._shown, self.top = top, max(top, _LEAST_LARGEST)
        self.clues = Clues()
        self._meter = METERS[builder.meter]()
        self.content_bytes = 0
        self._files = self._directories = self._symlinks = self._hardlinks = 0
        self._direct: dict[str, Sum] = {"": [0, 0]}
        self._by_extension: dict[str, Sum] = {}
        self._waiting: list[Files | Folder] = []  # events to be counted together, in order
        self._room = _MANY  # how many more entries may wait
        self._by_pattern: dict[int | None, Sum] = {}
        self._largest: list[tuple[int, int, str]] = []  # a heap: size, negative position, path
        self._seen = 0  # number of positions so far, without directories
        self._saved: dict[int | None, Sum] = {}
        self._ignored = [0, 0, 0, 0]
        self._unopened = 0

    @property
    def entries(self) -> int:
        """Return the number of sent entries added so far."""
        return self._files + self._directories + self._symlinks

    def add(self, event: Event) -> None:
        """Add an event of a walk."""
        if isinstance(event, IgnoredEntries):
            self._add_ignored(event)
        elif isinstance(event, IgnoredFolder):
            self._ignored[2] += 1
            self._unopened += not event.entered
        else:
            if isinstance(event, Files):
                self._files += len(event.names) - len(event.links)
                self._symlinks += len(event.links)
                self._hardlinks += len(event.linked)
                self._room -= len(event.names)
            else:
                self._directories += 1
                self._ignored[2] -= event.mark.ignored  # it was counted as ignored before
            self._waiting.append(event)
            if self._room < 0:
                self.settle()

    def add_found(
        self,
        amounts: Sequence[int],
        direct: Iterable[tuple[str, int, int]],
        extensions: Iterable[tuple[str, int, int]],
        by_pattern: Iterable[tuple[int, ...]],
        largest: Iterable[tuple[str, int, int]],
    ) -> None:
        """Add sums that the core counted, except the order of entries.

        Three have bytes and files, for each prefix of a directory, extension, and index of a
        pattern (-1 for none). `largest` has the path, the size and the number of files before it.
        """
        self.content_bytes, self._files, self._directories, *ignored = amounts[:6]
        self._ignored[1:3], self._unopened = ignored[:2], ignored[2]
        self._meter.add_sums(*amounts[6:])
        self._direct.update({prefix: [size, count] for prefix, size, count in direct})
        for end, size, count in extensions:
            _add(self._by_extension, end, size, count)
        for index, size, count in by_pattern:
            if size or count:
                _add(self._by_pattern, None if index < 0 else index, size, count)
        for path, size, place in largest:
            self._offer(size, (place + 1) * _APART - 1, path)

    def add_runs(self, sizes: Sequence[int], runs: array[int], files: int) -> None:
        """Add the order of entries that the core counted; `files` is the number of files so far."""
        self._meter.add_runs(sizes, runs)
        self._seen = files * _APART + self._seen % _APART

    def settle(self) -> None:
        """Count the waiting events: many files at once are counted faster."""
        waiting = self._waiting
        self._waiting = []
        self._room = _MANY
        if not waiting:
            return
        self._meter.add(waiting)
        files = [each for each in waiting if isinstance(each, Files)]
        for each in files:
            self._add_sizes(each)
            # Of files with equal sizes, the first ones are kept.
            if len(self._largest) < self.top or max(each.sizes) >= self._largest[0][0]:
                sized = zip(each.names, each.sizes, strict=True)
                for place, (name, size) in enumerate(sized, self._seen):
                    if size:
                        self._offer(size, place, each.prefix + name)
            self._seen += len(each.sizes)
        self.clues.add_files(files, self._count_extensions(files))
        self.clues.add_folders(
            [each.path for each in waiting if isinstance(each, Folder) and not each.mark.ignored]
        )

    def _add_sizes(self, files: Files) -> None:
        """Add files to their directory, and to the patterns that decided."""
        total = sum(files.sizes)
        count = len(files.sizes) - len(files.links)
        self.content_bytes += total
        _add(self._direct, files.prefix, total, count)
        if any(not mark.ignored for mark in files.others.values()):
            for name, size in zip(files.names, files.sizes, strict=True):
                if name in files.others:
                    is_file = name not in files.links
                    _add(self._by_pattern, files.others[name].decider, size, is_file)
                    total = total - size
                    count = count - is_file
        if total or count:
            _add(self._by_pattern, files.mark.decider, total, count)

    def _count_extensions(self, files: list[Files]) -> Set[str]:
        """Add files to their extensions; return these, and `SECRET_START` if a name begins so."""
        names = [*chain.from_iterable([each.names for each in files])]
        ends = [name[name.rfind(".") :] for name in names]
        hidden: set[str] = set()
        if "\n." in "\n".join(("", *names)):  # quicker than a look at each name
            for place, name in enumerate(names):
                if name[0] == ".":
                    hidden |= {ends[place], name[: len(SECRET_START)]}
                    ends[place] = splitext(name)[1]
        by_end: defaultdict[str, list[int]] = defaultdict(list)
        for end, size in zip(ends, chain.from_iterable([e.sizes for e in files]), strict=True):
            by_end[end].append(size)
        for end, each in by_end.items():
            # Of a name without a dot this is its last character.
            _add(self._by_extension, end if end[:1] == "." else "", sum(each), len(each))
        for name in chain.from_iterable([each.links for each in files]):
            self._by_extension[splitext(name)[1]][1] -= 1
        return by_end.keys() | hidden

    def _offer(self, size: int, place: int, path: str) -> None:
        if len(self._largest) < self.top:
            heapq.heappush(self._largest, (size, -place, path))
        elif size >= self._largest[0][0]:
            heapq.heappushpop(self._largest, (size, -place, path))

    def _add_ignored(self, ignored: IgnoredEntries) -> None:
        if not ignored.stats:
            self._ignored[1] += len(ignored.names)
            return
        for name, each in zip(ignored.names, ignored.stats, strict=True):
            link = stat.S_ISLNK(each.st_mode)
            if stat.S_ISREG(each.st_mode):
                size = each.st_size
            else:
                size = 0
            self._ignored[0] += size
            self._ignored[3 if link else 1] += 1
            mark = ignored.others.get(name, ignored.mark)
            _add(self._saved, mark.decider, size, not link)

    def measurement(self, plan: Plan, *, complete: bool, depth: int | None) -> Measurement:
        """Return the measurement; `complete` means that the walk looked at everything ignored."""
        self.settle()
        largest = [Share(path, size, 1) for size, _, path in sorted(self._largest, reverse=True)]
        complete = complete or (not self._unopened and not self._ignored[1])
        saved = _pattern_shares(plan, self._saved)
        # Values are made only for the largest of the directories.
        filled = ((-s, at.rstrip("/") or ".", n) for at, (s, n) in self._direct.items() if n)
        folders = heapq.nsmallest(self._shown, filled)
        figures = self._meter.totals(plan)
        return Measurement(
            Totals(self.content_bytes, self._files, self._directories, self._symlinks),
            figures[0] if figures else None,
            " or ".join(dict.fromkeys(map(self._meter.printed, figures))) or None,
            tree=size_tree(self._direct, depth),
            largest_files=tuple(largest[: self._shown]),
            largest_directories=tuple(Share(path, -size, count) for size, path, count in folders),
            by_extension=_shares((ext, each, None) for ext, each in self._by_extension.items()),
            by_pattern=_pattern_shares(plan, self._by_pattern),
            ignored=Ignored(Totals(*self._ignored), self._unopened, complete, saved),
            hardlinks=self._hardlinks,
            clues=tuple(self.clues.found(plan.root, self._direct, largest, self.content_bytes)),
        )


def _add(sums: dict[K, Sum], key: K, size: int, count: int) -> None:
    if (each := sums.get(key)) is None:
        sums[key] = [size, int(count)]
    else:
        each[0] += size
        each[1] += count


def _shares(sums: Iterable[tuple[str, Sum, int | None]]) -> tuple[Share, ...]:
    """Return shares for `sums` (name, sum, line) that contain files, largest first."""
    found = (Share(name, size, count, line) for name, (size, count), line in sums if count)
    return tuple(sorted(found, key=lambda each: (-each.content_bytes, each.name, each.line or 0)))


def _pattern_shares(plan: Plan, sums: dict[int | None, Sum]) -> tuple[Share, ...]:
    """Return the shares of patterns by their indexes; None for no pattern."""
    patterns = plan.spec.patterns
    found = {index: events.public_pattern(patterns[index]) for index in sums if index is not None}
    return _shares(
        (str(found[index]), each, found[index].line) if index is not None else ("", each, None)
        for index, each in sums.items()
    )
