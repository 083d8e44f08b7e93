"""A Dockerfile whose text contains hidden values: its words are hidden where these values are."""

from __future__ import annotations

from dataclasses import replace

from ctxsize.dockerfile.instructions import Directive, Dockerfile, Instruction
from ctxsize.dockerfile.parse import find_syntax, unchecked_instructions
from ctxsize.dockerfile.words import Words
from ctxsize.errors import DockerfileError
from ctxsize.hidden import Hidden, shown

_UNKNOWN = "…"
_NOTHING = Instruction("", (), (), json_form=False, text=_UNKNOWN, line=0, end_line=0)


def concealed(dockerfile: Dockerfile, written: bytes) -> Dockerfile:
    """Return `dockerfile` with its words hidden that differ from those of `written`.

    That is the same text with names in place of values. If these values change the number of
    instructions, no word may be printed.
    """
    instructions = dockerfile.instructions
    others = unchecked_instructions(written)
    if len(others) != len(instructions):
        others = (_NOTHING,) * len(instructions)
    return replace(
        dockerfile,
        instructions=tuple(map(_hide_instruction, instructions, others)),
        syntax=_hide_frontend(dockerfile.syntax, written),
    )


def find_frontend(data: bytes, written: bytes | None) -> Directive | None:
    """Return what `find_syntax` finds in `data`, hidden if `written` has names in its place.

    The rest of the Dockerfile may be wrong.
    """
    return _hide_frontend(find_syntax(data), written)


def _hide_frontend(syntax: Directive | None, written: bytes | None) -> Directive | None:
    if not syntax or written is None:
        return syntax
    shown_value = _UNKNOWN
    if other := find_syntax(written):
        shown_value = other.value
    return replace(syntax, value=_hide_word(syntax.value, shown_value))


def unquoted(error: DockerfileError, dockerfile: Dockerfile) -> DockerfileError:
    """Return `error` without its message if it is about a line with hidden values.

    An error may quote any part of a word, so only the whole instruction is shown, as written.
    """
    for instruction in dockerfile.instructions:
        if not isinstance(instruction.text, Hidden):
            continue
        if instruction.line <= (error.line or 0) <= instruction.end_line:
            error.message = f"the value of a variable makes `{shown(instruction.text)}` fail"
    return error


def _hide_instruction(instruction: Instruction, other: Instruction) -> Instruction:
    """Return an instruction with its words hidden that differ from those of the `other`."""
    if _move(other, instruction) == instruction:
        return instruction
    trigger = instruction.trigger
    if trigger:
        trigger = _hide_instruction(trigger, other.trigger or _NOTHING)
    return replace(
        instruction,
        flags=_hide_words(instruction.flags, other.flags),
        arguments=_hide_words(instruction.arguments, other.arguments),
        text=Hidden(instruction.text, other.text),
        trigger=trigger,
    )


def _move(instruction: Instruction, place: Instruction) -> Instruction:
    """Return an instruction, and its trigger, at the lines of `place`."""
    trigger = instruction.trigger
    if trigger:
        trigger = _move(trigger, place)
    return replace(instruction, line=place.line, end_line=place.end_line, trigger=trigger)


def _hide_words(words: Words, others: Words) -> Words:
    """Return `words`, hidden where they differ from the `others`, which have no values."""
    if len(words) != len(others):
        others = (_UNKNOWN,) * len(words)
    return tuple(map(_hide_word, words, others))


def _hide_word(word: str, other: str) -> str:
    if word == other:
        return word
    return Hidden(word, other)
