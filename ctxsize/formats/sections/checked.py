"""Sections of `check`: why a report is refused, and what passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.findings import Severity
from ctxsize.formats import Look
from ctxsize.formats.sections import Item, NextStep, Prose, Section, few
from ctxsize.formats.sections.compared import changes
from ctxsize.formats.sections.measured import body, next_step, table_of
from ctxsize.formats.text import brief, height
from ctxsize.formats.wording import EXAMPLES, amount, command, listed, quoted, visible
from ctxsize.guard import CheckReport, ContextCheck, Limit
from ctxsize.model import Share
from ctxsize.units import plural

_LINES = 20
_MOST_REASONS = 4
_MOST_IN_A_LINE = 10
"""Numbers of lines of a refusal and of its reasons, and of refusals in one line; none if full."""


def sections(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the refusals, then a line for each context that passes; the verdict comes last."""
    refused = [each for each in outcome.checks if not each.passes]
    # The first ones are enough to see what to do.
    for at, each in enumerate(refused if look.full else refused[:EXAMPLES]):
        yield from _refusal(each, look)
        if look.full and at < EXAMPLES:
            yield from body(each.report, look, title=f"Report of {quoted(each.name)}")
    lines: list[Item] = []
    for each in [] if look.full else refused[EXAMPLES:]:
        why = _used(each.missed) or _reasons(each)[0]
        text = brief(f"Refused {quoted(each.name)}: {why}", look.width, 1)
        lines.append(Prose(text, mark="Refused", style="red"))
    lines = few(lines, _MOST_IN_A_LINE, look)
    lines += [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}", 4) for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = listed([quoted(each.name) for each in refused])
        text = f"{len(refused)} of {plural(len(outcome.checks), 'context')} refused: {names}"
        lines.append(Prose(text, 4, text, "red"))
    yield Section(lines)


def _reasons(check: ContextCheck) -> list[str]:
    """Return why a context is refused."""
    lead = f"{check.name}: "
    texts = [f"{each.code} {each.message.removeprefix(lead)}" for each in check.findings]
    # What decides the fate of the build is a finding already.
    others = [each for each in check.report.all_problems if not each.is_fatal]
    others = [each for each in others if each.code != "no-dockerfile"]
    texts += [each.message for each in others[:EXAMPLES]]
    return [*map(visible, texts)]


def _passing(check: ContextCheck) -> Iterator[Prose]:
    if check.limits:
        kept = f"{_used(check.limits)} ({check.limits[0].of})"
    else:
        kept = ""
    if check.assertions:
        held = plural(check.assertions, "assertion")
    else:
        held = ""
    kept = ", ".join(filter(None, (kept, held))) or "nothing is limited"
    yield Prose(f"ok {quoted(check.name)}: {kept}", 4, "ok", "green")
    yield from (Prose(f"   {visible(finding.message)}", 5) for finding in check.findings)
    yield from _accepted(check)


def _used(limits: Iterable[Limit]) -> str:
    """Return the amounts with what is allowed of them."""
    words = ((each, "at least" if each.is_floor else "of") for each in limits)
    used = (f"{each.shown(each.actual)} {of} {each.shown(each.allowed)}" for each, of in words)
    return ", ".join(dict.fromkeys(used))


def _accepted(check: ContextCheck) -> Iterator[Prose]:
    for each in check.accepted:
        yield Prose(visible(f"   accepted: {each.finding.message} ({each.reason})"), 5)


def _refusal(check: ContextCheck, look: Look) -> Iterator[Section]:
    """Yield the reasons of a refusal, the largest parts, what grew and what helps, on 20 lines."""
    texts = [f"  {each}" for each in _reasons(check)]
    remedies = [*_remedies(check, look)]
    if not look.full:
        texts = [brief(each, look.width, 2, 4) for each in texts]
    lines = few([Prose(each, 4) for each in texts], _MOST_REASONS, look, "reason")
    lines += _accepted(check)
    yield Section(lines, f"Refused: {quoted(check.name)}", style="red")
    room = _LINES - 3 - height([*lines, *remedies], look)
    grown = check.grown or ()
    # A table has a title, headers, and a blank line; what grew has a line about the rest too.
    count = max(1, min(look.top, room - 3, len(check.culprits), (room - 6) // 2 if grown else room))
    total = check.report.context.totals.content_bytes
    parts = [Share(each.path, each.content_bytes, each.files) for each in check.culprits]
    if parts and room > 3:
        table = table_of("size files %", "path", parts, total, look.top if look.full else count)
        yield Section([table._replace(rest="")], "Largest parts")
        room -= 3 + count
    if look.full:
        room = look.top + 5
    else:
        room = room
    # A line about one or two more tells less than they do.
    if len(grown) <= min(look.top + 2, room - 3):
        count = len(grown)
    else:
        count = min(look.top, room - 4)
    if count > 0:
        yield Section([changes("path", grown, count)], "Grown since the baseline")
    yield Section(remedies)


def _remedies(check: ContextCheck, look: Look) -> Iterator[Item]:
    """Yield the command that helps, then what to do by hand if it is not enough."""
    remedy = check.remedy
    report = check.report
    codes = {each.code for each in check.findings if each.severity is Severity.ERROR}
    if report.ignore_file:
        where = quoted(report.ignore_file.path)
    else:
        where = "the ignore file"
    if codes == {"CTX407"}:
        yield NextStep("", "add --update-baseline", "Fix")
        return
    if codes & {"CTX411", "CTX412"}:
        # Sizes matter only once the build succeeds.
        yield next_step(report)._replace(label="Fix")
        return
    broken = [each.help for each in check.findings if each.code in ("CTX409", "CTX410")]
    yield from (NextStep("", visible(each), "Fix") for each in dict.fromkeys(broken[:EXAMPLES]))
    if broken and not check.missed:
        return
    if remedy is not None:
        if remedy.enough:
            enough = ""
        else:
            enough = ", which is not enough"
        suggest = command(report, "suggest", "--write")
        yield NextStep(suggest, f"saves {amount(remedy.saves)}{enough}", "Fix")
    elif check.missed and all(each.is_floor for each in check.missed):
        by_pattern = command(report, "measure", "--by", "pattern")
        yield NextStep(by_pattern, f"shows what {where} hides", "Fix")
        return
    if remedy is None or not remedy.enough:
        if remedy:
            left = [remedy.left]
        else:
            left = [each.path for each in check.culprits]
        if left and left[0]:
            first = quoted(left[0])
        else:
            first = "what the build does not need"
        if remedy:
            label = "Or"
        else:
            label = "Fix"
        accept = "raise the budget or add --update-baseline"
        order = f"if the build does not need {first}, add it to {where}"
        if check.policy:
            order += ""
        else:
            order += f", or accept it: {accept}"
        if look.full:
            order = order
        else:
            order = brief(order, look.width - len(label) - 2, 4)
        yield NextStep("", order, label)
