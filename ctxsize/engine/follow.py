"""From the paths that a build asks for to patterns of what is sent: symlinks are followed.

The sender walks down each path. At a symlink it keeps the link and goes on at
its target, inside the context: absolute targets and `..` start at its root. A
link that was met before is not followed again, not even on the way to another
path behind it. Behaviour: tonistiigi/fsutil (`FollowLinks`); what is ignored
does not matter here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from ctxsize.engine import golang
from ctxsize.engine.goglob import has_wildcards, match
from ctxsize.engine.names import link_target, names_in
from ctxsize.errors import BuildFailsError


def follow(root: str, paths: Iterable[str]) -> tuple[str, ...] | None:
    """Return the include patterns for `paths` below `root`, in byte order; None for no filter.

    There is none where a path, or the target of a link, is the root itself.
    Raises `BuildFailsError` where the sender would stop.
    """
    found: set[str] = set()
    pending = [*paths][::-1]
    while pending:
        pending += reversed(_walk_down(root, pending.pop(), found))
    return _without_nested(sorted(found, key=_as_bytes))


def _walk_down(root: str, path: str, found: set[str]) -> list[str]:
    """Add to `found` what `path` comes to; the paths to go on with, if links lie on it."""
    parts = golang.clean(f"./{path}").split("/")
    for depth in range(1, len(parts) + 1):
        here, rest = "/".join(parts[:depth]), parts[depth:]
        targets = _targets(root, here)
        if targets or not rest:
            if here in found:
                return []
            found.add(here)
            return [posixpath.join(target, *rest) for target in targets]
    return []


def _targets(root: str, path: str) -> list[str]:
    """Return the targets of symlinks that `path` is or matches by its last part."""
    directory, name = posixpath.split(path)
    names = [name]
    try:
        if has_wildcards(name):
            names = [each for each in _names(root, directory) if match(name, each)]
        links = [(each, _link(root, posixpath.join(directory, each))) for each in names]
    except OSError as error:
        raise BuildFailsError(
            f"error from sender: {path}: {(error.strerror or str(error)).lower()}"
        ) from None
    return [
        golang.clean(f"/{directory}/{link}" if link[0] != "/" else link)
        for _, link in links
        if link
    ]


def _names(root: str, directory: str) -> list[str]:
    return names_in(posixpath.join(root, directory))


def _link(root: str, path: str) -> str | None:
    """Return the target of the symlink at `path`; None if it is none."""
    return None if "\0" in path else link_target(posixpath.join(root, path))


def _without_nested(patterns: list[str]) -> tuple[str, ...] | None:
    """Sorted `patterns` without those that lie under the last one kept."""
    kept: list[str] = []
    for each in patterns:
        if each == ".":
            return None
        if not kept or not each.startswith(f"{kept[-1]}/"):
            kept.append(each)
    return tuple(kept)


def _as_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
