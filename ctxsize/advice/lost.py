"""CTX212: what is taken from a place that was a cache mount; of any tool, not only cargo."""

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
    """Find what a COPY takes from a stage in which it lay in a cache."""
    for step in stage.own:
        source = stage.origin(step.origin)
        if source is None:
            continue
        for path in step.taken:
            caches = ((made, cache) for made in source.history for cache in made.caches)
            mounted = [(made, cache) for made, cache in caches if cache.holds(path)]
            if not mounted or "$" in path or _may_be_written(source, mounted[-1][1].target):
                continue
            made, cache = mounted[-1]
            yield finding(
                "CTX212",
                recipe,
                step.line,
                f"{path} is not in {source.label}: it lay in the cache mounted at {cache.target}",
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=_copied_out(recipe, made, step, path),
            )


def _copied_out(recipe: Recipe, made: StageStep, step: StageStep, path: str) -> str:
    """Return what to write in both places."""
    name = posixpath.basename(path)
    taken = {each for stage in recipe.stages for other in stage.own for each in other.taken}
    is_only = [posixpath.basename(each) for each in taken].count(name) == 1
    top = "/out" if made.user in ("", "root", "0") else "/tmp/out"
    out = top if is_only else top + posixpath.dirname(path)
    written = path if set(path) & set("*?[") else shlex.quote(path)
    return (
        f"add `&& mkdir -p {out} && cp -a {written} {out}/` to the RUN of line {made.line}, and "
        f"take it from there: `{step.instruction.keyword} --from={step.origin} {out}/{name} …`"
    )


def _used_later(recipe: Recipe, stage: BuiltStage) -> Iterator[Finding]:
    """Find a later RUN of the same stage that copies out of a cache which is no longer mounted."""
    mounted: dict[str, tuple[StageStep, Cache]] = {}
    own = set(stage.own)
    for step in stage.history:
        for cache in step.caches:
            mounted.setdefault(cache.target, (step, cache))
        for path in _copied(step) if step in own else ():
            for made, cache in mounted.values():
                is_here = made is step or any(each.holds(path) for each in step.caches)
                if cache.holds(path) and not is_here and not _may_be_written(stage, cache.target):
                    # A target that is relative, or is the id, means another cache in another place.
                    mount = with_option(cache.written, id=cache.id, target=cache.target)
                    yield finding(
                        "CTX212",
                        recipe,
                        step.line,
                        f"{path} is not there: the cache at {cache.target} was mounted for line "
                        f"{made.line} alone",
                        confidence=Confidence.LIKELY,
                        evidence=(f"line {made.line} mounts it",),
                        help="do it in the same RUN, or mount the cache here too: "
                        f"`RUN --mount={mount} …`",
                    )


def _copied(step: StageStep) -> Iterator[str]:
    """Yield the paths that the commands of a RUN copy."""
    for command in step.commands:
        if command.program in _COPIERS:
            for word in command.operands[:-1] or command.operands:
                yield posixpath.join(step.workdir, word).replace("/./", "/")


def _may_be_written(stage: BuiltStage, target: str) -> bool:
    """Return whether a step without the mount at `target` may have written there."""
    without = (e for e in stage.history if all(cache.target != target for cache in e.caches))
    return any(
        not is_known(step.instruction)
        or (step.is_copy and target in step.destination)
        or any(_writes(command, target) for command in step.commands)
        for step in without
    )


def _writes(command: Command, target: str) -> bool:
    if command.program == "cargo":
        # What cargo-chef compiles is not the project itself.
        return "chef" not in command.words[:3]
    if command.program in ("mkdir", "make"):
        return any(target in word for word in command.words)
    is_into = any(target in word for word in command.operands[-1:])
    return command.program in ("cp", "mv", "install", "ln") and is_into
