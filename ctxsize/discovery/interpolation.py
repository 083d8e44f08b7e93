"""What `$NAME` and `${NAME:-default}` stand for in Compose files, and the `.env` beside them."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ctxsize.discovery.yaml import TaggedScalar, Text

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_USED = re.compile(r"\$\{?([_a-zA-Z][_a-zA-Z0-9]*)")
_MOST = 2**20
"""Number of characters that the variables in a text may come to: each may double another."""
_MOST_OF_PROJECT = 2**27
"""Number of characters that the texts with variables of a project may come to."""
_OPERATORS = (":-", "-", ":?", "?", ":+", "+")
_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-\[\]]*)[ \t]*(?:=|:(?=[ \t]))[ \t]*
    (?: '(?P<single>(?:[^'\\]|\\.)*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\r\n]*) )""",
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 100
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class InterpolationError(Exception):
    """The text cannot be interpolated; the message is a clause for a person."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """`text` with its variables replaced; one that is not set is empty.

    Raises `InterpolationError` for what Compose refuses.

    >>> interpolate("${A:-x${B}}-$$C-$B", {"B": "b"})
    'xb-$C-b'
    """
    if "$" not in text:
        return text
    pieces: list[str] = []
    at, room = 0, _MOST
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            break
        pieces.append(text[at:dollar])
        piece, at = _variable(text, dollar + 1, variables)
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            raise InterpolationError(f"variables come to more than {_MOST:,} characters")
    return "".join((*pieces, text[at:]))


def _variable(text: str, at: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Return what stands for the variable behind a `$`, and where it ends."""
    if text.startswith("$", at):
        return "$", at + 1
    if name := _NAME.match(text, at):
        return variables.get(name[0], ""), name.end()
    if not text.startswith("{", at):
        raise InterpolationError(f"a lone $ in {text!r}; write $$ for a dollar sign")
    end = _closing(text, at)
    name = _NAME.match(text, at + 1)
    if end < 0 or name is None:
        raise InterpolationError(f"invalid interpolation in {text!r}")
    return _substituted(text, name[0], text[name.end() : end], variables), end + 1


def _closing(text: str, at: int) -> int:
    depth = 0
    for position in range(at, len(text)):
        if text.startswith("${", position - 1) or position == at:
            depth += 1
            if depth > _DEEPEST:
                raise InterpolationError(f"more than {_DEEPEST} variables in each other")
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return -1


def _substituted(text: str, name: str, rest: str, variables: Mapping[str, str]) -> str:
    value = variables.get(name)
    if not rest:
        return value or ""
    operator = next((each for each in _OPERATORS if rest.startswith(each)), None)
    if operator is None:
        raise InterpolationError(f"invalid interpolation in {text!r}")
    word = rest[len(operator) :]
    given = value is not None and not (operator.startswith(":") and not value)
    if operator.endswith("-"):
        return (value or "") if given else interpolate(word, variables)
    if operator.endswith("+"):
        return interpolate(word, variables) if given else ""
    if not given:
        # As it is written: what the variables in it stand for may be a secret.
        raise InterpolationError(f"the variable {name} has no value: {word or 'it is required'}")
    return value or ""


@dataclass
class Interpolator:
    """Interpolates the values of a project, whose texts have a limit together."""

    used: dict[str, str] = field(default_factory=dict)
    """The values of all variables that were used, each with how it is written."""
    _room: int = _MOST_OF_PROJECT

    def replaced(self, value: Any, variables: Mapping[str, str]) -> Any:
        """Return `value` with its texts interpolated. Raises `InterpolationError`."""
        return self._replaced(value, variables, {})

    def _replaced(self, value: Any, variables: Mapping[str, str], done: dict[int, Any]) -> Any:
        """Return a value interpolated; what several aliases name is done once."""
        if isinstance(value, str):
            return self._text(value, variables)
        if not isinstance(value, dict | list | TaggedScalar):
            return value
        if id(value) not in done:
            done[id(value)] = None
            if isinstance(value, TaggedScalar):
                made: Any = TaggedScalar(value.tag, self._replaced(value.value, variables, done))
            elif isinstance(value, list):
                made = [self._replaced(each, variables, done) for each in value]
            else:
                made = {key: self._replaced(each, variables, done) for key, each in value.items()}
            done[id(value)] = made
        return done[id(value)]

    def _text(self, value: str, variables: Mapping[str, str]) -> Text:
        text = Text(interpolate(value, variables))
        if "$" in value:
            self.used.update(used(value, variables))
            text.written = value
        text.plain = isinstance(value, Text) and value.plain
        self._room -= len(text)
        if self._room < 0:
            raise InterpolationError(f"texts come to more than {_MOST_OF_PROJECT:,} characters")
        return text


def used(text: str, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the values of the variables that `text` names, each with its name in braces.

    >>> [*used("$A ${B:-$C}", {"A": "1", "C": "3"})]
    [('1', '${A}'), ('3', '${C}')]
    """
    for name in _USED.findall(text):
        if name in variables:
            yield variables[name], f"${{{name}}}"


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
        if match is None:
            continue
        if match["single"] is not None:
            found[match["name"]] = match["single"]
        elif match["double"] is not None:
            unescaped = re.sub(r"\\(.)", _unescape, match["double"], flags=re.DOTALL)
            found[match["name"]] = _forgiving(unescaped, variables)
        else:
            bare = re.split(r"(?:^|[ \t])#", match["bare"], maxsplit=1)[0].strip()
            found[match["name"]] = _forgiving(bare, variables)
    return found


def _unescape(match: re.Match[str]) -> str:
    character = match[1]
    return _ESCAPES.get(character, character if character in '"\\' else match[0])


def _forgiving(text: str, variables: Mapping[str, str]) -> str:
    try:
        return interpolate(text, variables)
    except InterpolationError:
        return text
