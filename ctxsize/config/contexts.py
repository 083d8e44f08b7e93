"""The builds that the tables of a configuration stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from glob import escape, glob

from ctxsize.build import Build, hiding, placed
from ctxsize.config import Config, Context
from ctxsize.engine.border import border_of, holds

_USUAL = Build().builder


def directories(config: Config, context: Context) -> Iterator[str]:
    """Return the directories that the path of `context` names, as one would name them from here."""
    path = os.path.join(config.directory, context.path)
    found = _matching(config.directory, context.path) if is_glob(context.path) else [path]
    return (os.path.normpath(each) for each in found if os.path.isdir(each))


def _matching(directory: str, pattern: str) -> list[str]:
    """Return the paths that `pattern` matches below `directory`, and in no other repository."""
    border, found = border_of(directory), [directory]
    for part in pattern.split("/"):
        paths = (path for each in found for path in glob(os.path.join(escape(each), part)))
        found = [path for path in paths if holds(border, path)]
    return sorted(found)


def is_glob(path: str) -> bool:
    """Return whether `path` may name several directories."""
    return any(char in path for char in "*?[")


def build_of(config: Config, context: Context, directory: str, *, build: Build) -> Build:
    """`build` with the context `directory`, filled up with what `context` says."""
    dockerfile = context.dockerfile
    if dockerfile is not None:
        dockerfile = os.path.normpath(os.path.join(config.directory, dockerfile))
    made = replace(
        build,
        context=directory,
        dockerfile=build.dockerfile or dockerfile,
        target=build.target or context.target or "",
        build_arguments={**context.build_arguments, **build.build_arguments},
        build_contexts={**placed(context.build_contexts, config.directory), **build.build_contexts},
        platforms=build.platforms or context.platforms,
        builder=build.builder if build.builder != _USUAL else context.builder or _USUAL,
    )
    return hiding(made, context.build_arguments.keys() - build.build_arguments.keys())


def builds(config: Config) -> Iterator[tuple[str, Build]]:
    """Yield each build that the tables stand for, with the name of its table."""
    for context in config.contexts:
        for directory in directories(config, context):
            yield context.name, build_of(config, context, directory, build=Build())
