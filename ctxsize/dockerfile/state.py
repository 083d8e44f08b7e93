"""The state that instructions change in a stage: variables, directory, user and shell."""

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
"""Number of characters of all expanded words of a Dockerfile: each line may repeat a value."""
_PER_INHERITED = 128
"""Number of characters that a variable counts for in each stage that inherits it."""
_LONGEST_GUESS = 2**16
"""Number of characters of an expanded word if only advice depends on it."""
# Switches of the builder that look like arguments and never become variables.
_SWITCHES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


@dataclass(frozen=True)
class Expanded:
    """An expanded word, and the unknown variables that it depends on."""

    text: str
    doubts: frozenset[Doubt] = frozenset()


_DECLARED = Expanded("")
"""The value of an argument that is declared without one."""
_point = itemgetter(0)


def what_decides(doubts: Collection[Doubt]) -> str:
    """Return a hint about the arguments among `doubts`, else about the variables, else `""`."""
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
    """Turn a DockerfileError raised inside into an `UndecidedError` if `doubts` decide it."""
    try:
        yield
    except DockerfileError as error:
        hint = what_decides(doubts)
        if isinstance(error, UndecidedError) or not hint:
            raise
        raise UndecidedError(error.message, line=error.line, hint=hint) from None


class Variables:
    """An immutable mapping of names to values; `set` returns a new version.

    Each of many steps has its own version. Instead of copies, successive versions share a log,
    and each reads the entries up to its own.
    """

    __slots__ = ("_at", "_last", "_log")

    def __init__(self, values: Mapping[str, Expanded] | None = None) -> None:
        self._log = {name: [(0, value)] for name, value in (values or {}).items()}
        self._last = [0]
        """Number of the newest version in the log, shared by all of them."""
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
        """Return a version in which `name` has this value."""
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
    """The values of variables at one point of a stage, by name; setting one returns a new value.

    `image` has the variables that become part of the image. If `open_ended`, the base image may
    set any other variable. With `keeps_unset`, a variable without a value stays as written.
    """

    escape: str
    open_ended: bool = False
    keeps_unset: bool = False
    variables: Variables = field(default_factory=Variables)
    image: Variables = field(default_factory=Variables)
    made: list[int] = field(default_factory=lambda: [0])
    """Number of characters of all words expanded so far, in all stages that share this list."""

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
        """Return the variables that a command sees if it sets `values` of its own."""
        # The result is only read, and may have too many variables to copy for each command.
        return ChainMap(dict(values), cast("dict[str, str]", self))

    def inherit(self) -> Environment:
        """Return the environment in which a stage FROM this one begins: ENV wins over ARG there.

        Raises UndecidedError if that would take too long.
        """
        image = self.image.values()
        variables = {**self.variables.values(), **image}
        self.made[0] += len(variables) * _PER_INHERITED
        if self.made[0] > _MOST_MADE:
            most = _MOST_MADE // _PER_INHERITED
            raise UndecidedError(f"ctxsize follows no more than {most:,} inherited variables")
        return replace(self, variables=Variables(variables), image=Variables(image))

    def set(self, name: str, value: Expanded = _DECLARED) -> Environment:
        """Return an environment with a variable set, or only declared."""
        return replace(self, variables=self.variables.set(name, value))

    def set_in_image(self, name: str, value: Expanded) -> Environment:
        """Return an environment with a variable that becomes part of the image, as by ENV."""
        return replace(self.set(name, value), image=self.image.set(name, value))

    def expand(self, word: str, *, quotes: bool = True) -> Expanded:
        """Return `word` expanded; the body of a heredoc, without quotes, has its own escape.

        Raises DockerfileError as `words.expand` does.
        """
        escape, kept = self.escape if quotes else "\\", self.keeps_unset
        try:
            text, names = expand(word, self, escape=escape, quotes=quotes, keep_unset=kept)
        except DockerfileError as error:
            with resting_on(self._doubts_of({error.variable} - {""})):
                raise
        self.made[0] += len(text)
        most = _LONGEST_GUESS if kept else _MOST_MADE
        if len(text) > most or self.made[0] > _MOST_MADE:
            raise UndecidedError(f"ctxsize expands words to no more than {most:,} characters")
        return Expanded(text, self._doubts_of(names))

    def _doubts_of(self, names: Collection[str]) -> frozenset[Doubt]:
        """Return the unknown values that the values of `names` depend on."""
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
        """Follow an ENV (`dispatchEnv`); its values see only the variables before it."""
        expanded = [self.expand(argument) for argument in instruction.arguments]
        following = self
        for name, value in zip(expanded[::2], expanded[1::2], strict=True):
            following = following.set_in_image(name.text, value)
        return following

    def obey_arg(
        self, instruction: Instruction, given: Mapping[str, str], outer: Environment
    ) -> Environment:
        """Follow an ARG: `--build-arg` wins over its default, which wins over a global ARG."""
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
    """The state of a stage at one point. It is immutable: `obey` returns a new one."""

    environment: Environment = field(default_factory=lambda: Environment("\\"))
    outer: Environment = field(default_factory=lambda: Environment("\\"))
    """The arguments before the first FROM."""
    given: Mapping[str, str] = field(default_factory=dict)
    """The values of `--build-arg`."""
    directory: Expanded = _HERE
    """The directory of WORKDIR; relative if it depends on that of the image."""
    user: str = ""
    """The user that USER sets, `""` if the image decides."""
    is_unix: bool = True
    """True if a Unix shell runs the commands of RUN."""

    def obey(self, instruction: Instruction) -> StageState:
        """Return the state after `instruction`.

        Raises DockerfileError for a word that cannot be expanded.
        """
        environment, arguments = self.environment, instruction.arguments
        match instruction.keyword:
            case "ENV":
                return replace(self, environment=environment.obey_env(instruction))
            case "ARG":
                following = environment.obey_arg(instruction, self.given, self.outer)
                return replace(self, environment=following)
            case "WORKDIR":
                return replace(self, directory=self.below(environment.expand(arguments[0])))
            case "USER":
                return replace(self, user=environment.expand(arguments[0]).text)
            case "SHELL":
                names = {word.rpartition("/")[2] for word in arguments}
                return replace(self, is_unix=not names.isdisjoint(UNIX_SHELLS))
        return self

    def below(self, path: Expanded) -> Expanded:
        """Return `path` resolved against the directory of the stage."""
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

        Raises DockerfileError for keys and values that the builder refuses.
        """
        doubts: set[Doubt] = set()

        def expand_value(word: str) -> str:
            expanded = self.environment.expand(word)
            doubts.update(expanded.doubts)
            return expanded.text

        with resting_on(doubts):
            return parse_mount(text, expand_value), frozenset(doubts)
