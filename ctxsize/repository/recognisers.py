"""The rows of `knowledge/builds.toml`: commands that build images, files that define builds.

Each class is a kind of row, and its fields are the keys of such a row, under the same names. The
comment at the top of `builds.toml` explains them at length; the titles are for `docs/scan.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache, cached_property

from ctxsize.knowledge.rules import table
from ctxsize.values import Value

_FILE = "builds.toml"
_GAP = r"(?: -[\w-]+(?:=\S*)?(?: [^-\s]\S*)?)* "  # between words: options of the program
_LONGEST_PATH = 4096  # number of bytes of the longest path that Linux opens
_NEVER = "(?!)"  # an expression that matches nothing
TOP = "/:top:"  # stands for the top of the repository in a command or a path


class BuildCommand(Value):
    """A command that builds an image: a row `[[command]]`."""

    words: str  # an expression for its first words
    title: str = ""
    builder: str = "buildkit"  # the builder whose behaviour applies
    by_option: bool = False  # True if `--context` names the context, and no operand does
    default: str = ""  # the context if none is named
    needs: Sequence[str] = ()  # it builds a Dockerfile only with one of these options
    names: Mapping[str, str] = field(default_factory=dict)  # options of `docker build` for its own
    paired: Sequence[str] = ()  # options whose value is KEY=VALUE
    switches: Sequence[str] = ()  # options without a value
    valued: Sequence[str] = ()  # options with a value

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return an expression for `match` on the words of a command."""
        words = self.words.replace(" ", _GAP)
        return re.compile(rf"(?:\S*/)?(?:{words})(?= |\Z)")


class BuildDescription(Value):
    """A form in which a mapping in a file describes a build: a row `[[file.build]]`.

    A path of keys, such as `with.context`, leads from the mapping to a value.
    """

    title: str = ""
    under: str | None = None  # the key that the mapping stands under, `""` for the document
    only: Mapping[str, str] = field(default_factory=dict)  # expressions for values, by their paths
    unless: Sequence[str] = ()  # keys that it does not have
    narrowed: Sequence[str] = ()  # keys with which less than the context is sent
    paths: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of `context`, `target`, …
    usual: Mapping[str, str] = field(default_factory=dict)  # `context` and `dockerfile` by default
    elsewhere: str = ""  # what it sends, if its context is no directory of the repository
    possible: bool = False  # True if there may be no such build: its Dockerfile has to exist
    git: str = ""  # what to do, as it builds from git
    beside: str = "directory"  # the Dockerfile is relative to it, to the `context`, or `either`
    builder: str = "buildkit"  # the builder whose behaviour applies


class FileKind(Value):
    """A kind of file that may define builds: a row `[[file]]`."""

    name: str  # an expression for the end of its path
    reader: str  # the function that reads it, a key of `_READERS` in `ctxsize.repository`
    title: str = ""
    reads: str = ""  # what is read of it, for `docs/scan.md`
    begins: str = ""  # an expression for the beginning of its text, without which it is another
    how: str = "command"  # the kind of place in reports
    directories: Sequence[str] = (".",)  # where its paths start; all but the first are guesses
    top: str = _NEVER  # an expression for what stands for the first directory
    unknown: str = _NEVER  # an expression for what makes the directories unknown
    jobs: str | None = None  # the key of the mapping whose keys are names of builds
    scripts: Sequence[str] = ()  # keys of scripts, or names of functions that take them
    joined: bool = False  # True if one shell runs all scripts of a mapping
    inside: str = ""  # the key of the directory in which scripts run
    step: str = ""  # the key of the only mappings in which `inside` counts
    inherited: bool = False  # True if other files of the kind inherit what it says
    variables: str | None = None  # the key of mappings with variables
    program: Sequence[str] = ()  # paths of the program that gets `args`
    arguments: str = "args"  # the path of what the program gets
    pinned: str = _NEVER  # an expression for a commit with the version behind it, its group 1
    images: str = ""  # an expression for what to remove from the image of a program
    brings: str = _NEVER  # an expression for the action of a step that brings files
    checkout: str = _NEVER  # one for the action that puts the files of git there
    harmless: str = _NEVER  # one for the actions that put no files beside them
    build: Sequence[BuildDescription] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return an expression for `fullmatch` on the path of a file."""
        return _path_ending_with(self.name)


class OthersDirectory(Value):
    """A kind of directory with the code of others: a row `[[others]]`."""

    what: str  # what such code is, in the plural
    name: str  # an expression for the end of its path
    holds: str = ""  # an expression for a name in a directory below it, which proves that
    beside: str = ""  # an expression for a name beside the directory, which proves that
    unbuilt: bool = False  # True if only Dockerfiles that nothing builds are meant
    filled: bool = False  # True if only Dockerfiles with the marks of a template are meant

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return an expression for `fullmatch` on the path of a directory."""
        return _path_ending_with(self.name)


@cache
def others_directories() -> tuple[OthersDirectory, ...]:
    """Return every kind of directory with the code of others."""
    return tuple(OthersDirectory(**row) for row in table(_FILE)["others"])


@cache
def build_commands() -> tuple[BuildCommand, ...]:
    """Return every command that builds an image."""
    return tuple(BuildCommand(**row) for row in table(_FILE)["command"])


@cache
def file_kinds() -> tuple[FileKind, ...]:
    """Return every kind of file that may define builds."""
    kinds = []
    for row in table(_FILE)["file"]:
        descriptions = [BuildDescription(**form) for form in row.get("build", ())]
        kinds.append(FileKind(**{**row, "build": descriptions}))
    return tuple(kinds)


@cache
def _expressions() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return one expression for the last names of files of any kind, and one for their paths.

    Most kinds say nothing of directories: a last name is quicker to match than a path.
    """
    names = []
    paths = []
    for kind in file_kinds():
        if kind.begins:
            continue
        if "/" in kind.name.replace("[^/]", ""):
            paths.append(kind.name)
        else:
            names.append(kind.name)
    # on at most _LONGEST_PATH characters
    of_names = re.compile("|".join(names), re.IGNORECASE)
    return of_names, _path_ending_with("|".join(paths))


def may_define_builds(path: str) -> bool:
    """Return True if a path is that of a file of any kind that its name gives away."""
    of_names, of_paths = _expressions()
    if of_names.fullmatch(path.rpartition("/")[2]):
        return True
    return of_paths.fullmatch(path) is not None


@cache
def kinds_by_beginning() -> tuple[FileKind, ...]:
    """Return the kinds of files that only the beginning of their text gives away."""
    return tuple(kind for kind in file_kinds() if kind.begins)


def _path_ending_with(name: str) -> re.Pattern[str]:
    # on at most _LONGEST_PATH characters
    return re.compile(rf"(?s:.*/)?(?:{name})", re.IGNORECASE)


@cache
def expression(key: str) -> re.Pattern[str]:
    """Return one of the expressions at the top of the file, such as `hint`."""
    return re.compile(table(_FILE)[key].replace("\n", ""))
