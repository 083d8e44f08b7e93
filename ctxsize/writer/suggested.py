"""What was suggested, into the ignore file: written, and measured again."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ctxsize.engine import measure as measuring
from ctxsize.engine.request import Request, request_of
from ctxsize.engine.transfers import with_transfers
from ctxsize.model import Amount, Problem
from ctxsize.recommender.modes.plan import Plan
from ctxsize.recommender.outcome import Advice, Size
from ctxsize.writer.apply import apply

Suggested = TypeVar("Suggested", Advice, Plan)


def written(request: Request, outcome: Suggested) -> Suggested:
    """`outcome` once its edit is carried out, with the size as it is then; as it is without one.

    A symlink is written through as long as it stays in the context. Raises `InputError`.
    """
    if outcome.edit is None:
        return outcome
    notes: tuple[Problem, ...] = apply([outcome.edit], within=request.root)
    problems = (*outcome.problems, *notes)
    return replace(outcome, written=True, after=_size(request), problems=problems)


def _size(request: Request) -> Size:
    """Return what is sent, and what all transfers make travel now."""
    now = request_of(request.build, request.builder, plans=request.plans)
    report = with_transfers(now, measuring.measure(now, top=1, depth=0))
    travels = None if report.transfer is None else Amount.of(*report.transfers)
    return Size(Amount.of(report.context.totals), travels)
