"""Sums as reports carry them: each with its name, the largest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ctxsize.engine.directories import Sum
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.entry import Pattern
from ctxsize.model import Share


def shares(sums: Iterable[tuple[str, Sum, int | None]]) -> tuple[Share, ...]:
    """Return those of `sums` that have files: a name, bytes and files, and a line of each."""
    found = (Share(name, size, count, line) for name, (size, count), line in sums if count)
    return tuple(sorted(found, key=lambda each: (-each.content_bytes, each.name, each.line or 0)))


def largest_directories(direct: dict[str, Sum], top: int) -> tuple[Share, ...]:
    """Return the `top` shares, without making a value for each of all directories."""
    filled = ((-size, path.rstrip("/") or ".", count) for path, (size, count) in direct.items())
    least = heapq.nsmallest(top, (each for each in filled if each[2]))
    return tuple(Share(path, -size, count) for size, path, count in least)


def pattern_shares(request: Request, sums: dict[int | None, Sum]) -> tuple[Share, ...]:
    """Return the shares of the patterns of `request`, by their indexes; None for no pattern."""
    named = []
    for index, each in sums.items():
        pattern = None if index is None else public_pattern(request.spec.patterns[index])
        named.append((str(pattern or ""), each, pattern.line if pattern else None))
    return shares(named)


def public_pattern(pattern: DockerIgnorePattern) -> Pattern:
    """Return the engine's pattern as the value that reports carry."""
    return Pattern(pattern.text, pattern.line, pattern.include is False, str(pattern.pattern))
