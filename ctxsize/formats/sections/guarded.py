"""Sections of `check` and `diff`: why contexts are refused and what helps, and what changed.

A context that passes is one line. The last lines on the screen are the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Item, Name, NextStep, Prose, Section, Table
from ctxsize.formats.sections.measured import table_of
from ctxsize.formats.wording import amount, change, command, more
from ctxsize.guard import CheckReport, ContextCheck, DiffReport
from ctxsize.guard.baseline import SizeChange
from ctxsize.model import Share
from ctxsize.units import human, plural

_MOST_PROBLEMS = 3
"""Number of problems of the report that a refusal shows."""


def sections(outcome: CheckReport | DiffReport, look: Look) -> Iterable[Section]:
    """Return the refusals and the contexts that pass, or the changes."""
    return _checked(outcome, look) if outcome.kind == "check" else _compared(outcome, look)


def _checked(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the refusals, and a line for each context that passes."""
    refused = [each for each in outcome.checks if not each.passes]
    for each in refused:
        yield from _refusal(each, look.top)
    lines = [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}", whole=True) for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = ", ".join(quoted(each.name) for each in refused)
        total = plural(len(outcome.checks), "context")
        text = f"{len(refused)} of {total} refused: {names}"
        lines.append(Prose(text, marks=((text, "red"),), whole=True))
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
    lines = [Prose(f"  {each.code} {visible(each.message)}", 4) for each in check.findings]
    problems = check.report.all_problems[:_MOST_PROBLEMS]
    lines += [Prose(f"  {visible(each.message)}", 4) for each in problems]
    yield Section([*lines, *_accepted(check)], f"Refused: {quoted(check.name)}", "red")
    total = check.report.context.totals.content_bytes
    parts = [Share(each.path, each.content_bytes, each.files) for each in check.culprits]
    largest = [table_of("size files %", "path", parts, total)] if parts else []
    yield Section(largest, "Largest parts")
    grown = [_changes("path", check.grown, top)] if check.grown else []
    yield Section(grown, "Grown since the baseline")
    yield Section([*_remedies(check)])


def _remedies(check: ContextCheck) -> Iterator[Item]:
    """Yield the command that helps, then what to do by hand if it is not enough."""
    remedy, suggest = check.remedy, command(check.report, "suggest", "--write")
    if remedy is not None:
        enough = "" if remedy.enough else ", which is not enough"
        yield NextStep(suggest, f"saves {amount(remedy.saves)}{enough}", "Fix")
    if remedy is None or not remedy.enough:
        yield NextStep("", _order(check), "Or" if remedy else "Fix")


def _order(check: ContextCheck) -> str:
    report = check.report
    where = "the ignore file" if report.ignore_file is None else quoted(report.ignore_file.path)
    if check.missed and all(each.is_floor for each in check.missed):
        return f"{command(report, 'measure', '--by', 'pattern')} shows what {where} hides"
    first = quoted(check.culprits[0].path) if check.culprits else "what the build does not need"
    accept = "raise the budget or add --update-baseline"
    return f"if the build does not need {first}, add it to {where}, or accept it: {accept}"


def _compared(outcome: DiffReport, look: Look) -> Iterator[Section]:
    before, after = outcome.before, outcome.after
    delta = after.content_bytes - before.content_bytes
    verb = f"{'Grew' if delta > 0 else 'Shrank'} by {human(abs(delta))}"
    lines = [Prose(f"{verb if delta else 'The same size'}: {change(before, after)}")]
    if not (before.complete and after.complete):
        lines.append(Prose("A report has only the largest parts: smaller changes are missed."))
    yield Section(lines)
    for noun, found in (
        ("directory", outcome.changes.directories),
        ("file", outcome.changes.files),
    ):
        yield Section([_changes(noun, found, look.top)] if found else [], f"By {noun}")


def _changes(noun: str, changes: Sequence[SizeChange], top: int) -> Table:
    """Return a table of the first `top` of `changes`; one that is not exact is marked.

    Such a file may have existed before, unlisted.
    """
    rows = []
    for each in changes[:top]:
        least, sign = "" if each.exact else ">", "+" if each.delta_bytes >= 0 else "-"
        happened = "new or grown" if each.delta_bytes > 0 else "gone or shrunk"
        is_directory = noun == "directory" or each.delta_files
        rows.append(
            (
                f"{least}{sign}{human(abs(each.delta_bytes))}",
                f"{each.delta_files:+,}" if each.delta_files else "",
                each.what if each.exact else happened,
                Name(f"{each.path}/" if is_directory else each.path),
            )
        )
    return Table(("change", "files", "", noun), rows, more(len(changes) - top, noun))
