"""Builds of calls with literal arguments in a Jenkinsfile (Groovy) or a Tiltfile (Starlark)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxsize.findings import Location
from ctxsize.repository.commands import add_script, ground_of
from ctxsize.repository.described import Passage, add_described, text_at
from ctxsize.repository.recognisers import FileKind
from ctxsize.repository.search import Place, Search
from ctxsize.repository.yaml import YamlMapping

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|\#[^\n]*|/\*(?:.*?\*/|.*))
    |(?P<text>(?P<quote>'''|\"\"\")(?:\\.|.)*?(?:(?P=quote)|\Z)|'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?)
    |(?P<word>[A-Za-z_][\w.]*)|(?P<mark>.)""",
    re.DOTALL | re.VERBOSE,
)
_QUOTES = re.compile(r"\A('''|\"\"\"|'|\")(.*?)\1?\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\n": ""}
_GROOVY = re.compile(r"\$\{\w*[^\w{}][^{}]*\}")  # an expression that is no variable of a shell
_DEEPEST = 20
_UNKNOWN = "$UNKNOWN"  # stands for what is not written out


def add_calls(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the builds of the calls of a file that its row names."""
    ground = ground_of(search, path, source)
    for name, inside, call in _calls(ground.with_top(text), source.scripts):
        place = Place(source.how, "", Location(search.shown(path), call.line))
        for form in source.build:
            add_described(ground, place, form, Passage(call))
        search.is_open |= name == "dockerfile"  # of an agent
        if name == "sh":
            script = text_at(call, ("script", "0"))
        else:
            script = ""
        if name == "docker.build":
            # `Docker.build` of docker-workflow-plugin: `String image, String args = '.'`.
            script = f"docker build -t x {text_at(call, '1') or '.'}"
        add_script(ground, _GROOVY.sub(_UNKNOWN, script), place, inside)


class _Token(NamedTuple):
    kind: str  # `text`, `word` or `mark`
    value: str  # a text without its quotes
    line: int
    last_line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        first = line
        line = line + match[0].count("\n")
        if match["text"]:
            inner = _QUOTES.sub(r"\2", match[0])
            value = _ESCAPE.sub(lambda it: _ESCAPES.get(it[1], it[1]), inner)
            yield _Token("text", value, first, line)
        elif not match["blank"]:
            yield _Token("word" if match["word"] else "mark", match[0], first, line)
    yield _Token("end", "", line, line)


def _calls(text: str, names: Sequence[str]) -> Iterator[tuple[str, str, YamlMapping]]:
    """Yield the calls of these functions: name, directory, and arguments by name or position.

    The directory is that of the `dir` blocks around a call. Calls in arguments are left out.
    """
    tokens = [*_tokens(text)]
    directories = [""]
    entered = ""
    at = 0
    while at < len(tokens) - 1:
        kind, name, line, _ = tokens[at]
        at += 1
        if kind == "mark" and name == "{":
            is_known = len(directories) < _DEEPEST
            directories.append(posixpath.join(directories[-1], entered) if is_known else _UNKNOWN)
            entered = ""
        elif kind == "mark" and name == "}" and len(directories) > 1:
            directories.pop()
        elif kind == "word" and name in (*names, "dir"):
            call = YamlMapping(line)
            at = _read_arguments(call, tokens, at)
            if name in names:
                yield name, directories[-1], call
            elif tokens[at].value == "{":
                entered = text_at(call, ("path", "0")) or _UNKNOWN


def _read_arguments(call: YamlMapping, tokens: list[_Token], at: int) -> int:
    """Read arguments in parentheses, or up to the end of the line; return the index after them."""
    is_closed = tokens[at][:2] == ("mark", "(")
    at += is_closed
    depth = 0
    name = ""
    value = ""
    before = tokens[at - 1]
    while at < len(tokens) - 1:
        token = tokens[at]
        if token.kind == "mark":
            mark = token.value
        else:
            mark = ""
        is_broken = token.line > before.last_line and before.value not in (",", ":", "+")
        if depth == 0 and (mark in (")", "}", ";") or (is_broken and not is_closed)):
            break
        at += 1
        depth += (mark in ("(", "[", "{")) - (mark in (")", "]", "}"))
        if depth == 0 and mark == ",":
            call[name or str(len(call))] = value
            name = value = ""
        elif depth == 0 and mark in (":", "=") and before.kind == "word":
            name = before.value
            value = ""
        elif depth == 0 and token.kind == "text":
            value += token.value
        elif mark != "+" and not value.endswith(_UNKNOWN):
            value += _UNKNOWN
        before = token
    if name or value:
        call[name or str(len(call))] = value
    return min(at + is_closed, len(tokens) - 1)
