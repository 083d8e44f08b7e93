"""The rows of `knowledge/builds.toml`: commands that build images, files that define builds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ctxsize.recommender.rules import table

TOP = "/:top:"
"""Stands for the top of the repository in a command or a path."""


@dataclass(frozen=True)
class BuildCommand:
    """A command that builds an image."""

    words: str  # an expression for its first words
    title: str = ""
    builder: str = "buildkit"  # the builder whose behaviour applies
    by_option: bool = False  # whether `--context` names the context, and no operand does
    default: str = ""  # the context if none is named; `""` if the command needs one
    needs: Sequence[str] = ()  # it builds a Dockerfile only with one of these options
    names: Mapping[str, str] = field(default_factory=dict)
    """The options with another name than those of `docker build`, each with that name."""
    paired: Sequence[str] = ()  # options with `KEY=VALUE`, named `--option KEY`
    switches: Sequence[str] = ()  # options without a value
    valued: Sequence[str] = ()  # options with a value, for a tool with a default


@dataclass(frozen=True)
class Form:
    """A mapping in a file that describes a build. A path has keys divided by dots."""

    title: str = ""
    under: str | None = None  # the key that it stands under, None for any
    only: Mapping[str, str] = field(default_factory=dict)  # paths, and expressions for their values
    unless: Sequence[str] = ()  # keys that it does not have
    narrowed: Sequence[str] = ()  # keys with which less of the context is sent
    context: Sequence[str] = ()  # paths of the values; the first one that is there counts
    default: str = ""  # the context if none is named; `**` for the directory of the Dockerfile
    git: str = ""  # what to do if it builds from git, as it does if it names no context
    only_git: bool = False  # whether other files define its local builds
    dockerfile: Sequence[str] = ()
    usual: str = ""  # the Dockerfile if none is named, `**/NAME` for the only one
    needs_dockerfile: bool = False  # whether it builds no Dockerfile if it names none
    beside: str = "directory"  # the Dockerfile is relative to this, the `context`, or `either`
    options: Sequence[str] = ()  # further options for the command
    target: Sequence[str] = ()
    arguments: Sequence[str] = ()
    contexts: Sequence[str] = ()
    platforms: Sequence[str] = ()
    builder: str = "buildkit"


@dataclass(frozen=True)
class FileKind:
    """A kind of file that may define builds."""

    name: str  # an expression for the end of its path
    reader: str
    title: str = ""
    reads: str = ""
    how: str = "command"
    directories: Sequence[str] = (".",)
    """Where its paths start, relative to the file; `/` for the root. All but the first are guesses,
    for files in which the first one has no such Dockerfile."""
    top: str = ""  # an expression for what stands for the first directory
    unknown: str = ""  # an expression for what makes the directories unknown
    jobs: str | None = None  # the key of the mapping whose keys are the names of builds
    scripts: Sequence[str] = ()  # keys of shell text, or of a list of it
    joined: bool = False  # whether one shell runs all scripts of a mapping
    inside: str = ""  # the key of the directory in which they run
    variables: str = ""  # the key of mappings with variables
    program: Sequence[str] = ()  # keys of the program that gets `args`
    images: str = ""  # what to remove from the program if it is an image
    build: Sequence[Form] = ()


@cache
def tools() -> tuple[tuple[re.Pattern[str], BuildCommand], ...]:
    """Return every command, with an expression for its words."""
    rows, common = table("builds.toml")["command"], table("builds.toml")["switches"]
    found = [
        BuildCommand(**{**row, "switches": [*common, *row.get("switches", ())]}) for row in rows
    ]
    return tuple((re.compile(rf"(?:\S*/)?(?:{each.words})(?= |\Z)"), each) for each in found)


@cache
def sources() -> tuple[tuple[re.Pattern[str], FileKind], ...]:
    """Return every kind of file, with an expression for its path."""
    rows = table("builds.toml")["file"]
    found = [
        FileKind(**{**row, "build": [Form(**form) for form in row.get("build", ())]})
        for row in rows
    ]
    return tuple((re.compile(rf"(?s:.*/)?(?:{each.name})", re.IGNORECASE), each) for each in found)


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return one of the expressions for the texts that may contain a build."""
    return re.compile(table("builds.toml")[key].replace("\n", ""))
