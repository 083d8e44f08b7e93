"""Text for a person; a module for each kind of outcome."""

from __future__ import annotations

from typing import Any

from ctxsize.formats.look import Look


def render(outcome: Any, look: Look) -> str:
    """`outcome` as text no wider than `look.width`."""
    match outcome.kind:
        case "measure":
            from ctxsize.formats.text import measure

            return measure.render(outcome, look)
        case "suggest":
            from ctxsize.formats.text import suggest

            return suggest.render(outcome, look)
        case "plan":
            from ctxsize.formats.text import plan

            return plan.render(outcome, look)
        case "clean":
            from ctxsize.formats.text import clean

            return clean.render(outcome, look)
        case "scan":
            from ctxsize.formats.text import scan

            return scan.render(outcome, look)
        case "advise":
            from ctxsize.formats.text import advise

            return advise.render(outcome, look)
        case "lint":
            from ctxsize.formats.text import lint

            return lint.render(outcome, look)
        case "rules":
            from ctxsize.formats.text import rules

            return rules.render(outcome, look)
        case "check":
            from ctxsize.formats.text import check

            return check.render(outcome, look)
        case "diff":
            from ctxsize.formats.text import changes

            return changes.render(outcome, look)
    raise ValueError(outcome.kind)
