"""Read Bake files, HCL or JSON, and evaluate literals, variables, `${NAME}` and inheritance.

Texts of both languages become templates in the form of JSON. Functions, conditions, `for` and
matrices are not evaluated: `BakeFile.unknown` lists the targets that use them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from textwrap import dedent
from typing import TypeAlias, TypeVar

from ctxsize.build import Build

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Body: TypeAlias = "dict[str, Value]"
_T = TypeVar("_T")

_KINDS = ("variable", "function", "group", "target")
_MAPS = ("args", "contexts", "labels")
_MOST_CHARACTERS, _PER_VALUE = 2**22, 8
"""Number of characters of all values of a file, and the number that each value counts for."""
_HEREDOC = re.compile(r"<<(-?)(\w+)\r?\n(.*?)\n?[ \t]*\2\s*\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_VARIABLE = r"\$\{\s*([A-Za-z_][\w-]*)\s*\}"
_PIECE = re.compile(rf"\$\$\{{|%%\{{|{_VARIABLE}|[$%]\{{")


class BakeError(Exception):
    """The file cannot be read; the message is a clause, `line` is 1-based."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


class UnknownError(Exception):
    """A value needs more than is evaluated here; the message names its key or variable."""


class BakeFile:
    """The targets of one or more files; later files win."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.targets: dict[str, Body] = {}
        self.groups: dict[str, Value] = {}
        self.lines: dict[str, tuple[str, int]] = {}
        """File and line at which each target begins."""
        self.unknown: dict[str, str] = {}
        """The targets that are not evaluated, each with the key that needs more."""
        self._environment = environment or {}
        self._defaults: dict[str, Value] = {}
        """The defaults of the variables that are not evaluated yet."""
        self._variables: dict[str, Value] = {}
        self._inheriting: dict[str, Body | None] = {}
        """Targets merged with those that they inherit from; None while unknown."""
        self._room = _MOST_CHARACTERS

    def add(self, document: Body, path: str = "", text: str = "") -> None:
        """Add a file, which wins over those added before."""
        lines = _lines(text)
        for kind, name, body in _blocks(document):
            if kind == "variable":
                self._defaults[name] = body.get("default", "")
            elif kind == "group":
                self.groups[name] = body.get("targets")
            elif kind == "target":
                self.targets[name] = _merged(self.targets.get(name, {}), body)
                self.lines[name] = (path, lines.get(name, 1))

    def builds(self) -> dict[str, Build]:
        """Return the builds of the targets, with paths as the file has them.

        A target that others inherit from is left out, unless a group names it.
        """
        for name in [*self._defaults]:
            with suppress(UnknownError):
                self._variable(name)
        named = {each for value in self.groups.values() for each in self._listed(value)}
        parents = {
            each for body in self.targets.values() for each in self._listed(body.get("inherits"))
        }
        found: dict[str, Build] = {}
        for name in self.targets:
            if name in named or (name not in parents and not name.startswith("_")):
                try:
                    found[name] = self._build(name)
                except UnknownError as error:
                    self.unknown[name] = str(error)
        return found

    @property
    def hidden(self) -> tuple[tuple[str, str], ...]:
        """Return the texts of variables, each with its variable: they may be secrets."""
        texts = (
            (name, text) for name, value in self._variables.items() for text in texts_in(value)
        )
        return tuple((text, f"${{{name}}}") for name, text in texts)

    def _listed(self, value: Value) -> list[str]:
        with suppress(UnknownError):
            return [each for each in _list(self._value(value)) if isinstance(each, str)]
        return []

    def _build(self, name: str) -> Build:
        """Return the build of a target. Raises `UnknownError` with the name of the key."""
        if self.targets[name].get("matrix") is not None:
            raise UnknownError("matrix")
        with _naming("inherits"):
            body = self._body(name)

        def read(key: str, convert: Callable[[Value], _T]) -> _T:
            with _naming(key):
                return convert(self._value(body.get(key)))

        inline = read("dockerfile-inline", _text)
        return Build(
            read("context", _text),
            read("dockerfile", _text) or None,
            read("target", _text),
            self._args(name, body.get("args")),
            read("contexts", _pairs),
            read("platforms", lambda value: tuple(map(_text, _list(value)))),
            dockerfile_inline=inline.encode("utf-8", "surrogatepass") if inline else None,
        )

    def _body(self, name: str) -> Body:
        """Return a target merged over those that it inherits from; later ones win."""
        if name not in self._inheriting and name in self.targets:
            self._inheriting[name] = None
            found: Body = {}
            for parent in _list(self._value(self.targets[name].get("inherits"))):
                found = _merged(found, self._body(_text(parent)))
            found = self._inheriting[name] = _merged(found, self.targets[name])
            maps = (each for each in found.values() if isinstance(each, dict))
            self._pay(_PER_VALUE * sum(map(len, maps)))
        known = self._inheriting.get(name)
        if known is None:
            raise UnknownError("inherits")
        return known

    def _args(self, name: str, args: Value) -> dict[str, str]:
        """Return the arguments that are known; the others put the target into `unknown`."""
        alone = [{key: args[key]} for key in args] if isinstance(args, dict) else [args]
        found: dict[str, str] = {}
        for each in alone:
            try:
                found |= _pairs(self._value(each))
            except UnknownError:
                self.unknown[name] = "args"
        return found

    def _value(self, value: Value) -> Value:
        """Return the value of a template. Raises `UnknownError`."""
        self._pay(_PER_VALUE)
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if isinstance(value, dict):
            return {_text(self._value(key)): self._value(value[key]) for key in value}
        if not isinstance(value, str):
            return value
        if lone := re.fullmatch(_VARIABLE, value):  # a lone variable keeps its type
            return self._variable(lone[1])
        return _PIECE.sub(self._piece, value)

    def _piece(self, match: re.Match[str]) -> str:
        if match[1]:
            text = _text(self._variable(match[1]))
            self._pay(len(text))
            return text
        if len(match[0]) < 3:
            raise UnknownError("an expression")
        return match[0][1:]

    def _variable(self, name: str) -> Value:
        if name in self._defaults:  # removed first, as it may refer to itself
            self._variables[name] = self._given(name, self._defaults.pop(name))
        if name not in self._variables:
            raise UnknownError(name)
        return self._variables[name]

    def _given(self, name: str, default: Value) -> Value:
        text = self._environment.get(name)
        if text is None:
            return self._value(default)
        with suppress(UnknownError):
            default = self._value(default)
        if isinstance(default, list | dict):
            raise UnknownError(name)
        return text.lower() in ("1", "true", "t") if isinstance(default, bool) else text

    def _pay(self, characters: int) -> None:
        self._room -= characters
        if self._room < 0:
            raise UnknownError("too much")


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Make an `UnknownError` name the key, also for a value or a chain that is too deep."""
    try:
        yield
    except (UnknownError, RecursionError):
        raise UnknownError(key) from None


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def _pairs(value: Value) -> dict[str, str]:
    if not isinstance(value, dict | None):
        raise UnknownError("no object")
    return {key: _text(each) for key, each in (value or {}).items() if each is not None}


def texts_in(value: Value) -> Iterator[str]:
    """Yield each text and number in a value, and each key."""
    if isinstance(value, (dict, list)):
        for each in (*value, *(value.values() if isinstance(value, dict) else ())):
            yield from texts_in(each)
    elif value is not None and not isinstance(value, bool):
        yield _text(value)


def _text(value: Value) -> str:
    """Return a value as text, `""` for null. Raises `UnknownError` for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and "e" not in repr(value):
        return repr(value).removesuffix(".0")
    if isinstance(value, str | int):
        return str(value)
    raise UnknownError("no text")


def _merged(base: Body, over: Body) -> Body:
    """Merge two bodies of a target: maps key by key; of other values the later one wins."""
    found = {**base, **{key: value for key, value in over.items() if value is not None}}
    for key in _MAPS:
        below, above = base.get(key), over.get(key)
        if isinstance(below, dict) and isinstance(above, dict):
            found[key] = {**below, **above}
    return found


def _lines(text: str) -> dict[str, int]:
    """Return the lines on which targets begin, by their names; in JSON, those of all objects."""
    hcl = [*re.finditer(r'^[ \t]*target\s+"?([^"\s{]+)"?\s*(?=\{)', text, re.MULTILINE)]
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in hcl or re.finditer(r'"([^"\n]*)"\s*:\s*(?=[\[{])', text):
        line, at = line + text.count("\n", at, match.end()), match.end()
        found.setdefault(match[1], line)
    return found


def _blocks(document: Body) -> Iterator[tuple[str, str, Body]]:
    """Yield the kind, the name and the content of each block; an attribute is a variable."""
    for kind, value in document.items():
        if kind not in _KINDS:
            yield "variable", kind, {"default": value}
            continue
        for named in value if isinstance(value, list) else [value]:
            for name, body in named.items() if isinstance(named, dict) else ():
                # A list of one is another spelling of a block.
                body = body[0] if isinstance(body, list) and body else body
                if isinstance(body, dict):
                    yield kind, name, body


def read_json(text: str) -> Body:
    """Return the document of a JSON file. Raises `BakeError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise BakeError(f"it is not JSON: {error}", line) from None
    return document if isinstance(document, dict) else {}


def read_hcl(text: str) -> Body:
    """Return the document of an HCL file in the form of JSON. Raises `BakeError`.

    Needs python-hcl2, which comes with the extra `ctxsize[bake]`.
    """
    try:
        import hcl2
    except ImportError:
        raise BakeError("HCL needs python-hcl2: pip install 'ctxsize[bake]'") from None
    try:
        document = _from_hcl(hcl2.loads(text if text.endswith("\n") else text + "\n"))
    except RecursionError:
        raise
    except Exception as error:  # `hcl2` passes on the errors of its parser
        line = getattr(error, "line", None)
        known = line if isinstance(line, int) and line > 0 else None
        raise BakeError("it is not HCL", known) from None
    return document if isinstance(document, dict) else {}


def printed(document: Body) -> Body:
    """Return a document that `docker buildx bake --print` printed, with its texts as literals.

    Newer versions of buildx write `$${` for a literal `${`, older ones do not.
    """
    return {key: literal(each) for key, each in document.items()}


def literal(value: Value) -> Value:
    """Return the template that evaluates to a value."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [literal(each) for each in value]
    return re.sub(r"([$%])\1?\{", r"\1\1{", value) if isinstance(value, str) else value


def _from_hcl(value: Value) -> Value:
    """Return a document of python-hcl2, whose texts are source with quotes, in the form of JSON."""
    if isinstance(value, dict):
        return {
            key[1:-1] if key[:1] == '"' else key: _from_hcl(each)
            for key, each in value.items()
            if key != "__is_block__"
        }
    if isinstance(value, list):
        return [_from_hcl(each) for each in value]
    return _template_of(value) if isinstance(value, str) else value


def _template_of(source: str) -> str:
    """Return a template for an expression: a quoted text, a heredoc, a name or `${…}`."""
    if source.startswith('"<<') and (heredoc := _HEREDOC.match(source[1:-1])):
        text = f"{heredoc[3]}\n"
        return dedent(text) if heredoc[1] else text
    if source.startswith('"'):
        return _ESCAPE.sub(_unescaped, source[1:-1])
    return source if source.startswith("${") else f"${{{source}}}"


def _unescaped(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match[0]
    return _ESCAPES.get(match[3], match[3])
