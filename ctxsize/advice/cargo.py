"""The commands of cargo and cargo-chef in a stage."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from ctxsize.advice.fetches import fetches
from ctxsize.advice.rewrite import quoted
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.shell import Command

FLAGS = "RUSTFLAGS"
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
    def caches(self) -> tuple[str, ...]:
        """Return where it keeps what it fetched, as for CTX223; none if that is not known."""
        own = (each for each in fetches(self.step) if each.written is self.command)
        return next((each.caches[:2] for each in own), ())

    @property
    def words(self) -> tuple[str, ...]:
        """Return what follows `cargo`, without `+toolchain` and `chef`."""
        words = tuple(word for word in self.command.arguments if not word.startswith("+"))
        return words[1:] if words[:1] == ("chef",) else words

    @property
    def is_build(self) -> bool:
        """Return whether it compiles the project."""
        first = self.words[:1]
        if self.is_chef:
            return False
        if first == ("install",):
            path = self.command.value("--path")
            return path is not None
        return bool(first) and first[0] in _BUILDS

    @property
    def is_chef(self) -> bool:
        """Return whether it is one of cargo-chef."""
        return "chef" in self.command.arguments[:2] or self.command.program == "cargo-chef"

    @property
    def is_cook(self) -> bool:
        """Return whether it compiles the dependencies of a recipe."""
        return self.is_chef and "cook" in self.command.arguments

    @property
    def profile(self) -> str:
        """`release`, `dev` or another."""
        if self.command.has("--release", "-r") or (self.words[:1] == ("install",)):
            return "dev" if self.command.has("--debug") else "release"
        return self.command.value("--profile") or "dev"


def cargo_runs(stage: BuiltStage) -> list[CargoRun]:
    """Return the commands of cargo in a stage, those of the stages that it is built on first."""
    return [
        CargoRun(step, command, workdir)
        for step in stage.history
        for workdir, command in step.located
        if command.program in ("cargo", "cargo-chef", "cross")
    ]


def target_of(build: CargoRun) -> str:
    """Return the absolute directory that a build compiles into; by option for a workspace."""
    environment = build.step.environment.under(dict(build.command.assignments))
    given = build.command.value("--target-dir") or environment.get("CARGO_TARGET_DIR")
    return posixpath.normpath(posixpath.join(build.workdir, given or "target"))


def cooking(build: CargoRun, at: StageStep, recipe: str = "recipe.json", *options: str) -> str:
    """Return the cooking of a recipe at a step, with all that it must have in common with a build.

    `options` are further ones.
    """
    assigned = dict(build.command.assignments)
    flags = build.step.environment.get(FLAGS)
    if flags and flags != at.environment.get(FLAGS):
        assigned.setdefault(FLAGS, flags)
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
