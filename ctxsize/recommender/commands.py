"""What the steps of a Dockerfile run, now or in a container, and what their words name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.stages import StageStep, tolerant
from ctxsize.recommender.knowledge.tools import has_verbs
from ctxsize.recommender.tree import is_glob, like
from ctxsize.shell import Command, commands, commands_of, in_directories, is_read_whole

_READ_WORD = "<"
"""Stands for the program that reads what follows: a file, a list, a document."""
_READ = re.compile(r"(?<![<\d])<\s*([\w./$\"'{}-]+)|\bfor\s+\w+\s+in\s+([^;\n]+)")
_SCRIPTING = re.compile(r"python|node|ruby|perl|php")
_LONGEST = 64 * 1024
_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")
_SILENT = frozenset(
    [
        *("rm", "rmdir", "mkdir", "cd", "pushd", "popd", "touch", "unset"),
        *("apt", "apt-get", "apk", "dnf", "microdnf", "yum"),
    ]
)
"""Programs to which it makes no difference whether what they name is there."""
_LEFT_OUT = re.compile(r"--(exclude|ignore)[\w-]*(=.*)?|-m")
"""Options whose value is no path that has to be there; `-m` is followed by a module."""
_PATHS = re.compile(r"(PATH|DIR|HOME|ROOT|LIBS?|FILE|PREFIX)$", re.IGNORECASE)


def running(step: StageStep) -> Iterator[tuple[str, Command]]:
    """Yield what a step runs, each command with its directory as far as WORKDIR tells it."""
    found = (
        replace(each, words=tuple(valued(step, word) for word in each.words))
        for each in _run_by(step.instruction)
    )
    return in_directories(found, step.state.directory.text)


def valued(step: StageStep, word: str) -> str:
    """Return a word of a step with what its variables stand for, as far as that is known.

    A shell does not see the arguments in front of the first FROM, but what they hold is meant.
    """
    if "$" not in word or len(word) > _LONGEST:
        return word
    known = step.expanded(word, quotes=False)
    return tolerant(step.state.outer, known, quotes=False) if "$" in known else known


def _run_by(instruction: Instruction) -> tuple[Command, ...]:
    """Return what an instruction runs; a shell of Windows is read like others, as a guess."""
    if instruction.keyword in ("RUN", "CMD", "ENTRYPOINT"):
        found = commands_of(instruction)
        return (*found, *(Command((_READ_WORD, each)) for each in _read_by(instruction, found)))
    if instruction.keyword == "HEALTHCHECK":
        return commands_of(instruction)
    # A document that COPY or ADD writes may be a script, which is run later.
    documents = [each.content for each in instruction.heredocs]
    unread = (Command((_READ_WORD, each)) for each in documents if not is_read_whole(each))
    return (*(each for text in documents for each in commands(text)), *unread)


def _read_by(instruction: Instruction, found: tuple[Command, ...]) -> Iterator[str]:
    """Yield what commands read beside their words: files, lists, documents that no shell runs."""
    for match in _READ.finditer(instruction.text):
        yield match[1] or match[2]
    if not found or any(_SCRIPTING.match(each.program) for each in found):
        yield from (each.content for each in instruction.heredocs)


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return whether a word of `text` names `name`, a name or the last components of a path.

    A word that is nothing but the name counts if it may stand there `bare`.

    >>> is_named("build", "/app/build/lib:$PATH"), is_named("build", "/usr/lib/build")
    (True, False)
    """
    return any(word and _is(word, name, bare) for word in _BETWEEN.split(text))


def _is(word: str, name: str, bare: bool) -> bool:
    if _OF_THE_SYSTEM.match(word) or ("/" not in word and not bare):
        return False
    parts = [part for part in word.split("/") if part not in ("", ".")]
    wanted = name.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(all(map(_agree, parts[at:], wanted)) for at in starts)


def _agree(part: str, wanted: str) -> bool:
    """Return whether a part of a path is `wanted`, or a pattern meant for more than anything."""
    return part == wanted or (part.strip("*") != "" and is_glob(part) and like(part, wanted))


def is_named_by_value(name: str, variable: str, value: str) -> bool:
    """Return whether what a variable is set to names it."""
    return is_named(name, value, bare=_PATHS.search(variable) is not None)


def is_named_by(name: str, command: Command) -> bool:
    """Return whether a command names it where it has to be there for it."""
    if command.program in _SILENT:
        return False
    if any(is_named_by_value(name, *each) for each in command.assignments):
        return True
    bare, left_out = not has_verbs(command.program), False
    for word in command.words:
        option = _LEFT_OUT.fullmatch(word) is not None
        if not left_out and not option and is_named(name, word, bare=bare):
            return True
        left_out = option and "=" not in word
    return False
