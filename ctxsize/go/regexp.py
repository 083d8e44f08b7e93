r"""Go's regular expressions, searched in time linear in the text, as by Go's `regexp`.

A wildcard pattern becomes an expression that still contains the user's text, so its special forms
have an effect too: `\d`, `\Q…\E`, POSIX classes, `{n,m}`, `|`. The machine follows all paths
through the expression at once (Thompson's construction), and caches each set of reached steps.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import chain, groupby
from typing import ClassVar, NamedTuple

from ctxsize.go import GoRegexpError

Range = tuple[int, int]  # the first and the last code point
Ranges = list[Range]  # in any order
RangesByName = dict[str, Ranges]


class ProgramStep(NamedTuple):
    """The characters or the assertion that lead on, `""` at once, and where.

    The distances are those to the two steps that follow, which may be the same.
    """

    consumes: Ranges | str
    distance: int
    other_distance: int


RegexpProgram = list[ProgramStep]  # its end is a match
CopiedProgram = tuple[RegexpProgram, int]
"""A program, and the most copies that nested repetitions make of any of its steps."""
_LAST = 0x10FFFF
_REPLACEMENT = 0xFFFD
_MAX_REPEAT = 1000  # Go's limit on the count of a repetition, and on the product of nested ones
# Our own limits, which only hostile patterns reach.
_MOST_NESTED = 50
_MOST_STEPS = 200_000
_MOST_CACHED_BYTES = 2**26  # number of bytes that all machines together may cache
_OPERATORS = {
    "*": (0, None),
    "+": (1, None),
    "?": (0, 1),
}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_CLASSES = r"""
d=0-9 s=\t\n\f\r\x20 w=\w alnum=0-9A-Za-z alpha=A-Za-z ascii=\0-\x7f blank=\t\x20
cntrl=\0-\x1f\x7f digit=0-9 graph=!-~ lower=a-z print=\x20-~ punct=!-/:-@\[-`{-~
space=\t-\r\x20 upper=A-Z word=\w xdigit=0-9A-Fa-f
"""
"""Letters of shorthands and names of POSIX classes, and what they mean as Python's classes."""
_REPEAT = re.compile(r"(?:[*+?]|\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\})\??")
_QUOTED = re.compile(r"(?s)\\Q(.*?)(?:\\E|\Z)")
_TO = re.compile(r"(?s)-(?=[^\]])")
_SHORTHAND = re.compile(r"\\([dswpDSWP])(?:(?<=[pP])(?:\{(\^?)([^}]*)\}|([^{])))?")
_SCRIPT = re.compile("[A-Z][a-z]+(?:_[A-Z][a-z]+)*")
_CATEGORY = re.compile("[CLMNPSZ][a-z]?")
_ASSERTION = re.compile(r"\\[AbBz]|[$^]")
_ESCAPE = re.compile(
    r"\\(?:(0[0-7]{0,2}|[1-7][0-7]{1,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}"
    r"|([afnrtv])|([^0-9A-Za-z\x80-\U0010ffff]))"
)
"""An escaped character: octal, hexadecimal in two forms, by its letter, or itself."""


@cache
def _classes() -> RangesByName:
    classes = {}
    for definition in _CLASSES.split():
        name, _, body = definition.partition("=")
        members = re.compile(f"[{body}]", re.ASCII)
        codes = [code for code in range(128) if members.match(chr(code))]
        classes[name] = _merge(zip(codes, codes, strict=True))
    return classes


def _of_category(name: str) -> Ranges:
    r"""Return the code points whose Unicode general category starts with `name`, as in `\p{Lu}`."""
    if name == "Any":
        return [(0, _LAST)]
    if len(name) > 2 and _SCRIPT.fullmatch(name):
        raise NotImplementedError(f"Unicode class {name}")
    # The form comes first, as all categories are made at once: a new name costs no time.
    if not _CATEGORY.fullmatch(name) or name not in _categories():
        raise GoRegexpError("invalid character class range")
    return _categories()[name]


@cache
def _categories() -> RangesByName:
    """Return the assigned code points of each Unicode general category, and of its first letter."""
    import unicodedata

    categories = defaultdict(list)
    low = 0
    characters = map(chr, range(_LAST + 1))
    for kind, codes in groupby(map(unicodedata.category, characters)):
        high = low + sum(1 for _ in codes) - 1
        if kind != "Cn":
            categories[kind].append((low, high))
            categories[kind[0]].append((low, high))
        low = high + 1
    return {name: _merge(ranges) for name, ranges in categories.items()}


def _merge(ranges: Iterable[Range]) -> Ranges:
    """Return the same code points in as few ranges as possible."""
    return _complement(_complement(ranges))


def _complement(ranges: Iterable[Range]) -> Ranges:
    """Return the code points that are not in `ranges`, in order."""
    gaps = []
    start = 0
    behind_last = _LAST + 1
    for low, high in (*sorted(ranges), (behind_last, behind_last)):
        if start < low:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return gaps


def _code_of(char: str) -> int:
    """Return the code point that Go sees: U+FFFD for each undecodable byte."""
    if "\udc80" <= char <= "\udcff":
        return _REPLACEMENT
    return ord(char)


def _repeat(part: RegexpProgram, low: int, high: int | None) -> RegexpProgram:
    """Return `part` repeated `low` to `high` times; None means no upper bound."""
    size = len(part) + 1
    if size * (high or low or 1) > _MOST_STEPS:
        raise NotImplementedError(f"it has more than {_MOST_STEPS:,} characters when repeated")
    if high is not None:
        program = part * low
        for copies in range(high - low, 0, -1):
            program.append(ProgramStep("", 1, copies * size))
            program += part
        return program
    if low:
        return [*part * low, ProgramStep("", -len(part), 1)]
    return [
        ProgramStep("", 1, size + 1),
        *part,
        ProgramStep("", -size, -size),
    ]


def parsed(expression: str) -> RegexpProgram:
    r"""Return the steps of `expression`.

    Raises `GoRegexpError` if Go's compiler refuses it, and `NotImplementedError` if ctxsize cannot
    evaluate it (`\p{Greek}`).
    """
    reader = _ExpressionReader(expression)
    program, _ = reader.alternatives()
    if reader.at < len(expression):
        raise GoRegexpError("unexpected )")
    if len(program) > _MOST_STEPS:
        raise NotImplementedError(f"it has more than {_MOST_STEPS:,} characters when repeated")
    return program


class _ExpressionReader:
    """A position in a Go expression. Each method returns what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.last_class_end = text.rfind(":]")

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what `pattern` matches here, if it does."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _takes(self, char: str) -> bool:
        """Read `char` if it comes next; return whether it did."""
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def alternatives(self) -> CopiedProgram:
        """Read expressions between `|`."""
        parts = [self._concatenation()]
        while self._takes("|"):
            parts.append(self._concatenation())
        copies = max(most for _, most in parts)
        last, _ = parts.pop()
        pieces = [last]
        behind = len(last) + 1  # distance from the end of a part to that of all
        for part, _ in reversed(parts):
            size = len(part) + 2
            pieces += [[ProgramStep("", behind, behind)], part, [ProgramStep("", 1, size)]]
            behind += size
        return [*chain.from_iterable(reversed(pieces))], copies

    def _concatenation(self) -> CopiedProgram:
        done: list[RegexpProgram] = []
        copies = 1
        inner = 1
        repeated = False
        while self.text[self.at : self.at + 1] not in ("", "|", ")"):
            if operator := self._take(_REPEAT):
                if not done:
                    raise GoRegexpError("missing argument to repetition operator")
                if repeated:
                    raise GoRegexpError("invalid nested repetition operator")
                low, high = _counts(operator)
                most = high
                if most is None:
                    most = low or 1
                inner *= most
                if inner > _MAX_REPEAT:  # `repeatIsValid` of `regexp/syntax`
                    raise GoRegexpError("invalid repeat count")
                done[-1] = _repeat(done[-1], low, high)
            elif quoted := self._take(_QUOTED):  # a repetition applies to its last character
                done += ([ProgramStep([(code, code)], 1, 1)] for code in map(_code_of, quoted[1]))
                inner = 1
            elif self._takes("("):
                part, inner = self._group()
                done.append(part)
            else:
                done.append([ProgramStep(self._atom(), 1, 1)])
                inner = 1
            repeated = bool(operator)
            copies = max(copies, inner)
        return [*chain.from_iterable(done)], copies

    def _group(self) -> CopiedProgram:
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise NotImplementedError(f"more than {_MOST_NESTED} nested groups")
        inner = self.alternatives()
        if not self._takes(")"):
            raise GoRegexpError("missing closing )")
        self.depth -= 1
        return inner

    def _atom(self) -> Ranges | str:
        if self._takes("["):
            negated = self._takes("^")
            ranges = [*self._class_item()]
            while not self._takes("]"):
                ranges += self._class_item()
            if negated:
                return _complement(ranges)
            return ranges
        if assertion := self._take(_ASSERTION):
            return {"^": r"\A", "$": r"\z"}.get(assertion[0], assertion[0])
        if self._takes("."):
            return _complement([(10, 10)])
        shorthand = self._shorthand()
        if shorthand is not None:
            return shorthand  # none at all for `\P{Any}`
        code = self._char()
        return [(code, code)]

    def _class_item(self) -> Ranges:
        if named := self._posix_class():
            return named
        shorthand = self._shorthand()
        if shorthand is not None:
            return shorthand
        low = self._char()
        high = low
        if self._take(_TO):
            high = self._char()
        if high < low:
            raise GoRegexpError("invalid character class range")
        return [(low, high)]

    def _posix_class(self) -> Ranges | None:
        """Return the characters of `[:name:]` or `[:^name:]`, None if none is here."""
        start = self.at + len("[:")
        # Without an end behind it, nobody looks for one at each `[:` again.
        if not self.text.startswith("[:", self.at) or start > self.last_class_end:
            return None
        end = self.text.index(":]", start)
        name = self.text[start:end].removeprefix("^")
        ranges = _classes().get(name)
        if ranges is None or len(name) == 1:
            raise GoRegexpError("invalid character class range")
        self.at = end + len(":]")
        if self.text.startswith("^", start):
            return _complement(ranges)
        return ranges

    def _shorthand(self) -> Ranges | None:
        r"""Return the characters of `\d`, `\W`, `\pL` and the like."""
        match = self._take(_SHORTHAND)
        if match is None:
            return None
        letter, caret, braced, name = match.groups()
        ranges = _classes().get(letter.lower())
        if not ranges:
            ranges = _of_category(braced or name or "")
        if letter.isupper() != bool(caret):
            return _complement(ranges)
        return ranges

    def _char(self) -> int:
        """Return the code point of one character, which may be escaped."""
        if self.at == len(self.text):
            raise GoRegexpError("missing closing ]")
        if self.text[self.at] != "\\":
            self.at += 1
            return _code_of(self.text[self.at - 1])
        match = self._take(_ESCAPE)
        if match is None:
            sequence = self.text[self.at : self.at + 2]
            raise GoRegexpError(f"invalid escape sequence: {sequence}")
        octal, two_digits, any_digits, letter, itself = match.groups()
        if octal:
            return int(octal, 8)
        if letter:
            return _CONTROL[letter]
        if itself:
            return ord(itself)
        code = int(two_digits or any_digits, 16)
        if code > _LAST:
            raise GoRegexpError("invalid escape sequence: \\x")
        return code


def _counts(operator: re.Match[str]) -> tuple[int, int | None]:
    """Return the lowest and highest count of a repetition."""
    if operator[1] is None:
        return _OPERATORS[operator[0][0]]
    # Five digits are enough to see that a count is too large.
    low = int(operator[1][:5])
    high = low
    if operator[3]:
        high = int(operator[3][:5])
    if max(low, high) > _MAX_REPEAT or high < low:
        raise GoRegexpError("invalid repeat count")
    if operator[2] == ",":
        return low, None
    return low, high


class _Reached(dict[str, "_Reached | bool"]):
    """The steps reached by the text so far; by character what follows, True for a match."""

    def __init__(self, steps: bytes, before: str) -> None:
        self.steps = steps  # their numbers, four bytes each
        self.before = before  # kind of the character before: `w` in a word, else `-`; `""` at first


class Machine:
    """Searches texts for an expression, character by character."""

    _states: ClassVar[dict[tuple[str, bytes, str], _Reached]] = {}
    _programs: ClassVar[dict[str, RegexpProgram]] = {}
    """Caches of all machines: once they are too large, all is forgotten."""
    _cached_bytes: ClassVar[int] = 0

    def __init__(self, expression: str) -> None:
        self._expression = expression

    def search(self, text: str) -> bool | None:
        """Return True for a match in `text`, else None, as `re` does."""
        state = self._state(b"", "")
        for char in chain(text, ("",)):
            following = state.get(char)
            if following is None:
                following = self._step(state, char)
            if isinstance(following, bool):
                return following or None
            state = following
        return None

    def _count(self, size_bytes: int) -> None:
        """Count what is cached next; first makes room for it if need be."""
        if Machine._cached_bytes > _MOST_CACHED_BYTES:
            for state in list(self._states.values()):  # another thread may add some
                state.clear()
            self._states.clear()
            self._programs.clear()
            Machine._cached_bytes = 0
        Machine._cached_bytes += size_bytes

    def _step(self, state: _Reached, char: str) -> _Reached | bool:
        """Return what follows `char`, which is empty at the end of the text."""
        program = self._programs.get(self._expression)
        if program is None:
            program = parsed(self._expression)
            self._count(24 * len(program))
            self._programs[self._expression] = program
        reached = self._reached(program, state, char)
        following: _Reached | bool = len(program) in reached
        if char and not following:
            numbers = array("I", sorted(_steps_behind(program, reached, _code_of(char))))
            following = self._state(numbers.tobytes(), _kind(char))
        self._count(128)
        state[char] = following
        return following

    def _state(self, steps: bytes, before: str) -> _Reached:
        key = (self._expression, steps, before)
        state = self._states.get(key)
        if state is None:
            self._count(512 + len(steps))
            state = _Reached(steps, before)
            self._states[key] = state
        return state  # another thread may have cleared the cache since

    def _reached(self, program: RegexpProgram, state: _Reached, char: str) -> set[int]:
        """Return the steps of `state` and the first, and all that follow without a character."""
        at_border = (state.before == "w") != (_kind(char) == "w")
        holds = {
            "": True,
            r"\A": not state.before,
            r"\z": not char,
            r"\b": at_border,
            r"\B": not at_border,
        }
        reached = {0, *memoryview(state.steps).cast("I")}
        left = [*reached]
        while left:
            number = left.pop()
            if number == len(program):
                continue
            consumes, distance, other_distance = program[number]
            if isinstance(consumes, str) and holds[consumes]:
                new = {number + distance, number + other_distance} - reached
                reached |= new
                left += new
        return reached


def _steps_behind(program: RegexpProgram, reached: Iterable[int], code: int) -> set[int]:
    """Return the steps that follow those of `reached` which match a character."""
    following = set()
    fits = {}
    for number in reached:
        ranges, distance, _ = program[number]
        if isinstance(ranges, str):
            continue
        key = id(ranges)  # the copies of a step share its ranges
        if key not in fits:
            fits[key] = any(low <= code <= high for low, high in ranges)
        if fits[key]:
            following.add(number + distance)
    return following


def _kind(char: str) -> str:
    """Return `w` for a character of a word, else `-`; `""` at the end of the text."""
    if not char:
        return ""
    if char == "_" or (char.isascii() and char.isalnum()):
        return "w"
    return "-"
