"""The stage that builds a Rust project, written anew with cargo-chef and cache mounts.

What the stage did before it copied the sources (packages, variables) comes
into the common stage, the rest stays where it was. Ids are of service, system
and architecture, so that no other build writes to these caches; registry and
git hold downloads, which all may share.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.advice.cargo import CargoRun
from ctxsize.advice.cooking import quoted
from ctxsize.advice.lost import taken_from
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.rewrite import Change, fix, lines_of
from ctxsize.advice.rust_cached import (
    compiled,
    downloads,
    is_only_build,
    keeps_downloads,
    moves_results,
    taken_of,
)
from ctxsize.findings import Fix
from ctxsize.shell import Command

_OUT = "/out"
_COOKED = ("--release", "-r", "--all-features", "--no-default-features", "--workspace", "--locked")
_COOKED_WITH = ("--profile", "--target", "--features", "-F", "-p", "--package", "--bin")
_DIRECTORIES = ("target", "release", "debug", "deps", "build")


def chef_pattern(
    recipe: Recipe, stage: StageFacts, build: Step, command: Command, workdir: str
) -> Fix | None:
    """The Dockerfile with the pattern in it; None where the stage is not simple enough.

    It must stand on an image of its own, copy all sources at once and build
    with one command, whose results others take from `target` by name.
    """
    everything = [step for step in stage.steps if step.sources]
    simple = (
        stage.parent is None
        and stage.stage.name
        and len(everything) >= 1
        and everything[0].line < build.line
        and len([each for each in build.commands if each.program == "cargo"]) == 1
        and command.words[1:2] in (("build",), ("b",))
        and not command.has("--manifest-path", "--target-dir")
        and len([each for each in stage.stage.instructions if each.keyword == "WORKDIR"]) == 1
        and workdir == build.workdir
        and all(each.target in CargoRun(build, command, workdir).caches for each in build.caches)
        and not {"chef", "planner"} & {each.stage.name for each in recipe.stages}
        and not build.instruction.heredocs
        and recipe.script(build).piece_of(command) is not None
        and not any(_by_index(recipe))
        and is_only_build(stage, CargoRun(build, command, workdir))
        and not keeps_downloads(recipe, stage, CargoRun(build, command, workdir))
    )
    if not simple:
        return None
    pattern = _Pattern(recipe, stage, everything, build, command)
    if not pattern.keeps_results() or pattern.cooks_unknown():
        return None
    message = (
        "compile the dependencies with cargo-chef, and keep registry, git and target in caches"
    )
    return fix(recipe.path, recipe.data, message, pattern.changes(), certain=False)


def _by_index(recipe: Recipe) -> Iterator[bool]:
    """Whether an instruction names a stage by its number, which would change."""
    for stage in recipe.stages:
        for step in stage.steps:
            if step.origin.isdecimal():
                yield True


class _Pattern:
    def __init__(
        self, recipe: Recipe, stage: StageFacts, copies: list[Step], build: Step, command: Command
    ) -> None:
        self.recipe = recipe
        self.stage = stage
        self.copies = copies
        self.build = build
        self.command = command
        self.lines = lines_of(recipe.data)
        self.target = posixpath.join(build.workdir, "target")
        self.script = recipe.script(build)
        self.run = CargoRun(build, command, build.workdir)
        self.taken = self._taken()

    def changes(self) -> list[Change]:
        """The stage anew, and the instructions that take its results from elsewhere."""
        first, last = self.stage.stage.line, self.build.instruction.end_line
        return [Change(first, last, tuple(self._stages())), *self._moved()]

    def keeps_results(self) -> bool:
        """Whether all that others need of `target` is known, as it will not be in the image."""
        names = [posixpath.basename(path) for path in self.taken]
        files = all(not set(name) & set("*?[$") and name not in _DIRECTORIES for name in names)
        derived = any(other.parent is self.stage for other in self.recipe.stages)
        later = [each for each in self.stage.stage.instructions if each.line > self.build.line]
        used = any("target" in each.text for each in later)
        return (
            (bool(self.taken) or (moves_results(self.run) and not used))
            and files
            and len(set(names)) == len(names)
            and not derived
            and not used
            and set(taken_of(self.recipe, self.stage, self.target)) == set(self.taken)
        )

    def cooks_unknown(self) -> bool:
        """Return whether the cooking needs a variable that is set only behind the sources."""
        given = (value for _, value in self.command.assignments)
        words = " ".join((*given, *self._options()))
        return any(
            re.search(rf"\$\{{?{re.escape(name)}\b", words)
            for each in self.stage.stage.instructions
            if each.keyword in ("ARG", "ENV") and self.copies[0].line < each.line < self.build.line
            for name in re.findall(r"[A-Za-z_]\w*", each.text)
        )

    def _taken(self) -> dict[str, str]:
        """Where each result that others take out of `target` is kept instead."""
        found: dict[str, str] = {}
        for other in self.recipe.stages:
            for step in other.steps:
                if self.stage.is_called(step.origin):
                    for path in step.taken:
                        if path.startswith(self.target + "/"):
                            found[path] = posixpath.join(_OUT, posixpath.basename(path))
        return found

    def _moved(self) -> Iterator[Change]:
        for other in self.recipe.stages:
            for step in other.steps:
                if self.stage.is_called(step.origin) and set(step.taken) & self.taken.keys():
                    yield taken_from(self.recipe, step, self.taken)

    def _stages(self) -> Iterator[str]:
        name = self.stage.stage.name
        heading = self.lines[self.stage.stage.line - 1]
        before, since = self._setup()
        yield _renamed(heading, "chef")
        while before and not before[0].strip():
            before.pop(0)
        yield from before
        if not any(each.lstrip().upper().startswith("WORKDIR") for each in before):
            yield f"WORKDIR {self.build.workdir}"
        yield from self._run("cargo install cargo-chef --locked", target=False)
        yield ""
        yield "FROM chef AS planner"
        yield from self._copied()
        yield "RUN cargo chef prepare --recipe-path recipe.json"
        yield ""
        yield f"FROM chef AS {name}"
        yield from self._arguments()
        recipe = posixpath.join(self.build.workdir, "recipe.json")
        yield f"COPY --from=planner {recipe} recipe.json"
        given = (f"{name}={quoted(value)}" for name, value in self.command.assignments)
        words = (*given, "cargo chef cook", *self._options(), "--recipe-path recipe.json")
        cook = " ".join(words)
        yield from self._run(cook, target=True)
        yield from self._copied()
        yield from since
        yield from self._run(self._built(), target=True)

    def _setup(self) -> tuple[list[str], list[str]]:
        """The lines of the stage in front of the first copy, and those between copy and build.

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
        return before, since

    def _arguments(self) -> Iterator[str]:
        """The arguments declared so far, which no other stage has."""
        for each in self.stage.stage.instructions:
            if each.keyword == "ARG" and each.line < self.copies[0].line:
                yield from self.lines[each.line - 1 : each.end_line]
        if "TARGETARCH" not in self.build.environment:
            yield "ARG TARGETARCH"

    def _copied(self) -> Iterator[str]:
        for step in self.copies:
            if step.line < self.build.line:
                yield from self.lines[step.line - 1 : step.instruction.end_line]

    def _options(self) -> Iterator[str]:
        """What the cooking must have in common with the build."""
        words = iter(self.command.words[2:])
        for word in words:
            if (word in _COOKED and word != "--locked") or word.startswith("$"):
                yield word
            elif word in _COOKED_WITH:
                yield f"{word} {quoted(next(words, ''))}"
            elif word.partition("=")[0] in _COOKED_WITH:
                yield quoted(word)

    def _built(self) -> str:
        command = self.script.raw[self.script.command :]
        if not self.taken:
            return command
        results = " ".join(posixpath.relpath(path, self.build.workdir) for path in self.taken)
        append = self.script.appended(f"mkdir -p {_OUT} && cp {results} {_OUT}/")
        start, end, text = append
        whole = self.script.raw[:start] + text + self.script.raw[end:]
        return whole[self.script.command :]

    def _run(self, command: str, *, target: bool) -> Iterator[str]:
        mounts = [f"--mount={each}" for each in downloads(self.run)]
        if target:
            mounts.append(f"--mount={compiled(self.recipe, self.stage, self.target)}")
            kept = {f"--mount={each.written}" for each in self.build.caches}
            mounts += [each.value for each in self.script.flags if each.value not in kept]
        lines = " ".join(("RUN", f" {self.script.escape}\n    ".join((*mounts, command))))
        yield from lines.split("\n")


def _renamed(heading: str, name: str) -> str:
    """A FROM with another name for its stage."""
    words = heading.split()
    at = next(at for at, word in enumerate(words) if word.lower() == "as")
    return " ".join((*words[: at + 1], name))
