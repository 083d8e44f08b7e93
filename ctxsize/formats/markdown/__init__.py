"""Markdown for a step summary or a comment: the verdict, tables, findings to unfold.

A module for each kind of outcome that has more to say than its findings.
"""

from __future__ import annotations

from typing import Any

from ctxsize.formats.look import Look
from ctxsize.formats.markdown import findings


def render(outcome: Any, look: Look) -> str:
    """`outcome` as GitHub's Markdown, which GitLab reads too."""
    match outcome.kind:
        case "measure":
            from ctxsize.formats.markdown import measure

            return measure.render(outcome, look)
        case "scan":
            from ctxsize.formats.markdown import scan

            return scan.render(outcome, look)
        case "check":
            from ctxsize.formats.markdown import check

            return check.render(outcome, look)
        case "diff":
            from ctxsize.formats.markdown import changes

            return changes.render(outcome, look)
    return findings.render(outcome)
