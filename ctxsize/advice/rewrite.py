"""Changes to the text of a Dockerfile, line by line; the rest stays as it is, to the byte."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from ctxsize.dockerfile.mounts import ALIASES, csv_fields


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
