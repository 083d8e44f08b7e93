"""A Dockerfile as it is built: for each stage what is done in it, where, and by which commands.

ONBUILD does nothing in its own stage, and comes first in the one that is based on it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ctxsize.dockerfile import Dockerfile, Instruction, Stage
from ctxsize.dockerfile.mounts import Mount, parse_mount
from ctxsize.errors import DockerfileError
from ctxsize.shell import (
    Command,
    commands,
    commands_of,
    in_directories,
    is_read_whole,
)

READ = "<"
"""Stands for the program that reads what follows: a file, a list, a document."""
_READ = re.compile(r"(?<![<\d])<\s*([\w./$\"'{}-]+)|\bfor\s+\w+\s+in\s+([^;\n]+)")
_SCRIPTING = re.compile(r"python|node|ruby|perl|php")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::?-([^${}]*))?\}")
"""A variable, maybe with what stands for it where it has no value."""
_LONGEST = 64 * 1024


@dataclass(frozen=True)
class StageStep:
    """An instruction with the state of its stage when it runs."""

    instruction: Instruction
    arguments: tuple[str, ...]
    """Those of the instruction, with the variables that have a value."""
    workdir: str
    """As far as WORKDIR tells; of a WORKDIR the new one."""
    mounts: tuple[Mount, ...]
    commands: tuple[tuple[str, Command], ...]
    """What it runs, now or in a container, each with its directory."""


@dataclass(frozen=True)
class BuiltStage:
    """A stage as it is built."""

    stage: Stage
    base: int | None
    """The stage that it begins with."""
    steps: tuple[StageStep, ...]
    origins: dict[str, int]
    """The earlier stages, by name and number."""
    end: _Reader
    """What is known at its end."""

    @property
    def image(self) -> str:
        """The image that it begins with, empty if that is another stage."""
        return self.stage.base if self.base is None else ""


def built_stages(dockerfile: Dockerfile) -> tuple[BuiltStage, ...]:
    """Return the stages in file order."""
    found: list[BuiltStage] = []
    stages = dockerfile.stages
    names: dict[str, int] = {}
    for stage in stages:
        base = names.get(stage.base)
        begin = dockerfile.global_arguments if base is None else _triggers(stages[base])
        own = (each for each in stage.instructions if each.trigger is None)
        reader = _Reader() if base is None else found[base].end.inherited()
        steps = tuple(reader.step(each) for each in (*begin, *own))
        found.append(BuiltStage(stage, base, steps, dict(names), reader))
        names[str(stage.index)] = stage.index
        if stage.name:
            names[stage.name] = stage.index
    return tuple(found)


def _triggers(stage: Stage) -> tuple[Instruction, ...]:
    return tuple(
        replace(each.trigger, line=each.line, heredocs=each.trigger.heredocs or each.heredocs)
        for each in stage.instructions
        if each.trigger is not None
    )


@dataclass
class _Reader:
    """Follows the instructions of a stage."""

    workdir: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def inherited(self) -> _Reader:
        """Return a reader of a stage that begins where this one ends."""
        return _Reader(self.workdir, dict(self.values))

    def step(self, instruction: Instruction) -> StageStep:
        """Return an instruction as it runs, once it had its effect."""
        arguments = tuple(map(self._expanded, instruction.arguments))
        if instruction.keyword == "WORKDIR":
            self.workdir = posixpath.normpath(posixpath.join(self.workdir, *arguments[:1]))
        elif instruction.keyword == "ENV":
            self.values.update(zip(arguments[::2], arguments[1::2], strict=False))
        elif instruction.keyword == "ARG":
            given = (each.partition("=") for each in arguments)
            self.values.update((name, value) for name, equals, value in given if equals)
        run = in_directories(map(self._with_values, _run_by(instruction)), self.workdir)
        mounts = tuple(_mounts(instruction, self._expanded))
        return StageStep(instruction, arguments, self.workdir, mounts, tuple(run))

    def _expanded(self, text: str) -> str:
        """Return `text` with the variables that have a value; others stay as they are written."""
        if "$" not in text:
            return text
        expanded = _VARIABLE.sub(self._value, text)
        # A variable that doubles itself in each line would fill the memory.
        return expanded if len(expanded) <= _LONGEST else text

    def _value(self, found: re.Match[str]) -> str:
        default = found[0] if found[3] is None else found[3]
        return self.values.get(found[1] or found[2], default)

    def _with_values(self, command: Command) -> Command:
        if not any("$" in word for word in command.words):
            return command
        return replace(command, words=tuple(map(self._expanded, command.words)))


def _mounts(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[Mount]:
    """Yield the mounts of a RUN, as far as they can be read."""
    for text in instruction.flag_values("mount"):
        try:
            yield parse_mount(text, expand)
        except DockerfileError:
            continue


def _run_by(instruction: Instruction) -> tuple[Command, ...]:
    if instruction.keyword in ("RUN", "CMD", "ENTRYPOINT"):
        found = commands_of(instruction)
        return (*found, *(Command((READ, text)) for text in _read_by(instruction, found)))
    if instruction.keyword == "HEALTHCHECK":
        return commands_of(instruction)
    # A document that COPY or ADD writes may be a script, which is run later.
    documents = [each.content for each in instruction.heredocs]
    unread = (Command((READ, each)) for each in documents if not is_read_whole(each))
    return (*(each for text in documents for each in commands(text)), *unread)


def _read_by(instruction: Instruction, found: tuple[Command, ...]) -> Iterator[str]:
    """Yield what commands read beside their words: files, lists, documents that no shell runs."""
    for match in _READ.finditer(instruction.text):
        yield match[1] or match[2]
    if not found or any(_SCRIPTING.match(each.program) for each in found):
        yield from (each.content for each in instruction.heredocs)
