"""YAML as Compose reads it, with the lines of its keys, and the variables in its texts.

A scalar becomes the text that Go prints of its value: `1.50` is the number 1.5, `010` is eight,
and `on` and `yes` are texts. PyYAML resolves scalars differently, so only its nodes are used.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
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
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_USED = re.compile(r"\$\{?([_a-zA-Z][_a-zA-Z0-9]*)")
_BRACE = re.compile(r"(\$\{)|\}")
_OPERATOR = re.compile(r":?[-?+]")
_MOST = 2**20
"""Number of characters of all variables in a text: each may double another."""
_MOST_OF_PROJECT = 2**27
"""Number of characters of all texts with variables in a project."""
_DEEPEST_VARIABLE = 100
_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-\[\]]*)[ \t]*(?:=|:(?=[ \t]))[ \t]*
    (?: '(?P<single>(?:[^'\\]|\\.)*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\r\n]*) )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class YamlError(Exception):
    """The text is not YAML; `line` is the 1-based line of the error."""

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
        """The location of the key `build`, for the mapping of a build."""

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping."""
        return self.lines.get(key, self.line)

    def with_pairs(self, pairs: Mapping[str, Yaml]) -> YamlMapping:
        """Return a mapping of `pairs` in the place of this one."""
        made = YamlMapping(self.line)
        made.lines, made.dropped = self.lines, self.dropped
        made.update(pairs)
        return made


def mapping_of(value: Yaml) -> YamlMapping:
    """Return `value` if it is a mapping, else an empty mapping."""
    return value if isinstance(value, YamlMapping) else YamlMapping()


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
        return None if node is None else _value_of(node, loader, {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise YamlError(error.problem or "no YAML", line) from None
    except yaml.YAMLError as error:  # for instance a NUL, which YAML forbids
        raise YamlError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise YamlError("nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


@cache
def _limited_loader() -> type[yaml.SafeLoader]:
    """Return a loader that stops early if PyYAML needs quadratic time or more."""
    import yaml

    class LimitedLoader(yaml.SafeLoader):
        def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803
            if self.flow_level >= _DEEPEST:
                raise YamlError("nested too deeply")
            super().fetch_flow_collection_start(TokenClass)

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            # Keep each key once: otherwise, each merge of this mapping would double its keys.
            super().flatten_mapping(node)
            node.value = [*{_key(each[0]): each for each in node.value}.values()]

    return LimitedLoader


def _value_of(node: yaml.Node, loader: yaml.SafeLoader, done: dict[int, Yaml]) -> Yaml:
    """Return the value of a node; `done` has the values that aliases may share."""
    import yaml

    if id(node) not in done:
        # A value that contains itself is read again before it is complete.
        done[id(node)] = None
        if isinstance(node, yaml.MappingNode):
            done[id(node)] = _mapping(node, loader, done)
        elif isinstance(node, yaml.SequenceNode):
            done[id(node)] = [_value_of(each, loader, done) for each in node.value]
        elif isinstance(node, yaml.ScalarNode) and node.style is None and node.tag != "!!str":
            done[id(node)] = None if node.value in _NULL else as_go_prints(node.value)
        else:
            done[id(node)] = str(node.value)
    return done[id(node)]


def _mapping(node: yaml.MappingNode, loader: yaml.SafeLoader, done: dict[int, Yaml]) -> YamlMapping:
    loader.flatten_mapping(node)
    found = YamlMapping(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = _key(key_node)
        is_reset = value_node.tag == "!reset"
        found[key] = None if is_reset else _value_of(value_node, loader, done)
        found.lines[key] = key_node.start_mark.line + 1
        if is_reset or value_node.tag == "!override":
            found.dropped.add(key)
    return found


def _key(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node.value, str) else repr(node.value)


def as_go_prints(text: str) -> str:
    """Return the text that Go prints of the value of an unquoted scalar.

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
    """Return a number as Go prints it: large and tiny ones have an exponent.

    Raises `OverflowError` if it is too large for a float.
    """
    number = Decimal(shortest)
    exponent = int(number.logb()) if number else 0
    if -4 <= exponent < 6:
        return f"{number.normalize():f}"
    digits, _, power = f"{number.normalize():e}".partition("e")
    return f"{digits}e{int(power):+03d}"


class InterpolationError(Exception):
    """The text cannot be interpolated; the message is a clause."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced; one that is not set is empty.

    Raises `InterpolationError` for what Compose refuses.

    >>> interpolate("${A:-x${B}}-$$C-$B", {"B": "b"})
    'xb-$C-b'
    """
    pieces: list[str] = []
    at, room = 0, _MOST
    while (dollar := text.find("$", at)) >= 0:
        pieces.append(text[at:dollar])
        piece, at = _variable(text, dollar + 1, variables)
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            raise InterpolationError(f"its variables have more than {_MOST:,} characters")
    return "".join((*pieces, text[at:]))


def _variable(text: str, at: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Return the value of the variable behind a `$`, and the index at which it ends."""
    if text.startswith("$", at):
        return "$", at + 1
    if name := _NAME.match(text, at):
        return variables.get(name[0], ""), name.end()
    if not text.startswith("{", at):
        raise InterpolationError(f"a lone $ in {text!r}; write $$ for a dollar sign")
    end, name = _closing(text, at), _NAME.match(text, at + 1)
    operator = name and _OPERATOR.match(text, name.end())
    if end < 0 or name is None or not (operator or name.end() == end):
        raise InterpolationError(f"invalid interpolation in {text!r}")
    if operator is None:
        return variables.get(name[0], ""), end + 1
    word = text[operator.end() : end]
    return _substituted(name[0], operator[0], word, variables), end + 1


def _closing(text: str, at: int) -> int:
    """Return the index of the `}` that closes the `{` at an index, -1 without one."""
    depth = 1
    for brace in _BRACE.finditer(text, at + 1):
        depth += 1 if brace[1] else -1
        if depth > _DEEPEST_VARIABLE:
            raise InterpolationError(f"more than {_DEEPEST_VARIABLE} nested variables")
        if depth == 0:
            return brace.start()
    return -1


def _substituted(name: str, operator: str, word: str, variables: Mapping[str, str]) -> str:
    """Return the value of `${NAME:-word}` and the like; with a colon, empty counts as unset."""
    value = variables.get(name)
    given = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return interpolate(word, variables) if given else ""
    if given:
        return value or ""
    if operator.endswith("-"):
        return interpolate(word, variables)
    # The word as written: the values of its variables may be secrets.
    raise InterpolationError(f"the variable {name} has no value: {word or 'it is required'}")


@dataclass
class Interpolator:
    """Interpolates the values of a project, within one limit for all its texts."""

    used: dict[str, str] = field(default_factory=dict)
    """The values of all variables that were used, each with its name in braces."""
    _room: int = _MOST_OF_PROJECT

    def replaced(
        self, value: Yaml, variables: Mapping[str, str], done: dict[int, Yaml] | None = None
    ) -> Yaml:
        """Return `value` with its texts interpolated. Raises `InterpolationError`.

        A value that aliases share is one object; `done` has the results of these.
        """
        done = {} if done is None else done
        if isinstance(value, str):
            return self._text(value, variables)
        if isinstance(value, list | dict) and id(value) not in done:
            done[id(value)] = None  # read again inside itself
            if isinstance(value, list):
                done[id(value)] = [self.replaced(each, variables, done) for each in value]
            else:
                pairs = {key: self.replaced(value[key], variables, done) for key in value}
                done[id(value)] = value.with_pairs(pairs)
        return done.get(id(value))

    def _text(self, value: str, variables: Mapping[str, str]) -> str:
        text = interpolate(value, variables)
        for name in _USED.findall(value):
            if name in variables:
                self.used[variables[name]] = f"${{{name}}}"
        self._room -= len(text)
        if self._room < 0:
            raise InterpolationError(f"all texts have more than {_MOST_OF_PROJECT:,} characters")
        return text


def read_dotenv(text: str, outer: Mapping[str, str]) -> dict[str, str]:
    r"""Return the variables that a `.env` file sets; `outer` ones may be used in it.

    >>> read_dotenv("A=1\n# no\nexport B='$A' # yes\nC=\"${A}\\n\"\nD=x #y\n", {})
    {'A': '1', 'B': '$A', 'C': '1\n', 'D': 'x'}
    """
    found: dict[str, str] = {}
    variables = ChainMap(dict(outer), found)
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        end = text.find("\n", match.end() if match else at)
        at = len(text) if end < 0 else end + 1
        if match is not None:
            found[match["name"]] = _value(match, variables)
    return found


def _value(line: re.Match[str], variables: Mapping[str, str]) -> str:
    """Return the value of a line of a `.env` file; a wrong `$` in it stays as it is."""
    if line["single"] is not None:
        return line["single"]
    text = re.sub(
        r"\\(.)", lambda it: _ESCAPES.get(it[1], it[0]), line["double"] or "", flags=re.DOTALL
    )
    if line["double"] is None:
        text = re.split(r"(?:^|[ \t])#", line["bare"], maxsplit=1)[0].strip()
    try:
        return interpolate(text, variables)
    except InterpolationError:
        return text
