"""The size tree: the largest directories, in their places, with bars."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from ctxsize.formats import Look
from ctxsize.formats.names import columns, fit, pad, quoted
from ctxsize.model import Directory
from ctxsize.units import human, percent

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST_BAR = 40
_NARROWEST_BAR = 8
_SHORTEST_NAME = 6


class SizeRow(NamedTuple):
    """A directory of the tree, with the lines that lead to it."""

    guides: str
    name: str
    node: Directory


def lines(tree: Directory, look: Look, *, limit: int) -> list[str]:
    """Return at most `limit` directories as lines no wider than `look.width`."""
    rows = _rows(tree, _largest(tree, limit), look)
    sizes = [human(row.node.content_bytes) for row in rows]
    counts = [f"{row.node.files:,}" for row in rows]
    size_width, count_width = max(map(len, sizes)), max(5, *map(len, counts))
    free = look.width - 2 - size_width - 2 - count_width - 2 - len(" 100%")
    widest = max(columns(row.guides + row.name) for row in rows)
    bar_width = min(_WIDEST_BAR, max(_NARROWEST_BAR, free - widest - 2))
    if free < 3 * _NARROWEST_BAR:
        bar_width = 0
    label_width = min(widest, free - (bar_width + 2 if bar_width else 0))
    head = f"  {'size':>{size_width}}  {'files':>{count_width}}"
    found = [look.paint(head, "dim")]
    for row, size, count in zip(rows, sizes, counts, strict=True):
        share = row.node.content_bytes / tree.content_bytes if tree.content_bytes else 0.0
        guides = fit(row.guides, label_width - _SHORTEST_NAME)
        label = fit(row.name, label_width - columns(guides))
        padding = " " * (label_width - columns(guides + label))
        parts = [
            f"  {size:>{size_width}}  {count:>{count_width}}  ",
            look.paint(guides, "dim") + label + padding,
            *(["  " + look.paint(_bar(share, bar_width, look), "bar")] if bar_width else []),
            f" {percent(share):>4}",
        ]
        found.append("".join(parts))
    return found


def _bar(share: float, width: int, look: Look) -> str:
    if look.ascii:
        return pad("#" * round(share * width), width)
    whole, rest = divmod(round(share * width * 8), 8)
    return pad("█" * whole + (_EIGHTHS[rest] if rest else ""), width)


def _largest(tree: Directory, limit: int) -> set[str]:
    """Return the paths of the `limit` largest directories whose parents are among them."""
    chosen: set[str] = set()
    pending = [(-tree.content_bytes, tree.path, tree)]
    while pending and len(chosen) < limit:
        _, path, node = heapq.heappop(pending)
        chosen.add(path)
        for child in node.children:
            heapq.heappush(pending, (-child.content_bytes, child.path, child))
    return chosen


def _rows(tree: Directory, chosen: set[str], look: Look) -> list[SizeRow]:
    tee, corner, bar, blank = ("|- ", "`- ", "|  ", "   ") if look.ascii else _LINES
    rows = [SizeRow("", ".", tree)]
    pending = _children(tree, chosen, "")
    while pending:
        node, guides, last = pending.pop()
        name = node.path.rpartition("/")[2]
        rows.append(SizeRow(guides + (corner if last else tee), quoted(name), node))
        pending += _children(node, chosen, guides + (blank if last else bar))
    return rows


_LINES = ("├─ ", "└─ ", "│  ", "   ")


def _children(node: Directory, chosen: set[str], guides: str) -> list[tuple[Directory, str, bool]]:
    """Return the chosen subdirectories, the first one last."""
    shown = [child for child in node.children if child.path in chosen]
    return [(child, guides, child is shown[-1]) for child in reversed(shown)]
