"""Follow files of the context to their places in the image of a stage, step by step."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from os.path import realpath
from posixpath import basename, join, normpath, split
from typing import NamedTuple

from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.engine.plan import Plan
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.knowledge.rules import listed
from ctxsize.knowledge.tools import WordSet, works
from ctxsize.model import Texts
from ctxsize.recommender.evidence import small_text
from ctxsize.recommender.tree import ContextFiles, OnDisk, sending
from ctxsize.syntax import Command
from ctxsize.values import Mutable, Value

_OF_THE_IMAGE = r"/(bin|dev|etc|lib(64)?|proc|run|s?bin|sys|usr/(?!src/)|var/lib)(/|$)"
_MOST_STEPS = 500  # of a Dockerfile
_MOST_COMMANDS = 1_000  # of a stage: nothing is known of more
_MOST_SOURCES = 100  # of a COPY
_UNKNOWN = Command(("?",))


def relative(path: str, top: str) -> str | None:
    """Return an absolute path relative to `top`, `""` for `top` itself; None if it is outside."""
    prefix = top.rstrip("/") + "/"
    if path == top:
        return ""
    if path.startswith(prefix):
        return path[len(prefix) :]
    return None


class Copied(Value):
    """A copy to `target`, of `sources` in the context; without any, of content from elsewhere."""

    sources: Texts
    target: str
    after: int  # number of commands that ran before

    def may_fill(self, path: str) -> bool:
        """Return True if content from elsewhere may be at `path`."""
        target = self.target
        if self.sources:
            return False
        if "$" in target or relative(path, target) is not None:
            return True
        return relative(target, path) is not None

    def is_around(self, path: str) -> bool:
        """Return True if content from elsewhere may be at `path`, or any content below it."""
        return self.may_fill(path) or bool(relative(self.target, path))

    def origin(self, path: str, files: ContextFiles) -> str | None:
        """Return the first existing path of the context that is copied to `path`, or None."""
        below = relative(path, self.target)
        if below is None:
            return None
        for source in self.sources:
            origin = _origin(source, below, files)
            if (origin and files.has(origin)) or (source == "." and not below):
                return origin
        return None


def _origin(source: str, below: str, files: ContextFiles) -> str:
    """Return the path that a COPY of `source` puts at `below` in its target, `""` for none."""
    directory, name = split(source)
    if has_wildcards(source):
        if match(name, below):
            return join(directory, below)
        return ""
    if source == ".":
        return below
    if files.is_directory(source):
        return join(source, below).rstrip("/")
    # Without a slash at its end, the target may be the file or a directory.
    if below in ("", name):
        return source
    return ""


class Placed(Value):
    """The places of files of the context in a stage, and the commands that may have made files."""

    files: ContextFiles
    copies: Sequence[Copied] = ()
    ran: Sequence[tuple[Command, WordSet]] = ()  # each with the words of its RUN
    is_whole: bool = True  # False if some copies are left out

    def copied(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places after a COPY or ADD; `names` are those of the context."""
        sources = tuple(path[1:] or "." for origin, path in step.takes if origin in names)
        is_known = len(step.arguments) - 1 == len(sources) <= _MOST_SOURCES
        if step.instruction.keyword == "ADD" or not is_known or "$" in step.destination:
            sources = ()
        elif any(flag.startswith(("--exclude", "--parents")) for flag in step.instruction.flags):
            return replace(self, is_whole=False)
        return self._with(sources, step.destination)

    def mounted(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places that the commands of a RUN see."""
        placed = self
        for mount in step.mounts:
            sources: Texts = ()
            if mount.type == "bind" and mount.origin in names:
                sources = (normpath(f"/{mount.source}")[1:] or ".",)
            if mount.target:
                placed = placed._with(sources, normpath(join(step.workdir, mount.target)))
        return placed

    def _with(self, sources: Texts, target: str) -> Placed:
        return replace(self, copies=(*self.copies, Copied(sources, target, len(self.ran))))

    def after(self, step: StageStep, *commands: Command) -> Placed:
        """Return the places after some commands of a RUN, by default after all of them."""
        if len(self.ran) > _MOST_COMMANDS:
            return self
        commands = commands or step.commands
        if not (step.state.is_unix and is_known(step.instruction)):
            commands = (_UNKNOWN,)
        text = step.instruction.text
        words = _words(text)
        idle: Texts = ()
        if ">" not in text:
            idle = listed("makes_no_files")
        ran = ((command, words) for command in commands if command.program not in idle)
        return replace(self, ran=(*self.ran, *ran))

    def origin(self, path: str) -> str | None:
        """Return the path in the context of what COPY puts at `path`, an absolute path, or None."""
        return self._find_copy(path)[0]

    def is_alone(self, path: str) -> bool:
        """Return True if COPY puts something at `path`, and no command can make it there.

        A command before this COPY counts only if it names a part of the path.
        """
        origin, copy = self._find_copy(path)
        if origin is None:
            return False
        if any(other.may_fill(path) for other in self.copies):
            return False
        below = {*(relative(path, copy.target) or path).split("/")}
        for number, (command, words) in enumerate(self.ran):
            may_make = _makes_one_of(command, words, path)
            if may_make is None:
                may_make = number >= copy.after or not below.isdisjoint(words)
            if may_make:
                return False
        return True

    def may_hold(self, path: str) -> bool:
        """Return True if something may be at `path`, an absolute path, from any origin."""
        if not self.is_whole or "$" in path or len(self.ran) > _MOST_COMMANDS:
            return True
        if any(copy.may_fill(path) or copy.origin(path, self.files) for copy in self.copies):
            return True
        brought = listed("brings_files")
        name = basename(path)
        for command, words in self.ran:
            if name in words or command.program in brought or "/" in command.words[0]:
                return True
        return False

    def _find_copy(self, path: str) -> tuple[str | None, Copied]:
        is_known = "$" not in path and len(self.ran) <= _MOST_COMMANDS
        if is_known and not re.match(_OF_THE_IMAGE, path):
            for copy in reversed(self.copies):
                origin = copy.origin(path, self.files)
                if origin is not None or copy.may_fill(path):
                    return origin, copy
        return None, Copied((), "/", 0)


def _makes_one_of(command: Command, words: WordSet, path: str) -> bool | None:
    """Return True if a command of a RUN with these words may make `path`; None if unknown."""
    names = {command.program, "_".join(command.words[:2])}
    is_named = not names.isdisjoint(listed("makes_what_it_names"))
    if is_named and (command.program != "go" or command.has("-o")):
        return not words.isdisjoint((basename(path), "$"))
    tools = [
        work.tool for work in works(command) if work.does("fetch") and not work.does("compile")
    ]
    if not tools:
        return None
    parts = path.split("/")
    return any(directory in parts for tool in tools for directory in tool.directories)


@lru_cache(maxsize=64)
def _words(text: str) -> WordSet:
    return frozenset(re.findall(r"[\w.-]+|\$", text))


def names_of(plan: Plan, root: str) -> Texts:
    """Return the names of the contexts of a plan that are `root` and use its ignore file."""
    names = [
        context.name
        for context in plan.named_contexts
        if context.local and realpath(context.value) == root
    ]
    if plan.root == root and not plan.dockerfile_specific:
        names.insert(0, "")
    return tuple(names)


class PlacedStep(NamedTuple):
    """A step that a build runs, the places before it, and those at the end of each stage above."""

    stage: BuiltStage
    step: StageStep
    here: Placed
    ends: Mapping[BuiltStage | None, Placed]


def placed_steps(plan: Plan, names: Collection[str], files: ContextFiles) -> Iterator[PlacedStep]:
    """Yield the steps of the stages that a build needs; `names` are those of the context."""
    dockerfile = plan.parsed.dockerfile
    if len(dockerfile.instructions) > _MOST_STEPS:
        return
    stages = built_stages(dockerfile, plan.build.build_arguments)
    needed = needed_stages(stages, plan.build.target.lower())
    ends = dict[BuiltStage | None, Placed]()
    for stage in stages:
        if stage not in needed:
            continue
        here = ends.get(stage.parent, Placed(files))
        for step in stage.steps:
            yield PlacedStep(stage, step, here, ends)
            if step.is_run:
                here = here.after(step)
            elif step.is_copy:
                here = here.copied(step, names)
        ends[stage] = here


def needed_stages(stages: Sequence[BuiltStage], target: str) -> set[BuiltStage | None]:
    """Return the stages that a build of `target` runs, by default those of the last stage."""
    needed: set[BuiltStage | None] = {*stages[-1:]}
    for stage in stages:
        if target in (stage.label, str(stage.stage.index)):
            needed = {stage}
    for stage in reversed(stages):
        if stage not in needed:
            continue
        needed.add(stage.parent)
        for step in stage.steps:
            needed.add(stage.origin(step.origin))
            needed.update(stage.origin(mount.origin) for mount in step.mounts)
    return needed


class RunCommand(NamedTuple):
    """A command of a RUN, the directory in which it runs, and what COPY has put where."""

    step: StageStep
    directory: str
    command: Command
    here: Placed


class BuildLook(Mutable):
    """One build: directories and files of its context are read when they are asked for."""

    plan: Plan

    def __post_init__(self) -> None:
        self.files = OnDisk(self.plan.root)
        self.is_sent = sending(self.plan, self.files)
        self.names = names_of(self.plan, self.plan.root) or ("",)

    @cached_property
    def steps(self) -> Sequence[PlacedStep]:
        return [*placed_steps(self.plan, self.names, self.files)]

    @cached_property
    def runs(self) -> list[RunCommand]:
        """Return the commands of all RUN instructions, in their order."""
        return [
            RunCommand(step, directory, command, here.mounted(step, self.names))
            for _, step, here, _ in self.steps
            if step.is_run
            for directory, command in step.located
        ]

    def text(self, path: str) -> str:
        """Return the text of a file that is sent; nothing for others."""
        if self.files.is_file(path) and self.is_sent(path):
            return small_text(self.files.directory, path)
        return ""

    def holds_any(self, directory: str) -> bool:
        """Return True if something in a directory is sent."""
        if not (self.files.is_directory(directory) and self.is_sent(directory)):
            return False
        return any(self.is_sent(join(directory, name)) for name in self.files.names(directory))

    def deciding_line(self, path: str) -> int:
        """Return the line of the ignore file that ignores a path; 0 if none does."""
        spec = self.plan.spec
        line = 0
        for ancestor, step in spec.steps(path):
            if step.ignored and step.decider is not None:
                line = spec.patterns[step.decider].line or 0
                if not spec.enters(ancestor):
                    break
        return line
