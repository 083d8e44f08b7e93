"""Look up sources as Podman does (Buildah's `Builder.Add`): in the context itself, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.dockerfiles import follow_links
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.need import asked_of
from ctxsize.engine.request import Request
from ctxsize.engine.sourcing import Fate, entries_below


def unfound_in_place(request: Request) -> Iterator[tuple[Source, Fate, str]]:
    """Yield the sources of COPY and ADD on which a build fails, with the path that decides.

    A symlink may be hidden itself, not by what it leads to. Sources that depend on unknown values,
    and those with wildcards in a directory's name, are left out. Raises what `asked_of` raises.
    """
    taken = [source for asked in asked_of(request) for source in asked.sources]
    sources = dict.fromkeys(each for each in taken if each.kind in ("copy", "add"))
    for source in sources:
        if source.path == "." or source.doubts or source.parents is not None:
            continue
        directory, slash, name = source.path.rpartition("/")
        if has_wildcards(directory):
            continue
        names = [source.path]
        if has_wildcards(name):
            real = _followed(request, directory) if directory else ""
            below = [each for each, _ in entries_below(request.root, real)]
            names = [f"{directory}{slash}{each}" for each in below if match(name, each)]
        found = [each for each in names if _exists(request, each)]
        if found and all(_is_hidden(request, each) for each in found):
            yield source, Fate.IGNORED, found[0]
        elif not found and (names or not _has_others(source, sources)):
            yield source, Fate.ABSENT, source.path


def _has_others(source: Source, sources: dict[Source, None]) -> bool:
    """Return whether the instruction has further sources: wildcards may then match nothing."""
    return any(each.line == source.line for each in sources if each is not source)


def _is_hidden(request: Request, path: str) -> bool:
    """Return whether the ignore file hides a path, and no exception may be for one below it."""
    if not request.spec.step(path).ignored:
        return False
    is_directory = os.path.isdir(os.path.join(request.root, _followed(request, path)))
    return not (is_directory and request.spec.enters(path))


def _exists(request: Request, path: str) -> bool:
    return os.path.lexists(os.path.join(request.root, _followed(request, path)))


def _followed(request: Request, path: str) -> str:
    """Return where a path leads through symlinks, which cannot leave the context."""

    def target_of(here: str) -> str | None:
        try:
            return os.readlink(os.path.join(request.root, here))
        except (OSError, ValueError):
            return None

    return follow_links(path, target_of)[0]
