"""Text for a person; a module for each kind of outcome."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ctxsize.formats.look import Look

_MODULES = {
    "advise": "advise",
    "check": "check",
    "clean": "clean",
    "diff": "changes",
    "lint": "lint",
    "measure": "measure",
    "plan": "plan",
    "rules": "rules",
    "scan": "scan",
    "suggest": "suggest",
}
"""The module here that renders a kind of outcome."""


def render(outcome: Any, look: Look) -> str:
    """`outcome` as text no wider than `look.width`."""
    text: str = import_module(f"{__name__}.{_MODULES[outcome.kind]}").render(outcome, look)
    return text
