"""What the names of a walk show: directories that look unneeded, secrets, large parts.

Only a context that holds a name of `ctxsize.engine.directories` is looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain

from ctxsize.engine.directories import (
    GITIGNORE,
    LARGE_FILE_BYTES,
    SECRET_FOLDERS,
    UNNEEDED,
    Clues,
    Sum,
    size_tree,
)
from ctxsize.engine.listing import order
from ctxsize.model import Clue, Share

_AFTER_SLASH = chr(ord("/") + 1)
_LARGE_SHARE = 0.01
_LARGE_DEPTH = 5
"""What git may ignore is looked for in parts of so much, so deep."""


def clues(
    noted: Clues, direct: dict[str, Sum], largest: Sequence[Share], total: int
) -> tuple[Clue, ...]:
    """Return what may be worth a look, by the sums of directories and the largest files."""
    tops = _tops(noted)
    prefixes = sorted(direct) if tops else []
    found = []
    for top, kind in tops.items():
        ahead = bisect_left(prefixes, top[:-1] + _AFTER_SLASH)
        sums = [direct[each] for each in prefixes[bisect_left(prefixes, top) : ahead]]
        size, count = map(sum, zip(*sums, strict=True)) if sums else (0, 0)
        found += [Clue(kind, top[:-1], size, count)] * (count > 0)
    in_order = ["/", *tops]
    for path, size in sorted(noted.secrets, key=lambda each: order(each[0])):
        if not path.startswith(in_order[bisect_left(in_order, path) - 1]):
            found.append(Clue("secret", path, size, 1))
    return (*found, *_large(noted, direct, largest, total))


def _tops(noted: Clues) -> dict[str, str]:
    """Return the outermost directories that say something, as prefixes, and what they say."""
    shown = _Shown(noted.folders, noted.names)
    found = {
        f"{above}{name}/": "unneeded"
        for name in noted.folders.keys() & UNNEEDED.keys()
        for above in noted.folders[name]
        if shown.holds(f"{above}{name}", UNNEEDED[name])
    }
    for each in SECRET_FOLDERS:
        name = each.rpartition("/")[2]
        for above in noted.folders.get(name, ()):
            if f"/{above}{name}".endswith(f"/{each}"):
                found[f"{above}{name}/"] = "secret"
    outermost: dict[str, str] = {}
    last = "/"
    for path in sorted(found):
        if not path.startswith(last):
            last = path
            outermost[path] = found[path]
    return outermost


def _large(
    noted: Clues, direct: dict[str, Sum], largest: Sequence[Share], total: int
) -> Iterator[Clue]:
    """Yield the large parts where git may ignore some, else a file that is most of it."""
    least = max(LARGE_FILE_BYTES, total / 2)
    if "" in noted.names.get(GITIGNORE, ()):
        least = max(1, _LARGE_SHARE * total)
        pending = [*size_tree(direct, _LARGE_DEPTH).children]
        while pending:
            node = pending.pop()
            if node.content_bytes >= least:
                yield Clue("directory", node.path, node.content_bytes, node.files)
                pending += node.children
    for each in largest:
        if each.content_bytes >= least:
            yield Clue("file", each.name, each.content_bytes, 1)


class _Shown:
    """Looks up the names that show what a directory is."""

    def __init__(self, folders: dict[str, list[str]], names: dict[str, list[str]]) -> None:
        self._tables = (folders, names)
        self._sets: dict[str, frozenset[str]] = {}

    def holds(self, path: str, ways: str) -> bool:
        """Return whether one of `ways`, a value of `UNNEEDED`, holds for the directory `path`."""
        return any(
            all(
                any(self._is_there(path, word) for word in group.split())
                for group in way.split("+")
            )
            for way in ways.split("|")
        )

    def _is_there(self, path: str, word: str) -> bool:
        while word.startswith("../"):
            if not path:
                return False
            path, word = path.rpartition("/")[0], word[3:]
        above, _, name = f"{path}/{word}".lstrip("/").rpartition("/")
        if name not in self._sets:
            each = (table.get(name, ()) for table in self._tables)
            self._sets[name] = frozenset(chain.from_iterable(each))
        return (f"{above}/" if above else "") in self._sets[name]
