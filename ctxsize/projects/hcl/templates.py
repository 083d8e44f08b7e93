"""Templates of HCL: text with `${…}`, `%{if}` and `%{for}`, in quotes or without.

A template that is one `${…}` and nothing else has the type of what is in it.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from ctxsize.projects.hcl.scopes import Expression
from ctxsize.projects.hcl.values import UnknownError, as_bool, as_text

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_ENDS = ("else", "endif", "endfor")


class ExpressionParser(Protocol):
    """What parses the expressions in a template."""

    text: str
    at: int

    def peek(self) -> str: ...
    def take(self, expected: str = "") -> str: ...
    def taken(self, wanted: str) -> bool: ...
    def expression(self) -> Expression: ...
    def loop(self) -> tuple[list[str], Expression]: ...


def parse(parser: ExpressionParser, *, quoted: bool) -> Expression:
    """The template at the place where `parser` is, up to the closing quote or the end."""
    reader = _TemplateReader(parser, quoted=quoted)
    parts, end = reader.parts()
    if end:
        raise UnknownError(f"a template with {end} and no beginning")
    lone = next((each for each in reader.plain if parts == [each]), None)
    return _joined(parts) if lone is None else lone


class _TemplateReader:
    def __init__(self, parser: ExpressionParser, *, quoted: bool) -> None:
        self._parser = parser
        self._quoted = quoted
        self._strip = False
        self.plain: list[Expression] = []
        """What stands in `${…}`."""

    def parts(self) -> tuple[list[Any], str]:
        """Texts and expressions, up to the end or to a directive that ends another one."""
        found: list[Any] = []
        parser = self._parser
        while parser.at < len(parser.text):
            text, at = parser.text, parser.at
            if self._quoted and text[at] == '"':
                parser.at += 1
                return found, ""
            if text.startswith(("$${", "%%{"), at):
                self._add(found, text[at + 1 : at + 3], 3)
            elif text.startswith("${", at):
                found.append(self._interpolation(found))
            elif text.startswith("%{", at):
                word = self._directive(found)
                if word in _ENDS:
                    return found, word
                found.append(self._if() if word == "if" else self._for())
            elif self._quoted and text[at] == "\\":
                self._add(found, *self._escaped(at))
            else:
                self._add(found, text[at], 1)
        if self._quoted:
            raise UnknownError("a quote that is not closed")
        return found, ""

    def _add(self, found: list[Any], text: str, length: int) -> None:
        self._parser.at += length
        if self._strip:
            text = text.lstrip()
            self._strip = not text
        if found and isinstance(found[-1], str):
            found[-1] += text
        elif text:
            found.append(text)

    def _escaped(self, at: int) -> tuple[str, int]:
        match = _ESCAPE.match(self._parser.text, at)
        if match is None or (match[3] and match[3] not in _ESCAPES):
            raise UnknownError("an escape that HCL does not have")
        code = match[1] or match[2]
        return (chr(int(code, 16)) if code else _ESCAPES[match[3]]), len(match[0])

    def _begin(self, found: list[Any]) -> None:
        """Behind `${` or `%{`; with `~` the white space in front is dropped."""
        self._parser.at += 2
        self._strip = False
        if self._parser.text.startswith("~", self._parser.at):
            self._parser.at += 1
            if found and isinstance(found[-1], str):
                found[-1] = found[-1].rstrip()

    def _finish(self) -> None:
        self._strip = self._parser.taken("~")
        self._parser.take("}")

    def _interpolation(self, found: list[Any]) -> Expression:
        self._begin(found)
        value = self._parser.expression()
        self._finish()
        self.plain.append(value)
        return value

    def _directive(self, found: list[Any]) -> str:
        """The word of a directive; those that end another one are read whole."""
        self._begin(found)
        word = self._parser.peek()
        if word in _ENDS:
            self._parser.take()
            self._finish()
        elif word not in ("if", "for"):
            raise UnknownError("a template directive")
        return word

    def _if(self) -> Expression:
        self._parser.take("if")
        condition = self._parser.expression()
        self._finish()
        yes, end = self.parts()
        no: list[Any] = []
        if end == "else":
            no, end = self.parts()
        if end != "endif":
            raise UnknownError("an if in a template that does not end")
        return lambda scope: _joined(yes if as_bool(condition(scope)) else no)(scope)

    def _for(self) -> Expression:
        names, through = self._parser.loop()
        self._finish()
        parts, end = self.parts()
        if end != "endfor":
            raise UnknownError("a for in a template that does not end")
        body = _joined(parts)
        return lambda scope: "".join(body(each) for each in scope.rounds(names, through(scope)))


def _joined(parts: list[Any]) -> Expression:
    return lambda scope: "".join(
        scope.effort.spend(each if isinstance(each, str) else as_text(each(scope)))
        for each in parts
    )
