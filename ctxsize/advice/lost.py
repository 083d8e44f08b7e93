"""Advice on what is taken from a place that was a cache mount; of any tool, not only cargo."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rewrite import with_option
from ctxsize.dockerfile.stages import BuiltStage, Cache, StageStep
from ctxsize.findings import Confidence, Finding
from ctxsize.shell import Command, is_known

_COPIERS = ("cp", "mv", "install", "strip", "ln")


def swallowed(repository: Repository) -> Iterator[Finding]:
    """CTX212: at the instruction that does not find it."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            yield from _copied_from_mounts(recipe, stage)
            yield from _used_later(recipe, stage)


def _copied_from_mounts(recipe: Recipe, stage: BuiltStage) -> Iterator[Finding]:
    for step in stage.own:
        source = stage.origin(step.origin)
        if source is None:
            continue
        for path in step.taken:
            mounted = [
                (each, cache)
                for each in source.history
                for cache in each.caches
                if cache.holds(path)
            ]
            if not mounted or "$" in path:
                continue
            made, cache = mounted[-1]
            if _written_besides(source, cache.target):
                continue
            yield finding(
                "CTX212",
                recipe,
                step.line,
                f"{path} is not in {source.label}: it lay in the cache mounted at {cache.target}",
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=_copied_out(recipe, source, made, step, path),
            )


def _copied_out(
    recipe: Recipe, source: BuiltStage, made: StageStep, step: StageStep, path: str
) -> str:
    """Return what to write in both places."""
    out = _directory(recipe, source, made, path)
    written = path if set(path) & set("*?[") else shlex.quote(path)
    elsewhere = posixpath.join(out, posixpath.basename(path))
    return (
        f"add `&& mkdir -p {out} && cp -a {written} {out}/` to the RUN of line {made.line}, "
        f"and take it from there: `{step.instruction.keyword} --from={step.origin} {elsewhere} …`"
    )


def _directory(recipe: Recipe, source: BuiltStage, made: StageStep, path: str) -> str:
    """Return where to keep it: with its directories, if another result has the same name."""
    top = "/out" if made.user in ("", "root", "0") else "/tmp/out"
    name = posixpath.basename(path)
    others = {
        other
        for stage in recipe.stages
        for step in stage.steps
        if stage.origin(step.origin) is source
        for other in step.taken
        if other != path and posixpath.basename(other) == name
    }
    return top + posixpath.dirname(path) if others else top


def _written_besides(source: BuiltStage, target: str) -> bool:
    """Return whether something without the mount may have written into `target`."""
    for step in source.history:
        if any(cache.target == target for cache in step.caches):
            continue
        if any(_writes(command, target) for command in step.commands):
            return True
        if not is_known(step.instruction):
            return True
        if step.is_copy and target in step.destination:
            return True
    return False


def _writes(command: Command, target: str) -> bool:
    if command.program in ("mkdir", "make"):
        return any(target in word for word in command.words)
    into = any(target in word for word in command.operands[-1:])
    return _builds(command) or (command.program in ("cp", "mv", "install", "ln") and into)


def _builds(command: Command) -> bool:
    """Return whether cargo compiles the project itself, and not just what it depends on."""
    return command.program == "cargo" and "chef" not in command.words[:3]


def _used_later(recipe: Recipe, stage: BuiltStage) -> Iterator[Finding]:
    """Find a later RUN of the same stage that copies out of a cache which is no longer mounted."""
    mounted: dict[str, tuple[StageStep, Cache]] = {}
    own = set(map(id, stage.own))
    for step in stage.history:
        for cache in step.caches:
            mounted.setdefault(cache.target, (step, cache))
        if not step.is_run or id(step) not in own:
            continue
        for command in step.commands:
            if command.program not in _COPIERS:
                continue
            for word in command.operands[:-1] or command.operands:
                path = word if word.startswith("/") else f"{step.workdir.rstrip('/')}/{word}"
                yield from _gone(recipe, stage, step, path.replace("/./", "/"), mounted)


def _gone(
    recipe: Recipe,
    stage: BuiltStage,
    step: StageStep,
    path: str,
    mounted: dict[str, tuple[StageStep, Cache]],
) -> Iterator[Finding]:
    for target, (made, cache) in mounted.items():
        below = path == target or path.startswith(target + "/")
        here = any(each.holds(path) for each in step.caches)
        if not below or here or made is step or _written_besides(stage, target):
            continue
        yield finding(
            "CTX212",
            recipe,
            step.line,
            f"{path} is not there: the cache at {target} was mounted for line {made.line} alone",
            confidence=Confidence.LIKELY,
            evidence=(f"line {made.line} mounts it",),
            help="do it in the same RUN, or mount the cache here too: "
            f"`RUN --mount={_absolute(cache)} …`",
        )


def _absolute(cache: Cache) -> str:
    """Return the mount as it works in every directory."""
    if cache.named or f"target={cache.target}" in cache.written.split(","):
        return cache.written
    return with_option(cache.written, id=cache.id, target=cache.target)
