"""JSON for programs: written-out, versioned shapes, and a schema for each kind of outcome."""

from __future__ import annotations

import json
from typing import Any

from ctxsize.formats import module_for
from ctxsize.formats.look import Look


def render(outcome: Any, look: Look | None = None) -> str:
    """`outcome` as JSON; `look` does not matter."""
    shape = module_for(__name__, outcome.kind).shape(outcome)
    return json.dumps(shape, indent=2) + "\n"


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of outcome, with those that it refers to in it."""
    own = _schema(kind)
    inner = own.setdefault("$defs", {}) if kind != "findings" else {}
    inner["finding"] = _schema("findings")
    if '"urn:ctxsize:report:1"' in json.dumps(inner):
        inner["report"] = _schema("measure")
    return own


def _schema(name: str) -> dict[str, Any]:
    from importlib import resources

    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
