"""The changes between the known sizes in a context at two times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ctxsize.guard.baseline import Held, Known, above
from ctxsize.model import Amount

_MOST = 0.9
"""Share of a directory's growth from which the files in it explain it."""


@dataclass(frozen=True)
class SizeChange:
    """A change of a directory or a file."""

    path: str
    what: str  # `added`, `removed`, `grew` or `shrank`
    before_bytes: int | None  # None if it was absent, or too small to be listed
    after_bytes: int | None
    delta_bytes: int  # the change, or if not `exact` its minimum: it may have existed unlisted
    delta_files: int = 0  # the change of the number of files in a directory
    exact: bool = True


@dataclass(frozen=True)
class SizeChanges:
    """All known changes, the greatest first."""

    directories: tuple[SizeChange, ...] = ()
    """Directories, except those whose change is that of one directory in them."""
    files: tuple[SizeChange, ...] = ()

    @property
    def grown(self) -> tuple[SizeChange, ...]:
        """Return files that grew, and directories whose growth such files do not explain."""
        files = [each for each in self.files if each.delta_bytes > 0]
        explained = Counter[str]()
        for file in files:
            for directory in above(file.path):
                explained[directory] += file.delta_bytes
        directories = [
            each
            for each in self.directories
            if each.delta_bytes > 0 and explained[each.path] < _MOST * each.delta_bytes
        ]
        return tuple(sorted([*files, *directories], key=_order))


def between(before: Known, after: Known) -> SizeChanges:
    """Return what changed from `before` to `after`."""
    directories = _changes(
        {**before.directories, **after.directories}, before.directory, after.directory
    )
    files = _changes({**before.largest_files, **after.largest_files}, before.file, after.file)
    # Omit a directory whose change is that of a directory in it.
    deltas = {each.path: (each.delta_bytes, each.delta_files) for each in directories}
    inner = {(path.rpartition("/")[0], delta) for path, delta in deltas.items()}
    deepest = (each for each in directories if (each.path, deltas[each.path]) not in inner)
    return SizeChanges(tuple(deepest), tuple(files))


def _changes(
    paths: Iterable[str], before: Callable[[str], Held], after: Callable[[str], Held]
) -> list[SizeChange]:
    found = (_change(path, before(path), after(path)) for path in paths)
    return sorted(filter(None, found), key=_order)


def _change(path: str, before: Held, after: Held) -> SizeChange | None:
    (was, most_before), (now, most_after) = before, after
    exact = True
    if was is not None and now is not None:
        delta = now - was
        if not any(delta):
            return None
    else:
        held, most = (now, most_before) if was is None else (was, most_after)
        if held is None or most is None or (most and held.content_bytes <= most):
            return None  # it may be what it was
        exact = most == 0
        delta = Amount(held.files if exact else 0, held.content_bytes - most)
        delta = delta if was is None else Amount() - delta
    what = "grew" if (delta.content_bytes, delta.files) > (0, 0) else "shrank"
    if exact:
        what = "added" if was is None else "removed" if now is None else what
    old, new = (None if each is None else each.content_bytes for each in (was, now))
    return SizeChange(path, what, old, new, delta.content_bytes, delta.files, exact)


def _order(change: SizeChange) -> tuple[int, int, str]:
    return -abs(change.delta_bytes), -abs(change.delta_files), change.path
