r"""Go's regular expressions as nodes of a machine, read as by `regexp/syntax` with Perl flags.

A wildcard pattern becomes a Go expression that still contains the user's text, so its special
forms have an effect too: `\d`, `\Q…\E`, POSIX classes, `{n,m}`, `|`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from ctxsize.engine.golang import GoRegexpError

Ranges = list[tuple[int, int]]
"""Inclusive ranges of code points, in any order."""
_LAST = 0x10FFFF
_REPLACEMENT = 0xFFFD
_MAX_REPEAT = 1000
_MAX_SIZE = (128 << 20) // 40
"""Go's limits on the count of a repetition and on the size of an expression."""
_MOST_NESTED, _MOST_NODES = 50, 200_000
"""Our own limits, which only hostile patterns reach."""
_OPERATORS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_REPEAT = re.compile(r"(?:[*+?]|\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\})\??")
_QUOTED = re.compile(r"(?s)\\Q(.*?)(?:\\E|\Z)")
_NAMED = re.compile(r"(?s)\[:(\^?)(.*?):\]")
_TO = re.compile(r"(?s)-(?=[^\]])")
_SHORTHAND = re.compile(r"\\([dswpDSWP])(?:(?<=[pP])(?:\{(\^?)([^}]*)\}|([^{])))?")
_ASSERTION = re.compile(r"\\[AbBz]|[$^]")
_ESCAPE = re.compile(
    r"\\(?:(0[0-7]{0,2}|[1-7][0-7]{1,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}"
    r"|([afnrtv])|([^0-9A-Za-z\x80-\U0010ffff]))"
)
"""An escaped character: octal, hexadecimal in two forms, by its letter, or itself."""


def _ranges(ends: str) -> Ranges:
    """Return the ranges whose first and last characters alternate in `ends`."""
    return [*zip(map(ord, ends[::2]), map(ord, ends[1::2]), strict=True)]


_PERL = {"d": _ranges("09"), "s": _ranges("\t\n\f\r  "), "w": _ranges("09AZaz__")}
_POSIX = {
    "alnum": _ranges("09AZaz"),
    "alpha": _ranges("AZaz"),
    "ascii": _ranges("\0\x7f"),
    "blank": _ranges("\t\t  "),
    "cntrl": _ranges("\0\x1f\x7f\x7f"),
    "digit": _ranges("09"),
    "graph": _ranges("!~"),
    "lower": _ranges("az"),
    "print": _ranges(" ~"),
    "punct": _ranges("!/:@[`{~"),
    "space": _ranges("\t\r  "),
    "upper": _ranges("AZ"),
    "word": _ranges("09AZaz__"),
    "xdigit": _ranges("09AFaf"),
}


def _complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the code points that are not in `ranges`, in order."""
    gaps: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if start < low:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return [*gaps, (start, _LAST)] if start <= _LAST else gaps


def code_of(char: str) -> int:
    """Return the code point that Go sees: U+FFFD for each undecodable byte."""
    return _REPLACEMENT if "\udc80" <= char <= "\udcff" else ord(char)


@cache
def _of_category(name: str) -> Ranges:
    """Return the code points whose Unicode general category starts with `name`."""
    import unicodedata

    if name == "Any":
        return [(0, _LAST)]
    if re.fullmatch("[A-Z][a-z]+(_[A-Z][a-z]+)*", name) and len(name) > 2:
        raise NotImplementedError(f"Unicode class {name}")
    is_usual = re.fullmatch("[CLMNPSZ][a-z]?", name)
    codes = range(_LAST + 1) if is_usual else ()
    kinds = ((code, unicodedata.category(chr(code))) for code in codes)
    found = [(code, code) for code, kind in kinds if kind.startswith(name) and kind != "Cn"]
    if not found:
        raise GoRegexpError("invalid character class range")
    return _complement(_complement(found))


class Nodes:
    """The nodes of a machine; the first one, 0, is reached by a match."""

    def __init__(self) -> None:
        self.what: list[Ranges | str] = ["match"]
        """For each node the characters or the assertion that lead on; `""` leads on at once."""
        self.after, self.other = array("I", [0]), array("I", [0])
        """For each node the two that follow it, which may be the same."""

    def new(self, what: Ranges | str, after: int, other: int | None = None) -> int:
        """Add a node that leads to `after`, or also to `other`; return its number."""
        self.what.append(what)
        self.after.append(after)
        self.other.append(after if other is None else other)
        return len(self.what) - 1


class Fragment(NamedTuple):
    """A part of an expression, read but not yet built."""

    add: Callable[[Nodes, int], int]
    """Adds its nodes in front of a node, and returns the first of them."""
    size: int = 1
    """The size by which Go limits expressions (`calcSize` of `regexp/syntax`)."""
    copies: int = 1
    """Most copies that nested repetitions make of anything in it (`repeatIsValid`)."""


def _one(what: Ranges | str) -> Fragment:
    """Return a fragment for one character within ranges, or for an assertion."""
    return Fragment(lambda nodes, after: nodes.new(what, after))


def _sequence(parts: list[Fragment]) -> Fragment:
    def add(nodes: Nodes, after: int) -> int:
        for part in reversed(parts):
            after = part.add(nodes, after)
        return after

    copies = max((part.copies for part in parts), default=1)
    return Fragment(add, max(1, sum(part.size for part in parts)), copies)


def _either(parts: list[Fragment]) -> Fragment:
    def add(nodes: Nodes, after: int) -> int:
        *others, last = [part.add(nodes, after) for part in parts]
        for each in others:
            last = nodes.new("", each, last)
        return last

    size = sum(part.size for part in parts) + len(parts) - 1
    return Fragment(add, size, max(part.copies for part in parts))


def _repeated(part: Fragment, low: int, high: int | None) -> Fragment:
    """Return `part` repeated `low` to `high` times; None means no upper bound."""

    def add(nodes: Nodes, after: int) -> int:
        first, needed = after, low
        if high is None:
            loop = nodes.new("", after)
            first = nodes.other[loop] = part.add(nodes, loop)
            # A loop is its own first copy: with a second one, nested loops would double.
            first, needed = (first, low - 1) if low else (loop, 0)
        for _ in range(0 if high is None else high - low):
            first = nodes.new("", part.add(nodes, first), after)
        for _ in range(needed):
            first = part.add(nodes, first)
        return first

    copies = (low or 1 if high is None else high) * part.copies
    if copies > _MAX_REPEAT:
        raise GoRegexpError("invalid repeat count")
    if high is None:
        return Fragment(add, 1 + low * part.size if low else 2 + part.size, copies)
    return Fragment(add, max(1, high * part.size + high - low), copies)


def parsed(expression: str) -> Fragment:
    r"""Return `expression` as a part that can be built.

    Raises `GoRegexpError` if Go's compiler refuses it, and `NotImplementedError` if only
    ctxsize cannot evaluate it (`\p{Greek}`).
    """
    reader = _ExpressionReader(expression)
    part = reader.alternatives()
    if reader.at < len(expression):
        raise GoRegexpError("unexpected )")
    if part.size > _MAX_SIZE:
        raise GoRegexpError("expression too large")
    if part.size > _MOST_NODES:
        raise NotImplementedError(f"it is longer than {_MOST_NODES:,} characters when repeated")
    return part


class _ExpressionReader:
    """A position in a Go expression. Each method returns what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what `pattern` matches here, if it does."""
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found

    def _takes(self, char: str) -> bool:
        """Read `char` if it comes next; return whether it did."""
        taken = self.text.startswith(char, self.at)
        self.at += taken
        return taken

    def alternatives(self) -> Fragment:
        parts = [self._concatenation()]
        while self._takes("|"):
            parts.append(self._concatenation())
        return _either(parts)

    def _concatenation(self) -> Fragment:
        done: list[Fragment] = []
        repeated = False
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            operator = self._take(_REPEAT)
            if operator is not None:
                if not done:
                    raise GoRegexpError("missing argument to repetition operator")
                if repeated:
                    raise GoRegexpError("invalid nested repetition operator")
                done[-1] = _repeated(done[-1], *_counts(operator))
            elif quoted := self._take(_QUOTED):  # a repetition applies to its last character
                done += (_one([(code, code)]) for code in map(code_of, quoted[1]))
            else:
                done.append(self._atom())
            repeated = operator is not None
        return _sequence(done)

    def _atom(self) -> Fragment:
        if self._takes("("):
            return self._group()
        if self._takes("["):
            negated = self._takes("^")
            ranges = [*self._class_item()]
            while not self._takes("]"):
                ranges += self._class_item()
            return _one(_complement(ranges) if negated else ranges)
        if assertion := self._take(_ASSERTION):
            return _one({"^": r"\A", "$": r"\z"}.get(assertion[0], assertion[0]))
        if self._takes("."):
            return _one(_complement([(10, 10)]))
        found = self._shorthand()
        return _one(self._char() if found is None else found)

    def _group(self) -> Fragment:
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise NotImplementedError(f"more than {_MOST_NESTED} nested groups")
        inner = self.alternatives()
        if not self._takes(")"):
            raise GoRegexpError("missing closing )")
        self.depth -= 1
        return inner

    def _class_item(self) -> Ranges:
        if named := self._take(_NAMED):
            if named[2] not in _POSIX:
                raise GoRegexpError("invalid character class range")
            return _complement(_POSIX[named[2]]) if named[1] else _POSIX[named[2]]
        found = self._shorthand()
        if found is not None:
            return found
        ((low, high),) = self._char()
        if self._take(_TO):
            ((high, _),) = self._char()
        if high < low:
            raise GoRegexpError("invalid character class range")
        return [(low, high)]

    def _shorthand(self) -> Ranges | None:
        r"""Return the characters of `\d`, `\W`, `\pL` and the like."""
        found = self._take(_SHORTHAND)
        if found is None:
            return None
        letter, caret, braced, name = found.groups()
        ranges = _PERL.get(letter.lower()) or _of_category(braced or name or "")
        return _complement(ranges) if letter.isupper() != bool(caret) else ranges

    def _char(self) -> Ranges:
        """Return one character, which may be escaped."""
        if self.at == len(self.text):
            raise GoRegexpError("missing closing ]")
        if self.text[self.at] != "\\":
            self.at += 1
            code = code_of(self.text[self.at - 1])
            return [(code, code)]
        found = self._take(_ESCAPE)
        if found is None:
            char = self.text[self.at + 1 : self.at + 2]
            if not char:
                raise GoRegexpError("trailing backslash at end of expression")
            raise GoRegexpError(f"invalid escape sequence: \\{char}")
        octal, two, any_digits, letter, itself = found.groups()
        code = int(octal, 8) if octal else _CONTROL.get(letter, 0)
        if itself or two or any_digits:
            code = ord(itself) if itself else int(two or any_digits, 16)
        if code > _LAST:
            raise GoRegexpError("invalid escape sequence: \\x")
        return [(code, code)]


def _counts(operator: re.Match[str]) -> tuple[int, int | None]:
    """Return the lowest and highest count of a repetition."""
    if operator[1] is None:
        return _OPERATORS[operator[0][0]]
    low, high = int(operator[1][:5]), int((operator[3] or operator[1])[:5])
    if max(low, high) > _MAX_REPEAT or high < low:
        raise GoRegexpError("invalid repeat count")
    return low, None if operator[2] == "," else high
