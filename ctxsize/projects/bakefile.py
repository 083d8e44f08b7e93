"""Bake files, HCL or JSON, into targets: variables, inheritance and matrices resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from ctxsize.projects.found import FoundBuild
from ctxsize.projects.hcl.effort import Effort
from ctxsize.projects.hcl.expressions import evaluate, fill
from ctxsize.projects.hcl.values import UnknownError, as_text, number

_MAPS = ("args", "contexts", "labels")
_DEEPEST = 50
_MOST_COMBINATIONS = 512
_CALL = 20
"""What a call of a function, or to inherit, costs beside what is handed on."""
_UNKNOWN = object()
_HEREDOC = re.compile(r"<<(-?)(\w+)\r?\n(.*?)\n?[ \t]*\2\s*\Z", re.DOTALL)


class BakeError(Exception):
    """The file cannot be read; the message is a clause, `line` is 1-based."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass
class BakeFile:
    """What the blocks of one or more files say, values not yet evaluated."""

    variables: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Where each target begins: file and line."""

    def add(self, blocks: Mapping[str, Any], path: str, text: str) -> None:
        """Take in the blocks of a further file, which wins over those before."""
        for name, body in blocks.get("variable", ()):
            self.variables[name] = body.get("default", "")
        for name, body in blocks.get("function", ()):
            self.functions[name] = body
        for name, body in blocks.get("group", ()):
            self.groups[name] = body.get("targets")
        lines = _lines(text)
        for name, body in blocks.get("target", ()):
            self.targets[name] = _over(self.targets.get(name, {}), body)
            self.lines[name] = (path, lines.get(name, 1))


@dataclass(frozen=True)
class BakeTarget:
    """A target with every value that decides what is built."""

    name: str
    declared: str
    """The name of its block, which differs for one of a matrix."""
    values: Mapping[str, Any]
    written: Mapping[str, str]
    """How the file has those of them that are texts."""
    service: FoundBuild | None = None
    """What Compose makes of it, if it is one of its services."""

    def as_written(self, key: str) -> str:
        """Return a text as it may be printed, without the values of variables."""
        text, service = self.written.get(key, ""), self.service
        if key == "target" and service is not None and service.build.target == text:
            return service.build.shown_target
        return text


def read_hcl(text: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The blocks of an HCL file, by kind; values are `Raw`. Raises `BakeError`.

    Needs python-hcl2, which comes with the extra `ctxsize[bake]`.
    """
    try:
        import hcl2
    except ImportError:
        raise BakeError("HCL needs python-hcl2: pip install 'ctxsize[bake]'") from None
    try:
        document = hcl2.loads(text if text.endswith("\n") else text + "\n")
    except Exception as error:  # the parser raises what its parser raises
        line = getattr(error, "line", None)
        raise BakeError(
            "it is no HCL", line if isinstance(line, int) and line > 0 else None
        ) from None
    _check_depth(document)
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for kind, blocks in document.items():
        if isinstance(blocks, list):
            for block in blocks:
                for name, body in block.items():
                    if isinstance(body, dict):
                        found.setdefault(kind, []).append((name.strip('"'), _raw(body)))
        elif kind != "__is_block__":
            found.setdefault("variable", []).append((kind, {"default": _raw_value(blocks)}))
    return found


def read_json(text: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The blocks of a JSON file, by kind. Raises `BakeError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise BakeError(f"it is no JSON: {error}", line) from None
    except RecursionError:
        raise BakeError("it is nested too deeply") from None
    _check_depth(document)
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for kind in ("variable", "function", "group", "target"):
        blocks = document.get(kind) if isinstance(document, dict) else None
        for name, body in blocks.items() if isinstance(blocks, dict) else ():
            # A list of one is another spelling of a block.
            body = body[0] if isinstance(body, list) and body else body
            if isinstance(body, dict):
                found.setdefault(kind, []).append((name, body))
    return found


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(_DEEPEST):
        level = [
            each
            for above in level
            if isinstance(above, dict | list)
            for each in (above.values() if isinstance(above, dict) else above)
        ]
    if level:
        raise BakeError("it is nested too deeply")


@dataclass(frozen=True)
class Raw:
    """An expression of HCL as text."""

    text: str


def _raw(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.strip('"'): _raw_value(value) for key, value in body.items() if key != "__is_block__"
    }


def _raw_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _raw(value)
    if isinstance(value, list):
        return [_raw_value(each) for each in value]
    return Raw(value) if isinstance(value, str) else value


class Resolver:
    """Evaluates the targets of a `BakeFile`."""

    def __init__(self, bake: BakeFile, environment: Mapping[str, str]) -> None:
        self._bake = bake
        self._environment = environment
        self._names: dict[str, Any] = {}
        self._open: set[str] = set()
        self._functions = {
            name: self._function(name, body) for name, body in bake.functions.items()
        }
        self._calls = 0
        self._effort = Effort()
        self.unknown: dict[str, str] = {}
        """The targets that are left out, and why."""
        for name in bake.variables:
            self._variable(name)

    def _variable(self, name: str) -> None:
        """Give `name` its value: that of the environment, else its default; "" without one."""
        if name in self._names or name in self._open:
            return
        self._open.add(name)
        default = self._bake.variables[name]
        for other in _words(default, self._bake.functions, set()):
            if other in self._bake.variables:
                self._variable(other)
        if name in self._environment:
            self._names[name] = _typed(self._environment[name], self._told(default))
        elif (value := self._told(default)) is not _UNKNOWN:
            self._names[name] = value

    def _function(self, name: str, body: Mapping[str, Any]) -> Callable[..., Any]:
        """What a block `function` declares."""
        declared = body.get("params")
        parameters = [*map(_word, declared)] if isinstance(declared, list) else []
        rest = _word(body["variadic_params"]) if body.get("variadic_params") else ""

        def called(*values: Any) -> Any:
            fits = len(values) >= len(parameters) if rest else len(values) == len(parameters)
            if not fits or self._calls >= _DEEPEST:
                raise UnknownError(f"the call of {name}")
            self._effort.spend([*values])
            self._effort.pay(_CALL + len(self._names))
            names = {**self._names, **dict(zip(parameters, values, strict=False))}
            names |= {rest: [*values[len(parameters) :]]} if rest else {}
            self._calls += 1
            try:
                return self._value(body.get("result"), names)
            finally:
                self._calls -= 1

        return called

    def _told(self, default: Any) -> Any:
        try:
            return self._value(default, self._names)
        except UnknownError:
            return _UNKNOWN

    @property
    def hidden(self) -> tuple[tuple[str, str], ...]:
        """The texts that variables stand for, each with its variable: they may be secrets."""
        texts = self._names.items()
        return tuple((value, f"${{{name}}}") for name, value in texts if isinstance(value, str))

    def targets(self) -> Iterator[BakeTarget]:
        """The targets that are built for their own sake, those of a matrix one by one.

        One that only others inherit from, and no group names, is not.
        """
        wanted = self._wanted()
        for name in self._bake.targets:
            if name in wanted:
                yield from self._expanded(name)

    def _wanted(self) -> set[str]:
        named = {each for value in self._bake.groups.values() for each in self._listed(value)}
        bodies = self._bake.targets.values()
        parents = {each for body in bodies for each in self._listed(body.get("inherits"))}
        return {
            name
            for name in self._bake.targets
            if name in named or (name not in parents and not name.startswith("_"))
        }

    def _listed(self, value: Any, names: Mapping[str, Any] | None = None) -> list[str]:
        """The names in a list, as far as they can be told; none in what is no list."""
        try:
            found = self._value(value, self._names if names is None else names)
        except UnknownError:
            return []
        return [str(each) for each in found] if isinstance(found, list) else []

    def _expanded(self, name: str) -> Iterator[BakeTarget]:
        body = self._bake.targets[name]
        try:
            matrix = self._value(body.get("matrix"), self._names) if body.get("matrix") else {}
            axes = _axes(matrix)
            if prod(map(len, axes.values())) > _MOST_COMBINATIONS:
                raise UnknownError(f"a matrix of more than {_MOST_COMBINATIONS} combinations")
            for each in product(*axes.values()):
                names = {**self._names, **dict(zip(axes, each, strict=True))}
                shown = self._value(body["name"], names) if "name" in body else name
                merged = self._inherited(name, names, 0)
                # The name of a matrix is as it is known outside of it.
                yield BakeTarget(
                    str(shown),
                    name,
                    self._decisive(merged, names),
                    {key: _as_written(value) for key, value in merged.items()},
                    merged.get("compose"),
                )
        except UnknownError as error:
            self.unknown[name] = str(error)

    def _inherited(self, name: str, names: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """A target's raw values on top of those of what it inherits from, later ones first."""
        body = self._bake.targets.get(name)
        if body is None or depth > _DEEPEST:
            raise UnknownError(f"the target {name} that is inherited from")
        self._effort.pay(_CALL + len(body))
        merged: dict[str, Any] = {}
        for parent in self._listed(body.get("inherits"), names):
            merged = _over(merged, self._inherited(parent, names, depth + 1))
        return _over(merged, body)

    def _decisive(self, body: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
        """The values that decide what is built; the others may be beyond us."""
        found: dict[str, Any] = {}
        for key in ("context", "dockerfile", "dockerfile-inline", "target", "platforms"):
            if body.get(key) is not None:
                found[key] = self._value(body[key], names)
                if key != "platforms":
                    found[key] = as_text(found[key])
        for key in ("args", "contexts"):
            values = body.get(key) or {}
            values = self._value(values, names) if isinstance(values, Raw) else values
            if not isinstance(values, dict | type(None)):
                raise UnknownError(f"{key} is no object")
            values = values or {}
            found[key] = self._known(values, names, strict=key == "contexts")
        return found

    def _known(
        self, values: Mapping[str, Any], names: Mapping[str, Any], *, strict: bool
    ) -> dict[str, str]:
        """The pairs whose values can be told, `strict` for those that must be."""
        found = {}
        for name, value in values.items():
            try:
                known = self._value(value, names)
                if known is not None:
                    found[name] = as_text(known)
            except UnknownError:
                if strict:
                    raise
        return found

    def _value(self, value: Any, names: Mapping[str, Any]) -> Any:
        if isinstance(value, list):
            return [self._value(each, names) for each in value]
        if isinstance(value, dict):
            return {key: self._value(each, names) for key, each in value.items()}
        if isinstance(value, str):
            return fill(value, names, self._functions, effort=self._effort)
        if isinstance(value, float):
            return number(repr(value))
        return self._raw(value.text, names) if isinstance(value, Raw) else value

    def _raw(self, text: str, names: Mapping[str, Any]) -> Any:
        """The value of what python-hcl2 leaves as text: a quoted string, `${…}` or a name."""
        if text.startswith('"<<') and (heredoc := _HEREDOC.match(text[1:-1])):
            body = heredoc[3] + "\n"
            body = _undented(body) if heredoc[1] else body
            return fill(body, names, self._functions, effort=self._effort)
        if text.startswith("${") and text.endswith("}"):
            return evaluate(text[2:-1], names, self._functions, effort=self._effort)
        return evaluate(text, names, self._functions, effort=self._effort)


def _as_written(value: Any) -> str:
    """A text as it stands in the file, without its quotes."""
    text = value.text if isinstance(value, Raw) else value if isinstance(value, str) else ""
    return text[1:-1] if text[:1] == text[-1:] == '"' else text


def _words(value: Any, functions: Mapping[str, Any], met: set[str]) -> Iterator[str]:
    """The words in a value, and in the functions that it calls."""
    if isinstance(value, Raw | str):
        text = value.text if isinstance(value, Raw) else value
        for word in re.findall(r"[A-Za-z_][\w-]*", text):
            yield word
            if word in functions and word not in met:
                met.add(word)
                yield from _words(functions[word].get("result"), functions, met)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _words(each, functions, met)


def _word(value: Any) -> str:
    """A name where a name is expected: HCL has it bare, JSON in quotes."""
    return value.text if isinstance(value, Raw) else str(value)


def _axes(matrix: Any) -> dict[str, list[Any]]:
    """The axes of a matrix. Raises `UnknownError` for what is none."""
    if not isinstance(matrix, dict) or not all(isinstance(each, list) for each in matrix.values()):
        raise UnknownError("a matrix that is no object of lists")
    return matrix


def _undented(body: str) -> str:
    lines = body.split("\n")
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    return "\n".join(line[min(indents, default=0) :] for line in lines)


def _typed(text: str, default: Any) -> Any:
    """A variable of the environment, of the type that the default has."""
    if isinstance(default, bool):
        return text.lower() in ("1", "true", "t")
    if isinstance(default, int | Fraction):
        with suppress(UnknownError):
            return number(text)
    return text


def _over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two bodies of a target: maps key by key, else the later one."""
    merged = {**base, **{key: value for key, value in over.items() if value is not None}}
    for key in _MAPS:
        below, above = base.get(key), over.get(key)
        if isinstance(below, dict) and isinstance(above, dict):
            merged[key] = {**below, **above}
    return merged


def _lines(text: str) -> dict[str, int]:
    """The lines on which targets begin, by their names; of JSON, of any object."""
    hcl = [*re.finditer(r'^[ \t]*target\s+"?([^"\s{]+)"?\s*(?=\{)', text, re.MULTILINE)]
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in hcl or re.finditer(r'"([^"\n]*)"\s*:\s*(?=[\[{])', text):
        line, at = line + text.count("\n", at, match.end()), match.end()
        found.setdefault(match[1], line)
    return found
