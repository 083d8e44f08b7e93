"""Read Bake files, HCL or JSON, and evaluate literals, variables, `${NAME}` and inheritance.

Texts of both languages become templates in the form of JSON. A condition that compares a variable
with a text or null is evaluated; other ones, functions, `for` and matrices are not:
`BakeFile.unknown` has the targets that use them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from textwrap import dedent
from typing import NamedTuple, TypeAlias

from ctxsize.build import Build, with_inline
from ctxsize.dockerfile.words import Variables
from ctxsize.findings import Location
from ctxsize.hidden import Hidden, hidden_as
from ctxsize.repository.search import NamedTexts, NotReadError, RegexMatch
from ctxsize.repository.yaml import substituted

BakeValue: TypeAlias = "bool | int | float | str | list[BakeValue] | dict[str, BakeValue] | None"
BakeObject: TypeAlias = "dict[str, BakeValue]"

# `defaultFilenames` of buildx: Bake reads all that exist, in this order. Up to buildx 0.13, files
# in HCL came after all in JSON.
_ENDS = ("json", "hcl", "override.json", "override.hcl")
DEFAULTS = tuple(f"docker-bake.{end}" for end in _ENDS)
_KINDS = ("variable", "function", "group", "target")
_ANY = "surrogatepass"  # JSON may have lone surrogates
_MOST_VALUES = 2**20  # inherited values, and characters of variables in texts, of all targets
_HEREDOC = r'(?s)"<<(-?)(\w+)\r?\n(.*)\2\s*"'
_VARIABLE = r"\$\{\s*([A-Za-z_][\w-]*)\s*\}"
_PIECE = (
    r"\$\$\{|%%\{"  # a literal `${` or `%{`
    rf"|{_VARIABLE}"
    r"|[$%]\{"  # what is not evaluated here
)
_CHOICE = r'(\[[^][]*]|"[^"]*"|null)'
_CONDITION = rf'\$\{{([\w-]+) ([!=]=) (null|"[^"$%\\]*") \? {_CHOICE} : {_CHOICE}\}}'
_HEAD = (
    r'^[ \t]*target\s+"?([^"\s{]+)"?\s*\{'  # the head of a target: its line in HCL
    r'|"([^"]*)"\s*:'  # its name in JSON
)


class UnknownError(Exception):
    """A value needs more than is evaluated here."""


class BakeFile:
    """The targets of one or more files that Bake reads together; later files win."""

    def __init__(self, environment: Variables) -> None:
        self.targets: dict[str, BakeObject] = {}
        self.groups: BakeObject = {}
        self.places: dict[str, Location] = {}  # of targets in Bake files
        self.unknown: dict[str, None] = {}  # targets that need more than is known
        self._environment = environment
        self._defaults: BakeObject = {"BAKE_CMD_CONTEXT": "cwd://"}  # not evaluated yet
        self._variables: BakeObject = {}
        self._inheriting: dict[str, BakeObject | None] = {}  # None while unknown
        self._room = _MOST_VALUES

    def add(self, document: BakeObject, path: str, text: str) -> None:
        """Add a file, which wins over those added before."""
        lines = _lines_of_targets(text)
        for kind, name, body in _blocks(document):
            if kind == "variable":
                self._defaults[name] = body.get("default", "")
            elif kind == "group":
                self.groups[name] = body.get("targets")
            elif kind == "target":
                self.targets[name] = _merge(self.targets.get(name, {}), body)
                self.places[name] = Location(path, lines.get(name, 1))

    def builds(self) -> dict[str, Build]:
        """Return the builds of the targets, with paths as the file has them.

        A target that others inherit from is left out, unless a group names it.
        """
        for name in [*self._defaults]:
            with suppress(UnknownError):
                self._variable(name)
        grouped = self._names_in(self.groups.values())
        parents = self._names_in(body.get("inherits") for body in self.targets.values())
        builds = {}
        for name in self.places:
            is_abstract = name in parents or name.startswith("_")
            if is_abstract and name not in grouped:
                continue
            try:
                builds[name] = self._build(name)
            except (UnknownError, RecursionError):
                self.unknown[name] = None
        return builds

    def dockerfile_of(self, name: str) -> Build | None:
        """Return the context and the Dockerfile of an unknown target; None if one is unknown."""
        with suppress(UnknownError, RecursionError):
            body = self._body(name)
            dockerfile = self._text_at(body, "dockerfile")
            if dockerfile:
                return Build(context=self._text_at(body, "context"), dockerfile=dockerfile)
        return None

    def _names_in(self, templates: Iterable[BakeValue]) -> set[str]:
        """Return the texts in the lists that are known."""
        names = set[str]()
        for template in templates:
            with suppress(UnknownError):
                texts = self._value(template)
                if isinstance(texts, list):
                    names.update(_texts_in(texts))
        return names

    def _build(self, name: str) -> Build:
        body = self._body(name)
        if body.get("matrix") is not None:
            raise UnknownError
        platforms = self._known(name, body.get("platforms"))
        if not isinstance(platforms, list):
            platforms = []
        build = Build(
            context=self._text_at(body, "context"),
            dockerfile=self._text_at(body, "dockerfile") or None,
            target=self._text_at(body, "target"),
            build_arguments=self._arguments(name, body.get("args")),
            build_contexts=_pairs(self._value(body.get("contexts"))),
            platforms=map(_text, platforms),
        )
        return with_inline(build, self._text_at(body, "dockerfile-inline"), _ANY)

    def _text_at(self, body: BakeObject, key: str) -> str:
        return _text(self._value(body.get(key)))

    def _known(self, target: str, template: BakeValue) -> BakeValue:
        """Return a value that decides neither about the context nor about the Dockerfile."""
        try:
            return self._value(template)
        except UnknownError:
            self.unknown[target] = None
            return None

    def _arguments(self, target: str, template: BakeValue) -> NamedTexts:
        """Return the build arguments of a target, without those that are not known."""
        parts = [template]
        if isinstance(template, dict):
            parts = [{key: template[key]} for key in template]
        arguments = {}
        for part in parts:
            arguments.update(_pairs(self._known(target, part)))
        return arguments

    def _body(self, name: str) -> BakeObject:
        """Return a target merged over those that it inherits from; later ones win."""
        bodies = self._inheriting
        if name not in bodies and name in self.targets:
            bodies[name] = None
            own_body = self.targets[name]
            inherited: BakeObject = {}
            parents = self._value(own_body.get("inherits"))
            if isinstance(parents, list):
                for parent in parents:
                    inherited = _merge(inherited, self._body(_text(parent)))
            for attribute in inherited.values():
                if isinstance(attribute, dict):
                    self._pay(len(attribute))
            bodies[name] = _merge(inherited, own_body)
        body = bodies.get(name)
        if body is None:  # no target, or one that needs itself
            raise UnknownError
        return body

    def _value(self, template: BakeValue, *, inside: bool = False) -> BakeValue:
        """Return the value of a template, or of one `inside` a list or an object."""
        if isinstance(template, list):
            return [self._value(part, inside=True) for part in template]
        if isinstance(template, dict):
            return {
                _text(self._value(key)): self._value(part, inside=True)
                for key, part in template.items()
            }
        if not isinstance(template, str):
            return template
        lone = re.fullmatch(_VARIABLE, template)
        if lone:  # a lone variable keeps its type
            variable = self._variable(lone[1])
            if inside and isinstance(variable, list | dict):
                raise UnknownError  # lists of lists would double without end
            return variable
        condition = re.fullmatch(_CONDITION, template)
        if condition:
            return self._value(json.loads(self._chosen(condition)), inside=inside)
        return hidden_as(
            template, substituted(template, re.finditer(_PIECE, template), self._piece)
        )

    def _chosen(self, condition: RegexMatch) -> str:
        """Return what a condition on a text, or on null, chooses, as JSON."""
        name, operator, wanted, if_true, if_false = condition.groups()
        is_equal = self._variable(name) == json.loads(wanted)
        if is_equal and wanted[1:-1].isdigit():  # what is hidden may be a number
            raise UnknownError
        if is_equal == (operator == "=="):
            return if_true
        return if_false

    def _piece(self, match: RegexMatch) -> str:
        name = match[1]
        if name:
            text = _text(self._variable(name))
            self._pay(len(text))
            return Hidden(text, f"${{{name}}}")
        if len(match[0]) < 3:
            raise UnknownError
        return match[0][1:]

    def _variable(self, name: str) -> BakeValue:
        """Return a variable, as the environment sets it or else its default."""
        if name in self._defaults:  # removed first, as it may refer to itself
            default = self._defaults.pop(name)
            text = self._environment.get(name)
            if text is None:
                variable = self._value(default)
            elif isinstance(default, str | None):
                variable = text
            else:  # Bake converts a text of the environment to the type of the default
                raise UnknownError
            self._variables[name] = _hide(variable, f"${{{name}}}")
        if name not in self._variables:
            raise UnknownError
        return self._variables[name]

    def _pay(self, values: int) -> None:
        self._room -= values
        if self._room < 0:
            raise UnknownError


def _lines_of_targets(text: str) -> dict[str, int]:
    """Return the line on which each target of a file begins."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for head in re.finditer(_HEAD, line):
            lines.setdefault(head[1] or head[2], number)
    return lines


class _BakeBlock(NamedTuple):
    kind: str
    name: str
    body: BakeObject


def _blocks(document: BakeObject) -> Iterator[_BakeBlock]:
    """Yield the blocks of a file; an attribute is a variable."""
    for kind, content in document.items():
        if kind not in _KINDS:
            yield _BakeBlock("variable", kind, {"default": content})
            continue
        if not isinstance(content, list):
            content = [content]
        for bodies in content:
            if not isinstance(bodies, dict):
                continue
            for name, body in bodies.items():
                if isinstance(body, list) and body:  # in JSON, another spelling of a block
                    body = body[0]
                if isinstance(body, dict):
                    yield _BakeBlock(kind, name, body)


def _merge(base: BakeObject, over: BakeObject) -> BakeObject:
    """Merge two bodies of a target: maps key by key; of other values the later one wins."""
    merged = dict(base)
    for key, attribute in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(attribute, dict):
            merged[key] = {**below, **attribute}
        elif attribute is not None:
            merged[key] = attribute
    return merged


def _hide(value: BakeValue, written: str) -> BakeValue:
    """Return a value with all its texts and numbers hidden: `written` is printed for each."""
    if isinstance(value, dict):
        return {Hidden(key, written): _hide(part, written) for key, part in value.items()}
    if isinstance(value, list):
        return [_hide(part, written) for part in value]
    if value is None or isinstance(value, bool):
        return value
    with suppress(UnknownError):
        return Hidden(_text(value), written)
    return value


def _pairs(value: BakeValue) -> NamedTexts:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnknownError
    return {key: _text(part) for key, part in value.items() if part is not None}


def _text(value: BakeValue) -> str:
    """Return a value as text, `""` for null. Raises `UnknownError` for lists and objects."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | None):
        return value or ""
    text = str(value).removesuffix(".0")
    if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text):  # neither with an exponent, nor NaN
        return text
    raise UnknownError


def _texts_in(value: BakeValue) -> Iterator[str]:
    """Yield each text and number in a value, and each key."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value).removesuffix(".0")


def read_json(text: str) -> BakeObject:
    """Return the document of a JSON file. Raises `NotReadError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise NotReadError("bake", f"it is not JSON: {error}", line) from None
    if isinstance(document, dict):
        return document
    return {}


def literal(template: BakeValue) -> BakeValue:
    """Return the template that evaluates to a value; texts in it may be templates already.

    Newer versions of buildx print `$${` for a literal `${`, older ones do not.
    """
    if isinstance(template, dict):
        return {key: literal(part) for key, part in template.items()}
    if isinstance(template, list):
        return [*map(literal, template)]
    if not isinstance(template, str):
        return template
    return hidden_as(template, re.sub(r"([$%])\1?\{", r"\1\1{", template))


def read_hcl(text: str) -> BakeObject:
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
        if not isinstance(line, int) or line <= 0:
            line = None
        raise NotReadError("bake", "it is not HCL", line) from None
    if isinstance(document, dict):
        return document
    return {}


def _from_hcl(source: BakeValue) -> BakeValue:
    """Return a document of python-hcl2, whose texts are source with quotes, in the form of JSON."""
    if isinstance(source, dict):
        return {key.strip('"'): _from_hcl(part) for key, part in source.items()}
    if isinstance(source, list):
        return [_from_hcl(part) for part in source]
    if not isinstance(source, str):
        return source
    if (heredoc := _heredoc(source)) is not None:
        return heredoc
    if source.startswith('"'):
        try:
            return str(json.loads(source, strict=False))
        except ValueError:  # quotes in an expression, or an escape that only HCL has
            return "${?}"
    if source.startswith("${"):
        return source
    return f"${{{source}}}"


def _heredoc(source: str) -> str | None:
    """Return the text of a heredoc, None if a text of python-hcl2 is none."""
    heredoc = re.fullmatch(_HEREDOC, source)
    if heredoc is None:
        return None
    text = heredoc[3].rstrip(" \t").removesuffix("\n") + "\n"
    if heredoc[1]:
        return dedent(text)
    return text
