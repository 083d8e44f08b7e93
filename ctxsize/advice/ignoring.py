"""The ignore files that findings on contexts would write."""

from __future__ import annotations

import os

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, Starter, governing
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.plan import Plans
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.request import request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Edit, Fix
from ctxsize.recommender.suggest import Advisor, Choice

_EVERYTHING = ("*", "**", "/*", "/**", "**/*")
_NAME = ".dockerignore"


_EMPTY = b"""\
# What the image does not need goes here; `ctxsize suggest` finds it
.dockerignore
"""


def suggested(build: Build, plans: Plans | None = None) -> Edit | None:
    """The ignore file that `ctxsize suggest` would write; one to begin with if it finds nothing."""
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


def started(repository: Repository, build: Build) -> Fix | None:
    """Return the ignore file for the context of `build`, as a fix."""
    edit = repository.starter(build)
    return None if edit is None else Fix(f"write {edit.path}", (edit,), certain=False)


def is_allowlist(repository: Repository, recipe: Recipe, context: str) -> bool:
    """Return whether the ignore file that governs begins by ignoring everything."""
    text = (governing(repository, recipe, context) or b"").decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
    return next(filter(None, lines), "") in _EVERYTHING


def narrowed(repository: Repository, recipe: Recipe, context: str, directory: str) -> Fix | None:
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
