"""What `COPY --parents` looks for: a pattern, below the directory in front of its pivot.

The pattern is of the dialect of ignore files, so that `**` stands for any number of
directories and what is below a match is taken with it; no symlink in it is followed.
Without a wildcard in either, the entry has to be there. Behaviour: moby/buildkit
(`dispatchCopy`, `contenthash`), docker/dockerfile 1.20.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ctxsize.engine.names import listing_at
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.errors import InputError

OLDER = "frontends before docker/dockerfile:1.20 go on without it"


def check_parents(request: Request, base: str, pattern: str) -> None:
    """Raise `InputError` for what cannot be told, with what can be asked instead."""
    reason = ""
    if not pattern:
        reason = "--parents with a source that names nothing behind its pivot"
    elif pattern.startswith(("!", "#")):
        reason = f"--parents with a source that starts with {pattern[0]}"
    elif base != "." and _is_link(request, base):
        reason = f"--parents with a pivot behind a symlink, which {base} is"
    if reason:
        raise InputError(
            f"what the builder finds is not known here for {reason}",
            path=request.dockerfile,
            hint="`ctxsize explain PATH` says whether an entry is sent, and "
            "`ctxsize ls --transfer` what travels",
        )


def matching_parents(request: Request, base: str, pattern: str) -> Iterator[str]:
    """Yield the outermost matching entries below the directory `base`, sent or not."""
    search = DockerIgnorePattern(pattern)
    deepest = None if "**" in pattern else pattern.count("/") + 1
    pending = [("", 1)]
    while pending:
        prefix, depth = pending.pop()
        directories, others = listing_at(os.path.join(request.root, base, prefix))
        for name in sorted([*directories, *others]):
            inside = prefix + name
            if search.match_file(inside) is not None:
                yield inside if base == "." else f"{base}/{inside}"
            elif name in directories and (deepest is None or depth < deepest):
                pending.append((f"{inside}/", depth + 1))


def _is_link(request: Request, path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(os.path.join(request.root, path)).st_mode)
    except (OSError, ValueError):
        return False
