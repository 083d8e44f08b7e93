"""Changes to the text of a Dockerfile; the rest stays as it is, to the byte.

A `Script` is a RUN piece by piece: where its flags and commands stand in the file. What is
between them (continuations, comments, blanks) stays as it is.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.arguments import flag_word, partition, take_flags
from ctxsize.dockerfile.instructions import parse_heredoc_word
from ctxsize.dockerfile.mounts import ALIASES, csv_fields
from ctxsize.dockerfile.words import SPACE
from ctxsize.shell import Command
from ctxsize.syntax import Piece, read_pieces


@dataclass(frozen=True)
class Change:
    """Lines `first` to `last` (1-based, both included) become `lines`.

    With `last` before `first` the lines are put in front of `first`.
    """

    first: int
    last: int
    lines: tuple[str, ...]


def lines_of(data: bytes) -> list[str]:
    """Return the lines of `data` without their ends."""
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")


def changed(data: bytes, changes: Iterable[Change]) -> bytes:
    """`data` with `changes`; line ends stay what they are.

    Raises `ValueError` if two of them are about the same line.
    """
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    above = len(lines) + 1
    for change in sorted(changes, key=lambda each: (each.first, each.last), reverse=True):
        if max(change.first, change.last + 1) > above:
            raise ValueError(f"two changes of line {change.last}")
        above = change.first
        # An instruction ends in one way: a heredoc ends at a line that is its word to the byte.
        end = "\r" * lines[min(change.first, len(lines)) - 1].endswith("\r")
        lines[change.first - 1 : change.last] = [line + end for line in change.lines]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def declared_above(data: bytes, line: int) -> Change:
    """Return the declaration of the architecture above an instruction and the comments on it."""
    lines = lines_of(data)
    while lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return Change(line, line - 1, ("ARG TARGETARCH",))


def with_option(mount: str, **options: str) -> str:
    """Return the value of a `--mount` with other or further options; new ones come last.

    >>> with_option("type=cache,target=/a", target="/b", sharing="locked")
    'type=cache,target=/b,sharing=locked'
    """
    fields: dict[str, str] = {}
    for field in csv_fields(mount):
        key = field.partition("=")[0].lower()
        fields[ALIASES.get(key, key)] = field
    fields.update({name: f"{name}={value}" for name, value in options.items()})
    return ",".join(_csv_field(field) for field in fields.values())


def _csv_field(field: str) -> str:
    if not set(field) & set(',"'):
        return field
    doubled = field.replace('"', '""')
    return f'"{doubled}"'


def quoted(word: str) -> str:
    """Return `word` for a shell; variables and commands in it keep their meaning."""
    if "$" not in word:
        return shlex.quote(word)
    return word if "$(" in word else '"' + word.replace('"', '\\"') + '"'


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
    command: int
    """Where what follows the flags begins."""
    code: str
    """The shell text with its continuations joined, `""` for a list of words."""
    places: tuple[int, ...]
    """Where each character of `code` stands in `raw`."""
    escape: str

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Return the commands of the shell text; none if there is none."""
        return read_pieces(self.code)[0]

    def piece_of(self, command: Command) -> Piece | None:
        """Return the one piece that is `command`; None if it is in a script or a group."""
        words = command.words
        found = [each for each in self.pieces if each.words[-len(words) :] == words]
        return found[0] if found and not found[0].is_nested else None

    def change(self, splices: Iterable[Splice]) -> Change:
        """Return what `splices`, which do not overlap, make of the instruction."""
        text = self.raw
        for start, end, new in sorted(splices, reverse=True):
            text = text[:start] + new + text[end:]
        return Change(self.instruction.line, self.instruction.end_line, tuple(text.split("\n")))

    def with_mount(self, written: str, mount: str) -> Splice | None:
        """Return the mount whose value is `written` with another value."""
        for each in self.flags:
            if each.value == f"--mount={written}":
                return each.start, each.end, f"--mount={mount}"
        return None

    def without_option(self, option: str, programs: tuple[str, ...]) -> list[Splice]:
        """Return every command of `programs` without an option and the blanks in front of it."""
        if self.instruction.json_form:
            words = [each for each in self.instruction.arguments if each != option]
            return [(self.command, len(self.raw), json.dumps(words))]
        return [
            self._without(span)
            for piece in self.pieces
            if any(word.rpartition("/")[2].startswith(programs) for word in piece.words)
            for word, span in zip(piece.words, piece.spans, strict=True)
            if word == option
        ]

    def _without(self, span: tuple[int, int]) -> Splice:
        before = len(self.code[: span[0]].rstrip(" \t"))
        return self.places[before - 1] + 1, self.places[span[1] - 1] + 1, ""


def read_script(data: bytes, instruction: Instruction, escape: str) -> Script:
    """Read the RUN `instruction` of the Dockerfile `data`."""
    raw = "\n".join(_lines(data)[instruction.line - 1 : instruction.end_line])
    places = tuple(_places(raw, escape))
    logical = "".join(raw[at] for at in places)
    keyword, blanks, rest = partition(logical)
    begins = len(keyword) + len(blanks)
    flags = tuple(_flags(logical, begins, escape))
    command = len(logical) - len(take_flags(rest, escape)[1].lstrip(SPACE))
    ends = (*places, len(raw))
    code, stands = logical[command:], places[command:]
    if instruction.json_form:
        code, stands = "", ()
    elif instruction.heredocs and parse_heredoc_word(code.strip()):
        body = raw.index("\n", places[-1]) + 1
        code = raw[body : raw.rindex("\n") + 1]
        stands = tuple(range(body, body + len(code)))
    placed = tuple(Flag(value, ends[start], ends[end - 1] + 1) for value, start, end in flags)
    return Script(instruction, raw, placed, ends[command], code, stands, escape)


@lru_cache(maxsize=2)
def _lines(data: bytes) -> tuple[str, ...]:
    return tuple(lines_of(data))


def _places(raw: str, escape: str) -> Iterator[int]:
    """Yield where the joined text stands: without comments, and up to its last line."""
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
