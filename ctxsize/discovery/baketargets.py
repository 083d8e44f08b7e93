"""Evaluate the targets of Bake files: literals, variables, `${NAME}`, inheritance, matrices.

What takes more (functions, conditions, `for`) is not evaluated: `Resolver.unknown` names it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeVar

from ctxsize.build import Build
from ctxsize.discovery.bakefile import BakeFile, Body, Value, merged

_DEEPEST = 50
_MOST_COMBINATIONS = 512
_MOST_CHARACTERS = 2**24
"""Number of characters that the values of a file may come to; other work counts as some."""
_PER_BODY, _PER_TARGET = 200, 1_000
_DOTTED = r"\$\{\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)\s*\}"
_LONE = re.compile(_DOTTED)
_PIECE = re.compile(rf"\$\$\{{|%%\{{|{_DOTTED}|[$%]\{{")


_T = TypeVar("_T")


class UnknownError(Exception):
    """A value takes more than is evaluated here; the message names what has it."""


@dataclass(frozen=True)
class BakeTarget:
    """A target with every value that decides what is built."""

    name: str
    declared: str
    """The name of its block, which differs for one of a matrix."""
    build: Build
    """With paths as the file has them."""


class Resolver:
    """Evaluates the targets of a `BakeFile`."""

    def __init__(self, bake: BakeFile, environment: Mapping[str, str]) -> None:
        self._bake = bake
        self._environment = environment
        self._variables: dict[str, Value] = {}
        self._pending = dict(bake.variables)
        self._room = _MOST_CHARACTERS
        self.unknown: dict[str, str] = {}
        """The targets that take more than is evaluated, and the key that does."""
        for name in bake.variables:
            with suppress(UnknownError):
                self._variable(name)

    @property
    def hidden(self) -> tuple[tuple[str, str], ...]:
        """Return the texts of variables, each with its variable: they may be secrets."""
        texts = self._variables.items()
        return tuple((value, f"${{{name}}}") for name, value in texts if isinstance(value, str))

    def targets(self) -> Iterator[BakeTarget]:
        """Yield the targets that are built for their own sake, those of a matrix one by one.

        One that only others inherit from, and no group names, is not.
        """
        named = {each for value in self._bake.groups.values() for each in self._listed(value)}
        bodies = self._bake.targets.values()
        parents = {each for body in bodies for each in self._listed(body.get("inherits"))}
        for name in self._bake.targets:
            if name in named or (name not in parents and not name.startswith("_")):
                try:
                    yield from [self._target(name, each) for each in self._rounds(name)]
                except UnknownError as error:
                    self.unknown[name] = str(error)

    def _listed(self, value: Value) -> list[str]:
        """Return the names in a list, as far as they are known; none in what is no list."""
        found: Value = None
        with suppress(UnknownError):
            found = self._value(value, {})
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def _rounds(self, name: str) -> list[dict[str, Value]]:
        """Return the values of each combination of a target's matrix; one without a matrix."""
        return self._read(self._bake.targets[name], "matrix", {}, _combinations)

    def _target(self, name: str, names: Mapping[str, Value]) -> BakeTarget:
        self._pay(_PER_TARGET)
        body = self._inherited(name, names, 0)
        shown = ""
        with suppress(UnknownError):  # it says nothing of what is built
            shown = self._read(self._bake.targets[name], "name", names, _text)
        inline = self._read(body, "dockerfile-inline", names, _text)
        build = Build(
            self._read(body, "context", names, _text),
            self._read(body, "dockerfile", names, _text) or None,
            self._read(body, "target", names, _text),
            self._args(name, body.get("args"), names),
            self._read(body, "contexts", names, _pairs),
            self._read(body, "platforms", names, _texts),
            dockerfile_inline=inline.encode("utf-8", "surrogatepass") if inline else None,
        )
        return BakeTarget(shown or name, name, build)

    def _inherited(self, name: str, names: Mapping[str, Value], depth: int) -> Body:
        """Return a target's body on top of those of what it inherits from, later ones first."""
        body = self._bake.targets.get(name)
        if body is None or depth > _DEEPEST:
            raise UnknownError("inherits")
        found: Body = {}
        with _naming("inherits"):
            self._pay(_PER_BODY + len(body))
            parents = self._value(body.get("inherits") or [], names)
            for parent in parents if isinstance(parents, list) else ():
                found = merged(found, self._inherited(_text(parent), names, depth + 1))
            self._pay(len(found))
        return merged(found, body)

    def _args(self, name: str, args: Value, names: Mapping[str, Value]) -> dict[str, str]:
        """Return the arguments that are known; `unknown` says if there are others."""
        alone = [{key: args[key]} for key in args] if isinstance(args, dict) else [args]
        found: dict[str, str] = {}
        for each in alone:
            try:
                found |= _pairs(self._value(each, names))
            except UnknownError:
                self.unknown[name] = "args"
        return found

    def _read(
        self, body: Body, key: str, names: Mapping[str, Value], convert: Callable[[Value], _T]
    ) -> _T:
        """Return what a key of a target holds. Raises `UnknownError` that names the key."""
        with _naming(key):
            return convert(self._value(body.get(key), names))

    def _value(self, value: Value, names: Mapping[str, Value]) -> Value:
        if isinstance(value, list):
            return [self._value(each, names) for each in value]
        if isinstance(value, dict):
            return {_text(self._value(key, names)): self._value(value[key], names) for key in value}
        if not isinstance(value, str):
            return value
        if lone := _LONE.fullmatch(value):  # it keeps its type
            return self._named(lone[1], names)
        return _PIECE.sub(lambda match: self._piece(match, names), value)

    def _piece(self, match: re.Match[str], names: Mapping[str, Value]) -> str:
        if match[1]:
            text = _text(self._named(match[1], names))
            self._pay(len(text))
            return text
        if len(match[0]) < 3:
            raise UnknownError("an expression")
        return match[0][1:]

    def _named(self, dotted: str, names: Mapping[str, Value]) -> Value:
        first, *keys = dotted.split(".")
        found = names[first] if first in names else self._variable(first)
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                raise UnknownError(dotted)
            found = found[key]
        return found

    def _variable(self, name: str) -> Value:
        """Return the value of a variable: that of the environment, else its default."""
        if name not in self._variables:
            # One that is begun and has no value is unknown, or made of itself.
            if name not in self._pending:
                raise UnknownError(name)
            self._variables[name] = self._given(name, self._pending.pop(name))
        return self._variables[name]

    def _given(self, name: str, default: Value) -> Value:
        text = self._environment.get(name)
        if text is None:
            return self._value(default, {})
        with suppress(UnknownError):
            default = self._value(default, {})
        if isinstance(default, list | dict):
            raise UnknownError(name)
        return text.lower() in ("1", "true", "t") if isinstance(default, bool) else text

    def _pay(self, amount: int) -> None:
        self._room -= amount
        if self._room < 0:
            raise UnknownError("too much")


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Make an `UnknownError` name the key of a target that takes more."""
    try:
        yield
    except UnknownError:
        raise UnknownError(key) from None


def _combinations(matrix: Value) -> list[dict[str, Value]]:
    if not isinstance(matrix, dict | None):
        raise UnknownError("no object")
    axes = [each for each in (matrix or {}).values() if isinstance(each, list)]
    if len(axes) < len(matrix or ()) or prod(map(len, axes)) > _MOST_COMBINATIONS:
        raise UnknownError("no lists, or too many combinations")
    return [dict(zip(matrix or (), each, strict=True)) for each in product(*axes)]


def _pairs(value: Value) -> dict[str, str]:
    if not isinstance(value, dict | None):
        raise UnknownError("no object")
    return {key: _text(each) for key, each in (value or {}).items() if each is not None}


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else ()


def _text(value: Value) -> str:
    """Return a value in a text, `""` for null. Raises `UnknownError` for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and "e" not in repr(value):
        return repr(value).removesuffix(".0")
    if isinstance(value, str | int):
        return str(value)
    raise UnknownError("no text")
