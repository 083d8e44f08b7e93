"""The tables of patterns, which the core reads."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from itertools import chain
from os import fsencode

from ctxsize.engine.automaton import Program
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.segments import CLASS, Segment

_END = 0
_BYTE = 1
_RUNE = 2
_STAR = 3
_CLASS = 4
Token = tuple[int, int]  # a kind, and a byte, the number of a class or of a bit
Tokens = list[Token]
ClassNumbers = dict[bytes, int]  # classes of characters, as a flag for each byte
_ANY_TEXT = (_STAR, 0)


def tables(program: Program, spec: DockerIgnoreSpec) -> tuple[bytes, ...]:
    """Return the tables of patterns, in the order in which the core reads them."""
    classes: ClassNumbers = {}
    tokens: Tokens = []
    first = []
    for bit, part in enumerate(program.parts):
        first.append(len(tokens))
        tokens += _tokens(part, classes)
        tokens.append((_END, bit))
    return (
        *_masks(program),
        array("i", program.ends).tobytes(),
        array("i", program.owner).tobytes(),
        bytes(not pattern.include for pattern in spec.patterns),
        array("i", chain.from_iterable(tokens)).tobytes(),
        array("i", first).tobytes(),
        b"".join(classes),
        _columns(tokens, [*classes]),
        terminated([*(spec.reach or ())]),
    )


def _masks(program: Program) -> Iterator[bytes]:
    """Yield the masks of segments, in words of 64 bits."""
    words = (len(program.owner) + 63) // 64
    every_bit = (1 << 64 * words) - 1
    masks = (
        program.start,
        program.final,
        program.loop,
        program.loop & ~program.text_loops,
        program.advance,
        program.exceptions,
        program.whole_paths,
    )
    for mask in masks:
        yield (mask & every_bit).to_bytes(8 * words, "little")


def _columns(tokens: Tokens, classes: list[bytes]) -> bytes:
    """Return a number for each byte; bytes that every token treats alike share one."""
    apart = {byte for kind, byte in tokens if kind == _BYTE}
    for flags in classes:
        apart.update(byte for byte, flag in enumerate(flags) if flag)
    columns = {byte: number for number, byte in enumerate(sorted(apart), 1)}
    return bytes(columns.get(byte, 0) for byte in range(256))


def terminated(texts: list[str]) -> bytes:
    """Return texts with a NUL behind each."""
    return fsencode("\0".join([*texts, ""]))


def _literal(text: str) -> Tokens:
    return [(_BYTE, byte) for byte in fsencode(text)]


def _tokens(part: Segment, classes: ClassNumbers) -> Tokens:
    """Return the tokens of a segment; classes of characters are numbered in order of appearance."""
    if part.kind == "glob":
        return [*_glob_tokens(part.text, classes)]
    tokens = _literal(part.text)
    # Of a `path`, names that may be part of a match: the core calls `_matching`.
    if part.kind in ("suffix", "any", "below", "path"):
        tokens.insert(0, _ANY_TEXT)
    if part.kind in ("prefix", "opening", "path"):
        tokens.append(_ANY_TEXT)
    return tokens


def _glob_tokens(glob: str, classes: ClassNumbers) -> Iterator[Token]:
    """Yield the tokens of a glob, whose classes contain only letters, digits, `_` and `.`."""
    for part in re.findall(rf"(?s){CLASS}|.", glob):
        if len(part) > 1:
            regex = re.compile(part)
            members = bytes(regex.match(chr(byte)) is not None for byte in range(128))
            yield _CLASS, classes.setdefault(members.ljust(256, b"\0"), len(classes))
        elif part == "*":
            yield _ANY_TEXT
        elif part == "?":
            yield _RUNE, 0
        else:
            yield from _literal(part)
