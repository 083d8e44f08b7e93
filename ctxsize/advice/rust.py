"""Advice on cargo: dependencies that are compiled again, and cargo-chef."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice.caches import NOT_IN_THE_IMAGE, run_with
from ctxsize.advice.cargo import FLAGS, CargoRun, cargo_runs, cooking, target_of
from ctxsize.advice.chef import chef_pattern, compiled, downloads, keeps_downloads, taken_of
from ctxsize.advice.contents import Contents
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding

_COMPARED = (("--target",), ("--features", "-F"), ("--target-dir",))
_MOST_COOKS = 100
"""Number of different cooks in a stage with which each of its builds is compared."""
_CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}|nightly[\w.-]*|beta|stable")


def rebuilt_dependencies(repository: Repository) -> Iterator[Finding]:
    """CTX210, at the build."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            runs = cargo_runs(stage)
            own = set(stage.own)
            builds = [run for run in runs if run.is_build and run.step in own]
            copied = [step for step in stage.history if step.sources]
            if not builds or not copied or any(run.is_cook for run in runs):
                continue
            first = next(run for run in runs if run.is_build)
            build = builds[-1]
            alone = _has_dummy(stage, first, copied)
            if alone or _keeps_target(build.step) or build.step.line < copied[0].line:
                continue
            yield _rebuilt(repository, recipe, stage, build)


def _has_dummy(stage: BuiltStage, first: CargoRun, copied: list[StageStep]) -> bool:
    """Return whether an earlier build compiles the dependencies with a stand-in for the sources."""
    makes = any(
        re.search(r"(?:main|lib|build)\.rs", step.instruction.text)
        and ("echo" in step.instruction.text or "touch" in step.instruction.text)
        for step in stage.history
        if step.is_run
    )
    return makes or copied[-1].line > first.step.line


def _keeps_target(step: StageStep) -> bool:
    """Return whether what is compiled stays in a cache mount."""
    return any(
        cache.target.rstrip("/").endswith("target") or "sccache" in cache.target
        for cache in step.caches
    ) or any("sccache" in value for value in step.environment.values())


def _rebuilt(repository: Repository, recipe: Recipe, stage: BuiltStage, build: CargoRun) -> Finding:
    command = " ".join(build.command.words[:4])
    registry = any(
        "registry" in cache.target or "cargo" in cache.target for cache in build.step.caches
    )
    pattern = chef_pattern(recipe, stage, build)
    neither = "neither cargo-chef nor a cache mount on target"
    return finding(
        "CTX210",
        recipe,
        build.step.line,
        f"every change of the sources makes `{command}` compile all dependencies again",
        evidence=(
            f"{stage.label}: {neither} is used"
            + ("" if registry else ", and none on cargo's registry"),
        ),
        help="compile them with cargo-chef, and mount caches on target and the registry"
        if pattern
        else _cached(repository, recipe, stage, build),
        fix=pattern,
    )


def _cached(repository: Repository, recipe: Recipe, stage: BuiltStage, build: CargoRun) -> str:
    """Return the RUN with caches, for a stage that is not simple enough for the whole pattern."""
    if not _knows_target(repository, recipe, stage, build):
        return (
            "compile them with cargo-chef; for a cache mount, say with `--target-dir` where it "
            "compiles"
        )
    wanted = () if keeps_downloads(recipe, stage, build) else build.caches
    missing = [
        each
        for each in wanted
        if not any(c.holds(each) or c.target.startswith(f"{each}/") for c in build.step.caches)
    ]
    mounts = (*downloads(missing), compiled(recipe, stage, target_of(build)))
    return f"keep what it compiles: {run_with(mounts, build.step)}{NOT_IN_THE_IMAGE}"


def _knows_target(
    repository: Repository, recipe: Recipe, stage: BuiltStage, build: CargoRun
) -> bool:
    """Return whether cargo compiles into `target_of(build)`.

    A member of a workspace is compiled into the workspace's directory, and a configuration
    may name any.
    """
    target = target_of(build)
    if build.command.value("--target-dir") or "CARGO_TARGET_DIR" in build.step.environment:
        return True
    if any(path.startswith(f"{target}/") for path in taken_of(recipe, stage, target)):
        return True
    whole = [step for step in stage.history if step.takes_all]
    below = whole[-1].inside(build.workdir) if whole else ""
    if build.command.has("--manifest-path") or below is None:
        return False
    contents = Contents(repository, recipe, below)
    configured = any("target-dir" in contents.text(name) for name in _CONFIGURATIONS)
    return not configured and not contents.above("Cargo.toml", *_CONFIGURATIONS)


def mixed_chef(repository: Repository) -> Iterator[Finding]:
    """CTX211, at the build that cannot use what was cooked."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            runs = cargo_runs(stage)
            cooks = [run for run in runs if run.is_cook]
            own = set(stage.own)
            yield from _unfit(recipe, runs, own)
            if cooks and cooks[-1].step in own:
                yield from _toolchains(recipe, stage, cooks[-1])


def _unfit(recipe: Recipe, runs: list[CargoRun], own: set[StageStep]) -> Iterator[Finding]:
    """Find the builds in `own` that nothing cooked before them fits; of equal cooks one counts."""
    cooks: dict[tuple[object, ...], CargoRun] = {}
    for run in runs:
        if run.is_cook:
            cooks.pop(_traits(run), None)
            cooks[_traits(run)] = run
        elif run.is_build and run.step in own and len(cooks) <= _MOST_COOKS:
            yield from _differences(recipe, [*cooks.values()], run)


def _traits(run: CargoRun) -> tuple[object, ...]:
    """Return all of a run that `_unlike` looks at."""
    flags = run.step.environment.get(FLAGS)
    return run.workdir, run.command.words, run.command.assignments, flags


def _differences(recipe: Recipe, cooks: list[CargoRun], build: CargoRun) -> Iterator[Finding]:
    """Find a build that none of the `cooks` before it fits."""
    reasons = [list(_unlike(cook, build)) for cook in cooks]
    if cooks and all(reasons):
        cook, why = cooks[-1], reasons[-1]
        yield finding(
            "CTX211",
            recipe,
            build.step.line,
            f"what line {cook.step.line} cooks is of no use here: {why[0]}",
            evidence=tuple(why),
            confidence=Confidence.CERTAIN if "profile" in why[0] else Confidence.LIKELY,
            help=f"cook as line {build.step.line} builds: `{_cooked_alike(cook, build)}`",
        )


def _unlike(cook: CargoRun, build: CargoRun) -> Iterator[str]:
    # A member of a workspace is built into the target directory of the workspace.
    inside = f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")
    if not inside and not build.command.has("--manifest-path"):
        yield f"it is cooked in {cook.workdir} and built in {build.workdir}"
    if "$" in f"{cook.profile}{build.profile}":
        return
    if cook.profile != build.profile:
        yield f"it is cooked for the profile {cook.profile} and built for {build.profile}"
    everything = cook.command.has("--all-features") and build.command.has("--all-features")
    for options in _COMPARED:
        ours, theirs = cook.command.value(*options), build.command.value(*options)
        unknown = "$" in f"{ours}{theirs}" or (everything and "--features" in options)
        if ours != theirs and not unknown:
            given = f"{ours or 'not given'} for the cooking and {theirs or 'not given'} here"
            yield f"{options[0]} is {given}"
    for option in ("--all-features", "--no-default-features"):
        if cook.command.has(option) != build.command.has(option):
            yield f"{option} is given for only one of them"
    ours, theirs = (
        dict(each.command.assignments).get(FLAGS) or each.step.environment.get(FLAGS)
        for each in (cook, build)
    )
    if ours != theirs:
        yield f"{FLAGS} is not the same for both"


def _toolchains(recipe: Recipe, stage: BuiltStage, cook: CargoRun) -> Iterator[Finding]:
    """Yield a planner with another toolchain than the cook."""
    for other in recipe.stages:
        prepares = [run for run in cargo_runs(other) if run.is_chef and "prepare" in run.words]
        if not prepares or other.base == stage.base:
            continue
        ours, theirs = _toolchain(stage.base), _toolchain(other.base)
        if ours and theirs and ours != theirs:
            yield finding(
                "CTX211",
                recipe,
                cook.step.line,
                f"the recipe is prepared with Rust {theirs} and cooked with Rust {ours}",
                confidence=Confidence.LIKELY,
                evidence=(f"{other.label}: {other.base}", f"{stage.label}: {stage.base}"),
                help=f"begin {other.root.label} as line {stage.root.stage.line} does: "
                f"`FROM {stage.root.stage.base}`",
            )


def _toolchain(image: str) -> str:
    """Return the version of Rust that an image of its name has, `""` if it does not tell."""
    if "rust" not in image and "chef" not in image:
        return ""
    match = _VERSION.search(image.rpartition("rust")[2])
    return match[0] if match else ""


def _cooked_alike(cook: CargoRun, build: CargoRun) -> str:
    """Return the cooking as the build needs it, in its directory."""
    recipe = cook.command.value("--recipe-path") or "recipe.json"
    kept = (word for word in cook.command.words if word in ("--locked", "--offline", "--frozen"))
    if f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/"):
        return cooking(build, cook.step, recipe, *kept)
    recipe = posixpath.join(cook.workdir, recipe)
    return f"cd {build.workdir} && {cooking(build, cook.step, recipe, *kept)}"
