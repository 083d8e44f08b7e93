"""Changes to the text of a Dockerfile; the rest stays as it is, to the byte.

What changes is a word or an option. The builder's reading of the instruction, before and after,
proves that nothing else does; an instruction for which that fails is left to a person.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ctxsize.dockerfile import Instruction, parse_dockerfile
from ctxsize.dockerfile.mounts import ALIASES, csv_fields
from ctxsize.errors import DockerfileError
from ctxsize.shell import Command, commands_of


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


def with_words(text: str, escape: str, words: Mapping[str, str]) -> str | None:
    """Return an instruction with other flags and arguments; None if that changes anything else."""
    after = text
    for old, new in words.items():
        after = re.sub(rf'(?<![^\s"]){re.escape(old)}(?![^\s"])', new.replace("\\", r"\\"), after)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None:
        return None
    flags, arguments = (
        tuple(words.get(word, word) for word in each) for each in (before.flags, before.arguments)
    )
    is_just_that = then == replace(before, flags=flags, arguments=arguments, text=then.text)
    return after if is_just_that and then.text != before.text else None


def without_option(
    text: str, escape: str, option: str, is_meant: Callable[[Command], bool]
) -> str | None:
    """Return a RUN whose commands lose an option; None if more changes, or one is not meant."""
    written = re.escape(option)
    blanks = rf"(?<!\s)(?:\s|{re.escape(escape)}\n)+"
    after = re.sub(rf',\s*"{written}"|{blanks}{written}(?![^\s;&|)"\'])', "", text)
    before, then = read_alone(text, escape), read_alone(after, escape)
    if before is None or then is None or before.flags != then.flags:
        return None
    wanted = [
        replace(each, words=tuple(word for word in each.words if word != option), line=0)
        if is_meant(each)
        else replace(each, line=0)
        for each in commands_of(before)
    ]
    return after if [replace(each, line=0) for each in commands_of(then)] == wanted else None


def read_alone(text: str, escape: str) -> Instruction | None:
    """Return the instruction that a text is; None if it is none, or would go on below."""
    data = f"# escape={escape}\nFROM scratch\n{text}\nSTOPSIGNAL 9\n"
    try:
        _, found, *below = parse_dockerfile(data.encode("utf-8", "surrogateescape")).instructions
    except DockerfileError:
        return None
    return found if [each.text for each in below] == ["STOPSIGNAL 9"] else None


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
