"""The only writer of files: each one arrives whole, or the old one stays.

A file is written beside its target, flushed to the disk and renamed over it.
Everything that can fail is done before the first rename: all edits are checked
and all temporary files are complete by then.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ctxsize.engine.border import way_out
from ctxsize.errors import InputError
from ctxsize.findings import Edit
from ctxsize.model import Problem
from ctxsize.reader import read_file, read_start
from ctxsize.regexps import regexp
from ctxsize.values import dataclass

_UNTOUCHED = "nothing was changed"
_START_BYTES = 4096
"""Number of bytes that show what kind of file it is."""
_MOST_BYTES = 1 << 30
_TEMPORARY = regexp(r"\.ctxsize-[0-9a-f]{16}")


def apply(edits: Sequence[Edit], *, within: str | None = None) -> tuple[Problem, ...]:
    """Carry out `edits`, and return what the user should know about the files written.

    A symlink stays one and its target is written; the target must lie in
    `within`, by default the link's own directory. An edit that changes nothing
    writes nothing.

    Raises `InputError` if a file is no longer `before` or cannot be written; it
    says which files were written before that, normally none.
    """
    places = [_place(edit, within) for edit in edits if edit.before != edit.after]
    _refuse_doubles(places)
    with _cleaned_up(places) as handles:
        for place in places:
            _stage(place, handles)
        for number, place in enumerate(places):
            _commit(place, [each.edit.path for each in places[:number]])
    return tuple(problem for place in places for problem in _notes(place))


def write_output(
    path: str,
    data: bytes,
    *,
    executable: bool = False,
    replaces: Callable[[bytes], bool] | None = None,
) -> None:
    """Write a report of ours to `path`; a FIFO or a device just gets it.

    A new file that is `executable` is so for everyone whom the umask lets. With `replaces`
    a file that is not empty is only replaced if its beginning is accepted.
    Raises `InputError` if that is not possible, and for a symlink out of the repository;
    the old file is then still there.
    """
    with _explained(path):
        refuse_way_out(path)
        special = os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113
        if special and not os.path.isdir(path):  # noqa: PTH112
            _write_special(path, data)
            return
        target = os.path.realpath(path)
    seen = _regular(path, target)
    if seen is not None and seen.st_size and replaces is not None:
        with _explained(path, "cannot be read"):
            if not replaces(read_start(target, _START_BYTES)):
                raise InputError(
                    "holds something else than a report of ctxsize, so it is not replaced",
                    path=path,
                    hint="remove it, or name another file",
                )
    place = _Place(Edit(path, None, data), target, _temporary(target), seen)
    with _cleaned_up([place]) as handles:
        _stage(place, handles, new_mode=0o777 if executable else 0o666)
        with _explained(path):
            os.replace(place.temporary, target)  # noqa: PTH105
            _flush_directory(target)


def refuse_way_out(path: str) -> None:
    """Raise `InputError` where a symlink on the way to `path` leads out of its repository."""
    found = way_out(path)
    if found is not None:
        link, target = found
        raise InputError(
            f"the symlink {os.path.relpath(link)} leads out of the repository, to {target}",
            path=path,
            hint="name the file itself, or remove the symlink",
        )


@dataclass(frozen=True)
class _Place:
    """Where an edit goes: the real file, as it was when it was checked."""

    edit: Edit
    target: str
    temporary: str
    seen: os.stat_result | None


def _place(edit: Edit, within: str | None) -> _Place:
    """The place of `edit`. Raises `InputError` unless the file is as `edit` expects it."""
    path = edit.path
    with _explained(path):
        target = _target(path, within)
    seen = _regular(path, target)
    if seen is None:
        found = None
    else:
        with _explained(path, "cannot be read"):
            found = read_file(target, _MOST_BYTES)
    if found != edit.before:
        raise InputError(_how_it_changed(edit.before, found), path=path, hint=_UNTOUCHED)
    return _Place(edit, target, _temporary(target), seen)


def _target(path: str, within: str | None) -> str:
    """The real path of the file to write, through symlinks that stay in `within`."""
    directory, name = os.path.split(path)
    directory = os.path.realpath(directory or ".")
    here = os.path.join(directory, name)  # noqa: PTH118
    if not os.path.islink(here):  # noqa: PTH114 - of a name that cannot be, it says no
        return here
    try:
        target = os.path.realpath(here, strict=True)
    except OSError as error:
        raise InputError(
            f"a symlink that leads nowhere: {error.strerror}",
            path=path,
            hint="remove it or mend it",
        ) from None
    border = directory if within is None else os.path.realpath(within)
    if os.path.commonpath([border, target]) != border:
        raise InputError(
            f"a symlink that leaves {within or 'its directory'}, to {target}",
            path=path,
            hint="put a file in its place, or change the target itself",
        )
    return target


def _regular(path: str, target: str) -> os.stat_result | None:
    """What is at `target`, None for nothing. Raises `InputError` if it must not be replaced."""
    try:
        found = os.stat(target)  # noqa: PTH116
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError("a directory is in the way", path=path, hint=_UNTOUCHED)
    if not stat.S_ISREG(found.st_mode):
        raise InputError("is no regular file", path=path, hint=_UNTOUCHED)
    # Root may write it all the same, and a rename asks for the directory's leave alone.
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise InputError("is read-only", path=path, hint=f"chmod u+w to allow it; {_UNTOUCHED}")
    return found


def _how_it_changed(before: bytes | None, found: bytes | None) -> str:
    if before is None:
        return "a file has appeared here in the meantime"
    return "the file is gone" if found is None else "the file has changed since it was read"


def remove_output(path: str, is_ours: Callable[[bytes], bool]) -> bool:
    """Remove a file that we wrote, and return whether there was one.

    Raises `InputError` for anything but a regular file whose content `is_ours`,
    and for one that cannot be removed; it is still there then.
    """
    if not os.path.lexists(path):
        return False
    with _explained(path, "cannot be removed"):
        seen = os.lstat(path)
        ours = stat.S_ISREG(seen.st_mode) and is_ours(read_file(path, _MOST_BYTES))
        if not ours or _identity(seen) != _identity(os.lstat(path)):
            raise InputError("is not what was written there", path=path, hint="remove it yourself")
        os.unlink(path)  # noqa: PTH108
    return True


def _refuse_doubles(places: Sequence[_Place]) -> None:
    paths: dict[str, str] = {}
    for place in places:
        other = paths.setdefault(place.target, place.edit.path)
        if other is not place.edit.path:
            raise InputError(f"is the same file as {other}", path=place.edit.path, hint=_UNTOUCHED)


def _temporary(target: str) -> str:
    return os.path.join(os.path.dirname(target), f".ctxsize-{os.urandom(8).hex()}")  # noqa: PTH118, PTH120


def _write_special(path: str, data: bytes) -> None:
    """Give a FIFO or a device `data`. Raises `OSError` for a FIFO that no process reads."""
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


@contextmanager
def _cleaned_up(places: Sequence[_Place]) -> Iterator[list[int]]:
    """Removes the temporary files that are left, whatever happens, Ctrl-C included.

    Those of a run that was killed are removed too: each of ours is locked until the end.
    """
    handles: list[int] = []
    try:
        for directory in dict.fromkeys(os.path.dirname(place.target) for place in places):  # noqa: PTH120
            _remove_leftovers(directory)
        yield handles
    finally:
        for place in places:
            with suppress(OSError):
                os.unlink(place.temporary)  # noqa: PTH108
        for handle in handles:
            os.close(handle)


def _remove_leftovers(directory: str) -> None:
    """Remove our temporary files in `directory` that no process holds."""
    import fcntl

    with suppress(OSError):
        for name in filter(_TEMPORARY.fullmatch, os.listdir(directory)):  # noqa: PTH208
            path = os.path.join(directory, name)  # noqa: PTH118
            with suppress(OSError), open(path, "rb", opener=_without_waiting) as file:
                found = os.fstat(file.fileno())
                if stat.S_ISREG(found.st_mode) and os.geteuid() in (0, found.st_uid):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(path)  # noqa: PTH108


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _stage(place: _Place, handles: list[int], *, new_mode: int = 0o666) -> None:
    """Write the temporary file of `place`, with the mode and owner of the file it replaces."""
    with _explained(place.edit.path):
        # The umask shapes the mode of a new file, and nobody reads the other before its time.
        mode = new_mode if place.seen is None else 0o600
        handle = _locked(place.temporary, mode)
        handles.append(handle)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(place.edit.after)
            file.flush()
            if place.seen is not None:
                _copy_attributes(place.target, place.seen, file.fileno())
            os.fsync(file.fileno())


def _locked(temporary: str, mode: int) -> int:
    """Create the file, locked. A run that comes between the two steps takes it for left over."""
    import fcntl

    while True:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)


def _copy_attributes(target: str, seen: os.stat_result, handle: int) -> None:
    """Give the open file the owner, the mode and the extended attributes of `target`."""
    for owner in (-1, seen.st_uid):
        with suppress(OSError):
            os.fchown(handle, owner, seen.st_gid)
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            for name in os.listxattr(target):
                with suppress(OSError):
                    os.setxattr(handle, name, os.getxattr(target, name))
    os.fchmod(handle, stat.S_IMODE(seen.st_mode))


def _commit(place: _Place, written: Sequence[str]) -> None:
    """Put the temporary file in its place, if nobody else has been there since the check."""
    rest = f"written before that: {', '.join(written)}" if written else _UNTOUCHED
    with _explained(place.edit.path, rest=rest):
        if place.seen is None:
            _put_new(place, rest)
        elif _identity(place.seen) != _identity(os.stat(place.target)):  # noqa: PTH116
            raise InputError("the file has just changed", path=place.edit.path, hint=rest)
        else:
            os.replace(place.temporary, place.target)  # noqa: PTH105
        _flush_directory(place.target)


def _put_new(place: _Place, rest: str) -> None:
    """Give the file its name unless the name is taken, which a rename would not mind."""
    try:
        os.link(place.temporary, place.target)
    except FileExistsError:
        raise InputError("a file has just appeared", path=place.edit.path, hint=rest) from None
    except OSError:
        # A file system without hard links.
        os.replace(place.temporary, place.target)  # noqa: PTH105


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _flush_directory(target: str) -> None:
    """Make the new name last. Not every file system can, nor may every user open a directory."""
    with suppress(OSError):
        handle = os.open(os.path.dirname(target), os.O_RDONLY)  # noqa: PTH120
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _notes(place: _Place) -> Iterator[Problem]:
    seen = place.seen
    if seen is not None and seen.st_nlink > 1:
        message = "had further names (hard links), which keep the old content"
        yield Problem("hard-link-broken", message, path=place.edit.path)
    with suppress(OSError):  # it may be gone again
        if seen is not None and os.stat(place.target).st_uid != seen.st_uid:  # noqa: PTH116
            yield Problem("owner-changed", "belongs to you now", path=place.edit.path)


@contextmanager
def _explained(
    path: str, doing: str = "cannot be written", *, rest: str = _UNTOUCHED
) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise _cannot(path, error, doing, rest=rest) from None


def _cannot(
    path: str,
    error: Exception,
    doing: str = "cannot be written",
    *,
    rest: str = _UNTOUCHED,
) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(f"{doing}: {reason}", path=path, hint=rest)
