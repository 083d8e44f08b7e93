"""CTX223: installs that a change of the sources repeats, and no cache mount for what they fetch.

It is silent about an install in front of all sources: its layer is built again when the
dependencies change, which is seldom, and then most of what it fetches is new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxsize.advice.caches import snippet
from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.order import is_vendored, repeated_install
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding
from ctxsize.dockerfile.stages import BuiltStage
from ctxsize.findings import Finding

_OWN_TOOLS = {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}


def missing_caches(repository: Repository) -> Iterator[Finding]:
    """CTX223, once for each RUN and manager; what CTX202 is about is left to it."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            repeated = repeated_install(repository, recipe, stage)
            seen = set() if repeated is None else {(repeated.fetch.step, repeated.fetch.manager)}
            own = set(stage.own)
            for fetch, line in _uncached(recipe, stage):
                key = fetch.step, fetch.manager
                if fetch.step in own and key not in seen:
                    seen.add(key)
                    command = " ".join(fetch.command.words[:4])
                    yield finding(
                        "CTX223",
                        recipe,
                        fetch.step.line,
                        f"every change of what line {line} takes makes `{command}` download "
                        "everything again",
                        help=snippet(repository, recipe, stage, fetch),
                    )


def _uncached(recipe: Recipe, stage: BuiltStage) -> Iterator[tuple[Fetch, int]]:
    """Yield what the RUNs behind the sources fetch again, and the line that brings these."""
    line, bundle_path, fetched = 0, False, set[object]()
    for step in stage.history:
        # The first COPY or mount of a directory brings sources; a tool's (`.yarn`) holds none.
        if line == 0 and any(_is_directory(recipe, e) for e in (*step.sources, *step.binds)):
            line = step.line
        # Bundler with a place of its own to install to keeps its downloads there, by Ruby.
        bundle_path |= any(_sets_bundle_path(command.words) for command in step.commands)
        found = [*fetches(step)]
        for fetch in found:
            own_path = bundle_path or fetch.command.has("--path", "--deployment")
            is_elsewhere = fetch.manager.name == "bundler" and own_path
            is_there = _what(fetch) in fetched and not fetch.fetches_again
            if line and not (is_elsewhere or is_there or _has_nothing_to_keep(recipe, fetch)):
                yield fetch, line
        fetched |= {_what(each) for each in found if _stays(each)}


def _is_directory(recipe: Recipe, source: str) -> bool:
    found = (os.path.isdir(os.path.join(each, source)) for each in recipe.contexts)
    return source == "." or (not source.startswith(".") and any(found))


def _sets_bundle_path(words: tuple[str, ...]) -> bool:
    is_named = any("path" in word or "deployment" in word for word in words)
    return words[:2] == ("bundle", "config") and is_named


def _what(fetch: Fetch) -> object:
    """Return what two commands have in common that fetch the same."""
    manager = fetch.manager
    return manager.name if manager.keeps_in_cache else (manager.name, fetch.workdir)


def _stays(fetch: Fetch) -> bool:
    """Return whether a later RUN finds what it fetched."""
    in_mount = fetch.cached and fetch.manager.keeps_in_cache
    return fetch.reads_manifest and not in_mount


def _has_nothing_to_keep(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether a mount is there, or meant to be, or nothing is fetched that could be kept."""
    command, name = fetch.command, fetch.manager.name
    if fetch.cached or fetch.meant or not fetch.caches:
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in fetch.step.caches):
        return True
    if command.has("--offline", "-g", "--global") or is_vendored(recipe, fetch):
        return True
    if name == "pip" and not command.has("-r", "--requirement"):
        wanted = {word for word in command.operands if word != "install"}
        is_local = all(word.startswith(("/", "./")) and "*" in word for word in wanted)
        return bool(wanted) and (wanted <= _OWN_TOOLS or is_local)
    return name == "maven" and command.has("-o")
