"""Large parts of a context that no rule explains, as questions to the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ctxsize.engine.memory import Held
from ctxsize.model import Amount
from ctxsize.recommender.evidence import Tracked
from ctxsize.recommender.outcome import Question
from ctxsize.recommender.rules import is_source
from ctxsize.recommender.tree import Sums, SumsByPath, Tree, directories_above, is_below

_LEAST_BYTES = 10 * 1024 * 1024
_LEAST_SHARE = 0.02
_SPREAD = 0.8
_MOST = 10


def questions(
    tree: Tree, tracked: Tracked, sums: SumsByPath, explained: Iterable[str]
) -> tuple[Question, ...]:
    """Return the largest subtrees and files that none of `explained` holds, largest first.

    Where most of a directory lies in a few of its own, it is asked about those.
    """
    gone: dict[str, Sums] = {}
    topmost: set[str] = set()
    for path in sorted(explained):
        if not is_below(path, topmost):
            topmost.add(path)
            for each in {"", path, *directories_above(path)}:
                gone[each] = gone.get(each, Sums()).plus(sums.get(path, Sums()))

    def left(path: str) -> Sums:
        return sums.get(path, Sums()).minus(gone.get(path, Sums()))

    least = max(_LEAST_BYTES, int(_LEAST_SHARE * sums.get("", Sums()).content_bytes))
    found = [
        Question(path, Amount.of(left(path)), _note(tracked, path))
        for path in _large(tree.root, left, least)
        if not _is_source(tree, path, sums)
    ]
    return tuple(sorted(found, key=lambda each: (-each.size.content_bytes, each.path))[:_MOST])


def _large(held: Held, left: Callable[[str], Sums], least: int) -> Iterator[str]:
    """Yield the paths to ask about at or below `held`."""
    folders = {folder.path: folder for folder in held.folders.values()}
    entries = (*folders, *(held.prefix + name for name in held.entries))
    big = {path: size for path in entries if (size := left(path).content_bytes) >= least}
    if held.path and sum(big.values()) < _SPREAD * left(held.path).content_bytes:
        yield held.path
        return
    for path in big:
        if path in folders:
            yield from _large(folders[path], left, least)
        else:
            yield path


def _is_source(tree: Tree, path: str, sums: SumsByPath) -> bool:
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
