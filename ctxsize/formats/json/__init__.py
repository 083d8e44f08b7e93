"""JSON for programs: written-out, versioned shapes, and a schema for each kind of outcome."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ctxsize.findings import Edit, Finding, Fix, Paths
    from ctxsize.formats import Outcome
    from ctxsize.model import Amount, Problem

Shape = dict[str, object]
"""A JSON object as plain values."""
MOST_PATHS = 1000
"""Number of paths of a change that are listed; the figures count all."""


def render(outcome: Outcome) -> str:
    """Return `outcome` as JSON."""
    return json.dumps(_shape(outcome), indent=2) + "\n"


def _shape(outcome: Outcome) -> Shape:
    match outcome.kind:
        case "measure" | "check" | "diff":
            from ctxsize.formats.json import reports
        case _:
            from ctxsize.formats.json import answers
    match outcome.kind:
        case "measure":
            return reports.measured(outcome)
        case "check":
            return reports.checked(outcome)
        case "diff":
            return reports.compared(outcome)
        case "suggest":
            return answers.suggested(outcome)
        case "plan":
            return answers.planned(outcome)
        case "lint":
            return answers.linted(outcome)
        case "advise":
            return answers.advised(outcome)
        case "scan":
            return answers.scanned(outcome)
        case "clean":
            return answers.cleaned(outcome)
        case "rules":
            return answers.explained(outcome)


SCHEMAS = (
    *("advise", "baseline", "check", "clean", "diff", "findings", "lint"),
    *("measure", "plan", "rules", "scan", "suggest"),
)
"""Names of the schemas, each a file beside this module that refers to no other."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of outcome."""
    from importlib import resources

    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def picked(value: object, names: str) -> Shape:
    """Return the fields `names` of `value`: tuples as lists, members of an enum as their values."""
    return {name: _plain(getattr(value, name)) for name in names.split()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Enum) else value


def finding(found: Finding) -> Shape:
    """Return a finding; `findings.schema.json` describes it."""
    return {
        **picked(found, "code severity confidence message"),
        "location": picked(found.location, "path line column end_line end_column"),
        **picked(found, "evidence content_bytes files help"),
        "fix": None if found.fix is None else _fix(found.fix),
    }


def findings(found: Iterable[Finding]) -> list[Shape]:
    """Return each of `found`."""
    return [finding(each) for each in found]


def _fix(fix: Fix) -> Shape:
    changes = fix.changes
    groups = ("ignored", "sent", "emptied", "filled")
    return {
        **picked(fix, "message certain"),
        "edits": [edit(each) for each in fix.edits],
        "effect": None
        if changes is None
        else {name: _group(getattr(changes, name)) for name in groups},
    }


def _group(group: Paths) -> Shape:
    return {
        **picked(group, "files content_bytes"),
        "paths": list(group.paths[:MOST_PATHS]),
        "left_out": max(0, len(group.paths) - MOST_PATHS),
    }


def edit(change: Edit) -> Shape:
    """Return a file before and after, and the runs of whole lines that differ, for editors."""
    from ctxsize.formats.patch import lines, replaced, text_of

    before, after = text_of(change.before), text_of(change.after)
    return {
        "path": change.path,
        "before": None if change.before is None else before,
        "after": after,
        "changes": [
            {"start_line": start + 1, "end_line": end + 1, "text": text}
            for start, end, text in replaced(lines(before), lines(after))
        ],
    }


def problems(found: Iterable[Problem], names: str = "code message path line") -> list[Shape]:
    """Return the fields `names` of each of `found`."""
    return [picked(each, names) for each in found]


def amount(value: Amount) -> Shape:
    """Return a number of files and of bytes."""
    return picked(value, "files content_bytes")
