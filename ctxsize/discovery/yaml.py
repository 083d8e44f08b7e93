"""YAML as Compose reads it, with the lines of its keys and within limits.

A scalar is the text that Go prints of its value: `1.50` is the number 1.5, `010` is eight, and
`on` and `yes` are no booleans. Only PyYAML's nodes are used, as it is of another opinion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from ctxsize.findings import Location

if TYPE_CHECKING:
    import yaml

Yaml: TypeAlias = "str | list[Yaml] | YamlMapping | None"

_DEEPEST = 100
_NULL = ("", "~", "null", "Null", "NULL")
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)")
_OLD_OCTAL = re.compile(r"(?<![0-9a-fA-Fx])0(?=[0-7])")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEAN = re.compile("true|True|TRUE|false|False|FALSE")
_LEAST, _LARGEST = -(1 << 63), 1 << 64


class YamlError(Exception):
    """The text is no YAML; `line` says where, 1-based."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class YamlMapping(dict[str, "Yaml"]):
    """A mapping, where it begins, and the lines of its keys."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.dropped: set[str] = set()
        """The keys with `!reset` or `!override`: Compose drops their values of earlier files."""
        self.origin: Location | None = None
        """The place that asks for it, of a build."""

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping."""
        return self.lines.get(key, self.line)

    def with_pairs(self, pairs: Mapping[str, Yaml]) -> YamlMapping:
        """Return a mapping of `pairs` in the place of this one."""
        made = YamlMapping(self.line)
        made.lines, made.dropped = self.lines, self.dropped
        made.update(pairs)
        return made


def load(text: str) -> Yaml:
    """Return the first document of `text`: `YamlMapping`, list, `str` or None.

    Anchors, aliases and merge keys are resolved; a value that several aliases
    name is one object. Raises `YamlError`.
    """
    import yaml

    loader = None
    try:
        loader = _limited_loader()(text)
        node = loader.get_node() if loader.check_node() else None
        return None if node is None else _Reading(loader).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise YamlError(error.problem or "no YAML", line) from None
    except yaml.YAMLError as error:  # for instance a NUL, which no YAML holds
        raise YamlError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise YamlError("nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


@cache
def _limited_loader() -> type[yaml.SafeLoader]:
    """Return a loader that stops early where PyYAML takes quadratic time or longer."""
    import yaml

    class LimitedLoader(yaml.SafeLoader):
        def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803
            if self.flow_level >= _DEEPEST:
                raise YamlError("nested too deeply")
            super().fetch_flow_collection_start(TokenClass)

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            # Each key once: else those that merge this mapping into theirs would double it.
            super().flatten_mapping(node)
            node.value = [*{_key(each[0]): each for each in node.value}.values()]

    return LimitedLoader


class _Reading:
    """Turns nodes into values, each node once."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._done: dict[int, Yaml] = {}

    def value(self, node: yaml.Node) -> Yaml:
        if id(node) not in self._done:
            # A value that holds itself is met again before it is complete.
            self._done[id(node)] = None
            self._done[id(node)] = self._made(node)
        return self._done[id(node)]

    def _made(self, node: yaml.Node) -> Yaml:
        import yaml

        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each) for each in node.value]
        text = str(node.value)
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None and node.tag != "!!str"
        if not is_plain:
            return text
        return None if text in _NULL else as_go_prints(text)

    def _mapping(self, node: yaml.MappingNode) -> YamlMapping:
        self._loader.flatten_mapping(node)
        found = YamlMapping(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = _key(key_node)
            found[key] = None if value_node.tag == "!reset" else self.value(value_node)
            found.lines[key] = key_node.start_mark.line + 1
            if value_node.tag in ("!reset", "!override"):
                found.dropped.add(key)
        return found


def _key(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node.value, str) else repr(node.value)


def as_go_prints(text: str) -> str:
    """Return what Go prints of the value that an unquoted scalar is.

    >>> [*map(as_go_prints, ("1.50", "010", "yes", "1000000.0", "0x1F"))]
    ['1.5', '8', 'yes', '1e+06', '31']
    """
    if _BOOLEAN.fullmatch(text):
        return text.lower()
    try:
        if _INTEGER.fullmatch(text):
            number = int(_OLD_OCTAL.sub("0o", text.replace("_", ""), count=1), 0)
            return str(number) if _LEAST <= number < _LARGEST else _float(str(float(number)))
        if _FLOAT.fullmatch(text):
            return _float(str(float(text)))
    except (ValueError, OverflowError):  # no number for Go either: `0b_`, or beyond its floats
        return text
    return f"{text} 00:00:00 +0000 UTC" if _DATE.fullmatch(text) else text


def _float(shortest: str) -> str:
    """Return a number as Go prints it: an exponent for the large and the tiny.

    Raises `OverflowError` for what is beyond its floats.
    """
    number = Decimal(shortest)
    exponent = int(number.logb()) if number else 0
    if -4 <= exponent < 6:
        return f"{number.normalize():f}"
    digits, _, power = f"{number.normalize():e}".partition("e")
    return f"{digits}e{int(power):+03d}"
