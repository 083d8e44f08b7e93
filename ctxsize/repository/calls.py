"""Builds of calls with literal arguments: of Groovy in Jenkins and Gradle, of a Tiltfile."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxsize.repository.commands import Ground, add_script
from ctxsize.repository.described import add_described
from ctxsize.repository.recognisers import expression
from ctxsize.repository.steps import Passage
from ctxsize.repository.yaml import YamlMapping, text_at, texts_in
from ctxsize.values import Value

_TOKEN = r"""(?sx)(?P<blank>\s+|//[^\n]*|\#[^\n]*|/\*(?:.*?\*/|.*))
    |(?P<text>(?P<quote>'''|\"\"\")(?:\\.|.)*?(?:(?P=quote)|\Z)|'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?)
    |(?P<word>[A-Za-z_][\w.]*)|(?P<mark>.)"""
_QUOTES = r"(?s)\A('''|\"\"\"|'|\")(.*?)\1?\Z"
_ESCAPE = r"(?s)\\(.)"
_ESCAPES = {"n": "\n", "t": "\t", "\n": ""}
_GROOVY = r"\$\{\w*[^\w{}][^{}]*\}"  # an expression that is no variable of a shell
_DEEPEST = 20
_UNKNOWN = "$UNKNOWN"  # stands for what is not written out


def add_calls(ground: Ground, text: str) -> None:
    """Add the builds of the calls of a file that its row names."""
    if not expression("programs").search(text):
        return
    kind = ground.kind
    if re.search(kind.unknown, text):
        ground.search.is_open = True
        return
    for call in _calls(ground.with_top(text), kind.scripts):
        arguments = call.arguments
        here = ground.on_line(arguments.line)
        add_described(here, Passage(arguments))
        script = ""
        if call.name == "dockerfile":  # of an agent
            ground.search.is_open = True
        elif call.name == "sh":
            script = text_at(arguments, ("script", "0"))
        elif call.name == "commandLine":
            script = shlex.join(texts_in([*arguments.values()]))
        elif call.name == "docker.build":
            # `Docker.build` of docker-workflow-plugin: `String image, String args = '.'`.
            operands = text_at(arguments, "1") or "."
            script = f"docker build -t x {operands}"
        script = re.sub(_GROOVY, _UNKNOWN, script)
        add_script(here, script, call.directory)


class _Call(Value):
    name: str
    directory: str  # that of the `dir` blocks around it
    arguments: YamlMapping  # by name or position


class _Token(NamedTuple):
    kind: str | None  # `text`, `word` or `mark`; None at the end
    text: str  # a text without its quotes
    line: int
    last_line: int

    @property
    def mark(self) -> str:
        """Return the character of a mark, `""` for anything else."""
        if self.kind == "mark":
            return self.text
        return ""


def _tokens(source: str) -> Iterator[_Token]:
    line = 1
    for match in re.finditer(_TOKEN, source):
        first = line
        text = match[0]
        line += text.count("\n")
        kind = match.lastgroup
        if kind == "blank":
            continue
        if kind == "text":
            text = re.sub(_QUOTES, r"\2", text)
            text = re.sub(_ESCAPE, lambda escape: _ESCAPES.get(escape[1], escape[1]), text)
        yield _Token(kind, text, first, line)
    yield _Token(None, "", line, line)


def _calls(text: str, names: Sequence[str]) -> Iterator[_Call]:
    """Yield the calls of these functions. Calls in arguments are left out."""
    tokens = [*_tokens(text)]
    directories = [""]
    entered = ""
    index = 0
    while index < len(tokens) - 1:
        token = tokens[index]
        index += 1
        if token.mark == "{":
            if len(directories) < _DEEPEST:
                directories.append(posixpath.join(directories[-1], entered))
            else:
                directories.append(_UNKNOWN)
            entered = ""
        elif token.mark == "}" and len(directories) > 1:
            directories.pop()
        elif token.kind == "word" and (token.text == "dir" or token.text in names):
            arguments = YamlMapping(token.line)
            index = _read_arguments(arguments, tokens, index)
            if token.text in names:
                yield _Call(token.text, directories[-1], arguments)
            elif tokens[index].text == "{":
                entered = text_at(arguments, ("path", "0")) or _UNKNOWN


def _read_arguments(arguments: YamlMapping, tokens: list[_Token], index: int) -> int:
    """Read arguments in parentheses, or up to the end of the line; return the index after them."""
    before = tokens[index - 1]
    is_closed = tokens[index].mark == "("
    if is_closed:
        before = tokens[index]
        index += 1
    depth = 0
    name = ""
    text = ""
    while index < len(tokens) - 1:
        token = tokens[index]
        mark = token.mark
        is_broken = token.line > before.last_line and before.text not in (",", ":", "+")
        is_end = mark in (")", "}", ";") or (is_broken and not is_closed)
        if depth == 0 and is_end:
            break
        index += 1
        if mark in ("(", "[", "{"):
            depth += 1
        elif mark in (")", "]", "}"):
            depth -= 1
        if depth == 0 and mark == ",":
            arguments[name or str(len(arguments))] = text
            name = text = ""
        elif depth == 0 and mark in (":", "=") and before.kind == "word":
            name = before.text
            text = ""
        elif depth == 0 and token.kind == "text":
            text += token.text
        elif mark != "+" and not text.endswith(_UNKNOWN):
            text += _UNKNOWN
        before = token
    if name or text:
        arguments[name or str(len(arguments))] = text
    if is_closed:
        index += 1
    return min(index, len(tokens) - 1)
