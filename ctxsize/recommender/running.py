"""What the steps of a Dockerfile run, now or in a container, with the variables replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.stages import StageStep, tolerant
from ctxsize.shell import Command, commands, commands_of, in_directories, is_read_whole

READ = "<"
"""Stands for the program that reads what follows: a file, a list, a document."""
_READ = re.compile(r"(?<![<\d])<\s*([\w./$\"'{}-]+)|\bfor\s+\w+\s+in\s+([^;\n]+)")
_SCRIPTING = re.compile(r"python|node|ruby|perl|php")
_LONGEST = 64 * 1024


def running(step: StageStep) -> Iterator[tuple[str, Command]]:
    """Return what a step runs, each command with its directory as far as WORKDIR tells it."""
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
