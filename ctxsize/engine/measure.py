"""Entries into a measurement: totals, the size tree, the largest, by rule and by kind."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterable

from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.transfer import METERS
from ctxsize.engine.walk import Files, Folder, Ignored, IgnoredFolder, Walk
from ctxsize.model import (
    Directory,
    IgnoreFileInfo,
    Measurement,
    Pattern,
    Problem,
    Report,
    Share,
    Totals,
)
from ctxsize.model import Ignored as IgnoredSums

Progress = Callable[[int, int], None]
"""Called now and then with the entries and the bytes seen so far."""

Sum = list[int]
"""Bytes, files."""


def measure(
    request: Request,
    *,
    everything: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
) -> Report:
    """What `request` would send, with the problems that were met on the way.

    `everything` also measures what is ignored. `top` bounds each list of the
    largest, `depth` the size tree (None: no bound).
    Raises what `Walk` raises.
    """
    walk = Walk(request, everything=everything)
    sums = _Sums(request, top)
    for event in walk:
        if isinstance(event, Files):
            sums.files(event)
        elif isinstance(event, Folder):
            sums.folder(event)
        elif isinstance(event, Ignored):
            sums.ignored(event)
        else:
            sums.ignored_folder(event)
        if progress is not None:
            progress(sums.entries, sums.content_bytes)
    return Report(
        context_path=request.context,
        dockerfile=request.dockerfile,
        builder=request.builder.name,
        ignore_file=ignore_file_info(request),
        context=sums.measurement(everything=everything, depth=depth),
        problems=(*_faults(request), *walk.problems, *sums.problems()),
    )


def ignore_file_info(request: Request) -> IgnoreFileInfo | None:
    """The ignore file that governs `request`, as reports carry it."""
    if request.ignore_file is None:
        return None
    patterns = tuple(public_pattern(each) for each in request.spec.patterns if each.line)
    return IgnoreFileInfo(request.ignore_file.path, patterns, request.dockerfile_specific)


def _faults(request: Request) -> list[Problem]:
    """The patterns that would fail a build which reaches them; this one did not."""
    return [
        Problem(
            "unreached-bad-pattern",
            f"syntax error in pattern {pattern.text!r}: {pattern.fault}; Docker fails as soon as "
            "an entry makes it look at this line",
            request.ignore_file.path if request.ignore_file else None,
            line=pattern.line,
        )
        for pattern in request.spec.patterns
        if pattern.fault is not None
    ]


class _Sums:
    """The accumulator of one measurement."""

    def __init__(self, request: Request, top: int) -> None:
        self._request = request
        self._top = top
        self._meter = METERS[request.builder.meter]() if request.builder.meter else None
        self.content_bytes = 0
        self._files = self._directories = self._symlinks = self._hardlinks = 0
        self._direct: dict[str, Sum] = {"": [0, 0]}
        self._by_extension: dict[str, Sum] = {}
        self._by_pattern: dict[int | None, Sum] = {}
        self._largest: list[tuple[int, str]] = []
        self._refused: list[tuple[str, int]] = []
        self._unreadable: list[tuple[str, int]] = []
        self._saved: dict[int | None, Sum] = {}
        self._ignored = [0, 0, 0, 0]
        self._unopened = 0

    @property
    def entries(self) -> int:
        return self._files + self._directories + self._symlinks

    def folder(self, folder: Folder) -> None:
        self._directories += 1
        self._direct.setdefault(f"{folder.path}/", [0, 0])
        if self._meter is not None:
            self._meter.folder(folder)

    def files(self, files: Files) -> None:
        refused = self._refusals(files)
        empty = files.unreadable | refused
        if self._meter is not None:
            self._meter.files(files, empty)
        sizes = content_sizes(files, empty)
        total, count = sum(sizes), len(sizes) - len(files.links)
        self.content_bytes += total
        self._files += count
        self._symlinks += len(files.links)
        self._hardlinks += len(files.linked)
        _add(self._direct, files.prefix, total, count)
        self._count_patterns(files, sizes, total, count)
        self._count_extensions(files, sizes)
        self._keep_largest(files, sizes)

    def _refusals(self, files: Files) -> frozenset[str]:
        """The names whose content the builder's sender withholds."""
        if not self._request.builder.refuses_to_open:
            return frozenset()
        if files.mark.refused:
            odd = files.odd
            names = {name for name in files.names if name not in odd or odd[name].refused}
        else:
            names = {name for name, mark in files.odd.items() if mark.refused}
        regular = _regular(files) if names or files.unreadable else {}
        self._refused += [(files.prefix + n, size) for n, size in regular.items() if n in names]
        self._unreadable += [
            (files.prefix + n, size) for n, size in regular.items() if n in files.unreadable - names
        ]
        return frozenset(names)

    def _count_patterns(self, files: Files, sizes: list[int], total: int, count: int) -> None:
        odd = files.odd
        if odd:
            for name, size in zip(files.names, sizes, strict=True):
                if name in odd:
                    is_file = name not in files.links
                    _add(self._by_pattern, odd[name].decider, size, is_file)
                    total, count = total - size, count - is_file
        if total or count:
            _add(self._by_pattern, files.mark.decider, total, count)

    def _count_extensions(self, files: Files, sizes: list[int]) -> None:
        sums, links = self._by_extension, files.links
        for name, size in zip(files.names, sizes, strict=True):
            if links and name in links:
                continue
            # `extension`, written out: this runs once for every file there is
            end = name.rfind(".")
            each = sums.get(name[end:] if end > 0 and name[0] != "." else extension(name))
            if each is None:
                each = sums.setdefault(extension(name), [0, 0])
            each[0] += size
            each[1] += 1

    def _keep_largest(self, files: Files, sizes: list[int]) -> None:
        largest = self._largest
        if len(largest) >= self._top and max(sizes) < largest[0][0]:
            return
        for name, size in zip(files.names, sizes, strict=True):
            if size:
                heapq.heappush(largest, (size, files.prefix + name))
                if len(largest) > self._top:
                    heapq.heappop(largest)

    def ignored(self, ignored: Ignored) -> None:
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

    def ignored_folder(self, folder: IgnoredFolder) -> None:
        self._ignored[2] += 1
        self._unopened += not folder.entered

    def problems(self) -> list[Problem]:
        """What was found about the files themselves."""
        found = []
        if self._refused:
            found.append(_arrives_empty(self._refused, _WITHHELD, "arrives-empty"))
        if self._unreadable:
            found.append(_arrives_empty(self._unreadable, _NO_PERMISSION, "unreadable-file"))
        return found

    def measurement(self, *, everything: bool, depth: int | None) -> Measurement:
        tree = _tree(self._direct, depth)
        totals = Totals(self.content_bytes, self._files, self._directories, self._symlinks)
        wire_bytes = None if self._meter is None else self._meter.total(self._request)
        return Measurement(
            totals=totals,
            wire_bytes=wire_bytes,
            printed=None
            if wire_bytes is None or self._meter is None
            else self._meter.printed(wire_bytes),
            tree=tree,
            largest_files=tuple(
                Share(path, size, 1)
                for size, path in sorted(self._largest, key=lambda item: (-item[0], item[1]))
            ),
            largest_directories=self._shares(
                (path.rstrip("/") or ".", each, None) for path, each in self._direct.items()
            )[: self._top],
            by_extension=self._shares(
                (ext, each, None) for ext, each in self._by_extension.items()
            ),
            by_pattern=self._pattern_shares(self._by_pattern),
            ignored=IgnoredSums(
                Totals(*self._ignored),
                self._unopened,
                complete=everything or (not self._unopened and not self._ignored[1]),
                by_pattern=self._pattern_shares(self._saved),
            ),
            hardlinks=self._hardlinks,
        )

    def _shares(self, sums: Iterable[tuple[str, Sum, int | None]]) -> tuple[Share, ...]:
        shares = (Share(name, size, count, line) for name, (size, count), line in sums if count)
        return tuple(sorted(shares, key=lambda share: (-share.content_bytes, share.name)))

    def _pattern_shares(self, sums: dict[int | None, Sum]) -> tuple[Share, ...]:
        patterns = self._request.spec.patterns
        named = []
        for index, each in sums.items():
            pattern = None if index is None else public_pattern(patterns[index])
            named.append((str(pattern or ""), each, pattern.line if pattern else None))
        return self._shares(named)


_WITHHELD = (
    "sent without content: Docker's sender applies the patterns in another way than its walk, "
    "and refuses to open"
)
_NO_PERMISSION = "sent without content: no permission to read"


def _arrives_empty(files: list[tuple[str, int]], reason: str, code: str) -> Problem:
    size = sum(size for _, size in files)
    noun = "file is" if len(files) == 1 else "files are"
    return Problem(
        code, f"{len(files)} {noun} {reason} ({size:,} bytes)", files[0][0], count=len(files)
    )


def content_sizes(files: Files, empty: frozenset[str]) -> list[int]:
    """The bytes of content that travel for each of `files.names`."""
    if files.plain and not empty:
        return files.sizes
    sizes = [each.st_size if stat.S_ISREG(each.st_mode) else 0 for each in files.stats]
    if files.linked or empty:
        none = empty.union(files.linked)
        return [0 if name in none else size for name, size in zip(files.names, sizes, strict=True)]
    return sizes


def _regular(files: Files) -> dict[str, int]:
    """The regular files with content of a batch, and their sizes."""
    return {
        name: each.st_size
        for name, each in zip(files.names, files.stats, strict=True)
        if stat.S_ISREG(each.st_mode) and each.st_size and name not in files.linked
    }


def extension(name: str) -> str:
    """The extension of a file's name with its dot, `""` if there is none.

    >>> extension("a.tar.gz"), extension(".env"), extension("Makefile")
    ('.gz', '', '')
    """
    return os.path.splitext(name)[1]  # noqa: PTH122 - a Path for each of a million names


def public_pattern(pattern: DockerIgnorePattern) -> Pattern:
    """The engine's pattern as the value that reports carry."""
    return Pattern(pattern.text, pattern.line, pattern.include is False, str(pattern.pattern))


def _add(sums: dict, key: object, size: int, count: int) -> None:  # type: ignore[type-arg]
    each = sums.get(key)
    if each is None:
        sums[key] = [size, int(count)]
    else:
        each[0] += size
        each[1] += count


def _tree(direct: dict[str, Sum], depth: int | None) -> Directory:
    """The size tree from the sums of each directory's own files."""
    totals = {prefix: list(each) for prefix, each in direct.items()}
    for prefix in list(totals):
        while prefix:
            prefix = prefix[: prefix.rfind("/", 0, -1) + 1]
            if prefix in totals:
                break
            totals[prefix] = [0, 0]
    children: dict[str, list[Directory]] = {}
    for prefix in sorted(totals, key=lambda each: -each.count("/")):
        size, count = totals[prefix]
        parent = prefix[: prefix.rfind("/", 0, -1) + 1]
        below = sorted(children.pop(prefix, ()), key=lambda d: (-d.content_bytes, d.path))
        node = Directory(prefix.rstrip("/"), size, count, tuple(below))
        if not prefix:
            return node
        totals[parent][0] += size
        totals[parent][1] += count
        if (depth is None or prefix.count("/") <= depth) and count:
            children.setdefault(parent, []).append(node)
    raise AssertionError("the context itself is always there")
