"""The context as it is once a text is saved as its ignore file, which is an entry of it too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from os import stat_result
from os.path import exists, join, lexists, realpath
from stat import S_ISREG

from ctxsize.engine.filesystem import PLAIN, DirectoryOrRun, Disk, DiskDirectory
from ctxsize.engine.plan import Plan, inside
from ctxsize.values import Value

_NEW = stat_result((PLAIN, 0, 0, 1, *[0] * 6))  # a file with one name


class Unsaved(Value):
    """A file to save: its directory as the prefix of a path, its name, and its size."""

    prefix: str
    name: str
    size_bytes: int

    def saved(self, before: stat_result = _NEW) -> stat_result:
        """Return the stat of the file as it will be; `before` is that of the present one."""
        if not S_ISREG(before.st_mode):
            return before
        now = time.time_ns()
        second = now // 10**9
        return stat_result(
            (
                before.st_mode,
                before.st_ino,
                0,  # the number of its device
                before.st_nlink,
                *(0, 0),  # its owner
                self.size_bytes,
                *(second, second, second),
            ),
            {"st_mtime_ns": now, "st_rdev": 0},
        )


def source_of(plan: Plan) -> Disk:
    """Return the directories of a plan on disk, with the text that is not saved yet."""
    if not plan.unsaved:
        return Disk(plan.root)
    if plan.ignore_file is None:
        return Disk(plan.root)
    path = plan.ignore_file.path
    if exists(path):
        path = realpath(path)  # an editor saves what is behind symlinks
    in_context = inside(plan.root, path)
    if in_context is None:
        return Disk(plan.root)
    directory, slash, name = join(plan.root, in_context).rpartition("/")
    unsaved = Unsaved(directory + slash, name, size_bytes=len(plan.ignore_file.data))
    return DiskWithUnsaved(plan.root, unsaved)


class DiskWithUnsaved(Disk):
    """The tree below a directory, with one file as it will be."""

    def __init__(self, root: str, unsaved: Unsaved) -> None:
        super().__init__(root)
        self._unsaved = unsaved

    def top(self) -> DirectoryWithUnsaved:
        """Open the directory."""
        top = super().top()
        return DirectoryWithUnsaved(top.prefix, top.fd, None, self._unsaved)


class DirectoryWithUnsaved(DiskDirectory):
    """The directory of the file, or one above it; all others are as they are on disk."""

    __slots__ = ("_new", "_unsaved")

    def __init__(self, prefix: str, fd: int, above: DiskDirectory | None, unsaved: Unsaved) -> None:
        super().__init__(prefix, fd, above)
        self._unsaved = unsaved
        self._new: list[str] = []
        if prefix == unsaved.prefix and not lexists(prefix + unsaved.name):
            self._new.append(unsaved.name)

    def steps(self, *new: str) -> list[DirectoryOrRun]:
        """Return the names, with that of a new file."""
        return super().steps(*new, *self._new)

    def enter(self, name: str) -> DiskDirectory:
        """Open a directory in this one."""
        entered = super().enter(name)
        if not self._unsaved.prefix.startswith(entered.prefix):
            return entered
        return DirectoryWithUnsaved(entered.prefix, entered.fd, self, self._unsaved)

    def stats(self, names: Sequence[str]) -> list[stat_result]:
        """Return the stats, that of the file as it will be."""
        stats = super().stats(self._on_disk(names))
        unsaved = self._unsaved
        if self.prefix != unsaved.prefix:
            return stats
        if unsaved.name not in names:
            return stats
        index = names.index(unsaved.name)
        if self._new:
            stats.insert(index, unsaved.saved())
        else:
            stats[index] = unsaved.saved(stats[index])
        return stats

    def with_attributes(self, names: Sequence[str]) -> list[str]:
        """Return the names with extended attributes; a new file has none."""
        return super().with_attributes(self._on_disk(names))

    def _on_disk(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self._new]
