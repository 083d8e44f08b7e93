"""The only writer of files: each one arrives whole, or the old one stays.

A file is written beside its target, flushed and renamed over it. All edits are checked and all
temporary files are complete before the first rename.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from errno import ENXIO
from os.path import dirname, exists, isdir, isfile, islink, join, realpath, split
from typing import Literal

from ctxsize.errors import InputError
from ctxsize.findings import Edit
from ctxsize.model import Problem, Problems
from ctxsize.reader import (
    border_of,
    entries_in,
    holds,
    place_of_link,
    read_file,
    refuse_way_out,
    target_of,
)

Links = Literal["follow", "refuse", "replace"]
"""Ways to treat a symlink: write its target, raise an error, or put a file in its place."""
_UNTOUCHED = "nothing was changed"
_START_BYTES = 4096  # which show what kind of file it is
_MOST_BYTES = 1 << 30
_READER_COMES_S = 5  # time that the reader of a FIFO has to open it
_TEMPORARY = re.compile(r"\.ctxsize-[0-9a-f]{16}")
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def apply(edits: Sequence[Edit], *, within: str | None = None, links: Links = "follow") -> Problems:
    """Carry out `edits`, and return notes for the user about the files written.

    A symlink that is followed stays one and its target is written; the target must lie in
    `within`, by default the link's own directory. Writers of ignore files follow none: the target
    is often a file of another program, as `.gitignore` is. An edit that changes nothing
    writes nothing. A file is renamed only to a name that nothing has, and a symlink never is.

    Raises `InputError` if a file is no longer `before` or cannot be written; it says which files
    were written before that, normally none.
    """
    with ExitStack() as stack:
        places: dict[str, _Place] = {}
        for edit in edits:
            path = edit.path
            if edit.changes_nothing:
                continue
            with _explain_errors(path):
                target = _target(path, within, links)
            place = _Place(edit, target, stack, links)
            why = ""
            other = places.setdefault(target, place)
            if edit.old_path is None:
                why = _why_changed(place)
            elif place.seen is not None:
                why = "there is a file of that name"
            else:
                place.source = _source_of(edit, edit.old_path, stack)
            if not why and other is not place:
                why = f"is the same file as {other.edit.path}"
            if why:
                raise InputError(why, path=path, hint=_UNTOUCHED)
        for place in places.values():
            place.stage()
        written: list[str] = []
        for place in places.values():
            _commit(place, written)
            written.append(place.edit.path)
        return tuple(problem for place in places.values() for problem in _notes(place))


def _why_changed(place: _Place) -> str:
    """Return why the file of a place is not the one that was read, `""` if it is."""
    before = place.edit.before
    with _explain_errors(place.edit.path, "cannot be read"):
        content = place.content()
    if content is None and before is not None:
        return "the file is gone"
    if content != before:
        return "the file has changed since it was read"
    return ""


def _source_of(edit: Edit, path: str, stack: ExitStack) -> _Place:
    """Return the place of a file to rename. Raises `InputError` if it is not as it was read."""
    if islink(path):
        raise InputError("is a symbolic link, which is not renamed", path=path, hint=_UNTOUCHED)
    place = _Place(Edit(path, edit.before, edit.after), place_of_link(path), stack)
    why = _why_changed(place)
    if why:
        raise InputError(why, path=path, hint=_UNTOUCHED)
    return place


def _target(path: str, within: str | None, links: Links) -> str:
    """Return the real path of the file to write. Raises `InputError` for a symlink that is not."""
    if links == "follow" or not islink(path):
        return target_of(path, within)
    if links == "replace":
        directory, name = split(path)
        return join(realpath(directory or "."), name)
    raise InputError(
        f"the file is a symbolic link to {os.readlink(path)}, which would be changed",
        path=path,
        hint=f"{_UNTOUCHED}; --replace-link writes a file in its place",
    )


def write_output(
    path: str, data: bytes | None, *, replaces: Callable[[bytes], bool] | None = None
) -> None:
    """Write a report to `path`, also to a FIFO or a device; without `data`, only check the file.

    With `replaces`, a file that is not empty is overwritten only if its beginning passes that test.
    Raises `InputError` if the file cannot be written, and for a symlink out of the
    repository; the old file is then unchanged.
    """
    with _explain_errors(path):
        refuse_way_out(path)
        if exists(path) and not isfile(path) and not isdir(path):
            if data is not None:
                _write_special(path, data)
            return
        target = realpath(path)
    with ExitStack() as stack:
        place = _Place(Edit(path, None, data or b""), target, stack)
        is_empty = place.seen is None or not place.seen.st_size
        if replaces is not None and not is_empty:
            with _explain_errors(path, "cannot be read"):
                start = read_file(place.name, _START_BYTES, cut=True, dir_fd=place.directory)
            if not replaces(start):
                raise InputError(
                    "holds something else than a report of ctxsize, so it is not replaced",
                    path=path,
                    hint="remove it, or name another file",
                )
        if data is not None:
            place.stage()
            with _explain_errors(path):
                place.put(os.replace)


class _Place:
    """The target of an edit: the real file, as it was when it was checked."""

    def __init__(self, edit: Edit, target: str, stack: ExitStack, links: Links = "follow") -> None:
        """Open the directory, which `stack` closes. Raises `InputError` if the target must stay."""
        directory, name = split(target)
        self.edit = edit
        self.name = name
        self.temporary = f".ctxsize-{os.urandom(8).hex()}"
        self._stack = stack
        self.seen: os.stat_result | None = None
        self.is_link = False
        self.replaced: os.stat_result | None = None  # what the new file gets the attributes of
        self.source: _Place | None = None  # the file that is renamed to this one
        with _explain_errors(edit.path):
            # An open directory, so that one that replaces it is not written into.
            self.directory = os.open(directory, _DIRECTORY)
            stack.callback(os.close, self.directory)
            _remove_leftovers(self.directory)
            with suppress(FileNotFoundError):
                self.seen = self.now()
            if self.seen is not None:
                mode = self.seen.st_mode
                self.is_link = stat.S_ISLNK(mode)
                if not self.is_link or links != "replace":
                    self._refuse_to_replace(mode)
                    self.replaced = self.seen

    def _refuse_to_replace(self, mode: int) -> None:
        """Raise `InputError` for a file that must stay as it is, by its mode."""
        why = ""
        if stat.S_ISDIR(mode):
            why = "a directory is in the way"
        elif not stat.S_ISREG(mode):
            why = "is no regular file"
        # Root may write it anyway, and a rename needs the permission of the directory only.
        elif not mode & 0o222 or not os.access(self.name, os.W_OK, dir_fd=self.directory):
            why = "is read-only"
        if why:
            raise InputError(why, path=self.edit.path, hint=_UNTOUCHED)

    def content(self) -> bytes | None:
        """Return what is read there, for a link that stays inside through it. Raises `OSError`."""
        if self.seen is None:
            return None
        if self.is_link:
            path = self.edit.path
            border = border_of(dirname(path) or ".")
            if not isfile(path) or not holds(border, path):
                return None
        return read_file(self.name, _MOST_BYTES, dir_fd=self.directory, links=self.is_link)

    def now(self) -> os.stat_result:
        """Return what is there now. Raises `OSError`."""
        return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)

    def stage(self) -> None:
        """Write the temporary file, with the mode and owner of the file that it replaces."""
        model = self
        if self.source is not None:
            if self.edit.before == self.edit.after:
                return  # the file itself gets the name
            model = self.source
            self.replaced = model.seen
        self._stack.callback(self._remove_temporary)
        with _explain_errors(self.edit.path):
            handle = self._create_temporary()
            self._stack.callback(os.close, handle)
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.write(self.edit.after)
                file.flush()
                if self.replaced is not None:
                    _copy_attributes(model, self.replaced, handle)
                os.fsync(handle)

    def _create_temporary(self) -> int:
        """Create the file and lock it; try again if a run removes it between the two steps."""
        # The umask shapes the mode of a new file, and nobody reads the other before its time.
        mode = 0o600
        if self.replaced is None:
            mode = 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        while True:
            handle = os.open(self.temporary, flags, mode, dir_fd=self.directory)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink:
                return handle
            os.close(handle)

    def _remove_temporary(self) -> None:
        with suppress(OSError):
            os.unlink(self.temporary, dir_fd=self.directory)

    def put(self, how: Callable[..., None]) -> None:
        """Give the temporary file the name, by `os.replace` or `os.link`. Raises `OSError`."""
        how(self.temporary, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        with suppress(OSError):  # to make it last, which not every file system can
            os.fsync(self.directory)

    def take_name(self, source: _Place) -> None:
        """Give the file of `source`, or its new content, the name. Raises `OSError`.

        It has both names for a moment, so that it is never without one.
        """
        moved = source
        name = source.name
        if self.edit.before != self.edit.after:
            moved = self
            name = self.temporary
        ends = {"src_dir_fd": moved.directory, "dst_dir_fd": self.directory}
        try:
            os.link(name, self.name, follow_symlinks=False, **ends)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            with suppress(FileNotFoundError):
                self.now()
                raise
            os.rename(name, self.name, **ends)
        with suppress(FileNotFoundError):  # it was renamed
            os.unlink(source.name, dir_fd=source.directory)
        for directory in {self.directory, source.directory}:
            with suppress(OSError):  # to make it last, which not every file system can
                os.fsync(directory)


def _write_special(path: str, data: bytes) -> None:
    """Give a FIFO or a device `data`. Raises `OSError` for a FIFO that no process reads."""
    deadline = time.monotonic() + _READER_COMES_S
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            break
        except OSError as error:
            if error.errno != ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _remove_leftovers(directory: int) -> None:
    """Remove temporary files that a killed run left in `directory`."""
    with suppress(OSError):
        for child in entries_in(directory):
            if _TEMPORARY.fullmatch(child.name):
                _remove_leftover(directory, child.name)


def _remove_leftover(directory: int, name: str) -> None:
    """Remove a temporary file, unless another run has locked it or another user owns it."""
    with suppress(OSError):
        handle = os.open(name, _FILE, dir_fd=directory)
        with os.fdopen(handle) as file:
            status = os.fstat(handle)
            is_ours = os.geteuid() in (0, status.st_uid)
            if is_ours and stat.S_ISREG(status.st_mode):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=directory)


def _copy_attributes(place: _Place, replaced: os.stat_result, handle: int) -> None:
    """Give the open file the owner, the mode and the extended attributes of the old one."""
    for owner in (-1, replaced.st_uid):
        with suppress(OSError):
            os.fchown(handle, owner, replaced.st_gid)
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            old = os.open(place.name, _FILE, dir_fd=place.directory)
            with os.fdopen(old):
                for name in os.listxattr(old):
                    with suppress(OSError):
                        os.setxattr(handle, name, os.getxattr(old, name))
    os.fchmod(handle, stat.S_IMODE(replaced.st_mode))


def _commit(place: _Place, written: Sequence[str]) -> None:
    """Rename the temporary file to its target, unless that changed since the check."""
    path = place.edit.path
    rest = _UNTOUCHED
    if written:
        rest = f"written before that: {', '.join(written)}"
    with _explain_errors(path, rest=rest):
        source = place.source
        held = source or place
        changed = held.seen is not None and _identity(held.seen) != _identity(held.now())
        if source is not None and not changed:
            place.take_name(source)
            return
        if place.seen is None and not changed:
            try:
                place.put(os.link)  # unlike a rename this fails if the name exists
                return
            except FileExistsError:
                changed = True
            except OSError:  # a file system without hard links
                pass
        if changed:
            raise InputError("the file has just changed", path=path, hint=rest)
        place.put(os.replace)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _notes(place: _Place) -> Iterator[Problem]:
    replaced = place.replaced
    if replaced is None:
        return
    if replaced.st_nlink > 1:
        yield Problem(
            "hard-link-broken",
            "had further names (hard links), which keep the old content",
            path=place.edit.path,
        )
    with suppress(OSError):  # it may be gone again
        if place.now().st_uid != replaced.st_uid:
            yield Problem("owner-changed", "belongs to you now", path=place.edit.path)


@contextmanager
def _explain_errors(
    path: str, doing: str = "cannot be written", *, rest: str = _UNTOUCHED
) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(f"{doing}: {reason}", path=path, hint=rest) from None
