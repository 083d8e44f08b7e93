"""The sums of a measurement: totals, the size tree, the largest, by pattern and by kind."""

from __future__ import annotations

import heapq
import stat
from array import array
from collections import defaultdict
from collections.abc import Callable, Set
from itertools import chain
from typing import TypeVar

from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import SECRET_START, Clues, Sum, extension, size_tree
from ctxsize.engine.events import (
    Batch,
    CoreSums,
    Event,
    Files,
    Folder,
    IgnoredEntries,
    is_utf8,
    not_utf8,
)
from ctxsize.engine.inspect import (
    NO_PERMISSION,
    WITHHELD,
    arrives_empty,
    not_utf8_problems,
    uncertain,
)
from ctxsize.engine.packets import BuildKitMeter
from ctxsize.engine.request import Request
from ctxsize.engine.shares import largest_directories, pattern_shares, shares
from ctxsize.engine.tar import TarMeter
from ctxsize.model import Clue, Ignored, Measurement, Problem, Share, Totals

K = TypeVar("K")
_MANY = 512
"""Number of entries that are counted together, roughly."""
_APART = 1 << 32
"""The places between a file that was counted elsewhere and the next one."""
_LEAST_LARGEST = 10
"""Number of the largest files that are kept at least, for clues."""

_Meter = BuildKitMeter | TarMeter
_METERS: dict[str, Callable[[], _Meter]] = {"buildkit": BuildKitMeter, "tar": TarMeter}


class WalkSums:
    """The accumulator of one measurement: it sees a whole walk, in order."""

    def __init__(self, builder: Builder, top: int) -> None:
        self._refuses = builder.refuses_to_open
        self._only_utf8 = builder.sends_only_utf8
        self._not_utf8: list[str] = []
        self._shown, self.top = top, max(top, _LEAST_LARGEST)
        self.clues = Clues()
        self._meter = _METERS[builder.meter]() if builder.meter else None
        self.content_bytes = 0
        self._files = self._directories = self._symlinks = self._hardlinks = 0
        self._direct: dict[str, Sum] = {"": [0, 0]}
        self._by_extension: dict[str, Sum] = {}
        self._waiting: list[Batch] = []
        """What is to be counted together, in order."""
        self._room = _MANY  # how many more entries may wait
        self._by_pattern: dict[int | None, Sum] = {}
        self._largest: list[tuple[int, int, str]] = []
        """A heap of sizes, negative places in the walk, and paths."""
        self._seen = 0
        """How many places there were, directories left out."""
        self._refused: list[tuple[str, int]] = []
        self._unreadable: list[tuple[str, int]] = []
        self._saved: dict[int | None, Sum] = {}
        self._ignored = [0, 0, 0, 0]
        self._unopened = 0

    @property
    def entries(self) -> int:
        """Return how many entries were added that are sent."""
        return self._files + self._directories + self._symlinks

    def add(self, event: Event) -> None:
        """Add what a walk met."""
        if isinstance(event, Files):
            self._add_files(event)
        elif isinstance(event, Folder):
            self._add_folder(event)
        elif isinstance(event, IgnoredEntries):
            self._add_ignored(event)
        else:
            self._ignored[2] += 1
            self._unopened += not event.entered

    def _add_folder(self, folder: Folder) -> None:
        """Add a directory that is sent. An ignored one was counted as ignored before."""
        self._directories += 1
        self._ignored[2] -= folder.mark.ignored
        self._wait(folder, [], 1)

    def _wait(self, event: Files | Folder, sizes: list[int], count: int) -> None:
        self._waiting.append((event, sizes))
        self._room -= count
        if self._room < 0:
            self.settle()

    def _add_files(self, files: Files) -> None:
        empty = files.unreadable
        if self._refuses and (files.mark.refused or files.odd or empty):
            empty |= self._refusals(files)
        if files.plain and not empty and not files.xattrs:
            self._files += len(files.names)
            self._wait(files, [each.st_size for each in files.stats], len(files.names))
            return
        self.settle()
        if self._only_utf8:
            self._not_utf8 += not_utf8(files)
        if self._meter is not None:
            self._meter.files(files, empty)
        sizes = files.content_sizes(empty)
        self._files += len(sizes) - len(files.links)
        self._symlinks += len(files.links)
        self._hardlinks += len(files.linked)
        self._add_sizes(files, sizes)
        self._keep_largest(files, sizes)
        named = dict(zip(files.names, sizes, strict=True))
        for name in files.links:
            del named[name]
        ends = self._count_extensions([*named], [*named.values()])
        self.clues.add_files(files.names, ends, [(files.prefix, files.names, sizes)])

    def add_found(self, found: CoreSums) -> None:
        """Add what was counted elsewhere, without the order of its entries."""
        content_bytes, files, directories, ignored_files, ignored_folders, unopened = found.amounts
        self.content_bytes += content_bytes
        self._files += files
        self._directories += directories
        self._ignored[1] += ignored_files
        self._ignored[2] += ignored_folders
        self._unopened += unopened
        self._direct.update({prefix: [size, count] for prefix, size, count in found.direct})
        for end, size, count in found.extensions:
            _add(self._by_extension, end, size, count)
        for index, size, count in found.by_pattern:
            if size or count:
                _add(self._by_pattern, None if index < 0 else index, size, count)
        for path, size, place in found.largest:
            self._offer(size, (place + 1) * _APART - 1, path)
        if self._meter is not None:
            self._meter.add_sums(found.announced, found.content)

    def add_runs(self, sizes: memoryview, runs: array[int]) -> None:
        """Add the order of entries that were counted elsewhere, a part of it at a time."""
        if self._meter is not None:
            self._meter.add_runs(sizes, runs)

    def stand_at(self, files: int) -> None:
        """Say behind how many files that were counted elsewhere stands what is added next."""
        self._seen = files * _APART + self._seen % _APART

    def settle(self) -> None:
        """Count what waits, which takes less for many files at once, and let go of it."""
        waiting, self._waiting, self._room = self._waiting, [], _MANY
        if not waiting:
            return
        batches = [(each, sizes) for each, sizes in waiting if isinstance(each, Files)]
        names = [*chain.from_iterable([each.names for each, _ in batches])]
        if self._only_utf8:
            self._note_not_utf8([each for each, _ in waiting], names)
        sizes = [*chain.from_iterable([own for _, own in batches])]
        ascending = sorted(sizes)
        if self._meter is not None:
            self._meter.together(waiting, names, ascending)
        for each, own in batches:
            self._add_sizes(each, own)
        if ascending and ascending[-1] >= max(1, self._enough):
            for each, own in batches:
                self._keep_largest(each, own)
        else:
            self._seen += len(sizes)
        ends = self._count_extensions(names, sizes)
        self.clues.add_files(names, ends, [(each.prefix, each.names, own) for each, own in batches])
        folders = [each for each, _ in waiting if isinstance(each, Folder)]
        self.clues.add_folders([each.path for each in folders if not each.mark.ignored])

    def _note_not_utf8(self, waiting: list[Files | Folder], names: list[str]) -> None:
        """Note what is not UTF-8 of `waiting`, which holds the files `names` and no symlinks."""
        paths = [each.prefix if isinstance(each, Files) else each.path for each in waiting]
        attributes = [name for each in waiting if each.xattrs for name in each.xattrs]
        if not is_utf8(*names, *paths, *attributes):
            self._not_utf8 += chain.from_iterable(map(not_utf8, waiting))

    def _add_sizes(self, files: Files, sizes: list[int]) -> None:
        """Add a batch to its directory, and to the pattern that decided."""
        total, count = sum(sizes), len(sizes) - len(files.links)
        self.content_bytes += total
        _add(self._direct, files.prefix, total, count)
        if files.odd:
            apart, apart_count = self._count_odd(files, sizes)
            total, count = total - apart, count - apart_count
        if total or count:
            _add(self._by_pattern, files.mark.decider, total, count)

    def _refusals(self, files: Files) -> frozenset[str]:
        """Return the names whose content the builder's sender withholds."""
        withheld = files.withheld()
        if withheld or files.unreadable:
            for name, size in files.with_content().items():
                if name in withheld:
                    self._refused.append((files.prefix + name, size))
                elif name in files.unreadable:
                    self._unreadable.append((files.prefix + name, size))
        return withheld

    def _count_odd(self, files: Files, sizes: list[int]) -> tuple[int, int]:
        """Count files with a mark of their own by pattern; the sums of these."""
        odd, total, count = files.odd, 0, 0
        if any(not mark.ignored for mark in odd.values()):
            for name, size in zip(files.names, sizes, strict=True):
                if name in odd:
                    is_file = name not in files.links
                    _add(self._by_pattern, odd[name].decider, size, is_file)
                    total, count = total + size, count + is_file
        return total, count

    def _count_extensions(self, names: list[str], sizes: list[int]) -> Set[str]:
        """Add files to their extensions; return these, and `SECRET_START` if a name begins so.

        What follows the last dot of `.pem` tells something, too.
        """
        ends = [name[name.rfind(".") :] for name in names]
        text = "\n".join(("", *names))
        hidden: set[str] = set()
        if "\n." in text:  # quicker than a look at each name
            for place in [place for place, name in enumerate(names) if name[0] == "."]:
                hidden.add(ends[place])
                ends[place] = extension(names[place])
        by_end: defaultdict[str, list[int]] = defaultdict(list)
        for end, size in zip(ends, sizes, strict=True):
            by_end[end].append(size)
        for end, each in by_end.items():
            # Of a name without a dot this is its last character.
            _add(self._by_extension, end if end[:1] == "." else "", sum(each), len(each))
        if f"\n{SECRET_START}" in text:
            hidden.add(SECRET_START)
        return by_end.keys() | hidden if hidden else by_end.keys()

    @property
    def _enough(self) -> float:
        """Return what a file must be larger than to be among the largest."""
        if len(self._largest) < self.top:
            return 0
        return self._largest[0][0] if self.top else float("inf")

    def _keep_largest(self, files: Files, sizes: list[int]) -> None:
        """Keep the largest files, of files of one size the first ones."""
        for place, (name, size) in enumerate(zip(files.names, sizes, strict=True), self._seen):
            if size >= self._enough and size:
                self._offer(size, place, files.prefix + name)
        self._seen += len(sizes)

    def _offer(self, size: int, place: int, path: str) -> None:
        if len(self._largest) < self.top:
            heapq.heappush(self._largest, (size, -place, path))
        elif self.top:
            heapq.heappushpop(self._largest, (size, -place, path))

    def _add_ignored(self, ignored: IgnoredEntries) -> None:
        self.clues.add_ignored(ignored)
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
            mark = ignored.odd.get(name, ignored.mark)
            _add(self._saved, mark.decider, size, not link)

    def problems(self, builder: Builder) -> list[Problem]:
        """Return what was found about the files themselves."""
        found = not_utf8_problems(self._not_utf8, builder)
        if self._unreadable:
            found.insert(0, arrives_empty(self._unreadable, NO_PERMISSION, "unreadable-file"))
        if self._refused:
            found.insert(0, arrives_empty(self._refused, WITHHELD, "arrives-empty"))
        return found

    def chance(self, request: Request) -> list[Problem]:
        """Return the problem of a figure that depends on chance or on the builder's release."""
        if self._meter is None:
            return []
        return uncertain(request.builder, self._meter.totals(request), self._meter.older_by)

    def measurement(self, request: Request, *, complete: bool, depth: int | None) -> Measurement:
        """Return what was added; `complete` tells whether all that is ignored was looked at."""
        self.settle()
        tree = size_tree(self._direct, depth)
        totals = Totals(self.content_bytes, self._files, self._directories, self._symlinks)
        largest = [Share(path, size, 1) for size, _, path in sorted(self._largest, reverse=True)]
        meter = self._meter
        wire_bytes, printed = _figures(meter, () if meter is None else meter.totals(request))
        warm = () if meter is None else meter.warm_totals(request)
        warm_bytes, warm_printed = _figures(meter, warm)
        return Measurement(
            totals=totals,
            wire_bytes=wire_bytes,
            printed=printed,
            warm_bytes=warm_bytes,
            warm_printed=warm_printed,
            tree=tree,
            largest_files=tuple(largest[: self._shown]),
            largest_directories=largest_directories(self._direct, self._shown),
            by_extension=shares((ext, each, None) for ext, each in self._by_extension.items()),
            by_pattern=pattern_shares(request, self._by_pattern),
            ignored=Ignored(
                Totals(*self._ignored),
                self._unopened,
                complete=complete or (not self._unopened and not self._ignored[1]),
                by_pattern=pattern_shares(request, self._saved),
            ),
            hardlinks=self._hardlinks,
            clues=self._worth_a_look(largest),
        )

    def _worth_a_look(self, largest: list[Share]) -> tuple[Clue, ...]:
        if not self.clues.tell(largest):
            return ()  # as in most small contexts
        from ctxsize.engine.reasons import clues

        return clues(self.clues, self._direct, largest, self.content_bytes)


def _figures(meter: _Meter | None, totals: tuple[int, ...]) -> tuple[int | None, str | None]:
    """Return the least of `totals`, and all of them in the builder's words."""
    if meter is None or not totals:
        return None, None
    return totals[0], " or ".join(dict.fromkeys(map(meter.printed, totals)))


def _add(sums: dict[K, Sum], key: K, size: int, count: int) -> None:
    each = sums.get(key)
    if each is None:
        sums[key] = [size, int(count)]
    else:
        each[0] += size
        each[1] += count
