"""Parse shell text into simple commands with tree-sitter.

The grammar is that of bash, which includes that of /bin/sh in any image. Names of programs
have no meaning here. tree-sitter is compiled, and some interpreters have no wheel of it: without
it no text is read, as if each were too long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from functools import lru_cache

from ctxsize.model import Texts
from ctxsize.values import Mutable, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point, Tree

_LONGEST = 64 * 1024  # number of characters of the longest text that is read
_MOST_PIPES = 2000
"""Largest number of `|` in a text that is read: an error behind n of them costs n * n steps."""
_CHUNK = 4096  # number of characters in the chunks that the parser is given
_READS = 200
_CHARACTERS_READ = 16
"""Least number of chunks that the parser may read, and number of characters of text for each
further one. After these the text ends for it, as an error may make it read to the end again from
each place."""
_DEEPEST = 20  # largest number of nested substitutions that are read

_UNUSUAL = r"[^\t\n\x20-\x7e]"
_ESCAPED = r"\\(?:\n|(.))"
_ESCAPED_IN_STRING = r"\\(?:\n|([\"\\$`]))"
_ASSIGNMENT = "variable_assignment"
_DECLARATIONS = ("declaration_command", "unset_command")
_COMMANDS = (*_DECLARATIONS, "command", "test_command", _ASSIGNMENT, "variable_assignments")
_SUBSTITUTIONS = ("command_substitution", "process_substitution")
_EXPANDED = (*_SUBSTITUTIONS, "arithmetic_expansion", "expansion", "simple_expansion")
"""Nodes that stay in a word as written."""
_EXPRESSIONS = (
    "binary_expression",
    "command_name",
    "negated_command",
    "parenthesized_expression",
    "postfix_expression",
    "ternary_expression",
    "unary_expression",
)
"""Nodes that contain words but are none."""
_NO_WORDS = ("file_redirect", "herestring_redirect", "subshell", "ERROR")
_SUBSHELLS = ("subshell", *_SUBSTITUTIONS)
_OPERATORS = {
    "&&": "&&",
    "||": "||",
    "|": "|",
    "|&": "|&",
    "&": "&",
    ";": ";",
    ";;": ";",
    ";&": ";",
    ";;&": ";",
    "(": "",
    ")": "",
    "$(": "",
    "`": "",
    "<(": "",
    ">(": "",
}
"""The operator in front of a command, by its token."""
Subshells = tuple[int, ...]  # the numbers of those around a command, the outermost first


class Command(Value):
    """A simple command: its unquoted words, and the first is the program.

    `assignments` are the variables set in front of it, or alone without words. `after` is the
    operator that connects it with the command before: `&&`, `||`, `;`, `|`, `&`, or `""` for the
    first. `line` is the number of lines before it, `within` has the numbers of the subshells and
    substitutions around it, the outermost first. `end` is the index after its last character,
    redirections included; `document` its here-document, with the number of lines before that.
    """

    words: Texts
    assignments: tuple[tuple[str, str], ...] = ()
    after: str = ""
    line: int = 0
    within: Subshells = ()
    end: int = field(default=0, compare=False)
    document: tuple[int, str] | None = field(default=None, compare=False)

    @property
    def program(self) -> str:
        """Return the name of the program, without its directory."""
        if self.words:
            return self.words[0].rpartition("/")[2]
        return ""

    @property
    def arguments(self) -> Texts:
        """Return the words behind the program."""
        return self.words[1:]

    @property
    def operands(self) -> Texts:
        """Return the arguments that are no options; the value of an option counts as one."""
        return tuple(word for word in self.arguments if not word.startswith("-"))

    def has(self, *options: str) -> bool:
        """Return whether one of these options is given, with or without a `=value`."""
        return any(word.partition("=")[0] in options for word in self.arguments)

    def value(self, *options: str) -> str | None:
        """Return the value of the first of these options, behind `=` or in the next word."""
        words = iter(self.words)
        for word in words:
            name, equals, argument = word.partition("=")
            if name in options:
                return argument if equals else next(words, None)
        return None


def can_read() -> bool:
    """Return whether shell text can be read here: False without tree-sitter."""
    return _language() is not None


def read_commands(text: str) -> tuple[tuple[Command, ...], bool]:
    """Return the commands of `text` in the order in which they run, and whether all were read.

    A script of `sh -c` is one word.
    """
    text = text.replace("\\\r\n", "").replace("\r\n", "\n")
    tree = _tree(text)
    if tree is None:
        return (), False
    root = tree.root_node
    reader = _Reader(text)
    try:
        reader.visit(root, ())
    except RecursionError:  # an `&&` is inside the next one: about a thousand of them
        reader.is_whole = False
    return tuple(reader.commands), reader.is_whole and not root.has_error


def _tree(text: str) -> Tree | None:
    """Return the syntax tree of `text`, None if parsing would be too slow or is not possible."""
    language = _language()
    if language is None or len(text) > _LONGEST or text.count("|") > _MOST_PIPES:
        return None
    # With one byte for each character, byte offsets in the tree are indexes in the text.
    data = memoryview(re.sub(_UNUSUAL, "x", text).encode())
    left = _READS + len(data) // _CHARACTERS_READ

    def read(start: int, _: Point) -> memoryview:
        nonlocal left
        left -= 1
        if left >= 0:
            return data[start : start + _CHUNK]
        return data[:0]

    from tree_sitter import Parser

    # A parser serves one thread at a time, and a new one costs less than a lock.
    tree = Parser(language).parse(read)
    if left >= 0:
        return tree
    return None


@lru_cache(maxsize=1)
def _language() -> Language | None:
    # Few commands of ctxsize read scripts; the others must not wait for this import.
    try:
        import tree_sitter_bash
        from tree_sitter import Language
    except ImportError:
        return None
    return Language(tree_sitter_bash.language())


class _Reader(Mutable):
    """Visitor of a tree in the order of the text, up to its first error."""

    text: str
    commands: list[Command] = field(default_factory=list)
    after: str = ""
    subshells: int = 0
    is_whole: bool = True
    is_over: bool = False

    def visit(self, node: Node, within: Subshells, redirected: int = -1) -> None:
        """Add the commands in `node`; a redirection belongs to the command with that index."""
        kind = node.type
        if self.is_over:
            return
        if kind in ("file_redirect", "heredoc_redirect"):
            self._redirect(node, within, redirected)
        elif kind in _COMMANDS:
            self._command(node, within)
        elif kind in _OPERATORS:
            self.after = _OPERATORS[kind]
        elif kind == "redirected_statement":
            body = node.child_by_field_name("body")
            owner = -1
            if body:
                self.visit(body, within)
                if self.commands and self.commands[-1].end == body.end_byte:
                    owner = len(self.commands) - 1  # a redirection may add commands
            for redirect in node.children_by_field_name("redirect"):
                self.visit(redirect, within, owner)
        else:
            if kind in _SUBSHELLS:
                self.subshells += 1
                within = (*within, self.subshells)
            if len(within) > _DEEPEST:
                self.is_whole = False
                return
            # Not in a function of its own: this is as deep as a chain of `&&` is long.
            for child in node.children:
                self.visit(child, within)
            self.is_over |= kind == "ERROR"

    def _command(self, node: Node, within: Subshells) -> None:
        """Add a command; commands substituted in its words run first."""
        parts = node.children
        if node.type == _ASSIGNMENT:
            parts = [node]
        words = list[str]()
        assignments = []
        for part in parts:
            # To `export` and its like, an assignment is a word.
            if part.type == _ASSIGNMENT and node.type not in _DECLARATIONS:
                assignments.append(self._assignment(part))
            elif part.type not in _NO_WORDS:
                words += (_unquoted(self.text, word) for word in _words(part))
        command = Command(
            tuple(words),
            tuple(assignments),
            self.after,
            node.start_point.row,
            within,
            node.end_byte,
        )
        for part in parts:
            nodes = [part]
            if part.type == _ASSIGNMENT:
                nodes = part.children
            for child in nodes:
                if child.child_count:
                    self.visit(child, within)
        self.commands.append(command)
        self.after = ";"  # a line feed is no token, so this is the default

    def _assignment(self, node: Node) -> tuple[str, str]:
        first, *_, last = node.children
        text = ""
        if last.type not in ("=", "+="):
            text = _unquoted(self.text, last)
        return _text_of(self.text, first), text

    def _redirect(self, node: Node, within: Subshells, redirected: int) -> None:
        """Add words and documents to the command in front, and visit the other nodes."""
        children = node.children
        if redirected >= 0:
            command = self.commands[redirected]
            if node.type == "file_redirect":
                # The grammar parses the words behind it as further destinations.
                further = node.children_by_field_name("destination")[1:]
                words = (_unquoted(self.text, word) for word in further)
                command = replace(command, words=(*command.words, *words), end=node.end_byte)
            for child in children:
                if child.type == "heredoc_start":
                    command = replace(command, end=child.end_byte)
                elif child.type == "heredoc_body":
                    body = _text_of(self.text, child)
                    command = replace(command, document=(child.start_point.row, body))
            self.commands[redirected] = command
        for child in children:
            if child.child_count:
                self.visit(child, within, redirected)


def _words(node: Node) -> Iterator[Node]:
    """Yield the words in a part of a command."""
    if node.type not in _EXPRESSIONS:
        yield node
        return
    for child in node.children:
        yield from _words(child)


def _text_of(text: str, node: Node) -> str:
    return text[node.start_byte : node.end_byte]


def _unquoted(text: str, word: Node) -> str:
    """Return a word without its quotes; expansions stay as written."""
    kind = word.type
    written = _text_of(text, word)
    if kind in _EXPANDED:
        return written
    if kind == "raw_string":
        return written[1:-1]
    if kind == "ansi_c_string":
        return written[2:-1]
    if kind in ("concatenation", _ASSIGNMENT):
        return "".join(_unquoted(text, part) for part in word.children)
    if kind == "string":
        return "".join(_of_string(text, word))
    return re.sub(_ESCAPED, r"\1", written)


def _of_string(text: str, word: Node) -> Iterator[str]:
    start = word.start_byte + 1
    for part in word.children:
        if part.type in _EXPANDED:
            yield re.sub(_ESCAPED_IN_STRING, r"\1", text[start : part.start_byte])
            yield _text_of(text, part)
            start = part.end_byte
    yield re.sub(_ESCAPED_IN_STRING, r"\1", text[start : word.end_byte - 1])
