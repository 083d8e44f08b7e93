"""The rows of `knowledge/builds.toml`: commands that build images, files that define builds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ctxsize.knowledge.row_checks import from_row
from ctxsize.knowledge.rules import table

_FILE = "builds.toml"
_GAP = r"(?: -[\w-]+(?:=\S*)?(?: [^-\s]\S*)?)* "  # between words: options of the program
_LONGEST_PATH = 4096  # number of bytes of the longest path that Linux opens
TOP = "/:top:"  # stands for the top of the repository in a command or a path


@dataclass(frozen=True)
class BuildCommand:
    """A command that builds an image: a row `command` of `builds.toml`, which explains the keys."""

    words: str
    title: str = ""
    builder: str = "buildkit"
    by_option: bool = False
    default: str = ""
    needs: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    paired: Sequence[str] = ()
    switches: Sequence[str] = ()
    valued: Sequence[str] = ()


@dataclass(frozen=True)
class Form:
    """A mapping in a file that describes a build: a row `file.build`."""

    title: str = ""
    under: str | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    unless: Sequence[str] = ()
    narrowed: Sequence[str] = ()
    paths: Mapping[str, Sequence[str]] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    git: str = ""
    beside: str = "directory"
    builder: str = "buildkit"


@dataclass(frozen=True)
class FileKind:
    """A kind of file that may define builds: a row `file`."""

    name: str
    reader: str
    title: str = ""
    reads: str = ""
    how: str = "command"
    directories: Sequence[str] = (".",)
    top: str = ""
    unknown: str = ""
    jobs: str | None = None
    scripts: Sequence[str] = ()
    joined: bool = False
    inside: str = ""
    step: str = ""
    variables: str = ""
    program: Sequence[str] = ()
    images: str = ""
    build: Sequence[Form] = ()


@cache
def build_commands() -> tuple[tuple[re.Pattern[str], BuildCommand], ...]:
    """Return every command, with an expression for `match` on its words."""
    commands = []
    for number, row in enumerate(table(_FILE)["command"], 1):
        command = from_row(BuildCommand, _FILE, f"command {number}", row)
        words = command.words.replace(" ", _GAP)
        pattern = re.compile(rf"(?:\S*/)?(?:{words})(?= |\Z)")
        commands.append((pattern, command))
    return tuple(commands)


@cache
def file_kinds() -> tuple[tuple[re.Pattern[str], FileKind], ...]:
    """Return every kind of file, with an expression for `fullmatch` on its path."""
    kinds = []
    for number, row in enumerate(table(_FILE)["file"], 1):
        name = f"file {number}"
        forms = [from_row(Form, _FILE, f"{name}.build", form) for form in row.get("build", ())]
        kind = from_row(FileKind, _FILE, name, {**row, "build": forms})
        # on at most _LONGEST_PATH characters
        pattern = re.compile(rf"(?s:.*/)?(?:{kind.name})", re.IGNORECASE)
        kinds.append((pattern, kind))
    return tuple(kinds)


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return one of the expressions for the texts that may contain a build."""
    return re.compile(table(_FILE)[key].replace("\n", ""))
