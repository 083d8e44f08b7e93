"""The only writer of files: each one arrives whole, or the old one stays.

A file is written beside its target, flushed to the disk and renamed over it.
Everything that can fail is done before the first rename: all edits are checked
and all temporary files are complete by then.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import ENXIO

from ctxsize.engine.border import refuse_way_out, target_of
from ctxsize.errors import InputError
from ctxsize.findings import Edit
from ctxsize.model import Problem
from ctxsize.reader import entries_in, read_file, read_start

_UNTOUCHED = "nothing was changed"
_START_BYTES = 4096
"""Number of bytes that show what kind of file it is."""
_MOST_BYTES = 1 << 30
_READER_COMES_S = 5
"""Number of seconds that a FIFO is given to be opened by the process that reads it."""
_TEMPORARY = re.compile(r"\.ctxsize-[0-9a-f]{16}")


def apply(edits: Sequence[Edit], *, within: str | None = None) -> tuple[Problem, ...]:
    """Carry out `edits`, and return notes for the user about the files written.

    A symlink stays one and its target is written; the target must lie in
    `within`, by default the link's own directory. An edit that changes nothing
    writes nothing.

    Raises `InputError` if a file is no longer `before` or cannot be written; it
    says which files were written before that, normally none.
    """
    places: list[_Place] = []
    with _cleaned_up(places) as handles:
        changes = (edit for edit in edits if edit.before != edit.after)
        places.extend(_expected(edit, within, handles) for edit in changes)
        _refuse_doubles(places)
        for place in places:
            _stage(place, handles)
        for number, place in enumerate(places):
            _commit(place, [each.edit.path for each in places[:number]])
        return tuple(problem for place in places for problem in _notes(place))


def write_output(
    path: str, data: bytes, *, replaces: Callable[[bytes], bool] | None = None
) -> None:
    """Write a report to `path`, also to a FIFO or a device.

    With `replaces`, a file that is not empty is overwritten only if its beginning passes that test.
    Raises `InputError` if the file cannot be written, and for a symlink out of the
    repository; the old file is then unchanged.
    """
    with _explained(path):
        refuse_way_out(path)
        special = os.path.exists(path) and not os.path.isfile(path)
        if special and not os.path.isdir(path):
            _write_special(path, data)
            return
        target = os.path.realpath(path)
    places: list[_Place] = []
    with _cleaned_up(places) as handles:
        place = _place(Edit(path, None, data), target, handles)
        if place.seen is not None and place.seen.st_size and replaces is not None:
            _check_replaced(place, replaces)
        places.append(place)
        _stage(place, handles)
        with _explained(path):
            place.rename()


def _check_replaced(place: _Place, replaces: Callable[[bytes], bool]) -> None:
    """Raise `InputError` unless the beginning of the file is accepted."""
    with _explained(place.edit.path, "cannot be read"):
        accepted = replaces(read_start(place.name, _START_BYTES, dir_fd=place.directory))
    if not accepted:
        raise InputError(
            "holds something else than a report of ctxsize, so it is not replaced",
            path=place.edit.path,
            hint="remove it, or name another file",
        )


@dataclass(frozen=True)
class _Place:
    """The target of an edit: the real file, as it was when it was checked."""

    edit: Edit
    target: str
    directory: int
    """The open directory of `target`, so that a directory that replaces it is not written into."""
    seen: os.stat_result | None
    temporary: str = field(default_factory=lambda: f".ctxsize-{os.urandom(8).hex()}")

    @property
    def name(self) -> str:
        """Return the name of the file in its directory."""
        return os.path.basename(self.target)

    def now(self) -> os.stat_result:
        """Return what is there now. Raises `OSError`."""
        return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)

    def rename(self) -> None:
        """Put the temporary file in the place of the file, for good. Raises `OSError`."""
        at = self.directory
        os.replace(self.temporary, self.name, src_dir_fd=at, dst_dir_fd=at)
        self.flush()

    def link(self) -> None:
        """Link the temporary file to its target. Unlike a rename this fails if the name exists."""
        at = self.directory
        os.link(self.temporary, self.name, src_dir_fd=at, dst_dir_fd=at)
        self.flush()

    def flush(self) -> None:
        """Make the new name last, which not every file system can."""
        with suppress(OSError):
            os.fsync(self.directory)


def _place(edit: Edit, target: str, handles: list[int]) -> _Place:
    """Return the target of `edit`; its open directory is added to `handles`."""
    with _explained(edit.path):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        directory = os.open(os.path.dirname(target), flags)
    handles.append(directory)
    _remove_leftovers(directory)
    return _Place(edit, target, directory, _regular(edit.path, target, directory))


def _expected(edit: Edit, within: str | None, handles: list[int]) -> _Place:
    """Return the place of `edit`. Raises `InputError` unless the file is as `edit` expects it."""
    with _explained(edit.path):
        target = target_of(edit.path, within)
    place = _place(edit, target, handles)
    with _explained(edit.path, "cannot be read"):
        at = place.directory
        found = place.seen and read_file(place.name, _MOST_BYTES, dir_fd=at, links=False)
    if found != edit.before:
        how = "the file is gone" if found is None else "the file has changed since it was read"
        how = how if edit.before is not None else "a file has appeared here in the meantime"
        raise InputError(how, path=edit.path, hint=_UNTOUCHED)
    return place


def _regular(path: str, target: str, directory: int) -> os.stat_result | None:
    """Return what is at `target`, else None. Raises `InputError` if it must stay."""
    name = os.path.basename(target)
    with _explained(path):
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
    if stat.S_ISDIR(found.st_mode):
        raise InputError("a directory is in the way", path=path, hint=_UNTOUCHED)
    if not stat.S_ISREG(found.st_mode):
        raise InputError("is no regular file", path=path, hint=_UNTOUCHED)
    # Root may write it anyway, and a rename needs the permission of the directory only.
    if not found.st_mode & 0o222 or not os.access(name, os.W_OK, dir_fd=directory):
        raise InputError("is read-only", path=path, hint=f"chmod u+w to allow it; {_UNTOUCHED}")
    return found


def _refuse_doubles(places: Sequence[_Place]) -> None:
    paths: dict[str, str] = {}
    for place in places:
        other = paths.setdefault(place.target, place.edit.path)
        if other is not place.edit.path:
            raise InputError(f"is the same file as {other}", path=place.edit.path, hint=_UNTOUCHED)


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


@contextmanager
def _cleaned_up(places: Sequence[_Place]) -> Iterator[list[int]]:
    """Remove the remaining temporary files in any case, and close all handles."""
    handles: list[int] = []
    try:
        yield handles
    finally:
        for place in places:
            with suppress(OSError):
                os.unlink(place.temporary, dir_fd=place.directory)
        for handle in handles:
            os.close(handle)


def _remove_leftovers(directory: int) -> None:
    """Remove temporary files that a killed run left in `directory`."""
    import fcntl

    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError):
        for name in filter(_TEMPORARY.fullmatch, [each.name for each in entries_in(directory)]):
            with suppress(OSError), os.fdopen(os.open(name, flags, dir_fd=directory)) as file:
                found = os.fstat(file.fileno())
                if stat.S_ISREG(found.st_mode) and os.geteuid() in (0, found.st_uid):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(name, dir_fd=directory)


def _stage(place: _Place, handles: list[int]) -> None:
    """Write the temporary file of `place`, with the mode and owner of the file it replaces."""
    with _explained(place.edit.path):
        # The umask shapes the mode of a new file, and nobody reads the other before its time.
        mode = 0o666 if place.seen is None else 0o600
        handle = _locked(place, mode)
        handles.append(handle)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(place.edit.after)
            file.flush()
            if place.seen is not None:
                _copy_attributes(place, place.seen, handle)
            os.fsync(file.fileno())


def _locked(place: _Place, mode: int) -> int:
    """Create the file and lock it; try again if a run removes it between the two steps."""
    import fcntl

    while True:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(place.temporary, flags, mode, dir_fd=place.directory)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)


def _copy_attributes(place: _Place, seen: os.stat_result, handle: int) -> None:
    """Give the open file the owner, the mode and the extended attributes of the old one."""
    for owner in (-1, seen.st_uid):
        with suppress(OSError):
            os.fchown(handle, owner, seen.st_gid)
    if hasattr(os, "listxattr"):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with suppress(OSError):
            old = os.open(place.name, flags, dir_fd=place.directory)
            with os.fdopen(old):
                for name in os.listxattr(old):
                    with suppress(OSError):
                        os.setxattr(handle, name, os.getxattr(old, name))
    os.fchmod(handle, stat.S_IMODE(seen.st_mode))


def _commit(place: _Place, written: Sequence[str]) -> None:
    """Rename the temporary file to its target, unless that changed since the check."""
    rest = f"written before that: {', '.join(written)}" if written else _UNTOUCHED
    with _explained(place.edit.path, rest=rest):
        if place.seen is not None and _identity(place.seen) != _identity(place.now()):
            raise InputError("the file has just changed", path=place.edit.path, hint=rest)
        if place.seen is None:
            try:
                place.link()
                return
            except FileExistsError:
                raise InputError(
                    "a file has just appeared", path=place.edit.path, hint=rest
                ) from None
            except OSError:  # a file system without hard links
                pass
        place.rename()


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _notes(place: _Place) -> Iterator[Problem]:
    seen = place.seen
    if seen is not None and seen.st_nlink > 1:
        message = "had further names (hard links), which keep the old content"
        yield Problem("hard-link-broken", message, path=place.edit.path)
    with suppress(OSError):  # it may be gone again
        if seen is not None and place.now().st_uid != seen.st_uid:
            yield Problem("owner-changed", "belongs to you now", path=place.edit.path)


@contextmanager
def _explained(
    path: str, doing: str = "cannot be written", *, rest: str = _UNTOUCHED
) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{doing}: {reason}", path=path, hint=rest) from None
