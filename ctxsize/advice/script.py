"""A RUN piece by piece: where its flags and commands stand in the file, and how to change them.

What is between them (continuations, comments, blanks) stays as it is.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ctxsize.advice.rewrite import Change, lines_of
from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.arguments import flag_word, partition, take_flags
from ctxsize.dockerfile.heredocs import parse_heredoc_word
from ctxsize.dockerfile.words import SPACE
from ctxsize.shell import Command, Piece, commands, pieces

Splice = tuple[int, int, str]
"""From where to where of the raw text, and what is to stand there."""


@dataclass(frozen=True)
class Flag:
    """A flag such as `--mount=…` and where it stands."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Script:
    """The text of a RUN, as it stands in the file, and the places in it."""

    instruction: Instruction
    raw: str
    """Its lines, joined by line feeds."""
    flags: tuple[Flag, ...]
    begins: int
    """Where the first flag begins, or the command if there is none."""
    command: int
    """Where what follows the flags begins."""
    form: str
    """`shell`, `heredoc` for a script in a heredoc, `json` for a list of words."""
    code: str
    """The shell text with its continuations joined, `""` if there is none."""
    places: tuple[int, ...]
    """Where each character of `code` stands in `raw`."""
    escape: str

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The commands of the shell text; none if there is none."""
        return pieces(self.code)

    def start(self, piece: Piece) -> int:
        """Where a piece begins in the raw text."""
        return self.places[piece.start]

    def end(self, piece: Piece) -> int:
        """Where it ends there."""
        return self.places[piece.end - 1] + 1

    def text(self, piece: Piece) -> str:
        """A piece as it is written, continuations joined."""
        return self.code[piece.start : piece.end]

    def piece_of(self, command: Command) -> Piece | None:
        """The one piece that is `command` and no more; None if it is in a script or a group."""
        found = [each for each in self.pieces if commands(self.text(each)) and _is(each, command)]
        return found[0] if found and not found[0].nested else None

    def span_of(self, command: Command, new: str) -> tuple[int, int] | None:
        """Where a command stands that is to become `new`, what is set for it included.

        In a script of its own it is looked for as it is read. None if it is not found,
        or if `new` has quotes, which mean something else in there.
        """
        count = len(command.words) + len(command.assignments)
        for each in self.pieces:
            if _is(each, command):
                first, last = each.spans[-count:][0], each.spans[-1]
                return self.places[first[0]], self.places[last[1] - 1] + 1
        blanks = rf"(?:[ \t]|{re.escape(self.escape)}\n)+"
        found = re.search(blanks.join(map(re.escape, command.words)), self.raw)
        return None if found is None or set(new) & set("'\"") else found.span()

    def change(self, splices: Iterable[Splice]) -> Change:
        """What `splices`, which do not overlap, make of the instruction."""
        text = self.raw
        for start, end, new in sorted(splices, reverse=True):
            text = text[:start] + new + text[end:]
        first, last = self.instruction.line, self.instruction.end_line
        return Change(first, last, tuple(text.split("\n")) if text else ())

    @property
    def joint(self) -> str:
        """What goes on with the instruction on the next line."""
        return f" {self.escape}\n    "

    @property
    def _indent(self) -> str:
        """What the lines of a heredoc begin with."""
        return self.code[: len(self.code) - len(self.code.lstrip(" \t"))]

    def with_mounts(self, mounts: Iterable[str]) -> Splice:
        """Further mounts in front of everything else, each on a line of its own."""
        new = "".join(f"--mount={mount}{self.joint}" for mount in mounts)
        return self.begins, self.begins, new

    def with_mount(self, written: str, mount: str) -> Splice | None:
        """The mount whose value is `written` with another value."""
        for each in self.flags:
            if each.value == f"--mount={written}":
                return each.start, each.end, f"--mount={mount}"
        return None

    def appended(self, command: str) -> Splice:
        """`command` behind all others."""
        if self.form == "json":
            words = shlex.join(self.instruction.arguments)
            return self.command, len(self.raw), f"{words} &&{self.joint}{command}"
        if self.form == "heredoc":
            at = self.raw.rindex("\n") + 1
            return at, at, f"{self._indent}{command}\n"
        at = self.end(self.pieces[-1]) if self.pieces else len(self.raw)
        return at, at, f" &&{self.joint}{command}"

    def prepended(self, command: str) -> Splice:
        """`command` in front of all others."""
        if self.form == "json":
            words = shlex.join(self.instruction.arguments)
            return self.command, len(self.raw), f"{command} &&{self.joint}{words}"
        if self.form == "heredoc":
            return self.places[0], self.places[0], f"{self._indent}{command}\n"
        return self.command, self.command, f"{command} &&{self.joint}"

    def without(self, piece: Piece) -> Splice | None:
        """The list without a command; None if nothing is left.

        Where the list hangs on its success (`||`, a pipe, a group) it becomes `true`.
        """
        at = self.pieces.index(piece)
        following = self.pieces[at + 1] if at + 1 < len(self.pieces) else None
        if len(self.pieces) == 1:
            return None
        joints = {piece.after or ";", following.after if following else ";"}
        if piece.nested or not joints <= {"&&", ";", "\n"}:
            return self.start(piece), self.end(piece), "true"
        if following is not None:
            return self.start(piece), self.start(following), ""
        return self.end(self.pieces[at - 1]), self.end(piece), ""

    def without_words(self, piece: Piece, *words: str) -> Iterator[Splice]:
        """A piece without these words, each with the blanks in front of it."""
        for word, (start, end) in zip(piece.words, piece.spans, strict=True):
            if word in words:
                before = len(self.code[:start].rstrip(" \t"))
                yield self.places[before - 1] + 1, self.places[end - 1] + 1, ""

    def without_option(self, option: str, programs: tuple[str, ...]) -> list[Splice]:
        """Every command of `programs` without an option.

        All of the RUN without it where a long one is given in a way that is not understood.
        """
        found = [
            splice
            for piece in self.pieces
            if any(word.rpartition("/")[2].startswith(programs) for word in piece.words)
            for splice in self.without_words(piece, option)
        ]
        if found or not option.startswith("--"):
            return found
        if self.form == "json" and option in self.instruction.arguments:
            words = [each for each in self.instruction.arguments if each != option]
            return [(self.command, len(self.raw), json.dumps(words))]
        names = "|".join(map(re.escape, programs))
        of_them = rf"\b(?:{names})\d*[ \t][^;&|\n]*?([ \t]+{re.escape(option)})(?=[\s\"\\';&|)]|$)"
        found_in = re.compile(of_them).finditer(self.raw, self.command)
        return [(*each.span(1), "") for each in found_in]


def read_script(data: bytes, instruction: Instruction, escape: str) -> Script:
    """The RUN `instruction` of the Dockerfile `data`."""
    raw = "\n".join(_lines(data)[instruction.line - 1 : instruction.end_line])
    places = tuple(_places(raw, escape))
    logical = "".join(raw[at] for at in places)
    keyword, blanks, rest = partition(logical)
    begins = len(keyword) + len(blanks)
    flags = tuple(_flags(logical, begins, escape))
    command = len(logical) - len(take_flags(rest, escape)[1].lstrip(SPACE))
    ends = (*places, len(raw))
    form, code, stands = "shell", logical[command:], places[command:]
    if instruction.json_form:
        form, code, stands = "json", "", ()
    elif instruction.heredocs and parse_heredoc_word(code.strip()):
        body = raw.index("\n", places[-1]) + 1
        content = raw[body : raw.rindex("\n") + 1]
        form, code, stands = "heredoc", content, tuple(range(body, body + len(content)))
    placed = tuple(Flag(value, ends[start], ends[end - 1] + 1) for value, start, end in flags)
    return Script(instruction, raw, placed, ends[begins], ends[command], form, code, stands, escape)


@lru_cache(maxsize=2)
def _lines(data: bytes) -> tuple[str, ...]:
    return tuple(lines_of(data))


def _places(raw: str, escape: str) -> Iterator[int]:
    """Where the characters of the joined text stand: without comments, and up to its last line."""
    at = 0
    for number, line in enumerate(raw.split("\n")):
        content = line.lstrip(SPACE)
        bare = line.rstrip("\t ")
        continued = bare.endswith(escape) and not bare.endswith(escape * 2)
        first = len(line) - len(content) if number == 0 else 0
        if number == 0 or (content and not content.startswith("#")):
            end = len(bare) - 1 if continued else len(line)
            yield from range(at + first, at + end)
            if not continued:
                return
        at += len(line) + 1


def _flags(logical: str, begins: int, escape: str) -> Iterator[tuple[str, int, int]]:
    at = begins
    while logical.startswith("--", at):
        value, end = flag_word(logical, at, escape)
        if value == "--":
            return
        yield value, at, end
        at = end + len(logical[end:]) - len(logical[end:].lstrip(SPACE))


def _is(piece: Piece, command: Command) -> bool:
    """Whether a piece runs `command` itself, whatever stands in front of it."""
    return piece.words[-len(command.words) :] == command.words
