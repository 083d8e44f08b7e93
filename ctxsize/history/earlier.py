"""The files of a commit in a directory of its own, without a checkout: no filter of git runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os.path import dirname, join
from stat import S_ISLNK, S_ISREG
from tempfile import TemporaryDirectory

from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.head import Blob, Head
from ctxsize.errors import InputError

_MOST_BYTES = 1 << 20  # of a file that is laid with its content; larger ones are laid empty
_MOST_AT_ONCE = 64 << 20  # bytes that git is asked for in one command
_MOST_IN_ALL = 1 << 30
_MOST_FILES = 200_000


@contextmanager
def laid_out(repository: GitRepository, commit: str) -> Iterator[str]:
    """Yield a directory with the files of a commit, which is removed behind.

    Its `.git` is an empty directory, which is a border for searches and no repository. A submodule
    is empty too. Raises `InputError` for a commit that git cannot list, with more than 200,000
    files, or with more than 1 GiB of them to lay.
    """
    with TemporaryDirectory(prefix="ctxsize-") as directory:
        try:
            _lay(Head(repository, commit), os.path.realpath(directory))
        except (GitError, OSError) as error:
            raise InputError(f"the files of {commit} cannot be read: {error}") from None
        yield os.path.realpath(directory)


def _lay(commit: Head, root: str) -> None:
    os.mkdir(join(root, ".git"))
    small = []
    links = []
    for path, blob in _blobs(commit):
        # A wrong tree may have a file and a directory of one name: the first one stays.
        with suppress(OSError):
            if blob.is_submodule:
                os.makedirs(join(root, path), exist_ok=True)
                continue
            os.makedirs(join(root, dirname(path)), exist_ok=True)
            if S_ISLNK(blob.mode):
                links.append((path, blob))
                continue
            with open(join(root, path), "xb"):
                pass
            if S_ISREG(blob.mode):
                small.append((path, blob))
    for path, content in _contents(commit, small):
        with open(join(root, path), "wb") as file:
            file.write(content)
    # Last, when each directory is there: nothing is written through one.
    for path, target in _contents(commit, links):
        with suppress(OSError, ValueError):
            os.symlink(os.fsdecode(target), join(root, path))


def _blobs(commit: Head) -> Iterator[tuple[str, Blob]]:
    by_directory = commit.files
    if sum(map(len, by_directory.values())) > _MOST_FILES:
        raise GitError(f"it has more than {_MOST_FILES:,} files")
    for directory, names in by_directory.items():
        for name in names:
            path = join(directory, name)
            blob = commit.blob(path)
            if blob is not None:
                yield path, blob


def _contents(commit: Head, files: Iterable[tuple[str, Blob]]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and contents of those that are small, some at once."""
    some: list[str] = []
    at_once = 0
    in_all = 0
    for path, blob in files:
        size_bytes = blob.size_bytes
        if size_bytes is None or size_bytes > _MOST_BYTES:
            continue
        if at_once + size_bytes > _MOST_AT_ONCE:
            yield from commit.contents(some)
            some = []
            at_once = 0
        some.append(path)
        at_once += size_bytes
        in_all += size_bytes
        if in_all > _MOST_IN_ALL:
            raise GitError("its files are more than 1 GiB")
    yield from commit.contents(some)
