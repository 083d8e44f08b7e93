"""One line of an ignore file as a pathspec pattern with Docker's meaning.

Also the reverse: the line that matches one path and nothing else. Behaviour: moby/patternmatcher
(`Pattern.compile` and `Pattern.match`), and its `ignorefile` reader. Python's `re` backtracks, so
`(.*/)?a(.*/)?a…` can need unlimited time: `re` is used only where it is surely quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from functools import cache, cached_property
from math import comb
from typing import Any, ClassVar, NamedTuple, cast

from pathspec import RegexPattern
from pathspec.util import register_pattern

from ctxsize.engine.ignorefile import BOM, sent_text
from ctxsize.errors import IgnoreFileError, UnknownPatternError
from ctxsize.go import GoRegexpError
from ctxsize.go.paths import clean
from ctxsize.go.strings import WHITE_SPACE, encoded
from ctxsize.go.wildcards import is_malformed
from ctxsize.values import Value

_WRITE_OUT = "write the characters themselves, as in [α-ω]"
_MALFORMED = (
    "a [ needs a ] with at least one character between them, and no loose -; a backslash needs a "
    "character behind it"
)
_IN_EXPRESSIONS = "|{}^"  # characters that the builders fail to escape in an expression
_LEADING = {"#": "\\#", "!": "\\!", "\ufeff": "[\ufeff]"}
"""Characters with another meaning at the beginning of a line, and how to write them there."""
_ONE = (
    r"[^][\\|{}^$().*+?\ufffd\udc80-\udcff]|\\[.+()$]"
    r"|\[\^?(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[_/ !,@%=#:;]|\\[.+()$])+\]"
)
"""Matches the part of an expression that stands for one character."""
_ANY = r"\[\^/\]\*|\(\.\*/\)\?|\.\*|\(/\.\*\)\?"  # likewise, for any number of characters
_PLAIN = rf"\^(?:{_ANY}|{_ONE})*\$"
"""Matches expressions of names, wildcards and ASCII classes: Python gives them Go's meaning."""
_UP_TO_A_STAR = rf"\^((?:(?!{_ANY})(?:{_ONE}))*)"
_LONGEST = 100_000  # characters up to which Go accepts all expressions of names and wildcards
_MOST_STARS = 8  # in a pattern for which `re` is tried
_MOST_STEPS = 2**16  # number of ways to divide a text among stars, up to which `re` is tried


class SplitLine(NamedTuple):
    """A cleaned pattern without its `!`, and whether it is an exception."""

    text: str
    exception: bool


def as_matched(text: str) -> SplitLine | None:
    """Return what the matcher (`patternmatcher.New`) makes of a text; None if nothing is left."""
    # It trims and cleans the text again after the reader of files, now including the `!`.
    text = text.strip(WHITE_SPACE)
    if not text:
        return None
    text = clean(text)
    return SplitLine(text.removeprefix("!"), text.startswith("!"))


class DockerIgnorePattern(RegexPattern):
    """One line of an ignore file, with the meaning that Docker gives it.

    `include` follows pathspec: True for a pattern that ignores, False for an exception, None for
    a comment. `text` is the cleaned pattern without `!`. `kind` and `expression` describe Docker's
    match (see `classify`). `line` is its line if the spec was made from lines, `column` its first
    character. `fault` is the reason for which a build fails when it evaluates the pattern, or None.

    Raises `IgnoreFileError` for a pattern that fails every build.
    """

    __slots__ = ("column", "expression", "fault", "kind", "line", "text")
    wildcards: ClassVar[str] = "*?[]\\"
    """Characters that make a text an expression, and need escaping to stand for themselves."""

    def __init__(self, pattern: str, include: bool | None = None) -> None:
        self.line = 0
        self.column = 1 + len(pattern) - len(pattern.lstrip(WHITE_SPACE))
        self.kind = self.expression = ""
        self.fault: str | None = None
        self.text = ""
        regex: Any = None
        parsed = self.read(pattern)
        if parsed is not None:
            self.text = parsed.text
            regex = self._compile(pattern)
            include = not parsed.exception
        super().__init__(regex, include)
        self.pattern = pattern

    def __copy__(self) -> DockerIgnorePattern:
        """Return a separate object for the same pattern, which may get another line number."""
        copied = self.__new__(type(self))
        for name in ("include", "pattern", "regex", *DockerIgnorePattern.__slots__):
            setattr(copied, name, getattr(self, name))
        return copied

    def _compile(self, line: str) -> Expression:
        """Return the expression for the text; sets `fault` if Go refuses the pattern."""
        try:
            self.kind, self.expression = self.meaning(self.text)
            return expression_of(self.kind, self.text, self.expression)
        except GoRegexpError as error:
            self.fault = str(error)
            return Expression("(?!)", lambda: lambda _: None)
        except NotImplementedError as error:
            message = f"ctxsize cannot evaluate this pattern: {error}"
            raise UnknownPatternError(message, pattern=line, hint=_WRITE_OUT) from None

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line` after Docker's two readers: the file's and the matcher's."""
        # The matcher reads the file reader's text again, so `./!x` becomes an exception.
        return as_matched(sent_text(line) or "")

    @classmethod
    def read(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`, checked as the builder checks it before the build."""
        parsed = cls.split(line)
        if parsed is None:
            return None
        if not parsed.text:
            hint = "an exception needs a path after its !"
            raise IgnoreFileError('illegal exclusion pattern: "!"', pattern="!", hint=hint)
        if is_malformed(parsed.text):
            raise IgnoreFileError("syntax error in pattern", pattern=line, hint=_MALFORMED)
        return parsed

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """Return Python's or Go's expression for `pattern`, and True if it ignores (pathspec)."""
        parsed = cls(pattern)
        return getattr(parsed.regex, "pattern", None), parsed.include

    @classmethod
    def meaning(cls, text: str) -> tuple[str, str]:
        """Return the kind of match that the builder uses for `text`, and its Go expression."""
        return classify(text)

    def match_file(self, file: Any) -> Any:
        """Return pathspec's match of one path. Raises `IgnoreFileError` for a faulty pattern."""
        if self.fault:
            raise self.error()
        return super().match_file(file)

    def matches(self, path: str) -> bool:
        """Return whether the pattern alone matches `path`; one that fails the build does not."""
        if self.fault:
            return False
        return super().match_file(path) is not None

    def error(self) -> IgnoreFileError:
        """Return the error of Docker's build when it evaluates this faulty pattern."""
        return IgnoreFileError(
            "syntax error in pattern",
            line=self.line or None,
            column=self.column,
            pattern=cast("str", self.pattern),
            hint=f"{self.text!r}: {self.fault}",
            always=False,
        )


register_pattern("dockerignore", DockerIgnorePattern, override=True)


_Search = Callable[[str], object]  # which returns None for a text that does not match


class Expression(Value):
    """A replacement for `re.Pattern`: the expression's source, and its search."""

    pattern: str
    _find: Callable[[], _Search] = field(compare=False)

    @cached_property
    def search(self) -> _Search:
        """Return the function that searches a text; it is compiled at the first use."""
        return self._find()

    def match(self, text: str) -> object:
        """Search `text`. pathspec accepts an object with a method `match` as an expression."""
        return self.search(text)


def compiled(expression: str) -> Expression:
    """Return Go's `expression`, ready to search. Raises what `goregexp.parsed` raises."""
    is_plain = len(expression) < _LONGEST and re.fullmatch(_PLAIN, expression) is not None
    if not is_plain or "[" in expression.replace("[^/]", ""):
        from ctxsize.go.regexp import parsed

        parsed(expression)
    if is_plain:
        pattern = rf"\A{expression[1:-1]}\Z"
    else:
        pattern = expression
    return Expression(pattern, lambda: _search(expression, pattern))


def _search(expression: str, pattern: str) -> _Search:
    """Return a search for an expression: by `re` for texts in which `re` is surely quick.

    `pattern` is the same for `re`, or `expression` itself if `re` gives it another meaning.
    """
    stars = expression.count("*")
    is_quick = pattern != expression and stars <= _MOST_STARS
    if is_quick:
        quick = re.compile(pattern).search
        if stars <= 1:
            return quick
    from ctxsize.go.regexp import Machine

    linear = Machine(expression).search
    if not is_quick:
        return linear
    longest = _longest_text(stars)
    start = re.match(_UP_TO_A_STAR, expression)
    assert start is not None, expression
    begins = re.compile(start[1]).match

    def search(text: str) -> object:
        if len(text) <= longest:
            return quick(text)
        return begins(text) and linear(text)

    return search


@cache
def _longest_text(stars: int) -> int:
    """Return the most characters of a text for which `re` tries few enough ways."""
    longest = 0
    while comb(longest + stars + 2, stars) <= _MOST_STEPS:
        longest += 1
    return longest


def classify(text: str) -> tuple[str, str]:
    """Return the kind of match (exact, prefix, suffix or regexp) and Docker's Go expression."""
    kind = "exact"
    expression = "^"
    parts = tokens(text)
    for number, token in enumerate(parts, 1):
        if token[:2] == "**":
            if number < len(parts):
                kind = "regexp"
                expression += "(.*/)?"
            elif kind == "exact":
                kind = "prefix"
            else:
                kind = "regexp"
                expression += ".*"
            # `Pattern.compile` tests this last, and so overrides what it found before.
            if number == 1:
                kind = "suffix"
        elif token in WILDCARDS or len(token) > 1:
            kind = "regexp"
            expression += WILDCARDS.get(token, token)
        # `shouldEscape` is meant for `|{}` too, but its bitmap of eight bytes ends before them.
        elif token in ".+()$":
            expression += f"\\{token}"
        else:
            expression += token
    return kind, expression + "$"


_TOKEN = r"(?s)\*\*/?|\\.|."
WILDCARDS = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}


def tokens(text: str) -> list[str]:
    """Split `text` into stars with the slash behind them, escaped characters and others.

    A byte order mark is dropped, as by the `text/scanner` that `Pattern.compile` uses.
    """
    return re.findall(_TOKEN, text.removeprefix(BOM))


def expression_of(kind: str, text: str, expression: str) -> Expression:
    """Return an expression that matches what the builder's matcher for `text` matches."""
    if kind in ("regexp", "tree"):
        return compiled(expression)
    if kind == "exact":
        return Expression(rf"\A{re.escape(text)}\Z", lambda: lambda path: path == text or None)
    # `Pattern.match` cuts off two bytes, so that the rest may begin or end inside a character.
    data = encoded(text)
    if kind == "prefix":
        start = data[:-2]
        pattern = rf"\A{re.escape(text[:-2])}"
        return Expression(pattern, lambda: lambda path: encoded(path).startswith(start) or None)
    end = data[2:]
    last = re.escape(end.decode("utf-8", "surrogateescape"))
    if end.startswith(b"/"):
        pattern = rf"(?:\A|/){last[1:]}\Z"
    else:
        pattern = rf"{last}\Z"
    return Expression(pattern, lambda: lambda path: encoded(f"/{path}").endswith(end) or None)


EVERYTHING = ("*", "**", "**/*")
"""Patterns that match every path."""


def pattern_for(
    path: str, *, pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern
) -> str | None:
    """Return the line that matches only `path`, or None, as for bytes that are not UTF-8."""
    if re.search("[\udc80-\udcff\ufffd]", path):
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    is_plain = _is_printable(path) and not set(pattern_class.wildcards) & set(path)
    is_trimmed = path == path.strip(WHITE_SPACE)
    if is_plain and is_trimmed and path[0] not in _LEADING:
        return path
    return escaped(path, pattern_class)


def escaped(
    text: str, pattern_class: type[DockerIgnorePattern], *, starts: bool = True, ends: bool = True
) -> str:
    """Escape `text`, which may start or end a line, so that it matches itself in an expression."""
    special = {*pattern_class.wildcards, *_IN_EXPRESSIONS}
    chars = [f"\\{char}" if char in special else _in_header(char) for char in text]
    if starts:
        chars[0] = _LEADING.get(text[0]) or _shield(text[0], chars[0])
    if ends:
        chars[-1] = _shield(text[-1], chars[-1])
    return "".join(chars)


def _shield(char: str, escaped_char: str) -> str:
    """Return a blank at an end of a line so that it is not trimmed; others as they are escaped."""
    if char in WHITE_SPACE and _is_printable(char):
        return f"[{char}]"
    return escaped_char


def _in_header(char: str) -> str:
    if _is_printable(char):
        return char
    if char == "\n":
        return "\\n"
    return f"\\x{ord(char):02x}"


def _is_printable(text: str) -> bool:
    """Return whether `text` fits in a header, which cannot contain control characters."""
    if text.isascii() and text.isprintable():
        return True
    return all(char >= " " and char != "\x7f" for char in text)
