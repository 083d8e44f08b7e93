"""The largest parts of a context: directories and files of which none holds another."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.guard.outcome import Culprit
from ctxsize.model import Directory, Measurement

_MOST = 0.8
"""The share of a directory from which on the one part of it that holds it is named instead."""


def culprits(context: Measurement, count: int = 5) -> tuple[Culprit, ...]:
    """The `count` largest parts, each named as deep as one part holds most of it."""
    files = {share.name: share.content_bytes for share in context.largest_files}
    parts = [_deepest(each, files) for each in context.tree.children]
    parts += [
        Culprit(path, size, 1) for path, size in files.items() if "/" not in path and size > 0
    ]
    ordered = sorted(parts, key=lambda each: (-each.content_bytes, -each.files, each.path))
    return tuple(ordered[:count])


def _deepest(directory: Directory, files: dict[str, int]) -> Culprit:
    while True:
        least = max(1, _MOST * directory.content_bytes)
        found = _file(directory.path, files, least)
        if found is not None:
            return found
        child = next(iter(directory.children), None)
        if child is None or child.content_bytes < least:
            return Culprit(f"{directory.path}/", directory.content_bytes, directory.files)
        directory = child


def _file(directory: str, files: dict[str, int], least: float) -> Culprit | None:
    inside: Iterable[tuple[str, int]] = (
        (path, size)
        for path, size in files.items()
        if size >= least and path.rpartition("/")[0] == directory
    )
    return next((Culprit(path, size, 1) for path, size in inside), None)
