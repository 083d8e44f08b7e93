"""Word expansion: quotes, escapes and variables in one word of a Dockerfile.

The builder expands most instructions itself, by rules that are close to those of a POSIX shell.
Behaviour: moby/buildkit (`shell.Lex`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import field
from itertools import islice

from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.go.strings import WHITE_SPACE, as_go_sees
from ctxsize.hidden import Hidden, hidden_as, shown
from ctxsize.values import Mutable

Words = tuple[str, ...]  # of an instruction
Variables = Mapping[str, str]  # values by name

_PLAIN = re.compile("[A-Za-z0-9_./:=,@+-]+")  # matches a word in which nothing is replaced
_SPACES = f"[{WHITE_SPACE}]"
_MOST = 2**24  # characters of an expanded word: BuildKit needs minutes for an eighth of them
_DEEPEST = 50  # number of nested `${…}` that are read
_LONGEST = 2**12  # characters of a value in which patterns are searched, in quadratic time
_UNCLOSED = "unexpected end of statement while looking for matching"
_NAME = re.compile(r"\d+|[@*#?\-$!]|\w+")  # name of a variable, number, special parameter
_HEREDOC = re.compile(r"<(?:<[\t\r ]*)?")
_UNSPLIT = frozenset("'\"<\\")  # what begins with one of them separates no words
_OPERATORS = ("-", "+", "?", ":-", ":+", ":?", "#", "%")


def expand(
    word: str,
    environment: Variables,
    *,
    escape: str = "\\",
    quotes: bool = True,
    keep_unset: bool = False,
) -> tuple[str, Collection[str]]:
    """Return `word` with quotes removed and variables replaced, and the names of these.

    An unset variable becomes the empty string; with `keep_unset` it stays as it is written,
    unless that gives a default. `quotes=False` keeps quotation marks, as in a heredoc. Bytes that
    are not UTF-8 become U+FFFD. The result is hidden if the word or the value of a variable is.
    Raises DockerfileError (without a line) for an open quote or a wrong substitution.
    """
    if _PLAIN.fullmatch(word):
        return word, ()
    lexer = _Lexer(word, environment, escape=escape, quotes=quotes, keep_unset=keep_unset)
    try:
        text = lexer.until("")[0]
    except DockerfileError as error:
        error.message = f"failed to process {quoted(word)}: {error.message}"
        raise
    if lexer.is_hidden:
        text = Hidden(text, shown(word))
    variables = {hidden_as(word, name) for name in lexer.variables}
    return hidden_as(word, text), variables


def split_words(text: str, *, raw_quotes: bool, raw_escapes: bool = False) -> list[str]:
    """Return the blank-separated words of `text`, variables as written; none for an open quote.

    A quoted blank does not separate, nor do blanks after `<<`, so a heredoc marker stays one word.
    """
    lexer = _Lexer(
        text, {}, raw_quotes=raw_quotes, raw_escapes=raw_escapes, keep_unset=True, splits=True
    )
    try:
        return lexer.until("")[1]
    except UndecidedError:
        raise
    except DockerfileError:
        return []


def quoted(text: str) -> str:
    """Return `text` in double quotes, as the builder prints it in messages, unless it is hidden."""
    import json  # as few Dockerfiles need it

    return json.dumps(as_go_sees(shown(text)), ensure_ascii=False)


class _Lexer(Mutable):
    """One pass over one word. The mutable state is the position and the words so far."""

    source: str
    environment: Variables
    escape: str = "\\"
    quotes: bool = True
    raw_quotes: bool = False
    raw_escapes: bool = False
    keep_unset: bool = False
    splits: bool = False
    variables: set[str] = field(default_factory=set)
    word: list[str] = field(default_factory=list)
    position: int = 0
    room: int = _MOST
    depth: int = 0
    is_hidden: bool = False  # whether a variable so far has a hidden value

    def __post_init__(self) -> None:
        # The builder's scanner drops one byte order mark in front of any word.
        self.characters = as_go_sees(self.source).removeprefix("\ufeff")

    def peek(self) -> str:
        return self.characters[self.position : self.position + 1]

    def take(self) -> str:
        character = self.peek()
        self.position += 1
        return character

    def take_match(self, pattern: re.Pattern[str]) -> str:
        """Return what `pattern` matches here, which may be nothing."""
        match = pattern.match(self.characters, self.position)
        if not match:
            return ""
        self.position = match.end()
        return match[0]

    def until(self, stop: str) -> tuple[str, list[str]]:
        """Return text and words up to `stop`, which is consumed; "" is the end."""
        text = []
        words: list[str] = []
        # As in BuildKit, nested substitutions share this buffer with the word around them and
        # drop its beginning, which heredoc markers depend on.
        self.word.clear()
        while (character := self.peek()) and character != stop:
            piece = self.piece(character)
            text.append(piece)
            parts = [piece]
            # Split only if the words are needed: a long value may have millions of blanks.
            if self.splits and character not in _UNSPLIT:
                parts = re.split(_SPACES, piece)
            for number, part in enumerate(parts):
                if number:
                    self.finish_word(words)
                if part:
                    self.word.append(part)
        if stop and not character:
            where = ""
            if stop == "/":
                where = " in ${}"
            raise DockerfileError(f"syntax error: missing '{stop}'{where}")
        self.position += 1
        self.finish_word(words)
        return "".join(text), words

    def piece(self, character: str) -> str:
        """Return the text of the variable, string or escape that begins here, or the character."""
        if character == "$":
            return self.dollar()
        if character == "<":
            return self.take_match(_HEREDOC)
        if character == "'" and self.quotes:
            return self.single_quoted()
        if character == '"' and self.quotes:
            return self.double_quoted()
        self.position += 1
        if character != self.escape:
            return character
        escaped = self.take()
        if self.raw_escapes:
            return character + escaped
        return escaped

    def finish_word(self, words: list[str]) -> None:
        if self.word:
            words.append("".join(self.word))
            self.word.clear()

    def single_quoted(self) -> str:
        """Return the text of a '…' string, taken literally."""
        end = self.characters.find("'", self.position + 1)
        if end < 0:
            raise DockerfileError(f"{_UNCLOSED} single-quote")
        whole = self.characters[self.position : end + 1]
        self.position = end + 1
        if self.raw_quotes:
            return whole
        return whole[1:-1]

    def double_quoted(self) -> str:
        """Return the text of a "…" string, with variables replaced."""
        quote = self.take()
        if not self.raw_quotes:
            quote = ""
        pieces = [quote]
        while (character := self.peek()) != '"':
            if not character:
                raise DockerfileError(f"{_UNCLOSED} double-quote")
            if character == "$":
                pieces.append(self.dollar())
                continue
            self.position += 1
            if character == self.escape:
                if self.raw_escapes:
                    pieces.append(character)
                # Only quote, $ and the escape itself can be escaped.
                if self.peek() in ('"', "$", character):
                    character = self.take()
            pieces.append(character)
        self.position += 1
        return "".join(pieces) + quote

    def value_of(self, name: str) -> str | None:
        """Return the value of a variable, and record that the word depends on it."""
        value = self.environment.get(name)
        self.variables.add(name)
        self.is_hidden |= isinstance(value, Hidden)
        self.room -= len(value or "")
        if self.room < 0:
            message = f"ctxsize replaces no more than {_MOST:,} characters, and ${name} makes more"
            raise UndecidedError(message)
        return value

    def dollar(self) -> str:
        """Return the value of `$name` or `${…}`."""
        self.position += 1
        if self.peek() == "{":
            self.position += 1
            return self.braces()
        name = self.take_match(_NAME)
        if name:
            return self.plain(name, f"${name}")
        return "$"

    def plain(self, name: str, written: str) -> str:
        """Return the value of a variable; `""`, or as `written`, if it has none."""
        value = self.value_of(name)
        if value is None and self.keep_unset:
            return written
        return value or ""

    def braces(self) -> str:
        """Return the value of `${…}`, read from after the opening brace."""
        if not self.peek():
            raise DockerfileError("syntax error: missing '}'")
        if self.peek() in "{}:":
            raise DockerfileError("syntax error: bad substitution")
        name = self.take_match(_NAME)
        operator = self.take()
        if operator == "}":
            return self.plain(name, f"${{{name}}}")
        if operator == "/":
            return self.replace(name)
        if operator == ":":
            operator += self.take()
        is_colon = operator.startswith(":") and operator not in (":#", ":%")
        if operator not in _OPERATORS and not is_colon:
            raise DockerfileError(f"unsupported modifier ({operator}) in substitution")
        return self.modified(name, operator)

    def argument(self, stop: str, *, raw: bool) -> str:
        """Return an argument of a substitution, expanded, up to `stop`."""
        start = self.position
        was_hidden = self.is_hidden
        self.is_hidden = False
        before = self.raw_escapes
        self.raw_escapes = raw
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UndecidedError(f"ctxsize reads no more than {_DEEPEST} nested `${{`")
        text, _ = self.until(stop)
        self.raw_escapes = before
        self.depth -= 1
        if self.is_hidden:
            written = self.characters[start : self.position - 1]
            text = Hidden(text, written)
        self.is_hidden |= was_hidden
        return text

    def modified(self, name: str, operator: str) -> str:
        """Return the value of `${name-word}` and the like, read from after the operator."""
        trims = operator in ("#", "%")
        word = self.argument("}", raw=trims)
        value = self.value_of(name)
        kind = operator[-1]
        has_default = kind == "-" and not self.splits
        if value is None and self.keep_unset and not has_default:
            return f"${{{name}{operator}{word}}}"
        if operator not in _OPERATORS:  # BuildKit (`processDollar`) accepts `${X:0:7}` until here
            raise DockerfileError(f"unsupported modifier ({operator}) in substitution")
        if trims:
            return _trim(value or "", word, operator)
        reason = "is not allowed to be unset"
        if operator[0] == ":" and value == "":
            reason = "is not allowed to be empty"
            value = None
        if kind == "+":
            if value is None:
                return ""
            return word
        if value is not None:
            return value
        if kind == "-":
            return word
        error = DockerfileError(f"{name}: {shown(word) or reason}")
        error.variable = name
        raise error

    def replace(self, name: str) -> str:
        """Return the value of `${name/pattern/text}`; `//` replaces every match."""
        everywhere = self.peek() == "/"
        if everywhere:
            self.position += 1
        pattern = self.argument("/", raw=True)
        replacement = self.argument("}", raw=True)
        value = self.value_of(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        value = value or ""
        is_long = len(value) * len(replacement) > self.room
        if everywhere and (is_long or "$" in replacement):
            raise UndecidedError("ctxsize replaces nothing by a `$` or by so many characters")
        pieces: list[str] = []
        end = 0
        matches = _pattern(pattern, value, greedy=True).finditer(value)
        if not everywhere:
            matches = islice(matches, 1)
        for match in matches:
            if not pieces or match.end() > end:  # Go skips an empty match behind another one
                pieces += value[end : match.start()], replacement
                end = match.end()
        return "".join(pieces) + value[end:]


def _trim(value: str, pattern: str, operator: str) -> str:
    """Return `value` without the prefix (`#`) or suffix (`%`) that `pattern` matches."""
    greedy = pattern.startswith(operator)
    if greedy:
        pattern = hidden_as(pattern, pattern[1:])
    is_suffix = operator == "%"
    if is_suffix:
        # A regular expression finds the leftmost match; read backwards, that is the
        # rightmost, and shortest and longest keep their meaning.
        characters = re.findall(r"\\.|.", pattern, re.DOTALL)
        backwards = "".join(reversed(characters))
        pattern = hidden_as(pattern, backwards)
        value = value[::-1]
    match = _pattern(pattern, value, greedy=greedy).match(value)
    if match:
        value = value[match.end() :]
    if is_suffix:
        return value[::-1]
    return value


def _pattern(pattern: str, value: str, *, greedy: bool) -> re.Pattern[str]:
    """Return the expression for `pattern`, whose `*` and `?` match no line feed.

    BuildKit makes one of Go's. Each text between stars matches only at its first occurrence (the
    last one of a greedy pattern at its last), so a match takes time linear in the value.
    """
    if len(value) > _LONGEST:
        message = f"ctxsize looks for patterns in values of no more than {_LONGEST:,} characters"
        raise UndecidedError(message)
    texts = [""]
    characters = iter(pattern.removeprefix("\ufeff"))
    for character in characters:
        if character == "*":
            texts.append("")
        elif character == "?":
            texts[-1] += "."
        elif character != "\\":
            texts[-1] += re.escape(character)
        elif (escaped := next(characters, "")) in ("}", "/", "*", "?", "\\"):
            texts[-1] += re.escape(escaped)
        else:
            reason = "invalid escape"
            if not isinstance(pattern, Hidden):
                reason = f"invalid escape '\\{escaped}'"
            message = f"invalid pattern ({shown(pattern)}) in substitution: {reason}"
            raise DockerfileError(message)
    first, *others = texts
    expression = first
    for number, text in enumerate(others):
        if greedy and number == len(others) - 1:
            expression += f".*{text}"
        else:
            expression += f"(?=(?P<g{number}>.*?{text}))(?P=g{number})"
    return re.compile(expression)  # on at most _LONGEST characters
