"""The commands of cargo in a stage, and the rewrite of CTX210 with cargo-chef and cache mounts.

The rewrite needs a stage of the usual shape: set up, copy the sources, set variables, build. It
moves the set-up into a common stage and leaves the rest in place. Cache ids name service, system
and architecture, so that no other build writes to these caches; all builds share the downloads.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from ctxsize.advice.caches import fetches, system_of
from ctxsize.advice.recipe import Change, Recipe, quoted, read_alone, with_option, with_words
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Fix
from ctxsize.shell import commands_of, is_known
from ctxsize.syntax import Command

_BUILDS = ("build", "b", "rustc")
_COOKED = ("--release", "-r", "--all-features", "--no-default-features", "--workspace")
_COOKED_WITH = (
    *("--profile", "--target", "--features", "-F", "-p", "--package", "--bin", "--target-dir"),
)
_OUT = "/out"
_DIRECTORIES = ("target", "release", "debug", "deps", "build")
_COPIES = ("cp", "mv", "install", "rsync")
_RUN_LATER = {"CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD"}
_NAMED = re.compile(r"(?i)(\s*from\s.*\sas\s+)\S+\s*")
_PATTERN = """\
{head}
{setup}
RUN {shared}cargo install cargo-chef --locked

FROM chef AS planner
{sources}
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS {name}
{arguments}
COPY --from=planner {recipe} recipe.json
RUN {mounts}{cook}
{since}
RUN {mounts}{built}"""


@dataclass(frozen=True, eq=False)
class CargoRun:
    """A command of cargo, with the step that runs it."""

    step: StageStep
    command: Command
    workdir: str

    @property
    def task(self) -> str:
        """Return `build` if it compiles the project, else the subcommand of cargo or cargo-chef."""
        words = [word for word in self.command.operands if not word.startswith("+")]
        task = next((word for word in words if word != "chef"), "")
        installs_project = task == "install" and self.command.has("--path")
        return "build" if task in _BUILDS or installs_project else task

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment variables of the command."""
        return self.step.environment.under(dict(self.command.assignments))

    @property
    def caches(self) -> tuple[str, ...]:
        """Return the directories in which it keeps downloads, as for CTX223; none if unknown."""
        own = (each for each in fetches(self.step) if each.written is self.command)
        return next((tuple(each.caches)[:2] for each in own), ())

    @property
    def target(self) -> str:
        """Return the absolute path of its target directory, unless a workspace has one."""
        given = self.command.value("--target-dir") or self.environment.get("CARGO_TARGET_DIR")
        return posixpath.normpath(posixpath.join(self.workdir, given or "target"))

    @property
    def traits(self) -> dict[str, str | None]:
        """Return the options by name that must be equal for cargo to reuse compiled code."""
        command = self.command
        installs = "install" in command.operands[:2]
        is_release = command.has("--release", "-r") or (installs and not command.has("--debug"))
        every = "--all-features" if command.has("--all-features") else None
        return {
            "the profile": "release" if is_release else command.value("--profile") or "dev",
            "the toolchain": next((e for e in command.arguments[:1] if e.startswith("+")), None),
            "--target": command.value("--target"),
            "--features": every or command.value("--features", "-F"),
            "--no-default-features": "given" if command.has("--no-default-features") else None,
            "--target-dir": command.value("--target-dir"),
            "RUSTFLAGS": self.environment.get("RUSTFLAGS"),
        }


def runs_in(stage: BuiltStage) -> list[CargoRun]:
    """Return the commands of cargo in a stage and its base stages, in running order."""
    return [
        CargoRun(step, command, workdir)
        for step in stage.history
        for workdir, command in step.located
        if command.program in ("cargo", "cargo-chef", "cross")
    ]


def cooking(build: CargoRun, at: StageStep, recipe: str = "recipe.json", *options: str) -> str:
    """Return the `cargo chef cook` command for step `at` that matches `build`, with `options`."""
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


def downloads(places: Iterable[str]) -> list[str]:
    """Return the cache mounts for the registry and git repositories, which all builds may share."""
    names = {each: f"cargo-{posixpath.basename(each)}" for each in places}
    return [f"type=cache,id={names[each]},target={each},sharing=locked" for each in names]


def compiled(recipe: Recipe, stage: BuiltStage, target: str) -> str:
    """Return the cache mount for `target`; its id names service, system and architecture."""
    identity = f"{recipe.name}-{system_of(stage.base).slug}-$TARGETARCH-target"
    return with_option("type=cache", id=identity, target=target)


def chef_pattern(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> Fix | None:
    """Return the fix that rewrites the stage with cargo-chef; None if it needs a person."""
    if not (_is_usual_stage(recipe, stage, build.step) and _is_usual_build(build)):
        return None
    taking = [step for e in recipe.stages for step in e.own if e.origin(step.origin) is stage]
    results = _results(_taken_of(recipe, stage, build.target), taking, build)
    built = None if results is None else _built(recipe, build, results)
    copies = [step for step in stage.own if step.is_copy and step.sources]
    cook = cooking(build, copies[0])
    later = {step.instruction.keyword for step in stage.own if step.line > copies[0].line}
    # A variable of the command may be set after the sources.
    is_unknown = "$" in cook and {"ARG", "ENV"} & later
    if results is None or not built or is_unknown or _keeps_downloads(recipe, stage, build):
        return None
    moved = []
    for step in taking:
        written = zip(step.instruction.arguments, step.taken, strict=False)
        words = {word: results[path] for word, path in written if path in results}
        if words:
            moved.append(recipe.rewritten(step, partial(with_words, words=words)))
    text = _pattern(recipe, stage, build, copies, cook=cook, built=built)
    whole = Change(stage.stage.line, build.step.instruction.end_line, text)
    return recipe.fix(
        "compile the dependencies with cargo-chef, and keep registry, git and target in caches",
        [whole, *(change for each in moved for change in each)] if all(moved) else [],
    )


def _is_usual_stage(recipe: Recipe, stage: BuiltStage, build: StageStep) -> bool:
    """Return whether the stage has a WORKDIR, copies the sources, and ends with the build."""
    first = min((step.line for step in stage.own if step.is_copy and step.sources), default=0)
    setup = {step.instruction.keyword for step in stage.own if step.line < first}
    later = {step.instruction.keyword for step in stage.own if first < step.line < build.line}
    # New stages would change the number by which another stage refers to this one.
    numbered = any(step.origin.isdecimal() for other in recipe.stages for step in other.steps)
    return (
        [each for each in recipe.stages if stage in each.ancestry] == [stage] == stage.ancestry
        and _NAMED.fullmatch(recipe.lines[stage.stage.line - 1]) is not None
        and not {"chef", "planner"} & {each.stage.name for each in recipe.stages}
        and not numbered
        and "WORKDIR" in setup
        and later <= {"COPY", "ADD", "ENV", "ARG"}
        and stage.stage.instructions[-1] is build.instruction
        and all(is_known(step.instruction) for step in stage.steps)
    )


def _is_usual_build(build: CargoRun) -> bool:
    """Return whether the RUN is a list of commands joined by `&&`, with one `cargo build`."""
    command, step = build.command, build.step
    return (
        [each.program for each in step.commands].count("cargo") == 1
        and command.words[1:2] in (("build",), ("b",))
        and all(each.after == "&&" and not each.within for each in step.commands[1:])
        and not command.has("--manifest-path", "--target-dir")
        and build.workdir == step.workdir
        and all(each.target in build.caches for each in step.caches)
        and not (step.instruction.heredocs or step.instruction.json_form)
    )


def _keeps_downloads(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether the image needs what cargo fetched, so that no mount may hide it.

    That is so if an earlier step fetched it, if another stage copies it, or if the image runs
    a command: a script may need it.
    """
    earlier = {run.task for run in runs_in(stage) if run.step.line < build.step.line}
    keywords = {each.keyword for each in stage.stage.instructions}
    is_kept = build.command.has("--offline", "--frozen") or bool({"fetch", "vendor"} & earlier)
    is_taken = any(_taken_of(recipe, stage, cache) for cache in build.caches)
    return is_kept or is_taken or bool(_RUN_LATER & keywords)


def _taken_of(recipe: Recipe, stage: BuiltStage, directory: str) -> set[str]:
    """Return the paths at, above or below `directory` that other stages copy from the stage."""
    below = f"{directory.rstrip('/')}/"
    return {
        path
        for other in recipe.stages
        for step in other.steps
        for origin, path in step.takes
        if other.origin(origin) is stage
        and (f"{path}/".startswith(below) or below.startswith(f"{path.rstrip('/')}/"))
    }


def _results(taken: set[str], taking: list[StageStep], build: CargoRun) -> dict[str, str] | None:
    """Return where to copy each path of `target` that others need; None if unknown."""
    results = {path: posixpath.join(_OUT, posixpath.basename(path)) for path in sorted(taken)}
    are_files = all(
        path.startswith(f"{build.target}/")
        and not set(path) & set("*?[$")
        and posixpath.basename(path) not in _DIRECTORIES
        for path in taken
    )
    later = build.step.commands[build.step.commands.index(build.command) + 1 :]
    copies = (each for each in later if each.program in _COPIES)
    copies_out = any("target/" in word for command in copies for word in command.operands)
    are_apart = len({*results.values()}) == len(results)
    are_copied = taken <= {path for step in taking for path in step.taken}
    is_known = are_files and are_apart and are_copied and (results or copies_out)
    return results if is_known else None


def _built(recipe: Recipe, build: CargoRun, results: dict[str, str]) -> str:
    """Return the build commands and the copy of their results; `""` if they cannot be joined."""
    escape = recipe.dockerfile.escape
    text = recipe.text_of(build.step.instruction).lstrip()[len("RUN") :]
    for flag in build.step.instruction.flags:
        text = text.partition(flag)[2]
    text = text.strip(f" \t\n{escape}")
    wanted = [each.words for each in build.step.commands]
    if results:
        taken = [posixpath.relpath(path, build.workdir) for path in results]
        text += f" && {escape}\n    mkdir -p {_OUT} && cp {' '.join(taken)} {_OUT}/"
        wanted += [("mkdir", "-p", _OUT), ("cp", *taken, f"{_OUT}/")]
    after = read_alone(f"RUN {text}", escape)
    is_read = after is not None and [each.words for each in commands_of(after)] == wanted
    return text if is_read else ""


def _pattern(
    recipe: Recipe,
    stage: BuiltStage,
    build: CargoRun,
    copies: list[StageStep],
    *,
    cook: str,
    built: str,
) -> str:
    """Return the text of the three stages."""
    begin, first = stage.stage.line, copies[0]
    setup = [each for each in stage.stage.instructions if each.line < first.line]
    # A comment stays with the instruction below it.
    end = setup[-1].end_line
    join = f" {recipe.dockerfile.escape}\n    "
    shared = "".join(f"--mount={each}{join}" for each in downloads(build.caches))
    target = f"--mount={compiled(recipe, stage, build.target)}{join}"
    kept = {f"--mount={each.written}" for each in build.step.caches}
    own = "".join(f"{each}{join}" for each in build.step.instruction.flags if each not in kept)
    # The stage inherits the ARGs of `chef`; repeating them spares a reader the search.
    arguments = [recipe.text_of(each) for each in setup if each.keyword == "ARG"]
    if not first.environment.declares("TARGETARCH"):
        arguments.append("ARG TARGETARCH")
    return _PATTERN.format(
        head=_NAMED.sub(r"\1chef", recipe.lines[begin - 1]),
        setup="\n".join(recipe.lines[begin:end]).strip("\n"),
        shared=shared,
        sources="\n".join(recipe.text_of(each.instruction) for each in copies),
        name=stage.stage.name,
        arguments="\n".join(arguments),
        recipe=posixpath.join(build.workdir, "recipe.json"),
        mounts=shared + target + own,
        cook=cook,
        since="\n".join(recipe.lines[end : build.step.line - 1]).strip("\n"),
        built=built,
    )
