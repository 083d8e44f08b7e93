"""Advice on a context that holds much more than the one directory that its Dockerfile takes.

CTX250 names the narrower context, and the instructions to write for it. Both are tried: the
build must take the same files from it as now, or only an ignore file is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from os.path import commonpath, dirname, isdir, join, realpath, relpath

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
from ctxsize.engine.patterns import EVERYTHING
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence
from ctxsize.reader import entries_in
from ctxsize.repository import FoundBuild
from ctxsize.units import cut

_MANY_DIRECTORIES = 3
_MOST_SHOWN = 3
_WIDEST = 70
_SAME_FLAG = re.compile(r"--(?:link|chown|chmod|mount)(?:=.*)?", re.S)
"""Flags that mean the same for a source of another name."""


def too_wide(recipes: Sequence[Recipe]) -> RuleFindings:
    """Yield CTX250 for each Dockerfile that copies from one directory of a context sent whole."""
    starts_of = {recipe.path: [*_starts(recipe)] for recipe in recipes}
    taken_whole = set[str]()
    for recipe in recipes:
        if "" in starts_of[recipe.path]:
            taken_whole.update(map(realpath, recipe.contexts))
    for recipe in recipes:
        starts = starts_of[recipe.path]
        directory = ""
        if starts:
            directory = commonpath(starts)
        if directory:
            yield from _too_wide(recipe, directory, taken_whole)


def _starts(recipe: Recipe) -> Iterator[str]:
    """Yield the directories of the sources, `""` for the context itself or if it may be any."""
    for step in recipe.steps:
        for source in step.sources:
            if source == "." or "$" in source:
                yield ""
            # A file counts with its directory, and so does a wildcard.
            elif recipe.holds(source, isdir):
                yield source
            else:
                yield dirname(re.split(r"[*?[]", source)[0])


def _too_wide(recipe: Recipe, directory: str, taken_whole: Collection[str]) -> RuleFindings:
    """Yield the finding at the first instruction with a source, for the first wide build."""
    for build in recipe.builds:
        if not _is_wide(recipe, build, directory):
            continue
        context = build.build.context
        orders = [_describe_narrower(recipe, build, directory)]
        if realpath(context) not in taken_whole:
            command = recipe.command_for(build.build, "suggest", "--allowlist")
            orders.append(f"let in only what the Dockerfile takes: `{command}`")
        order = ", or ".join(filter(None, orders))
        if order:
            yield recipe.finding(
                "CTX250",
                min((step for step in recipe.steps if step.sources), key=attrgetter("line")),
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
    # BuildKit sends only what COPY names, however wide the context is.
    if BUILDERS[build.build.builder].asks_for_paths:
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
            return pattern not in EVERYTHING
    return True


def _describe_narrower(recipe: Recipe, build: FoundBuild, directory: str) -> str:
    """Return how to build with `directory` as the context; `""` if that takes other files."""
    changes = _rewritten_sources(recipe, directory)
    if not changes:
        return ""
    if not _takes_the_same(recipe, build, directory, changed(recipe.data, changes)):
        return ""
    narrow = joined(build.build.context, directory)
    lines = [f"`{cut(change.text, _WIDEST)}` (line {change.first})" for change in changes]
    more = ""
    if len(lines) > _MOST_SHOWN:
        more = " and so on"
    return f"build with the context {narrow}, and write {', '.join(lines[:_MOST_SHOWN])}{more}"


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
    builder = BUILDERS[own.builder]
    context = joined(own.context, directory)
    narrower = replace(own, context=context, dockerfile=recipe.path)
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
    # BuildKit asks for what the instructions take, and other builders for nothing.
    for include in includes_of(replace(plan, builder=BUILDERS["buildkit"])):
        sent = snapshot.sent(include=include)
        files.update(path for path in sent.paths if path not in sent.directories)
    return files
