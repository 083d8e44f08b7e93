"""Word expansion: quotes, escapes and variables in one word of a Dockerfile.

The builder expands most instructions itself, before any shell sees them, and
its rules are its own: close to a POSIX shell, equal to none. This module holds
those rules and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from ctxsize.dockerfile.substitution import NO_CHARACTER, substitute, trim
from ctxsize.errors import DockerfileError, UndecidedError

# What Go's unicode.IsSpace accepts; str.isspace() also takes U+001C to U+001F.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
_PLAIN = re.compile("[A-Za-z0-9_./:=,@+-]+")
"""Finds a word in which nothing is replaced."""
_SPACES = re.compile(f"[{SPACE}]")

_MOST = 2**24
"""A value that doubles in each line soon gets there; BuildKit takes minutes for an eighth of it."""
_SPECIAL_PARAMETERS = "@*#?-$!"
# What a byte that is no UTF-8 was decoded to.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Expansion:
    """An expanded word: its text and its parts, and the variables found and not found for it."""

    text: str
    words: tuple[str, ...]
    """The parts around blanks that are not quoted: some instructions take each for itself."""
    found: frozenset[str]
    unset: frozenset[str]


def expand(
    word: str,
    environment: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    splits: bool = False,
    keep_unset: bool = False,
) -> Expansion:
    """Return `word` with quotes removed and variables replaced.

    An unset variable becomes the empty string and is named in `unset`; with `keep_unset` it
    stays as it is written, unless that gives a default. `escape`
    is the Dockerfile's escape character; `quotes=False` leaves quotation marks
    alone, as in the body of a heredoc. Bytes that are no UTF-8 become U+FFFD.
    With `splits` blanks in a value end words.

    Raises DockerfileError (without a line) for an open quote or a substitution
    that the builder does not know. The rules are BuildKit's word expansion.

    >>> expand("${DIR:-src}/*.py", {}).text
    'src/*.py'
    >>> expand("'$HOME' ${V%.tar}", {"V": "a.tar"}).text
    '$HOME a'
    """
    if _PLAIN.fullmatch(word):
        return Expansion(word, (word,), frozenset(), frozenset())
    lexer = _Lexer(
        word, environment, escape=escape, quotes=quotes, splits=splits, keep_unset=keep_unset
    )
    text, words = lexer.run()
    return Expansion(text, tuple(words), frozenset(lexer.found), frozenset(lexer.unset))


def split_words(text: str, *, raw_quotes: bool, raw_escapes: bool = False) -> list[str]:
    """Return the blank-separated words of `text`, with variables left as written.

    A quoted blank does not separate, nor do blanks after `<<`, so a heredoc
    marker stays one word. `raw_quotes` and `raw_escapes` keep those characters.
    Raises DockerfileError (without a line) as `expand` does.
    """
    lexer = _Lexer(
        text,
        {},
        raw_quotes=raw_quotes,
        raw_escapes=raw_escapes,
        keep_unset=True,
        keep_defaults=True,
        splits=True,
    )
    return lexer.run()[1]


_Steps: TypeAlias = "Generator[Any, Any, Any]"
"""A part of a word that yields the parts in it, and is sent what each returns."""


def _run(steps: _Steps) -> Any:
    """Return what `steps` return. Parts nest up to 13,000 deep: more than Python's stack holds."""
    pending, value, error = [steps], None, None
    while pending:
        part = pending[-1]
        try:
            inner = part.send(value) if error is None else part.throw(error)
        except StopIteration as end:
            pending.pop()
            value, error = end.value, None
        except DockerfileError as raised:
            pending.pop()
            value, error = None, raised
        else:
            pending.append(inner)
            value = error = None
    if error is not None:
        raise error
    return value


class _Lexer:
    """One pass over one word. The mutable state is the position and the words so far."""

    def __init__(
        self,
        source: str,
        environment: Mapping[str, str],
        *,
        escape: str = "\\",
        quotes: bool = True,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
        keep_defaults: bool = False,
        splits: bool = False,
    ) -> None:
        self.source = source
        # The builder's scanner drops one byte order mark in front of any word.
        self.characters = LONE_SURROGATE.sub("\ufffd", source).removeprefix("\ufeff")
        self.position = 0
        self.environment = environment
        self.escape = escape
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        self.keep_unset = keep_unset
        self.keep_defaults = keep_defaults
        self.found: set[str] = set()
        self.unset: set[str] = set()
        self.word: list[str] = []
        self.splits = splits
        self.room = _MOST
        self.special: dict[str, Callable[[], str | _Steps]] = {
            "$": self.dollar,
            "<": self.heredoc_marker,
        }
        if quotes:
            self.special |= {"'": self.single_quoted, '"': self.double_quoted}

    def run(self) -> tuple[str, list[str]]:
        """Return the expanded text and its words."""
        try:
            found: tuple[str, list[str]] = _run(self.until(""))
            return found
        except DockerfileError as error:
            import json  # as few Dockerfiles need it

            quoted = json.dumps(self.source, ensure_ascii=False)
            error.message = f"failed to process {quoted}: {error.message}"
            raise

    def peek(self) -> str:
        """Return the next character, or the empty string at the end."""
        return self.characters[self.position : self.position + 1]

    def take(self) -> str:
        """Return the next character and move past it."""
        character = self.peek()
        self.position += 1
        return character

    @contextmanager
    def escapes(self, *, raw: bool) -> Iterator[None]:
        """Keep escape characters (`raw`) or drop them for the duration."""
        before, self.raw_escapes = self.raw_escapes, raw
        try:
            yield
        finally:
            self.raw_escapes = before

    def until(self, stop: str) -> _Steps:
        """Return text and words up to `stop`, which is consumed; "" is the end."""
        text: list[str] = []
        words: list[str] = []
        # Nested substitutions share this buffer with the word around them: the
        # builder forgets the word's beginning there, and so must heredoc markers.
        self.word.clear()
        while (character := self.peek()) and character != stop:
            if special := self.special.get(character):
                piece = special()
                if not isinstance(piece, str):
                    piece = yield piece
                text.append(piece)
                self.collect(piece, words, splits=character == "$")
            else:
                text.append(self.ordinary(words))
        if stop and not character:
            raise DockerfileError(f"unexpected end of statement while looking for matching {stop}")
        self.position += 1
        self.finish_word(words)
        return "".join(text), words

    def ordinary(self, words: list[str]) -> str:
        """Return one character that is not special, or what an escape stands for."""
        character = self.take()
        if character != self.escape:
            self.collect(character, words, splits=True)
            return character
        kept = character if self.raw_escapes else ""
        escaped = kept + self.take()
        self.collect(escaped, words, splits=False)
        return escaped

    def collect(self, piece: str, words: list[str], *, splits: bool) -> None:
        """Add `piece` to the current word; with `splits`, blanks in it end words.

        Where nobody wants the words, blanks are left: a long value may have millions.
        """
        first, *others = _SPACES.split(piece) if splits and self.splits else [piece]
        self.add(first)
        for other in others:
            self.finish_word(words)
            self.add(other)

    def add(self, piece: str) -> None:
        """Add `piece`, which holds no end of a word, to the current one."""
        if piece:
            self.word.append(piece)

    def finish_word(self, words: list[str]) -> None:
        """Close the current word, if there is one."""
        if self.word:
            words.append("".join(self.word))
            self.word.clear()

    def single_quoted(self) -> str:
        """Return the text of a '…' string, taken literally."""
        end = self.characters.find("'", self.position + 1)
        if end < 0:
            self.position = len(self.characters)
            raise DockerfileError(
                "unexpected end of statement while looking for matching single-quote"
            )
        inner = self.characters[self.position + 1 : end]
        self.position = end + 1
        return f"'{inner}'" if self.raw_quotes else inner

    def double_quoted(self) -> _Steps:
        """Return the text of a "…" string, with variables replaced."""
        quote = self.take() if self.raw_quotes else self.take()[1:]
        pieces = [quote]
        while (character := self.peek()) != '"':
            if not character:
                raise DockerfileError(
                    "unexpected end of statement while looking for matching double-quote"
                )
            piece = self.dollar() if character == "$" else self.quoted_character()
            pieces.append(piece if isinstance(piece, str) else (yield piece))
        self.position += 1
        return "".join((*pieces, quote))

    def quoted_character(self) -> str:
        """Return one character inside double quotes; only quote, $ and escape are escapable."""
        character = self.take()
        if character != self.escape:
            return character
        kept = character if self.raw_escapes else ""
        following = self.peek()
        if not following:
            return kept
        return kept + (self.take() if following in ('"', "$", self.escape) else character)

    def heredoc_marker(self) -> str:
        """Return `<`, or `<<` with the blanks behind it."""
        self.position += 1
        if self.peek() != "<":
            return "<"
        self.position += 1
        start = self.position
        while self.peek() in ("\t", "\r", " "):
            self.position += 1
        return "<<" + self.characters[start : self.position]

    def name(self) -> str:
        """Return the variable name, number or special parameter here, or ""."""
        start = self.position
        if self.peek().isdecimal():
            while self.peek().isdecimal():
                self.position += 1
        elif self.peek() and self.peek() in _SPECIAL_PARAMETERS:
            self.position += 1
        else:
            while (character := self.peek()).isalpha() or character.isdecimal() or character == "_":
                self.position += 1
        return self.characters[start : self.position]

    def lookup(self, name: str) -> str | None:
        """Return the value of a variable, remembering whether it had one."""
        value = self.environment.get(name)
        (self.unset if value is None else self.found).add(name)
        self.room -= len(value or "")
        if self.room < 0:
            message = f"ctxsize replaces no more than {_MOST:,} characters, and ${name} makes more"
            raise UndecidedError(message)
        return value

    def dollar(self) -> str | _Steps:
        """Return what `$name` or `${…}` stands for."""
        self.position += 1
        if self.peek() == "{":
            self.position += 1
            return self.braces()
        name = self.name()
        if not name:
            return "$"
        value = self.lookup(name)
        if value is None:
            return f"${name}" if self.keep_unset else ""
        return value

    def braces(self) -> str | _Steps:
        """Return what stands for `${…}`, from behind the opening brace."""
        if not self.peek():
            raise DockerfileError("syntax error: missing '}'")
        if self.peek() in "{}:":
            raise DockerfileError("syntax error: bad substitution")
        name = self.name()
        operator = self.take()
        if operator == "}":
            value = self.lookup(name)
            if value is None:
                return f"${{{name}}}" if self.keep_unset else ""
            return value
        if operator == "/":
            return self.replace(name)
        null_is_unset = operator == ":"
        if null_is_unset:
            operator = self.take()
        elif operator not in tuple("+-?#%"):
            raise _unsupported(operator or NO_CHARACTER)
        return self.modified(name, operator, null_is_unset=null_is_unset)

    def argument(self, stop: str, *, raw: bool, missing: str) -> _Steps:
        """Return an argument of a substitution, expanded, up to `stop`."""
        try:
            with self.escapes(raw=raw):
                return (yield self.until(stop))[0]
        except UndecidedError:
            raise
        except DockerfileError:
            if not self.peek():
                raise DockerfileError(f"syntax error: {missing}") from None
            raise

    def modified(self, name: str, operator: str, *, null_is_unset: bool) -> _Steps:
        """Return `${name-word}` and its relatives, from behind the operator."""
        written = (":" if null_is_unset else "") + (operator or NO_CHARACTER)
        trims = operator in ("#", "%")
        if trims and null_is_unset:
            raise _unsupported(written)
        word = yield self.argument("}", raw=trims, missing="missing '}'")
        value = self.lookup(name)
        if value is None and self.keep_unset and (operator != "-" or self.keep_defaults):
            return f"${{{name}{written}{word}}}"
        present = value is not None and not (null_is_unset and value == "")
        if operator == "-":
            return value or "" if present else word
        if operator == "+":
            return word if present else ""
        if operator == "?":
            return self.required(name, value, word, present=present)
        if not trims:
            raise _unsupported(written)
        return trim(value or "", word, operator)

    @staticmethod
    def required(name: str, value: str | None, word: str, *, present: bool) -> str:
        """Return the value of `${name?word}`, or raise with its message."""
        if present and value is not None:
            return value
        state = "unset" if value is None else "empty"
        error = DockerfileError(f"{name}: {word or f'is not allowed to be {state}'}")
        error.variable = name
        raise error

    def replace(self, name: str) -> _Steps:
        """Return `${name/pattern/text}`, or `//` for every match."""
        everywhere = self.peek() == "/"
        if everywhere:
            self.position += 1
        pattern = yield self.argument("/", raw=True, missing="missing '/' in ${}")
        replacement = yield self.argument("}", raw=True, missing="missing '}'")
        value = self.lookup(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        room = max(self.room, 0)
        return substitute(value or "", pattern, replacement, everywhere=everywhere, most=room)


def _unsupported(modifier: str) -> DockerfileError:
    return DockerfileError(f"unsupported modifier ({modifier}) in substitution")
