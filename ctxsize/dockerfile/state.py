"""The state that instructions change in a stage: variables, directory, user and shell."""

from __future__ import annotations

from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from posixpath import join, normpath
from typing import NamedTuple, cast

from ctxsize.dockerfile.instructions import UNIX_SHELLS, Instruction
from ctxsize.dockerfile.sources import Doubts, Expanded, UnknownName, path_from_root, resting_on
from ctxsize.dockerfile.words import Variables, expand
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.hidden import Hidden, hidden_as
from ctxsize.values import Value

_MOST_MADE = 2**27  # characters of all expanded words of a Dockerfile: a line may repeat a value
_PER_INHERITED = 128
_PER_TRIGGER = 1280
"""Number of characters that a variable and a trigger count for in each stage with this base."""
_LONGEST_GUESS = 2**16  # number of characters of an expanded word if only advice depends on it

_DECLARED = Expanded("")  # the value of an argument that is declared without one
_number = itemgetter(0)


class _Entry(NamedTuple):
    """The value of a variable in a stage and the one in its image, set by the step `number`."""

    number: int
    in_stage: Expanded | None
    in_image: Expanded | None


_UNSET = _Entry(0, None, None)


@dataclass(frozen=True, eq=False, slots=True)
class Environment(Mapping[str, str]):
    """The values of variables at one point of a stage, by name; setting one returns a new value.

    If `open_ended`, the base image may set any other variable. With `keeps_unset`, a variable
    without a value stays as written. `spent` counts the characters of all expanded words, in all
    environments that share it. Each of many steps has an environment. Instead of copies,
    successive ones share a log, and each reads the entries up to its own number.
    """

    escape: str
    open_ended: bool = False
    keeps_unset: bool = False
    spent: list[int] = field(default_factory=lambda: [0])
    _log: dict[str, list[_Entry]] = field(default_factory=dict)
    _newest: list[int] = field(default_factory=lambda: [0])
    _at: int = 0

    def _entry(self, name: str) -> _Entry:
        entries = self._log.get(name, ())
        count = bisect_right(entries, self._at, key=_number)
        if count:
            return entries[count - 1]
        return _UNSET

    def find(self, name: str) -> Expanded | None:
        """Return the value of a variable with what it depends on, None without one."""
        expansion = self._entry(name).in_stage
        if expansion is _DECLARED:
            return None
        return expansion

    def __getitem__(self, name: str) -> str:
        if (expansion := self.find(name)) is None:
            raise KeyError(name)
        return expansion.text

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._log if self.find(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def declares(self, name: str) -> bool:
        """Return whether an ARG or ENV names a variable, with a value or without."""
        return self._entry(name).in_stage is not None

    def under(self, values: Variables) -> Variables:
        """Return the variables that a command sees if it sets `values` of its own."""
        # The result is only read, and may have too many variables to copy for each command.
        return ChainMap(dict(values), cast("dict[str, str]", self))

    def set(self, name: str, value: Expanded = _DECLARED, *, in_image: bool = False) -> Environment:
        """Return an environment with a variable set, or only declared; `in_image` as by ENV."""
        # After an ARG that failed halfway, the log has entries that no step sees.
        shared = self
        if self._at != self._newest[0]:
            shared = self._copy()
        image_value: Expanded | None = value
        if not in_image:
            image_value = shared._entry(name).in_image
        number = shared._at + 1
        shared._newest[0] = number
        entry = _Entry(number, value, image_value)
        shared._log.setdefault(name, []).append(entry)
        return replace(shared, _at=number)

    def inherit(self, triggers: int) -> Environment:
        """Return the environment of a stage FROM this one: ENV wins. Raises UndecidedError."""
        inherited = len(self._log) * _PER_INHERITED
        self._spend(inherited + triggers * _PER_TRIGGER)
        return self._copy(is_base=True)

    def _copy(self, *, is_base: bool = False) -> Environment:
        log = {}
        for name in self._log:
            entry = self._entry(name)
            if entry.in_stage is None:
                continue
            value = entry.in_image
            if is_base and value and value is not entry.in_stage:
                entry = _Entry(entry.number, value, value)
            log[name] = [entry]
        return replace(self, _log=log, _newest=[self._at])

    def _spend(self, characters: int) -> None:
        self.spent[0] += characters
        if self.spent[0] > _MOST_MADE:
            message = f"ctxsize expands words to no more than {_MOST_MADE:,} characters"
            raise UndecidedError(message)

    def expand(self, word: str, *, quotes: bool = True) -> Expanded:
        """Return `word` expanded; a heredoc's body has no quotes. Raises as `words.expand` does."""
        escape = "\\"
        if quotes:
            escape = self.escape
        keep_unset = self.keeps_unset
        try:
            text, names = expand(word, self, escape=escape, quotes=quotes, keep_unset=keep_unset)
        except DockerfileError as error:
            with resting_on(self._doubts_of(filter(None, [error.variable]))):
                raise
        self._spend(len(text))
        if keep_unset and len(text) > _LONGEST_GUESS:
            raise UndecidedError("the word is too long for a guess")
        return Expanded(text, self._doubts_of(names))

    def _doubts_of(self, names: Iterable[str]) -> Doubts:
        """Return the unknown values that the values of `names` depend on."""
        doubts = set()
        for name in names:
            expansion = self._entry(name).in_stage
            if expansion is _DECLARED:
                doubts.add(UnknownName("argument", name))
            elif expansion is not None:
                doubts |= expansion.doubts
            elif self.open_ended:
                doubts.add(UnknownName("environment", name))
        return frozenset(doubts)

    def obey_arg(
        self,
        instruction: Instruction,
        build_arguments: Variables,
        outer: Environment,
        *,
        is_hidden: bool = True,
    ) -> Environment:
        """Follow an ARG: `--build-arg` wins over its default, which wins over a global ARG.

        The value of a build argument is hidden from here on, if `is_hidden`.
        """
        following = self
        for argument in instruction.arguments:
            name, has_default, default = argument.partition("=")
            expansion = outer.find(name)
            if name in build_arguments:
                text = build_arguments[name]
                if is_hidden:
                    text = Hidden(text, f"${name}")
                expansion = Expanded(text)
            elif has_default:
                expansion = following.expand(default)
            if expansion is not None or name not in following:
                following = following.set(name, expansion or _DECLARED)
        return following


class StageState(Value, eq=False):
    """The state of a stage at one point. It is immutable: `obey` returns a new one.

    `outer` has the arguments before the first FROM, `build_arguments` the values of
    `--build-arg`. The `directory` of WORKDIR is relative if it depends on that of the image,
    `user` is `""` if the image decides, and `is_unix` is True if a Unix shell runs the commands
    of RUN.
    """

    environment: Environment
    outer: Environment
    build_arguments: Variables
    directory: Expanded
    user: str = ""
    is_unix: bool = True

    def obey(self, instruction: Instruction) -> StageState:
        """Return the state after `instruction`. Raises DockerfileError for a wrong word."""
        environment = self.environment
        arguments = instruction.arguments
        match instruction.keyword:
            case "ENV":
                # The values see only the variables before it (`dispatchEnv`). The words are
                # taken in pairs.
                expanded = map(self.environment.expand, arguments)
                for name, value in zip(expanded, expanded, strict=True):
                    environment = environment.set(name.text, value, in_image=True)
                return replace(self, environment=environment)
            case "ARG":
                following = environment.obey_arg(instruction, self.build_arguments, self.outer)
                return replace(self, environment=following)
            case "WORKDIR":
                path = environment.expand(arguments[0])
                return replace(self, directory=self.below(path))
            case "USER":
                return replace(self, user=environment.expand(arguments[0]).text)
            case "SHELL":
                names = {word.rpartition("/")[2] for word in arguments}
                return replace(self, is_unix=not names.isdisjoint(UNIX_SHELLS))
        return self

    def below(self, path: Expanded) -> Expanded:
        """Return `path` resolved against the directory of the stage."""
        above = self.directory
        if path.text.startswith("/"):
            above = Expanded("")
        joined = join(above.text, path.text)
        if joined.startswith("/"):
            resolved = path_from_root(joined)
        else:
            resolved = normpath(joined)
            if resolved == ".":
                resolved = ""
        resolved = hidden_as(path.text, hidden_as(above.text, resolved))
        return Expanded(resolved, above.doubts | path.doubts)
