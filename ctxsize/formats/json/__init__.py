"""JSON for programs: written-out, versioned shapes, and a schema for each kind of outcome."""

from __future__ import annotations

import json
from typing import Any

from ctxsize.formats.look import Look


def render(outcome: Any, look: Look | None = None) -> str:
    """`outcome` as JSON; `look` does not matter."""
    return json.dumps(_shape(outcome), indent=2) + "\n"


def _shape(outcome: Any) -> dict[str, Any]:
    match outcome.kind:
        case "measure":
            from ctxsize.formats.json import measure

            return measure.shape(outcome)
        case "suggest":
            from ctxsize.formats.json import suggest

            return suggest.shape(outcome)
        case "plan":
            from ctxsize.formats.json import plan

            return plan.shape(outcome)
        case "clean":
            from ctxsize.formats.json import clean

            return clean.shape(outcome)
        case "scan":
            from ctxsize.formats.json import scan

            return scan.shape(outcome)
        case "advise":
            from ctxsize.formats.json import advise

            return advise.shape(outcome)
        case "lint":
            from ctxsize.formats.json import lint

            return lint.shape(outcome)
        case "rules":
            from ctxsize.formats.json import rules

            return rules.shape(outcome)
        case "check":
            from ctxsize.formats.json import check

            return check.shape(outcome)
        case "diff":
            from ctxsize.formats.json import changes

            return changes.shape(outcome)
    raise ValueError(outcome.kind)


SCHEMAS = (
    *("advise", "baseline", "check", "clean", "clean-plan", "diff", "findings", "lint"),
    *("measure", "plan", "rules", "scan", "suggest"),
)
"""Names of the schemas, each a file beside this module that refers to no other."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of outcome."""
    from importlib import resources

    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
