r"""Go regular expressions as Python ones.

A wildcard pattern becomes a Go regular expression whose text still holds
whatever the user typed, so its odd corners decide what is ignored: `\d`,
`\Q…\E`, POSIX classes, `{n,m}`, `|`. This module reads the syntax of Go's
`regexp/syntax` (Perl flags, as `regexp.Compile` sets them) and writes an
equivalent expression for Python's `re`.

Subjects are paths with surrogate escapes. Go sees each undecodable byte as
U+FFFD, so wherever U+FFFD matches, a surrogate escape does too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import count, pairwise

from ctxsize.regexps import regexp

Ranges = list[tuple[int, int]]
"""Inclusive ranges of code points, in any order."""

_MAX_REPEAT = 1000
_LAST = 0x10FFFF
_REPLACEMENT = 0xFFFD
_SURROGATES = (0xDC80, 0xDCFF)

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
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ASSERTIONS = {"A": r"(?:\A)", "b": r"(?:\b)", "B": r"(?:\B)", "z": r"(?:\Z)"}
_REPEAT = regexp(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")


class GoRegexpError(ValueError):
    """Go would refuse the expression; the message is Go's word for why."""


def translate(expression: str) -> str:
    r"""The Python source that matches where Go's `expression` matches.

    Use it with `re.search`. Raises `GoRegexpError` where Go's compiler would
    refuse, and `NotImplementedError` for Unicode scripts (`\p{Greek}`).

    >>> translate(r"^a[^/]*$")
    '(?a)(?:\\A)a[^/]*(?:\\Z)'
    """
    parser = _Parser(expression)
    translated = parser.alternatives()
    if parser.at < len(expression):
        raise GoRegexpError("unexpected )")
    return "(?a)" + translated


class _Parser:
    """A reading position in a Go expression; each method returns Python source."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def alternatives(self) -> str:
        branches = [self.sequence()]
        while self._take("|"):
            branches.append(self.sequence())
        return "|".join(branches)

    def sequence(self) -> str:
        done: list[str] = []
        repeated = False
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            operator = self._operator()
            if operator is None:
                atoms = self._atoms()
                if not atoms and repeated:
                    done[-1] = f"(?:{done[-1]})"
                done += atoms
                repeated = False
            elif not done:
                raise GoRegexpError("missing argument to repetition operator")
            elif repeated:
                raise GoRegexpError("invalid nested repetition operator")
            else:
                done[-1] += operator
                repeated = True
        return _without_backtracking(done)

    def _operator(self) -> str | None:
        """The repetition at the current position, if there is one."""
        char = self.text[self.at]
        if char in "*+?":
            self.at += 1
            return char + self._lazy()
        found = _REPEAT.match(self.text, self.at) if char == "{" else None
        if found is None:
            return None
        low, high = int(found[1]), found[3]
        if max(low, int(high or 0)) > _MAX_REPEAT or (high is not None and int(high) < low):
            raise GoRegexpError("invalid repeat count")
        self.at = found.end()
        return found[0] + self._lazy()

    def _lazy(self) -> str:
        return "?" if self._take("?") else ""

    def _atoms(self) -> list[str]:
        r"""The next atom, or the many or none of `\Q…\E`: repetition is for the last one."""
        if self.text.startswith("\\Q", self.at):
            return self._quoted()
        return [self.atom()]

    def atom(self) -> str:
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            inner = self.alternatives()
            if not self._take(")"):
                raise GoRegexpError("missing closing )")
            return f"(?:{inner})"
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$.":
            return {"^": r"(?:\A)", "$": r"(?:\Z)", ".": r"[^\n]"}[char]
        return _source([(_code(char), _code(char))])

    def _escape(self) -> str:
        char = self.text[self.at : self.at + 1]
        if char in _ASSERTIONS and char:
            self.at += 1
            return _ASSERTIONS[char]
        shorthand = self._shorthand()
        if shorthand is not None:
            return _source(shorthand)
        code = self._escaped_char()
        return _source([(code, code)])

    def _quoted(self) -> list[str]:
        start = self.at + 2
        end = self.text.find("\\E", start)
        literal = self.text[start:] if end < 0 else self.text[start:end]
        self.at = len(self.text) if end < 0 else end + 2
        return [_source([(_code(char), _code(char))]) for char in literal]

    def _shorthand(self) -> Ranges | None:
        r"""`\d \s \w \pL` and their complements, without the backslash."""
        char = self.text[self.at : self.at + 1]
        if char in ("p", "P"):
            self.at += 1
            return self._category(negated=char == "P")
        ranges = _PERL.get(char.lower()) if char else None
        if ranges is None:
            return None
        self.at += 1
        return ranges if char.islower() else _complement(ranges)

    def _category(self, *, negated: bool) -> Ranges:
        """The Unicode general category named here (`L`, `{Lu}`, `{^Lu}`)."""
        name = self.text[self.at : self.at + 1]
        self.at += 1
        if name == "{":
            end = self.text.find("}", self.at)
            if end < 0:
                raise GoRegexpError("invalid character class range")
            name, self.at = self.text[self.at : end], end + 1
            if name.startswith("^"):
                name, negated = name[1:], not negated
        ranges = _category_ranges(name)
        return _complement(ranges) if negated else ranges

    def _escaped_char(self) -> int:
        """The code point that an escape stands for, without its backslash."""
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
        if found is None or int(found[1] or found[2], 16) > _LAST:
            raise GoRegexpError("invalid escape sequence: \\x")
        self.at = found.end()
        return int(found[1] or found[2], 16)

    def _class(self) -> str:
        negated = self._take("^")
        ranges: Ranges = []
        first = True
        while first or self.text[self.at : self.at + 1] != "]":
            first = False
            ranges += self._class_item()
        self.at += 1
        return _source(_complement(ranges) if negated else ranges)

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
        ranges = _POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise GoRegexpError("invalid character class range")
        self.at = end + 2
        return _complement(ranges) if name.startswith("^") else ranges

    def _class_char(self) -> int:
        if self.at == len(self.text):
            raise GoRegexpError("missing closing ]")
        if self._take("\\"):
            return self._escaped_char()
        self.at += 1
        return _code(self.text[self.at - 1])

    def _take(self, char: str) -> bool:
        """Whether `char` comes next; if so, it is consumed."""
        taken = self.text.startswith(char, self.at)
        self.at += taken
        return taken


_STAR = "[^/]*"
_names = count()


def _without_backtracking(pieces: list[str]) -> str:
    """The sequence with each star's match fixed at the leftmost one, where that is enough.

    It is if only single characters other than a slash follow, and then another
    star: whatever a later match would leave to that star, an earlier one can.
    Without it, `*a*a*a*b` would take time without bound on a long name.
    """
    stars = [at for at, piece in enumerate(pieces) if piece == _STAR]
    for start, end in pairwise(stars):
        chunk = pieces[start + 1 : end]
        if chunk and all(_never_slash(piece) for piece in chunk):
            name = f"star{next(_names)}"
            pieces[start] = f"(?=(?P<{name}>[^/]*?{''.join(chunk)}))(?P={name})"
            pieces[start + 1 : end] = [""] * len(chunk)
    return "".join(pieces)


def _never_slash(piece: str) -> bool:
    """Whether `piece` is one character of a kind that no slash is."""
    if not piece:
        return True
    if piece[0] == "[":
        return piece[-1] == "]" and re.fullmatch(piece, "/") is None
    return len(piece.removeprefix("\\")) == 1 and piece not in ("/", ".", "^", "$")


def _code(char: str) -> int:
    code = ord(char)
    return _REPLACEMENT if _SURROGATES[0] <= code <= _SURROGATES[1] else code


def _complement(ranges: Ranges) -> Ranges:
    gaps: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if start < low:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    if start <= _LAST:
        gaps.append((start, _LAST))
    return gaps


def _source(ranges: Ranges) -> str:
    """Python source for one character in `ranges`."""
    if not ranges:
        return "(?!)"
    if (
        len(ranges) == 1
        and ranges[0][0] == ranges[0][1]
        and _code(chr(ranges[0][0])) != _REPLACEMENT
    ):
        return re.escape(chr(ranges[0][0]))
    gaps = _complement(ranges)
    if len(gaps) < len(ranges) and gaps:
        return f"[^{_ranges_source(_with_surrogates(gaps))}]"
    return f"[{_ranges_source(_with_surrogates(ranges))}]"


def _with_surrogates(ranges: Ranges) -> Ranges:
    """`ranges` with the surrogate escapes in exactly if U+FFFD is in."""
    first, last = _SURROGATES
    kept = _complement([*_complement(ranges), _SURROGATES])
    replacement = any(low <= _REPLACEMENT <= high for low, high in kept)
    return [*kept, (first, last)] if replacement else kept


def _ranges_source(ranges: Ranges) -> str:
    return "".join(
        _escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}"
        for low, high in ranges
    )


def _escaped(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and (char.isalnum() or char in "/_") else _numeric(code)


def _numeric(code: int) -> str:
    return "\\n" if code == 0x0A else f"\\U{code:08x}"


@cache
def _category_ranges(name: str) -> Ranges:
    """The code points whose Unicode general category starts with `name`."""
    import unicodedata

    if name == "Any":
        return [(0, _LAST)]
    if re.fullmatch("[A-Z][a-z]+(_[A-Z][a-z]+)*", name) and len(name) > 2:
        raise NotImplementedError(f"Unicode class {name}")
    holds: Callable[[str], bool] = lambda kind: kind.startswith(name) and kind != "Cn"  # noqa: E731
    ranges: Ranges = []
    for code in range(_LAST + 1):
        if not holds(unicodedata.category(chr(code))):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    if not ranges or not name:
        raise GoRegexpError("invalid character class range")
    return ranges
