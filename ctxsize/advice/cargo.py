"""Advice on cargo: dependencies compiled again, and cargo-chef for stages of the usual shape."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from posixpath import basename, join, normpath, relpath
from typing import NamedTuple

from ctxsize.advice.caches import NOT_IN_THE_IMAGE, fetches, leaves_downloads, run_with, system_of
from ctxsize.advice.recipe import Change, NewWords, Recipe, RuleFindings, quoted, read_alone
from ctxsize.dockerfile.shell import commands_of, is_known
from ctxsize.dockerfile.sources import contains
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.dockerfile.words import Variables
from ctxsize.findings import Confidence, Finding, Fix
from ctxsize.knowledge.rules import listed, table
from ctxsize.syntax import Command

_MOST_COOKS = 100  # number of cooks above a build that it is compared with
_STAND_IN = re.compile(r"(?s)(?=.*(?:echo|touch)).*(?:main|lib|build)\.rs")
_RUN_LATER = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD")
_NAMED = re.compile(r"(?i)\A(\s*from\s.*\sas\s+)\S+\s*")
_NOT_LITERAL = frozenset("*?[$")

Traits = Mapping[str, str | None]


class CargoRun(NamedTuple):
    """A command of cargo, with the step that runs it."""

    step: StageStep
    command: Command
    workdir: str

    @property
    def task(self) -> str:
        """Return `build` if it compiles the project, else the subcommand of cargo or cargo-chef."""
        for word in self.command.operands:
            if word == "chef":
                continue
            if word.startswith("+"):
                continue
            if word in ("b", "rustc"):
                return "build"
            if word == "install" and self.command.has("--path"):
                return "build"
            return word
        return ""

    @property
    def environment(self) -> Variables:
        return self.step.environment.under(dict(self.command.assignments))

    @property
    def caches(self) -> tuple[str, ...]:
        """Return the directories in which it keeps downloads, as for CTX223; none if unknown."""
        for fetch in fetches(self.step):
            if fetch.written is self.command:
                return tuple(fetch.caches)[:2]
        return ()

    @property
    def target(self) -> str:
        """Return the absolute path of its target directory, unless a workspace has one."""
        directory = self.command.value("--target-dir")
        if not directory:
            directory = self.environment.get("CARGO_TARGET_DIR") or "target"
        return normpath(join(self.workdir, directory))

    @property
    def toolchain(self) -> str | None:
        """Return the toolchain that the first argument names, as `+nightly`."""
        for word in self.command.arguments[:1]:
            if word.startswith("+"):
                return word
        return None

    @property
    def traits(self) -> Traits:
        """Return the options by name that must be equal for cargo to reuse compiled code."""
        has = self.command.has
        value_of = self.command.value
        installs = "install" in self.command.operands[:2]
        profile = value_of("--profile") or "dev"
        if has("--release", "-r") or (installs and not has("--debug")):
            profile = "release"
        features = value_of("--features", "-F")
        if has("--all-features"):
            features = "--all-features"
        no_default = None
        if has("--no-default-features"):
            no_default = "given"
        return {
            "the profile": profile,
            "the toolchain": self.toolchain,
            "--target": value_of("--target"),
            "--features": features,
            "--no-default-features": no_default,
            "--target-dir": value_of("--target-dir"),
            "RUSTFLAGS": self.environment.get("RUSTFLAGS"),
        }


def _cargo_runs(stage: BuiltStage) -> list[CargoRun]:
    """Return the commands of cargo in a stage and its base stages, in running order."""
    return [
        CargoRun(step, command, workdir)
        for step in stage.history
        for workdir, command in step.located
        if command.program in ("cargo", "cargo-chef", "cross")
    ]


def _source_copies(steps: Iterable[StageStep]) -> list[StageStep]:
    """Return the steps that copy from the context."""
    return [step for step in steps if step.is_copy and step.sources]


def rebuilt_dependencies(recipe: Recipe) -> RuleFindings:
    """Yield CTX210, at the `cargo build` that recompiles all dependencies."""
    for stage in recipe.stages:
        build = _find_rebuild(stage)
        if not build:
            continue
        fix = _chef_fix(recipe, stage, build)
        way = "compile them with cargo-chef, and mount caches on target and the registry"
        if not fix:
            mounts = run_with(_lacking_mounts(recipe, stage, build), build.step)
            way = (
                "compile them with cargo-chef, or mount caches, unless a workspace or a "
                f"configuration moves the target directory: {mounts}{NOT_IN_THE_IMAGE}"
            )
        command = " ".join(build.command.words[:4])
        yield recipe.finding(
            "CTX210",
            build.step,
            f"every change of the sources makes `{command}` compile all dependencies again",
            help=way,
            fix=fix,
        )


def _find_rebuild(stage: BuiltStage) -> CargoRun | None:
    """Return the last build of a stage, if a change of the sources makes it compile everything."""
    runs = _cargo_runs(stage)
    builds = [run for run in runs if run.task == "build"]
    copies = _source_copies(stage.history)
    if not builds:
        return None
    if not copies:
        return None
    last = builds[-1]
    if last.step not in stage.own:
        return None
    if copies[-1].line > builds[0].step.line:
        return None
    if any(run.task == "cook" for run in runs):
        return None
    # A first build may compile the dependencies alone, with stand-ins for the sources.
    for step in stage.history:
        if not step.is_run:
            continue
        if _STAND_IN.match(step.instruction.text):
            return None
    if _keeps_compiled(last.step):
        return None
    return last


def _keeps_compiled(step: StageStep) -> bool:
    """Return whether a cache mount, or sccache, may keep the compiled dependencies."""
    targets = [cache.target.rstrip("/") for cache in step.caches]
    if any(target.endswith("target") for target in targets):
        return True
    return any("sccache" in text for text in (*targets, *step.environment.values()))


def mixed_chef(recipe: Recipe) -> RuleFindings:
    """Yield CTX211, at the build that cannot use what cargo-chef compiled."""
    for stage in recipe.stages:
        cooks = deque[tuple[CargoRun, Traits]](maxlen=_MOST_COOKS)
        own_steps = set(stage.own)
        for run in _cargo_runs(stage):
            if run.task == "cook":
                cooks.append((run, run.traits))
            elif run.task == "build" and run.step in own_steps and cooks:
                built = run.traits
                differences = [_differences(cook, cooked, run, built) for cook, cooked in cooks]
                if all(differences):
                    yield _report_mixed(recipe, cooks[-1][0], run, differences[-1])


def _report_mixed(
    recipe: Recipe, cook: CargoRun, build: CargoRun, differences: list[str]
) -> Finding:
    cooking = _cooking(
        build,
        cook.step,
        join(cook.workdir, cook.command.value("--recipe-path") or "recipe.json"),
    )
    directory = build.workdir
    if contains(cook.workdir, build.workdir):
        directory = cook.workdir
    why = ", ".join(differences)
    return recipe.finding(
        "CTX211",
        build.step,
        f"cargo cannot reuse what line {cook.step.line} compiles: {why}",
        confidence=Confidence.LIKELY,
        help=f"cook the dependencies in {directory} the same way: `{cooking}`",
    )


def _differences(
    cook: CargoRun, cook_traits: Traits, build: CargoRun, build_traits: Traits
) -> list[str]:
    """Return why cargo cannot reuse for `build` what `cook` compiles."""
    differences = []
    # A member of a workspace is built into the target directory of the workspace.
    is_member = contains(cook.workdir, build.workdir) or build.command.has("--manifest-path")
    if not is_member:
        places = f"there {cook.workdir}, here {build.workdir}"
        differences.append(f"the directory differs ({places})")
    for name, cooked in cook_traits.items():
        here = build_traits[name]
        if cooked == here:
            continue
        # The value of a variable is unknown.
        if "$" not in f"{cooked}{here}":
            values = f"there {cooked or 'not set'}, here {here or 'not set'}"
            differences.append(f"{name} differs ({values})")
    return differences


def _cooking(build: CargoRun, step: StageStep, recipe: str = "recipe.json") -> str:
    """Return the `cargo chef cook` command for `step` that matches `build`."""
    assigned = dict(build.command.assignments)
    flags = build.environment.get("RUSTFLAGS")
    if flags and flags != step.environment.get("RUSTFLAGS"):
        assigned["RUSTFLAGS"] = flags
    words = [f"{name}={quoted(text)}" for name, text in assigned.items()]
    words.append("cargo")
    if build.toolchain:
        words.append(build.toolchain)
    words.append("chef cook")
    following = iter(build.command.arguments)
    for word in following:
        if word in listed("cooked") or word.startswith("$"):
            words.append(word)
        elif word in listed("cooked_with"):
            words += [word, quoted(next(following, ""))]
        elif word.partition("=")[0] in listed("cooked_with"):
            words.append(quoted(word))
    words.append(f"--recipe-path {recipe}")
    return " ".join(words)


def _lacking_mounts(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> list[str]:
    """Return the cache mounts that a build lacks, none over downloads that it has already."""
    if build.command.has("--offline", "--frozen"):
        return _mounts(recipe, stage, build, ())
    filled = set[str]()
    for step in stage.history[: stage.history.index(build.step)]:
        for fetch in fetches(step):
            if leaves_downloads(fetch):
                filled.update(fetch.caches)
    filled.update(cache.target for cache in build.step.caches)
    lacking = (path for path in build.caches if not any(contains(path, at) for at in filled))
    return _mounts(recipe, stage, build, lacking)


def _mounts(recipe: Recipe, stage: BuiltStage, build: CargoRun, caches: Iterable[str]) -> list[str]:
    """Return the mounts for downloads in `caches`, which all builds may share, and its target."""
    mounts = []
    for directory in caches:
        name = f"cargo-{basename(directory)}"
        mounts.append(f"type=cache,id={name},target={directory},sharing=locked")
    identity = f"{recipe.name}-{system_of(stage.base).slug}-$TARGETARCH-target"
    mounts.append(f"type=cache,id={identity},target={build.target}")
    return mounts


def _chef_fix(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> Fix | None:
    """Return the fix that rewrites the stage with cargo-chef; None if it needs a person."""
    if not (_is_usual_stage(recipe, stage, build.step) and _is_usual_build(build)):
        return None
    results = _place_results(_taken_from(recipe, stage, build.target), build)
    if results is None:
        return None
    if _needs_downloads(recipe, stage, build):
        return None
    words: NewWords = {}
    missing = {*results}
    for other in recipe.stages:
        for step in other.own:
            if other.origin(step.origin) is not stage:
                continue
            for word, path in zip(step.instruction.arguments, step.taken, strict=False):
                if path in results:
                    words.setdefault(step, {})[word] = results[path]
                    missing.discard(path)
    moved = recipe.rewritten(words)
    text = _write_stages(recipe, stage, build, results)
    if not text:
        return None
    if moved is None:
        return None
    if missing:
        return None
    whole = Change(stage.stage.line, build.step.instruction.end_line, text)
    return recipe.fix(
        "compile the dependencies with cargo-chef, and keep registry, git and target in caches",
        [whole, *moved],
    )


def _needs_downloads(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether the image may need what cargo fetched, so that no mount may hide it."""
    if build.command.has("--offline", "--frozen"):
        return True
    for run in _cargo_runs(stage):
        if run.step.line >= build.step.line:
            continue
        if run.task in ("fetch", "vendor"):
            return True
    if any(_taken_from(recipe, stage, cache) for cache in build.caches):
        return True
    # A command that runs later may be a script that calls cargo.
    return any(instruction.keyword in _RUN_LATER for instruction in stage.stage.instructions)


def _is_usual_stage(recipe: Recipe, stage: BuiltStage, build: StageStep) -> bool:
    """Return whether the stage has a WORKDIR, copies the sources, and ends with the build."""
    stages = recipe.stages
    users = [other for other in stages if stage in other.ancestry]
    if users != [stage]:
        return False
    if stage.ancestry != [stage]:
        return False
    if not _NAMED.fullmatch(recipe.lines[stage.stage.line - 1]):
        return False
    if any(other.stage.name in ("chef", "planner") for other in stages):
        return False
    # New stages would change the number by which another stage refers to this one.
    if any(step.origin.isdecimal() for step in recipe.steps):
        return False
    first = _source_copies(stage.own)[0].line
    setup = set()
    later = set()
    for step in stage.own:
        if step.line < first:
            setup.add(step.keyword)
        elif first < step.line < build.line:
            later.add(step.keyword)
    if "WORKDIR" not in setup:
        return False
    if not later <= {"COPY", "ADD", "ENV", "ARG"}:
        return False
    ends_with_build = stage.stage.instructions[-1] is build.instruction
    if not ends_with_build:
        return False
    return all(is_known(step.instruction) for step in stage.steps)


def _is_usual_build(build: CargoRun) -> bool:
    """Return whether the RUN is a list of commands joined by `&&`, with one `cargo build`."""
    command = build.command
    step = build.step
    programs = [run.program for run in step.commands]
    if programs.count("cargo") != 1:
        return False
    if command.words[1:2] not in (("build",), ("b",)):
        return False
    if any(run.after != "&&" or run.within for run in step.commands[1:]):
        return False
    if command.has("--manifest-path", "--target-dir"):
        return False
    if build.workdir != step.workdir:
        return False
    if step.instruction.heredocs:
        return False
    if step.instruction.json_form:
        return False
    return all(cache.target in build.caches for cache in step.caches)


def _taken_from(recipe: Recipe, stage: BuiltStage, directory: str) -> set[str]:
    """Return the paths at, above or below `directory` that other stages copy from the stage."""
    taken = set()
    for other in recipe.stages:
        for step in other.steps:
            for origin, path in step.takes:
                is_near = contains(directory, path) or contains(path, directory)
                if is_near and other.origin(origin) is stage:
                    taken.add(path)
    return taken


def _place_results(taken: set[str], build: CargoRun) -> dict[str, str] | None:
    """Return where to copy each path of `target` that others need; None if unknown."""
    results = {path: f"/out/{basename(path)}" for path in sorted(taken)}
    if len(set(results.values())) != len(results):
        return None
    for path in results:
        if basename(path) in listed("cargo_directories"):
            return None
        if not path.startswith(f"{build.target}/"):
            return None
        if not _NOT_LITERAL.isdisjoint(path):
            return None
    if results or _copies_from_target(build):
        return results
    return None


def _copies_from_target(build: CargoRun) -> bool:
    """Return whether a later command of the RUN copies out of the target directory."""
    commands = build.step.commands
    for command in commands[commands.index(build.command) + 1 :]:
        if command.program not in ("cp", "mv", "install", "rsync"):
            continue
        if any("target/" in word for word in command.operands):
            return True
    return False


def _write_stages(
    recipe: Recipe, stage: BuiltStage, build: CargoRun, results: dict[str, str]
) -> str:
    """Return the text of the three stages; `""` if it needs a person."""
    lines = recipe.lines
    begin = stage.stage.line
    copies = _source_copies(stage.own)
    first = copies[0].line
    cook = _cooking(build, copies[0])
    built = _write_build(recipe, build, results)
    if not built:
        return ""
    later = {step.keyword for step in stage.own if step.line > first}
    # A variable of the command may be set after the sources.
    if "$" in cook and not later.isdisjoint(("ARG", "ENV")):
        return ""
    # A comment stays with the instruction below it.
    instructions = stage.stage.instructions
    end = max(instruction.end_line for instruction in instructions if instruction.line < first)
    continued = f" {recipe.dockerfile.escape}\n    "
    mounts = [
        f"--mount={mount}{continued}" for mount in _mounts(recipe, stage, build, build.caches)
    ]
    replaced = {f"--mount={cache.written}" for cache in build.step.caches}
    flags = [f"{flag}{continued}" for flag in build.step.instruction.flags if flag not in replaced]
    return str(table("lists.toml")["chef"]).format(
        head=_NAMED.sub(r"\1chef", lines[begin - 1]),
        setup="\n".join(lines[begin:end]).strip("\n"),
        shared="".join(mounts[:-1]),
        sources="\n".join(recipe.text_of(copy.instruction) for copy in copies),
        name=stage.stage.name,
        recipe=join(build.workdir, "recipe.json"),
        mounts="".join([*mounts, *flags]),
        cook=cook,
        since="\n".join(lines[end : build.step.line - 1]).strip("\n"),
        built=built,
    )


def _write_build(recipe: Recipe, build: CargoRun, results: dict[str, str]) -> str:
    """Return the build commands and the copy of their results; `""` if they cannot be joined."""
    escape = recipe.dockerfile.escape
    run = build.step.instruction
    text = recipe.text_of(run).lstrip()[len("RUN") :]
    for flag in run.flags:
        text = text.partition(flag)[2]
    text = text.strip(f" \t\n{escape}")
    wanted = [command.words for command in build.step.commands]
    if results:
        taken = [relpath(path, build.workdir) for path in results]
        text += f" && {escape}\n    mkdir -p /out && cp {' '.join(taken)} /out/"
        wanted += [("mkdir", "-p", "/out"), ("cp", *taken, "/out/")]
    after = read_alone(f"RUN {text}", escape)
    if after and [command.words for command in commands_of(after)] == wanted:
        return text
    return ""
