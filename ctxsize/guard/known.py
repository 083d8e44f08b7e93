"""What is known of a context at one time, all files or the largest; what changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from ctxsize.model import Amount, Directory, Entry, Kind, Measurement


@dataclass(frozen=True)
class Known:
    """The sums of a context, and its directories and files as far as they are known."""

    content_bytes: int
    files: int
    directories: Mapping[str, Amount]
    """With all that each holds, by path; without the context itself."""
    largest_files: Mapping[str, int]
    depth: int | None = None
    """Deeper directories are not known; None where all are."""
    directories_from: int = 0
    """What is not in `directories` holds no more bytes than that."""
    files_from: int = 0
    """What is not in `largest_files` is no larger than that."""

    def directory(self, path: str) -> Amount | None:
        """Return what is in a directory, nothing if it is not there, None if that is not known."""
        if path in self.directories:
            return self.directories[path]
        shallow = self.depth is None or path.count("/") < self.depth
        return Amount() if shallow and not self.directories_from else None

    def most(self, path: str) -> int | None:
        """Return the most bytes that a directory which is not in `directories` may hold."""
        shallow = self.depth is None or path.count("/") < self.depth
        return self.directories_from if shallow else None


def of_measurement(context: Measurement, *, depth: int | None, top: int) -> Known:
    """Return what is known of `context`, which was measured with this `depth` and `top`."""
    files = {each.name: each.content_bytes for each in context.largest_files}
    return Known(
        context.totals.content_bytes,
        context.totals.files,
        {path: held for path, held in _flat(context.tree) if path},
        files,
        depth=depth,
        files_from=min(files.values()) if len(files) >= top else 0,
    )


def of_entries(entries: Iterable[Entry]) -> Known:
    """Return everything that is known of a context whose `entries` were all listed."""
    return of_files(
        (each.path, each.content_bytes)
        for each in entries
        if each.kind not in (Kind.DIRECTORY, Kind.SYMLINK) and not each.verdict.ignored
    )


def of_files(files: Iterable[tuple[str, int]]) -> Known:
    """Return everything that is known of a context that holds just `files`, each with its bytes."""
    sizes = dict(files)
    below: dict[str, list[int]] = {}
    for path, size in sizes.items():
        at = path.rfind("/")
        while at > 0:
            held = below.setdefault(path[:at], [0, 0])
            held[0] += 1
            held[1] += size
            at = path.rfind("/", 0, at)
    directories = {path: Amount(*held) for path, held in below.items()}
    return Known(sum(sizes.values()), len(sizes), directories, sizes)


def worth_keeping(known: Known, *, directories: int, files: int) -> Known:
    """Return the largest of `known`, so that it can be kept in a file that people read."""
    kept, directories_from = _largest(
        {path: held.content_bytes for path, held in known.directories.items()}, directories
    )
    kept_files, files_from = _largest(known.largest_files, files)
    return Known(
        known.content_bytes,
        known.files,
        {path: known.directories[path] for path in sorted(kept)},
        {path: known.largest_files[path] for path in sorted(kept_files)},
        depth=known.depth,
        directories_from=max(directories_from, known.directories_from),
        files_from=max(files_from, known.files_from),
    )


def _largest(sizes: Mapping[str, int], count: int) -> tuple[list[str], int]:
    """Return the paths of the largest, and the size that no other one exceeds."""
    ordered = sorted(sizes, key=lambda path: (-sizes[path], path))
    return ordered[:count], sizes[ordered[count]] if len(ordered) > count else 0


def _flat(tree: Directory) -> Iterator[tuple[str, Amount]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node.path, Amount.of(node)
        pending += node.children


_MOST = 0.9
"""The share of a directory's growth from which on the files in it that grew explain it."""


class What(str, Enum):
    """What happened to a directory or a file."""

    ADDED = "added"
    REMOVED = "removed"
    GREW = "grew"
    SHRANK = "shrank"


@dataclass(frozen=True)
class SizeChange:
    """A directory or a file that is not what it was."""

    path: str
    what: What
    before_bytes: int | None
    """None where it was not there, or was too small to be listed."""
    after_bytes: int | None
    delta_bytes: int
    """At least, where `exact` is false: it may have been there, unlisted."""
    delta_files: int = 0
    """Of a directory."""
    exact: bool = True


@dataclass(frozen=True)
class SizeChanges:
    """All the changes that are known, the greatest first."""

    directories: tuple[SizeChange, ...] = ()
    """Without those whose change is that of one directory in them."""
    files: tuple[SizeChange, ...] = ()

    @property
    def grown(self) -> tuple[SizeChange, ...]:
        """Return what grew: files, and the directories that no such file explains."""
        files = [each for each in self.files if each.delta_bytes > 0]
        explained: dict[str, int] = {}
        for file in files:
            at = file.path.rfind("/")
            while at > 0:
                above = file.path[:at]
                explained[above] = explained.get(above, 0) + file.delta_bytes
                at = above.rfind("/")
        directories = [
            each
            for each in self.directories
            if each.delta_bytes > 0 and explained.get(each.path, 0) < _MOST * each.delta_bytes
        ]
        return tuple(sorted([*files, *directories], key=_order))


def between(before: Known, after: Known) -> SizeChanges:
    """Return what changed from `before` to `after`."""
    directories = list(_directories(before, after))
    inner = {(each.path.rpartition("/")[0], *_by(each)) for each in directories}
    told = [each for each in directories if (each.path, *_by(each)) not in inner]
    return SizeChanges(
        tuple(sorted(told, key=_order)),
        tuple(sorted(_files(before, after), key=_order)),
    )


def _by(change: SizeChange) -> tuple[int, int]:
    return change.delta_bytes, change.delta_files


def _order(change: SizeChange) -> tuple[int, int, str]:
    return -abs(change.delta_bytes), -abs(change.delta_files), change.path


def _directories(before: Known, after: Known) -> Iterator[SizeChange]:
    for path in {**before.directories, **after.directories}:
        old, new = before.directory(path), after.directory(path)
        if old is not None and new is not None:
            grown = new - old
            if any(grown):
                was, now = old.content_bytes or None, new.content_bytes or None
                what = _what(old, new)
                yield SizeChange(path, what, was, now, grown.content_bytes, grown.files)
        elif new is not None:
            yield from _unlisted(path, before.most(path), new.content_bytes, appeared=True)
        elif old is not None:
            yield from _unlisted(path, after.most(path), old.content_bytes, appeared=False)


def _files(before: Known, after: Known) -> Iterator[SizeChange]:
    for path in {**before.largest_files, **after.largest_files}:
        old, new = before.largest_files.get(path), after.largest_files.get(path)
        if old is not None and new is not None:
            if old != new:
                what = What.GREW if new > old else What.SHRANK
                yield SizeChange(path, what, old, new, new - old)
        elif new is not None:
            yield from _unlisted(path, before.files_from, new, appeared=True)
        elif old is not None:
            yield from _unlisted(path, after.files_from, old, appeared=False)


def _unlisted(path: str, most: int | None, size: int, *, appeared: bool) -> Iterator[SizeChange]:
    """Yield the change of what is listed on one side only, if it must have changed."""
    if most is None or (most and size <= most):
        return
    exact = most == 0
    if appeared:
        what = What.ADDED if exact else What.GREW
        yield SizeChange(path, what, None, size, size - most, exact=exact)
    else:
        what = What.REMOVED if exact else What.SHRANK
        yield SizeChange(path, what, size, None, most - size, exact=exact)


def _what(old: Amount, new: Amount) -> What:
    """Return what happened to a directory; one without files is as good as not there."""
    if not old.files:
        return What.ADDED
    if not new.files:
        return What.REMOVED
    more = (new.content_bytes, new.files) > (old.content_bytes, old.files)
    return What.GREW if more else What.SHRANK
