"""Advice on contexts, CTX201 and CTX250, with the ignore files that their fixes write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, Starter, finding, governing, subdirectories
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.plan import Plans
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.request import request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Edit, Finding, Fix
from ctxsize.recommender.suggest import Advisor, Choice

_EVERYTHING = ("*", "**", "/*", "/**", "**/*")
_NAME = ".dockerignore"
_EMPTY = b"""\
# What the image does not need goes here; `ctxsize suggest` finds it
.dockerignore
"""


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
                    fix=_started(repository, builds[context]),
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
            if not wide or _is_allowlist(repository, recipe, context):
                continue
            fix = _narrowed(repository, recipe, context, directory)
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


def suggested(build: Build, plans: Plans | None = None) -> Edit | None:
    """Return the ignore file that `ctxsize suggest` writes; a first one if it finds nothing."""
    try:
        request = request_of(build, BUILDERS[build.builder], plans=plans)
        edit = Advisor(Snapshot.take(request)).advise(Choice()).edit
    except (CtxsizeError, OSError):
        edit = None
    path = os.path.normpath(os.path.join(build.context, _NAME))
    return edit or Edit(path, None, _EMPTY)


def once(starter: Starter) -> Starter:
    """`starter`, which walks a tree, asked just once for each build."""
    known: dict[tuple[str, str | None], Edit | None] = {}

    def remembered(build: Build) -> Edit | None:
        key = (build.context, build.dockerfile)
        if key not in known:
            known[key] = starter(build)
        return known[key]

    return remembered


def _started(repository: Repository, build: Build) -> Fix | None:
    """Return the ignore file for the context of `build`, as a fix."""
    edit = repository.starter(build)
    return None if edit is None else Fix(f"write {edit.path}", (edit,), certain=False)


def _is_allowlist(repository: Repository, recipe: Recipe, context: str) -> bool:
    """Return whether the ignore file that governs begins by ignoring everything."""
    text = (governing(repository, recipe, context) or b"").decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
    return next(filter(None, lines), "") in _EVERYTHING


def _narrowed(repository: Repository, recipe: Recipe, context: str, directory: str) -> Fix | None:
    """Return an ignore file of the Dockerfile's own that lets in just one directory.

    What the file that governs now ignores stays ignored. A Dockerfile that is no file
    has none; then it is that of the context, unless others use it. None if neither
    can be, or if no pattern means the directory.
    """
    pattern = pattern_for(directory)
    shared = any(context in each.contexts for each in repository.recipes if each is not recipe)
    if pattern is None or (recipe.inline and shared):
        return None
    own = os.path.normpath(os.path.join(context, _NAME))
    path = own if recipe.inline else f"{recipe.path}{_NAME}"
    before = repository.content(path)
    kept = governing(repository, recipe, context) or b""
    data = f"# All that the build takes lies in here\n*\n!{pattern}\n".encode()
    kept = kept.lstrip(b"\r\n")
    after = data + (b"\n" + kept if kept else b"")
    return Fix(f"let in nothing but {directory}", (Edit(path, before, after),), certain=False)
