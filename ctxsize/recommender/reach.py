"""Find out whether a build may run the script, or the target of a Makefile, that names a file.

A script is run if a Dockerfile or another source names it. That is known only where each RUN runs
programs that run no script by themselves: of all others it is assumed that they run every script.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from posixpath import basename
from typing import NamedTuple

from ctxsize.dockerfile.shell import commands_of
from ctxsize.knowledge.rules import listed, listed_names
from ctxsize.knowledge.tools import run_by
from ctxsize.recommender.build_files import BuildFiles
from ctxsize.recommender.grounds import WORDS
from ctxsize.syntax import Command
from ctxsize.values import Mutable

_HEADER = r"(?!(?:if|else|endif|define|endef|export|override|vpath)\w*\b)([^\s#:=][^:=]*):(?![:=])"
_MANY = r"[%$*]|^\."
"""Expression for names of targets that stand for others, or for none."""
_COMPUTED = (
    r"\b(?:addprefix|addsuffix|patsubst|foreach|eval|call|shell|define|s?include)\b|\$[({]\w+:"
)
"""Expression for parts of a Makefile outside of recipes that make targets, or read files."""
_CALLED = r"\$[({]MAKE\b|\bmake\b"
RUNS_SOURCES = r"\b(?:go|cargo|dotnet|mix)\s+(?:run|test|generate|xtask)\b"


class Reach(Mutable):
    """The scripts and targets that the builds of one context may run."""

    build_files: BuildFiles
    by_word: Mapping[str, Sequence[str]]  # the sources by those words in them that may be names

    def may_run(self, source: str) -> bool:
        """Return True if a source is no script and no Makefile, or if a build may run it."""
        if _is_script(source) and self._runs_tools_alone:
            return source in self._run_scripts
        if _is_makefile(source) and self._runs_tools_alone:
            return bool(self._making or self._makers(source))
        return True

    def part_that_runs(self, source: str, text: str) -> str:
        """Return the text of a source; of a Makefile without targets that no RUN makes."""
        if basename(source) not in listed("makefiles") or not self._runs_tools_alone:
            return text
        if self._makers(source):
            return text
        return _without_idle_targets(text, self._making)

    @cached_property
    def _runs_tools_alone(self) -> bool:
        """Return True if each RUN runs only programs that run no script which no source names."""
        if self.build_files.undecided:
            return False
        tools = {*listed("tools_alone"), *listed("make")}
        for build_file in self.build_files.all:
            if not build_file.programs <= tools:
                return False
            if re.search(RUNS_SOURCES, build_file.commands):
                return False
        return True

    @cached_property
    def _run_scripts(self) -> set[str]:
        """Return the scripts that a Dockerfile names, or a source that may run itself."""
        scripts = {path for paths in self.by_word.values() for path in paths if _is_script(path)}
        scripts_by_word = defaultdict(list)
        for path in scripts:
            scripts_by_word[basename(path)].append(path)
        for ending in listed("scripts"):  # all that is left of a name that is put together
            scripts_by_word[ending] += scripts
        texts = [build_file.text for build_file in self.build_files.all]
        words = {*WORDS.findall("\n".join(texts))}
        scripts_by_caller = defaultdict[str, list[str]](list)
        pending = []
        for word, paths in scripts_by_word.items():
            callers = self.by_word.get(word, ())
            if word in words or not all(map(_is_script, callers)):
                pending += paths
            for caller in callers:
                scripts_by_caller[caller] += paths
        run = {*pending}
        while pending:
            named = {*scripts_by_caller[pending.pop()]} - run
            run |= named
            pending += named
        return run

    def _makers(self, makefile: str) -> list[str]:
        """Return the other sources that may make the targets of a Makefile."""
        makers = {path for word in listed("make") for path in self.by_word.get(word, ())}
        return [path for path in makers - {makefile} if self._may_make(path)]

    def _may_make(self, source: str) -> bool:
        if _is_script(source):
            return source in self._run_scripts
        return listed_names("command_files")(basename(source)) is not None

    @cached_property
    def _making(self) -> list[Command]:
        """Return the commands of Dockerfiles that make targets."""
        return [
            command
            for build_file in self.build_files.all
            for instruction in build_file.dockerfile.instructions
            for command in map(run_by, commands_of(instruction.trigger or instruction))
            if command.program in listed("make")
        ]


def _is_script(source: str) -> bool:
    return source.endswith(listed("scripts"))


def _is_makefile(source: str) -> bool:
    return basename(source) in listed("makefiles") or source.endswith(".mk")


class _Target(NamedTuple):
    """A rule of a Makefile: the words of its targets, and its lines."""

    names: frozenset[str]
    lines: list[str]


def _without_idle_targets(text: str, making: Sequence[Command]) -> str:
    """Return a Makefile without the targets that these commands do not make; or all of it."""
    always, targets = _parts(text)
    goals = [*_goals(making)]
    outside = "\n".join([*always, *(target.lines[0] for target in targets)])
    if any("$" in goal for goal in goals) or re.search(_COMPUTED, outside):
        return text
    numbers_by_name = defaultdict(list)
    for number, target in enumerate(targets):
        for name in target.names:
            numbers_by_name[name].append(number)
    kept = []
    idle = {*range(1, len(targets))}  # the first target is made by default
    pending = [*always, *goals]
    for target in targets[:1]:
        pending += target.lines
    while pending:
        line = pending.pop()
        kept.append(line)
        for word in WORDS.findall(line):
            made = idle.intersection(numbers_by_name.pop(word, ()))
            idle -= made
            for number in made:
                pending += targets[number].lines
    for line in kept:
        called = re.split(_CALLED, line, maxsplit=1)
        if "$" in "".join(called[1:]):  # targets whose names are not known
            return text
    return "\n".join(kept)


def _parts(text: str) -> tuple[list[str], list[_Target]]:
    """Return the lines of a Makefile that belong to no target with a name, and the targets."""
    always: list[str] = []
    targets = []
    lines = always
    for line in text.splitlines():
        if line.startswith(".PHONY"):
            continue
        header = re.match(_HEADER, line)
        if header and not re.search(_MANY, header[1]):
            lines = [line]
            targets.append(_Target(frozenset(WORDS.findall(header[1])), lines))
        elif line.startswith("\t") or not line.strip():
            lines.append(line)
        else:
            lines = always
            lines.append(line)
    return always, targets


def _goals(making: Sequence[Command]) -> Iterator[str]:
    """Yield the targets that commands name, and other words; not `VERSION=$VERSION`."""
    for command in making:
        for word in command.operands:
            if "=" not in word:
                yield word
