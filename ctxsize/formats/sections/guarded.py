"""Sections of `check` and `diff`: why contexts are refused and what helps, and what changed.

A context that passes is one line. The report of a refused one is printed first, so that
the last lines on the screen are the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Findings,
    Name,
    NextStep,
    Prose,
    Section,
    Table,
    breakdowns,
    measured,
)
from ctxsize.formats.wording import amount, command, more
from ctxsize.guard import CheckReport, ContextCheck, DiffReport, Limit, said
from ctxsize.guard.changes import SizeChange
from ctxsize.model import Amount, Share
from ctxsize.units import human, plural

_MOST_GROWN = 5
_PARTIAL = (
    "A report has only the largest files and the upper directories: smaller changes are missed."
)


def sections(outcome: CheckReport | DiffReport, look: Look) -> Iterable[Section]:
    """Return the refusals and the contexts that pass, or the changes."""
    return _checked(outcome, look) if outcome.kind == "check" else _compared(outcome, look)


def _checked(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the reports of refused contexts, the refusals, and a line for each one that passes."""
    refused = [each for each in outcome.checks if not each.passes]
    for each in refused:
        yield from measured.sections(each.report, look, refused=True)
    for each in refused:
        yield from _refusal(each, _MOST_GROWN)
    lines = [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}", whole=True) for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = ", ".join(quoted(each.name) for each in refused)
        total = plural(len(outcome.checks), "context")
        text = f"{len(refused)} of {total} refused: {names}"
        lines.append(Prose(text, style="red", whole=True))
    yield Section(lines)


def _passing(check: ContextCheck) -> Iterator[Prose]:
    used = [
        f"{each.shown(each.actual)} {'at least' if each.is_floor else 'of'} "
        f"{each.shown(each.allowed)}"
        for each in check.limits
    ]
    kept = ", ".join(dict.fromkeys(used))
    kept = f"{kept} ({check.limits[0].of})" if kept else "nothing is limited"
    yield Prose(f"ok {quoted(check.name)}: {kept}", marks=(("ok", "green"),), whole=True)
    yield from (Prose(f"   {finding.message}", whole=True) for finding in check.findings)
    yield from _accepted(check)


def _accepted(check: ContextCheck) -> Iterator[Prose]:
    for each in check.accepted:
        yield Prose(visible(f"   accepted: {each.finding.message} ({each.reason})"), 5)


def _refusal(check: ContextCheck, top: int) -> Iterator[Section]:
    """Yield the reasons of a refusal, the largest parts, what grew, and what helps."""
    others = [each for each in check.findings if each.code in ("CTX407", "CTX408")]
    lines = [Prose(f"  {limit.name}: {said(limit)}", 4) for limit in check.missed]
    unknown = [Findings(others, counted=False)] if others else []
    title = f"Refused: {quoted(check.name)}"
    yield Section([*lines, *_accepted(check), *unknown], title, "red")
    total = check.report.context.totals.content_bytes
    parts = [Share(each.path, each.content_bytes, each.files) for each in check.culprits]
    largest = breakdowns.of_parts("size files %", "path", parts, total)
    yield Section([largest] if parts else [], "Largest parts")
    grown = [_changes("path", check.grown, top)] if check.grown else []
    yield Section(grown, "Grown since the baseline")
    yield Section([*_remedies(check)])


def _remedies(check: ContextCheck) -> Iterator[NextStep | Prose]:
    """Yield the command that helps, then what to do by hand if it is not enough."""
    suggest = command(check.report, "suggest", "--write")
    label = "Then "
    if check.remedy is not None:
        enough = "" if check.remedy.enough else ", which is not enough"
        yield NextStep(suggest, f"saves {amount(check.remedy.saves)}{enough}", "Fix")
    else:
        label = "Fix: "
    if check.remedy is None or not check.remedy.enough:
        yield Prose(label + _order(check), 5)


def _order(check: ContextCheck) -> str:
    report = check.report
    where = "the ignore file" if report.ignore_file is None else quoted(report.ignore_file.path)
    codes = {each.code for each in check.findings}
    if "CTX407" in codes:
        return "add --update-baseline to record it"
    if "CTX408" in codes:
        return "run the check again when the tree is readable and does not change"
    if all(each.is_floor for each in check.missed):
        return f"{command(report, 'measure', '--by', 'pattern')} shows what {where} hides"
    first = quoted(check.culprits[0].path) if check.culprits else "what the build does not need"
    grew = any(each.name == "growth" for each in check.missed)
    accept = "accept it with --update-baseline" if grew else "raise the budget"
    return f"if the build does not need {first}, add it to {where}, or {accept}"


def summary(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield a row for each limit, and the refusals, short enough for a comment."""
    rows = [
        (
            limit.shown(limit.actual),
            limit.shown(limit.allowed),
            _room(limit, accepted=limit not in check.missed),
            f"`{check.name}` ({limit.of})",
            limit.name,
        )
        for check in outcome.checks
        for limit in check.limits
    ]
    table = Table(("actual", "allowed", "", "context", "budget"), rows)
    yield Section([table])
    for check in outcome.checks:
        if not check.passes:
            yield from _refusal(check, look.top)
            tables = (breakdowns.DIRECTORIES, breakdowns.FILES)
            report = [breakdowns.table(each, check.report, look.top) for each in tables]
            yield Section(report, "The report", folded=True)
    yield Section([Findings(outcome.findings)] if outcome.findings else [])


def _room(limit: Limit, *, accepted: bool) -> str:
    if not limit.over:
        return "🟢"
    way = "under" if limit.is_floor else "over"
    mark, ending = ("🟡", ", accepted") if accepted else ("🔴", "")
    return f"{mark} {way} by {limit.shown(limit.over)}{ending}"


def _compared(outcome: DiffReport, look: Look) -> Iterator[Section]:
    complete = outcome.before.complete and outcome.after.complete
    yield Section([Prose(_direction(outcome)), *([] if complete else [Prose(_PARTIAL)])])
    by = (("directory", outcome.changes.directories), ("file", outcome.changes.files))
    for noun, found in by:
        yield Section([_changes(noun, found, look.top)] if found else [], f"By {noun}")


def _direction(outcome: DiffReport) -> str:
    before, after = Amount.of(outcome.before), Amount.of(outcome.after)
    change = after - before
    if not any(change):
        changed = outcome.changes.files or outcome.changes.directories
        return f"{'Of the same size' if changed else 'The same'}: {amount(after)}"
    verb = "Grew" if change.content_bytes > 0 else "Shrank"
    lead = f"{verb} by {human(abs(change.content_bytes))}"
    lead = lead if change.content_bytes else f"{change.files:+,} files"
    return f"{lead}: from {amount(before)} to {amount(after)}"


def _changes(noun: str, changes: Sequence[SizeChange], top: int) -> Table:
    """Return a table of the first `top` of `changes`; files only if their number changed."""
    rows = [_change(each, noun) for each in changes[:top]]
    headers = ("change", "files", "", noun)
    rest = more(len(changes) - top, noun if noun != "path" else "")
    if any(files for _, files, *_ in rows):
        return Table(headers, rows, rest)
    return Table(headers[:1] + headers[2:], [row[:1] + row[2:] for row in rows], rest, numbers=1)


def _change(change: SizeChange, noun: str) -> tuple[str, ...]:
    """Return the row of a change; it is marked as uncertain unless `exact`.

    It may have existed before, unlisted.
    """
    least, sign = "" if change.exact else ">", "+" if change.delta_bytes >= 0 else "-"
    files = f"{change.delta_files:+,}" if change.delta_files else ""
    happened = "new or grown" if change.delta_bytes > 0 else "gone or shrunk"
    is_directory = noun == "directory" or change.delta_files
    return (
        f"{least}{sign}{human(abs(change.delta_bytes))}",
        files,
        change.what if change.exact else happened,
        Name(f"{change.path}/" if is_directory else change.path),
    )
