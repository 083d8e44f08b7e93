r"""JSON for programs: `fields.json` names the fields of each class, a schema each outcome's shape.

Names that are not UTF-8 contain lone surrogates (`\udcff` for the byte 0xFF), as from
Python's `os.fsdecode`. Integers are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from typing import NamedTuple

from ctxsize.findings import Edit, Paths
from ctxsize.formats.styles import AnyOutcome
from ctxsize.formats.wording import level, level_at
from ctxsize.hidden import shown
from ctxsize.model import Directory, Entry, Ignored, Kind, Report, Verdict
from ctxsize.shipped import shipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ctxsize.clean import Passed
    from ctxsize.engine.explanation import Explanation
    from ctxsize.engine.plan import Plan
    from ctxsize.engine.source_lookup import SourceCheck
    from ctxsize.guard import ContextCheck
    from ctxsize.guard.comparison import DiffReport

Shape = dict[str, object]  # a JSON object as plain values
_PROPOSED = "build.context dockerfile build.target before=cost saving"
_LEFT_OUT = "build.context dockerfile build.target error"
MOST_PATHS = 1000  # number of paths to list of a change; its figures count all
SCHEMAS = (
    "advise",
    "affected",
    "baseline",
    "check",
    "clean",
    "config",
    "diff",
    "digest",
    "explain",
    "findings",
    "glance",
    "lint",
    "log",
    "measure",
    "plan",
    "rules",
    "scan",
    "suggest",
    "suggest-all",
)
"""Names of the schemas, each a file beside this module without references to others."""


class _Field(NamedTuple):
    """A field of a shape."""

    name: str
    attribute: attrgetter[object]
    is_nullable: bool  # whether an empty value is null
    fields: str  # the names of its own fields, if not those of its class


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of outcome."""
    return _beside(f"{name}.schema.json")


@cache
def fields() -> dict[str, str]:
    """Return the names of the fields of a class, if not all; `Class.field` overrides its class.

    `attribute.name` is written as `name`, and so is `name=attribute`. A `?` writes null for
    an empty value.
    """
    return _beside("fields.json")


def _beside(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(shipped(f"formats/json/{name}"))
    return content


def render(outcome: AnyOutcome) -> str:
    """Return `outcome` as JSON."""
    return json.dumps(_outcome(outcome), indent=2) + "\n"


def line(entry: Entry, **more: object) -> str:
    """Return `entry` as one line of JSON, with `more` fields."""
    if more:
        return json.dumps(_fields(entry) | {name: to_json(part) for name, part in more.items()})
    path, kind, size_bytes, content_bytes, verdict, arrives_empty = entry
    return _line_of(kind, verdict, arrives_empty) % {
        "path": json.dumps(to_json(path)),
        "size_bytes": size_bytes,
        "content_bytes": content_bytes,
    }


@lru_cache(maxsize=1024)  # patterns come from strangers
def _line_of(kind: Kind, verdict: Verdict, arrives_empty: str | None) -> str:
    """Return the line of entries of a kind, with places for what each has of its own."""
    shape = _fields(Entry("", kind, 0, 0, verdict, arrives_empty))
    text = json.dumps(shape).replace("%", "%%")
    for name in ("path", "size_bytes", "content_bytes"):
        field = f'"{name}": '
        text = text.replace(field + json.dumps(shape[name]), f"{field}%({name})s", 1)
    return text


def explained(
    plan: Plan,
    explanations: Iterable[Explanation] = (),
    sources: Iterable[SourceCheck] = (),
    *,
    traced: bool = False,
) -> str:
    """Return what `explain` reports; if `traced`, with the evaluation of each pattern."""
    names = ""
    if traced:
        names = f"{fields()['Explanation']} levels near_misses"
    shape = {
        "version": 1,
        **_fields(plan, "context_path=context dockerfile builder=builder.name"),
        "explanations": to_json(tuple(explanations), names),
        "sources": to_json(tuple(sources)),
        "problems": to_json(tuple(plan.ignore_file_problems)),
    }
    return json.dumps(shape, indent=2) + "\n"


def _outcome(outcome: AnyOutcome) -> Shape:
    if outcome.kind == "measure":
        return _report(outcome, level(outcome))
    if outcome.kind == "glance":
        suggest = None
        if outcome.advice is not None:
            suggest = _outcome(outcome.advice)
        return {**_report(outcome.report, level_at(outcome)), "suggest": suggest}
    shape: Shape = {"version": 1, **_fields(outcome)}
    match outcome.kind:
        case "check":
            shape["checks"] = [
                _fields(check) | {"report": _report(check.report, _level_of(check))}
                for check in outcome.checks
            ]
        case "clean":
            shape["left_alone"] = [*map(_passed, outcome.plan.passed)]
        case "diff":
            shape |= _change(outcome)
        case "plan":
            shape["changes"] = outcome.edit is not None
            shape["removed"] = []  # for readers of earlier versions
        case "scan":
            shape["builds"] = [
                _fields(row)
                | {"build_arguments": dict.fromkeys(map(shown, row.build.build_arguments))}
                for row in outcome.rows
            ]
        case "suggest-all":
            shape["proposals"] = [
                _fields(proposal.advice) | {"builds": to_json(proposal.rows, _PROPOSED)}
                for proposal in outcome.proposals
            ]
            shape["left_out"] = to_json(outcome.left_out, _LEFT_OUT)
    return shape


def _passed(passed: Passed) -> Shape:
    """Return a directory left alone; its sizes are null if it was not measured."""
    names = ("files", "content_bytes", "disk_bytes")
    return _fields(passed) | {name: getattr(passed.size, name, None) for name in names}


def _change(outcome: DiffReport) -> Shape:
    before = outcome.before
    after = outcome.after
    contexts = outcome.contexts
    shape: Shape = {
        "delta_bytes": after.content_bytes - before.content_bytes,
        "delta_files": after.files - before.files,
        "directories": [],
        "files": [],
    }
    if len(contexts) == 1:
        shape |= _fields(contexts[0].changes)
    shape["changed"] = bool(outcome.changed)
    shape["contexts"] = to_json(contexts)
    return shape


def _report(report: Report, level: str) -> Shape:
    """Return a report with its verdict."""
    return {"version": 2, "verdict": {"level": level}, **_fields(report)}


def _level_of(check: ContextCheck) -> str:
    if check.passes:
        return level(check.report)
    return "refused"


def to_json(value: object, names: str = "") -> object:
    """Return `value` as plain values; `names` of fields override those of its class."""
    if value is None or type(value) in (str, int):
        return value
    match value:
        case Enum():
            return value.value
        case str():
            return shown(value)
        case Directory():
            return [_fields(directory) for directory in _tree(value)]
        case Ignored() if not value.complete:
            # Ignored directories that were not opened may contain anything.
            return _fields(value) | {"content_bytes": None}
        case Paths(paths):
            left_out = max(0, len(paths) - MOST_PATHS)
            return _fields(value) | {"paths": [*paths[:MOST_PATHS]], "left_out": left_out}
        case Edit():
            return _edit(value)
    if type(value) is tuple:
        return [to_json(part, names) for part in value]
    if hasattr(value, "__match_args__"):
        return _fields(value, names)
    return value


def _fields(value: Any, names: str = "") -> Shape:
    kind = type(value)
    words = names or fields().get(kind.__name__) or " ".join(kind.__match_args__)
    shape: Shape = {}
    for field in _parsed(kind.__name__, words):
        part = field.attribute(value)
        if field.is_nullable and not part:
            part = None
        shape[field.name] = to_json(part, field.fields)
    return shape


@cache
def _parsed(kind: str, words: str) -> list[_Field]:
    """Return the fields that the words name."""
    parsed = []
    for word in words.split():
        renamed, _, attribute = word.rstrip("?").rpartition("=")
        name = renamed or attribute.rpartition(".")[2]
        inner = fields().get(f"{kind}.{name}", "")
        parsed.append(_Field(name, attrgetter(attribute), word.endswith("?"), inner))
    return parsed


def _tree(root: Directory) -> Iterator[Directory]:
    """Yield the directories, parents first; as a list, because readers limit the nesting."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.children)


def _edit(edit: Edit) -> Shape:
    """Return a file before and after, and the runs of lines that change, for editors."""
    from difflib import SequenceMatcher

    from ctxsize.formats.exchange import lines, text_of

    before = text_of(edit.before)
    after = text_of(edit.after)
    new_lines = lines(after)
    matcher = SequenceMatcher(None, lines(before), new_lines, autojunk=False)
    changes = []
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "equal":
            text = "".join(new_lines[first:last])
            changes.append({"start_line": start + 1, "end_line": end + 1, "text": text})
    old_text = None if edit.before is None else before
    return {
        "path": edit.path,
        "old_path": edit.old_path,
        "before": old_text,
        "after": after,
        "changes": changes,
    }
