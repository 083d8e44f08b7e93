"""Changes to the text of a Dockerfile, line by line; the rest stays as it is, to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ctxsize.dockerfile import Instruction
from ctxsize.findings import Edit, Fix

_RUN = re.compile(r"(?i)(\s*(?:ONBUILD\s+)?RUN)(\s+)")


@dataclass(frozen=True)
class Change:
    """Lines `first` to `last` (1-based, both included) become `lines`.

    With `last` before `first` the lines are put in front of `first`.
    """

    first: int
    last: int
    lines: tuple[str, ...]


def lines_of(data: bytes) -> list[str]:
    """The lines of `data` without their ends."""
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")


def changed(data: bytes, changes: Iterable[Change]) -> bytes:
    """`data` with `changes`, which must not overlap; line ends stay what they are."""
    end = "\r\n" if b"\r\n" in data else "\n"
    lines = lines_of(data)
    for change in sorted(changes, key=lambda each: each.first, reverse=True):
        lines[change.first - 1 : change.last] = change.lines
    return end.join(lines).encode("utf-8", "surrogateescape")


def fix(
    path: str, data: bytes, message: str, changes: Iterable[Change], *, certain: bool
) -> Fix | None:
    """The fix that `changes` are, None if they change nothing or the file is no file."""
    after = changed(data, changes)
    if after == data or path == "-":
        return None
    return Fix(message, (Edit(path, data, after),), certain)


def with_mounts(data: bytes, instruction: Instruction, mounts: Iterable[str]) -> Change | None:
    """The RUN with further mounts in front of everything else, each on a line of its own."""
    first = lines_of(data)[instruction.line - 1]
    match = _RUN.match(first)
    if match is None or instruction.json_form:
        return None
    rest = first[match.end() :].lstrip()
    flags = [f"--mount={mount}" for mount in mounts]
    head = [f"{match[1]}{match[2]}{flags[0]} \\", *(f"    {flag} \\" for flag in flags[1:])]
    return Change(instruction.line, instruction.line, (*head, f"    {rest}"))


def with_replaced(data: bytes, instruction: Instruction, texts: Mapping[str, str]) -> Change | None:
    """The instruction with some of its texts replaced, if each stands there just once."""
    lines = lines_of(data)[instruction.line - 1 : instruction.end_line]
    text = "\n".join(lines)
    for old, new in texts.items():
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    return Change(instruction.line, instruction.end_line, tuple(text.split("\n")))


def with_option(mount: str, **options: str) -> str:
    """The value of a `--mount` with further options at its end."""
    return ",".join((mount, *(f"{name}={value}" for name, value in options.items())))
