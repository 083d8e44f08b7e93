"""What an expression may be that the code computes: the names in it, with all their values.

The keys are modules and expressions as the code has them, so that what is compiled here is what the
code compiles. Names of files and words of a Dockerfile are escaped by the code, so a few stand for
all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import ctxsize
from ctxsize.dockerfile import words
from ctxsize.engine import patterns
from ctxsize.formats import BEGINNINGS
from ctxsize.knowledge import rules, tools
from ctxsize.knowledge.rules import Marker, all_rules, table
from ctxsize.recommender import facts, mentions
from ctxsize.repository import commands, recognisers

Names = Mapping[str, Any]

_ESCAPES = ("\\", "`")
_TEXTS = ("a", ".env", "a b", "[", "-a" * 60)
_OPTIONS = ("--no-cache-dir", "-n")
_PATTERNS = ("*", "a*", "*a*a*a*", "[ab]*", "*[!a]*[!b]*", "[", "*.py[co]", "?*" * 9)


class Computed(NamedTuple):
    """The values of the names, and the ways in which the code looks for it, if no call says so."""

    values: Callable[[], Iterable[Names]]
    ways: frozenset[str] = frozenset()


def _each(name: str, values: Iterable[Any]) -> Callable[[], Iterator[Names]]:
    return lambda: ({name: value} for value in values)


def _kinds(name: str = "kind") -> Iterator[Names]:
    return ({name: kind} for kind in mentions.read_kinds().values())


def _mention_rows() -> Iterator[mentions.MentionRow]:
    return (row for kind in mentions.read_kinds().values() for row in kind.rows)


def _rows() -> Iterator[Names]:
    return ({"row": row} for row in _mention_rows())


def _descends() -> Iterator[Names]:
    texts = [mentions.setting("go_skipped")]
    for row in _mention_rows():
        texts += filter(None, (row.descends, row.descends_all))
    return ({"mention": SimpleNamespace(descends=text)} for text in texts)


def _files() -> Iterator[recognisers.FileKind]:
    return iter(recognisers.file_kinds())


def _readers() -> Iterator[SimpleNamespace]:
    return (SimpleNamespace(reader=reader) for reader in commands._PARTS)


def _file_names() -> list[str]:
    """Return the names of each kind, and those of all."""
    names = [kind.name for kind in _files()]
    return [*names, "|".join(names)]


def _tops() -> Iterator[Names]:
    return ({"self": SimpleNamespace(kind=kind)} for kind in _files())


def _shell_patterns() -> Iterator[Names]:
    """Yield what `${A#pattern}` compiles."""
    for pattern in ("a*b", "a?b"):
        for greedy in (False, True):
            compiled = words._pattern(pattern, "", greedy=greedy)
            yield {"expression": compiled.pattern}


def _wildcards() -> Iterator[Names]:
    """Yield expressions of ignore files that `re` searches in paths of any length."""
    for line in ("a*b", "*a", "a*", "*.py[co]", "a?b", "**/a*b"):
        _, expression = patterns.classify(line)
        yield {"pattern": patterns.compiled(expression).pattern}


def _starts() -> Iterator[Names]:
    """Yield what stands before the first star of an expression of an ignore file."""
    for line in ("a*b*", "a?[0-9]/b.c/*d*", "*a*"):
        _, expression = patterns.classify(line)
        yield {"start": re.match(patterns._UP_TO_A_STAR, expression)}


def _lists_of_globs() -> Iterator[Names]:
    for key, value in table("lists.toml").items():
        if isinstance(value, str):
            yield {"globs": rules.listed(key)}


def _speaks() -> Iterator[Names]:
    for tool in tools.tools():
        if tool.speaks:
            yield {"self": SimpleNamespace(_language=tool)}


def _forms() -> Iterator[Names]:
    for kind in _files():
        for form in kind.build:
            for expression in form.only.values():
                yield {"required": expression}


def _proofs() -> Iterator[Names]:
    return ({"row": row} for row in recognisers.others_directories() if row.holds or row.beside)


def _commands() -> Iterator[Names]:
    gap = recognisers._GAP
    return ({"words": row["words"].replace(" ", gap)} for row in table("builds.toml")["command"])


def _keys_of_builds() -> Iterator[Names]:
    rows = table("builds.toml")
    keys = (key for key, value in rows.items() if isinstance(value, str))
    return ({"key": key, "table": table, "_FILE": "builds.toml"} for key in keys)


def _contents() -> Iterator[Names]:
    def inner(marker: Marker) -> Iterator[Marker]:
        yield marker
        for part in marker.parts:
            yield from inner(part)

    for rule in all_rules().values():
        for marker in inner(rule.marker):
            if marker.kind == "content":
                yield {"marker": marker}


def _of_tools() -> Iterator[str]:
    """Yield the expressions that `tools._matches_any` compares with whole texts."""
    for tool in tools.tools():
        for job in tool.jobs:
            yield from filter(None, (job.only_with, job.without))
    yield "|".join(rules.listed("launchers"))


def _jobs() -> Iterator[Names]:
    return ({"self": job} for tool in tools.tools() for job in tool.jobs)


def _shapes() -> Iterator[Names]:
    path = Path(ctxsize.__file__).parent / "formats/json/config.schema.json"

    def inner(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("pattern"), str):
                yield value["pattern"]
            value = [*value.values()]
        for each in value if isinstance(value, list) else ():
            yield from inner(each)

    return ({"schema": {"pattern": each}} for each in inner(json.loads(path.read_text())))


def _beginnings() -> Iterator[Names]:
    return ({"beginning": text} for texts in BEGINNINGS.values() for text in texts)


_EACH = frozenset({"each"})
_ALL = frozenset({"match", "fullmatch", "each"})
_MATCH = frozenset({"match"})
COMPUTED: dict[str, Computed] = {
    "advice/caches.py: f'(?<!\\\\s)\\\\s*(?:&&|;)\\\\s*"
    "{re.escape(words)}(?=\\\\s*(?:[;&|)]|$))'": Computed(_each("words", _TEXTS)),
    "advice/caches.py: row['at']": Computed(_each("row", table("tools.toml")["held"].values())),
    "advice/recipe.py: _written_option(option, escape)": Computed(
        lambda: ({"option": text, "escape": each} for text in _OPTIONS for each in _ESCAPES)
    ),
    "advice/recipe.py: f'(?<![^\\\\s\"]){re.escape(old)}(?![^\\\\s\"])'": Computed(
        _each("old", _TEXTS)
    ),
    "advice/recipe.py: f'(?<![\\\\w-]){re.escape(option)}(?![\\\\w-])'": Computed(
        _each("option", _OPTIONS)
    ),
    "repository/others.py: row.holds or row.beside": Computed(_proofs),
    "repository/calls.py: kind.unknown": Computed(_each("kind", _files())),
    "repository/commands.py: _PARTS[kind.reader]": Computed(_each("kind", _readers())),
    "repository/commands.py: kind.unknown": Computed(_each("kind", _files())),
    "repository/__init__.py: kind.begins": Computed(_each("kind", _files())),
    "repository/commands.py: self.kind.top": Computed(_tops),
    "repository/described.py: required": Computed(_forms),
    "repository/steps.py: f'\\\\A{kind.images}'": Computed(_each("kind", _files())),
    "repository/described.py: kind.pinned": Computed(_each("kind", _files())),
    "repository/steps.py: kind.brings": Computed(_each("kind", _files())),
    "repository/steps.py: kind.checkout": Computed(_each("kind", _files())),
    "repository/steps.py: kind.harmless": Computed(_each("kind", _files())),
    "repository/recognisers.py: table(_FILE)[key].replace('\\n', '')": Computed(
        _keys_of_builds, _EACH
    ),
    "repository/recognisers.py: f'(?:\\\\S*/)?(?:{words})(?= |\\\\Z)'": Computed(_commands, _MATCH),
    "repository/recognisers.py: '|'.join(names)": Computed(
        _each("names", [_file_names()[:-1]]), frozenset({"fullmatch"})
    ),
    "repository/recognisers.py: f'(?s:.*/)?(?:{name})'": Computed(
        _each("name", _file_names()), frozenset({"fullmatch"})
    ),
    "dockerfile/arguments.py: word_of(escape)": Computed(_each("escape", _ESCAPES)),
    "dockerfile/arguments.py: f'{mark}?(.?)'": Computed(_each("mark", map(re.escape, _ESCAPES))),
    "dockerfile/words.py: expression": Computed(_shell_patterns, _MATCH | _EACH),
    "go/regexp.py: f'[{body}]'": Computed(_each("body", ["a-z", "\\\\w"]), _MATCH),
    "engine/native/tables.py: part": Computed(_each("part", ["[a-z]", "[a-z0-9_.]"])),
    "engine/patterns.py: pattern": Computed(_wildcards, _EACH),
    "engine/patterns.py: start[1]": Computed(_starts),
    "engine/segments.py: translate(text)": Computed(_each("text", _PATTERNS), _MATCH),
    "formats/__init__.py: beginning": Computed(_beginnings),
    "globs.py: translate(glob)": Computed(_each("glob", _PATTERNS), _MATCH),
    "globs.py: '|'.join(map(translate, globs)) or '(?!)'": Computed(_lists_of_globs, _MATCH),
    "keys.py: schema.get('pattern', '')": Computed(_shapes),
    "recommender/evidence.py: marker.names[0]": Computed(_contents),
    "recommender/grounds.py: _in_text(name)": Computed(_each("name", _TEXTS), _EACH),
    "recommender/grounds.py: _in_code(name)": Computed(_each("name", _TEXTS), _EACH),
    "recommender/grounds.py: _as_item(name)": Computed(_each("name", _TEXTS), _EACH),
    "recommender/facts.py: elsewhere": Computed(
        lambda: (
            {"elsewhere": expression}
            for expression in (
                facts._LOOKS_ELSEWHERE,
                *(rf"(?<![\w-])({text}|{text})(?![\w-])" for text in map(re.escape, _TEXTS)),
            )
        )
    ),
    "recommender/made.py: self._language.speaks": Computed(_speaks),
    "recommender/mentions.py: self.left_out": Computed(lambda: _kinds("self")),
    "recommender/mentions.py: row.find": Computed(_rows),
    "recommender/mentions.py: row.each": Computed(_rows),
    "recommender/mentions.py: start.program": Computed(
        _each("start", mentions.starting_commands())
    ),
    "recommender/mentions.py: self.named": Computed(lambda: _kinds("self")),
    "recommender/mentions.py: self.of_others": Computed(lambda: _kinds("self")),
    "recommender/mentions.py: start.operand": Computed(
        _each("start", mentions.starting_commands())
    ),
    "recommender/mentions.py: start.run": Computed(_each("start", mentions.starting_commands())),
    "recommender/references.py: kind.not_named": Computed(_kinds),
    "recommender/references.py: kind.unlike": Computed(_kinds),
    "recommender/references.py: kind.module": Computed(_kinds),
    "recommender/references.py: mention.descends": Computed(_descends),
    "knowledge/rules.py: joined(_lists()['expressions'][key])": Computed(
        lambda: ({"key": key} for key in table("lists.toml")["expressions"]), _EACH
    ),
    "knowledge/tools.py: expression": Computed(_each("expression", _of_tools())),
    "knowledge/tools.py: f'(?:{self.run})(?= |$)'": Computed(_jobs),
    "knowledge/tools.py: self.programs": Computed(_each("self", tools.tools())),
    "knowledge/tools.py: self.needs_more": Computed(_each("self", tools.tools())),
    "recommender/traps.py: reader": Computed(
        lambda: ({"reader": rule.read_by} for rule in all_rules().values() if rule.read_by)
    ),
}
