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
from ctxsize.formats import ROWS
from ctxsize.knowledge import rules, tools
from ctxsize.knowledge.rules import Marker, all_rules, table
from ctxsize.repository import recognisers

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


def _rows_of_reads(key: str) -> Iterator[str]:
    for kind in table("reads.toml")["reads"].values():
        for row in kind["rows"]:
            if key in row:
                yield row[key]


def _kinds() -> Iterator[Names]:
    return ({"kind": kind} for kind in table("reads.toml")["reads"].values())


def _starts() -> Iterator[Names]:
    return ({"row": row} for row in table("reads.toml")["starts"].values())


def _rows() -> Iterator[Names]:
    kinds = table("reads.toml")["reads"].values()
    return ({"row": row} for kind in kinds for row in kind["rows"])


def _descends() -> Iterator[Names]:
    texts = [table("reads.toml")["go_skipped"]]
    texts += [*_rows_of_reads("descends"), *_rows_of_reads("descends_all")]
    return ({"mention": SimpleNamespace(descends=each)} for each in texts)


def _files() -> Iterator[recognisers.FileKind]:
    return (kind for _, kind in recognisers.sources())


def _unknown(kind: recognisers.FileKind) -> bool:
    return bool(kind.unknown)


def _tops() -> Iterator[Names]:
    return ({"self": SimpleNamespace(source=kind)} for kind in _files() if kind.top)


def _shell_patterns() -> Iterator[Names]:
    """Yield what `${A#pattern}` compiles."""
    for pattern in ("a*b", "a?b"):
        for greedy in (False, True):
            compiled = words._pattern(pattern, "", greedy=greedy)
            yield {"first": compiled.pattern, "steps": ()}


def _wildcards() -> Iterator[Names]:
    """Yield expressions of ignore files that `re` searches in paths of any length."""
    for line in ("a*b", "*a", "a*", "*.py[co]", "a?b", "**/a*b"):
        yield {"expression": patterns.classify(line)[1]}


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
                yield {"each": expression}


def _commands() -> Iterator[Names]:
    gap = recognisers._GAP
    return ({"each": row["words"].replace(" ", gap)} for row in table("builds.toml")["command"])


def _keys_of_builds() -> Iterator[Names]:
    rows = table("builds.toml")
    return ({"key": key, "table": table} for key, value in rows.items() if isinstance(value, str))


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
    """Yield the expressions that `tools._are` compares with whole texts."""
    for tool in tools.tools():
        yield tool.programs
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

    return ({"shape": {"pattern": each}} for each in inner(json.loads(path.read_text())))


def _beginnings() -> Iterator[Names]:
    return ({"beginning": text} for row in ROWS for text in row.beginnings)


_EACH = frozenset({"each"})
_ALL = frozenset({"match", "fullmatch", "each"})
_MATCH = frozenset({"match"})
COMPUTED: dict[str, Computed] = {
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
    "repository/commands.py: source.unknown": Computed(_each("source", filter(_unknown, _files()))),
    "repository/commands.py: self.source.top": Computed(_tops),
    "repository/described.py: each": Computed(_forms),
    "repository/described.py: f'\\\\A{source.images}'": Computed(_each("source", _files())),
    "repository/recognisers.py: table('builds.toml')[key].replace('\\n', '')": Computed(
        _keys_of_builds, _EACH
    ),
    "repository/recognisers.py: f'(?:\\\\S*/)?(?:{each})(?= |\\\\Z)'": Computed(_commands, _MATCH),
    "repository/recognisers.py: f'(?s:.*/)?(?:{each.name})'": Computed(
        _each("each", _files()), frozenset({"fullmatch"})
    ),
    "dockerfile/arguments.py: word_of(escape)": Computed(_each("escape", _ESCAPES)),
    "dockerfile/arguments.py: f'{re.escape(escape)}(.?)|.'": Computed(_each("escape", _ESCAPES)),
    "dockerfile/words.py: first + ''.join(steps)": Computed(_shell_patterns, _MATCH | _EACH),
    "go/regexp.py: f'[{body}]'": Computed(_each("body", ["a-z", "\\\\w"]), _MATCH),
    "engine/native/__init__.py: part": Computed(_each("part", ["[a-z]", "[a-z0-9_.]"])),
    "engine/patterns.py: f'\\\\A{expression[1:-1]}\\\\Z'": Computed(_wildcards, _EACH),
    "engine/segments.py: translate(text)": Computed(_each("text", _PATTERNS), _MATCH),
    "formats/__init__.py: beginning": Computed(_beginnings),
    "globs.py: translate(glob)": Computed(_each("glob", _PATTERNS), _MATCH),
    "globs.py: '|'.join(map(translate, globs)) or '(?!)'": Computed(_lists_of_globs, _MATCH),
    "keys.py: shape.get('pattern', '')": Computed(_shapes),
    "recommender/evidence.py: marker.names[0]": Computed(_contents),
    "recommender/facts.py: _in_text(name)": Computed(_each("name", _TEXTS), _EACH),
    "recommender/facts.py: _as_item(name)": Computed(_each("name", _TEXTS), _EACH),
    "recommender/facts.py: _LOOKS_ELSEWHERE if outer.startswith(inner) else below": Computed(
        lambda: (
            {"outer": "b", "inner": "a", "below": rf"(?<![\w-])({text}|{text})(?![\w-])"}
            for text in map(re.escape, _TEXTS)
        )
    ),
    "recommender/made.py: self._language.speaks": Computed(_speaks),
    "recommender/references.py: kind.get('left_out', _NEVER)": Computed(_kinds),
    "recommender/references.py: row['find']": Computed(_rows),
    "recommender/references.py: kind.get('not_named', _NEVER)": Computed(_kinds),
    "recommender/references.py: row.get('each', '(?s).+')": Computed(_rows),
    "recommender/references.py: known['interpreters']": Computed(
        _each("known", [table("reads.toml")])
    ),
    "recommender/references.py: row['program']": Computed(_starts),
    "recommender/references.py: row.get('run', '')": Computed(_starts),
    "recommender/references.py: kind.get('unlike', _NEVER)": Computed(_kinds),
    "recommender/references.py: kind.get('module', _NEVER)": Computed(_kinds),
    "recommender/references.py: mention.descends": Computed(_descends),
    "knowledge/rules.py: joined(table('lists.toml')['expressions'][key])": Computed(
        lambda: ({"key": key} for key in table("lists.toml")["expressions"]), _EACH
    ),
    "knowledge/tools.py: expression": Computed(_each("expression", _of_tools())),
    "knowledge/tools.py: f'(?:{self.run})(?= |$)'": Computed(_jobs),
    "knowledge/tools.py: self.needs_more": Computed(_each("self", tools.tools())),
    "recommender/traps.py: reader": Computed(
        lambda: ({"reader": rule.read_by} for rule in all_rules().values() if rule.read_by)
    ),
}
