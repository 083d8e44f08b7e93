"""The meaning of one pattern: how Docker matches its text, as an expression that Python runs.

Behaviour: moby/patternmatcher (`Pattern.compile` and `Pattern.match`).
"""

from __future__ import annotations

import re

from ctxsize.engine import golang, goregexp
from ctxsize.engine.expressions import Expression
from ctxsize.engine.ignorefile import BOM

NEVER = r"(?!)"
"""What no path matches."""


def classify(text: str) -> tuple[str, str]:
    """Return how Docker matches `text`: exact, prefix, suffix or regexp, and its Go expression.

    The first token that is `**` makes a suffix match, whatever was before; any
    later wildcard turns that into a regular expression with another meaning.
    """
    kind, expression, at = "exact", "^", 0
    # The `text/scanner` with which `Pattern.compile` reads drops a byte order mark.
    scanned = text[text.startswith(BOM) :]
    while at < len(scanned):
        char = scanned[at]
        first = at == 0
        at += 1
        if char == "*" and scanned[at : at + 1] == "*":
            at += 1 + (scanned[at + 1 : at + 2] == "/")
            if at < len(scanned):
                kind, expression = "regexp", expression + "(.*/)?"
            elif kind == "exact":
                kind = "prefix"
            else:
                kind, expression = "regexp", expression + ".*"
            # `Pattern.compile` says so last: what it found of this token before is forgotten.
            kind = "suffix" if first else kind
        elif char in _TOKENS:
            kind, expression = "regexp", expression + _TOKENS[char]
        elif char == "\\" and at < len(scanned):
            kind, expression = "regexp", expression + "\\" + scanned[at]
            at += 1
        else:
            # `shouldEscape` is meant for `|{}` too, but its bitmap of eight bytes ends before them.
            expression += "\\" + char if char in ".+()$" else char
    return kind, expression + "$"


_TOKENS = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}


def compiled(kind: str, text: str, expression: str) -> Expression:
    """Return the expression that matches just what the builder's matcher for `text` matches."""
    if kind == "regexp":
        return goregexp.compiled(expression)
    if kind == "exact":
        return Expression(rf"\A{re.escape(text)}\Z")
    if kind == "prefix":
        return Expression(golang.has_prefix(text[:-2]))
    # Two bytes go, not characters: the stars may follow a BOM.
    data = text.encode("utf-8", "surrogateescape")
    rest = data[2:].decode("utf-8", "surrogateescape")
    if rest.startswith("/"):
        return Expression(rf"(?:\A|/){re.escape(rest[1:])}\Z")
    return Expression(golang.has_suffix(rest))


def explain_syntax(text: str, offset: int) -> str:
    """Return what is wrong at the `offset` where Go found bad syntax."""
    if text[offset] == "\\":
        return "a pattern cannot end in a backslash"
    return "a [ needs a ] with at least one character between them, and [a-z] no loose -"
