"""Advice on the context: ignore files, and its width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile

from ctxsize.advice.ignoring import is_allowlist, narrowed, started
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding, governing, subdirectories
from ctxsize.findings import Confidence, Finding


def no_ignore_file(repository: Repository) -> Iterator[Finding]:
    """CTX201, at the first instruction that takes everything."""
    for recipe in repository.recipes:
        takers = [step for stage in recipe.stages for step in stage.steps if step.takes_all]
        takers += [step for _, step in recipe.runs if "." in step.binds]
        known = [each for each in recipe.builds if not each.contested]
        builds = {each.build.context: each.build for each in reversed(known)}
        for context in recipe.contexts if takers else ():
            if context in builds and governing(repository, recipe, context) is None:
                where = "" if context in (".", "") else f" {context}"
                yield finding(
                    "CTX201",
                    recipe,
                    min(step.line for step in takers),
                    f"everything in the context{where} is copied, and there is no ignore file",
                    help=f"ctxsize suggest --write{where}",
                    fix=started(repository, builds[context]),
                )


def too_wide(repository: Repository) -> Iterator[Finding]:
    """CTX250, at the first instruction that takes something of the one directory."""
    for recipe in repository.recipes:
        for each in recipe.builds:
            if each.guessed:
                continue
            directory, line = _only_directory(recipe)
            context = each.build.context
            wide = directory and _is_wide(context, directory)
            if not wide or is_allowlist(repository, recipe, context):
                continue
            fix = narrowed(repository, recipe, context, directory)
            if fix is not None:
                shown = os.path.join(context, directory)
                yield finding(
                    "CTX250",
                    recipe,
                    line,
                    f"the context is {context}, and all that is taken of it lies in {shown}",
                    confidence=Confidence.LIKELY,
                    evidence=(str(each.places[0]),),
                    help=f"build with the context {shown}, or list what is needed in an ignore "
                    "file of the Dockerfile's own (`ctxsize suggest --allowlist`)",
                    fix=fix,
                )
                break


def _only_directory(recipe: Recipe) -> tuple[str, int]:
    """Return the one directory of the context that everything is taken from, and the first line."""
    taken = [
        (source, step.line)
        for stage in recipe.stages
        for step in stage.steps
        for source in (*step.sources, *step.binds)
    ]
    if not taken or any(source == "." or set(source) & set("$") for source, _ in taken):
        return "", 0
    parts = [_directory(recipe, source).split("/") for source, _ in taken]
    common = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    directory = "/".join(level[0] for level in common)
    return (directory, min(line for _, line in taken)) if directory else ("", 0)


def _directory(recipe: Recipe, source: str) -> str:
    """Return the directory that a source is or lies in, up to the first wildcard."""
    fixed = source.split("*")[0].split("?")[0].split("[")[0]
    paths = (os.path.join(each, source) for each in recipe.contexts)
    whole = fixed == source and any(map(os.path.isdir, paths))
    return source if whole else fixed.rpartition("/")[0]


def _is_wide(context: str, directory: str) -> bool:
    """Return whether the directory is one of at least three in the context."""
    if not os.path.isdir(os.path.join(context, directory)):
        return False
    return len(subdirectories(context)) > 2
