"""What there is to say about one request: its report, and what its ignore file should hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ctxsize.engine import measure as measuring
from ctxsize.engine.transfers import with_transfers
from ctxsize.requests import ELSEWHERE

if TYPE_CHECKING:
    from ctxsize.config import Config
    from ctxsize.engine.events import Progress, Steps
    from ctxsize.engine.request import Request
    from ctxsize.model import Problem, Report
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan, Size

    Suggested = TypeVar("Suggested", Advice, IgnoreFilePlan)


def report_of(
    request: Request,
    *,
    ignored: bool = False,
    compare: bool = False,
    top: int = 10,
    depth: int | None = 3,
    thorough: bool = False,
    progress: Progress | None = None,
    jobs: int | None = None,
    config: Config | None = None,
) -> Report:
    """See `ctxsize.api.measure`."""
    report = measuring.measure(
        request,
        everything=ignored,
        thorough=thorough,
        top=top,
        depth=depth,
        progress=progress,
        jobs=jobs,
    )
    report = with_transfers(request, report, progress=progress)
    report = _judged(request, report, config)
    if not compare:
        return report
    from ctxsize.engine import compare as comparing

    return replace(report, differences=comparing.compare(request))


def _judged(request: Request, report: Report, config: Config | None) -> Report:
    """Return `report` without what `config` accepts, and with why it is worth a look."""
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


def advice_of(
    request: Request,
    *,
    write: bool = False,
    unsafe: bool = False,
    only: Collection[str] = (),
    config: Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Advice:
    """See `ctxsize.api.suggest`."""
    from ctxsize.accepting import readable
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.suggest import Advisor, Choice

    config, problems = readable(config, request.context)
    advisor = Advisor(Snapshot.take(request, progress=progress), steps=steps)
    advice = advisor.advise(Choice(only, unsafe))
    if config.suppress or config.select or config.ignore:
        # Another build of the same context may have what this one has not.
        usual = not request.build.given() and not only
        advice = _accepted(advice, config, request.context if usual else None)
    hints = (each for each in request.problems if each.message.startswith(ELSEWHERE))
    advice = replace(advice, problems=(*hints, *advice.problems, *problems))
    return written(request, advice) if write else advice


def _accepted(advice: Advice, config: Config, context: str | None) -> Advice:
    """Return `advice` without what `config` accepts; with a `context`, what it does in vain too."""
    from ctxsize.accepting import Wanted
    from ctxsize.codes import names

    wanted = Wanted(config)
    left = wanted.of(advice.findings)
    unused = () if context is None else wanted.unused({*names("CTX5")} - {"CTX503"}, context)
    return replace(advice, findings=(*left, *unused))


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
