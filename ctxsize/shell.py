r"""Shell text into its commands, as far as text alone tells; nothing is run or expanded.

Quotes, escapes, comments, continuations, here-documents, redirections, lists,
pipes, groups and `sh -c` are understood. Variables and command substitutions
stay as they are written. What cannot be read (an open quote) ends the text.

>>> [each.words for each in commands("cd /app && CI=1 sudo npm ci; echo 'a;b' | sh -c 'make -j4'")]
[('cd', '/app'), ('npm', 'ci'), ('echo', 'a;b'), ('make', '-j4')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from ctxsize.dockerfile.heredocs import parse_heredoc_word
from ctxsize.dockerfile.instructions import Instruction

_BLANK = " \t"
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;|&()\n]")
_REDIRECTION = re.compile(r"[0-9]*(?:<<<|<<-?|<>|<&|>>|>&|>\||<|>)|&>>?")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)", re.DOTALL)
_LEADERS = frozenset(("if", "then", "elif", "else", "do", "while", "until", "!", "{", "time"))
_CLAUSES = frozenset(("for", "case", "select", "function", "fi", "done", "esac", "}"))
_OPENING = frozenset(("if", "for", "case", "while", "until", "select", "function", "{"))
_ENDING = frozenset(("fi", "done", "esac", "}"))
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"))
_DEEPEST = 8
_CLOSING = {"(": ")", "{": "}"}


@dataclass(frozen=True)
class Command:
    """A simple command: what is run, with what, and how it hangs together with the one before."""

    words: tuple[str, ...]
    """Unquoted; the first is the program, without `sudo` and the like in front."""
    assignments: tuple[tuple[str, str], ...] = ()
    """The variables set in front of it, or alone if there are no words."""
    after: str = ""
    """The operator in front: `&&`, `||`, `;`, `|`, `&` or `""` for the first."""
    line: int = 0
    """How many lines of the text come before it."""

    @property
    def program(self) -> str:
        """The name of what is run, without its directory."""
        return self.words[0].rpartition("/")[2] if self.words else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the program."""
        return self.words[1:]

    @property
    def operands(self) -> tuple[str, ...]:
        """The arguments that are no options; an option's value counts as one."""
        return tuple(word for word in self.arguments if not word.startswith("-"))

    def has(self, *options: str) -> bool:
        """Whether one of these options is given, with or without a `=value`."""
        return any(word.partition("=")[0] in options for word in self.arguments)

    def value(self, *options: str) -> str | None:
        """What follows the first of these options, behind `=` or as the next word."""
        for at, word in enumerate(self.words):
            name, given, value = word.partition("=")
            if name in options:
                return value if given else next(iter(self.words[at + 1 : at + 2]), None)
        return None


@dataclass
class _Token:
    kind: str
    """`word`, `operator` or `redirection`."""
    text: str
    line: int
    bare: bool = True
    """Whether nothing of it is quoted."""
    start: int = 0
    end: int = 0
    tail: int = 0
    """Where it stands, and where the redirections behind it end."""


@dataclass(frozen=True)
class Piece:
    """A simple command where it stands in a text, with its redirections."""

    start: int
    end: int
    """One past its last character."""
    after: str
    """The operator in front, `""` for the first."""
    nested: bool
    """Whether it belongs to a group, a loop or the like, or begins or ends one."""
    words: tuple[str, ...]
    """All of them, unquoted, assignments and `sudo` too."""
    spans: tuple[tuple[int, int], ...]
    """Where each word stands."""


def pieces(text: str) -> tuple[Piece, ...]:
    """The simple commands of `text` where they stand; scripts of `sh -c` are words here.

    >>> text = "a b>c && { d; }; e"
    >>> [(text[each.start : each.end], each.after, each.nested) for each in pieces(text)]
    [('a b>c', '', False), ('{ d', '&&', True), ('}', ';', True), ('e', ';', False)]
    """
    found: list[Piece] = []
    words: list[_Token] = []
    after, depth = "", 0
    for token in (*_Reader(text).tokens(), _Token("operator", "\n", 0)):
        if token.kind == "word":
            words.append(token)
            continue
        if words:
            found.append(_piece(words, after, depth))
            first = words[0].text if words[0].bare else ""
            depth += (first in _OPENING) - (first in _ENDING)
        depth = max(0, depth + (token.text == "(") - (token.text == ")"))
        after = token.text if words or token.text != "\n" else after
        words = []
    return tuple(found)


def _piece(words: list[_Token], after: str, depth: int) -> Piece:
    first = words[0]
    structure = first.bare and first.text in _OPENING | _LEADERS | _CLAUSES
    return Piece(
        first.start,
        words[-1].tail,
        after,
        bool(depth) or structure,
        tuple(token.text for token in words),
        tuple((token.start, token.end) for token in words),
    )


def commands(text: str) -> tuple[Command, ...]:
    """The simple commands in `text`, in the order in which they stand there."""
    return tuple(_commands(text, 0))


def commands_of(instruction: Instruction) -> tuple[Command, ...]:
    """The commands of a RUN; none of a script that is no shell script."""
    if instruction.json_form:
        words = instruction.arguments
        shell = len(words) > 2 and words[0].rpartition("/")[2] in ("sh", "bash", "ash")
        return commands(words[-1]) if shell and "c" in words[-2] else (Command(words),)
    text = instruction.arguments[0] if instruction.arguments else ""
    documents = [each.content for each in instruction.heredocs]
    if documents and parse_heredoc_word(text.strip()):
        body = documents[0]
        script = not body.startswith("#!") or "sh" in body.splitlines()[0]
        return commands(body) if script else ()
    bodies = "".join(f"\n{each.content}{each.name}" for each in instruction.heredocs)
    return commands(text + bodies)


def _commands(text: str, depth: int) -> Iterator[Command]:
    words: list[_Token] = []
    after = ""
    reader = _Reader(text)
    for token in reader.tokens():
        if token.kind == "word":
            words.append(token)
            continue
        yield from _finished(words, after, depth, reader)
        after = after if not words and token.text == "\n" else token.text.replace("\n", ";")
        words = []
    yield from _finished(words, after, depth, reader)


def _finished(words: list[_Token], after: str, depth: int, reader: _Reader) -> Iterator[Command]:
    """The command that `words` are, or those of the script that it is given."""
    while words and words[0].bare and words[0].text in _LEADERS:
        words = words[1:]
    if not words or (words[0].bare and words[0].text in _CLAUSES):
        return
    line = words[0].line
    assignments: list[tuple[str, str]] = []
    texts = [token.text for token in words]
    while texts:
        if match := _ASSIGNMENT.fullmatch(texts[0]):
            assignments.append((match[1], match[2]))
            texts = texts[1:]
        elif rest := _unwrapped(texts):
            texts = rest
        else:
            break
    command = Command(tuple(texts), tuple(assignments), "" if after in "()" else after, line)
    script = _script(command, reader)
    if script is None or depth >= _DEEPEST:
        yield command
        return
    text, begins = script
    for inner in _commands(text, depth + 1):
        given = (*command.assignments, *inner.assignments)
        yield replace(inner, assignments=given, line=line + begins + inner.line)


def _unwrapped(texts: list[str]) -> list[str]:
    """What is run by a program that only runs another, or nothing if it is no such program."""
    taking = _WRAPPERS.get(texts[0].rpartition("/")[2])
    if taking is None:
        return []
    at = 1
    while at < len(texts) and texts[at].startswith("-"):
        at += 2 if texts[at] in taking else 1
    return texts[at:]


_WRAPPERS = {
    "sudo": ("-u", "-g", "--user", "--group"),
    "doas": ("-u",),
    "env": ("-u", "-C", "--unset", "--chdir"),
    "exec": ("-a",),
    "command": (),
    "nice": ("-n",),
    "nohup": (),
    "gosu": (),
    "xvfb-run": (),
}
"""Programs that run what follows, and their options that take a word."""


def _script(command: Command, reader: _Reader) -> tuple[str, int] | None:
    """The script that a shell is given, and how many lines below: behind `-c`, or a document."""
    words = command.words[1:] if command.program == "busybox" else command.words
    if not words or words[0].rpartition("/")[2] not in (*_SHELLS, "su"):
        return None
    flags = list(takewhile(lambda word: word.startswith("-") or word == "pipefail", words[1:]))
    for at, flag in enumerate(words):
        if at and re.fullmatch(r"-[a-z]*c", flag) and at + 1 < len(words):
            return words[at + 1], 0
    document = reader.taken_document() if len(flags) == len(words) - 1 else None
    return None if document is None else (document, 1)


class _Reader:
    """Splits text into words and operators. Here-documents are kept aside."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\\\r\n", "").replace("\r\n", "\n")
        self.at = 0
        self.line = 0
        self._pending: list[tuple[str, bool]] = []
        self._documents: list[str] = []

    def taken_document(self) -> str | None:
        """The last here-document that was read or is about to be, or None."""
        if self._pending and self.text.startswith("\n", self.at):
            self._newline()
            self.at -= 1
            self.line -= 1
        return self._documents.pop() if self._documents else None

    def tokens(self) -> Iterator[_Token]:
        last: _Token | None = None
        while self.at < len(self.text):
            character = self.text[self.at]
            if character in _BLANK:
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self._pass(2)
            elif character == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif redirection := _REDIRECTION.match(self.text, self.at):
                self._redirect(redirection[0])
                if last is not None:
                    last.tail = self.at
            elif operator := _OPERATOR.match(self.text, self.at):
                last = None
                yield _Token("operator", operator[0], self.line)
                if operator[0] == "\n":
                    self._newline()
                else:
                    self.at = operator.end()
            else:
                line, start = self.line, self.at
                text, bare = self._word()
                last = _Token("word", text, line, bare, start, self.at, self.at)
                yield last

    def _pass(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

    def _newline(self) -> None:
        """Go past the end of a line and the here-documents that begin behind it."""
        self._pass(1)
        for name, strip_tabs in self._pending:
            body: list[str] = []
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self._pass(end + 1 - self.at)
                if (line.lstrip("\t") if strip_tabs else line) == name:
                    break
                body.append(line)
            self._documents.append("\n".join(body))
        self._pending = []

    def _redirect(self, operator: str) -> None:
        self.at += len(operator)
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        name, _ = self._word()
        if operator.lstrip("0123456789") in ("<<", "<<-"):
            self._pending.append((name, operator.endswith("-")))

    def _word(self) -> tuple[str, bool]:
        """The word here without its quotes, and whether it had none."""
        pieces: list[str] = []
        bare = True
        while self.at < len(self.text):
            character = self.text[self.at]
            if character in " \t\n;|&()<>" and not (character == "<" and not pieces):
                break
            if character in "'\"":
                bare = False
            pieces.append(self._piece(character))
        return "".join(pieces), bare

    def _piece(self, character: str) -> str:
        if character == "'":
            return self._until_quote()
        if character == '"':
            return self._double_quoted()
        if character == "\\":
            escaped = self.text[self.at + 1 : self.at + 2]
            self._pass(2)
            return "" if escaped == "\n" else escaped
        if character == "$" or character == "`":
            return self._substitution()
        self._pass(1)
        return character

    def _until_quote(self) -> str:
        end = self.text.find("'", self.at + 1)
        end = len(self.text) if end < 0 else end
        inner = self.text[self.at + 1 : end]
        self._pass(end + 1 - self.at)
        return inner

    def _double_quoted(self) -> str:
        self._pass(1)
        pieces: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != '"':
            character = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if character == "\\" and following in ('"', "\\", "$", "`", "\n"):
                pieces.append("" if following == "\n" else following)
                self._pass(2)
            elif character in "$`":
                pieces.append(self._substitution())
            else:
                pieces.append(character)
                self._pass(1)
        self._pass(1)
        return "".join(pieces)

    def _substitution(self) -> str:
        """`$name`, `${…}`, `$(…)` or `` `…` `` as it is written."""
        start = self.at
        opening = self.text[self.at + 1 : self.at + 2]
        if self.text[start] == "`":
            end = self.text.find("`", start + 1)
            end = len(self.text) if end < 0 else end + 1
        elif opening in _CLOSING:
            end = self._balanced(start + 1, opening, _CLOSING[opening])
        else:
            end = start + 1
        self._pass(max(1, end - start))
        return self.text[start : self.at]

    def _balanced(self, start: int, opening: str, closing: str) -> int:
        """Where the bracket that opens at `start` is closed; quotes hide brackets."""
        depth, at, quote = 0, start, ""
        while at < len(self.text):
            character = self.text[at]
            if character == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            elif character == opening:
                depth += 1
            elif character == closing:
                depth -= 1
                if depth == 0:
                    return at + 1
            at += 1
        return len(self.text)
