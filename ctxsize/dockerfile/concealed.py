"""A Dockerfile whose text contains hidden values: its words are hidden where these values are."""

from __future__ import annotations

from dataclasses import replace

from ctxsize.dockerfile.instructions import Directive, Dockerfile, Instruction
from ctxsize.dockerfile.parse import find_syntax, unchecked_instructions
from ctxsize.errors import DockerfileError
from ctxsize.hidden import Hidden, shown

_UNKNOWN = "…"


def concealed(dockerfile: Dockerfile, written: bytes) -> Dockerfile:
    """Return `dockerfile` with its words hidden that differ from those of `written`.

    That is the same text with names in place of values. If these values change the number of
    instructions, no word may be printed.
    """
    others: tuple[Instruction | None, ...] = unchecked_instructions(written)
    if len(others) != len(dockerfile.instructions):
        others = (None,) * len(dockerfile.instructions)
    pairs = zip(dockerfile.instructions, others, strict=True)
    return replace(
        dockerfile,
        instructions=tuple(_instruction(*pair) for pair in pairs),
        syntax=_frontend(dockerfile.syntax, written),
    )


def find_frontend(data: bytes, written: bytes | None) -> Directive | None:
    """Return what `find_syntax` finds in `data`, hidden if `written` has names in its place.

    The rest of the Dockerfile may be wrong.
    """
    found = find_syntax(data)
    if written is None:
        return found
    return _frontend(found, written)


def _frontend(syntax: Directive | None, written: bytes) -> Directive | None:
    other = find_syntax(written)
    if syntax is None or (other is not None and other.value == syntax.value):
        return syntax
    return replace(syntax, value=Hidden(syntax.value, other.value if other else _UNKNOWN))


def unquoted(error: DockerfileError, dockerfile: Dockerfile) -> DockerfileError:
    """Return `error` without its message if it is about a line with hidden values.

    An error may quote any part of a word, so only the whole instruction is shown, as written.
    """
    for instruction in dockerfile.instructions:
        is_here = instruction.line <= (error.line or 0) <= instruction.end_line
        if is_here and isinstance(instruction.text, Hidden):
            error.message = f"the value of a variable makes `{shown(instruction.text)}` fail"
    return error


def _instruction(instruction: Instruction, other: Instruction | None) -> Instruction:
    if other is not None and _moved(other, instruction) == _moved(instruction, instruction):
        return instruction
    trigger = instruction.trigger
    if trigger is not None:
        trigger = _instruction(trigger, other.trigger if other else None)
    return replace(
        instruction,
        flags=_words(instruction.flags, other.flags if other else ()),
        arguments=_words(instruction.arguments, other.arguments if other else ()),
        text=Hidden(instruction.text, other.text if other else _UNKNOWN),
        trigger=trigger,
    )


def _moved(instruction: Instruction, place: Instruction) -> Instruction:
    """Return an instruction, and its trigger, at the lines of `place`."""
    trigger = instruction.trigger
    if trigger is not None:
        trigger = _moved(trigger, place)
    return replace(instruction, line=place.line, end_line=place.end_line, trigger=trigger)


def _words(words: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Return `words`, hidden where they differ from the `others`, which have no values."""
    if len(words) != len(others):
        others = (_UNKNOWN,) * len(words)
    return tuple(
        word if word == other else Hidden(word, other)
        for word, other in zip(words, others, strict=True)
    )
