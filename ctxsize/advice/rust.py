"""Advice on cargo: dependencies that are compiled again, cargo-chef, what a mount swallows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rust_pattern import chef_pattern
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.shell import Command

_BUILDS = ("build", "b", "rustc")
_COMPARED = ("--target", "--features", "-F", "--profile", "--target-dir", "--manifest-path")
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}|nightly[\w.-]*|beta|stable")


@dataclass(frozen=True, eq=False)
class CargoRun:
    """A command of cargo with the step that runs it."""

    step: Step
    command: Command
    workdir: str

    @property
    def words(self) -> tuple[str, ...]:
        """What follows `cargo`, without `+toolchain` and `chef`."""
        words = tuple(word for word in self.command.arguments if not word.startswith("+"))
        return words[1:] if words[:1] == ("chef",) else words

    @property
    def is_build(self) -> bool:
        """Whether it compiles the project."""
        first = self.words[:1]
        if self.is_chef:
            return False
        if first == ("install",):
            path = self.command.value("--path")
            return path is not None
        return bool(first) and first[0] in _BUILDS

    @property
    def is_chef(self) -> bool:
        """Whether it is one of cargo-chef."""
        return "chef" in self.command.arguments[:2] or self.command.program == "cargo-chef"

    @property
    def is_cook(self) -> bool:
        """Whether it compiles the dependencies of a recipe."""
        return self.is_chef and "cook" in self.command.arguments

    @property
    def profile(self) -> str:
        """`release`, `dev` or another."""
        if self.command.has("--release", "-r") or (self.words[:1] == ("install",)):
            return "dev" if self.command.has("--debug") else "release"
        return self.command.value("--profile") or "dev"


def cargo_runs(stage: StageFacts) -> list[CargoRun]:
    """The commands of cargo in a stage, those of the stages that it is built on first."""
    found: list[CargoRun] = []
    for step in stage.history:
        workdir = step.workdir
        for command in step.commands:
            if command.program == "cd" and command.operands:
                workdir = f"{workdir}/{command.operands[0]}".replace("//", "/")
            if command.program in ("cargo", "cargo-chef", "cross"):
                found.append(CargoRun(step, command, workdir))
    return found


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
            yield _rebuilt(recipe, stage, build)


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


def _rebuilt(recipe: Recipe, stage: StageFacts, build: CargoRun) -> Finding:
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
        fix=chef_pattern(recipe, stage, build.step, build.command, build.workdir),
    )


def mixed_chef(repository: Repository) -> Iterator[Finding]:
    """CTX211, at the build that cannot use what was cooked."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            runs = cargo_runs(stage)
            cooks = [run for run in runs if run.is_cook]
            builds = [run for run in runs if run.is_build and run.step in stage.steps]
            if cooks and builds:
                yield from _differences(recipe, cooks, builds)
            if cooks and cooks[-1].step in stage.steps:
                yield from _toolchains(recipe, stage, cooks[-1])


def _differences(
    recipe: Recipe, cooks: list[CargoRun], builds: list[CargoRun]
) -> Iterator[Finding]:
    """A build that none of the cooks fits."""
    for build in builds:
        reasons = [list(_unlike(cook, build)) for cook in cooks]
        if all(reasons):
            cook, why = cooks[-1], reasons[-1]
            yield finding(
                "CTX211",
                recipe,
                build.step.line,
                f"what line {cook.step.line} cooks is of no use here: {why[0]}",
                evidence=tuple(why),
                confidence=Confidence.CERTAIN if "profile" in why[0] else Confidence.LIKELY,
                help="cook with the same directory, profile, target and features as the build",
            )


def _unlike(cook: CargoRun, build: CargoRun) -> Iterator[str]:
    if cook.workdir != build.workdir and not build.command.has("--manifest-path"):
        yield f"it is cooked in {cook.workdir} and built in {build.workdir}"
    if "$" in f"{cook.profile}{build.profile}":
        return
    if cook.profile != build.profile:
        yield f"it is cooked for the profile {cook.profile} and built for {build.profile}"
    for option in _COMPARED:
        ours, theirs = cook.command.value(option), build.command.value(option)
        if option in ("--profile", "--manifest-path") or ours == theirs:
            continue
        if option in ("--features", "-F") and not (ours and theirs):
            ours, theirs = ours or "none", theirs or "none"
        yield f"{option} is {ours or 'not given'} for the cooking and {theirs or 'not given'} here"
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
            )


def _toolchain(image: str) -> str:
    """The version of Rust that an image of its name has, `""` if it does not tell."""
    if "rust" not in image and "chef" not in image:
        return ""
    match = _VERSION.search(image.rpartition("rust")[2])
    return match[0] if match else ""


def swallowed(repository: Repository) -> Iterator[Finding]:
    """CTX212: what is taken from a place that was a cache mount; of any tool, not only cargo."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            yield from _copied_from_mounts(recipe, stage)
            yield from _used_later(recipe, stage)


def _copied_from_mounts(recipe: Recipe, stage: StageFacts) -> Iterator[Finding]:
    for step in stage.steps:
        source = recipe.stage_of(step.origin) if step.origin else None
        for path in step.taken if source else ():
            assert source is not None
            mounted = [
                (each, cache)
                for each in source.history
                for cache in each.caches
                if cache.holds(path)
            ]
            if not mounted or "$" in path:
                continue
            made, cache = mounted[-1]
            kept = _written_besides(source, path, cache.target)
            yield finding(
                "CTX212",
                recipe,
                step.line,
                f"{path} is not in {source.label}: it lay in the cache mounted at {cache.target}",
                severity=Severity.WARNING if kept else Severity.ERROR,
                confidence=Confidence.POSSIBLE if kept else Confidence.CERTAIN,
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=f"copy it elsewhere in the RUN of line {made.line}, and take it from there",
            )


def _written_besides(source: StageFacts, path: str, target: str) -> bool:
    """Whether something without the mount may have made `path`."""
    for step in source.history:
        if any(cache.target == target for cache in step.caches):
            continue
        runs = step.is_run and any(
            command.program in ("cargo", "make", "mkdir", "cp", "mv", "install", "ln")
            and (command.program == "cargo" or any(target in word for word in command.words))
            for command in step.commands
        )
        copied = not step.is_run and any(target in word for word in step.instruction.arguments[-1:])
        if runs or copied:
            return True
    return False


def _used_later(recipe: Recipe, stage: StageFacts) -> Iterator[Finding]:
    """A later RUN of the same stage that copies out of a cache which is no longer mounted."""
    mounted: dict[str, Step] = {}
    for step in stage.history:
        for target in {cache.target for cache in step.caches}:
            mounted.setdefault(target, step)
        if not step.is_run or step not in stage.steps:
            continue
        for command in step.commands:
            if command.program not in ("cp", "mv", "install", "strip", "ln"):
                continue
            for word in command.operands[:-1] or command.operands:
                path = word if word.startswith("/") else f"{step.workdir.rstrip('/')}/{word}"
                yield from _gone(recipe, stage, step, path.replace("/./", "/"), mounted)


def _gone(
    recipe: Recipe, stage: StageFacts, step: Step, path: str, mounted: dict[str, Step]
) -> Iterator[Finding]:
    for target, made in mounted.items():
        below = path == target or path.startswith(target + "/")
        here = any(cache.holds(path) for cache in step.caches)
        if not below or here or made is step or _written_besides(stage, path, target):
            continue
        yield finding(
            "CTX212",
            recipe,
            step.line,
            f"{path} is not there: the cache at {target} was mounted for line {made.line} alone",
            confidence=Confidence.LIKELY,
            evidence=(f"line {made.line} mounts it",),
            help="do it in the same RUN, or mount the cache here too",
        )
