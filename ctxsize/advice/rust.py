"""Advice on cargo: dependencies that are compiled again, and cargo-chef."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice.caches import NOT_IN_THE_IMAGE, run_with
from ctxsize.advice.cargo import (
    CargoRun,
    cargo_runs,
    chef_pattern,
    compiled,
    cooking,
    downloads,
    keeps_downloads,
    meet,
)
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Contents, Repository
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding

_MOST_COOKS = 100
"""Number of cooks in a stage with which each of its builds is compared."""
_CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")
_STAND_IN = re.compile(r"(?:main|lib|build)\.rs")


def rebuilt_dependencies(repository: Repository) -> Iterator[Finding]:
    """Yield CTX210, at the build."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            build = _rebuilding(stage)
            if build is not None:
                command = " ".join(build.command.words[:4])
                pattern = chef_pattern(recipe, stage, build)
                yield recipe.finding(
                    "CTX210",
                    build.step.line,
                    f"every change of the sources makes `{command}` compile all dependencies again",
                    evidence=(
                        f"{stage.label}: neither cargo-chef nor a cache mount on target is used",
                    ),
                    help="compile them with cargo-chef, and mount caches on target and the registry"
                    if pattern
                    else _cached(repository, recipe, stage, build),
                    fix=pattern,
                )


def _rebuilding(stage: BuiltStage) -> CargoRun | None:
    """Return the last build of a stage, if a change of the sources makes it compile everything."""
    runs = cargo_runs(stage)
    builds = [run for run in runs if run.task == "build"]
    copied = [step for step in stage.history if step.is_copy and step.sources]
    if not builds or builds[-1].step not in set(stage.own) or not copied:
        return None
    # A first build may compile the dependencies alone, with stand-ins for the sources.
    is_apart = copied[-1].line > builds[0].step.line or any(map(_makes_stand_in, stage.history))
    is_cooked = any(run.task == "cook" for run in runs)
    return None if is_apart or is_cooked or _keeps_target(builds[-1]) else builds[-1]


def _makes_stand_in(step: StageStep) -> bool:
    text = step.instruction.text if step.is_run else ""
    return ("echo" in text or "touch" in text) and _STAND_IN.search(text) is not None


def _keeps_target(build: CargoRun) -> bool:
    """Return whether what is compiled stays in a cache mount."""
    targets = [cache.target.rstrip("/") for cache in build.step.caches]
    settings = (*targets, *build.step.environment.values())
    return any(each.endswith("target") for each in targets) or any("sccache" in e for e in settings)


def _cached(repository: Repository, recipe: Recipe, stage: BuiltStage, build: CargoRun) -> str:
    """Return the RUN with caches, for a stage that is not simple enough for the whole pattern."""
    if not _knows_target(repository, recipe, stage, build):
        return (
            "compile them with cargo-chef; for a cache mount, say with `--target-dir` where it "
            "compiles"
        )
    wanted = () if keeps_downloads(recipe, stage, build) else build.caches
    there = [cache.target for cache in build.step.caches]
    missing = [each for each in wanted if not any(meet(each, target) for target in there)]
    mounts = (*downloads(missing), compiled(recipe, stage, build.target))
    return f"keep what it compiles: {run_with(mounts, build.step)}{NOT_IN_THE_IMAGE}"


def _knows_target(
    repository: Repository, recipe: Recipe, stage: BuiltStage, build: CargoRun
) -> bool:
    """Return whether cargo compiles into `build.target`.

    A member of a workspace is compiled into the workspace's directory, and a configuration
    may name any.
    """
    if build.command.has("--target-dir") or "CARGO_TARGET_DIR" in build.step.environment:
        return True
    whole = [step for step in stage.history if step.takes_all]
    below = whole[-1].inside(build.workdir) if whole else ""
    if build.command.has("--manifest-path") or below is None:
        return False
    contents = Contents(repository, recipe, below)
    configured = any("target-dir" in contents.text(name) for name in _CONFIGURATIONS)
    return not configured and not contents.has_above("Cargo.toml", *_CONFIGURATIONS)


def mixed_chef(repository: Repository) -> Iterator[Finding]:
    """Yield CTX211, at the build that cannot use what was cooked."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            cooks: dict[object, CargoRun] = {}
            own = set(stage.own)
            for run in cargo_runs(stage):
                if run.task == "cook":
                    cooks[run.workdir, tuple(_traits(run).items())] = run
                elif run.task == "build" and run.step in own and 0 < len(cooks) <= _MOST_COOKS:
                    yield from _unfit(recipe, [*cooks.values()], run)


def _unfit(recipe: Recipe, cooks: list[CargoRun], build: CargoRun) -> Iterator[Finding]:
    """Find a build that none of the `cooks` before it fits."""
    reasons = [[*_differences(cook, build)] for cook in cooks]
    if all(reasons):
        cook, why = cooks[-1], reasons[-1]
        yield recipe.finding(
            "CTX211",
            build.step.line,
            f"what line {cook.step.line} cooks is of no use here: {why[0]}",
            evidence=tuple(why),
            confidence=Confidence.CERTAIN if "profile" in why[0] else Confidence.LIKELY,
            help=f"cook as line {build.step.line} builds: `{_cooked_alike(cook, build)}`",
        )


def _traits(run: CargoRun) -> dict[str, str | None]:
    """Return what decides whether cargo uses again what it compiled, each by its name."""
    command = run.command
    every = "--all-features" if command.has("--all-features") else None
    return {
        "the profile": run.profile,
        "the toolchain": next((e for e in command.arguments[:1] if e.startswith("+")), None),
        "--target": command.value("--target"),
        "--features": every or command.value("--features", "-F"),
        "--no-default-features": "given" if command.has("--no-default-features") else None,
        "--target-dir": command.value("--target-dir"),
        "RUSTFLAGS": run.environment.get("RUSTFLAGS"),
    }


def _differences(cook: CargoRun, build: CargoRun) -> Iterator[str]:
    # A member of a workspace is built into the target directory of the workspace.
    if not _is_inside(build, cook) and not build.command.has("--manifest-path"):
        yield f"it is cooked in {cook.workdir} and built in {build.workdir}"
    theirs = _traits(build)
    for name, ours in _traits(cook).items():
        # What a variable holds is not known.
        if ours != theirs[name] and "$" not in f"{ours}{theirs[name]}":
            given = f"{ours or 'not given'} for the cooking and {theirs[name] or 'not given'} here"
            yield f"{name} is {given}"


def _is_inside(build: CargoRun, cook: CargoRun) -> bool:
    return f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")


def _cooked_alike(cook: CargoRun, build: CargoRun) -> str:
    """Return the cooking as the build needs it, in its directory."""
    recipe = cook.command.value("--recipe-path") or "recipe.json"
    kept = (word for word in cook.command.words if word in ("--locked", "--offline", "--frozen"))
    if _is_inside(build, cook):
        return cooking(build, cook.step, recipe, *kept)
    recipe = posixpath.join(cook.workdir, recipe)
    return f"cd {build.workdir} && {cooking(build, cook.step, recipe, *kept)}"
