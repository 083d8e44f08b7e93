"""Advice on contexts: no ignore file (CTX201), and a context of which little is taken (CTX250)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, subdirectories
from ctxsize.engine.ignorefile import sent_text
from ctxsize.findings import Confidence, Finding

_EVERYTHING = ("*", "**", "**/*")
_FEWEST = 3
"""Number of directories in a context that is worth narrowing."""


def no_ignore_file(repository: Repository) -> Iterator[Finding]:
    """Yield CTX201, at the first instruction that takes everything."""
    for recipe in repository.recipes:
        takers = [step for each in recipe.stages for step in each.steps if "." in step.sources]
        known = (each.build.context for each in recipe.builds if not each.contested)
        for context in dict.fromkeys(known if takers else ()):
            if repository.governing(recipe, context) is None:
                where = "" if context in (".", "") else f" {context}"
                yield recipe.finding(
                    "CTX201",
                    min(step.line for step in takers),
                    f"everything in the context{where} is copied, and there is no ignore file",
                    help=f"`ctxsize suggest --write{where}`",
                )


def too_wide(repository: Repository) -> Iterator[Finding]:
    """Yield CTX250, at the first instruction that takes something of the one directory."""
    for recipe in repository.recipes:
        directory, line = _only_directory(recipe)
        builds = (each for each in recipe.builds if directory and not each.guessed)
        for each in builds:
            context = each.build.context
            is_allowlist = _is_allowlist(repository.governing(recipe, context) or b"")
            if is_allowlist or not _is_wide(context, directory):
                continue
            shown = os.path.join(context, directory)
            yield recipe.finding(
                "CTX250",
                line,
                f"the context is {context}, and all that is taken of it lies in {shown}",
                confidence=Confidence.LIKELY,
                evidence=(str(each.places[0]),),
                help=f"build with the context {shown}, or list what is needed in an ignore "
                "file of the Dockerfile's own (`ctxsize suggest --allowlist`)",
            )
            break


def _only_directory(recipe: Recipe) -> tuple[str, int]:
    """Return the one directory of the context that everything is taken from, and the first line."""
    taken = [
        (source, step.line)
        for stage in recipe.stages
        for step in stage.steps
        for source in step.sources
    ]
    if not taken or any(source == "." or "$" in source for source, _ in taken):
        return "", 0
    directories = [_directory(recipe, source) for source, _ in taken]
    return os.path.commonpath(directories), min(line for _, line in taken)


def _directory(recipe: Recipe, source: str) -> str:
    """Return the directory that a source is or lies in, up to the first wildcard."""
    fixed = source.split("*")[0].split("?")[0].split("[")[0]
    paths = (os.path.join(each, source) for each in recipe.contexts)
    whole = fixed == source and any(map(os.path.isdir, paths))
    return source if whole else fixed.rpartition("/")[0]


def _is_wide(context: str, directory: str) -> bool:
    """Return whether the directory is one of several in the context."""
    is_there = os.path.isdir(os.path.join(context, directory))
    return is_there and len(subdirectories(context)) >= _FEWEST


def _is_allowlist(data: bytes) -> bool:
    """Return whether an ignore file begins by ignoring everything."""
    lines = map(sent_text, data.decode("utf-8", "replace").splitlines())
    return next(filter(None, lines), "") in _EVERYTHING
