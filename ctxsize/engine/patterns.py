"""One line of an ignore file as a pathspec pattern, with the meaning that Docker gives it.

And the way back: a path as the line that matches it and nothing else. Behaviour:
moby/patternmatcher, and its `ignorefile` reader.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from pathspec import RegexPattern
from pathspec.util import register_pattern

from ctxsize.engine import golang
from ctxsize.engine.dialect import Expression, classify, expression_of
from ctxsize.engine.ignorefile import sent_text
from ctxsize.errors import IgnoreFileError, UnknownPatternError

_WRITE_OUT = "write the characters themselves, as in [α-ω]"
_AT_END = "a pattern cannot end in a backslash"
_CLASS = "a [ needs a ] with at least one character between them, and [a-z] no loose -"
_IN_EXPRESSIONS = "|{}^"
"""What the builders forget to escape as soon as a pattern is an expression."""
_LEADING = {"#": "\\#", "!": "\\!", "\ufeff": "[\ufeff]"}
"""What means something else at the beginning of a line."""


class SplitLine(NamedTuple):
    """A pattern as the builder's matcher holds it."""

    text: str
    """The cleaned pattern without its `!`."""
    exception: bool
    """Whether it re-includes (`!`)."""


def as_matched(text: str) -> SplitLine | None:
    """Return what the matcher (`patternmatcher.New`) makes of a text, None for nothing.

    It trims and cleans once more than the reader of files, now with the `!`.
    """
    text = golang.trim_space(text)
    if not text:
        return None
    text = golang.clean(text)
    exception = text.startswith("!")
    return SplitLine(text[exception:], exception)


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
            return expression_of(self.kind, self.text, self.expression)
        except golang.GoRegexpError as error:
            self.fault = str(error)
            return Expression("(?!)", lambda: lambda _: None)
        except NotImplementedError as error:
            message = f"ctxsize cannot evaluate this pattern: {error}"
            raise UnknownPatternError(message, pattern=line, hint=_WRITE_OUT) from None

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line` after Docker's two readers: the file's, then the matcher's.

        The matcher gets text back from the first, so `./!x` ends as an exception.
        """
        return as_matched(sent_text(line) or "")

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
                hint=_AT_END if parsed.text[offset] == "\\" else _CLASS,
            )
        return parsed

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """Return an expression for `pattern`, and whether it ignores (for pathspec).

        It is Python's, or Go's for what Python would write in another way.
        """
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


register_pattern("dockerignore", DockerIgnorePattern, override=True)


def pattern_for(
    path: str, *, pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern
) -> str | None:
    r"""Return the line that matches just `path`, None where the builder has no such pattern.

    There is none for bytes that are not UTF-8: they all look like U+FFFD.

    >>> [pattern_for(path) for path in ("a b", "[id].ts", "#a", " a ", "a\nb", "a|b", "a|[b]")]
    ['a b', '\\[id\\].ts', '\\#a', '[ ]a[ ]', 'a\\nb', 'a|b', 'a\\|\\[b\\]']
    """
    if any("\udc80" <= char <= "\udcff" or char == "\ufffd" for char in path):
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    plain = is_plain(path, pattern_class) and path[0] not in _LEADING
    return path if plain and path == golang.trim_space(path) else escaped(path, pattern_class)


def is_plain(text: str, pattern_class: type[DockerIgnorePattern]) -> bool:
    """Return whether each character of `text` stands for itself outside expressions."""
    return _printable(text) and not set(pattern_class.wildcards) & set(text)


def escaped(
    text: str,
    pattern_class: type[DockerIgnorePattern],
    *,
    starts: bool = True,
    ends: bool = True,
) -> str:
    """Return `text` so that it stands for itself in a pattern that is an expression.

    `starts` and `ends` tell whether it comes first and last in its line.
    """
    special = {*pattern_class.wildcards, *_IN_EXPRESSIONS}
    found = [f"\\{char}" if char in special else _in_header(char) for char in text]
    if starts:
        found[0] = _LEADING.get(text[0], found[0])
    for at in (0,) * starts + (-1,) * ends:
        if text[at] in golang.WHITE_SPACE and _printable(text[at]):
            found[at] = f"[{text[at]}]"
    return "".join(found)


def _in_header(char: str) -> str:
    if _printable(char):
        return char
    return "\\n" if char == "\n" else f"\\x{ord(char):02x}"


def _printable(text: str) -> bool:
    """Return whether `text` can travel in a header: control characters cannot."""
    return all(char >= " " and char != "\x7f" for char in text)
