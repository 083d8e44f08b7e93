"""Changes to the text of a Dockerfile; the rest stays as it is, to the byte.

What changes is a word or an option. The builder's reading of the instruction, before and after,
proves that nothing else does; an instruction for which that fails is left to a person.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.sources import ALIASES
from ctxsize.engine.request import Plan
from ctxsize.errors import DockerfileError
from ctxsize.shell import Command, commands_of


class Change(NamedTuple):
    """Lines `first` to `last` (1-based, both included) become `text`."""

    first: int
    last: int
    text: str


def lines_of(data: bytes) -> list[str]:
    """Return the lines of `data` without their ends."""
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")


def changed(data: bytes, changes: Iterable[Change]) -> bytes:
    """`data` with `changes`, which do not overlap; line ends stay what they are."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for first, last, text in sorted(changes, reverse=True):
        # An instruction ends in one way: a heredoc ends at a line that is its word to the byte.
        end = "\r" * lines[min(first, len(lines)) - 1].endswith("\r")
        lines[first - 1 : last] = [line + end for line in text.split("\n")]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def declared_above(lines: list[str], line: int) -> Change:
    """Return the declaration of the architecture above an instruction and the comments on it."""
    while lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return Change(line, line - 1, "ARG TARGETARCH")


def with_words(text: str, escape: str, words: Mapping[str, str]) -> str | None:
    """Return an instruction with other flags and arguments; None if that changes anything else."""
    after = text
    for old, new in words.items():
        after = re.sub(rf'(?<![^\s"]){re.escape(old)}(?![^\s"])', new.replace("\\", r"\\"), after)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None or then.text == before.text:
        return None
    flags, arguments = (
        tuple(words.get(word, word) for word in each) for each in (before.flags, before.arguments)
    )
    wanted = replace(before, flags=flags, arguments=arguments, text=then.text)
    return after if then == wanted else None


def without_option(
    text: str, escape: str, option: str, is_meant: Callable[[Command], bool]
) -> str | None:
    """Return a RUN whose commands lose an option; None if more changes, or one is not meant."""
    blanks = rf"(?<!\s)(?:\s|{re.escape(escape)}\n)+"
    written = re.escape(option)
    after = re.sub(rf',\s*"{written}"|{blanks}{written}(?![^\s;&|)"\'])', "", text)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None or before.flags != then.flags:
        return None
    commands = [replace(each, line=0) for each in commands_of(before)]
    wanted = [
        replace(each, words=tuple(e for e in each.words if e != option or not is_meant(each)))
        for each in commands
    ]
    return after if [replace(each, line=0) for each in commands_of(then)] == wanted else None


def read_alone(text: str, escape: str) -> Instruction | None:
    """Return the instruction that a text is; None if it is none, or would go on below."""
    data = f"# escape={escape}\nFROM scratch\n{text}\nSTOPSIGNAL 9\n"
    try:
        plan = Plan(lambda: data.encode("utf-8", "surrogateescape"))
        _, found, *below = plan.dockerfile.instructions
    except DockerfileError:
        return None
    return found if [each.text for each in below] == ["STOPSIGNAL 9"] else None


def with_option(mount: str, **options: str) -> str:
    """Return the value of a `--mount` with other or further options; new ones come last.

    >>> with_option("type=cache,dst=/a", target="/b", sharing="locked")
    'type=cache,target=/b,sharing=locked'
    """
    fields = {}
    for field in mount.split(","):
        key = field.partition("=")[0].lower()
        fields[ALIASES.get(key, key)] = field
    given = {name: f"{name}={value}" for name, value in options.items()}
    return ",".join({**fields, **given}.values())


def quoted(word: str) -> str:
    """Return `word` for a shell; variables and commands in it keep their meaning."""
    if "$" not in word:
        return shlex.quote(word)
    return word if "$(" in word else '"' + word.replace('"', '\\"') + '"'
