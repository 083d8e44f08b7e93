"""YAML as Compose reads it, with the lines of its keys, and the variables in its texts.

A scalar becomes the text that Go prints of its value: `1.50` is the number 1.5, `010` is eight,
and `on` and `yes` are texts. PyYAML resolves scalars differently, so only its nodes are used.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count, islice
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from ctxsize.dockerfile.words import Variables
from ctxsize.findings import Location
from ctxsize.hidden import Hidden, made_of
from ctxsize.repository.search import NamedTexts, NotReadError, RegexMatch
from ctxsize.values import Mutable

if TYPE_CHECKING:
    import yaml

Yaml: TypeAlias = "str | list[Yaml] | YamlMapping | None"

NamesOfKeys = tuple[str, ...]  # the path of keys to a value

_MOST_VALUES = 500_000  # number of values of the largest document, with those of its aliases
_SHARE = 10  # number of characters of a text that count as a further value
_TOML_LINE = r"(\[{0,2})([\w\-.\"' \t]+)(?:\]|=)"
"""Matches the header of a table, or a key, in a line without blanks around it."""
_DEEPEST_ELEMENT = 100  # number of XML elements in each other
REFERENCE = "$REFERENCE"  # stands for what a tag of GitLab refers to
_MERGE = "tag:yaml.org,2002:merge"
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEAN = "true|True|TRUE|false|False|FALSE"
_INTEGER = (
    r"[-+]?(?:"
    r"0b[01_]+"
    r"|0o?[0-7_]+"  # octal, also without the letter
    r"|0x[0-9a-fA-F_]+"
    r"|[1-9][0-9_]*|0)"
)
_OLD_OCTAL = r"(?<![0-9a-fA-Fx])0(?=[0-7])"
_FLOAT = (
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)"
    r"(?:[eE][-+]?[0-9]+)?"  # its exponent
)
_NAME = "[_a-zA-Z][_a-zA-Z0-9]*"
_WORD = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
_VARIABLE = (
    rf"\$(?:\$|(?P<plain>{_NAME})"
    rf"|\{{(?P<braced>{_NAME})(?:(?P<operator>:?[-?+])(?P<word>{_WORD}))?\}}"
    r"|(?=\{))"  # no variable, which compose-go refuses; any other `$`, as in `$(pwd)`, is a text
)
"""Matches a reference to a variable, whose word may have two more in each other; or a wrong `{`."""
_MOST_CHARACTERS = 2**26  # of all texts of a project: each variable may double another
_LINE = r"""(?msx)
    ^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-\[\]]*)[ \t]*(?:=|:(?=[ \t]))[ \t]*
    (?: '(?P<single>(?:[^'\\]|\\.)*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\r\n]*) )"""
_IN_QUOTES = "'(?!<)[^']{2,}'"
"""Matches what a message of PyYAML quotes from the text, but for single characters."""
_COMMENT = r"(?:^|[ \t])#"
_ESCAPE = r"(?s)\\(.)"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class YamlMapping(dict[str, "Yaml"]):
    """A mapping, where it begins, and the lines of its keys."""

    where = Location("")  # that of a build, where files are merged

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.dropped: set[str] = set()  # keys with `!reset` or `!override`: earlier values go

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping."""
        return self.lines.get(key, self.line)

    def with_pairs(self, pairs: Mapping[str, Yaml]) -> YamlMapping:
        """Return a mapping of `pairs` in the place of this one."""
        mapping = YamlMapping()
        vars(mapping).update(vars(self))
        mapping.update(pairs)
        return mapping


def mapping_of(value: Yaml) -> YamlMapping:
    """Return `value` if it is a mapping, else an empty mapping."""
    if isinstance(value, YamlMapping):
        return value
    return YamlMapping()


def listed(value: Yaml) -> list[Yaml]:
    """Return `value` if it is a list, else an empty list."""
    if isinstance(value, list):
        return value
    return []


def texts_in(value: Yaml) -> Iterator[str]:
    """Yield a text, or the texts of a list and of lists in it."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += reversed(node)
        elif isinstance(node, str):
            yield node


def load(text: str) -> Yaml:
    """Return the first document of `text`, as `documents`."""
    return next(documents(text), None)


def documents(text: str) -> Iterator[Yaml]:
    """Yield the documents of `text`: `YamlMapping`, list, `str` or None.

    Anchors, aliases and merge keys are resolved. Raises `NotReadError`.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        number = count()
        while loader.check_node() and (node := loader.get_node()):
            yield _value_of(node, number)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is None:
            line = None
        else:
            line = mark.line + 1
        # The message may quote a literal value, such as one that looks like an alias.
        problem = re.sub(_IN_QUOTES, "'…'", error.problem or "it is not YAML")
        raise NotReadError("yaml", problem, line) from None
    except yaml.YAMLError as error:  # for instance a NUL, which YAML forbids
        raise NotReadError("yaml", str(error).splitlines()[0]) from None
    except RecursionError:
        raise NotReadError("yaml", "it is nested too deeply") from None


def toml_document(text: str) -> YamlMapping:
    """Return the document of a TOML text, like one of YAML. Raises `NotReadError`."""
    from ctxsize.toml import read_toml

    try:
        table = read_toml(text.encode())
    except ValueError as error:
        line = re.search(r"\(at line (\d+)", str(error))
        raise NotReadError("toml", "it is not TOML", line and int(line[1])) from None
    return mapping_of(_toml_value(table, (), _toml_lines(text)))


def _toml_lines(text: str) -> dict[NamesOfKeys, int]:
    """Return the first line of each key of a TOML text; of arrays of tables that of the first."""
    lines: dict[NamesOfKeys, int] = {}
    table: NamesOfKeys = ()
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(_TOML_LINE, line.strip())
        if match is None:
            continue
        names = tuple(name.strip("\"' \t") for name in match[2].split("."))
        if match[1]:
            table = names
        else:
            names = table + names
        for count_of_names in range(1, len(names) + 1):
            lines.setdefault(names[:count_of_names], number)
    return lines


def _toml_value(value: object, names: NamesOfKeys, lines: dict[NamesOfKeys, int]) -> Yaml:
    if isinstance(value, list):
        return [_toml_value(child, names, lines) for child in value]
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, dict):
        return str(value)
    mapping = YamlMapping(lines.get(names, 1))
    for key, child in value.items():
        inner = (*names, key)
        mapping[key] = _toml_value(child, inner, lines)
        mapping.lines[key] = lines.get(inner, mapping.line)
    return mapping


def text_at(mapping: YamlMapping, paths: Iterable[str]) -> str:
    """Return the value at the first path that has one, with a line for each of several."""
    for path in paths:
        node = value_at(mapping, path)
        if isinstance(node, YamlMapping):
            node = [f"{key}={text}" for key, text in node.items() if isinstance(text, str)]
        text = "\n".join(texts_in(node)).strip()
        if text:
            return text
    return ""


def value_at(mapping: YamlMapping, path: str) -> Yaml:
    """Return the value at a path of keys with dots between them, None without one."""
    node: Yaml = mapping
    for key in path.split("."):
        node = mapping_of(node).get(key)
    return node


def xml_document(text: str) -> YamlMapping:
    """Return the elements of an XML text, like a document of YAML: equal ones are a list.

    Raises `NotReadError`, also for a document type, whose entities may grow without end.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator=" ")
    stack = [YamlMapping(1)]
    texts = [""]

    def start(name: str, _: object) -> None:
        if len(stack) > _DEEPEST_ELEMENT:
            raise NotReadError("xml", "it is nested too deeply", parser.CurrentLineNumber)
        stack.append(YamlMapping(parser.CurrentLineNumber))
        texts.append("")

    def end(name: str) -> None:
        element = stack.pop()
        key = name.rpartition(" ")[2]
        value: Yaml = element or texts[-1].strip()
        texts.pop()
        around = stack[-1]
        if key in around:
            before = around[key]
            around[key] = [*(listed(before) or [before]), value]
        else:
            around[key] = value
            around.lines[key] = element.line

    def add_text(characters: str) -> None:
        texts[-1] += characters

    def refuse(*_: object) -> None:
        raise NotReadError("xml", "it has a document type", parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = add_text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise NotReadError("xml", "it is not XML", error.lineno) from None
    return stack[0]


def _value_of(node: yaml.Node, number: Iterator[int]) -> Yaml:
    import yaml

    # As `excessive aliasing` of go-yaml: aliases of aliases, or of long texts, would multiply
    # without end.
    if next(islice(number, len(node.value) // _SHARE, None)) >= _MOST_VALUES:
        raise NotReadError("yaml", f"it has more than {_MOST_VALUES:,} values")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, number)
    if node.tag == "!reference":  # to a part of a file of GitLab
        return REFERENCE
    if isinstance(node, yaml.SequenceNode):
        return [_value_of(child, number) for child in node.value]
    text = str(node.value)
    if isinstance(node, yaml.ScalarNode) and node.style is not None:  # quoted, or a block
        return text
    if text in _NULL:
        return None
    return as_go_prints(text)


def _mapping(node: yaml.MappingNode, number: Iterator[int]) -> YamlMapping:
    mapping = YamlMapping(node.start_mark.line + 1)
    merged = []
    for key_node, value_node in node.value:
        key = key_node.value
        line = key_node.start_mark.line + 1
        tag = value_node.tag
        if not isinstance(key, str):
            raise NotReadError("yaml", "a key is not a string", line)
        node_value: Yaml = None
        if tag != "!reset":
            node_value = _value_of(value_node, number)
        if key_node.tag == _MERGE:
            merged += listed(node_value) or [node_value]
            continue
        mapping[key] = node_value
        mapping.lines[key] = line
        if tag in ("!reset", "!override"):
            mapping.dropped.add(key)
    for base in map(mapping_of, merged):
        mapping.dropped |= base.dropped - mapping.keys()
        mapping.lines = {**base.lines, **mapping.lines}
        for key, node_value in base.items():
            mapping.setdefault(key, node_value)
    return mapping


def as_go_prints(text: str) -> str:
    """Return the text that Go prints of the value of an unquoted scalar, but for odd numbers."""
    if re.fullmatch(_BOOLEAN, text):
        return text.lower()
    with suppress(ValueError):  # no number for Go either: `0b_`
        if re.fullmatch(_INTEGER, text):
            return str(int(re.sub(_OLD_OCTAL, "0o", text.replace("_", ""), count=1), 0))
        if re.fullmatch(_FLOAT, text) and float(shown := f"{float(text):g}") == float(text) < inf:
            return shown
    return text


class Interpolator(Mutable):
    """Interpolates the texts of a project, as `template.Substitute` of compose-go does.

    A text with the value of a variable becomes a hidden one, which is printed with the names.
    """

    _room: int = _MOST_CHARACTERS

    def replaced(self, value: Yaml, variables: Variables, place: str = "") -> Yaml:
        """Return `value`, which is at the keys `place`, with its texts interpolated.

        Raises `NotReadError`, which names the keys and quotes no value.
        """
        if isinstance(value, str):
            return self.text(value, variables, place)
        if isinstance(value, list):
            return [self.replaced(child, variables, place) for child in value]
        if not isinstance(value, dict):
            return None
        mapping = value.with_pairs({})
        for key, child in value.items():
            inner = key
            if place:
                inner = f"{place}.{key}"
            mapping[key] = self.replaced(child, variables, inner)
        return mapping

    def text(self, text: str, variables: Variables, place: str = "") -> str:
        """Return `text` with its variables replaced, by `""` if unset. Raises `NotReadError`."""
        self._pay(text)
        return substituted(
            text, re.finditer(_VARIABLE, text), partial(self._value, variables, place)
        )

    def _value(self, variables: Variables, place: str, match: RegexMatch) -> str:
        where = "this value"
        if place:
            where = f"`{place}`"
        name = match["plain"] or match["braced"]
        operator = match["operator"] or "-"
        if match[0] == "$$":
            return "$"
        if not name:
            raise NotReadError(
                code="variable",
                message=f"a wrong ${{ or a missing }} in {where}; write $$ for a dollar sign",
            )
        is_set = name in variables
        if operator[0] == ":" and not variables.get(name):  # an empty value counts as none
            is_set = False
        if operator[-1] == "?" and not is_set:
            raise NotReadError("variable", f"the variable {name} has no value in {where}")
        is_alternative = operator[-1] == "+"
        if is_set and not is_alternative:
            self._pay(variables[name])
            return Hidden(variables[name], f"${{{name}}}")
        if is_set == is_alternative:
            return self.text(match["word"] or "", variables, place)
        return ""

    def _pay(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise NotReadError(
                code="variable",
                message=f"all values have more than {_MOST_CHARACTERS:,} characters",
            )


def substituted(
    text: str, matches: Iterable[RegexMatch], value_of: Callable[[RegexMatch], str]
) -> str:
    """Return a text with its matches replaced, hidden if one of the values is."""
    pieces = []
    end = 0
    for match in matches:
        pieces += [text[end : match.start()], value_of(match)]
        end = match.end()
    pieces.append(text[end:])
    return made_of(lambda *texts: "".join(texts), *pieces)


def read_dotenv(text: str, outer: Variables) -> NamedTexts:
    """Return the variables that a `.env` file sets; `outer` ones may be used in it."""
    settings: NamedTexts = {}
    variables = ChainMap(dict(outer), settings)
    interpolator = Interpolator()
    for match in re.finditer(_LINE, text):
        name, single, double, bare = match.groups()
        if single is not None:
            settings[name] = single
            continue
        if bare is None:
            # Only double quotes have escapes, for compose-go's `dotenv` as for a shell.
            setting = re.sub(_ESCAPE, _unescape, double)
        else:
            setting = re.split(_COMMENT, bare, maxsplit=1)[0].strip()
        settings[name] = setting
        with suppress(NotReadError):  # a wrong `$` stays as it is
            settings[name] = interpolator.text(setting, variables)
    return settings


def _unescape(match: RegexMatch) -> str:
    return _ESCAPES.get(match[1], match[0])
