"""JSON for programs: written-out, versioned shapes, and a schema for each kind of outcome."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from ctxsize.formats.look import Look

_MODULES = {"measure": "measure"}
"""The module here that gives the shape of a kind of outcome."""


def render(outcome: Any, look: Look | None = None) -> str:
    """`outcome` as JSON; `look` does not matter."""
    shape = import_module(f"{__name__}.{_MODULES[outcome.kind]}").shape(outcome)
    return json.dumps(shape, indent=2) + "\n"
