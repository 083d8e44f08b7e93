"""The commands of cargo and cargo-chef in a stage."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from ctxsize.advice.fetches import fetches
from ctxsize.advice.rewrite import quoted
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.shell import Command

_BUILDS = ("build", "b", "rustc")
_COOKED = ("--release", "-r", "--all-features", "--no-default-features", "--workspace")
_COOKED_WITH = (
    *("--profile", "--target", "--features", "-F", "-p", "--package", "--bin", "--target-dir"),
)


@dataclass(frozen=True, eq=False)
class CargoRun:
    """A command of cargo with the step that runs it."""

    step: StageStep
    command: Command
    workdir: str

    @property
    def task(self) -> str:
        """Return `build` for what compiles the project, else the subcommand of cargo or chef."""
        words = [word for word in self.command.operands if not word.startswith("+")]
        if words[:1] == ["chef"]:
            words = words[1:]
        task = words[0] if words else ""
        installs_project = task == "install" and self.command.has("--path")
        return "build" if task in _BUILDS or installs_project else task

    @property
    def installs(self) -> bool:
        """Return whether it puts programs into cargo's home."""
        return "install" in self.command.operands[:2]

    @property
    def profile(self) -> str:
        """`release`, `dev` or another."""
        if self.installs and self.command.has("--debug"):
            return "dev"
        is_release = self.installs or self.command.has("--release", "-r")
        return "release" if is_release else self.command.value("--profile") or "dev"

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that it sees."""
        return self.step.environment.under(dict(self.command.assignments))

    @property
    def caches(self) -> tuple[str, ...]:
        """Return where it keeps what it fetched, as for CTX223; none if that is not known."""
        own = (each for each in fetches(self.step) if each.written is self.command)
        return next((each.caches[:2] for each in own), ())

    @property
    def target(self) -> str:
        """Return the absolute directory that it compiles into, unless a workspace is around."""
        given = self.command.value("--target-dir") or self.environment.get("CARGO_TARGET_DIR")
        return posixpath.normpath(posixpath.join(self.workdir, given or "target"))


def cargo_runs(stage: BuiltStage) -> list[CargoRun]:
    """Return the commands of cargo in a stage, those of the stages that it is built on first."""
    return [
        CargoRun(step, command, workdir)
        for step in stage.history
        for workdir, command in step.located
        if command.program in ("cargo", "cargo-chef", "cross")
    ]


def cooking(build: CargoRun, at: StageStep, recipe: str = "recipe.json", *options: str) -> str:
    """Return the cooking of a recipe at a step, with all that it must have in common with a build.

    `options` are further ones.
    """
    assigned = dict(build.command.assignments)
    flags = build.environment.get("RUSTFLAGS")
    if flags and flags != at.environment.get("RUSTFLAGS"):
        assigned["RUSTFLAGS"] = flags
    given = (f"{name}={quoted(value)}" for name, value in assigned.items())
    toolchain = (word for word in build.command.words[1:2] if word.startswith("+"))
    words = [*given, "cargo", *toolchain, "chef cook"]
    following = iter(build.command.words[1:])
    for word in following:
        if word in _COOKED or word.startswith("$"):
            words.append(word)
        elif word in _COOKED_WITH:
            words += [word, quoted(next(following, ""))]
        elif word.partition("=")[0] in _COOKED_WITH:
            words.append(quoted(word))
    return " ".join((*words, *options, f"--recipe-path {recipe}"))
