"""The border of a repository, beyond which none of its files makes us read or write.

It is found without git, whose configuration may be hostile.
"""

from __future__ import annotations

import os

from ctxsize.errors import InputError


def top_of(path: str) -> str | None:
    """Return the real path of the nearest directory, from `path` upward, with a `.git` in it."""
    at = os.path.realpath(path)
    while not os.path.lexists(os.path.join(at, ".git")):
        above = os.path.dirname(at)
        if above == at:
            return None
        at = above
    return at


def border_of(directory: str) -> str:
    """Return the repository of `directory`, or the directory itself if there is none."""
    return top_of(directory) or os.path.realpath(directory)


def holds(border: str, path: str) -> bool:
    """Return whether `path` leads to a place inside `border`, symlinks followed.

    >>> holds("/a", "/a/b/../c"), holds("/a", "/a/../b"), holds("/", "/a")
    (True, False, True)
    """
    try:
        real = os.path.realpath(path)
    except ValueError:  # a NUL, which no path has
        return False
    return real == border or real.startswith(border.rstrip("/") + "/")


def refuse_way_out(path: str) -> None:
    """Raise `InputError` for the first symlink on the way to `path` that leaves its repository.

    A link outside any repository may lead anywhere, as it is part of the user's own system, but
    not the file itself, and not below the working directory.
    """
    here, parts = "/", os.path.join(os.getcwd(), path).split("/")
    for number, part in enumerate(parts, 1):
        at = os.path.normpath(os.path.join(here, part))
        if not os.path.islink(at):
            here = at
            continue
        target = os.path.realpath(at)
        border = top_of(here) or _border_of_link(here, is_last=number == len(parts))
        if border is not None and not holds(border, target):
            raise InputError(
                f"the symlink {os.path.relpath(at)} leads out of the repository, to {target}",
                path=path,
                hint="name the file itself, or remove the symlink",
            )
        here = target


def _border_of_link(directory: str, *, is_last: bool) -> str | None:
    """Return the border for a link in `directory`, outside any repository; None for no border."""
    if holds("/dev", directory) or holds("/proc", directory):
        return None
    below = holds(os.path.realpath("."), directory)
    return directory if is_last or below else None


def target_of(path: str, within: str | None) -> str:
    """Return the real path of the file to write; symlinks in `path` must stay in `within`."""
    directory, name = os.path.split(path)
    directory = os.path.realpath(directory or ".")
    here = os.path.join(directory, name)
    if not os.path.islink(here):
        return here
    try:
        target = os.path.realpath(here, strict=True)
    except OSError as error:
        raise InputError(
            f"the file is a symlink that leads nowhere: {error.strerror}",
            path=path,
            hint="remove it or repair it",
        ) from None
    border = directory if within is None else os.path.realpath(within)
    if os.path.commonpath([border, target]) != border:
        raise InputError(
            f"the file is a symlink that leaves {within or 'its directory'}: it leads to {target}",
            path=path,
            hint="put a file in its place, or change the target itself",
        )
    return target
