"""The variables of a stage while its instructions are followed, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.words import expand
from ctxsize.errors import DockerfileError
from ctxsize.values import dataclass

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_MADE = 2**27
"""Number of characters that the words of a Dockerfile may come to: a value may be in each line."""
# Switches of the builder that look like arguments and never become variables.
_SWITCHES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


@dataclass(frozen=True)
class Expanded:
    """An expanded word, and the unknown variables that it depends on."""

    text: str
    doubts: frozenset[str] = frozenset()


@dataclass()
class Environment:
    """What `$NAME` stands for in one stage, at one point of it.

    `doubts` names, for a variable, the unknown ones that its value was made
    from. `open_ended` says that the base image is not known: any variable that
    the Dockerfile does not set may come from there. `undecided` are arguments
    declared without a value.
    """

    escape: str
    values: dict[str, str] = field(default_factory=dict)
    image: dict[str, Expanded] = field(default_factory=dict)
    doubts: dict[str, frozenset[str]] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    open_ended: bool = False
    made: list[int] = field(default_factory=lambda: [0])
    """How many characters all words came to, in all stages that share this."""

    def inherit(self) -> Environment:
        """Return the environment in which a stage FROM this one begins.

        What ENV set is set again, so it wins over an ARG that came after it.
        """
        child = Environment(
            self.escape,
            dict(self.values),
            dict(self.image),
            dict(self.doubts),
            set(self.undecided),
            self.open_ended,
            self.made,
        )
        for name, value in child.image.items():
            child.set(name, value)
        return child

    def start(self, image: Mapping[str, str] | None) -> None:
        """Set the variables of a base image; None if they are not known."""
        self.open_ended = image is None
        doubt = frozenset({"PATH"}) if image is None else frozenset()
        self.set_in_image("PATH", Expanded(_PATH, doubt))
        for name, value in (image or {}).items():
            self.set_in_image(name, Expanded(value))

    def set(self, name: str, value: Expanded) -> None:
        """Set a variable for the rest of the stage."""
        self.values[name] = value.text
        self.doubts[name] = value.doubts

    def set_in_image(self, name: str, value: Expanded) -> None:
        """Set a variable that also becomes part of the image, as ENV does."""
        self.set(name, value)
        self.image[name] = value

    def expand(self, word: str) -> Expanded:
        """Return `word` expanded. Raises DockerfileError as `words.expand` does."""
        expansion = expand(word, self.values, escape=self.escape)
        self.count(len(expansion.text))
        doubts = {name for name in expansion.unset if self.open_ended or name in self.undecided}
        for name in expansion.found:
            doubts |= self.doubts.get(name, frozenset())
        return Expanded(expansion.text, frozenset(doubts))

    def count(self, characters: int) -> None:
        """Count what a word came to. Raises DockerfileError once it is too much."""
        self.made[0] += characters
        if self.made[0] > _MOST_MADE:
            raise DockerfileError(f"its words come to more than {_MOST_MADE:,} characters")

    def obey_env(self, instruction: Instruction) -> None:
        """Follow an ENV: all its values see the variables as they were before it."""
        expanded = [self.expand(argument) for argument in instruction.arguments]
        for name, value in zip(expanded[::2], expanded[1::2], strict=True):
            self.set_in_image(name.text, value)

    def obey_arg(
        self,
        instruction: Instruction,
        build_arguments: Mapping[str, str],
        global_arguments: Mapping[str, str],
    ) -> None:
        """Follow an ARG: `--build-arg` beats its default, which beats a global ARG."""
        for argument in instruction.arguments:
            name, has_default, default = argument.partition("=")
            value: Expanded | None = None
            if name in build_arguments:
                value = Expanded(build_arguments[name])
            elif has_default:
                value = self.expand(default)
            elif name in global_arguments:
                value = Expanded(global_arguments[name])
            if value is None:
                self.undecided.add(name)
            elif name not in _SWITCHES:
                self.set(name, value)
