"""Advice on cargo: dependencies that are compiled again, and cargo-chef."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice.caches import fixed
from ctxsize.advice.cargo import CargoRun, cargo_runs, target_of
from ctxsize.advice.contents import Contents
from ctxsize.advice.cooking import cooked_alike
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rewrite import Change, lines_of
from ctxsize.advice.rust_cached import cached, taken_of
from ctxsize.advice.rust_pattern import chef_pattern
from ctxsize.findings import Confidence, Finding, Fix

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
            builds = [run for run in runs if run.is_build and run.step in stage.steps]
            copied = [step for step in stage.history if step.sources]
            if not builds or not copied or any(run.is_cook for run in runs):
                continue
            first = next(run for run in runs if run.is_build)
            build = builds[-1]
            alone = _has_dummy(stage, first, copied)
            if alone or _keeps_target(build.step) or build.step.line < copied[0].line:
                continue
            yield _rebuilt(repository, recipe, stage, build)


def _has_dummy(stage: StageFacts, first: CargoRun, copied: list[Step]) -> bool:
    """Whether an earlier build compiles the dependencies with a stand-in for the sources."""
    makes = any(
        re.search(r"(?:main|lib|build)\.rs", step.instruction.text)
        and ("echo" in step.instruction.text or "touch" in step.instruction.text)
        for step in stage.history
        if step.is_run
    )
    vendored = any(
        command.words[1:2] == ("vendor",) for run in [first] for command in [run.command]
    )
    return makes or vendored or copied[-1].line > first.step.line


def _keeps_target(step: Step) -> bool:
    """Whether what is compiled stays in a cache mount."""
    return any(
        cache.target.rstrip("/").endswith("target") or "sccache" in cache.target
        for cache in step.caches
    ) or any("sccache" in value for value in step.environment.values())


def _rebuilt(repository: Repository, recipe: Recipe, stage: StageFacts, build: CargoRun) -> Finding:
    command = " ".join(build.command.words[:4])
    registry = any(
        "registry" in cache.target or "cargo" in cache.target for cache in build.step.caches
    )
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
        help="compile them with cargo-chef, and mount caches on target and the registry",
        fix=chef_pattern(recipe, stage, build.step, build.command, build.workdir)
        or cached(recipe, stage, build, known=_knows_target(repository, recipe, stage, build)),
    )


def _knows_target(
    repository: Repository, recipe: Recipe, stage: StageFacts, build: CargoRun
) -> bool:
    """Return whether cargo compiles into `target_of(build)`.

    A member of a workspace is compiled into the workspace's directory, and a configuration
    may name any.
    """
    if build.command.value("--target-dir") or "CARGO_TARGET_DIR" in build.step.environment:
        return True
    named = taken_of(recipe, stage, target_of(build))
    if any(path.startswith(f"{target_of(build)}/") for path in named):
        return True
    bases = [step.destination for step in stage.history if step.takes_all and not step.is_run]
    base = bases[-1] if bases else build.workdir
    inside = f"{build.workdir}/".startswith(f"{base.rstrip('/')}/")
    below = posixpath.relpath(build.workdir, base) if inside and base != build.workdir else ""
    contents = Contents(repository, recipe, below)
    if build.command.has("--manifest-path"):
        return False
    configured = any("target-dir" in contents.text(name) for name in _CONFIGURATIONS)
    return not configured and not contents.above("Cargo.toml", *_CONFIGURATIONS)


def mixed_chef(repository: Repository) -> Iterator[Finding]:
    """CTX211, at the build that cannot use what was cooked."""
    for recipe in repository.recipes:
        last = _last_builds(recipe)
        for stage in recipe.stages:
            runs = cargo_runs(stage)
            cooks = [run for run in runs if run.is_cook]
            own = set(map(id, stage.steps))
            yield from _unfit(recipe, runs, own, last)
            if cooks and id(cooks[-1].step) in own:
                yield from _toolchains(recipe, stage, cooks[-1])


def _last_builds(recipe: Recipe) -> list[tuple[set[int], list[CargoRun]]]:
    """The steps of each stage, by identity, and the last one of its builds that are alike."""
    return [
        (
            set(map(id, stage.history)),
            list({_traits(run): run for run in cargo_runs(stage) if run.is_build}.values()),
        )
        for stage in recipe.stages
    ]


def _traits(run: CargoRun) -> tuple[object, ...]:
    """All of a run that `_unlike` looks at."""
    flags = run.step.environment.get("RUSTFLAGS")
    return run.workdir, run.command.words, run.command.assignments, flags


def _unfit(
    recipe: Recipe,
    runs: list[CargoRun],
    own: set[int],
    last: list[tuple[set[int], list[CargoRun]]],
) -> Iterator[Finding]:
    """The builds in `own` steps that nothing cooked before them fits; of cooks alike one counts."""
    cooks: dict[tuple[object, ...], CargoRun] = {}
    for run in runs:
        if run.is_cook:
            cooks.pop(_traits(run), None)
            cooks[_traits(run)] = run
        elif run.is_build and id(run.step) in own and len(cooks) <= _MOST_COOKS:
            yield from _differences(recipe, [*cooks.values()], run, last)


def _differences(
    recipe: Recipe,
    cooks: list[CargoRun],
    build: CargoRun,
    last: list[tuple[set[int], list[CargoRun]]],
) -> Iterator[Finding]:
    """A build that none of the `cooks` before it fits."""
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
            help="cook with the same directory, profile, target and features as the build",
            fix=cooked_alike(recipe, cook, build, needed=_fits_another(cook, last)),
        )


def _fits_another(cook: CargoRun, last: list[tuple[set[int], list[CargoRun]]]) -> bool:
    """Whether a build can use what is cooked, which has to stay then."""
    return any(
        run.step.line > cook.step.line and not any(_unlike(cook, run))
        for steps, builds in last
        if id(cook.step) in steps
        for run in builds
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
    ours, theirs = (dict(each.command.assignments).get("RUSTFLAGS") for each in (cook, build))
    ours, theirs = (
        ours or cook.step.environment.get("RUSTFLAGS"),
        theirs or build.step.environment.get("RUSTFLAGS"),
    )
    if ours != theirs:
        yield "RUSTFLAGS is not the same for both"


def _toolchains(recipe: Recipe, stage: StageFacts, cook: CargoRun) -> Iterator[Finding]:
    """A planner with another toolchain than the cook."""
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
                help="begin both stages with the same image",
                fix=_same_image(recipe, other, stage),
            )


def _same_image(recipe: Recipe, other: StageFacts, stage: StageFacts) -> Fix | None:
    """The stage `other` on the image that `stage` begins with."""
    line, image = other.root.stage.line, stage.root.stage.base
    written = lines_of(recipe.data)[line - 1]
    change = Change(line, line, (written.replace(other.root.stage.base, image, 1),))
    return fixed(recipe, change, f"begin {other.label} with {image}")


def _toolchain(image: str) -> str:
    """The version of Rust that an image of its name has, `""` if it does not tell."""
    if "rust" not in image and "chef" not in image:
        return ""
    match = _VERSION.search(image.rpartition("rust")[2])
    return match[0] if match else ""
