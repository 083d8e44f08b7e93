"""Figures and lists of paths in the sentences of findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ctxsize.lints.tree import LintTree


def count(things: Collection[object], one: str, many: str) -> str:
    """Return how many things there are, with the verb: `1 copy is`, `3 copies are`."""
    number = len(things)
    return f"{number:,} {one} is" if number == 1 else f"{number:,} {many} are"


def files(number: int) -> str:
    """`1 file`, `1,200 files`."""
    return f"{number:,} file{'' if number == 1 else 's'}"


def amount(tree: LintTree, paths: Collection[str]) -> str:
    """Return the files among `paths` and their bytes: `12 files, 3.4 MB`."""
    from ctxsize.units import human

    figures = tree.figures(paths)
    return f"{files(figures.files)}, {human(figures.content_bytes)}"


def first_of(directories: Sequence[str]) -> str:
    """Return the first of some directories, and how many more there are."""
    more = len(directories) - 1
    if not more:
        return f"{directories[0]}/"
    return f"{directories[0]}/ and {more:,} other director{'y' if more == 1 else 'ies'}"
