"""YAML with the lines of its keys, scalars left as they are written.

What a scalar means is for its reader to say: Compose and GitHub do not agree
with YAML 1.1 about `on`, `yes` and `010`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

_DEEPEST = 100
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS = {
    spelling: value
    for value in ("true", "false")
    for spelling in (value, value.capitalize(), value.upper())
}
_LARGEST = 1 << 64
_FIRST_EXPONENT, _LAST_EXPONENT = -4, 6


class YamlError(Exception):
    """The text is no YAML; `line` says where, 1-based."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Mapping(dict[str, Any]):
    """A mapping, where it begins, and the lines of its keys."""

    line: int = 0
    lines: dict[str, int]

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping."""
        return self.lines.get(key, self.line)


class Text(str):
    """A scalar as it is written; `plain` if no quotes say that it is a string."""

    plain: bool = False
    written: str = ""
    """What stands in the file, where variables were replaced in it."""


def written(value: object) -> str:
    """Return a value as it stands in the file, for a message."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {written(each)}' for name, each in value.items())}}}"
    if isinstance(value, TaggedScalar):
        return f"{value.tag} {written(value.value)}"
    return (isinstance(value, Text) and value.written) or str(value)


class TaggedScalar:
    """A value behind `!reset` or `!override`, which Compose obeys when files are merged."""

    def __init__(self, tag: str, value: Any) -> None:
        self.tag = tag
        self.value = value


def load(text: str) -> Any:
    """Return the first document of `text`: `Mapping`, list, `Text`, None or `TaggedScalar`.

    Anchors, aliases and merge keys are resolved; a value that several aliases
    name is one object. Raises `YamlError`.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        _limit(loader)
    except yaml.YAMLError as error:  # for instance a NUL, which no YAML holds
        raise YamlError(str(error).splitlines()[0], None) from None
    try:
        node = loader.get_node() if loader.check_node() else None
        return None if node is None else _Reading(loader).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = error.problem or "no YAML"
        raise YamlError(message, None if mark is None else mark.line + 1) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0], None) from None
    except RecursionError:
        raise YamlError("nested too deeply", None) from None
    finally:
        loader.dispose()


def _limit(loader: Any) -> None:
    """Make `loader` raise early: it takes quadratic time for brackets in each other."""
    fetch = loader.fetch_flow_collection_start

    def checked(token: Any) -> None:
        if loader.flow_level >= _DEEPEST:
            raise YamlError("nested too deeply", None)
        fetch(token)

    loader.fetch_flow_collection_start = checked


class _Reading:
    """Turns nodes into values, each node once."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._flatten = loader.flatten_mapping
        loader.flatten_mapping = self._flattened
        self._done: dict[int, Any] = {}
        self._heights: dict[int, int] = {}

    def value(self, node: Any) -> Any:
        if id(node) not in self._done:
            # A value that holds itself is met again before it is complete.
            self._done[id(node)] = None
            self._done[id(node)] = self._made(node)
            self._check_height(node)
        return self._done[id(node)]

    def _check_height(self, node: Any) -> None:
        """Raise `YamlError` for what is nested deeply, aliases of aliases included."""
        inner = node.value if isinstance(node.value, list) else []
        below = (each[1] if isinstance(each, tuple) else each for each in inner)
        height = 1 + max((self._heights.get(id(each), 0) for each in below), default=0)
        self._heights[id(node)] = height
        if height > _DEEPEST:
            raise YamlError("nested too deeply", node.start_mark.line + 1)

    def _made(self, node: Any) -> Any:
        if node.tag in ("!reset", "!override"):
            return TaggedScalar(node.tag, self._plain(node))
        return self._plain(node)

    def _plain(self, node: Any) -> Any:
        import yaml

        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each) for each in node.value]
        if node.style is None and node.value in ("", "~", "null", "Null", "NULL"):
            return None
        text = Text(node.value)
        text.plain = node.style is None and node.tag != "!!str"
        return text

    def _mapping(self, node: Any) -> Mapping:
        self._flattened(node)
        found = Mapping()
        found.line, found.lines = node.start_mark.line + 1, {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            found[key] = self.value(value_node)
            found.lines[key] = key_node.start_mark.line + 1
        return found

    def _flattened(self, node: Any) -> None:
        """Work merge keys in, each key once: else those that name this mapping would double it."""
        self._flatten(node)
        node.value = [*{_key(each[0]): each for each in node.value}.values()]


def _key(node: Any) -> str:
    return str(node.value) if isinstance(node.value, str) else repr(node.value)


def as_mapping(value: Any) -> dict[str, Any]:
    """Return `NAME=value` in a list, or a mapping, as a mapping; None stands for no value.

    Lists and mappings in it are left out: Compose knows none there.
    """
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if not isinstance(each, dict | list)}
    if not isinstance(value, list):
        return {}
    found: dict[str, Any] = {}
    for each in value:
        if isinstance(each, dict | list):
            continue
        name, given, text = str(each).partition("=")
        found[name] = text if given else None
    return found


def as_text(value: object) -> str:
    """Return a scalar as Compose makes text of it: an unquoted one is a Go value, printed.

    `1.50` is the number 1.5 and so the text `1.5`; `010` is octal; `yes` stays `yes`.

    >>> def plain(text):
    ...     scalar = Text(text)
    ...     scalar.plain = True
    ...     return as_text(scalar)
    >>> plain("1.50"), plain("010"), plain("yes"), plain("1000000.0"), as_text("1.50")
    ('1.5', '8', 'yes', '1e+06', '1.50')
    """
    text = str(value)
    if not (isinstance(value, Text) and value.plain):
        return text
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    try:
        if _INTEGER.fullmatch(text):
            return _integer(text)
        if _FLOAT.fullmatch(text):
            return _float(float(text))
    except (ValueError, OverflowError):  # no number for Go either: `0b_`, or beyond its floats
        return text
    return f"{text} 00:00:00 +0000 UTC" if _DATE.fullmatch(text) else text


def _integer(text: str) -> str:
    digits = text.replace("_", "").lstrip("+")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(f"0o{digits[1:]}" if octal else digits, 0)
    return f"{sign}{number}" if number < _LARGEST else _float(float(number))


def _float(number: float) -> str:
    """Return a number as Go prints it: the shortest digits, an exponent for the large and the tiny.

    Raises `OverflowError` for what is beyond its floats.
    """
    if math.isinf(number):
        raise OverflowError
    if number == 0:
        return "0"
    written = repr(abs(number))
    digits = written.partition("e")[0].replace(".", "").strip("0")
    power = Decimal(written).adjusted()
    sign = "-" if number < 0 else ""
    if _FIRST_EXPONENT <= power < _LAST_EXPONENT:
        return sign + written.removesuffix(".0")
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
