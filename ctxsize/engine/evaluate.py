"""The verdicts of a whole directory, pattern by pattern: the reference.

An evaluator tells the walk what becomes of a directory's entries, given what
the directories above matched. This one asks the spec about each name, just as
Docker does, and is what every faster one is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError


class Mark(NamedTuple):
    """What becomes of an entry."""

    ignored: bool
    decider: int | None
    """Index of the pattern that decided."""
    refused: bool
    """Whether the sender refuses to open it, so that a file arrives empty."""


class State(NamedTuple):
    """What an evaluator remembers of a directory: its own mark, and what its children need."""

    mark: Mark
    memory: int


class HasMark(Protocol):
    """A directory's state as the walk sees it."""

    @property
    def mark(self) -> Mark:
        """Return the mark of the directory, and of every entry that `odd` does not name."""


S = TypeVar("S", bound=HasMark)


class Evaluator(Protocol[S]):
    """Gives entries their marks, a directory at a time."""

    def root(self) -> S:
        """Return the state of the context itself."""

    def odd(self, state: S, prefix: str, names: Sequence[str]) -> dict[str, Mark]:
        """Return the marks of those `names` in the directory that differ from the directory's own.

        `prefix` is the directory's path with a trailing `/`, `""` for the context.
        """

    def enter(self, state: S, prefix: str, name: str) -> S:
        """Return the state of the subdirectory `name`."""

    def enters(self, state: S, path: str) -> bool:
        """Return whether anything below the ignored directory `path` can be sent."""


class PatternByPattern:
    """Docker's own evaluation, one pattern after the other for each path."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self._spec = spec
        self._may_refuse = spec.may_refuse

    def root(self) -> State:
        """Return the state of the context itself."""
        return State(Mark(ignored=False, decider=None, refused=False), 0)

    def odd(self, state: State, prefix: str, names: Sequence[str]) -> dict[str, Mark]:
        """Return the marks of those `names` that differ from the directory's own."""
        marks = ((name, self.enter(state, prefix, name).mark) for name in names)
        return {name: mark for name, mark in marks if mark != state.mark}

    def enter(self, state: State, prefix: str, name: str) -> State:
        """Return the state of the entry `name`."""
        path = prefix + name
        step = self._spec.step(path, state.memory)
        refused = self._may_refuse and not step.ignored and refuses(self._spec, path)
        return State(Mark(step.ignored, step.decider, refused), step.state)

    def enters(self, state: State, path: str) -> bool:
        """Return whether Docker looks into the ignored directory `path`."""
        return self._spec.enters(path)


def matches(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return whether `pattern` matches `path` by itself; one that fails the build does not."""
    try:
        return pattern.match_file(path) is not None
    except IgnoreFileError:
        return False


def refuses(spec: DockerIgnoreSpec, path: str) -> bool:
    """Return whether the sender refuses to open the file at `path`, which is sent."""
    try:
        return spec.refuses(path)
    except IgnoreFileError:
        return True  # the sender fails on the pattern, and swallows that too
