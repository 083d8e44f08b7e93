r"""Go's regular expressions as syntax trees, read as `regexp/syntax` does with Perl flags.

A wildcard pattern becomes a Go regular expression that still contains the user's text, so
its special forms have an effect too: `\d`, `\Q…\E`, POSIX classes, `{n,m}`, `|`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
_ASSERTIONS = {"A": r"\A", "b": r"\b", "B": r"\B", "z": r"\Z"}
_REPEAT = re.compile(r"(?:[*+?]|\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\})\??")
_QUOTED = re.compile(r"(?s)\\Q(.*?)(?:\\E|\Z)")
_NAMED = re.compile(r"(?s)\[:(\^?)(.*?):\]")
_TO = re.compile(r"(?s)-[^\]]")
_SHORTHAND = re.compile(r"([dswpDSWP])(?:(?<=[pP])(?:\{(\^?)([^}]*)\}|([^{])))?")
_ESCAPE = re.compile(
    r"(0[0-7]{0,2}|[1-7][0-7]{1,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}"
    r"|([afnrtv])|([^0-9A-Za-z\x80-\U0010ffff])"
)
"""An escaped character: octal, hexadecimal in two forms, by its letter, or itself."""
_DIGIT: Ranges = [(0x30, 0x39)]
_SPACE: Ranges = [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)]
_UPPER: Ranges = [(0x41, 0x5A)]
_LOWER: Ranges = [(0x61, 0x7A)]
_WORD: Ranges = [*_DIGIT, *_UPPER, *_LOWER, (0x5F, 0x5F)]
_PERL: dict[str, Ranges] = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_POSIX: dict[str, Ranges] = {
    "alnum": [*_DIGIT, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGIT,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGIT, (0x41, 0x46), (0x61, 0x66)],
}


class Chars(NamedTuple):
    """One character within `ranges`."""

    ranges: Ranges


class Assertion(NamedTuple):
    r"""A position in the text: `\A`, `\Z`, `\b` or `\B`."""

    kind: str


class Sequence(NamedTuple):
    """All of `parts`, one after another."""

    parts: list[Node]


class Either(NamedTuple):
    """One of `branches`."""

    branches: list[Node]


class Repeat(NamedTuple):
    """`node` repeated `low` to `high` times; None means no upper bound."""

    node: Node
    low: int
    high: int | None


Node = Chars | Assertion | Sequence | Either | Repeat


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
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
def _category_ranges(name: str) -> Ranges:
    """Return the code points whose Unicode general category starts with `name`."""
    import unicodedata

    if name == "Any":
        return [(0, _LAST)]
    if re.fullmatch("[A-Z][a-z]+(_[A-Z][a-z]+)*", name) and len(name) > 2:
        raise NotImplementedError(f"Unicode class {name}")
    if not re.fullmatch("[CLMNPSZ][a-z]?", name):  # as no category, without a look at each code
        raise GoRegexpError("invalid character class range")
    ranges: Ranges = []
    for code in range(_LAST + 1):
        kind = unicodedata.category(chr(code))
        if not kind.startswith(name) or kind == "Cn":
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    if not ranges:
        raise GoRegexpError("invalid character class range")
    return ranges


def parsed(expression: str) -> Node:
    r"""Return the syntax tree of `expression`.

    Raises `GoRegexpError` if Go's compiler refuses it, and `NotImplementedError` if only
    ctxsize cannot evaluate it (`\p{Greek}`).
    """
    parser = _Parser(expression)
    node = parser.alternatives()
    if parser.at < len(expression):
        raise GoRegexpError("unexpected )")
    if "{" in expression or len(expression) > _MOST_NODES // 4:
        size = _size(node)
        if size > _MAX_SIZE:
            raise GoRegexpError("expression too large")
        if size > _MOST_NODES:
            raise NotImplementedError(f"it is longer than {_MOST_NODES:,} characters when repeated")
    return node


def _size(node: Node) -> int:
    """Return the size by which Go limits expressions (`calcSize` of `regexp/syntax`)."""
    if isinstance(node, (Chars, Assertion)):
        return 1
    if isinstance(node, Sequence):
        return max(1, sum(map(_size, node.parts)))
    if isinstance(node, Either):
        return sum(map(_size, node.branches)) + len(node.branches) - 1
    inner, low, high = _size(node.node), node.low, node.high
    if high is None:
        return 1 + low * inner if low else 2 + inner
    return max(1, high * inner + high - low)


def _is_valid(node: Node, copies: int = _MAX_REPEAT) -> bool:
    """Return whether nested repetitions make at most `copies` copies (Go's `repeatIsValid`)."""
    if isinstance(node, Repeat):
        if (node.low, node.high) not in _OPERATORS.values():
            most = node.low if node.high is None else node.high
            if most > copies:
                return False
            copies //= most or 1
        return node.high == 0 or _is_valid(node.node, copies)
    if isinstance(node, (Chars, Assertion)):
        return True
    inside = node.parts if isinstance(node, Sequence) else node.branches
    return all(_is_valid(each, copies) for each in inside)


class _Parser:
    """A reading position in a Go expression. Each method returns what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._takes("|"):
            branches.append(self._sequence())
        return Either(branches) if len(branches) > 1 else branches[0]

    def _sequence(self) -> Node:
        done: list[Node] = []
        repeated = False
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            operator = self._operator()
            if operator is None:
                done += self._atoms()
            elif not done:
                raise GoRegexpError("missing argument to repetition operator")
            elif repeated:
                raise GoRegexpError("invalid nested repetition operator")
            else:
                done[-1] = Repeat(done[-1], *operator)
                if max(operator[0], operator[1] or 0) > 1 and not _is_valid(done[-1]):
                    raise GoRegexpError("invalid repeat count")
            repeated = operator is not None
        return Sequence(done)

    def _operator(self) -> tuple[int, int | None] | None:
        """Return the lowest and highest count of a repetition here; None if there is none."""
        found = _REPEAT.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        if found[1] is None:
            return _OPERATORS[found[0][0]]
        low, high = int(found[1][:5]), int((found[3] or found[1])[:5])
        if max(low, high) > _MAX_REPEAT or high < low:
            raise GoRegexpError("invalid repeat count")
        return low, None if found[2] == "," else high

    def _atoms(self) -> list[Node]:
        r"""Return the next atom, or the characters of `\Q…\E`; repetition applies to the last."""
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is None:
            return [self._atom()]
        self.at = quoted.end()
        return [Chars([(code, code)]) for code in map(code_of, quoted[1])]

    def _atom(self) -> Node:
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\" and (kind := _ASSERTIONS.get(self.text[self.at : self.at + 1])):
            self.at += 1
            return Assertion(kind)
        if char == "\\":
            return Chars(self._escape())
        if char in "^$":
            return Assertion(r"\A" if char == "^" else r"\Z")
        return Chars(complement([(10, 10)]) if char == "." else [(code_of(char), code_of(char))])

    def _group(self) -> Node:
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise NotImplementedError(f"more than {_MOST_NESTED} nested groups")
        inner = self.alternatives()
        if not self._takes(")"):
            raise GoRegexpError("missing closing )")
        self.depth -= 1
        return inner

    def _escape(self) -> Ranges:
        r"""Return the characters of an escape, its backslash read: many for `\d \s \w \pL \PL`."""
        found = _SHORTHAND.match(self.text, self.at)
        if found is None:
            code = self._escaped_char()
            return [(code, code)]
        self.at = found.end()
        letter, caret, braced, name = found.groups()
        ranges = _PERL.get(letter.lower()) or _category_ranges(braced or name or "")
        return complement(ranges) if letter.isupper() != bool(caret) else ranges

    def _escaped_char(self) -> int:
        found = _ESCAPE.match(self.text, self.at)
        if found is None:
            char = self.text[self.at : self.at + 1]
            if not char:
                raise GoRegexpError("trailing backslash at end of expression")
            raise GoRegexpError(f"invalid escape sequence: \\{char}")
        self.at = found.end()
        octal, two, any_digits, letter, itself = found.groups()
        if octal:
            return int(octal, 8)
        if letter:
            return _CONTROL[letter]
        code = ord(itself) if itself else int(two or any_digits, 16)
        if code > _LAST:
            raise GoRegexpError("invalid escape sequence: \\x")
        return code

    def _class(self) -> Node:
        negated = self._takes("^")
        ranges = [*self._class_item()]
        while not self._takes("]"):
            ranges += self._class_item()
        return Chars(complement(ranges) if negated else ranges)

    def _class_item(self) -> Ranges:
        named = _NAMED.match(self.text, self.at)
        if named is not None:
            self.at = named.end()
            if named[2] not in _POSIX:
                raise GoRegexpError("invalid character class range")
            return complement(_POSIX[named[2]]) if named[1] else _POSIX[named[2]]
        if _SHORTHAND.match(self.text, self.at + 1) and self._takes("\\"):
            return self._escape()
        low = high = self._class_char()
        if _TO.match(self.text, self.at):
            self.at += 1
            high = self._class_char()
        if high < low:
            raise GoRegexpError("invalid character class range")
        return [(low, high)]

    def _class_char(self) -> int:
        if self.at == len(self.text):
            raise GoRegexpError("missing closing ]")
        if self._takes("\\"):
            return self._escaped_char()
        self.at += 1
        return code_of(self.text[self.at - 1])

    def _takes(self, char: str) -> bool:
        """Read `char` if it comes next; return whether it did."""
        taken = self.text.startswith(char, self.at)
        self.at += taken
        return taken
