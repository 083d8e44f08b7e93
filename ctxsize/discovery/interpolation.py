"""What `$NAME` and `${NAME:-default}` stand for in Compose files, and the `.env` beside them."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctxsize.discovery.yaml import Yaml

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_USED = re.compile(r"\$\{?([_a-zA-Z][_a-zA-Z0-9]*)")
_BRACE = re.compile(r"(\$\{)|\}")
_OPERATOR = re.compile(r":?[-?+]")
_MOST = 2**20
"""Number of characters that the variables in a text may come to: each may double another."""
_MOST_OF_PROJECT = 2**27
"""Number of characters that the texts with variables of a project may come to."""
_DEEPEST = 100
_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-\[\]]*)[ \t]*(?:=|:(?=[ \t]))[ \t]*
    (?: '(?P<single>(?:[^'\\]|\\.)*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\r\n]*) )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class InterpolationError(Exception):
    """The text cannot be interpolated; the message is a clause for a person."""


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
    end, name = _closing(text, at), _NAME.match(text, at + 1)
    operator = name and _OPERATOR.match(text, name.end())
    if end < 0 or name is None or not (operator or name.end() == end):
        raise InterpolationError(f"invalid interpolation in {text!r}")
    if operator is None:
        return variables.get(name[0], ""), end + 1
    word = text[operator.end() : end]
    return _substituted(name[0], operator[0], word, variables), end + 1


def _closing(text: str, at: int) -> int:
    """Return where the `}` is that closes the `{` at a position, -1 without one."""
    depth = 1
    for brace in _BRACE.finditer(text, at + 1):
        depth += 1 if brace[1] else -1
        if depth > _DEEPEST:
            raise InterpolationError(f"more than {_DEEPEST} variables in each other")
        if depth == 0:
            return brace.start()
    return -1


def _substituted(name: str, operator: str, word: str, variables: Mapping[str, str]) -> str:
    """Return what `${NAME:-word}` and the like stand for; with a colon, empty is not given."""
    value = variables.get(name)
    given = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return interpolate(word, variables) if given else ""
    if given:
        return value or ""
    if operator.endswith("-"):
        return interpolate(word, variables)
    # As it is written: what the variables in it stand for may be a secret.
    raise InterpolationError(f"the variable {name} has no value: {word or 'it is required'}")


@dataclass
class Interpolator:
    """Interpolates the values of a project, whose texts have a limit together."""

    used: dict[str, str] = field(default_factory=dict)
    """The values of all variables that were used, each with its name in braces."""
    _room: int = _MOST_OF_PROJECT

    def replaced(
        self, value: Yaml, variables: Mapping[str, str], done: dict[int, Yaml] | None = None
    ) -> Yaml:
        """Return `value` with its texts interpolated. Raises `InterpolationError`.

        What several aliases name is one object, and is `done` once.
        """
        done = {} if done is None else done
        if isinstance(value, str):
            return self._text(value, variables)
        if isinstance(value, list | dict) and id(value) not in done:
            done[id(value)] = None  # met again inside itself
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
            raise InterpolationError(f"texts come to more than {_MOST_OF_PROJECT:,} characters")
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
    text = re.sub(r"\\(.)", _unescaped, line["double"] or "", flags=re.DOTALL)
    if line["double"] is None:
        text = re.split(r"(?:^|[ \t])#", line["bare"], maxsplit=1)[0].strip()
    try:
        return interpolate(text, variables)
    except InterpolationError:
        return text


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
