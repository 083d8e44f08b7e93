"""The known sizes in a context at one time, of all files or the largest, and their changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from ctxsize.entry import Entry, Kind
from ctxsize.model import Amount, Measurement

Held = tuple[Amount | None, int | None]
"""The size of a path, and the most bytes that it can have if it is not listed.

`(None, 0)` is a path that does not exist; the second is None if there is no such limit.
"""


@dataclass(frozen=True)
class Known:
    """The totals of a context, and its known directories and files."""

    content_bytes: int
    files: int
    directories: Mapping[str, Amount]
    """Sizes of whole directories by path, without the context itself."""
    largest_files: Mapping[str, int]
    depth: int | None = None
    """Number of levels that are known; None for all."""
    directories_from: int = 0
    """Most bytes of a directory that `directories` lacks."""
    files_from: int = 0
    """Most bytes of a file that `largest_files` lacks."""
    builder: str = ""
    """The builder for which a baseline was measured."""
    transfer: Amount | None = None
    """The transfer of a baseline; None if it was not known."""

    def directory(self, path: str) -> Held:
        """Return the size of a directory; one without files counts as absent."""
        if (held := self.directories.get(path)) is not None:
            return (held if held.files else None), 0
        is_shallow = self.depth is None or path.count("/") < self.depth
        return None, self.directories_from if is_shallow else None

    def file(self, path: str) -> Held:
        """Return the size of a file."""
        size = self.largest_files.get(path)
        return (None, self.files_from) if size is None else (Amount(0, size), 0)


def of_measurement(context: Measurement, *, depth: int | None, top: int) -> Known:
    """Return the known sizes in `context`, which was measured with this `depth` and `top`."""
    files = {each.name: each.content_bytes for each in context.largest_files}
    directories: dict[str, Amount] = {}
    pending = [*context.tree.children]
    while pending:
        each = pending.pop()
        directories[each.path] = Amount.of(each)
        pending += each.children
    least = min(files.values()) if len(files) >= top else 0
    totals = context.totals
    return Known(totals.content_bytes, totals.files, directories, files, depth, files_from=least)


def of_entries(entries: Iterable[Entry]) -> Known:
    """Return the sizes in a context, from all its `entries`."""
    return of_files(
        (each.path, each.content_bytes)
        for each in entries
        if each.kind not in (Kind.DIRECTORY, Kind.SYMLINK) and not each.verdict.ignored
    )


def of_files(files: Iterable[tuple[str, int]]) -> Known:
    """Return the sizes in a context with just these `files`, each with its bytes."""
    sizes = dict(files)
    counts, totals = Counter[str](), Counter[str]()
    for path, size in sizes.items():
        for above in _above(path):
            counts[above] += 1
            totals[above] += size
    directories = {path: Amount(counts[path], totals[path]) for path in counts}
    return Known(sum(sizes.values()), len(sizes), directories, sizes)


def _above(path: str) -> Iterator[str]:
    """Yield the directories above `path`, except the context itself."""
    while path := path.rpartition("/")[0]:
        yield path


def worth_keeping(known: Known, *, directories: int, files: int) -> Known:
    """Return only the largest of `known`, for a file that people read."""
    sizes = {path: held.content_bytes for path, held in known.directories.items()}
    kept, directories_from = _largest(sizes, directories)
    kept_files, files_from = _largest(known.largest_files, files)
    return replace(
        known,
        directories={path: known.directories[path] for path in kept},
        largest_files={path: known.largest_files[path] for path in kept_files},
        directories_from=max(directories_from, known.directories_from),
        files_from=max(files_from, known.files_from),
    )


def _largest(sizes: Mapping[str, int], count: int) -> tuple[list[str], int]:
    """Return the paths of the largest, and the most bytes of any other."""
    ordered = sorted(sizes, key=lambda path: (-sizes[path], path))
    return ordered[:count], sizes[ordered[count]] if len(ordered) > count else 0


_MOST = 0.9
"""Share of a directory's growth from which the files in it explain it."""


class What(str, Enum):
    """The kind of a change."""

    ADDED = "added"
    REMOVED = "removed"
    GREW = "grew"
    SHRANK = "shrank"


@dataclass(frozen=True)
class SizeChange:
    """A change of a directory or a file."""

    path: str
    what: What
    before_bytes: int | None
    """None if it was absent, or too small to be listed."""
    after_bytes: int | None
    delta_bytes: int
    """The change, or if not `exact` its minimum: it may have existed unlisted."""
    delta_files: int = 0
    """The change of the number of files in a directory."""
    exact: bool = True


@dataclass(frozen=True)
class SizeChanges:
    """All known changes, the greatest first."""

    directories: tuple[SizeChange, ...] = ()
    """Directories, except those whose change is that of one directory in them."""
    files: tuple[SizeChange, ...] = ()

    @property
    def grown(self) -> tuple[SizeChange, ...]:
        """Return files that grew, and directories whose growth such files do not explain."""
        files = [each for each in self.files if each.delta_bytes > 0]
        explained = Counter[str]()
        for file in files:
            for above in _above(file.path):
                explained[above] += file.delta_bytes
        directories = [
            each
            for each in self.directories
            if each.delta_bytes > 0 and explained[each.path] < _MOST * each.delta_bytes
        ]
        return tuple(sorted([*files, *directories], key=_order))


def between(before: Known, after: Known) -> SizeChanges:
    """Return what changed from `before` to `after`."""
    directories = _changes(
        {**before.directories, **after.directories}, before.directory, after.directory
    )
    files = _changes({**before.largest_files, **after.largest_files}, before.file, after.file)
    # Omit a directory whose change is that of a directory in it.
    inner = {
        (each.path.rpartition("/")[0], each.delta_bytes, each.delta_files) for each in directories
    }
    deepest = (
        each for each in directories if (each.path, each.delta_bytes, each.delta_files) not in inner
    )
    return SizeChanges(tuple(deepest), tuple(files))


def _changes(
    paths: Iterable[str], before: Callable[[str], Held], after: Callable[[str], Held]
) -> list[SizeChange]:
    found = (_change(path, before(path), after(path)) for path in paths)
    return sorted(filter(None, found), key=_order)


def _change(path: str, before: Held, after: Held) -> SizeChange | None:
    (was, most_before), (now, most_after) = before, after
    exact = True
    if was is not None and now is not None:
        delta = now - was
        if not any(delta):
            return None
    else:
        held, most = (now, most_before) if was is None else (was, most_after)
        if held is None or most is None or (most and held.content_bytes <= most):
            return None  # it may be what it was
        exact = most == 0
        delta = Amount(held.files if exact else 0, held.content_bytes - most)
        delta = delta if was is None else Amount() - delta
    what = What.GREW if (delta.content_bytes, delta.files) > (0, 0) else What.SHRANK
    if exact and was is None:
        what = What.ADDED
    elif exact and now is None:
        what = What.REMOVED
    old, new = (None if each is None else each.content_bytes for each in (was, now))
    return SizeChange(path, what, old, new, delta.content_bytes, delta.files, exact)


def _order(change: SizeChange) -> tuple[int, int, str]:
    return -abs(change.delta_bytes), -abs(change.delta_files), change.path
