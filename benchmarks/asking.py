"""The floor of Python: what a report that is exact must ask for, and nothing done with it.

Names and kinds of all entries, the size of each, and whether it has extended attributes, which
BuildKit sends and counts; each asked in the shortest way that Python's own `os` has. Prints how
many entries there are and the bytes of the regular files.
"""

from __future__ import annotations

import gc
import os
import stat
import sys

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def ask(directory: int) -> tuple[int, int]:
    """The entries below `directory`, which is closed, and their bytes."""
    os.fchdir(directory)
    directories: list[str] = []
    others: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            (directories if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    told = [*map(os.lstat, others)]
    count = len(directories) + len(others)
    size = sum(each.st_size for each in told if stat.S_ISREG(each.st_mode))
    if all(stat.S_ISREG(each.st_mode) for each in told):
        any(map(os.listxattr, others))
    else:
        any(os.listxattr(name, follow_symlinks=False) for name in others)
    any(map(os.listxattr, directories))
    for name in directories:
        more, bytes_more = ask(os.open(name, _OPEN, dir_fd=directory))
        count, size = count + more, size + bytes_more
    os.close(directory)
    return count, size


if __name__ == "__main__":
    gc.disable()
    entries, size_bytes = ask(os.open(sys.argv[1], _OPEN))
    print(f"{entries} entries, {size_bytes} bytes")
