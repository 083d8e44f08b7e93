"""Convert any outcome into sections, with the module for its kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ctxsize.formats.sections import ScreenPart
from ctxsize.formats.styles import GLANCE, AnyOutcome, Look


def sections(outcome: AnyOutcome, look: Look) -> Iterable[ScreenPart]:
    """Return the sections of `outcome`."""
    match outcome.kind:
        case "measure":
            if look.only == GLANCE and not look.full:
                from ctxsize.formats.sections import glance

                return glance.sections(outcome, look)
            if look.only == GLANCE:
                look = replace(look, only=None)
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "check":
            from ctxsize.formats.sections import checked

            return checked.sections(outcome, look)
        case "diff":
            from ctxsize.formats.sections import compared

            return compared.sections(outcome, look)
        case "suggest" | "plan":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome, look)
    from ctxsize.formats.sections import found

    return found.sections(outcome, look)


def heading(outcome: AnyOutcome) -> str:
    """Return the heading of a comment: for a check, the verdict."""
    if outcome.kind == "check":
        verdict = "🟢 kept" if outcome.passes else "🔴 not kept"
        return f"Build context budget: {verdict}"
    if outcome.kind == "diff":
        from ctxsize.formats.sections import compared

        return compared.heading(outcome)
    return f"ctxsize {outcome.kind}"
