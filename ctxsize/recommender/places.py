"""Places in an image: whether one may be in another, and what a command has to do with one."""

from __future__ import annotations

import posixpath

from ctxsize.shell import Command

_COPIERS = ("cp", "mv", "rsync", "tar", "ln")


def path_of(word: str, at: str) -> str:
    """The path that a word means in a directory; the top one is taken where none is told."""
    return posixpath.normpath(posixpath.join(at or "/", word))


def is_at_or_below(path: str, directory: str) -> bool:
    """Whether `path` is the directory or in it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def may_be_in(path: str, directory: str) -> bool:
    """Whether `path` may be in a directory: a variable may be anything."""
    return "$" in path + directory or is_at_or_below(path, directory)


def may_meet(one: str, other: str) -> bool:
    """Whether one of two paths may hold the other; of one that is not told nobody knows."""
    both = one + other
    if not (one.startswith("/") and other.startswith("/")) or "$" in both or "*" in both:
        return True
    one, other = path_of(one, ""), path_of(other, "")
    return is_at_or_below(one, other) or is_at_or_below(other, one)


def works_in(command: Command, at: str, mount: str) -> bool:
    """Whether a command is run in a mount, or told of something there."""
    told = (word.rpartition("=")[2] for word in command.words)
    return may_be_in(at, mount) or any(
        word.startswith("/") and is_at_or_below(path_of(word, at), mount) for word in told
    )


def copies(command: Command, at: str, mount: str) -> bool:
    """Whether a command takes all that is in a mount."""
    if command.program not in _COPIERS:
        return False
    words = (word.removesuffix("/*") or "/" for word in command.operands)
    return any(is_at_or_below(mount, path_of(word, at)) for word in words)


def target_of(command: Command, at: str) -> str:
    """Something in the directory to which a command copies, `""` where that is not told."""
    if command.program == "tar" or command.has("-t", "--target-directory"):
        return ""
    target = posixpath.join(at, command.operands[-1])
    # The thing itself is there or deeper: a copy of a directory may become one in it.
    return posixpath.join(target, ".") if target.startswith("/") else ""
