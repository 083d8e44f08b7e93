"""Expressions of HCL, as far as Bake files need them: a small evaluator without side effects.

Strings with `${…}`, numbers, lists, objects, names, attributes, indexes,
operators, `a ? b : c` and some functions. What else there is raises
`UnknownError`, and whoever asked says that the value is not known.

>>> evaluate('[for_ ? "x" : "y-${n}"]', {"for_": False, "n": 3})
['y-3']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any


class UnknownError(Exception):
    """The value cannot be told; the message says what it hangs on."""


_TOKEN = re.compile(
    r"""\s*(?: (?P<number>\d+(?:\.\d+)?) | (?P<name>[A-Za-z_][\w\-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|=>|\.\.\.|[-+*/%<>!?:.,=()\[\]{}]) | (?P<quote>") )""",
    re.VERBOSE,
)
_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "||": (1, lambda left, right: left or right),
    "&&": (2, lambda left, right: left and right),
    "==": (3, lambda left, right: left == right),
    "!=": (3, lambda left, right: left != right),
    "<": (4, lambda left, right: left < right),
    ">": (4, lambda left, right: left > right),
    "<=": (4, lambda left, right: left <= right),
    ">=": (4, lambda left, right: left >= right),
    "+": (5, lambda left, right: left + right),
    "-": (5, lambda left, right: left - right),
    "*": (6, lambda left, right: left * right),
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression. Raises `UnknownError`."""
    return _checked(lambda: _Parser(text, names).whole())


def fill(template: str, names: Mapping[str, Any]) -> str:
    """A template (what stands between quotes) with its `${…}` replaced. Raises `UnknownError`."""
    return str(_checked(lambda: _Parser(template + '"', names).string()))


def as_text(value: Any) -> str:
    """A value as Bake writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if value is None or isinstance(value, list | dict):
        raise UnknownError("a value that is no text")
    return str(value)


def _checked(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except UnknownError:
        raise
    except (TypeError, ValueError, IndexError, KeyError, RecursionError) as error:
        raise UnknownError(f"not understood: {error}") from None


class _Parser:
    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.text = text
        self.names = names
        self.at = 0

    def whole(self) -> Any:
        value = self.expression()
        if self.text[self.at :].strip():
            raise UnknownError(f"not understood: {self.text[self.at :].strip()[:40]}")
        return value

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return "" if match is None else match[0].strip()

    def take(self, expected: str = "") -> str:
        match = _TOKEN.match(self.text, self.at)
        if match is None or (expected and match[0].strip() != expected):
            raise UnknownError(f"not understood: {self.text[self.at :].strip()[:40]}")
        self.at = match.end()
        return match[0].strip()

    def taken(self, wanted: str) -> bool:
        found = self.peek() == wanted
        if found:
            self.take()
        return found

    def expression(self) -> Any:
        value = self.binary(0)
        if not self.taken("?"):
            return value
        yes = self.expression()
        self.take(":")
        no = self.expression()
        return yes if value in (True, "true") else no

    def binary(self, least: int) -> Any:
        left = self.unary()
        while (found := _BINARY.get(self.peek())) and found[0] > least:
            self.take()
            left = found[1](left, self.binary(found[0]))
        return left

    def unary(self) -> Any:
        if self.taken("!"):
            return not self.unary()
        if self.taken("-"):
            return -self.unary()
        return self.postfix(self.primary())

    def postfix(self, value: Any) -> Any:
        while (operator := self.peek()) in (".", "["):
            self.take()
            key = self.take() if operator == "." else self.expression()
            if operator == "[":
                self.take("]")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def primary(self) -> Any:
        token = self.take()
        if token == '"':
            return self.string()
        if token == "(":
            value = self.expression()
            self.take(")")
            return value
        if token == "[":
            return self.items("]")
        if token == "{":
            return self.object()
        if token[0].isdigit():
            return float(token) if "." in token else int(token)
        if self.peek() == "(" and token[0].isalpha():
            self.take()
            return self.call(token, self.items(")"))
        return self.name(token)

    def name(self, token: str) -> Any:
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token not in self.names:
            raise UnknownError(f"{token} has no value")
        return self.names[token]

    def items(self, closing: str) -> list[Any]:
        found = []
        while not self.taken(closing):
            if self.peek() == "for":
                raise UnknownError("a for expression")
            found.append(self.expression())
            if not self.taken(","):
                self.take(closing)
                break
        return found

    def object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.taken("}"):
            token = self.take()
            key = str(self.string()) if token == '"' else token
            if not self.taken("="):
                self.take(":")
            found[key] = self.expression()
            self.taken(",")
        return found

    def call(self, name: str, arguments: list[Any]) -> Any:
        if name not in _FUNCTIONS:
            raise UnknownError(f"the function {name}")
        return _FUNCTIONS[name](*arguments)

    def string(self) -> Any:
        """The string behind an opening quote; a lone `${…}` keeps its type."""
        pieces: list[Any] = []
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text.startswith(("$${", "%%{"), self.at):
                pieces.append(self.text[self.at + 1 : self.at + 3])
                self.at += 3
            elif self.text.startswith("${", self.at):
                self.at += 2
                pieces.append(as_text(self.expression()))
                self.take("}")
            elif self.text.startswith("%{", self.at):
                raise UnknownError("a template directive")
            elif self.text[self.at] == "\\":
                escaped = self.text[self.at + 1 : self.at + 2]
                pieces.append(_ESCAPES.get(escaped, escaped))
                self.at += 2
            else:
                pieces.append(self.text[self.at])
                self.at += 1
        self.at += 1
        return "".join(pieces)


def _flat(*lists: list[Any]) -> list[Any]:
    return [each for values in lists for each in values]


def _first(*values: Any) -> Any:
    return next(each for each in values if each not in (None, ""))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "equal": lambda left, right: left == right,
    "notequal": lambda left, right: left != right,
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
    "not": lambda value: not value,
    "upper": lambda text: text.upper(),
    "lower": lambda text: text.lower(),
    "trimspace": lambda text: text.strip(),
    "trimprefix": lambda text, prefix: text.removeprefix(prefix),
    "trimsuffix": lambda text, suffix: text.removesuffix(suffix),
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda by, text: text.split(by),
    "join": lambda by, values: by.join(map(as_text, values)),
    "concat": _flat,
    "coalesce": _first,
    "length": len,
    "strlen": len,
    "add": lambda left, right: left + right,
    "merge": lambda *maps: {key: value for each in maps for key, value in each.items()},
    "lookup": lambda values, key, *default: values.get(key, *default),
    "basename": lambda path: path.rstrip("/").rpartition("/")[2],
    "dirname": lambda path: path.rpartition("/")[0] or ".",
    "contains": lambda values, value: value in values,
}
"""Those that decide about contexts and Dockerfiles in real Bake files."""
