"""Sections of `check`: why a report is refused, and what passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ctxsize.formats import Look
from ctxsize.formats.sections import Item, NextStep, Prose, Section, height
from ctxsize.formats.sections.compared import changes
from ctxsize.formats.sections.measured import body, table_of
from ctxsize.formats.wording import (
    EXAMPLES,
    amount,
    clipped,
    command,
    fit,
    listed,
    more,
    quoted,
    visible,
)
from ctxsize.model import Share
from ctxsize.units import plural

if TYPE_CHECKING:
    from ctxsize.guard import CheckReport, ContextCheck

_LINES, _MOST_REASONS = 20, 4
"""Number of lines of a refusal, unless it has to be full, and of its reasons."""


def sections(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the refusals, then a line for each context that passes; the verdict comes last."""
    refused = [each for each in outcome.checks if not each.passes]
    for at, each in enumerate(refused):
        # The first ones are enough to see what to do.
        parts = [*_refusal(each, look)]
        yield from parts if at < EXAMPLES or look.full else parts[:1]
        if look.full and at < EXAMPLES:
            yield from body(each.report, look, title=f"Report of {quoted(each.name)}")
    lines = [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}") for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = listed([quoted(each.name) for each in refused])
        text = f"{len(refused)} of {plural(len(outcome.checks), 'context')} refused: {names}"
        lines.append(Prose(text, mark=text, style="red"))
    yield Section(lines)


def _passing(check: ContextCheck) -> Iterator[Prose]:
    used = (
        f"{each.shown(each.actual)} {'at least' if each.is_floor else 'of'} "
        f"{each.shown(each.allowed)}"
        for each in check.limits
    )
    kept = ", ".join(dict.fromkeys(used))
    kept = f"{kept} ({check.limits[0].of})" if kept else "nothing is limited"
    yield Prose(f"ok {quoted(check.name)}: {kept}", mark="ok", style="green")
    yield from (Prose(f"   {finding.message}") for finding in check.findings)
    yield from _accepted(check)


def _accepted(check: ContextCheck) -> Iterator[Prose]:
    for each in check.accepted:
        yield Prose(visible(f"   accepted: {each.finding.message} ({each.reason})"), 5)


def _refusal(check: ContextCheck, look: Look) -> Iterator[Section]:
    """Yield the reasons of a refusal, the largest parts, what grew and what helps, on 20 lines."""
    problems = check.report.all_problems[:EXAMPLES]
    lead = f"{check.name}: "
    texts = [f"{each.code} {each.message.removeprefix(lead)}" for each in check.findings]
    texts += [each.message for each in problems]
    most = len(texts) if look.full else _MOST_REASONS
    lines = [Prose(f"  {visible(each)}", 4) for each in texts]
    if not look.full:
        lines = [each._replace(text=clipped(each.text, 2 * look.width - 20)) for each in lines]
    lines = [*lines[:most], *_accepted(check)]
    if left := more(len(texts) - most, "reason"):
        lines.append(Prose(f"  {left}"))
    yield Section(lines, f"Refused: {quoted(check.name)}", style="red")
    remedies = [*_remedies(check, look)]
    room = _LINES - 3 - height(lines, look.width) - height(remedies, look.width)
    grown = check.grown or ()
    # A table has a title, headers, and a blank line; what grew has a line about the rest too.
    count = max(1, min(look.top, room - 3, len(check.culprits), (room - 6) // 2 if grown else room))
    total = check.report.context.totals.content_bytes
    parts = [Share(each.path, each.content_bytes, each.files) for each in check.culprits]
    if parts and room > 3:
        table = table_of("size files %", "path", parts, total, look.top if look.full else count)
        yield Section([table._replace(rest="")], "Largest parts")
        room -= 3 + count
    room = look.top + 5 if look.full else room
    # A line about one or two more tells less than they do.
    count = len(grown) if len(grown) <= min(look.top + 2, room - 3) else min(look.top, room - 4)
    if count > 0:
        yield Section([changes("path", grown, count)], "Grown since the baseline")
    yield Section(remedies)


def _remedies(check: ContextCheck, look: Look) -> Iterator[Item]:
    """Yield the command that helps, then what to do by hand if it is not enough."""
    remedy, report = check.remedy, check.report
    most = 1_000 if look.full else look.width // 3
    where = "the ignore file"
    if report.ignore_file is not None:
        where = fit(quoted(report.ignore_file.path), most)
    if remedy is not None:
        enough = "" if remedy.enough else ", which is not enough"
        suggest = command(report, "suggest", "--write")
        yield NextStep(suggest, f"saves {amount(remedy.saves)}{enough}", "Fix")
    elif check.missed and all(each.is_floor for each in check.missed):
        by_pattern = command(report, "measure", "--by", "pattern")
        yield NextStep(by_pattern, f"shows what {where} hides", "Fix")
        return
    if remedy is None or not remedy.enough:
        first = "what the build does not need"
        if check.culprits:
            first = fit(quoted(check.culprits[0].path), most)
        accept = "raise the budget or add --update-baseline"
        order = f"if the build does not need {first}, add it to {where}, or accept it: {accept}"
        yield NextStep("", order, "Or" if remedy else "Fix")
