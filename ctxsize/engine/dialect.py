"""The meaning of one pattern: Docker's way to match its text, as an expression for Python.

Behaviour: moby/patternmatcher (`Pattern.compile` and `Pattern.match`). Python's `re` backtracks,
so `(.*/)?a(.*/)?a…` can need unlimited time: `re` is used only where it is surely quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from ctxsize.engine.golang import encoded
from ctxsize.engine.ignorefile import BOM

_PLAIN = re.compile(
    r"\^(?:[^][\\|{}^$().*+?\ufffd\udc80-\udcff]|\\[.+()$]|\[\^/\]\*?|\(\.\*/\)\?|\.\*|\(/\.\*\)\?"
    r"|\[\^?(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[_/ !,@%=#:;]|\\[.+()$])+\])*\$"
)
"""Matches expressions of names, wildcards and ASCII classes: Python gives them Go's meaning."""
_LONGEST = 100_000
"""Length in characters up to which Go accepts every expression of names and wildcards."""
_MOST_STEPS, _MOST_STARS = 2**16, 8
"""Most steps that backtracking may need, and most stars for which `re` is tried."""


class Expression:
    """A replacement for `re.Pattern`: the expression's source, and its search."""

    def __init__(self, pattern: str, find: Callable[[], Callable[[str], object]]) -> None:
        self.pattern = pattern
        self._find = find

    @cached_property
    def search(self) -> Callable[[str], object]:
        """Return the function that searches a text; it is compiled at the first use."""
        return self._find()

    def match(self, text: str) -> object:
        """Search `text`. pathspec accepts an object with a method `match` as an expression."""
        return self.search(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)


def compiled(expression: str) -> Expression:
    """Return Go's `expression`, ready to search. Raises what `goregexp.parsed` raises."""
    is_plain = len(expression) < _LONGEST and _PLAIN.fullmatch(expression) is not None
    if not is_plain or "[" in expression.replace("[^/]", ""):
        from ctxsize.engine.goregexp import parsed

        parsed(expression)
    if not is_plain:
        return Expression(expression, lambda: _linear(expression))
    return Expression(rf"\A{expression[1:-1]}\Z", lambda: _quickest(expression))


def _quickest(expression: str) -> Callable[[str], object]:
    """Return a search for a plain expression: by `re` for texts in which `re` is surely quick."""
    stars = expression.count("*")
    if stars > _MOST_STARS:
        return _linear(expression)
    quick = re.compile(rf"\A{expression[1:-1]}\Z").search
    if stars <= 1:
        return quick
    linear = _linear(expression)
    longest = int(_MOST_STEPS ** (1 / stars))
    return lambda text: quick(text) if len(text) <= longest else linear(text)


def _linear(expression: str) -> Callable[[str], object]:
    from ctxsize.engine.linear import Linear

    return Linear(expression).search


def classify(text: str) -> tuple[str, str]:
    """Return the kind of match (exact, prefix, suffix or regexp) and Docker's Go expression.

    A `**` as the first token makes a suffix match. Any later wildcard turns that
    into a regular expression with another meaning.
    """
    kind, expression = "exact", "^"
    found = tokens(text)
    for number, token in enumerate(found, 1):
        if token[:2] == "**":
            if number < len(found):
                kind, expression = "regexp", expression + "(.*/)?"
            elif kind == "exact":
                kind = "prefix"
            else:
                kind, expression = "regexp", expression + ".*"
            # `Pattern.compile` tests this last, and so overrides what it found before.
            kind = "suffix" if number == 1 else kind
        elif token in _WILDCARDS or len(token) > 1:
            kind, expression = "regexp", expression + _WILDCARDS.get(token, token)
        else:
            # `shouldEscape` is meant for `|{}` too, but its bitmap of eight bytes ends before them.
            expression += f"\\{token}" if token in ".+()$" else token
    return kind, expression + "$"


_TOKEN = re.compile(r"(?s)\*\*/?|\\.|.")
_WILDCARDS = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}


def tokens(text: str) -> list[str]:
    """Split `text` into stars with the slash behind them, escaped characters and others.

    A byte order mark is dropped, as by the `text/scanner` that `Pattern.compile` uses.
    """
    return _TOKEN.findall(text.removeprefix(BOM))


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
    pattern = rf"(?:\A|/){last[1:]}\Z" if end.startswith(b"/") else rf"{last}\Z"
    return Expression(pattern, lambda: lambda path: encoded(f"/{path}").endswith(end) or None)
