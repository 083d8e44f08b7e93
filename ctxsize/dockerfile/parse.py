"""Dockerfile text → instructions, as BuildKit's parser splits them.

Splitting is all that happens here: which flags and arguments an instruction
may have is `check`'s business, what a variable stands for `words`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ctxsize.dockerfile.arguments import is_keyword, partition, split_arguments, take_flags
from ctxsize.dockerfile.check import check_instruction
from ctxsize.dockerfile.complaints import located
from ctxsize.dockerfile.heredocs import parse_heredoc_word
from ctxsize.dockerfile.instructions import Dockerfile, Heredoc, Instruction
from ctxsize.dockerfile.lines import LineReader, find_syntax
from ctxsize.dockerfile.words import SPACE, split_words
from ctxsize.errors import DockerfileError

_HEREDOC_KEYWORDS = ("ADD", "COPY", "RUN")


def parse_dockerfile(data: bytes | str) -> Dockerfile:
    r"""Return the instructions of a Dockerfile, in order.

    Raises DockerfileError with line and reason if BuildKit would reject the
    file whatever the target: unknown instructions and flags, missing
    arguments, an open heredoc, no FROM. What only fails once a stage is built
    is found by `context_need`.

    >>> [each.arguments for each in parse_dockerfile("FROM alpine\nCOPY a b /x\n").instructions]
    [('alpine',), ('a', 'b', '/x')]
    """
    content = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if not content:
        raise DockerfileError("the Dockerfile cannot be empty")
    reader = LineReader(content)
    instructions = tuple(_instructions(reader))
    _check_structure(instructions)
    return Dockerfile(reader.directives, instructions, reader.escape, find_syntax(content))


@lru_cache(maxsize=1024)  # each stage on a base has its triggers
def parse_trigger(text: str) -> Instruction:
    """Return the one instruction that an ONBUILD trigger consists of.

    Image configurations hold triggers as text, and the builder reads each like
    a file of its own, with the default escape character. Raises DockerfileError.
    """
    instructions = tuple(_instructions(LineReader(text.encode("utf-8", "surrogatepass"))))
    if len(instructions) != 1:
        raise DockerfileError("onbuild trigger should be a single expression")
    check_instruction(instructions[0])
    if instructions[0].keyword == "FROM":
        raise DockerfileError("FROM isn't allowed as an ONBUILD trigger")
    return instructions[0]


def _instructions(reader: LineReader) -> Iterator[Instruction]:
    """Yield the instructions with their heredocs; at least one, or raise."""
    nothing = True
    for logical in reader.logical_lines():
        nothing = False
        with located(logical.line):
            instruction = _split(logical.text, reader.escape)
            heredocs = tuple(_read_heredocs(instruction, reader))
        yield replace(instruction, line=logical.line, end_line=reader.line, heredocs=heredocs)
    if nothing:
        raise DockerfileError("file with no instructions", line=reader.line or None)
    if reader.too_long:
        message = "dockerfile line greater than max allowed size of 65535"
        raise DockerfileError(message, line=reader.line + 1)


def _check_structure(instructions: tuple[Instruction, ...]) -> None:
    """Raise unless each instruction is acceptable and belongs to a stage."""
    in_stage = False
    for instruction in instructions:
        check_instruction(instruction)
        in_stage = in_stage or instruction.keyword == "FROM"
        if not in_stage and instruction.keyword != "ARG":
            raise DockerfileError("no build stage in current context", line=instruction.line)
    if not in_stage:
        raise DockerfileError("dockerfile contains no stages to build")


def _split(text: str, escape: str, *, is_trigger: bool = False) -> Instruction:
    """Return keyword, flags and arguments of a logical line; it has no place yet."""
    keyword, _, rest = partition(text.strip(SPACE))
    if is_keyword(keyword):
        keyword = keyword.upper()
    flags, rest = take_flags(rest, escape)
    rest = rest.strip(SPACE)
    trigger = None
    # BuildKit rejects a chain of ONBUILD, so that the second one needs no trigger.
    if keyword == "ONBUILD" and rest and not is_trigger:
        trigger = _split(rest, escape, is_trigger=True)
    arguments, json_form = split_arguments(keyword, rest, escape)
    return Instruction(keyword, flags, arguments, json_form, text, 0, 0, trigger=trigger)


def _read_heredocs(instruction: Instruction, reader: LineReader) -> Iterator[Heredoc]:
    """Yield the heredocs that the instruction opens, their bodies read from below it."""
    carrier = instruction.trigger or instruction
    if carrier.keyword not in _HEREDOC_KEYWORDS or carrier.json_form:
        return
    for heredoc in _heredocs_in(instruction.text):
        body = reader.heredoc_body(heredoc.name, strip_tabs=heredoc.strip_tabs)
        if body is None:
            raise DockerfileError("unterminated heredoc")
        yield replace(heredoc, content=body)


def _heredocs_in(text: str) -> list[Heredoc]:
    """Return the heredocs that a line opens; none if its quotes do not match."""
    if "<<" not in text:
        return []
    try:
        words = split_words(text, raw_quotes=True, raw_escapes=True)
    except DockerfileError:
        return []
    return [heredoc for word in words if (heredoc := parse_heredoc_word(word))]
