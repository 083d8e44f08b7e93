"""Advice on cargo: dependencies that are compiled again, and cargo-chef."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice import cargo
from ctxsize.advice.caches import NOT_IN_THE_IMAGE, run_with
from ctxsize.advice.cargo import CargoRun
from ctxsize.advice.recipe import Recipe
from ctxsize.dockerfile.stages import BuiltStage
from ctxsize.findings import Confidence, Finding

_MOST_COOKS = 100
"""Number of cooks above a build that it is compared with."""
_STAND_IN = re.compile(r"(?s)(?=.*(?:echo|touch)).*(?:main|lib|build)\.rs")
"""A RUN that writes a source file as a stand-in."""


def rebuilt_dependencies(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX210, at the `cargo build` that recompiles all dependencies."""
    for stage in recipe.stages:
        build = _rebuilding(stage)
        if build is not None:
            command = " ".join(build.command.words[:4])
            pattern = cargo.chef_pattern(recipe, stage, build)
            help_ = "compile them with cargo-chef, and mount caches on target and the registry"
            if pattern is None:
                target = cargo.compiled(recipe, stage, build.target)
                mounts = run_with((*cargo.downloads(build.caches), target), build.step)
                help_ = (
                    "compile them with cargo-chef, or mount caches, unless a workspace or a "
                    f"configuration moves the target directory: {mounts}{NOT_IN_THE_IMAGE}"
                )
            yield recipe.finding(
                "CTX210",
                build.step.line,
                f"every change of the sources makes `{command}` compile all dependencies again",
                evidence=(f"{stage.label} uses neither cargo-chef nor a cache mount on target",),
                help=help_,
                fix=pattern,
            )


def _rebuilding(stage: BuiltStage) -> CargoRun | None:
    """Return the last build of a stage, if a change of the sources makes it compile everything."""
    runs = cargo.runs_in(stage)
    builds = [run for run in runs if run.task == "build"]
    copied = [step for step in stage.history if step.is_copy and step.sources]
    if not builds or not copied or builds[-1].step not in stage.own:
        return None
    # A first build may compile the dependencies alone, with stand-ins for the sources.
    texts = (step.instruction.text for step in stage.history if step.is_run)
    is_apart = copied[-1].line > builds[0].step.line or any(map(_STAND_IN.match, texts))
    # A cache mount may keep the compiled dependencies.
    step = builds[-1].step
    targets = [cache.target.rstrip("/") for cache in step.caches]
    is_kept = any("sccache" in each for each in (*targets, *step.environment.values()))
    is_kept |= any(each.endswith("target") for each in targets)
    is_cooked = any(run.task == "cook" for run in runs)
    return None if is_apart or is_cooked or is_kept else builds[-1]


def mixed_chef(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX211, at the build that cannot use what cargo-chef compiled."""
    for stage in recipe.stages:
        cooks, own = list[CargoRun](), set(stage.own)
        for run in cargo.runs_in(stage):
            if run.task == "cook":
                cooks = [*cooks, run][-_MOST_COOKS:]
            elif run.task == "build" and run.step in own and cooks:
                reasons = [[*_differences(cook, run)] for cook in cooks]
                if all(reasons):
                    yield _unfit(recipe, cooks[-1], run, reasons[-1])


def _unfit(recipe: Recipe, cook: CargoRun, build: CargoRun, why: list[str]) -> Finding:
    path = cook.command.value("--recipe-path") or "recipe.json"
    kept = [word for word in cook.command.words if word in ("--locked", "--offline", "--frozen")]
    alike = cargo.cooking(build, cook.step, path, *kept)
    if not _is_inside(build, cook):
        path = posixpath.join(cook.workdir, path)
        alike = f"cd {build.workdir} && {cargo.cooking(build, cook.step, path, *kept)}"
    return recipe.finding(
        "CTX211",
        build.step.line,
        f"cargo cannot reuse what line {cook.step.line} compiles: {why[0]}",
        evidence=tuple(why),
        confidence=Confidence.CERTAIN if "profile" in why[0] else Confidence.LIKELY,
        help=f"cook the dependencies in the same way: `{alike}`",
    )


def _differences(cook: CargoRun, build: CargoRun) -> Iterator[str]:
    # A member of a workspace is built into the target directory of the workspace.
    if not _is_inside(build, cook) and not build.command.has("--manifest-path"):
        yield f"cargo-chef runs in {cook.workdir}, and the build in {build.workdir}"
    theirs = build.traits
    for name, ours in cook.traits.items():
        # The value of a variable is unknown.
        if ours != theirs[name] and "$" not in f"{ours}{theirs[name]}":
            yield f"{name} is {ours or 'not set'} there and {theirs[name] or 'not set'} here"


def _is_inside(build: CargoRun, cook: CargoRun) -> bool:
    return f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")
