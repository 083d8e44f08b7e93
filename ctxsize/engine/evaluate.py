"""A list of patterns, evaluated as Docker's walk over a context does it: the reference.

>>> spec = DockerIgnoreSpec.from_lines(["*", "!src", "**/*.log"])
>>> [path for path in ("README", "src/a.c", "src/b.log") if not spec.match_file(path)]
['src/a.c']

The evaluator here tests each name against each pattern, as Docker does; tests compare the faster
ones with it. Behaviour: moby/patternmatcher (`MatchesUsingParentResults`), and tonistiigi/fsutil
for the pruning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

from pathspec import PathSpec
from pathspec.util import CheckResult, StrPath, TreeEntry, TStrPath, normalize_file

from ctxsize.engine.ignorefile import without_mark
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import IgnoreFileError

if TYPE_CHECKING:
    from typing_extensions import Self

Chars = Collection[str] | None
_Test = tuple[int, bool, Any]  # the bit of a pattern, True if it ignores, and the search for it
_MOST_DIRECTORIES = 500  # number of directories to keep states of
_WILDCARDS = frozenset("*[]?^\\")  # in an exception, they make BuildKit enter all directories


class Step(NamedTuple):
    """The fate of one path."""

    ignored: bool
    state: int  # a bit for each pattern that counts as matched; the parent state of its children
    decider: int | None  # index of the deciding pattern: the last that matched, or None


class DockerIgnoreSpec(PathSpec[DockerIgnorePattern]):
    """A list of patterns, evaluated as BuildKit's walk over a context evaluates it.

    A path's fate depends on the patterns that its parent directories matched,
    so `match_file` and `check_file` walk down to it from the top.
    """

    pattern_class: ClassVar[type[DockerIgnorePattern]] = DockerIgnorePattern
    remembers_parents: ClassVar[bool] = True
    """True if a pattern that a directory matched also counts for its children (`step`)."""
    may_refuse: ClassVar[bool] = True  # the sender may refuse to open what is sent (`refuses`)
    strips_bom: ClassVar[bool] = True  # the reader drops a byte order mark from the first line

    def __init__(self, patterns: Iterable[DockerIgnorePattern], **_: Any) -> None:
        """Keep `patterns` except comments. pathspec's faster backends reject our dialect."""
        effective = [pattern for pattern in patterns if pattern.include is not None]
        super().__init__(effective, backend="simple")
        self.evaluator: Evaluator | None = None  # cached by `automaton.fastest` for the next walk

    @cached_property
    def _tests(self) -> list[_Test]:
        tests = []
        for index, pattern in enumerate(self.patterns):
            search: Any = pattern.match_file
            if pattern.regex and not pattern.fault:
                search = pattern.regex.search
            tests.append((1 << index, bool(pattern.include), search))
        return tests

    @classmethod
    def from_lines(  # type: ignore[override]
        cls, lines: Iterable[str], pattern_factory: Any = None, **_: Any
    ) -> DockerIgnoreSpec:
        """Return the spec of all lines of a file. Raises `IgnoreFileError` with a failing line.

        Raises `TypeError` for one text, whose letters would be the lines.
        """
        if isinstance(lines, (str, bytes)):
            raise TypeError("`lines` is one text: pass text.splitlines()")
        make = pattern_factory or cls.pattern_class
        if cls.strips_bom:
            lines = without_mark(lines)
        patterns = []
        for number, text in enumerate(lines, 1):
            try:
                pattern = make(text)
            except IgnoreFileError as error:
                error.line = number
                raise
            pattern.line = number
            patterns.append(pattern)
        return cls(patterns)

    def step(self, path: str, parent: int = 0) -> Step:
        """Return the fate of `path`, given its parent directory's state (0 at the top).

        A pattern that could not change the outcome is not evaluated and sets no bit, so it does
        not count for the path's children either: this is not "the last match wins".
        """
        ignored = False
        state = 0
        for bit, ignores, search in self._tests:
            # `MatchesUsingParentResults` sets no bit for a pattern that it skips.
            if parent & bit or (ignores != ignored and search(path) is not None):
                state |= bit
                ignored = ignores
        if not state:
            return Step(ignored, state, None)
        return Step(ignored, state, state.bit_length() - 1)

    def steps(self, path: str) -> Iterator[tuple[str, Step]]:
        """Yield the fate of each ancestor of `path`, topmost first, and of `path` itself."""
        state = 0
        for ancestor in up_to(path):
            step = self.step(ancestor, state)
            state = step.state
            yield ancestor, step

    def refuses(self, path: str) -> bool:
        """Return whether Docker's sender refuses to open `path`, so that it arrives empty.

        The sender calls another function than the walk (`MatchesOrParentMatches`),
        in which the last pattern that matches the path or an ancestor wins.
        """
        ignored = False
        paths = up_to(path)
        for _, ignores, search in self._tests:
            if ignores != ignored and any(map(search, paths)):
                ignored = ignores
        return ignored

    @property
    def _exceptions(self) -> list[str]:
        return [pattern.text for pattern in self.patterns if not pattern.include]

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return the literal paths of the exceptions; None if one contains a wildcard."""
        texts = [text.removesuffix("/**").removesuffix("/*") for text in self._exceptions]
        # Because of one such exception, `filterFS` enters every ignored directory.
        if not _WILDCARDS.isdisjoint("".join(texts)):
            return None
        return texts

    def enters(self, directory: str) -> bool:
        """Return whether the builder enters an ignored directory to find re-included entries."""
        if self.reach is None:
            return True
        prefix = f"{directory}/"
        return any(f"{text}/".startswith(prefix) for text in self.reach)

    def match_file(self, file: StrPath, separators: Chars = None) -> bool:
        """Return whether `file` is ignored."""
        return bool(self.check_file(file, separators).include)

    def check_file(self, file: TStrPath, separators: Chars = None) -> CheckResult[TStrPath]:
        """Return the result for `file`: `include` is True if ignored, `index` is the decider."""
        path = normalize_file(cast(StrPath, file), separators).rstrip("/")
        step = Step(False, 0, None)
        for ancestor, step in self.steps(path):
            if step.ignored and ancestor != path and not self.enters(ancestor):
                break  # the pattern that ignored the directory decides about all below it
        if step.decider is None:
            return CheckResult(file, None, None)
        return CheckResult(file, step.ignored, step.decider)

    def check_files(
        self, files: Iterable[TStrPath], separators: Chars = None
    ) -> Iterator[CheckResult[TStrPath]]:
        """Yield `check_file` for each of `files`."""
        for file in files:
            yield self.check_file(file, separators)

    def match_files(
        self,
        files: Iterable[TStrPath],
        separators: Chars = None,
        *,
        negate: bool | None = None,
    ) -> Iterator[TStrPath]:
        """Yield the ignored ones of `files`, or with `negate` the sent ones."""
        for file in files:
            if self.match_file(file, separators) != bool(negate):
                yield file

    def match_entries(
        self, entries: Iterable[TreeEntry], separators: Chars = None, *, negate: bool | None = None
    ) -> Iterator[TreeEntry]:
        """Yield the ignored ones of `entries`, or with `negate` the sent ones."""
        for entry in entries:
            if self.match_file(entry.path, separators) != bool(negate):
                yield entry

    def __iadd__(self, other: PathSpec[Any]) -> Self:
        """Return a new spec with the patterns of both."""
        return self + other


def up_to(path: str) -> list[str]:
    """Return the directories above `path`, topmost first, and `path` itself."""
    return [*accumulate(path.split("/"), "{}/{}".format)]


class Mark(NamedTuple):
    """The fate of an entry."""

    ignored: bool
    decider: int | None  # index of the pattern that decided
    refused: bool  # True if the sender refuses to open it, so that a file arrives empty


Marks = dict[str, Mark]
UNMATCHED = Mark(ignored=False, decider=None, refused=False)


class State(NamedTuple):
    """An evaluator's memory of a directory: its own mark, and the state for its children."""

    mark: Mark
    memory: int


class HasMark(Protocol):
    """A directory's state; `mark` also applies to every entry missing from `others`."""

    @property
    def mark(self) -> Mark: ...


class Evaluator(Protocol):
    """Computes marks, a directory at a time; `prefix` is its path with a trailing `/`, or `""`.

    It accepts only the states that it returned itself.
    """

    def root(self) -> HasMark:
        """Return the state of the context itself."""

    def others(self, state: Any, prefix: str, names: Sequence[str]) -> Marks:
        """Return the marks of those `names` in the directory that differ from its own mark."""

    def enter(self, state: Any, prefix: str, name: str) -> HasMark:
        """Return the state of the subdirectory `name`."""

    def enters(self, state: Any, path: str) -> bool:
        """Return whether anything below the ignored directory `path` can be sent."""


class DirectoryStates:
    """The states of directories under one evaluator, cached for many entries of a directory."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._known: dict[str, HasMark | None] = {}

    def state(self, directory: str) -> HasMark | None:
        """Return the state of a directory; None if nothing below it can be sent."""
        evaluator = self.evaluator
        known = self._known
        with suppress(KeyError):  # another thread may clear the cache at any time
            return known[directory]
        if len(known) >= _MOST_DIRECTORIES:
            known.clear()
        state: HasMark | None = evaluator.root()
        if not directory:
            return state
        for path in up_to(directory):
            try:
                state = known[path]
            except KeyError:
                if state is not None:
                    above, slash, name = path.rpartition("/")
                    state = evaluator.enter(state, above + slash, name)
                    if state.mark.ignored and not evaluator.enters(state, path):
                        state = None
                known[path] = state
        return state


class PatternByPattern:
    """Docker's own evaluation: every pattern is tried on every path."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self._spec = spec

    def root(self) -> State:
        return State(UNMATCHED, 0)

    def others(self, state: State, prefix: str, names: Sequence[str]) -> Marks:
        others: Marks = {}
        for name in names:
            mark = self.enter(state, prefix, name).mark
            if mark != state.mark:
                others[name] = mark
        return others

    def enter(self, state: State, prefix: str, name: str) -> State:
        spec = self._spec
        path = prefix + name
        step = spec.step(path, state.memory)
        refused = False
        if spec.may_refuse and not step.ignored:
            refused = refuses(spec, path)
        mark = Mark(step.ignored, step.decider, refused)
        return State(mark, step.state)

    def enters(self, state: State, path: str) -> bool:
        return self._spec.enters(path)


def refuses(spec: DockerIgnoreSpec, path: str) -> bool:
    """Return whether the sender refuses to open the file at `path`, which is sent."""
    try:
        return spec.refuses(path)
    except IgnoreFileError:
        return True  # the sender ignores the error of the pattern, and sends no content
