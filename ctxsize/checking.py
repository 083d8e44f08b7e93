"""Whether contexts keep their budgets, and what has changed: measured, read and judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ctxsize import config as configuration
from ctxsize.api import ls
from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.config import Budget, Config
from ctxsize.config.accepted import Acceptance
from ctxsize.engine.events import Progress
from ctxsize.engine.need import TAKES_UNKNOWN
from ctxsize.engine.plan import Plans
from ctxsize.errors import InputError, InputErrors
from ctxsize.findings import Finding
from ctxsize.guard import baseline as baselines
from ctxsize.guard import known as knowing
from ctxsize.guard import outcome
from ctxsize.guard.judge import actual, judge
from ctxsize.guard.known import Known, between
from ctxsize.guard.outcome import CheckReport, ContextCheck, DiffReport, Remedy, Side
from ctxsize.guard.plan import Planned, planned, planned_of
from ctxsize.model import Report
from ctxsize.reporting import advice_of, report_of
from ctxsize.requests import requested
from ctxsize.units import human

_NO_TRANSFER = ("transfer-unknown", "no-dockerfile", "unusable-dockerfile")
"""The problems that say why there is no transfer."""
_TRIES = 6
"""How often a baseline is written that is itself part of what it records."""
_TOP = 200
"""How many of the largest files are looked at; a baseline keeps fewer."""


def check(
    build: Build | None,
    builds: Iterable[Build] | None,
    budget: Budget | None,
    *,
    baseline: str | None,
    update_baseline: bool,
    config: Config | None,
    progress: Progress | None,
) -> CheckReport:
    """See `ctxsize.api.check`."""
    config = config or _config(build)
    path = baseline or _baseline_of(config)
    if update_baseline and path is None:
        raise InputError(
            "no baseline is named", hint="--baseline FILE, or baseline in ctxsize.toml"
        )
    old = _old(path, update_baseline=update_baseline)
    ratchet, budget = path is not None, budget or Budget()
    if builds is None:
        plans = planned(config, build, budget, baseline=ratchet)
    else:
        plans = planned_of(builds, config, budget, baseline=ratchet)
    dockerfiles = Plans()
    measured = _measured(plans, config, dockerfiles, progress)
    if update_baseline and path is not None:
        old, measured = _recorded(
            path,
            old or {},
            plans,
            measured,
            config=config,
            dockerfiles=dockerfiles,
            progress=progress,
        )
    acceptance = Acceptance(config)
    checks = [
        _judged(plan, report, path, old, acceptance, dockerfiles=dockerfiles, progress=progress)
        for plan, report in zip(plans, measured, strict=True)
    ]
    unused = acceptance.unused(
        names("CTX4").__contains__,
        whole=build is None and builds is None,
        inside=[place for report in measured for place in _places(report)],
    )
    return CheckReport(
        tuple(checks),
        baseline=path,
        updated=update_baseline,
        unused=() if update_baseline else unused,
    )


def _places(report: Report) -> Iterator[str]:
    """Yield what a finding about the context may be about."""
    ignore_file = None if report.ignore_file is None else report.ignore_file.path
    yield from filter(None, (report.context_path, ignore_file, report.dockerfile))


def _config(build: Build | None) -> Config:
    return configuration.load("." if build is None else build.context)


def _baseline_of(config: Config) -> str | None:
    if config.baseline is None:
        return None
    return os.path.normpath(os.path.join(config.directory, config.baseline))


def _old(path: str | None, *, update_baseline: bool) -> baselines.Baseline | None:
    """Return the baseline as it is, None where there is none or there needs to be none yet."""
    from ctxsize.engine.border import refuse_way_out

    if path is None or (update_baseline and not os.path.lexists(path)):
        return None
    refuse_way_out(path)
    return baselines.read(path)


def _measured(
    plans: tuple[Planned, ...], config: Config, dockerfiles: Plans, progress: Progress | None
) -> list[Report]:
    """Return a report for each of `plans`. Raises `InputErrors` with all failures."""
    found, errors = [], []
    for plan in plans:
        try:
            report = report_of(
                requested(plan.build, dockerfiles),
                top=_TOP,
                depth=baselines.DEPTH,
                progress=progress,
                config=config,
            )
            _must_be_known(plan, report)
        except InputError as error:
            errors.append(error)
        else:
            found.append(report)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InputErrors(errors)
    return found


def _must_be_known(plan: Planned, report: Report) -> None:
    """Raises `InputError` for a budget of a transfer that nobody knows."""
    if plan.budget.of != "transfer" or report.transfer is not None:
        return
    why = (each for each in report.problems if each.code in _NO_TRANSFER)
    reason = next((each.message for each in why), "there is no Dockerfile")
    reason = reason.removeprefix(f"{TAKES_UNKNOWN}: ")
    raise InputError(f"{plan.name}: the transfer is not known: {reason}", path=report.dockerfile)


def _judged(
    plan: Planned,
    report: Report,
    path: str | None,
    old: baselines.Baseline | None,
    acceptance: Acceptance,
    *,
    dockerfiles: Plans,
    progress: Progress | None,
) -> ContextCheck:
    """Return the check of one build. Raises `InputError` if the baseline is of another."""
    entry = None if old is None else old.get(plan.name)
    if entry is not None and entry.builder != report.builder:
        raise InputError(
            f"{plan.name} was recorded for {entry.builder}, and this is {report.builder}",
            path=path,
            hint="--update-baseline",
        )
    judged = judge(plan.name, report, plan.budget, known=_known(report), baseline=old)
    left, accepted = acceptance.split(judged.findings, *_places(report))
    judged = replace(judged, findings=left, accepted=accepted)
    if report.context.totals.files > outcome.MOST_TRIED:
        return _untried(judged)
    remedy = _remedy(plan, judged, dockerfiles, progress)
    return judged if remedy is None else _with(remedy, judged)


def _untried(judged: ContextCheck) -> ContextCheck:
    """Return `judged` with a remedy that was not tried."""
    if all(each.is_floor for each in judged.missed):
        return judged
    text = f"ctxsize suggest may help; not tried on more than {outcome.MOST_TRIED:,} files"
    return replace(judged, untried=True, findings=_helped(judged, text))


def _with(remedy: Remedy, judged: ContextCheck) -> ContextCheck:
    """`judged` with its remedy, which its findings name too."""
    text = f"ctxsize suggest --write saves {human(remedy.saves.content_bytes)}"
    return replace(judged, remedy=remedy, findings=_helped(judged, text))


def _helped(judged: ContextCheck, text: str) -> tuple[Finding, ...]:
    """Return the findings; where a smaller context helps, with `text` as help."""
    large = {"CTX401", "CTX402", "CTX404"}
    return tuple(
        replace(each, help=text) if each.code in large else each for each in judged.findings
    )


def _remedy(
    plan: Planned, judged: ContextCheck, dockerfiles: Plans, progress: Progress | None
) -> Remedy | None:
    """Return what `suggest --write` would save of a context that is too large; None for nothing.

    Asked only then: it looks at the whole tree once more.
    """
    missed = [each for each in judged.missed if not each.is_floor]
    if not missed:
        return None
    advice = advice_of(requested(plan.build, dockerfiles), progress=progress)
    of = missed[0].of
    pairs = (
        (advice.before.context, advice.after.context)
        if of == "context"
        else (advice.before.counted, advice.after.counted)
    )
    saved = pairs[0] - pairs[1]
    if advice.edit is None or (saved.content_bytes <= 0 and saved.files <= 0):
        return None
    amounts = {"bytes": saved.content_bytes, "files": saved.files}
    return Remedy(saved, all(each.over <= amounts[each.unit] for each in missed))


def _known(report: Report) -> Known:
    return knowing.of_measurement(report.context, depth=baselines.DEPTH, top=_TOP)


def _recorded(
    path: str,
    old: baselines.Baseline,
    plans: tuple[Planned, ...],
    measured: list[Report],
    *,
    config: Config,
    dockerfiles: Plans,
    progress: Progress | None,
) -> tuple[baselines.Baseline, list[Report]]:
    """Return the new baseline, written to `path`, and what was measured for it.

    A baseline that is sent is a part of what it records: it is written until
    that is true.
    """
    new = _updated(path, old, plans, measured)
    for _ in range(_TRIES if _lies_in_one(path, plans) else 0):
        measured, last = _measured(plans, config, dockerfiles, progress), new
        new = _updated(path, old, plans, measured)
        if new == last:
            break
    return new, measured


def _lies_in_one(path: str, plans: tuple[Planned, ...]) -> bool:
    """Return whether the baseline is in one of the contexts."""
    real = os.path.realpath(path)
    return any(real.startswith(os.path.realpath(plan.build.context) + os.sep) for plan in plans)


def _updated(
    path: str,
    old: baselines.Baseline,
    plans: tuple[Planned, ...],
    measured: list[Report],
) -> baselines.Baseline:
    """Return the baseline with what was measured now, as it was written to `path`."""
    from ctxsize.writer.apply import write_output

    new: Mapping[str, baselines.BaselineEntry] = {
        plan.name: _entry(plan.name, report) for plan, report in zip(plans, measured, strict=True)
    }
    merged = {**old, **new}
    data = baselines.text(merged).encode("ascii")
    write_output(path, data)
    return merged


def _entry(name: str, report: Report) -> baselines.BaselineEntry:
    if report.lower_bound:
        raise InputError(
            f"{name}: a part of it could not be counted, so it makes no baseline",
            path=report.context_path,
        )
    known = knowing.worth_keeping(
        _known(report), directories=baselines.DIRECTORIES, files=baselines.FILES
    )
    transfer = actual(report, "transfer") if report.transfer is not None else None
    return baselines.BaselineEntry(report.builder, known, transfer)


def diff(before: str, after: str, *, name: str | None, options: Mapping[str, Any]) -> DiffReport:
    """See `ctxsize.api.diff`."""
    old, new = _side(before, name, options), _side(after, name, options)
    return DiffReport(_told(before, old), _told(after, new), between(old, new))


def _side(place: str, name: str | None, options: Mapping[str, Any]) -> Known:
    """Return what is known of `place`: a saved report, or a context as it is now."""
    if os.path.isdir(place):
        return knowing.of_entries(ls(place, **options))
    return baselines.read_report(place, name)


def _told(name: str, known: Known) -> Side:
    complete = known.depth is None and not known.files_from
    return Side(name, known.content_bytes, known.files, complete=complete)
