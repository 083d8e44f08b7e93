"""The stage that builds a Rust project with cargo-chef and cache mounts: the rewrite of CTX210.

It is written for a stage of the usual shape: set up, copy the sources, set variables, build. The
set-up comes into a common stage, the rest stays where it was. Ids are of service, system and
architecture, so that no other build writes to these caches; registry and git hold downloads,
which all may share. For a stage of any other shape a person is shown the cache mounts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import dropwhile

from ctxsize.advice.cargo import CargoRun, cargo_runs, cooking
from ctxsize.advice.images import system_of
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.rewrite import Change, read_alone, with_option
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Fix
from ctxsize.shell import commands_of, is_known

_OUT = "/out"
_DIRECTORIES = ("target", "release", "debug", "deps", "build")
_COPIES = ("cp", "mv", "install", "rsync")
_RUN_LATER = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD")
_NAMED = re.compile(r"(?i)(\s*from\s.*\sas\s+)\S+\s*")


def downloads(places: Iterable[str]) -> tuple[str, ...]:
    """Return the mounts for the registry and git repositories, which all builds may share."""
    return tuple(
        f"type=cache,id=cargo-{posixpath.basename(each)},target={each},sharing=locked"
        for each in places
    )


def compiled(recipe: Recipe, stage: BuiltStage, target: str) -> str:
    """Return the mount for what is compiled: of the service, the system and the architecture."""
    identity = f"{recipe.name}-{system_of(stage.base).slug}-$TARGETARCH-target"
    return with_option("type=cache", id=identity, target=target)


def keeps_downloads(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether the image has to hold what cargo fetched, so that no mount may hide it.

    It was fetched before, another stage copies it, or the stage says what its image runs:
    what that needs, in a script maybe, cannot be known.
    """
    earlier = (run.task for run in cargo_runs(stage) if run.step.line < build.step.line)
    if build.command.has("--offline", "--frozen") or {"fetch", "vendor"} & {*earlier}:
        return True
    later = (one for each in _based_on(recipe, stage) for one in each.stage.instructions)
    is_run = any(one.keyword in _RUN_LATER for one in later)
    return is_run or any(taken_of(recipe, stage, cache) for cache in build.caches)


def taken_of(recipe: Recipe, stage: BuiltStage, directory: str) -> set[str]:
    """Return the paths that hold `directory`, or lie in it, and that other stages take.

    They take them from the stage or from one that is built on it.
    """
    holding = _based_on(recipe, stage)
    return {
        path
        for other in recipe.stages
        for step in other.steps
        for origin, path in step.taken_from
        if other.origin(origin) in holding and meet(path, directory)
    }


def _based_on(recipe: Recipe, stage: BuiltStage) -> list[BuiltStage]:
    """Return the stage and those that are built on it."""
    return [each for each in recipe.stages if stage in each.ancestry]


def meet(path: str, cache: str) -> bool:
    """Return whether one of two paths is the other or lies in it."""
    one, other = f"{path.rstrip('/')}/", f"{cache.rstrip('/')}/"
    return one.startswith(other) or other.startswith(one)


def chef_pattern(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> Fix | None:
    """Return the Dockerfile with the pattern in it; None where that is left to a person."""
    if not (_is_usual_stage(recipe, stage, build.step) and _is_usual_build(build)):
        return None
    results, cook = _results(recipe, stage, build), _cook(stage, build)
    built = None if results is None else _built(recipe, build, results)
    if results is None or built is None or not cook or keeps_downloads(recipe, stage, build):
        return None
    moved = [
        recipe.with_words(step, words)
        for step in _takers(recipe, stage)
        if (words := _moved(step, results))
    ]
    if not all(moved):
        return None
    first, last = stage.stage.line, build.step.instruction.end_line
    whole = Change(first, last, "\n".join(_stages(recipe, stage, build, (cook, built))))
    return recipe.fix(
        "compile the dependencies with cargo-chef, and keep registry, git and target in caches",
        [whole, *(change for each in moved for change in each)],
    )


def _is_usual_stage(recipe: Recipe, stage: BuiltStage, build: StageStep) -> bool:
    """Return whether it sets up in a directory, copies the sources, and ends with the build."""
    if not any(step.sources for step in stage.own):
        return False
    first = _first_copy(stage)
    setup = {each.keyword for each in stage.stage.instructions if each.line < first.line}
    between = {
        each.instruction.keyword for each in stage.own if first.line < each.line < build.line
    }
    # A stage that is named by its number would be another one.
    numbered = any(step.origin.isdecimal() for other in recipe.stages for step in other.steps)
    return (
        _based_on(recipe, stage) == [stage] == stage.ancestry
        and _NAMED.fullmatch(recipe.lines[stage.stage.line - 1]) is not None
        and not {"chef", "planner"} & {each.stage.name for each in recipe.stages}
        and not numbered
        and "WORKDIR" in setup
        and between <= {"COPY", "ADD", "ENV", "ARG"}
        and stage.stage.instructions[-1] is build.instruction
        and all(is_known(step.instruction) for step in stage.steps)
    )


def _first_copy(stage: BuiltStage) -> StageStep:
    return next(step for step in stage.own if step.sources)


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


def _takers(recipe: Recipe, stage: BuiltStage) -> Iterator[StageStep]:
    """Yield the COPY instructions that take something from a stage."""
    for other in recipe.stages:
        yield from (step for step in other.own if other.origin(step.origin) is stage)


def _results(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> dict[str, str] | None:
    """Return what others need of `target`, each with its place in the image; None if unknown."""
    taken = taken_of(recipe, stage, build.target)
    copied = {path for step in _takers(recipe, stage) for path in step.taken}
    results = {path: posixpath.join(_OUT, posixpath.basename(path)) for path in sorted(taken)}
    are_files = all(
        path in copied
        and path.startswith(f"{build.target}/")
        and not set(path) & set("*?[$")
        and posixpath.basename(path) not in _DIRECTORIES
        for path in taken
    )
    are_apart = len({*results.values()}) == len(results)
    return results if are_files and are_apart and (results or _copies_out(build)) else None


def _copies_out(build: CargoRun) -> bool:
    """Return whether the RUN itself puts the results where no cache is mounted."""
    later = build.step.commands[build.step.commands.index(build.command) + 1 :]
    return any(
        command.program in _COPIES and any("target/" in word for word in command.operands)
        for command in later
    )


def _moved(step: StageStep, results: dict[str, str]) -> dict[str, str]:
    """Return the words of a COPY that name results, with what they become."""
    words = zip(step.instruction.arguments[:-1], step.taken, strict=False)
    return {word: results[path] for word, path in words if path in results}


def _cook(stage: BuiltStage, build: CargoRun) -> str:
    """Return the cooking; `""` if a variable in it may be set only behind the sources."""
    first = _first_copy(stage)
    cook = cooking(build, first)
    later = any(
        step.instruction.keyword in ("ARG", "ENV") for step in stage.own if step.line > first.line
    )
    return "" if "$" in cook and later else cook


def _built(recipe: Recipe, build: CargoRun, results: dict[str, str]) -> str | None:
    """Return the commands of the build, and the results copied out; None if they do not fit."""
    escape = recipe.dockerfile.escape
    text = recipe.text_of(build.step.instruction).lstrip()[len("RUN") :]
    for flag in build.step.instruction.flags:
        _, found, text = text.partition(flag)
        if not found:
            return None
    text = text.strip(f" \t\n{escape}")
    wanted = [each.words for each in build.step.commands]
    if results:
        taken = [posixpath.relpath(path, build.workdir) for path in results]
        text += f" && {escape}\n    mkdir -p {_OUT} && cp {' '.join(taken)} {_OUT}/"
        wanted += [("mkdir", "-p", _OUT), ("cp", *taken, f"{_OUT}/")]
    after = read_alone(f"RUN {text}", escape)
    is_read = after is not None and [each.words for each in commands_of(after)] == wanted
    return text if is_read else None


def _stages(
    recipe: Recipe, stage: BuiltStage, build: CargoRun, commands: tuple[str, str]
) -> Iterator[str]:
    """Yield the text of the three stages, with the `commands` that cook and build."""
    first, instructions = _first_copy(stage), stage.stage.instructions
    # Comments stay with what they stand above.
    end = max(each.end_line for each in instructions if each.line < first.line)
    between = recipe.lines[end : build.step.line - 1]
    setup = [each for each in instructions if each.line < first.line]
    sources = [step.instruction for step in stage.own if step.sources]
    shared = [f"--mount={each}" for each in downloads(build.caches)]
    kept = {f"--mount={each.written}" for each in build.step.caches}
    own = [each for each in build.step.instruction.flags if each not in kept]
    target = f"--mount={compiled(recipe, stage, build.target)}"
    yield _NAMED.sub(r"\1chef", recipe.lines[stage.stage.line - 1])
    yield from dropwhile(_is_blank, recipe.lines[stage.stage.line : end])
    yield _run(recipe, *shared, "cargo install cargo-chef --locked")
    yield from ("", "FROM chef AS planner", *map(recipe.text_of, sources))
    yield from ("RUN cargo chef prepare --recipe-path recipe.json", "")
    yield f"FROM chef AS {stage.stage.name}"
    # Each stage has to declare its arguments.
    yield from (recipe.text_of(each) for each in setup if each.keyword == "ARG")
    if not first.environment.declares("TARGETARCH"):
        yield "ARG TARGETARCH"
    yield f"COPY --from=planner {posixpath.join(build.workdir, 'recipe.json')} recipe.json"
    yield _run(recipe, *shared, target, *own, commands[0])
    yield from dropwhile(_is_blank, between)
    yield _run(recipe, *shared, target, *own, commands[1])


def _is_blank(line: str) -> bool:
    return not line.strip()


def _run(recipe: Recipe, *parts: str) -> str:
    return "RUN " + f" {recipe.dockerfile.escape}\n    ".join(parts)
