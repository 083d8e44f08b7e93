"""What several public functions do with an answer: what is accepted of it, and what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ctxsize.engine import measure as measuring
from ctxsize.engine.transfers import with_transfers

if TYPE_CHECKING:
    from ctxsize.config import Config
    from ctxsize.engine.request import Request
    from ctxsize.model import Problem, Report
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan, Size

    Suggested = TypeVar("Suggested", Advice, IgnoreFilePlan)


def judged(request: Request, report: Report, config: Config | None) -> Report:
    """Return `report` without what `config` accepts, and with why it is worth a look.

    A configuration is read if there is anything that it may accept.
    """
    clues = [each for part in report.parts for each in part.clues]
    if report.findings or any(each.kind == "secret" for each in clues):
        from ctxsize.accepting import readable, without_accepted

        config, problems = readable(config, report.context_path)
        report = without_accepted(report, config)
        report = replace(report, problems=(*report.problems, *problems))
    if clues:
        from ctxsize.accepting import secret_test
        from ctxsize.engine.reasons import with_reasons  # small contexts have no clues

        report = with_reasons(request, report, is_accepted=secret_test(config))
    return report


def written(request: Request, outcome: Suggested) -> Suggested:
    """Return `outcome` with its edit carried out, and the size measured after that.

    Without an edit it stays as it is. A symlink is written through as long as it stays in the
    context. Raises `InputError`.
    """
    from ctxsize.writer.apply import apply

    if outcome.edit is None:
        return outcome
    notes: tuple[Problem, ...] = apply([outcome.edit], within=request.root)
    problems = (*outcome.problems, *notes)
    return replace(outcome, written=True, after=_size(request), problems=problems)


def _size(request: Request) -> Size:
    """Return what is sent now, and what all transfers make travel."""
    from ctxsize.engine.request import request_of
    from ctxsize.model import Amount
    from ctxsize.recommender.outcome import Size

    now = request_of(request.build, request.builder, plans=request.plans)
    report = with_transfers(now, measuring.measure(now, top=1, depth=0))
    travels = None if report.transfer is None else Amount.of(*report.transfers)
    return Size(Amount.of(report.context.totals), travels)
