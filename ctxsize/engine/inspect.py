"""Looks at the entries of one directory as one builder's sender does."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from errno import EACCES, ENOENT, ENOTSUP, EPERM
from typing import TYPE_CHECKING

from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import Mark
from ctxsize.engine.events import Files, Xattrs
from ctxsize.errors import BuildFailsError
from ctxsize.model import Effect, Problem
from ctxsize.units import human, plural

if TYPE_CHECKING:
    from ctxsize.engine.source import DirectorySource, OpenDirectory

_EASY = 0o177000 | 0o444
"""The bits of a mode to compare with those of a regular file that everybody may read."""
UNREAD_IGNORED = "unreadable-ignored"
_NOBODY: frozenset[str] = frozenset()


class Inspector:
    """Looks at entries as one builder's sender does, and adds problems for those it cannot read.

    It records the first name of each file with several names, so it must see a whole walk.
    """

    def __init__(self, source: DirectorySource, root: str, builder: Builder) -> None:
        self.problems: list[Problem] = []
        self._builder = builder
        self._root = root
        self.reads_xattrs = builder.meter is not None and source.has_xattrs
        self._mounts = source.has_mounts
        self._easy: set[int] = set()
        self._inodes: dict[int, str] = {}
        # `setUnixOpt` of fsutil compares inode numbers, even of different file systems.
        self.every_inode = self._mounts and builder.confuses_file_systems

    def files(
        self,
        directory: OpenDirectory,
        prefix: str,
        names: list[str],
        *,
        mark: Mark,
        others: dict[str, Mark],
    ) -> Files | None:
        """Return `names` in the directory as they are sent; None if none of them is.

        Raises `BuildFailsError` where the builder would stop.
        """
        try:
            stats = directory.stats(names)
        except OSError:
            names, stats = self._still_there(directory, prefix, names)
        # `mkstat` of fsutil clears the bit of a socket, and so sends an empty file. The archive of
        # the classic builder contains no sockets.
        if not self._builder.sends_sockets:
            kept = [at for at, each in enumerate(stats) if not stat.S_ISSOCK(each.st_mode)]
            names, stats = [names[at] for at in kept], [stats[at] for at in kept]
        if not names:
            return None
        modes = [each.st_mode for each in stats]
        easy = self._easy.issuperset(modes) or self._are_easy(modes)
        single = not self.every_inode and max([each.st_nlink for each in stats]) == 1
        files = Files(prefix, names, stats, easy and single, mark, others, {}, {}, _NOBODY, {})
        if not files.plain:
            files = files._replace(
                links={} if easy else self._links(directory, files),
                linked={} if single else self._linked(files),
                unreadable=_NOBODY if easy else self._unreadable(directory, files),
            )
        xattrs = self._all_xattrs(directory, files, easy=easy) if self.reads_xattrs else None
        return files._replace(xattrs=xattrs) if xattrs else files

    def ignored_stats(
        self, directory: OpenDirectory, prefix: str, names: list[str]
    ) -> list[os.stat_result | None]:
        """Return the stat of each ignored entry; None for one that cannot be read."""
        stats: list[os.stat_result | None] = []
        for name in names:
            try:
                stats += directory.stats([name])
            except OSError as error:
                stats.append(None)
                self.unread_ignored(prefix + name, error)
        return stats

    def xattrs(self, directory: OpenDirectory, path: str, name: str = "") -> Xattrs:
        """Return the extended attributes of `path`: of its entry `name`, or of the directory.

        Empty if the builder sends none.
        """
        if not self.reads_xattrs:
            return {}
        try:
            return directory.attributes(name)
        except OSError as error:
            # `loadXattr` of fsutil passes by a file system without support.
            if error.errno not in (ENOTSUP, ENOENT):
                self.unread(path, error)
            return {}

    def stops(self, error: OSError, path: str) -> BuildFailsError:
        """Return the error for `path` where the builder would stop, in its words."""
        denied = error.errno in (EACCES, EPERM)
        reason = "permission denied" if denied else error.strerror or str(error)
        return BuildFailsError(
            f"{self._builder.title} stops: error from sender: open {path or '.'}: {reason}",
            path=path or self._root,
            hint="make it readable, or ignore it without an exception for an entry below it",
        )

    def vanished(self, path: str, error: OSError) -> None:
        """Record that `path` is gone, or was replaced during the walk."""
        message = f"it changed during the measurement ({error.strerror}): measure again"
        self._note("changed-during-walk", message, path)

    def unread(self, path: str, error: OSError) -> None:
        """Record that `path` could not be read."""
        self._note("unreadable", f"cannot be read: {error.strerror}", path)

    def unread_ignored(self, path: str, error: OSError) -> None:
        """Record that the ignored `path` could not be read; the sums of sent files stay exact."""
        message = f"it is ignored, but cannot be read to measure its size: {error.strerror}"
        self._note(UNREAD_IGNORED, message, path, Effect.NONE)

    def _note(
        self, code: str, message: str, path: str, effect: Effect = Effect.LOWER_BOUND
    ) -> None:
        self.problems.append(Problem(code, message, path, effect=effect))

    def _still_there(
        self, directory: OpenDirectory, prefix: str, names: list[str]
    ) -> tuple[list[str], list[os.stat_result]]:
        """Return those of `names` that still exist; record a problem for each other one."""
        there: dict[str, os.stat_result] = {}
        for name in names:
            try:
                [there[name]] = directory.stats([name])
            except OSError as error:
                if error.errno != ENOENT:
                    raise self.stops(error, prefix + name) from None
                self.vanished(prefix + name, error)
        return [*there], [*there.values()]

    def _are_easy(self, modes: list[int]) -> bool:
        """Return whether all are modes of regular files that everybody may read. Caches those."""
        self._easy.update(mode for mode in set(modes) if mode & _EASY == stat.S_IFREG | 0o444)
        return self._easy.issuperset(modes)

    def _links(self, directory: OpenDirectory, files: Files) -> dict[str, str]:
        """Return the symlinks, with their targets."""
        links = {name: "" for name, each in files.pairs if stat.S_ISLNK(each.st_mode)}
        for name in links:
            try:
                links[name] = directory.link_target(name)
            except OSError as error:
                self.vanished(files.prefix + name, error)
        return links

    def _linked(self, files: Files) -> dict[str, str]:
        """Return further names of files sent before; builders compare inode numbers alone."""
        linked: dict[str, str] = {}
        for name, each in files.pairs:
            if each.st_nlink == 1 and not self.every_inode:
                continue
            # `mkstat` writes the target of a symlink over the name that `setUnixOpt` found.
            if stat.S_ISLNK(each.st_mode) and not self._builder.links_symlinks:
                continue
            first = self._inodes.setdefault(each.st_ino, files.prefix + name)
            if first != files.prefix + name and each.st_nlink > 1:
                linked[name] = first
        return linked

    def _unreadable(self, directory: OpenDirectory, files: Files) -> frozenset[str]:
        unreadable = directory.unreadable(files.names, files.stats)
        # `sender.sendFile` sends no content and no error for a file that it cannot open. The
        # classic command line checks first (`ValidateContextDirectory`).
        if unreadable and self._builder.unreadable_stops:
            raise BuildFailsError(
                f"{self._builder.title} stops: no permission to read from the file",
                path=files.prefix + unreadable[0],
                hint="make it readable or ignore it",
            )
        return frozenset(unreadable)

    def _all_xattrs(
        self, directory: OpenDirectory, files: Files, *, easy: bool
    ) -> dict[str, Xattrs]:
        """Return the extended attributes of each entry that has any."""
        try:
            some = directory.with_attributes(files.names)
        except OSError as error:
            if error.errno == ENOTSUP and easy and not self._mounts:
                return {}  # if one regular file has no support for them, its file system has none
            some = files.names
        found = {name: self.xattrs(directory, files.prefix + name, name) for name in some}
        return {name: xattrs for name, xattrs in found.items() if xattrs}


WITHHELD = "the sender refuses to open it"
NO_PERMISSION = "no permission to read it"


def arrives_empty(files: list[tuple[str, int]], reason: str, code: str) -> list[Problem]:
    """Return the problem `code` of `files`, with their sizes, that arrive empty for a `reason`."""
    if not files:
        return []
    size = human(sum(size for _, size in files))
    message = f"{size} in {plural(len(files), 'file')} sent without content: {reason}"
    return [Problem(code, message, files[0][0], count=len(files))]


def not_utf8_problems(paths: list[str], builder: Builder) -> list[Problem]:
    """Return the problem of sent entries that are not UTF-8, if there are any."""
    message = (
        "a build that copies it fails with `string field contains invalid UTF-8`: its path, its "
        f"target or an attribute's name is not UTF-8 ({builder.older} builds it); rename it or "
        "ignore it"
    )
    return [Problem("not-utf8", message, paths[0], count=len(paths))] if paths else []


def uncertain(builder: Builder, figures: Sequence[int], older_by: int) -> list[Problem]:
    """Return the problem of a figure that is one of `figures`, or was `older_by` bytes less."""
    if older_by:
        message = (
            f"{builder.older} prints {older_by} bytes less: it sends no field for an extended "
            "attribute without a value"
        )
        return [Problem("older-figure", message)]
    if len(figures) < 2:
        return []
    message = (
        f"{builder.title} sends {' or '.join(map(str, figures))} bytes, by chance: it adds the "
        "Dockerfile and an ignore file in random order, and leaves out the padding of the last one"
    )
    return [Problem("figure-by-chance", message)]
