"""Read Bake files, HCL or JSON, and evaluate literals, variables, `${NAME}` and inheritance.

Texts of both languages become templates in the form of JSON. Functions, conditions, `for` and
matrices are not evaluated: `BakeFile.unknown` has the targets that use them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TypeAlias

from ctxsize.build import Build, with_inline
from ctxsize.findings import Location
from ctxsize.hidden import Hidden, hidden_as, made_of
from ctxsize.repository.search import NotReadError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Body: TypeAlias = "dict[str, Value]"

# `defaultFilenames` of buildx: Bake reads all that exist, in this order. Up to buildx 0.13, files
# in HCL came after all in JSON.
_ENDS = ("json", "hcl", "override.json", "override.hcl")
DEFAULTS = tuple(f"docker-bake.{end}" for end in _ENDS)
_KINDS = ("variable", "function", "group", "target")
_ANY = "surrogatepass"  # JSON may have lone surrogates
_MOST_VALUES = 2**20  # inherited values, and characters of variables in texts, of all targets
_HEREDOC = re.compile(r'"<<(-?)(\w+)\r?\n')
_VARIABLE = r"\$\{\s*([A-Za-z_][\w-]*)\s*\}"
_PIECE = re.compile(rf"\$\$\{{|%%\{{|{_VARIABLE}|[$%]\{{")
_HEAD = re.compile(r'^[ \t]*target\s+"?([^"\s{]+)"?\s*\{|"([^"]*)"\s*:')
"""Matches the head of a target: its line in HCL, its name in JSON."""


class UnknownError(Exception):
    """A value needs more than is evaluated here."""


@dataclass
class BakeFile:
    """The targets of one or more files that Bake reads together; later files win."""

    environment: Mapping[str, str] = field(default_factory=dict)
    targets: dict[str, Body] = field(default_factory=dict)
    groups: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)  # of targets in Bake files
    unknown: dict[str, None] = field(default_factory=dict)  # targets that need more than is known
    # Of variables that are not evaluated yet:
    _defaults: dict[str, Value] = field(default_factory=lambda: {"BAKE_CMD_CONTEXT": "cwd://"})
    _variables: dict[str, Value] = field(default_factory=dict)
    _inheriting: dict[str, Body | None] = field(default_factory=dict)  # None while unknown
    _room: int = _MOST_VALUES

    def add(self, document: Body, path: str = "", text: str = "") -> None:
        """Add a file, which wins over those added before."""
        lines: dict[str, int] = {}
        for number, line in enumerate(text.split("\n"), 1):
            for head in _HEAD.finditer(line):
                lines.setdefault(head[1] or head[2], number)
        for kind, name, body in _blocks(document):
            if kind == "variable":
                self._defaults[name] = body.get("default", "")
            elif kind == "group":
                self.groups[name] = body.get("targets")
            elif kind == "target":
                self.targets[name] = _merged(self.targets.get(name, {}), body)
                self.places[name] = Location(path, lines.get(name, 1))

    def builds(self) -> dict[str, Build]:
        """Return the builds of the targets, with paths as the file has them.

        A target that others inherit from is left out, unless a group names it.
        """
        for name in [*self._defaults]:
            with suppress(UnknownError):
                self._variable(name)
        named = {text for value in self.groups.values() for text in self._listed(value)}
        bodies = self.targets.values()
        parents = {text for body in bodies for text in self._listed(body.get("inherits"))}
        found: dict[str, Build] = {}
        for name in self.places:
            if name in named or (name not in parents and not name.startswith("_")):
                try:
                    found[name] = self._build(name)
                except (UnknownError, RecursionError):
                    self.unknown[name] = None
        return found

    def _listed(self, value: Value) -> list[str]:
        """Return the texts in a list, none if it is not known."""
        with suppress(UnknownError):
            if isinstance(found := self._value(value), list):
                return [*texts_in(found)]
        return []

    def _build(self, name: str) -> Build:
        body = self._body(name)
        if body.get("matrix") is not None:
            raise UnknownError
        keys = ("context", "dockerfile", "target", "dockerfile-inline")
        context, dockerfile, target, inline = (_text(self._value(body.get(key))) for key in keys)
        given = body.get("args")
        platforms = self._value(body.get("platforms"))
        args: dict[str, str] = {}
        for each in [{key: given[key]} for key in given] if isinstance(given, dict) else [given]:
            try:
                args |= _pairs(self._value(each))
            except UnknownError:
                self.unknown[name] = None
        contexts = _pairs(self._value(body.get("contexts")))
        systems = tuple(map(_text, platforms if isinstance(platforms, list) else ()))
        file = dockerfile or None
        return with_inline(Build(context, file, target, args, contexts, systems), inline, _ANY)

    def _body(self, name: str) -> Body:
        """Return a target merged over those that it inherits from; later ones win."""
        if name not in self._inheriting and name in self.targets:
            self._inheriting[name] = None
            found: Body = {}
            parents = self._value(self.targets[name].get("inherits"))
            for parent in parents if isinstance(parents, list) else ():
                found = _merged(found, self._body(_text(parent)))
            self._pay(sum(len(each) for each in found.values() if isinstance(each, dict)))
            self._inheriting[name] = _merged(found, self.targets[name])
        if (known := self._inheriting.get(name)) is None:  # no target, or one that needs itself
            raise UnknownError
        return known

    def _value(self, value: Value, *, inside: bool = False) -> Value:
        """Return the value of a template, or of one `inside` a list or an object."""
        if isinstance(value, list):
            return [self._value(each, inside=True) for each in value]
        if isinstance(value, dict):
            return {_text(self._value(k)): self._value(v, inside=True) for k, v in value.items()}
        if not isinstance(value, str):
            return value
        if lone := re.fullmatch(_VARIABLE, value):  # a lone variable keeps its type
            found = self._variable(lone[1])
            if inside and isinstance(found, list | dict):
                raise UnknownError  # lists of lists would double without end
            return found
        pieces = list[str]()
        at = 0
        for match in _PIECE.finditer(value):
            pieces += value[at : match.start()], self._piece(match)
            at = match.end()
        text = made_of(_joined, *pieces, value[at:])
        return hidden_as(value, text)

    def _piece(self, match: re.Match[str]) -> str:
        if match[1]:
            text = _text(self._variable(match[1]))
            self._pay(len(text))
            return Hidden(text, f"${{{match[1]}}}")
        if len(match[0]) < 3:
            raise UnknownError
        return match[0][1:]

    def _variable(self, name: str) -> Value:
        """Return a variable, as the environment sets it or else its default."""
        if name in self._defaults:  # removed first, as it may refer to itself
            default = self._defaults.pop(name)
            given = self.environment.get(name)
            # Bake converts a text of the environment to the type of the default.
            if given is not None and not isinstance(default, str | None):
                raise UnknownError
            if given is None:
                value = self._value(default)
            else:
                value = given
            self._variables[name] = _hidden(value, f"${{{name}}}")
        if name not in self._variables:
            raise UnknownError
        return self._variables[name]

    def _pay(self, values: int) -> None:
        self._room -= values
        if self._room < 0:
            raise UnknownError


def _blocks(document: Body) -> Iterator[tuple[str, str, Body]]:
    """Yield the kind, the name and the content of each block; an attribute is a variable."""
    for kind, value in document.items():
        if kind not in _KINDS:
            yield "variable", kind, {"default": value}
            continue
        for named in value if isinstance(value, list) else [value]:
            for name, body in named.items() if isinstance(named, dict) else ():
                # In JSON, a list of one is another spelling of a block.
                if isinstance(body, list) and body:
                    body = body[0]
                else:
                    body = body
                if isinstance(body, dict):
                    yield kind, name, body


def _merged(base: Body, over: Body) -> Body:
    """Merge two bodies of a target: maps key by key; of other values the later one wins."""
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            found[key] = {**below, **value}
        elif value is not None:
            found[key] = value
    return found


def _joined(*pieces: str) -> str:
    return "".join(pieces)


def _hidden(value: Value, written: str) -> Value:
    """Return a value with all its texts and numbers hidden: `written` is printed for each."""
    if isinstance(value, dict):
        return {Hidden(key, written): _hidden(each, written) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, written) for each in value]
    if value is None or isinstance(value, bool):
        return value
    with suppress(UnknownError):
        return Hidden(_text(value), written)
    return value


def _pairs(value: Value) -> dict[str, str]:
    if not isinstance(value, dict | None):
        raise UnknownError
    return {key: _text(each) for key, each in (value or {}).items() if each is not None}


def _text(value: Value) -> str:
    """Return a value as text, `""` for null. Raises `UnknownError` for lists and objects."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | None):
        return value or ""
    text = str(value).removesuffix(".0")
    if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text):  # neither with an exponent, nor NaN
        return text
    raise UnknownError


def texts_in(value: Value) -> Iterator[str]:
    """Yield each text and number in a value, and each key."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value).removesuffix(".0")


def read_json(text: str) -> Body:
    """Return the document of a JSON file. Raises `NotReadError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            line = error.lineno
        else:
            line = None
        raise NotReadError("bake", f"it is not JSON: {error}", line) from None
    if isinstance(document, dict):
        return document
    return {}


def literal(value: Value) -> Value:
    """Return the template that evaluates to a value; texts in it may be templates already.

    Newer versions of buildx print `$${` for a literal `${`, older ones do not.
    """
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [*map(literal, value)]
    if not isinstance(value, str):
        return value
    return hidden_as(value, re.sub(r"([$%])\1?\{", r"\1\1{", value))


def read_hcl(text: str) -> Body:
    """Return the document of an HCL file in the form of JSON. Raises `NotReadError`.

    Needs python-hcl2, which comes with the extra `ctxsize[bake]`.
    """
    try:
        import hcl2
    except ImportError:
        raise NotReadError("bake", "HCL needs python-hcl2: pip install python-hcl2") from None
    options = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False)
    try:
        document = _from_hcl(hcl2.loads(f"{text}\n", serialization_options=options))
    except RecursionError:
        raise
    except Exception as error:  # `hcl2` passes on the errors of its parser
        line = getattr(error, "line", None)
        if isinstance(line, int) and line > 0:
            known = line
        else:
            known = None
        raise NotReadError("bake", "it is not HCL", known) from None
    if isinstance(document, dict):
        return document
    return {}


def _from_hcl(value: Value) -> Value:
    """Return a document of python-hcl2, whose texts are source with quotes, in the form of JSON."""
    if isinstance(value, dict):
        return {key.strip('"'): _from_hcl(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_from_hcl(each) for each in value]
    if not isinstance(value, str):
        return value
    if (heredoc := _heredoc(value)) is not None:
        return heredoc
    if value.startswith('"'):
        try:
            return str(json.loads(value, strict=False))
        except ValueError:  # quotes in an expression, or an escape that only HCL has
            return "${?}"
    if value.startswith("${"):
        return value
    return f"${{{value}}}"


def _heredoc(value: str) -> str | None:
    """Return the text of a heredoc, None if a text of python-hcl2 is none."""
    start = _HEREDOC.match(value)
    if start is None or not value.endswith('"'):
        return None
    body = value[start.end() : -1].rstrip()
    if not body.endswith(start[2]):
        return None
    text = body.removesuffix(start[2]).rstrip(" \t").removesuffix("\n") + "\n"
    if start[1]:
        return dedent(text)
    return text
