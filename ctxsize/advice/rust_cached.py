"""A cargo build with caches for what it fetches and compiles, and the image as it was.

For builds that are not simple enough for the whole pattern (`rust_pattern.py`).
Where others need what is compiled, the cache is mounted aside, and the results
are copied to where they were.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from ctxsize.advice.cargo import CargoRun, cargo_runs, target_of
from ctxsize.advice.images import system_of
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.rewrite import declared, fix, with_option
from ctxsize.advice.script import Script, Splice
from ctxsize.findings import Fix

_ASIDE = "/cache/target"
_COPIES = ("cp", "mv", "install", "rsync")
_RUN_LATER = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD")


def downloads(build: CargoRun) -> tuple[str, ...]:
    """The mounts for the registry and for git repositories, which all builds may share."""
    return tuple(
        f"type=cache,id=cargo-{posixpath.basename(each)},target={each},sharing=locked"
        for each in build.caches
    )


def compiled(recipe: Recipe, stage: StageFacts, target: str) -> str:
    """The mount for what is compiled: of the service, the system and the architecture."""
    identity = f"{recipe.name}-{system_of(stage.base).slug}-$TARGETARCH-target"
    return with_option("type=cache", id=identity, target=target)


def moves_results(build: CargoRun) -> bool:
    """Whether the RUN itself puts the results where no cache is mounted."""
    if build.words[:1] == ("install",):
        return True
    at = build.step.commands.index(build.command)
    return any(
        command.program in _COPIES and any("target/" in word for word in command.operands)
        for command in build.step.commands[at + 1 :]
    )


def used_later(recipe: Recipe, stage: StageFacts, build: CargoRun, target: str) -> bool:
    """Whether something outside of the RUN takes what is compiled from where it is."""
    later = [each for each in stage.stage.instructions if each.line > build.step.line]
    named = any("target/" in each.text or each.keyword == "ONBUILD" for each in later)
    return named or bool(taken_of(recipe, stage, target))


def taken_of(recipe: Recipe, stage: StageFacts, target: str) -> tuple[str, ...]:
    """Return the paths that hold `target`, or lie in it, and that other stages take.

    They take them from the stage or from one that is built on it.
    """
    found: dict[str, None] = {}
    steps = (step for other in recipe.stages for step in other.steps)
    for origin, path in (pair for step in steps for pair in step.taken_from):
        source = recipe.stage_of(origin)
        if source is not None and (source is stage or _is_above(stage, source)):
            found.update({path: None} if _meet(path, target) else {})
    return tuple(found)


def is_only_build(stage: StageFacts, build: CargoRun) -> bool:
    """Return whether nothing but `build` compiles in the stage: a cache holds all its results."""
    return all(run.step is build.step for run in cargo_runs(stage) if run.is_build)


def _is_above(stage: StageFacts, other: StageFacts) -> bool:
    return other.parent is not None and (other.parent is stage or _is_above(stage, other.parent))


def cached(recipe: Recipe, stage: StageFacts, build: CargoRun, *, known: bool) -> Fix | None:
    """The RUN with these caches; `known` is whether cargo compiles into `target_of(build)`."""
    script, target = recipe.script(build.step), target_of(build)
    alone = is_only_build(stage, build)
    aside = not (alone and moves_results(build)) or used_later(recipe, stage, build, target)
    if aside and not known:
        return None
    place = _ASIDE if aside else target
    wanted = () if keeps_downloads(recipe, stage, build) else downloads(build)
    mounts = [each for each in wanted if not _is_held(build.step, _target(each))]
    mounts.append(compiled(recipe, stage, place))
    splices = [script.with_mounts(mounts)]
    if aside:
        splices += _beside(recipe, stage, build, script, target)
    changes = [script.change(splices)]
    if "TARGETARCH" not in build.step.environment:
        changes.append(declared(recipe.data, build.step.line))
    message = f"keep {'registry, git and target' if wanted else 'target'} in caches"
    return fix(recipe.path, recipe.data, message, changes, certain=False)


def keeps_downloads(recipe: Recipe, stage: StageFacts, build: CargoRun) -> bool:
    """Return whether the image has to hold what cargo fetched, so that no mount may hide it.

    It was fetched before, another stage copies it, or the stage says what its image runs:
    what that needs, in a script maybe, cannot be known.
    """
    if build.command.has("--offline", "--frozen"):
        return True
    earlier = (run for run in cargo_runs(stage) if run.step.line < build.step.line)
    if any(run.words[:1] in (("fetch",), ("vendor",)) for run in earlier):
        return True
    built = [each for each in recipe.stages if each is stage or _is_above(stage, each)]
    if any(one.keyword in _RUN_LATER for each in built for one in each.stage.instructions):
        return True
    steps = [step for other in recipe.stages for step in other.steps if step.origin]
    taken = (path for step in steps if recipe.stage_of(step.origin) in built for path in step.taken)
    return any(_meet(path, cache) for path in taken for cache in build.caches)


def _meet(path: str, cache: str) -> bool:
    """Return whether one of two paths is the other or lies in it."""
    one, other = f"{path.rstrip('/')}/", f"{cache}/"
    return one.startswith(other) or other.startswith(one)


def _is_held(step: Step, place: str) -> bool:
    """Whether a mount of the step holds a directory, or lies in it."""
    return any(each.holds(place) or each.target.startswith(f"{place}/") for each in step.caches)


def _target(mount: str) -> str:
    return next(
        field.partition("=")[2] for field in mount.split(",") if field.startswith("target=")
    )


def _beside(
    recipe: Recipe, stage: StageFacts, build: CargoRun, script: Script, target: str
) -> Iterator[Splice]:
    """The build with its target directory in the cache, and the results copied out of it."""
    back = " && ".join(_back(taken_of(recipe, stage, target), target, stage, build))
    moved = f"export CARGO_TARGET_DIR={_ASIDE}"
    piece = script.piece_of(build.command)
    builds = [each for each in build.step.commands if each.program in ("cargo", "cross")]
    if build.command.has("--target-dir") or (
        script.form != "json" and (not piece or len(builds) > 1)
    ):
        yield from _around(script, target)
    elif script.form == "json":
        words = shlex.join(script.instruction.arguments)
        yield (
            script.command,
            len(script.raw),
            f"{moved} &&{script.joint}{words} &&{script.joint}{back}",
        )
    elif piece is not None:
        joint = "\n" if script.form == "heredoc" else f" &&{script.joint}"
        yield script.start(piece), script.start(piece), f"CARGO_TARGET_DIR={_ASIDE} "
        yield script.end(piece), script.end(piece), f"{joint}{back}"


def _back(taken: tuple[str, ...], target: str, stage: StageFacts, build: CargoRun) -> Iterator[str]:
    """Commands that copy what others need, or all of it where that is not known."""
    later = any("target/" in e.text for e in stage.stage.instructions if e.line > build.step.line)
    named = all(p.startswith(f"{target}/") and not set(p) & set("$*?[") for p in taken)
    known = not later and taken and named and is_only_build(stage, build)
    for path in taken if known else ():
        directory = shlex.quote(posixpath.dirname(path))
        source = shlex.quote(_ASIDE + path.removeprefix(target))
        yield f"mkdir -p {directory} && cp -a {source} {directory}/"
    if not known:
        yield f"mkdir -p {shlex.quote(target)} && cp -a {_ASIDE}/. {shlex.quote(target)}/"


def _around(script: Script, target: str) -> Iterator[Splice]:
    """What was compiled before put in place first, and what is compiled kept at the end."""
    place = shlex.quote(target)
    first = f"mkdir -p {place} && cp -a {_ASIDE}/. {place}/"
    yield script.prepended(first)
    yield script.appended(f"cp -a {place}/. {_ASIDE}/")
