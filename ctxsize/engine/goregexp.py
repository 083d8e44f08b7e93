r"""Go regular expressions as Python ones.

A wildcard pattern becomes a Go regular expression whose text still holds
whatever the user typed, so its odd corners decide what is ignored: `\d`,
`\Q…\E`, POSIX classes, `{n,m}`, `|`. This module reads the syntax of Go's
`regexp/syntax` (Perl flags, as `regexp.Compile` sets them).
"""

from __future__ import annotations

import re

from ctxsize.engine.characters import (
    LAST,
    PERL,
    POSIX,
    Ranges,
    category_ranges,
    code_of,
    complement,
)
from ctxsize.engine.characters import GoRegexpError as GoRegexpError
from ctxsize.engine.expressions import (
    Assertion,
    Chars,
    Either,
    Expression,
    Node,
    Repeat,
    Sequence,
    written,
)

_MAX_REPEAT = 1000
_MAX_SIZE = (128 << 20) // 40
"""Go's limits: of a repetition, and of the instructions for an expression."""
_MOST_NESTED, _MOST_NODES = 50, 200_000
"""Our own limits, which only hostile patterns meet."""
_OPERATORS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ASSERTIONS = {"A": r"\A", "b": r"\b", "B": r"\B", "z": r"\Z"}
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")


_PLAIN = re.compile(r"\^(?:[A-Za-z0-9_/ -]|\\\.|\[\^/\]\*?|\(\.\*/\)\?|\.\*){,200}\$")
"""Finds expressions of wildcards and names alone, as most lines of ignore files are."""
_NAME = re.compile(r"\^((?:[A-Za-z0-9_/ -]|\\\.)*)(\(/\.\*\)\?)?\$")
"""Finds expressions of one path, and maybe all below it: Python writes them in the same way."""
_LONGEST_NAME = 2_000_000
"""Number of characters up to which Go surely takes such an expression."""


def translate(expression: str) -> str:
    r"""Return the Python source that matches where Go's `expression` matches.

    Use it with `re.search`, for an expression that is known to be quick. Raises
    `GoRegexpError` where Go's compiler would refuse, and `NotImplementedError`
    for what only ctxsize cannot evaluate (`\p{Greek}`).

    >>> translate(r"^a[^/]*$")
    '(?a)(?:\\A)a[^/]*(?:\\Z)'
    """
    return written(_parsed(expression))[0]


def compiled(expression: str) -> Expression:
    """Return Go's `expression`, searched in time linear in the text. Raises as `translate` does."""
    if _PLAIN.fullmatch(expression):  # Go accepts it, and many a pattern is never searched for
        return Expression(read=lambda: _parsed(expression))
    if (name := _NAME.fullmatch(expression)) and len(expression) < _LONGEST_NAME:
        below = r"(?:/[^\n]*)?" if name[2] else ""
        return Expression(rf"\A{name[1]}{below}\Z")
    node = _parsed(expression)
    found = Expression(read=lambda: node)
    if _is_sized(expression) and _size(node) > _MOST_NODES and found.written[1] > 1:
        raise NotImplementedError(f"it is as long as {_MOST_NODES:,} characters, repeats included")
    return found


def _parsed(expression: str) -> Node:
    parser = _Parser(expression)
    node = parser.alternatives()
    if parser.at < len(expression):
        raise GoRegexpError("unexpected )")
    if _is_sized(expression) and _size(node) > _MAX_SIZE:
        raise GoRegexpError("expression too large")
    return node


def _is_sized(expression: str) -> bool:
    """Return whether its size may be more than a few times its length."""
    return "{" in expression or len(expression) > _MOST_NODES // 4


def _size(node: Node) -> int:
    """Return the size that Go reckons with (`calcSize` of `regexp/syntax`)."""
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
    """Return whether nested repetitions stay below a number of copies (Go's `repeatIsValid`)."""
    if isinstance(node, Repeat) and (node.low, node.high) not in _OPERATORS.values():
        most = node.low if node.high is None else node.high
        if most > copies:
            return False
        copies //= most or 1
        return node.high == 0 or _is_valid(node.node, copies)
    return all(_is_valid(each, copies) for each in _inside(node))


def _inside(node: Node) -> list[Node]:
    if isinstance(node, Repeat):
        return [node.node]
    if isinstance(node, Sequence):
        return node.parts
    return node.branches if isinstance(node, Either) else []


class _Parser:
    """A reading position in a Go expression; each method returns what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def alternatives(self) -> Node:
        branches = [self.sequence()]
        while self._take("|"):
            branches.append(self.sequence())
        return Either(branches) if len(branches) > 1 else branches[0]

    def sequence(self) -> Node:
        done: list[Node] = []
        repeated = False
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            operator = self._operator()
            if operator is None:
                atoms = self._atoms()
                done += atoms
                repeated = False
            elif not done:
                raise GoRegexpError("missing argument to repetition operator")
            elif repeated:
                raise GoRegexpError("invalid nested repetition operator")
            else:
                done[-1] = Repeat(done[-1], *operator)
                if max(operator[0], operator[1] or 0) > 1 and not _is_valid(done[-1]):
                    raise GoRegexpError("invalid repeat count")
                repeated = True
        return Sequence(done)

    def _operator(self) -> tuple[int, int | None] | None:
        """Return the repetition at the current position, if there is one: from and to how many."""
        char = self.text[self.at]
        if char in _OPERATORS:
            self.at += 1
            self._take("?")
            return _OPERATORS[char]
        found = _REPEAT.match(self.text, self.at) if char == "{" else None
        if found is None:
            return None
        low, high = int(found[1]), found[3]
        if max(low, int(high or 0)) > _MAX_REPEAT or (high is not None and int(high) < low):
            raise GoRegexpError("invalid repeat count")
        self.at = found.end()
        self._take("?")
        return low, int(high) if high else (None if found[2] else low)

    def _atoms(self) -> list[Node]:
        r"""Return the next atom, or the many or none of `\Q…\E`: repetition is for the last one."""
        if self.text.startswith("\\Q", self.at):
            return self._quoted()
        return [self.atom()]

    def atom(self) -> Node:
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            return Assertion(r"\A" if char == "^" else r"\Z")
        return Chars(complement([(10, 10)]) if char == "." else [(code_of(char), code_of(char))])

    def _group(self) -> Node:
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise NotImplementedError(f"more than {_MOST_NESTED} nested groups")
        inner = self.alternatives()
        if not self._take(")"):
            raise GoRegexpError("missing closing )")
        self.depth -= 1
        return inner

    def _escape(self) -> Node:
        char = self.text[self.at : self.at + 1]
        if char in _ASSERTIONS and char:
            self.at += 1
            return Assertion(_ASSERTIONS[char])
        shorthand = self._shorthand()
        if shorthand is not None:
            return Chars(shorthand)
        code = self._escaped_char()
        return Chars([(code, code)])

    def _quoted(self) -> list[Node]:
        start = self.at + 2
        end = self.text.find("\\E", start)
        literal = self.text[start:] if end < 0 else self.text[start:end]
        self.at = len(self.text) if end < 0 else end + 2
        return [Chars([(code_of(char), code_of(char))]) for char in literal]

    def _shorthand(self) -> Ranges | None:
        r"""`\d \s \w \pL` and their complements, without the backslash."""
        char = self.text[self.at : self.at + 1]
        if char in ("p", "P"):
            self.at += 1
            return self._category(negated=char == "P")
        ranges = PERL.get(char.lower()) if char else None
        if ranges is None:
            return None
        self.at += 1
        return ranges if char.islower() else complement(ranges)

    def _category(self, *, negated: bool) -> Ranges:
        """Return the Unicode general category named here (`L`, `{Lu}`, `{^Lu}`)."""
        name = self.text[self.at : self.at + 1]
        self.at += 1
        if name == "{":
            end = self.text.find("}", self.at)
            if end < 0:
                raise GoRegexpError("invalid character class range")
            name, self.at = self.text[self.at : end], end + 1
            if name.startswith("^"):
                name, negated = name[1:], not negated
        ranges = category_ranges(name)
        return complement(ranges) if negated else ranges

    def _escaped_char(self) -> int:
        """Return the code point that an escape stands for, without its backslash."""
        if self.at == len(self.text):
            raise GoRegexpError("trailing backslash at end of expression")
        char = self.text[self.at]
        self.at += 1
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "x":
            return self._hexadecimal()
        follows_octal = self.text[self.at : self.at + 1] in tuple("01234567")
        if char == "0" or (char in "1234567" and follows_octal):
            return self._octal(char)
        if char.isascii() and not char.isalnum():
            return ord(char)
        raise GoRegexpError(f"invalid escape sequence: \\{char}")

    def _octal(self, digits: str) -> int:
        while len(digits) < 3 and self.text[self.at : self.at + 1] in tuple("01234567"):
            digits += self.text[self.at]
            self.at += 1
        return int(digits, 8)

    def _hexadecimal(self) -> int:
        found = re.compile(r"([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\}").match(self.text, self.at)
        if found is None or int(found[1] or found[2], 16) > LAST:
            raise GoRegexpError("invalid escape sequence: \\x")
        self.at = found.end()
        return int(found[1] or found[2], 16)

    def _class(self) -> Node:
        negated = self._take("^")
        ranges: Ranges = []
        first = True
        while first or self.text[self.at : self.at + 1] != "]":
            first = False
            ranges += self._class_item()
        self.at += 1
        return Chars(complement(ranges) if negated else ranges)

    def _class_item(self) -> Ranges:
        if self.text.startswith("[:", self.at):
            end = self.text.find(":]", self.at + 2)
            if end >= 0:
                return self._named_class(end)
        if self._take("\\"):
            shorthand = self._shorthand()
            if shorthand is not None:
                return shorthand
            self.at -= 1
        low = high = self._class_char()
        if self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] not in (
            "",
            "]",
        ):
            self.at += 1
            high = self._class_char()
        if high < low:
            raise GoRegexpError("invalid character class range")
        return [(low, high)]

    def _named_class(self, end: int) -> Ranges:
        name = self.text[self.at + 2 : end]
        ranges = POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise GoRegexpError("invalid character class range")
        self.at = end + 2
        return complement(ranges) if name.startswith("^") else ranges

    def _class_char(self) -> int:
        if self.at == len(self.text):
            raise GoRegexpError("missing closing ]")
        if self._take("\\"):
            return self._escaped_char()
        self.at += 1
        return code_of(self.text[self.at - 1])

    def _take(self, char: str) -> bool:
        """Return whether `char` comes next; if so, it is consumed."""
        taken = self.text.startswith(char, self.at)
        self.at += taken
        return taken
