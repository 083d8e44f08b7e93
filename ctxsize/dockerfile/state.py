"""What the instructions of a stage change on the way: variables, directory, user, shell."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ctxsize.dockerfile.environment import Doubt, Environment, Expanded, resting_on
from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.mounts import Mount, parse_mount
from ctxsize.dockerfile.sources import path_from_root

_UNIX_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"))
_HERE = Expanded("")


def _no_variables() -> Environment:
    return Environment("\\")


@dataclass(frozen=True, eq=False, slots=True)
class StageState:
    """What a stage has come to at one point. It does not change: `obey` returns the next one."""

    environment: Environment = field(default_factory=_no_variables)
    outer: Environment = field(default_factory=_no_variables)
    """The arguments in front of the first FROM."""
    given: Mapping[str, str] = field(default_factory=dict)
    """The values of `--build-arg`."""
    directory: Expanded = _HERE
    """Where WORKDIR led, relative as long as that depends on the image."""
    user: str = ""
    """The one that USER names, `""` if the image decides."""
    is_unix: bool = True
    """Whether a shell of Unix reads what RUN runs."""

    def inherit(self) -> StageState:
        """Return the state in which a stage FROM this one begins."""
        return replace(self, environment=self.environment.inherit())

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
            return replace(self, is_unix=not names.isdisjoint(_UNIX_SHELLS))
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
