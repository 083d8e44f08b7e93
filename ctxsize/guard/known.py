"""What is known of a context at one time: all of its files, or just the largest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
