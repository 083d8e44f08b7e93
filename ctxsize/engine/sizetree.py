"""The size tree of a report, from the sums of each directory's own files."""

from __future__ import annotations

from ctxsize.model import Directory

Sum = list[int]
"""Bytes, files."""


def size_tree(direct: dict[str, Sum], depth: int | None) -> Directory:
    """The context with the directories that hold files, at most `depth` deep (None: all).

    A directory counts all below it; the largest of a directory come first, then by path.
    """
    totals = _cut(direct, depth)
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
        if prefix:
            totals[parent][0] += size
            totals[parent][1] += count
            if not count:
                continue
        below = sorted(children.pop(prefix, ()), key=lambda d: (-d.content_bytes, d.path))
        node = Directory(prefix.rstrip("/"), size, count, tuple(below))
        if not prefix:
            return node
        children.setdefault(parent, []).append(node)
    raise AssertionError("the context itself is always there")


def _cut(direct: dict[str, Sum], depth: int | None) -> dict[str, Sum]:
    """The same sums, with what lies deeper than `depth` counted there."""
    if depth is None:
        return {prefix: [*each] for prefix, each in direct.items()}
    totals: dict[str, Sum] = {}
    top: str | None = None  # most directories come after another one of the same top
    for prefix, (size, count) in direct.items():
        if top is None or not prefix.startswith(top):
            top = None if prefix.count("/") < depth else _top(prefix, depth)
            sums = totals.setdefault(prefix if top is None else top, [0, 0])
        sums[0] += size
        sums[1] += count
    return totals


def _top(prefix: str, depth: int) -> str:
    """The directory above `prefix`, or itself, that is so deep."""
    return "".join(f"{name}/" for name in prefix.split("/", depth)[:depth])
