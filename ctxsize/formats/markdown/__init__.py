"""Markdown for a step summary or a comment: the verdict, tables, findings to unfold.

A module for each kind of outcome that has more to say than its findings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ctxsize.formats.look import Look
from ctxsize.formats.markdown import findings

_MODULES = {"check": "check", "diff": "changes", "measure": "measure", "scan": "scan"}
"""The module here that renders a kind of outcome; the others are their findings."""


def render(outcome: Any, look: Look) -> str:
    """`outcome` as GitHub's Markdown, which GitLab reads too."""
    module = _MODULES.get(outcome.kind)
    if module is None:
        return findings.render(outcome)
    text: str = import_module(f"{__name__}.{module}").render(outcome, look)
    return text
