"""The variables of a stage while its instructions are followed, and how sure they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.sources import path_from_root
from ctxsize.dockerfile.words import expand
from ctxsize.errors import DockerfileError, UndecidedError

Doubt = tuple[str, str]
"""The kind and the name of an `Unknown`."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_MADE = 2**27
"""Number of characters that the words of a Dockerfile may come to: a value may be in each line."""
# Switches of the builder that look like arguments and never become variables.
_SWITCHES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


@dataclass(frozen=True)
class Expanded:
    """An expanded word and its parts, and the unknown variables that it depends on."""

    text: str
    doubts: frozenset[Doubt] = frozenset()
    words: tuple[str, ...] = ()


def unless_given(error: DockerfileError, doubts: Collection[Doubt]) -> DockerfileError:
    """Return `error` as it is, or as an `UndecidedError` if it rests on one of `doubts`."""
    hint = what_decides(doubts)
    if isinstance(error, UndecidedError) or not hint:
        return error
    return UndecidedError(error.message, line=error.line, hint=hint)


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
    """Turn a DockerfileError raised inside into what `unless_given` makes of it."""
    try:
        yield
    except DockerfileError as error:
        raise unless_given(error, doubts) from None


@dataclass()
class Environment:
    """What `$NAME` stands for in one stage, at one point of it.

    `doubts` names, for a variable, the unknown ones that its value was made
    from. `open_ended` says that the base image is not known: any variable that
    the Dockerfile does not set may come from there. `undecided` are arguments
    declared without a value. `directory` is where WORKDIR led, None if that depends on the image.
    """

    escape: str
    values: dict[str, str] = field(default_factory=dict)
    image: dict[str, Expanded] = field(default_factory=dict)
    doubts: dict[str, frozenset[Doubt]] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    open_ended: bool = False
    directory: Expanded | None = None
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
            self.directory,
            self.made,
        )
        for name, value in child.image.items():
            child.set(name, value)
        return child

    def start(self, image: Mapping[str, str] | None) -> None:
        """Set the variables of a base image; None if they are not known."""
        self.open_ended = image is None
        self.directory = None if image is None else Expanded("/")
        doubt = frozenset({("environment", "PATH")}) if image is None else frozenset()
        self.set_in_image("PATH", Expanded(_PATH, doubt))
        for name, value in (image or {}).items():
            self.set_in_image(name, Expanded(value))

    def set(self, name: str, value: Expanded) -> None:
        """Set a variable for the rest of the stage."""
        self.values[name] = value.text
        self.doubts[name] = value.doubts

    def value(self, name: str) -> Expanded:
        """Return the value of a variable that has one."""
        return Expanded(self.values[name], self.doubts.get(name, frozenset()))

    def set_in_image(self, name: str, value: Expanded) -> None:
        """Set a variable that also becomes part of the image, as ENV does."""
        self.set(name, value)
        self.image[name] = value

    def expand(self, word: str, *, quotes: bool = True, splits: bool = False) -> Expanded:
        """Return `word` expanded; the body of a heredoc, without quotes, has its own escape.

        Raises DockerfileError as `words.expand` does.
        """
        escape = self.escape if quotes else "\\"
        try:
            expansion = expand(word, self.values, escape=escape, quotes=quotes, splits=splits)
        except DockerfileError as error:
            raise unless_given(error, self._doubts_of({error.variable} - {""})) from None
        self.count(len(expansion.text))
        doubts = self._doubts_of(expansion.unset | expansion.found)
        return Expanded(expansion.text, doubts, expansion.words)

    def _doubts_of(self, names: Collection[str]) -> frozenset[Doubt]:
        """Return what is not known of the values of `names`."""
        doubts: set[Doubt] = set()
        for name in names:
            if name in self.values:
                doubts |= self.doubts.get(name, frozenset())
            elif name in self.undecided:
                doubts.add(("argument", name))
            elif self.open_ended:
                doubts.add(("environment", name))
        return frozenset(doubts)

    def enter(self, word: str) -> None:
        """Follow a WORKDIR."""
        path = self.expand(word)
        if path.text.startswith("/"):
            self.directory = Expanded(path_from_root(path.text), path.doubts)
        elif self.directory is not None:
            self.directory = self.absolute(path)

    def absolute(self, path: Expanded) -> Expanded:
        """Return what a relative `path` means in this directory, which is known."""
        assert self.directory is not None
        text = path_from_root(f"{self.directory.text}/{path.text}")
        return Expanded(text, self.directory.doubts | path.doubts)

    def count(self, characters: int) -> None:
        """Count what a word came to. Raises UndecidedError once it is too much for ctxsize."""
        self.made[0] += characters
        if self.made[0] > _MOST_MADE:
            message = f"ctxsize expands words to no more than {_MOST_MADE:,} characters"
            raise UndecidedError(message)

    def obey_env(self, instruction: Instruction) -> None:
        """Follow an ENV: all its values see the variables as they were before it."""
        expanded = [self.expand(argument) for argument in instruction.arguments]
        for name, value in zip(expanded[::2], expanded[1::2], strict=True):
            self.set_in_image(name.text, value)

    def obey_arg(
        self,
        instruction: Instruction,
        build_arguments: Mapping[str, str],
        global_arguments: Environment,
    ) -> None:
        """Follow an ARG: `--build-arg` beats its default, which beats a global ARG."""
        for argument in instruction.arguments:
            name, has_default, default = argument.partition("=")
            value: Expanded | None = None
            if name in build_arguments:
                value = Expanded(build_arguments[name])
            elif has_default:
                value = self.expand(default)
            elif name in global_arguments.values:
                value = global_arguments.value(name)
            if value is None:
                self.undecided.add(name)
            elif name not in _SWITCHES:
                self.set(name, value)
