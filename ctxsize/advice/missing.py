"""CTX223: installs that a change of the sources repeats, and no cache mount for what they fetch.

It is silent about an install in front of all sources: its layer is built again when the
dependencies change, which is seldom, and then most of what it fetches is new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxsize.advice.caches import snippet
from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.order import is_vendored, repeated_install
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Finding


def missing_caches(repository: Repository) -> Iterator[Finding]:
    """CTX223, once for each RUN and manager; what CTX202 is about is left to it."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            history = _History.of(recipe, stage)
            repeated = repeated_install(repository, recipe, stage)
            seen = set() if repeated is None else {(repeated.fetch.step, repeated.fetch.manager)}
            for step in stage.own:
                if step not in history.sources:
                    continue
                for fetch in fetches(step):
                    key = step, fetch.manager
                    if key not in seen and not _is_cached(recipe, fetch, history):
                        seen.add(key)
                        yield _without_cache(repository, recipe, stage, fetch, history)


class _History(NamedTuple):
    """What counts of all the steps of a stage; looked for once, as a stage may have many."""

    sources: Mapping[StageStep, int]
    """The RUNs that a change of the sources repeats, and the lines that bring these."""
    fetched: Mapping[object, int]
    """The first lines on which managers fetch what a later RUN need not fetch again."""
    has_bundle_path: bool
    """Whether `bundle config` says where to install."""
    only_go: bool
    """Whether nothing but Go's sources is copied."""

    @classmethod
    def of(cls, recipe: Recipe, stage: BuiltStage) -> _History:
        """Look at all steps of `stage`."""
        history, fetched = stage.history, dict[object, int]()
        for fetch in (each for step in history if step.is_run for each in fetches(step)):
            in_mount = fetch.cached and fetch.manager.keeps_in_cache
            if fetch.reads_manifest and not in_mount:
                key, line = _what(fetch), fetch.step.line
                fetched[key] = min(fetched.get(key, line), line)
        commands = (command.words for step in history for command in step.commands)
        taken = (source for step in history for source in (*step.sources, *step.binds))
        return cls(
            dict(_behind_sources(recipe, history)),
            fetched,
            any(words[:2] == ("bundle", "config") and _names_path(words) for words in commands),
            all(source.endswith(".go") for source in taken),
        )


def _behind_sources(
    recipe: Recipe, history: tuple[StageStep, ...]
) -> Iterator[tuple[StageStep, int]]:
    """Yield the RUNs behind the first COPY of the context or a directory, or with such a mount."""
    line = 0
    for step in history:
        if line == 0 and any(_is_directory(recipe, each) for each in (*step.sources, *step.binds)):
            line = step.line
        if line and step.is_run:
            yield step, line


def _is_directory(recipe: Recipe, source: str) -> bool:
    """Return whether it holds sources: the context, or a directory that is no tool's (`.yarn`)."""
    if source == ".":
        return True
    found = (os.path.isdir(os.path.join(each, source)) for each in recipe.contexts)
    return not source.startswith(".") and any(found)


def _names_path(words: tuple[str, ...]) -> bool:
    return any("path" in word or "deployment" in word for word in words)


def _is_cached(recipe: Recipe, fetch: Fetch, history: _History) -> bool:
    """Return whether there is a cache, or nothing to keep: an earlier RUN fetched it already."""
    step = fetch.step
    if fetch.cached or fetch.meant or not fetch.caches:
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in step.caches):
        return True
    # Bundler with a place of its own to install to keeps its downloads there, by Ruby.
    own_path = history.has_bundle_path or fetch.command.has("--path", "--deployment")
    if (fetch.manager.name == "bundler" and own_path) or _fetches_nothing(recipe, fetch, history):
        return True
    is_there = history.fetched.get(_what(fetch), step.line) < step.line
    return is_there and not fetch.fetches_again


def _what(fetch: Fetch) -> object:
    """Return what two commands have in common that fetch the same."""
    manager = fetch.manager
    return manager.name if manager.keeps_in_cache else (manager.name, fetch.workdir)


def _fetches_nothing(recipe: Recipe, fetch: Fetch, history: _History) -> bool:
    """Return whether it stays offline, installs its own tool, or has nothing to fetch."""
    command, name = fetch.command, fetch.manager.name
    if command.has("--offline", "-g", "--global") or is_vendored(recipe, fetch):
        return True
    if name == "maven" and command.has("-o"):
        return True
    if name == "pip":
        wanted = {word for word in command.operands if word != "install"}
        tools = wanted <= {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}
        local = all(word.startswith(("/", "./")) and set(word) & set("*") for word in wanted)
        return bool(wanted) and (tools or local) and not command.has("-r", "--requirement")
    return name == "go" and command.operands[:1] != ("mod",) and history.only_go


def _without_cache(
    repository: Repository, recipe: Recipe, stage: BuiltStage, fetch: Fetch, history: _History
) -> Finding:
    command = " ".join(fetch.command.words[:4])
    copied = history.sources[fetch.step]
    return finding(
        "CTX223",
        recipe,
        fetch.step.line,
        f"every change of what line {copied} takes makes `{command}` download everything again",
        help=snippet(repository, recipe, stage, fetch),
    )
