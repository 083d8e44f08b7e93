"""Evaluate the targets of Bake files: literals, variables, `${NAME}`, inheritance, matrices.

What takes more (functions, conditions, `for`) is not evaluated: `Resolver.unknown` names it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from math import prod

from ctxsize.discovery.bakefile import BakeFile, Body, Value, merged

_TEXTS = ("context", "dockerfile", "dockerfile-inline", "target")
_DEEPEST = 50
_MOST_COMBINATIONS = 512
_MOST_CHARACTERS = 2**24
"""Number of characters that the values of a file may come to; other work counts as some."""
_PER_BODY, _PER_TARGET = 200, 1_000
_DOTTED = r"\$\{\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)\s*\}"
_LONE = re.compile(_DOTTED)
_PIECE = re.compile(rf"\$\$\{{|%%\{{|{_DOTTED}|[$%]\{{")


class UnknownError(Exception):
    """A value takes more than is evaluated here; the message names what has it."""


@dataclass(frozen=True)
class BakeTarget:
    """A target with every value that decides what is built."""

    name: str
    declared: str
    """The name of its block, which differs for one of a matrix."""
    texts: Mapping[str, str]
    args: Mapping[str, str]
    contexts: Mapping[str, str]
    platforms: tuple[str, ...]
    written: Mapping[str, str]
    """The texts as the file has them, to be printed without the values of variables."""
    hidden: tuple[tuple[str, str], ...] = ()
    """Further texts in it that are not printed, each with what is."""


class Resolver:
    """Evaluates the targets of a `BakeFile`."""

    def __init__(self, bake: BakeFile, environment: Mapping[str, str]) -> None:
        self._bake = bake
        self._environment = environment
        self._variables: dict[str, Value] = {}
        self._begun: set[str] = set()
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
        with suppress(UnknownError):
            found = self._value(value, {})
            return (
                [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
            )
        return []

    def _rounds(self, name: str) -> list[dict[str, Value]]:
        """Return the values of each combination of a target's matrix; one without a matrix."""
        with _naming("matrix"):
            matrix = self._value(self._bake.targets[name].get("matrix") or {}, {})
            if not isinstance(matrix, dict):
                raise UnknownError("no object")
            axes = [each for each in matrix.values() if isinstance(each, list)]
            if len(axes) < len(matrix) or prod(map(len, axes)) > _MOST_COMBINATIONS:
                raise UnknownError("no lists, or too many combinations")
            return [dict(zip(matrix, each, strict=True)) for each in product(*axes)]

    def _target(self, name: str, names: Mapping[str, Value]) -> BakeTarget:
        self._pay(_PER_TARGET)
        body = self._inherited(name, names, 0)
        shown = None
        with suppress(UnknownError):  # it says nothing of what is built
            shown = self._text(self._bake.targets[name].get("name"), names)
        texts = {}
        for key in _TEXTS:
            with _naming(key):
                texts[key] = self._text(body.get(key), names)
        with _naming("contexts"):
            contexts = self._pairs(body.get("contexts"), names)
        with _naming("platforms"):
            platforms = self._value(body.get("platforms"), names)
            listed = tuple(map(as_text, platforms)) if isinstance(platforms, list) else ()
        written = {key: value for key, value in body.items() if isinstance(value, str)}
        args = self._args(name, body, names)
        return BakeTarget(shown or name, name, _given(texts), args, contexts, listed, written)

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
                found = merged(found, self._inherited(as_text(parent), names, depth + 1))
            self._pay(len(found))
        return merged(found, body)

    def _args(self, name: str, body: Body, names: Mapping[str, Value]) -> dict[str, str]:
        """Return the arguments that are known; `unknown` says if there are others."""
        found: dict[str, str] = {}
        try:
            args = self._mapping(body.get("args"), names)
        except UnknownError:
            args = {}
            self.unknown[name] = "args"
        for key, value in args.items():
            try:
                found |= self._pairs({key: value}, names)
            except UnknownError:
                self.unknown[name] = "args"
        return found

    def _pairs(self, value: Value, names: Mapping[str, Value]) -> dict[str, str]:
        found = {
            as_text(self._value(key, names)): self._text(each, names)
            for key, each in self._mapping(value, names).items()
        }
        return _given(found)

    def _mapping(self, value: Value, names: Mapping[str, Value]) -> Body:
        """Return a mapping; its values are evaluated only where all of it is an expression."""
        found = self._value(value, names) if isinstance(value, str) else value
        if not isinstance(found, dict | None):
            raise UnknownError("no object")
        return found or {}

    def _text(self, value: Value, names: Mapping[str, Value]) -> str | None:
        found = self._value(value, names)
        return None if found is None else as_text(found)

    def _value(self, value: Value, names: Mapping[str, Value]) -> Value:
        if isinstance(value, list):
            return [self._value(each, names) for each in value]
        if isinstance(value, dict):
            return {key: self._value(each, names) for key, each in value.items()}
        if not isinstance(value, str):
            return value
        if lone := _LONE.fullmatch(value):  # it keeps its type
            return self._named(lone[1], names)
        return _PIECE.sub(lambda match: self._piece(match, names), value)

    def _piece(self, match: re.Match[str], names: Mapping[str, Value]) -> str:
        if match[1]:
            text = as_text(self._named(match[1], names))
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
            if name not in self._bake.variables or name in self._begun:
                raise UnknownError(name)
            self._begun.add(name)
            self._variables[name] = self._given(name)
        return self._variables[name]

    def _given(self, name: str) -> Value:
        default = self._bake.variables[name]
        if name not in self._environment:
            return self._value(default, {})
        with suppress(UnknownError):
            default = self._value(default, {})
        if isinstance(default, list | dict):
            raise UnknownError(name)
        text = self._environment[name]
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


def _given(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in texts.items() if text is not None}


def as_text(value: Value) -> str:
    """Return a value in a text. Raises `UnknownError` for null, lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and "e" not in repr(value):
        return repr(value).removesuffix(".0")
    if isinstance(value, str | int):
        return str(value)
    raise UnknownError("no text")
