"""Sums of directories as a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ctxsize.model import Counted, Directory


@dataclass(eq=False, slots=True)
class RunningSum:
    """A number of files and of their bytes that grows."""

    files: int = 0
    content_bytes: int = 0

    def add(self, files: int, content_bytes: int) -> None:
        """Add files with their bytes."""
        self.files += files
        self.content_bytes += content_bytes


DirectorySums = Mapping[str, Counted]  # by the prefix of a directory


def size_tree(direct: DirectorySums, depth: int | None) -> Directory:
    """Return the tree of directories that contain files, at most `depth` deep (None: all).

    The sums of a directory include all below it. Siblings are in order of size, then path.
    """
    totals = _cut(direct, depth)
    for prefix in [*totals]:
        while prefix:
            prefix = _above(prefix)
            if prefix in totals:
                break
            totals[prefix] = RunningSum()
    children: dict[str, list[Directory]] = defaultdict(list)
    for prefix in sorted(totals, reverse=True):
        total = totals[prefix]
        below = children.pop(prefix, [])
        below.sort(key=lambda directory: (-directory.content_bytes, directory.path))
        node = Directory(
            path=prefix.rstrip("/"),
            content_bytes=total.content_bytes,
            files=total.files,
            children=tuple(below),
        )
        if prefix:
            above = _above(prefix)
            totals[above].add(total.files, total.content_bytes)
            if total.files:
                children[above].append(node)
    return node  # the last one is the context


def _above(prefix: str) -> str:
    return prefix[: prefix.rfind("/", 0, -1) + 1]


def _cut(direct: DirectorySums, depth: int | None) -> dict[str, RunningSum]:
    """Return the same sums; those below `depth` are added to the directory there."""
    totals = defaultdict[str, RunningSum](RunningSum)
    top = None  # most directories come after another one of the same top
    for prefix, amount in direct.items():
        if top is None or not prefix.startswith(top):
            top = _top(prefix, depth)
            if top is None:
                total = totals[prefix]
            else:
                total = totals[top]
        total.add(amount.files, amount.content_bytes)
    return totals


def _top(prefix: str, depth: int | None) -> str | None:
    """Return the directory above `prefix` at `depth`; None if it is not deeper than that."""
    if depth is None:
        return None
    parts = prefix.split("/", depth)
    if len(parts) <= depth:
        return None
    return "".join(f"{name}/" for name in parts[:depth])
