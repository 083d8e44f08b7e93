"""The largest parts of a context: directories and files of which none holds another."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.guard.outcome import Culprit
from ctxsize.model import Directory, Measurement

_MOST = 0.95
"""The share of a directory from which on the one part of it that holds it is named instead."""
_LEAST = 0.001
"""The share of the context below which nothing is to blame."""


def culprits(
    context: Measurement, count: int = 5, *, by_files: bool = False
) -> tuple[Culprit, ...]:
    """Return the `count` largest parts, each named as deep as one part holds nearly all of it."""
    files = {share.name: share.content_bytes for share in context.largest_files}
    parts = [_deepest(each, files, by_files=by_files) for each in context.tree.children]
    parts += [Culprit(path, size, 1) for path, size in files.items() if "/" not in path]

    def size(part: Culprit) -> tuple[int, int]:
        sizes = (part.content_bytes, part.files)
        return sizes[::-1] if by_files else sizes

    whole = context.totals.files if by_files else context.totals.content_bytes
    ordered = sorted(parts, key=lambda each: (*(-part for part in size(each)), each.path))
    return tuple(each for each in ordered[:count] if size(each)[0] >= max(1, _LEAST * whole))


def _deepest(directory: Directory, files: dict[str, int], *, by_files: bool) -> Culprit:
    while True:
        least = max(1, _MOST * directory.content_bytes)
        found = None if by_files else _file(directory.path, files, least)
        if found is not None:
            return found
        if by_files:
            child = max(directory.children, key=lambda each: each.files, default=None)
            deeper = child is not None and child.files >= _MOST * directory.files
        else:
            child = next(iter(directory.children), None)
            deeper = child is not None and child.content_bytes >= least
        if child is None or not deeper:
            return Culprit(f"{directory.path}/", directory.content_bytes, directory.files)
        directory = child


def _file(directory: str, files: dict[str, int], least: float) -> Culprit | None:
    inside: Iterable[tuple[str, int]] = (
        (path, size)
        for path, size in files.items()
        if size >= least and path.rpartition("/")[0] == directory
    )
    return next((Culprit(path, size, 1) for path, size in inside), None)
