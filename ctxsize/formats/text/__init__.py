"""Text for a person; a module for each kind of outcome."""

from __future__ import annotations

from typing import Any

from ctxsize.formats import module_for
from ctxsize.formats.look import Look


def render(outcome: Any, look: Look) -> str:
    """`outcome` as text no wider than `look.width`."""
    text: str = module_for(__name__, outcome.kind).render(outcome, look)
    return text
