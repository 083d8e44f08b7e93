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

from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import SECRET_START, Clues, Sum, size_tree
from ctxsize.engine.events import (
    Batch,
    Event,
    Files,
    Folder,
    IgnoredEntries,
    not_utf8,
    public_pattern,
)
from ctxsize.engine.golang import is_utf8
from ctxsize.engine.inspect import (
    NO_PERMISSION,
    WITHHELD,
    arrives_empty,
    not_utf8_problems,
    uncertain,
)
from ctxsize.engine.request import Request
from ctxsize.engine.wire import METERS
from ctxsize.model import Ignored, Measurement, Problem, Share, Totals

K = TypeVar("K")
_MANY = 512
"""Approximate number of entries that are counted together."""
_APART = 1 << 32
"""Distance in positions between two files that the core counted."""
_LEAST_LARGEST = 10
"""Least number of largest files to keep, for hints."""
_NOTHING: frozenset[str] = frozenset()


class WalkSums:
    """Adds up one measurement from the events of a whole walk, in order."""

    def __init__(self, builder: Builder, top: int) -> None:
        self._refuses = builder.refuses_to_open
        self._only_utf8 = builder.sends_only_utf8
        self._not_utf8: list[str] = []
        self._shown, self.top = top, max(top, _LEAST_LARGEST)
        self.clues = Clues()
        self._meter = METERS[builder.meter]()
        self.content_bytes = 0
        self._files = self._directories = self._symlinks = self._hardlinks = 0
        self._direct: dict[str, Sum] = {"": [0, 0]}
        self._by_extension: dict[str, Sum] = {}
        self._waiting: list[Batch] = []
        """Batches to be counted together, in order."""
        self._room = _MANY  # how many more entries may wait
        self._by_pattern: dict[int | None, Sum] = {}
        self._largest: list[tuple[int, int, str]] = []
        """A heap of sizes, negative positions in the walk, and paths."""
        self._seen = 0
        """Number of positions so far, without directories."""
        self._refused: list[tuple[str, int]] = []
        self._unreadable: list[tuple[str, int]] = []
        self._saved: dict[int | None, Sum] = {}
        self._ignored = [0, 0, 0, 0]
        self._unopened = 0

    @property
    def entries(self) -> int:
        """Return the number of sent entries added so far."""
        return self._files + self._directories + self._symlinks

    def add(self, event: Event) -> None:
        """Add an event of a walk."""
        if isinstance(event, Files):
            empty = self._emptied(event)
            self._files += len(event.names) - len(event.links)
            self._symlinks += len(event.links)
            self._hardlinks += len(event.linked)
            self._wait(Batch(event, event.content_sizes(empty), empty), len(event.names))
        elif isinstance(event, Folder):
            self._directories += 1
            self._ignored[2] -= event.mark.ignored  # it was counted as ignored before
            self._wait(Batch(event, [], _NOTHING), 1)
        elif isinstance(event, IgnoredEntries):
            self._add_ignored(event)
        else:
            self._ignored[2] += 1
            self._unopened += not event.entered

    def _wait(self, batch: Batch, count: int) -> None:
        self._waiting.append(batch)
        self._room -= count
        if self._room < 0:
            self.settle()

    def _emptied(self, files: Files) -> frozenset[str]:
        """Return the names that arrive without content, and record those that have some."""
        unreadable = files.unreadable
        if not self._refuses or not (files.mark.refused or files.others or unreadable):
            return unreadable
        withheld = files.withheld()
        for name, size in files.with_content().items() if withheld or unreadable else ():
            if name in withheld:
                self._refused.append((files.prefix + name, size))
            elif name in unreadable:
                self._unreadable.append((files.prefix + name, size))
        return withheld | unreadable

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
        """Count the waiting batches: many files at once are counted faster."""
        waiting, self._waiting, self._room = self._waiting, [], _MANY
        if not waiting:
            return
        if self._only_utf8:
            self._note_not_utf8([each.event for each in waiting])
        self._meter.add(waiting)
        files = [(each.event, each.sizes) for each in waiting if isinstance(each.event, Files)]
        for each, sizes in files:
            self._add_sizes(each, sizes)
            self._keep_largest(each, sizes)
        names = [*chain.from_iterable([each.names for each, _ in files])]
        sizes = [*chain.from_iterable([own for _, own in files])]
        ends = self._count_extensions(names, sizes, [each for each, _ in files if each.links])
        self.clues.add_files(names, ends, files)
        folders = [each.event for each in waiting if isinstance(each.event, Folder)]
        self.clues.add_folders([each.path for each in folders if not each.mark.ignored])

    def _note_not_utf8(self, waiting: list[Files | Folder]) -> None:
        texts: list[Iterable[str]] = []
        for each in waiting:
            if isinstance(each, Files):
                texts += [[each.prefix], each.names, each.links.values(), *each.xattrs.values()]
            else:
                texts += [[each.path], each.xattrs]
        if not is_utf8(*chain.from_iterable(texts)):
            self._not_utf8 += chain.from_iterable(map(not_utf8, waiting))

    def _add_sizes(self, files: Files, sizes: list[int]) -> None:
        """Add a batch to its directory, and to the patterns that decided."""
        total, count = sum(sizes), len(sizes) - len(files.links)
        self.content_bytes += total
        _add(self._direct, files.prefix, total, count)
        if any(not mark.ignored for mark in files.others.values()):
            for name, size in zip(files.names, sizes, strict=True):
                if name in files.others:
                    is_file = name not in files.links
                    _add(self._by_pattern, files.others[name].decider, size, is_file)
                    total, count = total - size, count - is_file
        if total or count:
            _add(self._by_pattern, files.mark.decider, total, count)

    def _count_extensions(
        self, names: list[str], sizes: list[int], linking: list[Files]
    ) -> Set[str]:
        """Add files to their extensions; return these, and all that names begin with a dot have.

        `SECRET_START` is among them if a name begins with it. `linking` are files with symlinks.
        """
        ends = [name[name.rfind(".") :] for name in names]
        text = "\n".join(("", *names))
        hidden: set[str] = set()
        if "\n." in text:  # quicker than a look at each name
            for place in [place for place, name in enumerate(names) if name[0] == "."]:
                hidden.add(ends[place])
                ends[place] = splitext(names[place])[1]
        by_end: defaultdict[str, list[int]] = defaultdict(list)
        for end, size in zip(ends, sizes, strict=True):
            by_end[end].append(size)
        for end, each in by_end.items():
            # Of a name without a dot this is its last character.
            _add(self._by_extension, end if end[:1] == "." else "", sum(each), len(each))
        for name in chain.from_iterable(each.links for each in linking):
            self._by_extension[splitext(name)[1]][1] -= 1
        if f"\n{SECRET_START}" in text:
            hidden.add(SECRET_START)
        return by_end.keys() | hidden

    def _keep_largest(self, files: Files, sizes: list[int]) -> None:
        """Keep the largest files; of files with equal sizes, the first ones."""
        full = len(self._largest) >= self.top
        if not full or max(sizes) >= self._largest[0][0]:
            for place, (name, size) in enumerate(zip(files.names, sizes, strict=True), self._seen):
                if size:
                    self._offer(size, place, files.prefix + name)
        self._seen += len(sizes)

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
            if each is None:
                continue
            link = stat.S_ISLNK(each.st_mode)
            size = each.st_size if stat.S_ISREG(each.st_mode) else 0
            self._ignored[0] += size
            self._ignored[3 if link else 1] += 1
            mark = ignored.others.get(name, ignored.mark)
            _add(self._saved, mark.decider, size, not link)

    def problems(self, request: Request) -> list[Problem]:
        """Return the problems of the files that were added, and of the builder's figure."""
        return [
            *arrives_empty(self._refused, WITHHELD, "arrives-empty"),
            *arrives_empty(self._unreadable, NO_PERMISSION, "unreadable-file"),
            *not_utf8_problems(self._not_utf8, request.builder),
            *uncertain(request.builder, self._meter.totals(request), self._meter.older_by),
        ]

    def measurement(self, request: Request, *, complete: bool, depth: int | None) -> Measurement:
        """Return the measurement; `complete` means that the walk looked at everything ignored."""
        self.settle()
        largest = [Share(path, size, 1) for size, _, path in sorted(self._largest, reverse=True)]
        figures = self._meter.totals(request)
        return Measurement(
            Totals(self.content_bytes, self._files, self._directories, self._symlinks),
            figures[0] if figures else None,
            " or ".join(dict.fromkeys(map(self._meter.printed, figures))) or None,
            tree=size_tree(self._direct, depth),
            largest_files=tuple(largest[: self._shown]),
            largest_directories=_largest_directories(self._direct, self._shown),
            by_extension=_shares((ext, each, None) for ext, each in self._by_extension.items()),
            by_pattern=_pattern_shares(request, self._by_pattern),
            ignored=Ignored(
                Totals(*self._ignored),
                self._unopened,
                complete=complete or (not self._unopened and not self._ignored[1]),
                by_pattern=_pattern_shares(request, self._saved),
            ),
            hardlinks=self._hardlinks,
            clues=tuple(self.clues.found(request.root, self._direct, largest, self.content_bytes)),
        )


def _add(sums: dict[K, Sum], key: K, size: int, count: int) -> None:
    each = sums.get(key)
    if each is None:
        sums[key] = [size, int(count)]
    else:
        each[0] += size
        each[1] += count


def _shares(sums: Iterable[tuple[str, Sum, int | None]]) -> tuple[Share, ...]:
    """Return shares for `sums` (name, sum, line) that contain files, largest first."""
    found = (Share(name, size, count, line) for name, (size, count), line in sums if count)
    return tuple(sorted(found, key=lambda each: (-each.content_bytes, each.name, each.line or 0)))


def _pattern_shares(request: Request, sums: dict[int | None, Sum]) -> tuple[Share, ...]:
    """Return the shares of patterns by their indexes; None for no pattern."""
    named: list[tuple[str, Sum, int | None]] = []
    for index, each in sums.items():
        pattern = None if index is None else public_pattern(request.spec.patterns[index])
        named.append((str(pattern or ""), each, pattern.line if pattern else None))
    return _shares(named)


def _largest_directories(direct: dict[str, Sum], top: int) -> tuple[Share, ...]:
    """Return the `top` largest shares, without making a value for every directory."""
    filled = ((-size, path.rstrip("/") or ".", count) for path, (size, count) in direct.items())
    least = heapq.nsmallest(top, (each for each in filled if each[2]))
    return tuple(Share(path, -size, count) for size, path, count in least)
