"""The stage that builds a Rust project with cargo-chef and cache mounts: the rewrite of CTX210.

What the stage did before it copied the sources (packages, variables) comes
into the common stage, the rest stays where it was. Ids are of service, system
and architecture, so that no other build writes to these caches; registry and
git hold downloads, which all may share.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import dropwhile

from ctxsize.advice.cargo import CargoRun, cargo_runs, cooking
from ctxsize.advice.images import system_of
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.rewrite import Change, Splice, lines_of, with_option
from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.instructions import parse_heredoc_word
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Fix
from ctxsize.shell import is_known

_OUT = "/out"
_DIRECTORIES = ("target", "release", "debug", "deps", "build")
_COPIES = ("cp", "mv", "install", "rsync")
_RUN_LATER = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD")


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


def moves_results(build: CargoRun) -> bool:
    """Return whether the RUN itself puts the results where no cache is mounted."""
    if build.words[:1] == ("install",):
        return True
    at = build.step.commands.index(build.command)
    return any(
        command.program in _COPIES and any("target/" in word for word in command.operands)
        for command in build.step.commands[at + 1 :]
    )


def _is_above(stage: BuiltStage, other: BuiltStage) -> bool:
    return stage is not other and stage in other.ancestry


def keeps_downloads(recipe: Recipe, stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether the image has to hold what cargo fetched, so that no mount may hide it.

    It was fetched before, another stage copies it, or the stage says what its image runs:
    what that needs, in a script maybe, cannot be known.
    """
    if build.command.has("--offline", "--frozen"):
        return True
    earlier = (run for run in cargo_runs(stage) if run.step.line < build.step.line)
    if any(run.words[:1] in (("fetch",), ("vendor",)) for run in earlier):
        return True
    built = (each for each in recipe.stages if each is stage or _is_above(stage, each))
    if any(one.keyword in _RUN_LATER for each in built for one in each.stage.instructions):
        return True
    return any(taken_of(recipe, stage, cache) for cache in build.caches)


def taken_of(recipe: Recipe, stage: BuiltStage, directory: str) -> set[str]:
    """Return the paths that hold `directory`, or lie in it, and that other stages take.

    They take them from the stage or from one that is built on it.
    """
    found: set[str] = set()
    taken = (
        (other.origin(origin), path)
        for other in recipe.stages
        for step in other.steps
        for origin, path in step.taken_from
    )
    for source, path in taken:
        if source is not None and (source is stage or _is_above(stage, source)):
            found |= {path} if _meet(path, directory) else set()
    return found


def is_only_build(stage: BuiltStage, build: CargoRun) -> bool:
    """Return whether nothing but `build` compiles in the stage: a cache holds all its results."""
    return all(run.step is build.step for run in cargo_runs(stage) if run.is_build)


def _meet(path: str, cache: str) -> bool:
    """Return whether one of two paths is the other or lies in it."""
    one, other = f"{path.rstrip('/')}/", f"{cache}/"
    return one.startswith(other) or other.startswith(one)


def chef_pattern(recipe: Recipe, stage: BuiltStage, run: CargoRun) -> Fix | None:
    """Return the Dockerfile with the pattern in it; None where the stage is not simple enough.

    It must stand on an image of its own, copy all sources at once and build
    with one command, whose results others take from `target` by name.
    """
    if not (_is_simple_stage(recipe, stage, run) and _is_simple_build(recipe, run)):
        return None
    if not is_only_build(stage, run) or keeps_downloads(recipe, stage, run):
        return None
    pattern = _Pattern(recipe, stage, run)
    if not pattern.keeps_results() or pattern.cooks_unknown():
        return None
    message = (
        "compile the dependencies with cargo-chef, and keep registry, git and target in caches"
    )
    return recipe.fix(message, pattern.changes())


def _is_simple_stage(recipe: Recipe, stage: BuiltStage, run: CargoRun) -> bool:
    copies = [step for step in stage.own if step.sources]
    keywords = [each.keyword for each in stage.stage.instructions]
    # A stage that is named by its number would be another one.
    by_number = any(step.origin.isdecimal() for other in recipe.stages for step in other.steps)
    return (
        stage.parent is None
        and bool(stage.stage.name)
        and bool(copies)
        and copies[0].line < run.step.line
        and keywords.count("WORKDIR") == 1
        and not {"chef", "planner"} & {each.stage.name for each in recipe.stages}
        and not by_number
        and all(is_known(step.instruction) for step in stage.steps)
    )


def _is_simple_build(recipe: Recipe, run: CargoRun) -> bool:
    step, command = run.step, run.command
    return (
        [each.program for each in step.commands].count("cargo") == 1
        and command.words[1:2] in (("build",), ("b",))
        and not command.has("--manifest-path", "--target-dir")
        and run.workdir == step.workdir
        and all(each.target in run.caches for each in step.caches)
        and not step.instruction.heredocs
        and recipe.script(step).piece_of(command) is not None
    )


class _Pattern:
    def __init__(self, recipe: Recipe, stage: BuiltStage, run: CargoRun) -> None:
        self.recipe = recipe
        self.stage = stage
        self.run = run
        self.build = run.step
        self.copies = [each for each in stage.own if each.sources and each.line < run.step.line]
        self.lines = lines_of(recipe.data)
        self.target = posixpath.join(run.workdir, "target")
        self.script = recipe.script(run.step)
        self.users = [
            step
            for other in recipe.stages
            for step in other.own
            if other.origin(step.origin) is stage and any(map(self._is_result, step.taken))
        ]
        self.taken = {
            path: posixpath.join(_OUT, posixpath.basename(path))
            for step in self.users
            for path in step.taken
            if self._is_result(path)
        }

    def _is_result(self, path: str) -> bool:
        return path.startswith(f"{self.target}/")

    def changes(self) -> list[Change]:
        """Return the new stages, and the instructions that take their results from elsewhere."""
        first, last = self.stage.stage.line, self.build.instruction.end_line
        moved = (self._moved(step) for step in self.users)
        return [Change(first, last, tuple(self._stages())), *moved]

    def keeps_results(self) -> bool:
        """Return whether all that others need of `target`, which no image holds, is known."""
        names = [posixpath.basename(path) for path in self.taken]
        files = all(not set(name) & set("*?[$") and name not in _DIRECTORIES for name in names)
        derived = any(other.parent is self.stage for other in self.recipe.stages)
        later = [each for each in self.stage.stage.instructions if each.line > self.build.line]
        used = any("target" in each.text for each in later)
        found = bool(self.taken) or moves_results(self.run)
        alike = taken_of(self.recipe, self.stage, self.target) == set(self.taken)
        apart = len(set(names)) == len(names)
        return found and files and apart and alike and not derived and not used

    def cooks_unknown(self) -> bool:
        """Return whether the cooking needs a variable that is set only behind the sources."""
        cook = self._cook()
        return any(
            re.search(rf"\$\{{?{re.escape(name)}\b", cook)
            for each in self.stage.stage.instructions
            if each.keyword in ("ARG", "ENV") and self.copies[0].line < each.line < self.build.line
            for name in re.findall(r"[A-Za-z_]\w*", each.text)
        )

    def _moved(self, step: StageStep) -> Change:
        """Return a COPY whose sources are in the new directory."""
        script = self.recipe.script(step)
        words = [word for word in step.instruction.arguments[:-1] if not parse_heredoc_word(word)]
        splices: list[Splice] = []
        for word, path in zip(words, step.taken, strict=False):
            at = re.compile(rf"(?<![^\s\"',\[]){re.escape(word)}(?![^\s\"',\]])")
            found = at.search(script.raw, script.command)
            if path in self.taken and found is not None:
                splices.append((found.start(), found.end(), self.taken[path]))
        return script.change(splices)

    def _stages(self) -> Iterator[str]:
        before, since = self._setup()
        copies = [each for step in self.copies for each in self._text(step.instruction)]
        yield _renamed(self.lines[self.stage.stage.line - 1], "chef")
        yield from before
        if not any(each.lstrip().upper().startswith("WORKDIR") for each in before):
            yield f"WORKDIR {self.run.workdir}"
        yield from self._run("cargo install cargo-chef --locked", target=False)
        yield from ("", "FROM chef AS planner", *copies)
        yield from ("RUN cargo chef prepare --recipe-path recipe.json", "")
        yield f"FROM chef AS {self.stage.stage.name}"
        yield from self._arguments()
        yield f"COPY --from=planner {posixpath.join(self.run.workdir, 'recipe.json')} recipe.json"
        yield from self._run(self._cook(), target=True)
        yield from (*copies, *since)
        yield from self._run(self._built(), target=True)

    def _text(self, instruction: Instruction) -> list[str]:
        return self.lines[instruction.line - 1 : instruction.end_line]

    def _setup(self) -> tuple[list[str], list[str]]:
        """Return the lines in front of the first copy, and those between copy and build.

        Comments go with what they stand above.
        """
        before: list[str] = []
        since: list[str] = []
        copied = {step.line for step in self.copies}
        first, above = self.copies[0].line, self.stage.stage.line
        for each in self.stage.stage.instructions:
            late = each.keyword == "WORKDIR" and each.line > first
            text = self.lines[above : each.end_line]
            above = each.end_line
            if each.line < self.build.line and each.line not in copied and not late:
                (before if each.line < first else since).extend(text)
        return list(dropwhile(lambda line: not line.strip(), before)), since

    def _arguments(self) -> Iterator[str]:
        """Yield the arguments declared so far, which no other stage has."""
        for each in self.stage.stage.instructions:
            if each.keyword == "ARG" and each.line < self.copies[0].line:
                yield from self._text(each)
        if not self.copies[0].environment.declares("TARGETARCH"):
            yield "ARG TARGETARCH"

    def _cook(self) -> str:
        return cooking(self.run, self.copies[0])

    def _built(self) -> str:
        """Return the commands of the build, and the results copied out of the mount."""
        script = self.script
        if not self.taken:
            return script.raw[script.command :]
        results = " ".join(posixpath.relpath(path, self.run.workdir) for path in self.taken)
        end = script.places[script.pieces[-1].end - 1] + 1
        more = f" && {script.escape}\n    mkdir -p {_OUT} && cp {results} {_OUT}/"
        return script.raw[script.command : end] + more + script.raw[end:]

    def _run(self, command: str, *, target: bool) -> Iterator[str]:
        mounts = [f"--mount={each}" for each in downloads(self.run.caches)]
        if target:
            mounts.append(f"--mount={compiled(self.recipe, self.stage, self.target)}")
            kept = {f"--mount={each.written}" for each in self.build.caches}
            mounts += [each.value for each in self.script.flags if each.value not in kept]
        lines = " ".join(("RUN", f" {self.script.escape}\n    ".join((*mounts, command))))
        yield from lines.split("\n")


def _renamed(heading: str, name: str) -> str:
    """Return a FROM with another name for its stage."""
    words = heading.split()
    at = next(at for at, word in enumerate(words) if word.lower() == "as")
    return " ".join((*words[: at + 1], name))
