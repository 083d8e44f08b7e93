"""A Dockerfile as it is built: for each stage what is done in it, where, and by which commands.

ONBUILD does nothing in its own stage, and comes first in the one that is based on it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ctxsize.dockerfile import Dockerfile, Instruction, Stage
from ctxsize.dockerfile.mounts import Mount, parse_mount
from ctxsize.errors import DockerfileError
from ctxsize.recommender.running import Find, carried_out, placed
from ctxsize.shell import Command, commands, commands_of

READ = "<"
"""Stands for the program that reads what follows: a file, a list, a document."""
_RUNNING = ("RUN", "CMD", "ENTRYPOINT")
_READ = re.compile(r"(?<![<\d])<\s*([\w./$\"'{}-]+)|\bfor\s+\w+\s+in\s+([^;\n]+)")
_SCRIPTING = re.compile(r"python|node|ruby|perl|php")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::?-([^${}]*))?\}")
"""A variable, maybe with what stands for it where it has no value."""
_LONGEST = 64 * 1024
_HEALTHCHECK = re.compile(r"\s*HEALTHCHECK\b.*?\bCMD\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """An instruction where it is obeyed."""

    instruction: Instruction
    arguments: tuple[str, ...]
    """Those of the instruction, with the variables that have a value."""
    at: str
    """The directory in which it works, as far as WORKDIR tells; of a WORKDIR the new one."""
    mounts: tuple[Mount, ...]
    commands: tuple[tuple[str, Command], ...]
    """What it runs, now or in a container, each with its directory; scripts are followed."""


@dataclass(frozen=True)
class Phase:
    """A stage as it is built."""

    label: str
    """As sources name it."""
    image: str
    """The image that it begins with, empty if that is another stage."""
    line: int
    base: int | None
    """The stage that it begins with."""
    steps: tuple[Step, ...]
    site: _Site
    """What is known of its file system at its end."""
    origins: dict[str, int]
    """The earlier stages, by name and number."""


def phases(dockerfile: Dockerfile, read: Find) -> tuple[Phase, ...]:
    """The stages in file order; `read` gives the text of a file of the context."""
    found: list[Phase] = []
    stages = dockerfile.stages
    names: dict[str, int] = {}
    for stage in stages:
        base = names.get(stage.base)
        triggers = () if base is None else _triggers(stages[base])
        outer = () if base is not None else dockerfile.global_arguments
        own = (each for each in stage.instructions if each.trigger is None)
        site = _Site(read) if base is None else replace(found[base].site)
        steps = tuple(site.step(each) for each in (*outer, *triggers, *own))
        image = stage.base if base is None else ""
        found.append(Phase(stage.label, image, stage.line, base, steps, site, dict(names)))
        names[str(stage.index)] = stage.index
        if stage.name:
            names[stage.name] = stage.index
    return tuple(found)


def _triggers(stage: Stage) -> Iterator[Instruction]:
    for each in stage.instructions:
        if each.trigger is not None:
            heredocs = each.trigger.heredocs or each.heredocs
            yield replace(each.trigger, line=each.line, heredocs=heredocs)


@dataclass()
class _Site:
    """What is known of a stage while it is built."""

    read: Find
    at: str = ""
    """The directory in which it works."""
    copied: tuple[tuple[str, str], ...] = ()
    """What came from the context: where it is, and what it was there."""
    values: tuple[tuple[str, str], ...] = ()
    """The variables that have a value, the last one of a name counts."""

    def step(self, instruction: Instruction) -> Step:
        """Obey an instruction."""
        arguments = self._obeyed(instruction)
        binds = tuple(_mounts(instruction, self._expanded))
        seen = (
            (_joined(self.at, each.target), each.source)
            for each in binds
            if each.type == "bind" and not each.origin
        )
        held = replace(self, copied=(*self.copied, *seen))
        run = (
            (where, self._with_values(inner))
            for at, command in placed(_run_by(instruction), self.at)
            for where, inner in carried_out(at, self._with_values(command), held.find)
        )
        return Step(instruction, arguments, self.at, binds, tuple(run))

    def _obeyed(self, instruction: Instruction) -> tuple[str, ...]:
        """The arguments with their values, once they have had their effect."""
        arguments = tuple(map(self._expanded, instruction.arguments))
        if instruction.keyword == "WORKDIR":
            self.at = _joined(self.at, *arguments[:1])
        elif instruction.keyword == "ENV":
            self.values += tuple(zip(arguments[::2], arguments[1::2], strict=False))
        elif instruction.keyword == "ARG":
            given = (each.partition("=") for each in arguments)
            self.values += tuple((name, value) for name, equals, value in given if equals)
        elif instruction.keyword in ("COPY", "ADD") and not any(instruction.flag_values("from")):
            *sources, target = arguments
            self.copied += tuple((_joined(self.at, target), each) for each in sources)
        return arguments

    def _expanded(self, text: str) -> str:
        """`text` with the variables that have a value; others stay as they are written."""
        if "$" not in text:
            return text
        values = dict(self.values)
        expanded = _VARIABLE.sub(partial(_value, values), text)
        # A variable that doubles itself in each line would fill the memory.
        return expanded if len(expanded) <= _LONGEST else text

    def _with_values(self, command: Command) -> Command:
        if not any("$" in word for word in command.words):
            return command
        return replace(command, words=tuple(map(self._expanded, command.words)))

    def find(self, place: str) -> str | None:
        """The text of the file at `place`, None if it is none of the context."""
        place = posixpath.normpath(place)
        for target, source in reversed(self.copied):
            for path in _origins(place, target, posixpath.normpath(source.lstrip("/"))):
                text = self.read(path)
                if text is not None:
                    return text
        return None


def _value(values: Mapping[str, str], found: re.Match[str]) -> str:
    """What stands for a variable; it stays where that is not told."""
    return values.get(found[1] or found[2], found[0] if found[3] is None else found[3])


def _origins(place: str, target: str, source: str) -> Iterator[str]:
    """What `place` may be in the context, if `source` of it was put at `target`."""
    if place in (target, posixpath.join(target, posixpath.basename(source))):
        yield source
    if target == "." and not place.startswith("/"):
        yield _joined(source, place)
    elif place.startswith(target.rstrip("/") + "/"):
        yield _joined(source, place[len(target) :].lstrip("/"))


def _mounts(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[Mount]:
    """The mounts of a RUN, as far as they can be read."""
    for text in instruction.flag_values("mount"):
        try:
            yield parse_mount(text, expand)
        except DockerfileError:
            continue


def _joined(*parts: str) -> str:
    return posixpath.normpath(posixpath.join(*parts))


def _run_by(instruction: Instruction) -> tuple[Command, ...]:
    if instruction.keyword in _RUNNING:
        found = commands_of(instruction)
        return (*found, *(Command((READ, text)) for text in _read_by(instruction, found)))
    if instruction.keyword == "HEALTHCHECK":
        return commands(_HEALTHCHECK.sub("", instruction.text))
    # A document that COPY or ADD writes may be a script, which is run later.
    return tuple(each for doc in instruction.heredocs for each in commands(doc.content))


def _read_by(instruction: Instruction, found: tuple[Command, ...]) -> Iterator[str]:
    """What commands read beside their words: files, lists, and documents that no shell runs."""
    for match in _READ.finditer(instruction.text):
        yield match[1] or match[2]
    if not found or any(_SCRIPTING.match(each.program) for each in found):
        yield from (each.content for each in instruction.heredocs)
