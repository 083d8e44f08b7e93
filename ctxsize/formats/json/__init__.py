"""JSON for programs: written-out, versioned shapes, and a schema for each kind of outcome."""

from __future__ import annotations

import json
from typing import Any

from ctxsize.formats.kinds import module_for
from ctxsize.formats.look import Look


def render(outcome: Any, look: Look | None = None) -> str:
    """`outcome` as JSON; `look` does not matter."""
    shape = module_for(__name__, outcome.kind).shape(outcome)
    return json.dumps(shape, indent=2) + "\n"


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
