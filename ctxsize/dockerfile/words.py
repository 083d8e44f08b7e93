"""Word expansion: quotes, escapes and variables in one word of a Dockerfile.

The builder expands most instructions itself, before any shell sees them, and
its rules are its own: close to a POSIX shell, equal to none. This module holds
those rules and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ctxsize.dockerfile.substitution import NO_CHARACTER, required, substitute, trim, unsupported
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
_DEEPEST = 50
"""Number of `${…}` inside each other that are read."""
_UNCLOSED = "unexpected end of statement while looking for matching"
_SPECIAL_PARAMETERS = "@*#?-$!"
# What a byte that is no UTF-8 was decoded to.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Expansion:
    """An expanded word, and the variables in it, with and without a value."""

    text: str
    variables: frozenset[str] = frozenset()


def expand(
    word: str,
    environment: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    keep_unset: bool = False,
) -> Expansion:
    """Return `word` with quotes removed and variables replaced.

    An unset variable becomes the empty string; with `keep_unset` it stays as it is written,
    unless that gives a default. `escape` is the Dockerfile's escape character; `quotes=False`
    leaves quotation marks alone, as in the body of a heredoc. Bytes that are no UTF-8 become
    U+FFFD.

    Raises DockerfileError (without a line) for an open quote or a substitution
    that the builder does not know. The rules are BuildKit's word expansion.

    >>> expand("${DIR:-src}/*.py", {}).text
    'src/*.py'
    >>> expand("'$HOME' ${V%.tar}", {"V": "a.tar"}).text
    '$HOME a'
    """
    if _PLAIN.fullmatch(word):
        return Expansion(word)
    lexer = _Lexer(word, environment, escape=escape, quotes=quotes, keep_unset=keep_unset)
    return Expansion(lexer.run()[0], frozenset(lexer.variables))


def split_words(text: str, *, raw_quotes: bool, raw_escapes: bool = False) -> list[str]:
    """Return the blank-separated words of `text`, with variables left as written.

    A quoted blank does not separate, nor do blanks after `<<`, so a heredoc
    marker stays one word. `raw_quotes` and `raw_escapes` keep those characters.
    There are none where a quote stays open.
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
    try:
        return lexer.run()[1]
    except UndecidedError:
        raise
    except DockerfileError:
        return []


def quoted(text: str) -> str:
    """Return `text` in double quotes, as it stands in the builder's messages."""
    import json  # as few Dockerfiles need it

    return json.dumps(LONE_SURROGATE.sub("\ufffd", text), ensure_ascii=False)


@dataclass()
class _Lexer:
    """One pass over one word. The mutable state is the position and the words so far."""

    source: str
    environment: Mapping[str, str]
    escape: str = "\\"
    quotes: bool = True
    raw_quotes: bool = False
    raw_escapes: bool = False
    keep_unset: bool = False
    keep_defaults: bool = False
    splits: bool = False
    variables: set[str] = field(default_factory=set)
    word: list[str] = field(default_factory=list)
    position: int = 0
    room: int = _MOST
    depth: int = 0

    def __post_init__(self) -> None:
        # The builder's scanner drops one byte order mark in front of any word.
        self.characters = LONE_SURROGATE.sub("\ufffd", self.source).removeprefix("\ufeff")
        self.special: dict[str, Callable[[], str]] = {
            "$": self.dollar,
            "<": self.heredoc_marker,
        }
        if self.quotes:
            self.special |= {"'": self.single_quoted, '"': self.double_quoted}

    def run(self) -> tuple[str, list[str]]:
        try:
            return self.until("")
        except DockerfileError as error:
            error.message = f"failed to process {quoted(self.source)}: {error.message}"
            raise

    def peek(self) -> str:
        return self.characters[self.position : self.position + 1]

    def take(self) -> str:
        character = self.peek()
        self.position += 1
        return character

    def until(self, stop: str) -> tuple[str, list[str]]:
        """Return text and words up to `stop`, which is consumed; "" is the end."""
        text: list[str] = []
        words: list[str] = []
        # Nested substitutions share this buffer with the word around them: the
        # builder forgets the word's beginning there, and so must heredoc markers.
        self.word.clear()
        while (character := self.peek()) and character != stop:
            if special := self.special.get(character):
                piece = special()
                text.append(piece)
                self.collect(piece, words, splits=character == "$")
            else:
                text.append(self.ordinary(words))
        if stop and not character:
            raise DockerfileError(f"{_UNCLOSED} {stop}")
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
        self.word += [first] if first else []
        for other in others:
            self.finish_word(words)
            self.word += [other] if other else []

    def finish_word(self, words: list[str]) -> None:
        if self.word:
            words.append("".join(self.word))
            self.word.clear()

    def single_quoted(self) -> str:
        """Return the text of a '…' string, taken literally."""
        end = self.characters.find("'", self.position + 1)
        if end < 0:
            self.position = len(self.characters)
            raise DockerfileError(f"{_UNCLOSED} single-quote")
        inner = self.characters[self.position + 1 : end]
        self.position = end + 1
        return f"'{inner}'" if self.raw_quotes else inner

    def double_quoted(self) -> str:
        """Return the text of a "…" string, with variables replaced."""
        quote = self.take() if self.raw_quotes else self.take()[1:]
        pieces = [quote]
        while (character := self.peek()) != '"':
            if not character:
                raise DockerfileError(f"{_UNCLOSED} double-quote")
            pieces.append(self.dollar() if character == "$" else self.quoted_character())
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
        """Return the value of a variable, remembering that it is asked for."""
        value = self.environment.get(name)
        self.variables.add(name)
        self.room -= len(value or "")
        if self.room < 0:
            message = f"ctxsize replaces no more than {_MOST:,} characters, and ${name} makes more"
            raise UndecidedError(message)
        return value

    def dollar(self) -> str:
        """Return what `$name` or `${…}` stands for."""
        self.position += 1
        if self.peek() == "{":
            self.position += 1
            return self.braces()
        name = self.name()
        return self.plain(name, f"${name}") if name else "$"

    def plain(self, name: str, written: str) -> str:
        """Return the value of a variable, or what stands for one that has none."""
        value = self.lookup(name)
        if value is None:
            return written if self.keep_unset else ""
        return value

    def braces(self) -> str:
        """Return what stands for `${…}`, from behind the opening brace."""
        if not self.peek():
            raise DockerfileError("syntax error: missing '}'")
        if self.peek() in "{}:":
            raise DockerfileError("syntax error: bad substitution")
        name = self.name()
        operator = self.take()
        if operator == "}":
            return self.plain(name, f"${{{name}}}")
        if operator == "/":
            return self.replace(name)
        null_is_unset = operator == ":"
        if null_is_unset:
            operator = self.take()
        elif operator not in tuple("+-?#%"):
            raise unsupported(operator or NO_CHARACTER)
        return self.modified(name, operator, null_is_unset=null_is_unset)

    def argument(self, stop: str, *, raw: bool, missing: str) -> str:
        """Return an argument of a substitution, expanded, up to `stop`."""
        before, self.raw_escapes = self.raw_escapes, raw
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UndecidedError(f"ctxsize reads no more than {_DEEPEST} `${{` inside each other")
        try:
            return self.until(stop)[0]
        except DockerfileError as error:
            if self.peek() or isinstance(error, UndecidedError):
                raise
            raise DockerfileError(f"syntax error: {missing}") from None
        finally:
            self.raw_escapes = before
            self.depth -= 1

    def modified(self, name: str, operator: str, *, null_is_unset: bool) -> str:
        """Return `${name-word}` and its relatives, from behind the operator."""
        written = (":" if null_is_unset else "") + (operator or NO_CHARACTER)
        trims = operator in ("#", "%")
        if trims and null_is_unset:
            raise unsupported(written)
        word = self.argument("}", raw=trims, missing="missing '}'")
        value = self.lookup(name)
        if value is None and self.keep_unset and (operator != "-" or self.keep_defaults):
            return f"${{{name}{written}{word}}}"
        present = value is not None and not (null_is_unset and value == "")
        if operator == "-":
            return value or "" if present else word
        if operator == "+":
            return word if present else ""
        if operator == "?":
            return required(name, value, word, present=present)
        if not trims:
            raise unsupported(written)
        return trim(value or "", word, operator)

    def replace(self, name: str) -> str:
        """Return `${name/pattern/text}`, or `//` for every match."""
        everywhere = self.peek() == "/"
        if everywhere:
            self.position += 1
        pattern = self.argument("/", raw=True, missing="missing '/' in ${}")
        replacement = self.argument("}", raw=True, missing="missing '}'")
        value = self.lookup(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        room = max(self.room, 0)
        return substitute(value or "", pattern, replacement, everywhere=everywhere, most=room)
