"""What instructions change in a stage: variables, how sure they are, directory, user, shell."""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import cast

from ctxsize.dockerfile.instructions import UNIX_SHELLS, Instruction
from ctxsize.dockerfile.sources import Mount, parse_mount, path_from_root
from ctxsize.dockerfile.words import expand
from ctxsize.errors import DockerfileError, UndecidedError

Doubt = tuple[str, str]
"""The kind and the name of an `Unknown`."""

_MOST_MADE = 2**27
"""Number of characters that the words of a Dockerfile may come to: a value may be in each line."""
_PER_INHERITED = 128
"""Number of characters that a variable counts for in each stage that begins with it."""
_LONGEST_GUESS = 2**16
"""Number of characters that a word may come to where nothing depends on it but advice."""
# Switches of the builder that look like arguments and never become variables.
_SWITCHES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


@dataclass(frozen=True)
class Expanded:
    """An expanded word, and the unknown variables that it depends on."""

    text: str
    doubts: frozenset[Doubt] = frozenset()


_DECLARED = Expanded("")
"""Stands for an argument that is declared without a value."""
_point = itemgetter(0)


def what_decides(doubts: Collection[Doubt]) -> str:
    """Return what gives the arguments among `doubts` a value, else the variables, else ""."""
    arguments = sorted(name for kind, name in doubts if kind == "argument")
    variables = sorted(name for kind, name in doubts if kind == "environment")
    if arguments:
        given = " ".join(f"--build-arg {name}=…" for name in arguments)
        return f"no value for ARG {', '.join(arguments)}: add {given}"
    if variables:
        return f"unless the base image sets {', '.join(f'${name}' for name in variables)}"
    return ""


@contextmanager
def resting_on(doubts: Collection[Doubt]) -> Iterator[None]:
    """Turn a DockerfileError raised inside into an `UndecidedError` if a value would decide."""
    try:
        yield
    except DockerfileError as error:
        hint = what_decides(doubts)
        if isinstance(error, UndecidedError) or not hint:
            raise
        raise UndecidedError(error.message, line=error.line, hint=hint) from None


class Variables:
    """Names and values that never change; setting one returns the next point.

    A Dockerfile may set 100,000, and each of its steps may be asked later, so that nothing is
    copied: points in a row share a log, in which each sees what was set up to it.
    """

    __slots__ = ("_at", "_last", "_log")

    def __init__(self, values: Mapping[str, Expanded] | None = None) -> None:
        self._log = {name: [(0, value)] for name, value in (values or {}).items()}
        self._last = [0]
        """The last point of the log."""
        self._at = 0

    def find(self, name: str) -> Expanded | None:
        """Return the value of `name`, None without one."""
        entries = self._log.get(name, ())
        at = bisect_right(entries, self._at, key=_point)
        return entries[at - 1][1] if at else None

    def values(self) -> dict[str, Expanded]:
        """Return all names and their values."""
        found = {name: self.find(name) for name in self._log}
        return {name: value for name, value in found.items() if value is not None}

    def set(self, name: str, value: Expanded) -> Variables:
        """Return the next point, at which `name` has this value."""
        is_last = self._at == self._last[0]
        following = Variables(None if is_last else self.values())
        if is_last:
            following._log, following._last = self._log, self._last
        following._last[0] += 1
        following._at = following._last[0]
        following._log.setdefault(name, []).append((following._at, value))
        return following


@dataclass(frozen=True, eq=False, slots=True)
class Environment(Mapping[str, str]):
    """What `$NAME` stands for at one point of a stage: the values of variables, by name.

    It does not change; setting a variable returns the next one. `image` holds the variables
    that are part of the image. `open_ended` says that the base image is not known: any
    variable that the Dockerfile does not set may come from there. With `keeps_unset`, a
    variable without a value or a default stays as it is written.
    """

    escape: str
    open_ended: bool = False
    keeps_unset: bool = False
    variables: Variables = field(default_factory=Variables)
    image: Variables = field(default_factory=Variables)
    made: list[int] = field(default_factory=lambda: [0])
    """Number of characters of all words, in all stages that share this."""

    def __getitem__(self, name: str) -> str:
        value = self.variables.find(name)
        if value is None or value is _DECLARED:
            raise KeyError(name)
        return value.text

    def __iter__(self) -> Iterator[str]:
        found = self.variables.values().items()
        return (name for name, value in found if value is not _DECLARED)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def declares(self, name: str) -> bool:
        """Return whether an ARG or ENV names a variable, with a value or without."""
        return self.variables.find(name) is not None

    def under(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return what a command sees that is given `values` of its own."""
        # It is only read, and there may be too many variables to copy for each command.
        return ChainMap(dict(values), cast("dict[str, str]", self))

    def inherit(self) -> Environment:
        """Return the environment in which a stage FROM this one begins.

        What ENV set is set again, so it wins over an ARG that came after it.
        Raises UndecidedError once that takes too long.
        """
        image = self.image.values()
        variables = {**self.variables.values(), **image}
        self.made[0] += len(variables) * _PER_INHERITED
        if self.made[0] > _MOST_MADE:
            most = _MOST_MADE // _PER_INHERITED
            raise UndecidedError(f"ctxsize follows no more than {most:,} inherited variables")
        return replace(self, variables=Variables(variables), image=Variables(image))

    def set(self, name: str, value: Expanded = _DECLARED) -> Environment:
        """Return it with a variable set, or only declared, for the rest of the stage."""
        return replace(self, variables=self.variables.set(name, value))

    def set_in_image(self, name: str, value: Expanded) -> Environment:
        """Return it with a variable set that also becomes part of the image, as ENV does."""
        return replace(self.set(name, value), image=self.image.set(name, value))

    def expand(self, word: str, *, quotes: bool = True) -> Expanded:
        """Return `word` expanded; the body of a heredoc, without quotes, has its own escape.

        Raises DockerfileError as `words.expand` does.
        """
        escape = self.escape if quotes else "\\"
        try:
            expansion = expand(
                word, self, escape=escape, quotes=quotes, keep_unset=self.keeps_unset
            )
        except DockerfileError as error:
            with resting_on(self._doubts_of({error.variable} - {""})):
                raise
        characters = len(expansion.text)
        self.made[0] += characters
        most = _LONGEST_GUESS if self.keeps_unset else _MOST_MADE
        if characters > most or self.made[0] > _MOST_MADE:
            message = f"ctxsize expands words to no more than {most:,} characters"
            raise UndecidedError(message)
        return Expanded(expansion.text, self._doubts_of(expansion.variables))

    def _doubts_of(self, names: Collection[str]) -> frozenset[Doubt]:
        """Return what is not known of the values of `names`."""
        doubts: set[Doubt] = set()
        for name in names:
            value = self.variables.find(name)
            if value is _DECLARED:
                doubts.add(("argument", name))
            elif value is not None:
                doubts |= value.doubts
            elif self.open_ended:
                doubts.add(("environment", name))
        return frozenset(doubts)

    def obey_env(self, instruction: Instruction) -> Environment:
        """Follow an ENV: all its values see the variables as they were before it."""
        expanded = [self.expand(argument) for argument in instruction.arguments]
        following = self
        for name, value in zip(expanded[::2], expanded[1::2], strict=True):
            following = following.set_in_image(name.text, value)
        return following

    def obey_arg(
        self, instruction: Instruction, given: Mapping[str, str], outer: Environment
    ) -> Environment:
        """Follow an ARG: `--build-arg` beats its default, which beats a global ARG."""
        following = self
        for argument in instruction.arguments:
            name, has_default, default = argument.partition("=")
            value = outer.variables.find(name)
            if name in given:
                value = Expanded(given[name])
            elif has_default:
                value = following.expand(default)
            if value is None or value is _DECLARED:
                following = following if name in following else following.set(name)
            elif name not in _SWITCHES:
                following = following.set(name, value)
        return following


_HERE = Expanded("")


@dataclass(frozen=True, eq=False, slots=True)
class StageState:
    """What a stage has come to at one point. It does not change: `obey` returns the next one."""

    environment: Environment = field(default_factory=lambda: Environment("\\"))
    outer: Environment = field(default_factory=lambda: Environment("\\"))
    """The arguments in front of the first FROM."""
    given: Mapping[str, str] = field(default_factory=dict)
    """The values of `--build-arg`."""
    directory: Expanded = _HERE
    """Where WORKDIR led, relative as long as that depends on the image."""
    user: str = ""
    """The one that USER names, `""` if the image decides."""
    is_unix: bool = True
    """Whether a shell of Unix reads what RUN runs."""

    def obey(self, instruction: Instruction) -> StageState:
        """Return the state behind `instruction`.

        Raises DockerfileError for a word that cannot be expanded.
        """
        keyword, environment = instruction.keyword, self.environment
        if keyword == "ENV":
            return replace(self, environment=environment.obey_env(instruction))
        if keyword == "ARG":
            following = environment.obey_arg(instruction, self.given, self.outer)
            return replace(self, environment=following)
        if keyword == "WORKDIR":
            directory = self.below(environment.expand(instruction.arguments[0]))
            return replace(self, directory=directory)
        if keyword == "USER":
            return replace(self, user=environment.expand(instruction.arguments[0]).text)
        if keyword == "SHELL":
            names = {word.rpartition("/")[2] for word in instruction.arguments}
            return replace(self, is_unix=not names.isdisjoint(UNIX_SHELLS))
        return self

    def below(self, path: Expanded) -> Expanded:
        """Return what `path` means in the directory of the stage."""
        if path.text.startswith("/"):
            return Expanded(path_from_root(path.text), path.doubts)
        doubts = self.directory.doubts | path.doubts
        joined = posixpath.join(self.directory.text, path.text)
        if joined.startswith("/"):
            return Expanded(path_from_root(joined), doubts)
        relative = posixpath.normpath(joined) if joined else ""
        return Expanded("" if relative == "." else relative, doubts)

    def mount(self, text: str) -> tuple[Mount, frozenset[Doubt]]:
        """Return a mount, and the unknown values that any part of it depends on.

        Raises DockerfileError for keys and values that the builder does not take.
        """
        doubts: set[Doubt] = set()

        def expand_value(word: str) -> str:
            expanded = self.environment.expand(word)
            doubts.update(expanded.doubts)
            return expanded.text

        with resting_on(doubts):
            return parse_mount(text, expand_value), frozenset(doubts)
