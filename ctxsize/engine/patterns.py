"""The dockerignore dialect on pathspec: one pattern, and a list of them.

`DockerIgnorePattern` is a pathspec `RegexPattern` that gives one line the
meaning that Docker gives it. `DockerIgnoreSpec` is a `PathSpec` that evaluates
a list of them as Docker's tree walk does. Both can be used alone:

>>> spec = DockerIgnoreSpec.from_lines(["*", "!src", "**/*.log"])
>>> [path for path in ("README", "src/a.c", "src/b.log") if not spec.match_file(path)]
['src/a.c']

Behaviour: moby/patternmatcher (`MatchesUsingParentResults`) and its
`ignorefile` reader, tonistiigi/fsutil for the pruning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from pathspec import PathSpec, RegexPattern
from pathspec.util import (
    CheckResult,
    StrPath,
    TreeEntry,
    TStrPath,
    normalize_file,
    register_pattern,
)

from ctxsize.engine import golang, goregexp
from ctxsize.engine.dialect import NEVER, classify, compiled, explain_syntax
from ctxsize.engine.expressions import Expression
from ctxsize.engine.ignorefile import sent_text as sent_text
from ctxsize.engine.ignorefile import without_mark
from ctxsize.errors import IgnoreFileError, UnknownPatternError

if TYPE_CHECKING:
    from typing_extensions import Self
_WILDCARDS = frozenset("*[]?^\\")
"""What makes BuildKit give up on pruning when it stands in an exception."""
_WRITE_OUT = "write the characters themselves, as in [α-ω]"


class SplitLine(NamedTuple):
    """A pattern as the builder's matcher holds it."""

    text: str
    """The cleaned pattern without its `!`."""
    exception: bool
    """Whether it re-includes (`!`)."""


class Step(NamedTuple):
    """What became of one path."""

    ignored: bool
    state: int
    """One bit per pattern that counts as matched; the parent state of the path's children."""
    decider: int | None
    """Index of the pattern that decided, the last one that matched; None if none did."""


class DockerIgnorePattern(RegexPattern):
    """One line of an ignore file, with the meaning that Docker gives it.

    `include` follows pathspec: True for a pattern that ignores, False for an
    exception, None for a comment. `text` is the cleaned pattern without `!`, `kind`
    and `expression` say how Docker matches it (see `classify`), `line` is its 1-based
    line where the spec was made from lines, `column` that of its first character.
    `fault` is None, or why Docker's build fails as soon as the pattern is evaluated.

    Raises `IgnoreFileError` for a pattern that fails every build.
    """

    __slots__ = ("column", "expression", "fault", "kind", "line", "text")
    wildcards: ClassVar[str] = "*?[]\\"
    """What makes an expression of a text, and never stands for itself."""

    def __init__(self, pattern: Any, include: bool | None = None) -> None:
        self.line = 0
        self.column = 1
        self.text = self.kind = self.expression = ""
        self.fault: str | None = None
        parsed = self.read(pattern) if isinstance(pattern, str) else None
        regex = None if isinstance(pattern, str) else pattern
        if parsed is not None:
            self.text = parsed.text
            self.column += len(pattern) - len(pattern.lstrip(golang.WHITE_SPACE))
            include = not parsed.exception
            regex = self._compiled(pattern)
        super().__init__(regex, include)
        self.pattern = pattern

    def __copy__(self) -> DockerIgnorePattern:
        """Return the same pattern as an object of its own, which may stand on another line."""
        made = self.__new__(type(self))
        for name in ("include", "pattern", "regex", *DockerIgnorePattern.__slots__):
            setattr(made, name, getattr(self, name))
        return made

    def _compiled(self, line: str) -> Expression:
        """Return what finds the text in paths, and the fault if Go refuses the pattern."""
        try:
            self.kind, self.expression = self.meaning(self.text)
            return compiled(self.kind, self.text, self.expression)
        except goregexp.GoRegexpError as error:
            self.fault = str(error)
            return Expression(NEVER)
        except NotImplementedError as error:
            message = f"ctxsize cannot evaluate this pattern: {error}"
            raise UnknownPatternError(message, pattern=line, hint=_WRITE_OUT) from None

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line` after Docker's two readers: the file's, then the matcher's.

        The matcher gets text back from the first, so `./!x` ends as an exception.
        """
        sent = sent_text(line)
        # `patternmatcher.New` trims and cleans once more, now with the `!`.
        text = golang.trim_space(sent or "")
        if not text:
            return None
        text = golang.clean(text)
        exception = text.startswith("!")
        return SplitLine(text[exception:], exception)

    @classmethod
    def read(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`; checks what the builder checks at once."""
        parsed = cls.split(line)
        if parsed is None:
            return None
        if not parsed.text:
            raise IgnoreFileError(
                'illegal exclusion pattern: "!"',
                pattern="!",
                hint="an exception needs a path after its !",
            )
        offset = golang.syntax_error(parsed.text)
        if offset is not None:
            raise IgnoreFileError(
                "syntax error in pattern",
                pattern=line,
                column=line.find(parsed.text) + 1 + offset if parsed.text in line else None,
                hint=explain_syntax(parsed.text, offset),
            )
        return parsed

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """Return the Python expression for `pattern`, and whether it ignores (for pathspec)."""
        made = cls(pattern)
        return (None if made.regex is None else made.regex.pattern), made.include

    @classmethod
    def meaning(cls, text: str) -> tuple[str, str]:
        """Return how the builder matches `text`: its kind and its Go expression."""
        return classify(text)

    def match_file(self, file: Any) -> Any:
        """Return pathspec's match of one path. Raises `IgnoreFileError` for a faulty pattern."""
        if self.fault is not None:
            raise self.error()
        return super().match_file(file)

    def error(self) -> IgnoreFileError:
        """Return the error of Docker's build when it evaluates this faulty pattern."""
        return IgnoreFileError(
            "syntax error in pattern",
            line=self.line or None,
            column=self.column,
            pattern=str(self.pattern),
            hint=f"{self.text!r}: {self.fault}",
            always=False,
        )


class DockerIgnoreSpec(PathSpec[DockerIgnorePattern]):
    """A list of patterns, evaluated as BuildKit's walk over a context evaluates it.

    A path's fate depends on the patterns that its parent directories matched,
    so `match_file` and `check_file` walk down to it from the top.
    """

    pattern_class: ClassVar[type[DockerIgnorePattern]] = DockerIgnorePattern
    remembers_parents: ClassVar[bool] = True
    """Whether what a directory matched holds for its children (`step`)."""
    strips_bom: ClassVar[bool] = True
    """Whether the reader drops a byte order mark before the first line."""

    def __init__(self, patterns: Iterable[DockerIgnorePattern], **_: Any) -> None:
        """Keep `patterns`, comments dropped. pathspec's faster backends reject our dialect."""
        kept = [pattern for pattern in patterns if pattern.include is not None]
        super().__init__(kept, backend="simple")
        self.evaluator: Any = None
        """What walks make of it (`automaton.fastest`), kept for the next one."""

    @cached_property
    def _tests(self) -> list[tuple[int, bool, Any]]:
        return [
            (1 << index, bool(pattern.include), _search(pattern))
            for index, pattern in enumerate(self.patterns)
        ]

    @property
    def may_refuse(self) -> bool:
        """Return whether some path could be sent by the walk and refused by the sender.

        That takes a pattern that ignores after an exception.
        """
        kinds = [bool(pattern.include) for pattern in self.patterns]
        return False in kinds and True in kinds[kinds.index(False) :]

    @classmethod
    def from_lines(  # type: ignore[override]
        cls, lines: Iterable[str], pattern_factory: Any = None, **_: Any
    ) -> DockerIgnoreSpec:
        """Return the spec of an ignore file's lines, in order and with comments and blank ones.

        Raises `IgnoreFileError`, with its line, for a line that fails every build.
        """
        make = pattern_factory or cls.pattern_class
        patterns = []
        for number, text in enumerate(without_mark(lines) if cls.strips_bom else lines, 1):
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

        A pattern that could not change the outcome is not evaluated and leaves
        no bit, so it does not hold for the path's children either: this is what
        makes Docker differ from "the last match wins".
        """
        ignored, state = False, 0
        for bit, ignores, search in self._tests:
            # `MatchesUsingParentResults` sets no bit for what it skips, here and for all below.
            if parent & bit or (ignores != ignored and search(path) is not None):
                state |= bit
                ignored = ignores
        return Step(ignored, state, state.bit_length() - 1 if state else None)

    def steps(self, path: str) -> Iterator[tuple[str, Step]]:
        """Yield each ancestor of `path` from the top, then `path` itself, with its fate."""
        state = 0
        for end in [*_slashes(path), len(path)]:
            step = self.step(path[:end], state)
            state = step.state
            yield path[:end], step

    def refuses(self, path: str) -> bool:
        """Return whether Docker's sender refuses to open `path`, so that it would arrive empty.

        The sender asks another function than the walk (`MatchesOrParentMatches`):
        there the last pattern that matches the path or an ancestor wins.
        """
        ignored = False
        paths = [path[:end] for end in [*_slashes(path), len(path)]]
        for _, ignores, search in self._tests:
            if ignores != ignored and any(search(each) for each in paths):
                ignored = ignores
        return ignored

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return the literal paths that exceptions reach; None if one holds a wildcard."""
        texts = [
            pattern.text.removesuffix("/**").removesuffix("/*")
            for pattern in self.patterns
            if pattern.include is False
        ]
        # One such exception, and `filterFS` enters every ignored directory, not just for this one.
        return None if any(_WILDCARDS.intersection(text) for text in texts) else texts

    def enters(self, directory: str) -> bool:
        """Return whether the builder looks into an ignored directory for re-included entries."""
        reach = self.reach
        return reach is None or any(f"{text}/".startswith(f"{directory}/") for text in reach)

    def match_file(self, file: StrPath, separators: Collection[str] | None = None) -> bool:
        """Return whether `file` is ignored."""
        return bool(self.check_file(file, separators).include)

    def check_file(
        self, file: TStrPath, separators: Collection[str] | None = None
    ) -> CheckResult[TStrPath]:
        """Return what becomes of `file`: `include` True if ignored, and the `index` that decided.

        An entry below an ignored directory that Docker does not enter is
        ignored by the pattern that ignored the directory.
        """
        path = normalize_file(cast(StrPath, file), separators).rstrip("/")
        step = Step(False, 0, None)
        for ancestor, step in self.steps(path):
            if step.ignored and ancestor != path and not self.enters(ancestor):
                break
        include = None if step.decider is None else step.ignored
        return CheckResult(file, include, step.decider)

    def check_files(
        self, files: Iterable[TStrPath], separators: Collection[str] | None = None
    ) -> Iterator[CheckResult[TStrPath]]:
        """Yield `check_file` for each of `files`."""
        return (self.check_file(file, separators) for file in files)

    def match_files(
        self,
        files: Iterable[TStrPath],
        separators: Collection[str] | None = None,
        *,
        negate: bool | None = None,
    ) -> Iterator[TStrPath]:
        """Return those of `files` that are ignored, or with `negate` those that are sent."""
        return (file for file in files if self.match_file(file, separators) != bool(negate))

    def match_entries(
        self,
        entries: Iterable[TreeEntry],
        separators: Collection[str] | None = None,
        *,
        negate: bool | None = None,
    ) -> Iterator[TreeEntry]:
        """Return those of `entries` that are ignored, or with `negate` those that are sent."""
        wanted = bool(negate)
        return (each for each in entries if self.match_file(each.path, separators) != wanted)

    def __iadd__(self, other: PathSpec[Any]) -> Self:
        """A new spec, with the patterns of both."""
        return self + other


def _slashes(path: str) -> list[int]:
    return [at for at, char in enumerate(path) if char == "/"]


def _search(pattern: DockerIgnorePattern) -> Any:
    if pattern.fault is not None or pattern.regex is None:
        return pattern.match_file
    return pattern.regex.search


register_pattern("dockerignore", DockerIgnorePattern, override=True)
