"""Looks at the entries of one directory as one builder's sender does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from errno import EACCES, ENOENT, ENOTSUP, EPERM
from functools import partial
from os import stat_result
from stat import S_IFREG, S_ISLNK, S_ISREG, S_ISSOCK

from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import Mark, Marks
from ctxsize.engine.events import Files, Folder, Xattrs, order
from ctxsize.engine.filesystem import DirectorySource, Disk, OpenDirectory
from ctxsize.errors import BuildFailsError, BuildFailsErrors
from ctxsize.go.strings import is_utf8
from ctxsize.model import Effect, Problem
from ctxsize.units import human, plural

_EASY = 0o177000 | 0o444
_EASIEST = S_IFREG | 0o444
"""The bits of a mode to compare with those of a regular file that everybody may read."""
VANISHED = "changed-during-walk"
UNREAD = "unreadable"
UNREAD_IGNORED = "unreadable-ignored"
CLOSED = "unreadable-directory"
"""The code of a directory at which the builder stops, as it may not read it."""
_MESSAGES = {
    VANISHED: "this entry changed during the measurement ({}): measure again",
    UNREAD: "this entry cannot be read: {}",
    UNREAD_IGNORED: "this ignored entry cannot be read, so its size is not known: {}",
}
_NOT_UTF8 = (
    "Docker 28.5 refuses this entry with `string field contains invalid UTF-8`, Docker 26.1 builds "
    "it: its path, link target or attribute name is not UTF-8; rename it or ignore it"
)
_NamesAndStats = tuple[list[str], list[stat_result]]
_Missed = Callable[[str, OSError], None]
_NOBODY: frozenset[str] = frozenset()
WITHHELD = "the sender refuses to open it"
NO_PERMISSION = "no permission to read it"
_EMPTY_CODES = {WITHHELD: "arrives-empty", NO_PERMISSION: "unreadable-file"}


def closed_in(problems: Iterable[Problem]) -> list[str]:
    """Return the directories at which the builder stops, by the problems of a tolerant walk."""
    paths = []
    for problem in problems:
        if problem.code == CLOSED and problem.path:
            paths.append(problem.path)
    return paths


class Inspector:
    """Looks at entries as one builder's sender does, and adds problems for those it cannot read.

    It records the first name of each file with several names, so it must see a whole walk.
    """

    def __init__(
        self, source: DirectorySource, root: str, builder: Builder, *, tolerant: bool = False
    ) -> None:
        """Create it; if `tolerant`, a directory at which the builder stops is a problem."""
        self.problems: list[Problem] = []
        self._tolerant = tolerant
        self._builder = builder
        self._root = root
        self.reads_xattrs = builder.meter is not None and source.has_xattrs
        self._inodes: dict[int, str] = {}
        self._empty: dict[str, dict[str, int]] = {reason: {} for reason in _EMPTY_CODES}
        self._only_utf8 = builder.sends_only_utf8 and isinstance(source, Disk)
        self._not_utf8: list[str] = []
        self.stopping: list[BuildFailsError] = []
        """Directories that may not be read; the builder stops at the first."""

    def folder(self, directory: OpenDirectory, path: str, mark: Mark) -> Folder:
        """Return a directory as it is sent."""
        xattrs: Xattrs = {}
        if self.reads_xattrs:
            xattrs = self._xattrs(directory, path)
        if self._only_utf8 and not is_utf8(path, *xattrs):
            self._not_utf8.append(path)
        return Folder(path, directory.stat, mark, xattrs)

    def files(
        self, directory: OpenDirectory, prefix: str, names: list[str], mark: Mark, others: Marks
    ) -> Files | None:
        """Return `names` as they are sent, None for none. Raises `BuildFailsError` if it stops."""
        names, stats = self._stats(directory, prefix, names, self._note_missing)
        # `mkstat` of fsutil clears the bit of a socket, and so sends an empty file. The archive of
        # the classic builder contains no sockets.
        if not self._builder.sends_sockets:
            names, stats = _without_sockets(names, stats)
        if not names:
            return None
        easy = {status.st_mode & _EASY for status in stats} == {_EASIEST}
        single = max([status.st_nlink for status in stats]) == 1
        files = Files(
            prefix=prefix,
            names=names,
            stats=stats,
            sizes=[status.st_size for status in stats],
            plain=True,
            mark=mark,
            others=others,
            links={},
            linked={},
            empty={},
            unreadable=_NOBODY,
            xattrs={},
        )
        may_refuse = self._builder.refuses_to_open and bool(mark.refused or others)
        if not easy:
            files = files._replace(plain=False, links=self._links(directory, files))
        if not single:
            files = files._replace(plain=False, linked=self._further_names(files))
        if not files.plain or may_refuse:
            files = self._without_content(directory, files, may_refuse=may_refuse)
        if self.reads_xattrs and (xattrs := self._all_xattrs(directory, files)):
            files = files._replace(plain=False, xattrs=xattrs)
        if self._only_utf8:
            self._check_utf8(files)
        return files

    def _check_utf8(self, files: Files) -> None:
        """Record the entries whose path, link target or attribute name is not UTF-8."""
        if files.plain and "".join((files.prefix, *files.names)).isascii():
            return
        for name in files.names:
            target = files.links.get(name, "")
            keys = files.xattrs.get(name, ())
            if not is_utf8(files.prefix, name, target, *keys):
                self._not_utf8.append(files.prefix + name)

    def ignored(self, directory: OpenDirectory, prefix: str, names: list[str]) -> _NamesAndStats:
        """Return the ignored `names` that can be read, and their stats."""
        return self._stats(directory, prefix, names, partial(self.note, UNREAD_IGNORED))

    def note_stop(self, error: OSError, path: str) -> None:
        """Record a directory that may not be read, so that all of them can be named.

        Raises `BuildFailsError` for another reason, which may hold for every directory, and for
        the context itself.
        """
        if error.errno not in (EACCES, EPERM) or not path:
            raise self.stops(error, path) from None
        self.stopping.append(self.stops(error, path))

    def stop(self) -> None:
        """Raise `BuildFailsError` if the builder stops at a directory; note it if tolerant."""
        stopping = self.stopping
        if self._tolerant:
            for error in stopping:
                problem = Problem(CLOSED, error.message, error.path, effect=Effect.LOWER_BOUND)
                self.problems.append(problem)
            return
        if len(stopping) > 1:
            raise BuildFailsErrors(stopping)
        for error in stopping:
            raise error

    def stops(self, error: OSError, path: str) -> BuildFailsError:
        """Return the error for `path` where the builder would stop, in its words."""
        reason = error.strerror or str(error)
        if error.errno in (EACCES, EPERM):
            reason = "permission denied"
        return BuildFailsError(
            f"{self._builder.title} stops: error from sender: open {path or '.'}: {reason}",
            path=path or self._root,
            hint="make it readable, or ignore it without an exception for an entry below it",
        )

    def note(self, code: str, path: str, error: OSError) -> None:
        """Record that `path` could not be read; if it is ignored, the sums stay exact."""
        effect = Effect.LOWER_BOUND
        if code == UNREAD_IGNORED:
            effect = Effect.NONE
        self.problems.append(
            Problem(
                code=code,
                message=_MESSAGES[code].format(error.strerror),
                path=path,
                effect=effect,
            )
        )

    def emptied(self) -> Iterator[Problem]:
        """Yield a problem for each reason for which files with content arrive without it."""
        for reason, sizes in self._empty.items():
            if not sizes:
                continue
            count = len(sizes)
            why = reason
            if count > 1:
                why = reason.replace(" it", " them")
            yield Problem(
                code=_EMPTY_CODES[reason],
                message=f"the build gets {plural(count, 'empty file')} in place of "
                f"{human(sum(sizes.values()))}: {why}",
                path=next(iter(sizes)),
                count=count,
            )

    def not_utf8(self) -> Iterator[Problem]:
        """Yield the problem of sent entries that are not UTF-8, if there are any."""
        paths = self._not_utf8
        if paths:
            yield Problem("not-utf8", _NOT_UTF8, min(paths, key=order), count=len(paths))

    def _stats(
        self, directory: OpenDirectory, prefix: str, names: list[str], missed: _Missed
    ) -> _NamesAndStats:
        """Return those of `names` that can be read, with their stats; `missed` gets the others."""
        try:
            return names, directory.stats(names)
        except OSError:
            pass
        there = {}
        for name in names:
            try:
                [there[name]] = directory.stats([name])
            except OSError as error:
                missed(prefix + name, error)
        return [*there], [*there.values()]

    def _note_missing(self, path: str, error: OSError) -> None:
        """Record an entry that is gone; any other error stops the builder."""
        if error.errno != ENOENT:
            raise self.stops(error, path) from None
        self.note(VANISHED, path, error)

    def _links(self, directory: OpenDirectory, files: Files) -> dict[str, str]:
        links = {}
        for name, status in files.pairs:
            if not S_ISLNK(status.st_mode):
                continue
            links[name] = ""
            try:
                links[name] = directory.link_target(name)
            except OSError as error:
                self.note(VANISHED, files.prefix + name, error)
        return links

    def _further_names(self, files: Files) -> dict[str, str]:
        """Return further names of files sent before; builders compare inode numbers alone."""
        linked = {}
        for name, status in files.pairs:
            if status.st_nlink <= 1:
                continue
            # `mkstat` writes the target of a symlink over the name that `setUnixOpt` found.
            if S_ISLNK(status.st_mode) and not self._builder.links_symlinks:
                continue
            path = files.prefix + name
            first = self._inodes.setdefault(status.st_ino, path)
            if first != path:
                linked[name] = first
        return linked

    def _without_content(
        self, directory: OpenDirectory, files: Files, *, may_refuse: bool
    ) -> Files:
        """Return `files` with the sizes that arrive, and what arrives without content."""
        unreadable = self._unreadable(directory, files)
        closed = dict.fromkeys(unreadable, NO_PERMISSION)
        if may_refuse:
            for name in files.names:
                if files.others.get(name, files.mark).refused:
                    closed[name] = WITHHELD
        if files.plain and not closed:
            return files
        empty = {}
        sizes = []
        for name, status in files.pairs:
            size = 0
            # The sender announces `st_size` for symlinks too, but sends content only for files,
            # each under its first name.
            if S_ISREG(status.st_mode) and name not in files.linked:
                size = status.st_size
            if size and name in closed:
                reason = closed[name]
                empty[name] = reason
                self._empty[reason][files.prefix + name] = size
                size = 0
            sizes.append(size)
        return files._replace(
            plain=files.plain and not empty,
            sizes=sizes,
            empty=empty,
            unreadable=unreadable,
        )

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

    def _all_xattrs(self, directory: OpenDirectory, files: Files) -> dict[str, Xattrs]:
        """Return the extended attributes of each entry that has any."""
        try:
            names = directory.with_attributes(files.names)
        except OSError:
            names = files.names
        all_xattrs = {}
        for name in names:
            if xattrs := self._xattrs(directory, files.prefix + name, name):
                all_xattrs[name] = xattrs
        return all_xattrs

    def _xattrs(self, directory: OpenDirectory, path: str, name: str = "") -> Xattrs:
        """Return the extended attributes of `path`: of its entry `name`, or of the directory."""
        try:
            return directory.attributes(name)
        except OSError as error:
            # `loadXattr` of fsutil passes by a file system without support.
            if error.errno not in (ENOTSUP, ENOENT):
                self.note(UNREAD, path, error)
            return {}


def _without_sockets(names: list[str], stats: list[stat_result]) -> _NamesAndStats:
    others = {
        name: status
        for name, status in zip(names, stats, strict=True)
        if not S_ISSOCK(status.st_mode)
    }
    return [*others], [*others.values()]
