"""Advice on a context that holds much more than the one directory that its Dockerfile takes.

CTX250 names the narrower context, and the instructions to write for it. Both are tried: the
build must take the same files from it as now, or only an ignore file is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from os.path import commonpath, dirname, isdir, join, relpath

from ctxsize.advice.recipe import (
    Change,
    NewWords,
    Recipe,
    RuleFindings,
    changed,
    with_option,
)
from ctxsize.advice.rewriting import with_text
from ctxsize.build import joined
from ctxsize.dockerfile.stages import StageStep
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.fates import failures
from ctxsize.engine.ignorefile import sent_text
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence
from ctxsize.reader import entries_in
from ctxsize.repository import FoundBuild
from ctxsize.units import cut

_EVERYTHING = ("*", "**", "**/*")
_MANY_DIRECTORIES = 3
_MOST_SHOWN = 3
_WIDEST = 70
_SAME_FLAG = re.compile(r"--(?:link|chown|chmod|mount)(?:=.*)?", re.S)
"""Flags that mean the same for a source of another name."""


def too_wide(recipe: Recipe) -> RuleFindings:
    """Yield CTX250, at the first instruction that copies from the only directory in use."""
    starts = []
    steps = []
    for step in recipe.steps:
        for source in step.sources:
            if source == ".":
                return
            if "$" in source:
                return
            steps.append(step)
            # A file counts with its directory, and so does a wildcard.
            if not recipe.holds(source, isdir):
                source = dirname(re.split(r"[*?[]", source)[0])
            starts.append(source)
    if not starts:
        return
    directory = commonpath(starts)
    for build in recipe.builds:
        if directory and _is_wide(recipe, build, directory):
            context = build.build.context
            order = _describe_allowlist(recipe, build)
            narrowing = _describe_narrower(recipe, build, directory)
            if narrowing:
                order = f"{narrowing}, or {order}"
            yield recipe.finding(
                "CTX250",
                min(steps, key=attrgetter("line")),
                f"the build at {build.places[0]} uses only {joined(context, directory)} of its "
                f"context {context}",
                confidence=Confidence.LIKELY,
                help=order,
            )
            return


def _is_wide(recipe: Recipe, build: FoundBuild, directory: str) -> bool:
    """Return whether the context has several directories beside `directory`, and sends them."""
    context = build.build.context
    if build.guessed:
        return False
    if not isdir(join(context, directory)):
        return False
    directories = 0
    with suppress(OSError):
        directories = sum(entry.is_dir() and entry.name[0] != "." for entry in entries_in(context))
    if directories < _MANY_DIRECTORIES:
        return False
    # An ignore file that first ignores everything lists the needed files.
    for line in recipe.ignored(build.build) or ():
        pattern = sent_text(line)
        if pattern:
            return pattern not in _EVERYTHING
    return True


def _describe_allowlist(recipe: Recipe, build: FoundBuild) -> str:
    """Return how to keep the context and to send only what the Dockerfile takes."""
    order = "let in only what the Dockerfile takes"
    if recipe.inline:
        return order
    return f"{order}: `{recipe.command_for(build.build, 'suggest', '--allowlist')}`"


def _describe_narrower(recipe: Recipe, build: FoundBuild, directory: str) -> str:
    """Return how to build with `directory` as the context; `""` if that takes other files."""
    changes = _rewritten_sources(recipe, directory)
    if not changes:
        return ""
    if not _takes_the_same(recipe, build, directory, changed(recipe.data, changes)):
        return ""
    narrow = joined(build.build.context, directory)
    order = f"build with the context {narrow}"
    if build.places[0].how in ("compose", "bake") and not recipe.inline:
        order += f" and `dockerfile: {relpath(recipe.path, narrow)}`"
    lines = [f"`{cut(change.text, _WIDEST)}` (line {change.first})" for change in changes]
    more = ""
    if len(lines) > _MOST_SHOWN:
        more = " and so on"
    return f"{order}, and write {', '.join(lines[:_MOST_SHOWN])}{more}"


def _rewritten_sources(recipe: Recipe, directory: str) -> list[Change]:
    """Return the instructions with sources relative to `directory`, none if that is not safe."""
    words: NewWords = {}
    # Other contexts of the same Dockerfile, and triggers in other images, would lose them.
    if len(recipe.contexts) > 1:
        return []
    for step in recipe.steps:
        if not step.sources:
            continue
        if step.is_inherited:
            return []
        if not all(map(_SAME_FLAG.fullmatch, step.instruction.flags)):
            return []
        arguments = step.instruction.arguments
        if step.is_copy and len(step.sources) != len(arguments) - 1:
            return []  # a URL or a heredoc is among them
        if any("$" in word for word in arguments[:-1]):
            return []
        words[step] = dict(_new_words(step, directory))
    return recipe.rewritten(words, keep_last=True) or []


def _new_words(step: StageStep, directory: str) -> Iterator[tuple[str, str]]:
    """Yield the words of an instruction that name sources, each with the one to write."""
    if step.is_copy:
        for written, source in zip(step.instruction.arguments[:-1], step.sources, strict=True):
            yield written, relpath(source, directory)
    for mount in step.mounts:
        if mount.type == "bind" and not mount.origin:
            source = relpath(mount.source.lstrip("/"), directory)
            yield f"--mount={mount.written}", f"--mount={with_option(mount.written, source=source)}"


def _takes_the_same(recipe: Recipe, build: FoundBuild, directory: str, data: bytes) -> bool:
    """Return whether `data`, built with `directory` as the context, takes the same files."""
    own = build.build
    if own.dockerfile_written is not None:
        return False
    builder = BUILDERS[own.builder]
    narrower = replace(own, context=joined(own.context, directory))
    if recipe.inline:
        narrower = replace(narrower, dockerfile_inline=data)
    else:
        narrower = replace(narrower, dockerfile=recipe.path)
    try:
        plan = with_text(plan_of(own, builder), recipe.data)
        other = with_text(plan_of(narrower, builder), data)
        if failures(other):
            return False
        snapshot = Snapshot.take(plan)
        now = {relpath(path, directory) for path in _taken_files(snapshot, plan)}
        part = snapshot.of_directory(directory, other) or Snapshot.take(other)
        return now == _taken_files(part, other)
    except CtxsizeError:
        return False


def _taken_files(snapshot: Snapshot, plan: Plan) -> set[str]:
    """Return the files of a context that its build takes. Raises `CtxsizeError`."""
    files = set[str]()
    for include in includes_of(plan):
        sent = snapshot.sent(include=include)
        files.update(path for path in sent.paths if path not in sent.directories)
    return files
