"""Advice on cargo: dependencies compiled again, and cargo-chef for stages of the usual shape."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxsize.advice.caches import NOT_IN_THE_IMAGE, fetches, run_with, system_of
from ctxsize.advice.recipe import Change, Recipe, quoted, read_alone
from ctxsize.dockerfile.shell import commands_of, is_known
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Fix
from ctxsize.knowledge.rules import listed, table
from ctxsize.syntax import Command

_MOST_COOKS = 100  # number of cooks above a build that it is compared with
_STAND_IN = re.compile(r"(?s)(?=.*(?:echo|touch)).*(?:main|lib|build)\.rs")
_RUN_LATER = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD")
_NAMED = re.compile(r"(?i)\A(\s*from\s.*\sas\s+)\S+\s*")


class CargoRun(NamedTuple):
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
        if task in ("build", "b", "rustc") or installs_project:
            return "build"
        return task

    @property
    def environment(self) -> Mapping[str, str]:
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
        if command.has("--all-features"):
            every = "--all-features"
        else:
            every = None
        return {
            "the profile": "release" if is_release else command.value("--profile") or "dev",
            "the toolchain": next((e for e in command.arguments[:1] if e.startswith("+")), None),
            "--target": command.value("--target"),
            "--features": every or command.value("--features", "-F"),
            "--no-default-features": "given" if command.has("--no-default-features") else None,
            "--target-dir": command.value("--target-dir"),
            "RUSTFLAGS": self.environment.get("RUSTFLAGS"),
        }


def _runs_in(stage: BuiltStage) -> list[CargoRun]:
    """Return the commands of cargo in a stage and its base stages, in running order."""
    return [
        CargoRun(step, command, workdir)
        for step in stage.history
        for workdir, command in step.located
        if command.program in ("cargo", "cargo-chef", "cross")
    ]


def rebuilt_dependencies(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX210, at the `cargo build` that recompiles all dependencies."""
    for stage in recipe.stages:
        if (build := _rebuilding(stage)) is not None:
            pattern = _chef_pattern(recipe, stage, build)
            way = "compile them with cargo-chef, and mount caches on target and the registry"
            if pattern is None:
                mounts = run_with(_mounts(recipe, stage, build), build.step)
                way = (
                    "compile them with cargo-chef, or mount caches, unless a workspace or a "
                    f"configuration moves the target directory: {mounts}{NOT_IN_THE_IMAGE}"
                )
            lead = f"every change of the sources makes `{' '.join(build.command.words[:4])}`"
            message = f"{lead} compile all dependencies again"
            yield recipe.finding("CTX210", build.step.line, message, help=way, fix=pattern)


def _rebuilding(stage: BuiltStage) -> CargoRun | None:
    """Return the last build of a stage, if a change of the sources makes it compile everything."""
    runs = _runs_in(stage)
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
    is_kept |= any(run.task == "cook" for run in runs)
    if is_apart or is_kept:
        return None
    return builds[-1]


def mixed_chef(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX211, at the build that cannot use what cargo-chef compiled."""
    for stage in recipe.stages:
        cooks = list[CargoRun]()
        own = set(stage.own)
        for run in _runs_in(stage):
            if run.task == "cook":
                cooks = [*cooks, run][-_MOST_COOKS:]
            elif run.task == "build" and run.step in own and cooks:
                reasons = [_differences(cook, run) for cook in cooks]
                if not all(reasons):
                    continue
                line = cooks[-1].step.line
                given = cooks[-1].command.value("--recipe-path")
                path = posixpath.join(cooks[-1].workdir, given or "recipe.json")
                if _is_inside(run, cooks[-1]):
                    at = cooks[-1].workdir
                else:
                    at = run.workdir
                way = f"the same way: `{_cooking(run, cooks[-1].step, path)}`"
                way = f"cook the dependencies in {at} {way}"
                why = ", ".join(reasons[-1])
                what = run.step.line, f"cargo cannot reuse what line {line} compiles: {why}"
                yield recipe.finding("CTX211", *what, None, Confidence.LIKELY, help=way)


def _differences(cook: CargoRun, build: CargoRun) -> list[str]:
    found = list[str]()
    theirs = build.traits
    # A member of a workspace is built into the target directory of the workspace.
    if not _is_inside(build, cook) and not build.command.has("--manifest-path"):
        found.append(f"the directory differs (there {cook.workdir}, here {build.workdir})")
    for name, ours in cook.traits.items():
        # The value of a variable is unknown.
        if ours != theirs[name] and "$" not in f"{ours}{theirs[name]}":
            values = f"there {ours or 'not set'}, here {theirs[name] or 'not set'}"
            found.append(f"{name} differs ({values})")
    return found


def _is_inside(build: CargoRun, cook: CargoRun) -> bool:
    return f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")


def _cooking(build: CargoRun, at: StageStep, recipe: str = "recipe.json") -> str:
    """Return the `cargo chef cook` command for step `at` that matches `build`."""
    assigned = dict(build.command.assignments)
    flags = build.environment.get("RUSTFLAGS")
    if flags and flags != at.environment.get("RUSTFLAGS"):
        assigned["RUSTFLAGS"] = flags
    given = (f"{name}={quoted(value)}" for name, value in assigned.items())
    toolchain = (word for word in build.command.words[1:2] if word.startswith("+"))
    words = [*given, "cargo", *toolchain, "chef cook"]
    following = iter(build.command.words[1:])
    for word in following:
        if word in listed("cooked") or word.startswith("$"):
            words.append(word)
        elif word in listed("cooked_with"):
            words += [word, quoted(next(following, ""))]
        elif word.partition("=")[0] in listed("cooked_with"):
            words.append(quoted(word))
    return " ".join((*words, f"--recipe-path {recipe}"))


def _mounts(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> list[str]:
    """Return the cache mounts for downloads, which all builds may share, and for its target."""
    names = [(each, f"cargo-{posixpath.basename(each)}") for each in build.caches]
    downloads = [f"type=cache,id={name},target={each},sharing=locked" for each, name in names]
    identity = f"{recipe.name}-{system_of(stage.base).slug}-$TARGETARCH-target"
    return [*downloads, f"type=cache,id={identity},target={build.target}"]


def _chef_pattern(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> Fix | None:
    """Return the fix that rewrites the stage with cargo-chef; None if it needs a person."""
    if not (_is_usual_stage(recipe, stage, build.step) and _is_usual_build(build)):
        return None
    results = _results(_taken_of(recipe, stage, build.target), build)
    # No mount may hide what cargo fetched if the image needs it: a command may run a script.
    earlier = {run.task for run in _runs_in(stage) if run.step.line < build.step.line}
    is_kept = build.command.has("--offline", "--frozen") or bool({"fetch", "vendor"} & earlier)
    is_kept |= any(_taken_of(recipe, stage, cache) for cache in build.caches)
    is_kept |= any(each.keyword in _RUN_LATER for each in stage.stage.instructions)
    if results is None or is_kept:
        return None
    words: dict[StageStep, dict[str, str]] = {}
    taking = (e for other in recipe.stages for e in other.own if other.origin(e.origin) is stage)
    for step in taking:
        for word, path in zip(step.instruction.arguments, step.taken, strict=False):
            if path in results:
                words.setdefault(step, {})[word] = results[path]
    are_copied = len({word for each in words.values() for word in each.values()}) == len(results)
    text = _pattern(recipe, stage, build, results)
    moved = recipe.rewritten(words)
    whole = Change(stage.stage.line, build.step.instruction.end_line, text)
    if text and are_copied and moved is not None:
        changes = [whole, *moved]
    else:
        changes = None
    way = "compile the dependencies with cargo-chef, and keep registry, git and target in caches"
    return recipe.fix(way, changes)


def _is_usual_stage(recipe: Recipe, stage: BuiltStage, build: StageStep) -> bool:
    """Return whether the stage has a WORKDIR, copies the sources, and ends with the build."""
    first = min((step.line for step in stage.own if step.is_copy and step.sources), default=0)
    setup = {step.instruction.keyword for step in stage.own if step.line < first}
    later = {step.instruction.keyword for step in stage.own if first < step.line < build.line}
    return (
        [each for each in recipe.stages if stage in each.ancestry] == [stage] == stage.ancestry
        and _NAMED.fullmatch(recipe.lines[stage.stage.line - 1]) is not None
        and not {"chef", "planner"} & {each.stage.name for each in recipe.stages}
        # New stages would change the number by which another stage refers to this one.
        and not any(step.origin.isdecimal() for other in recipe.stages for step in other.steps)
        and "WORKDIR" in setup
        and later <= {"COPY", "ADD", "ENV", "ARG"}
        and stage.stage.instructions[-1] is build.instruction
        and all(is_known(step.instruction) for step in stage.steps)
    )


def _is_usual_build(build: CargoRun) -> bool:
    """Return whether the RUN is a list of commands joined by `&&`, with one `cargo build`."""
    command = build.command
    step = build.step
    return (
        [each.program for each in step.commands].count("cargo") == 1
        and command.words[1:2] in (("build",), ("b",))
        and all(each.after == "&&" and not each.within for each in step.commands[1:])
        and not command.has("--manifest-path", "--target-dir")
        and build.workdir == step.workdir
        and all(each.target in build.caches for each in step.caches)
        and not (step.instruction.heredocs or step.instruction.json_form)
    )


def _taken_of(recipe: Recipe, stage: BuiltStage, directory: str) -> set[str]:
    """Return the paths at, above or below `directory` that other stages copy from the stage."""
    below = f"{directory.rstrip('/')}/"
    steps = ((other, step) for other in recipe.stages for step in other.steps)
    takes = ((other.origin(origin), path) for other, e in steps for origin, path in e.takes)
    paths = {path for origin, path in takes if origin is stage}
    return {e for e in paths if f"{e}/".startswith(below) or below.startswith(f"{e.rstrip('/')}/")}


def _results(taken: set[str], build: CargoRun) -> dict[str, str] | None:
    """Return where to copy each path of `target` that others need; None if unknown."""
    results = {path: f"/out/{posixpath.basename(path)}" for path in sorted(taken)}
    are_below = all(path.startswith(f"{build.target}/") for path in taken)
    names = {*map(posixpath.basename, taken)}
    are_files = are_below and not names & {*listed("cargo_directories")}
    are_files = are_files and not set("".join(taken)) & set("*?[$")
    later = build.step.commands[build.step.commands.index(build.command) + 1 :]
    copies = (e for e in later if e.program in ("cp", "mv", "install", "rsync"))
    copies_out = any("target/" in word for command in copies for word in command.operands)
    is_known = are_files and len({*results.values()}) == len(results) and (results or copies_out)
    return results if is_known else None


def _pattern(recipe: Recipe, stage: BuiltStage, build: CargoRun, results: dict[str, str]) -> str:
    """Return the text of the three stages; `""` if it needs a person."""
    begin = stage.stage.line
    copies = [step for step in stage.own if step.is_copy and step.sources]
    setup = [each for each in stage.stage.instructions if each.line < copies[0].line]
    later = {step.instruction.keyword for step in stage.own if step.line > copies[0].line}
    cook = _cooking(build, copies[0])
    built = _built(recipe, build, results)
    # A variable of the command may be set after the sources.
    if not built or ("$" in cook and {"ARG", "ENV"} & later):
        return ""
    # A comment stays with the instruction below it.
    end = setup[-1].end_line
    join = f" {recipe.dockerfile.escape}\n    "
    kept = {f"--mount={each.written}" for each in build.step.caches}
    mounts = [f"--mount={each}{join}" for each in _mounts(recipe, stage, build)]
    own = (f"{each}{join}" for each in build.step.instruction.flags if each not in kept)
    return str(table("lists.toml")["chef"]).format(
        head=_NAMED.sub(r"\1chef", recipe.lines[begin - 1]),
        setup="\n".join(recipe.lines[begin:end]).strip("\n"),
        shared="".join(mounts[:-1]),
        sources="\n".join(recipe.text_of(each.instruction) for each in copies),
        name=stage.stage.name,
        recipe=posixpath.join(build.workdir, "recipe.json"),
        mounts="".join((*mounts, *own)),
        cook=cook,
        since="\n".join(recipe.lines[end : build.step.line - 1]).strip("\n"),
        built=built,
    )


def _built(recipe: Recipe, build: CargoRun, results: dict[str, str]) -> str:
    """Return the build commands and the copy of their results; `""` if they cannot be joined."""
    escape = recipe.dockerfile.escape
    text = recipe.text_of(build.step.instruction)
    text = text.lstrip()[len("RUN") :]
    for flag in build.step.instruction.flags:
        text = text.partition(flag)[2]
    text = text.strip(f" \t\n{escape}")
    wanted = [each.words for each in build.step.commands]
    if results:
        taken = [posixpath.relpath(path, build.workdir) for path in results]
        text += f" && {escape}\n    mkdir -p /out && cp {' '.join(taken)} /out/"
        wanted += [("mkdir", "-p", "/out"), ("cp", *taken, "/out/")]
    after = read_alone(f"RUN {text}", escape)
    is_read = after is not None and [each.words for each in commands_of(after)] == wanted
    return text if is_read else ""
