"""Large parts of a context that no rule explains, as questions to whoever knows."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import cast

from ctxsize.engine.snapshot import Held
from ctxsize.model import Amount
from ctxsize.recommender.facts import is_source
from ctxsize.recommender.outcome import Question
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import Sums, SumsByPath, SumsTogether, Tree, is_below

_LEAST_BYTES = 10 * 1024 * 1024
_LEAST_SHARE = 0.02
_SPREAD = 0.8
_MOST = 10


def questions(
    tree: Tree,
    tracked: Tracked,
    sums: SumsByPath | SumsTogether,
    explained: Iterable[str],
) -> tuple[Question, ...]:
    """The largest subtrees and files that none of `explained` holds, largest first.

    Where most of a directory lies in a few of its own, it is asked about those.
    """
    left = _without(sums, explained)
    least = max(_LEAST_BYTES, int(_LEAST_SHARE * sums.get("", Sums()).content_bytes))
    found = [
        Question(path, Amount.of(left[path]), _note(tracked, path))
        for path in _large(tree.root, left, least)
        if not _is_source(tree, path, sums)
    ]
    return tuple(sorted(found, key=lambda each: (-each.size.content_bytes, each.path))[:_MOST])


def _without(sums: Mapping[str, Sums], explained: Iterable[str]) -> Mapping[str, Sums]:
    left = ChainMap[str, Sums]({}, cast("MutableMapping[str, Sums]", sums))
    outermost: set[str] = set()
    for path in sorted(explained):
        if not is_below(path, outermost):
            outermost.add(path)
    for path in outermost:
        gone, left[path] = left.get(path, Sums()), Sums()
        at = path
        while at:
            at = at.rpartition("/")[0]
            left[at] = left.get(at, Sums()).minus(gone)
    return left


def _large(held: Held, left: Mapping[str, Sums], least: int) -> Iterator[str]:
    """The paths to ask about at or below `held`."""
    entries = [
        *(folder.path for folder in held.folders),
        *(held.prefix + name for name in held.entries),
    ]
    big = [path for path in entries if left.get(path, Sums()).content_bytes >= least]
    folders = {folder.path: folder for folder in held.folders}
    inside = sum(left[path].content_bytes for path in big)
    if held.path and inside < _SPREAD * left[held.path].content_bytes:
        yield held.path
        return
    for path in big:
        if path in folders:
            yield from _large(folders[path], left, least)
        else:
            yield path


def _is_source(tree: Tree, path: str, sums: SumsByPath | SumsTogether) -> bool:
    """Whether most of it is programs' source, which needs no question."""
    held = tree.snapshot.folder(path)
    if held is None:
        return is_source(path.rpartition("/")[2])
    written = sum(
        size
        for each in held.tree()
        for name, size in sums.names_in(each.path).items()
        if size and is_source(name)
    )
    return written * 2 > sums[path].content_bytes


def _note(tracked: Tracked, path: str) -> str:
    if not tracked.covers(path):
        return ""
    if tracked.ignores(path):
        return "git ignores it"
    return "git does not track it" if tracked.first(path) is None else "git tracks it"
