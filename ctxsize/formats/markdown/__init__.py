"""Markdown for a step summary or a comment: the verdict, tables, findings to unfold.

A module for each kind of outcome that has more to say than its findings.
"""

from __future__ import annotations

from typing import Any

from ctxsize.formats import module_for
from ctxsize.formats.look import Look
from ctxsize.formats.markdown import findings

_OF_THEIR_OWN = ("check", "diff", "measure", "scan")
"""The kinds with a module here; the others are their findings."""


def render(outcome: Any, look: Look) -> str:
    """`outcome` as GitHub's Markdown, which GitLab reads too."""
    if outcome.kind not in _OF_THEIR_OWN:
        return findings.render(outcome)
    text: str = module_for(__name__, outcome.kind).render(outcome, look)
    return text
