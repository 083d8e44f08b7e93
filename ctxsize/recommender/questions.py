"""Large parts of a context that no rule explains, as questions to the user."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import cast

from ctxsize.engine.memory import Held
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
    """Return the largest subtrees and files that none of `explained` holds, largest first.

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
    """Return `sums` less what lies at `explained` or below."""
    gone: dict[str, Sums] = {}
    for path in sorted(explained):
        if not is_below(path, gone):
            gone[path] = sums.get(path, Sums())
    for path in _from_below(gone):
        if path:
            above = path.rpartition("/")[0]
            gone[above] = gone.get(above, Sums()).plus(gone[path])
    left = {path: sums.get(path, Sums()).minus(each) for path, each in gone.items()}
    return ChainMap(left, cast("MutableMapping[str, Sums]", sums))


def _from_below(paths: Iterable[str]) -> list[str]:
    """Return `paths` and all directories above, each before the one that holds it."""
    found: set[str] = set()
    for each in paths:
        path = each
        while path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return sorted(found, key=len, reverse=True)


def _large(held: Held, left: Mapping[str, Sums], least: int) -> Iterator[str]:
    """Yield the paths to ask about at or below `held`."""
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
    """Return whether most of it is programs' source, which needs no question."""
    held = tree.snapshot.folder(path)
    if held is None:
        return is_source(path.rpartition("/")[2])
    written, half = 0, sums[path].content_bytes // 2
    for each in held.tree():
        found = sums.names_in(each.path).items()
        written += sum([size for name, size in found if size and is_source(name)])
        if written > half:
            return True
    return False


def _note(tracked: Tracked, path: str) -> str:
    if not tracked.covers(path):
        return ""
    if tracked.ignores(path):
        return "git ignores it"
    return "git does not track it" if tracked.first(path) is None else "git tracks it"
