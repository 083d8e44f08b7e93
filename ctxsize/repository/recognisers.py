"""The rows of `knowledge/builds.toml`: commands that build images, files that define builds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ctxsize.knowledge.rules import table

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
def tools() -> tuple[tuple[re.Pattern[str], BuildCommand], ...]:
    """Return every command, with an expression for its words."""
    rows = table("builds.toml")["command"]
    commands = []
    for row in rows:
        words = row["words"].replace(" ", _GAP)
        pattern = re.compile(rf"(?:\S*/)?(?:{words})(?= |\Z)")
        commands.append((pattern, BuildCommand(**row)))
    return tuple(commands)


@cache
def sources() -> tuple[tuple[re.Pattern[str], FileKind], ...]:
    """Return every kind of file, with an expression for its path."""
    kinds = []
    for row in table("builds.toml")["file"]:
        forms = [Form(**form) for form in row.get("build", ())]
        kind = FileKind(**{**row, "build": forms})
        # Matches paths of at most _LONGEST_PATH characters.
        pattern = re.compile(rf"(?s:.*/)?(?:{kind.name})", re.IGNORECASE)
        kinds.append((pattern, kind))
    return tuple(kinds)


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return one of the expressions for the texts that may contain a build."""
    return re.compile(table("builds.toml")[key].replace("\n", ""))
