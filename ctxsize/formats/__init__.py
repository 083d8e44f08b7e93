"""How a report is shown: each module here has `render(report, look) -> str`.

A format never prints, opens or exits.
"""

from __future__ import annotations

from collections.abc import Callable

from ctxsize.formats import json, text
from ctxsize.formats.look import Look
from ctxsize.model import Report

FORMATS: dict[str, Callable[[Report, Look], str]] = {
    "text": text.render,
    "json": json.render,
}
"""The choices of `--format`."""

__all__ = ["FORMATS", "Look"]
