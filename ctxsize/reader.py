"""Read files and directories safely, and find the border of a repository.

No other module opens a file for its content: a FIFO, a device, a huge sparse file or a file that is
replaced in between cannot block a run. No file of a repository makes us read or write beyond its
border, which is found without git, whose configuration may be hostile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from errno import EFBIG, EINVAL, EISDIR, EPERM
from os.path import (
    basename,
    dirname,
    exists,
    islink,
    join,
    lexists,
    normpath,
    realpath,
    relpath,
    split,
)
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISREG
from typing import BinaryIO

from ctxsize.errors import InputError
from ctxsize.version import refuse_windows

refuse_windows()
MOST_BYTES = 64 << 20  # number of bytes of the largest file that is read whole
_PART_BYTES = 1 << 20
_MOST_WORKTREES = 1000  # number of worktrees of a repository that are read
_MOST_LINK_BYTES = 8192  # number of bytes of the largest file that names a path
_MOST_REFERENCES = 20  # paths of references that name each other; git follows 5
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_file(
    path: str | os.PathLike[str],
    most: int = MOST_BYTES,
    *,
    cut: bool = False,
    dir_fd: int | None = None,
    links: bool = True,
    owner: int | None = None,
) -> bytes:
    """Return the content of a regular file; with `cut` only the first `most` bytes.

    With `links`, symlinks are followed. /dev/null counts as an empty file, as it does for the
    builders. Raises `OSError` for other entries, for more than `most` bytes, and for a file of
    another user than `owner`.
    """
    flags = _FLAGS
    if not links:
        flags |= os.O_NOFOLLOW
    try:
        fd = os.open(path, flags, dir_fd=dir_fd)
    except ValueError as error:  # a NUL in the name, or half a surrogate pair
        raise OSError(EINVAL, str(error)) from None
    try:
        status = os.fstat(fd)
        if owner is not None and status.st_uid != owner:
            raise OSError(EPERM, os.strerror(EPERM))
        mode = status.st_mode
        if S_ISDIR(mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if S_ISFIFO(mode):
            raise OSError(EINVAL, "it is no regular file but a FIFO")
        if not S_ISREG(mode) and not _is_null(status):
            raise OSError(EINVAL, "it is no regular file but a device")
        if cut:
            return _start(fd, most)
        # Check the size first: a sparse file would fill the memory. A file of /proc has no size.
        if status.st_size > most:
            raise _too_large(most)
        return _whole(_start(fd, most + 1), most)
    finally:
        os.close(fd)


def parts_of(path: str) -> Iterator[bytes]:
    """Yield the content of a regular file in parts; a symlink is none. Raises `OSError`.

    A file that grows meanwhile ends where it ended first.
    """
    fd = os.open(path, _FLAGS | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode):
            raise OSError(EINVAL, "it is no regular file")
        left_bytes = status.st_size
        while left_bytes > 0:
            part = os.read(fd, min(left_bytes, _PART_BYTES))
            if not part:
                return
            yield part
            left_bytes -= len(part)
    finally:
        os.close(fd)


def read_stream(stream: BinaryIO, most: int = MOST_BYTES) -> bytes:
    """Return the rest of `stream`. Raises `OSError` if that is more than `most` bytes."""
    return _whole(stream.read(most + 1), most)


def _start(fd: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.read(fd, min(size, _PART_BYTES))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _whole(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise _too_large(most)
    return data


def _too_large(most: int) -> OSError:
    return OSError(EFBIG, f"it is larger than {most:,} bytes")


def _is_null(status: os.stat_result) -> bool:
    """Return whether this is the status of /dev/null."""
    return S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev


def entries_in(directory: str | int | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """Return the entries of a directory or its descriptor, unsorted. Raises `OSError`."""
    with os.scandir(directory) as entries:
        return list(entries)


def folded(name: str) -> str:
    """Return `name` as a file system compares it that ignores case and Unicode forms."""
    if name.isascii():
        return name.lower()
    import unicodedata  # few names need it

    return unicodedata.normalize("NFC", name).casefold()


def why_other(name: str, other: str) -> str:
    """Return the difference between two names that `folded` makes equal."""
    if name.casefold() == other.casefold():
        return "upper and lower case count"
    return "they look alike, but their bytes differ (Unicode forms, as NFC and NFD)"


def listed_name(path: str) -> str | None:
    """Return the name that its directory lists for the entry at `path`; None if there is none.

    A file system that ignores case, as macOS has, finds an entry by other names too. Builders
    list directories and compare bytes, so they do not.
    """
    if not lexists(path):
        return None
    directory, name = split(path)
    others = {name.swapcase()}
    if not name.isascii():
        import unicodedata

        others |= {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    # Without the same entry under another name, there is no need to list the directory.
    others.discard(name)
    if not any(lexists(join(directory, other)) for other in others):
        return name
    names = [name]
    with suppress(OSError):
        names = os.listdir(directory or ".")
    if name in names:
        return name
    return next((other for other in names if folded(other) == folded(name)), name)


def is_listed(path: str) -> bool:
    """Return whether an entry has the very name that ends `path`."""
    return listed_name(path) == basename(path)


def may_read(path: str) -> bool:
    """Return whether this process may read the entry at `path`."""
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def top_of(path: str) -> str | None:
    """Return the real path of the nearest directory, from `path` upward, with a `.git` in it."""
    directory = realpath(path)
    while not lexists(join(directory, ".git")):
        parent = dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory


def border_of(directory: str) -> str:
    """Return the repository of `directory`, or the directory itself if there is none."""
    return top_of(directory) or realpath(directory)


def worktrees_in(directory: str) -> frozenset[str]:
    """Return the further worktrees of git below `directory`, as relative paths.

    The repository lists each, and its `.git` file names that entry of the list. A directory with
    nothing but worktrees stands for them.
    """
    root = realpath(directory)
    worktrees = set()
    top = border_of(root)
    own = join(top, ".git")
    git = git_directories(top)[0]
    if basename(dirname(git)) == "worktrees":  # of another worktree
        git = dirname(dirname(git))
    try:
        for entry in sorted(entries_in(f"{git}/worktrees"), key=str)[:_MOST_WORKTREES]:
            link = path_in(f"{entry.path}/gitdir")
            is_inner = link.endswith("/.git") and is_in(link, root)
            if is_inner and link != own and path_in(link, "gitdir: ") == realpath(entry):
                worktrees.add(dirname(link))
        paths = worktrees
        for parent in {*map(dirname, worktrees)} - {root}:
            children = {entry.path for entry in entries_in(parent)}
            if children <= worktrees:
                paths = paths - children | {parent}
    except OSError:
        return frozenset()
    return frozenset(relpath(path, root) for path in paths)


def path_in(path: str, lead: str = "") -> str:
    """Return the real path that a file of git has behind `lead`; `""` if it is no such file.

    The file may be `.git` (`gitdir: `), or `gitdir` or `commondir` of a worktree.
    """
    with suppress(OSError, ValueError):
        text = os.fsdecode(read_file(path, _MOST_LINK_BYTES, links=False)).rstrip("\n")
        named = text.removeprefix(lead)
        if named and text.startswith(lead):
            return realpath(join(dirname(path), named))
    return ""


def git_directories(top: str) -> list[str]:
    """Return the directory of the repository at `top`, and for a worktree the shared one."""
    own = join(top, ".git")
    git = path_in(own, "gitdir: ") or own
    shared = path_in(f"{git}/commondir")
    if shared:
        return [git, shared]
    return [git]


def looks_like_git(directory: str) -> bool:
    """Return whether git may take a directory for a repository without a work tree."""
    return lexists(join(directory, "HEAD"))


def is_on_same_disk(path: str, other: str) -> bool:
    """Return whether two paths lie in one file system; False for one that does not exist."""
    with suppress(OSError):
        return os.stat(path).st_dev == os.stat(other).st_dev
    return False


def reference_files(directories: Sequence[str]) -> list[str]:
    """Return the paths at which git may look for HEAD, and for what that names in turn.

    `directories` are those of one repository. A path may not exist, or be no reference.
    """
    paths = list[str]()
    names = ["HEAD"]
    for name in names:  # grows meanwhile
        if len(paths) >= _MOST_REFERENCES:
            break
        for directory in directories:
            path = join(directory, name)
            paths.append(path)
            with suppress(OSError, ValueError):
                kind, _, named = os.fsdecode(read_file(path, _MOST_LINK_BYTES)).partition(":")
                named = named.strip().removeprefix("main-worktree/")
                if kind == "ref" and "\0" not in named:
                    names.append(named)
    return paths


def first_odd_file(paths: Iterable[str]) -> str | None:
    """Return the first path whose entry, links followed, is a FIFO or a device; not /dev/null."""
    for path in paths:
        with suppress(OSError, ValueError):
            status = os.stat(path)
            is_special = any(kind(status.st_mode) for kind in (S_ISFIFO, S_ISBLK, S_ISCHR))
            if is_special and not _is_null(status):
                return path
    return None


def awaited_fifo(directories: Iterable[str]) -> str | None:
    """Return a FIFO of git's in or below `directories` that a process waits for to read it.

    Such a FIFO, and no other, can be opened to write without delay. Nothing is written.
    """
    pending = [*directories]
    while pending:
        directory = pending.pop()
        is_git = "/.git" in f"{directory}/"
        with suppress(OSError):
            for entry in entries_in(directory):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif is_git or entry.name.startswith(".git"):
                    is_fifo = S_ISFIFO(entry.stat(follow_symlinks=False).st_mode)
                    if is_fifo and _is_awaited(entry.path):
                        return entry.path
    return None


def _is_awaited(path: str) -> bool:
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
        return True
    return False


def is_in(path: str, directory: str) -> bool:
    """Return whether `path` is `directory` or below it, by their texts."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def holds(border: str, path: str) -> bool:
    """Return whether `path` leads to a place inside `border`, symlinks followed."""
    with suppress(ValueError):  # a NUL, which no path has
        return is_in(realpath(path), border)
    return False


def refuse_way_out(path: str) -> None:
    """Raise `InputError` for the first symlink on the way to `path` that leaves its repository.

    A link outside any repository may lead anywhere, as it is part of the user's own system, but
    not the file itself, and not below the working directory.
    """
    directory = "/"
    parts = join(os.getcwd(), path).split("/")
    for number, part in enumerate(parts, 1):
        place = normpath(join(directory, part))
        if not islink(place):
            directory = place
            continue
        target = realpath(place)
        border = top_of(directory)
        is_own = number == len(parts) or holds(realpath("."), directory)
        if not border and is_own and not _is_of_system(directory):
            border = directory
        if border and not holds(border, target):
            raise InputError(
                f"the symlink {relpath(place)} leads out of the repository, to {target}",
                path=path,
                hint="name the file itself, or remove the symlink",
            )
        directory = target


def _is_of_system(directory: str) -> bool:
    return holds("/dev", directory) or holds("/proc", directory)


def place_of_link(path: str) -> str:
    """Return the real path of a file, or of a symlink itself and not of its target."""
    directory, name = split(path)
    return join(realpath(directory), name)


def target_of(path: str, within: str | None) -> str:
    """Return the real path of the file to write; symlinks in `path` must stay in `within`."""
    place = place_of_link(path)
    if not islink(place):
        return place
    target = realpath(place)
    border = realpath(within or dirname(place))
    if not exists(target):
        why = "leads nowhere"
    elif not holds(border, target):
        why = f"leaves {within or 'its directory'}: it leads to {target}"
    else:
        return target
    raise InputError(
        f"the file is a symlink that {why}",
        path=path,
        hint="put a file in its place, or change the target itself",
    )
