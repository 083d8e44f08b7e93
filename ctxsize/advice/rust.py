"""Advice on cargo: dependencies that are compiled again, and cargo-chef."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice import cargo
from ctxsize.advice.caches import NOT_IN_THE_IMAGE, run_with
from ctxsize.advice.cargo import CargoRun
from ctxsize.advice.recipe import Contents, Recipe
from ctxsize.dockerfile.stages import BuiltStage
from ctxsize.findings import Confidence, Finding

_MOST_COOKS = 100
"""Number of cooks in a stage up to which each build is compared with them."""
_CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")
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
            yield recipe.finding(
                "CTX210",
                build.step.line,
                f"every change of the sources makes `{command}` compile all dependencies again",
                evidence=(f"{stage.label} uses neither cargo-chef nor a cache mount on target",),
                help=help_ if pattern else _cached(recipe, stage, build),
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
    is_cooked = any(run.task == "cook" for run in runs)
    # A cache mount may keep the compiled dependencies.
    step = builds[-1].step
    targets = [cache.target.rstrip("/") for cache in step.caches]
    is_kept = any("sccache" in each for each in (*targets, *step.environment.values()))
    is_kept |= any(each.endswith("target") for each in targets)
    return None if is_apart or is_cooked or is_kept else builds[-1]


def _cached(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> str:
    """Return the RUN with caches, for a stage that the cargo-chef pattern does not fit."""
    if not _knows_target(recipe, stage, build):
        return "compile them with cargo-chef, or set `--target-dir` and mount a cache there"
    wanted = () if cargo.keeps_downloads(recipe, stage, build) else build.caches
    there = [cache.target for cache in build.step.caches]
    missing = [each for each in wanted if not any(cargo.meet(each, target) for target in there)]
    mounts = (*cargo.downloads(missing), cargo.compiled(recipe, stage, build.target))
    return f"mount a cache for what it compiles: {run_with(mounts, build.step)}{NOT_IN_THE_IMAGE}"


def _knows_target(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether cargo is known to compile into `build.target`.

    A member of a workspace is compiled into the workspace's directory, and a configuration
    file may set any directory.
    """
    if build.command.has("--target-dir") or "CARGO_TARGET_DIR" in build.step.environment:
        return True
    whole = [step for step in stage.history if step.takes_all]
    below = whole[-1].inside(build.workdir) if whole else ""
    if build.command.has("--manifest-path") or below is None:
        return False
    contents = Contents(recipe, below)
    levels = below.count("/") + bool(below)
    above = [
        "../" * up + name
        for up in range(1, levels + 1)
        for name in ("Cargo.toml", *_CONFIGURATIONS)
    ]
    return not any(map(contents.has, above)) and not any(
        "target-dir" in contents.text(name) for name in _CONFIGURATIONS
    )


def mixed_chef(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX211, at the build that cannot use what cargo-chef compiled."""
    for stage in recipe.stages:
        cooks: dict[object, CargoRun] = {}
        own = set(stage.own)
        for run in cargo.runs_in(stage):
            if run.task == "cook":
                cooks[run.workdir, tuple(_traits(run).items())] = run
            elif run.task == "build" and run.step in own and 0 < len(cooks) <= _MOST_COOKS:
                reasons = [[*_differences(cook, run)] for cook in cooks.values()]
                if all(reasons):
                    yield _unfit(recipe, [*cooks.values()][-1], run, reasons[-1])


def _unfit(recipe: Recipe, cook: CargoRun, build: CargoRun, why: list[str]) -> Finding:
    path = cook.command.value("--recipe-path") or "recipe.json"
    kept = [word for word in cook.command.words if word in ("--locked", "--offline", "--frozen")]
    inside = _is_inside(build, cook)
    path = path if inside else posixpath.join(cook.workdir, path)
    alike = "" if inside else f"cd {build.workdir} && "
    alike += cargo.cooking(build, cook.step, path, *kept)
    return recipe.finding(
        "CTX211",
        build.step.line,
        f"cargo cannot reuse what line {cook.step.line} compiles: {why[0]}",
        evidence=tuple(why),
        confidence=Confidence.CERTAIN if "profile" in why[0] else Confidence.LIKELY,
        help=f"cook the dependencies in the same way: `{alike}`",
    )


def _traits(run: CargoRun) -> dict[str, str | None]:
    """Return the options by name that must be equal for cargo to reuse compiled code."""
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
        yield f"cargo-chef runs in {cook.workdir}, and the build in {build.workdir}"
    theirs = _traits(build)
    for name, ours in _traits(cook).items():
        # The value of a variable is unknown.
        if ours != theirs[name] and "$" not in f"{ours}{theirs[name]}":
            yield f"{name} is {ours or 'not set'} there and {theirs[name] or 'not set'} here"


def _is_inside(build: CargoRun, cook: CargoRun) -> bool:
    return f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")
