"""The only reader of a tree: what a builder's walk meets, in the order in which it sends.

The walk is pre-order, names in byte order, a directory's contents before its
next sibling. It opens directories relative to their parents, never follows a
symlink, keeps its own stack (so no tree is too deep for it) and few files open.
Files come in batches: most share the mark of their directory, so the work for
each is a few list comprehensions.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator
from errno import EACCES, ELOOP, ENOENT, ENOTDIR, ENOTSUP, EPERM
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator, HasMark, Mark
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError, IgnoreFileError
from ctxsize.model import Effect, Problem

_BATCH = 1024
_OPEN_AT_ONCE = 64
_LONGEST_PATH = 4095
_LONGEST_NAME = 255
_TYPE, _LINK = 0o170000, stat.S_IFLNK
_ALL_MAY_READ = 0o444
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_NOTHING: dict[str, str] = {}
_NOBODY: frozenset[str] = frozenset()

class _Frame:
    """A directory that is being walked."""

    __slots__ = ("announced", "fd", "path", "plan", "prefix", "stat", "state")

    def __init__(self, path: str, fd: int, state: HasMark, *, announced: bool) -> None:
        self.path = path
        self.prefix = f"{path}/" if path else ""
        self.fd = fd
        self.state = state
        self.stat = os.fstat(fd)
        self.announced = announced
        self.plan: Iterator[str | list[str]] = iter(())


class Walk:
    """One walk over a request's context; iterate it once.

    `everything` also opens the ignored directories that the builder passes by.
    What made the answer incomplete is in `problems`, complete when the walk is.
    Raises `BuildFailsError` where the builder would stop, `IgnoreFileError` at
    a pattern that cannot be evaluated.
    """

    def __init__(
        self,
        request: Request,
        *,
        everything: bool = False,
        evaluator: Evaluator[Any] | None = None,
    ) -> None:
        self.problems: list[Problem] = []
        self._builder = request.builder
        self._root = request.root
        self._ignore_file = request.ignore_file.path if request.ignore_file else None
        self._base = request.root.rstrip("/") + "/"
        self._everything = everything
        self._evaluator = evaluator or fastest(request.spec)
        self._reads_xattrs = self._builder.meter is not None and hasattr(os, "listxattr")
        self._easy: set[int] = set()
        self._inodes: dict[int, str] = {}
        self._every_inode = _has_mounts(self._base)
        self._stack: list[_Frame] = []
        self._all_announced = True

    def __iter__(self) -> Iterator[Event]:
        try:
            yield from self._walk()
        except IgnoreFileError as error:
            error.path = error.path or self._ignore_file
            raise
        finally:
            for frame in self._stack:
                _close(frame)

    def _walk(self) -> Iterator[Event]:
        root = self._open_root()
        self._push(root)
        while self._stack:
            frame = self._stack[-1]
            for step in frame.plan:
                if isinstance(step, str):
                    yield from self._enter(frame, step)
                    if self._stack[-1] is not frame:
                        break
                else:
                    yield from self._files(frame, step)
            else:
                _close(self._stack.pop())
                self._reopen()

    def _open_root(self) -> _Frame:
        try:
            fd = os.open(self._root, _OPEN_DIRECTORY)
        except OSError as error:
            raise BuildFailsError(
                f"the context cannot be read: {error.strerror}", path=self._root
            ) from None
        return _Frame("", fd, self._evaluator.root(), announced=True)

    def _push(self, frame: _Frame) -> None:
        self._stack.append(frame)
        frame.plan = self._plan(frame)
        if len(self._stack) > _OPEN_AT_ONCE:
            _close(self._stack[-1 - _OPEN_AT_ONCE])

    def _reopen(self) -> None:
        """Open the top directory again if it was closed to save descriptors."""
        if not self._stack or self._stack[-1].fd >= 0:
            return
        frame = self._stack[-1]
        try:
            frame.fd = os.open(self._base + frame.path, _OPEN_DIRECTORY)
        except OSError as error:
            self._vanished(frame.path, error)
            frame.plan = iter(())

    def _plan(self, frame: _Frame) -> Iterator[str | list[str]]:
        """The directory's entries in order: names of directories, runs of other names."""
        try:
            directories, others = _listing(frame.fd)
        except OSError as error:
            raise self._stops(error, frame.path) from None
        self._check_lengths(frame, directories, others)
        if not directories:
            return iter([others] if len(others) <= _BATCH else _batches(others))
        return self._interleaved(directories, others)

    @staticmethod
    def _interleaved(directories: list[str], others: list[str]) -> Iterator[str | list[str]]:
        cuts = _positions(others, directories)
        for directory, (start, end) in zip(
            [None, *directories], pairwise([0, *cuts, len(others)]), strict=True
        ):
            if directory is not None:
                yield directory
            if start < end:
                yield from _batches(others[start:end])

    def _check_lengths(self, frame: _Frame, directories: list[str], others: list[str]) -> None:
        before = len(self._base) + len(os.fsencode(frame.prefix))
        if before + _LONGEST_NAME <= _LONGEST_PATH:
            return
        for name in sorted([*directories, *others]):
            if before + len(os.fsencode(name)) > _LONGEST_PATH:
                raise BuildFailsError(
                    f"{self._builder.title} stops: file name too long",
                    path=frame.prefix + name,
                    hint="shorten the path or ignore one of its directories",
                )

    def _enter(self, frame: _Frame, name: str) -> Iterator[Event]:
        """Announce the subdirectory `name` and put it on the stack, if the walk goes there."""
        path = frame.prefix + name
        state = self._evaluator.enter(frame.state, frame.prefix, name)
        ignored = state.mark.ignored
        looks_inside = not ignored or self._evaluator.enters(state, path)
        if ignored:
            yield IgnoredFolder(path, state.mark, looks_inside or self._everything)
            if not looks_inside and not self._everything:
                return
        child = self._open(frame, name, state, stops=looks_inside)
        if child is None:
            return
        if not ignored:
            if not self._all_announced:
                yield from self._announce()
            yield self._folder(child)
        else:
            self._all_announced = False
        self._push(child)

    def _open(self, frame: _Frame, name: str, state: HasMark, *, stops: bool) -> _Frame | None:
        path = frame.prefix + name
        try:
            fd = os.open(name, _OPEN_DIRECTORY, dir_fd=frame.fd)
        except OSError as error:
            if error.errno in (ENOENT, ENOTDIR, ELOOP):
                self._vanished(path, error)
                return None
            if stops:
                raise self._stops(error, path) from None
            self._unread(path, error)
            return None
        return _Frame(path, fd, state, announced=not state.mark.ignored)

    def _announce(self) -> Iterator[Event]:
        """The ignored directories above a sent entry that were not sent yet."""
        self._all_announced = True
        for frame in self._stack:
            if not frame.announced:
                frame.announced = True
                if self._builder.sends_ignored_parents:
                    yield self._folder(frame)

    def _folder(self, frame: _Frame) -> Folder:
        return Folder(frame.path, frame.stat, frame.state.mark, self._xattrs(frame.path))

    def _files(self, frame: _Frame, names: list[str]) -> Iterator[Event]:
        mark = frame.state.mark
        odd = self._evaluator.odd(frame.state, frame.prefix, names)
        if mark.ignored:
            sent = [name for name in names if name in odd and not odd[name].ignored] if odd else []
        elif odd:
            sent = [name for name in names if name not in odd or not odd[name].ignored]
        else:
            sent = names
        if sent:
            files = self._sent(frame, sent, odd)
            if files is not None:
                if not self._all_announced:
                    yield from self._announce()
                yield files
        if len(sent) < len(names):
            kept = set(sent)
            ignored = [name for name in names if name not in kept]
            stats = self._ignored_stats(frame, ignored) if self._everything else []
            yield Ignored(frame.prefix, ignored, mark, odd, stats)

    def _sent(self, frame: _Frame, names: list[str], odd: dict[str, Mark]) -> Files | None:
        """`names` as the batch that is sent, None if nothing is left of them."""
        fd = frame.fd
        try:
            stats = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in names]
        except OSError:
            names, stats = self._stat_each(frame, names)
        if not self._builder.sends_sockets:
            names, stats = _without_sockets(names, stats)
        if not names:
            return None
        modes = [each.st_mode for each in stats]
        easy = self._easy.issuperset(modes) or self._are_easy(modes)
        single = not self._every_inode and max([each.st_nlink for each in stats]) == 1
        return Files(
            frame.prefix,
            names,
            stats,
            modes,
            [each.st_size for each in stats],
            "".join(names).isascii(),
            easy and single,
            frame.state.mark,
            odd,
            _NOTHING if easy else self._links(frame, names, stats),
            _NOTHING if single else self._linked(frame.prefix, names, stats),
            _NOBODY if easy else self._unreadable(frame, names, stats),
            self._all_xattrs(frame.prefix, names) if self._reads_xattrs else {},
        )

    def _are_easy(self, modes: list[int]) -> bool:
        """Whether all are regular files that everybody may read, learning which modes are."""
        for mode in set(modes) - self._easy:
            if not stat.S_ISREG(mode) or mode & _ALL_MAY_READ != _ALL_MAY_READ:
                return False
            self._easy.add(mode)
        return True

    def _stat_each(self, frame: _Frame, names: list[str]) -> tuple[list[str], list[os.stat_result]]:
        """`names` that are still there, with their stats; the others become problems."""
        kept, stats = [], []
        for name in names:
            try:
                stats.append(os.stat(name, dir_fd=frame.fd, follow_symlinks=False))
                kept.append(name)
            except OSError as error:
                if error.errno != ENOENT:
                    raise self._stops(error, frame.prefix + name) from None
                self._vanished(frame.prefix + name, error)
        return kept, stats

    def _ignored_stats(self, frame: _Frame, names: list[str]) -> list[os.stat_result | None]:
        stats: list[os.stat_result | None] = []
        for name in names:
            try:
                stats.append(os.stat(name, dir_fd=frame.fd, follow_symlinks=False))
            except OSError as error:
                stats.append(None)
                self._unread(frame.prefix + name, error)
        return stats

    def _links(
        self, frame: _Frame, names: list[str], stats: list[os.stat_result]
    ) -> dict[str, str]:
        links = {}
        for name, each in zip(names, stats, strict=True):
            if each.st_mode & _TYPE == _LINK:
                try:
                    links[name] = os.readlink(name, dir_fd=frame.fd)
                except OSError as error:
                    links[name] = ""
                    self._vanished(frame.prefix + name, error)
        return links

    def _linked(self, prefix: str, names: list[str], stats: list[os.stat_result]) -> dict[str, str]:
        """Further names of files that were sent before. Builders look at the inode alone."""
        linked: dict[str, str] = {}
        for name, each in zip(names, stats, strict=True):
            if each.st_nlink == 1 and not self._every_inode:
                continue
            if each.st_mode & _TYPE == _LINK and self._builder.refuses_to_open:
                continue
            first = self._inodes.setdefault(each.st_ino, prefix + name)
            if first != prefix + name and each.st_nlink > 1:
                linked[name] = first
        return linked

    def _unreadable(
        self, frame: _Frame, names: list[str], stats: list[os.stat_result]
    ) -> frozenset[str]:
        me = os.geteuid()
        doubtful = [
            name
            for name, each in zip(names, stats, strict=True)
            if each.st_mode & _ALL_MAY_READ != _ALL_MAY_READ
            and stat.S_ISREG(each.st_mode)
            and not (each.st_uid == me and each.st_mode & stat.S_IRUSR)
        ]
        unreadable = [
            name
            for name in doubtful
            if not os.access(name, os.R_OK, dir_fd=frame.fd, effective_ids=True)
        ]
        if unreadable and self._builder.unreadable_stops:
            raise BuildFailsError(
                f"{self._builder.title} stops: no permission to read from the file",
                path=frame.prefix + unreadable[0],
                hint="make it readable or ignore it",
            )
        return frozenset(unreadable)

    def _all_xattrs(self, prefix: str, names: list[str]) -> dict[str, Xattrs]:
        before = self._base + prefix
        try:
            keys = [os.listxattr(before + name, follow_symlinks=False) for name in names]
        except OSError:
            found = {name: self._xattrs(prefix + name) for name in names}
            return {name: xattrs for name, xattrs in found.items() if xattrs}
        if not any(keys):
            return {}
        return {
            name: self._xattrs(prefix + name)
            for name, each in zip(names, keys, strict=True)
            if each
        }

    def _xattrs(self, path: str) -> Xattrs:
        if not self._reads_xattrs:
            return {}
        full = self._base + path
        try:
            keys = os.listxattr(full, follow_symlinks=False)
            return {key: len(os.getxattr(full, key, follow_symlinks=False)) for key in keys}
        except OSError as error:
            if error.errno not in (ENOTSUP, ENOENT):
                self._unread(path, error)
            return {}

    def _stops(self, error: OSError, path: str) -> BuildFailsError:
        denied = error.errno in (EACCES, EPERM)
        reason = "permission denied" if denied else error.strerror or str(error)
        return BuildFailsError(
            f"{self._builder.title} stops: error from sender: open {path or '.'}: {reason}",
            path=path or self._root,
            hint="make it readable, or ignore it with no exception that leads into it",
        )

    def _vanished(self, path: str, error: OSError) -> None:
        self.problems.append(
            Problem(
                "changed-during-walk",
                f"changed while it was measured ({error.strerror}): measure again",
                path,
                effect=Effect.LOWER_BOUND,
            )
        )

    def _unread(self, path: str, error: OSError) -> None:
        self.problems.append(
            Problem(
                "unreadable", f"cannot be read: {error.strerror}", path, effect=Effect.LOWER_BOUND
            )
        )


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[at : at + _BATCH] for at in range(0, len(names), _BATCH))


def _close(frame: _Frame) -> None:
    if frame.fd >= 0:
        os.close(frame.fd)
        frame.fd = -1


def _listing(fd: int) -> tuple[list[str], list[str]]:
    """The names in a directory, in byte order: directories, and everything else."""
    directories: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            (directories if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    key = _order(directories, others)
    directories.sort(key=key)
    others.sort(key=key)
    return directories, others


def _order(*names: list[str]) -> Callable[[str], bytes] | None:
    """The key that sorts as bytes: none is needed but for names that are not UTF-8."""
    joined = "".join(map("".join, names))
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError:
            return os.fsencode
    return None


def _positions(others: list[str], directories: list[str]) -> list[int]:
    """Where each directory stands among the other names, all in byte order."""
    if _order(others, directories) is None:
        return [bisect_left(others, name) for name in directories]
    keys = [os.fsencode(name) for name in others]
    return [bisect_left(keys, os.fsencode(name)) for name in directories]


def _without_sockets(
    names: list[str], stats: list[os.stat_result]
) -> tuple[list[str], list[os.stat_result]]:
    kept = [
        (name, each)
        for name, each in zip(names, stats, strict=True)
        if not stat.S_ISSOCK(each.st_mode)
    ]
    return [name for name, _ in kept], [each for _, each in kept]


def _has_mounts(base: str) -> bool:
    """Whether anything is mounted below the context (Linux only; elsewhere taken as no)."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    return any(line.split(b" ", 5)[4].startswith(os.fsencode(base)) for line in lines)
