"""Sections of `check`: why a report is refused, and what passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ctxsize.findings import Severity
from ctxsize.formats.sections import (
    Fit,
    Items,
    NextStep,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    Sections,
    few,
)
from ctxsize.formats.sections.compared import changes, saving_step
from ctxsize.formats.sections.measured import body, next_step, table_of
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import (
    EXAMPLES,
    command,
    listed,
    quoted,
    visible,
    writing_all,
)
from ctxsize.guard import CheckReport, ContextCheck, Limit, Remedy
from ctxsize.model import LACKING
from ctxsize.recommender.hazards import HAZARDS
from ctxsize.units import human, plural

_LINES = 20  # number of lines of a refusal, with the blank line after it
_MOST_REASONS = 4
_MOST_IN_A_LINE = 10  # number of refusals of a line each; none if full
_MORE_ROWS = 2  # a line about one or two more tells less than they do


def sections(outcome: CheckReport, look: Look) -> Iterator[ScreenPart]:
    """Yield the refusals, then a line for each context that passes; the verdict comes last."""
    checks = outcome.checks
    refused = [check for check in checks if not check.passes]
    in_a_line = []
    remedies = _Remedies(outcome)
    for index, check in enumerate(refused):
        # The first ones are enough to see what to do.
        if look.full or index < EXAMPLES:
            yield Screen([*_refusal(check, remedies, look)], _LINES)
        else:
            in_a_line.append(_refusal_in_a_line(check))
        if look.full and index < EXAMPLES:
            title = f"Report of {quoted(check.name)}"
            yield from body(check.report, look, title)
    for unchecked in outcome.unchecked:
        text = f"Refused {quoted(unchecked.name)}: not measured: {visible(unchecked.error)}"
        in_a_line.append(Prose(text, 4, "Refused", "red"))
    lines = few(in_a_line, _MOST_IN_A_LINE, look)
    for check in checks:
        if check.passes:
            lines += _passing(check)
    for finding in outcome.unused:
        text = f"{visible(finding.message)}: {finding.help}"
        lines.append(Prose(text, 4))
    names = [quoted(check.name) for check in refused]
    names += [quoted(unchecked.name) for unchecked in outcome.unchecked]
    count = len(checks) + len(outcome.unchecked)
    if names and count > 1:
        text = f"{len(names)} of {plural(count, 'context')} refused: {listed(names)}"
        lines.append(Prose(text, 4, text, "red"))
    yield Section(lines)


def _refusal_in_a_line(check: ContextCheck) -> Prose:
    reason = _used(check.missed) or _reasons(check)[0]
    text = f"Refused {quoted(check.name)}: {reason}"
    return Prose(text, mark="Refused", style="red", fit=Fit(1))


def _reasons(check: ContextCheck) -> list[str]:
    """Return why a context is refused."""
    texts = []
    for finding in check.findings:
        message = finding.message.removeprefix(f"{check.name}: ")
        texts.append(f"{finding.code} {message}")
    # What decides the fate of the build is a finding already.
    others = [
        problem.message
        for problem in check.report.all_problems
        if not problem.is_fatal and problem.code != "no-dockerfile"
    ]
    texts += others[:EXAMPLES]
    return [*map(visible, texts)]


def _passing(check: ContextCheck) -> Items:
    texts = []
    limits = check.limits
    if limits:
        texts.append(f"{_used(limits)} ({limits[0].of})")
    if check.assertions:
        texts.append(plural(check.assertions, "assertion"))
    text = ", ".join(texts) or "nothing is limited"
    yield Prose(f"ok {quoted(check.name)}: {text}", 4, "ok", "green")
    for finding in check.findings:
        text = finding.message
        if finding.code in HAZARDS:
            text += f"; {finding.help}"
        yield Prose(f"   {visible(text)}", 5)
    for problem in check.report.all_problems:
        if problem.code == LACKING:
            yield Prose(f"   {visible(problem.message)}", 5)
    yield from _untracked(check)
    yield from _accepted(check)


def _untracked(check: ContextCheck) -> Items:
    """Yield what is sent of files that git does not track."""
    part = check.untracked
    if part is not None:
        amount = f"{plural(part.files, 'file')} ({human(part.content_bytes)})"
        yield Prose(f"   untracked: {amount}, the largest {quoted(part.name)}", 5)


def _used(limits: Iterable[Limit]) -> str:
    """Return the amounts with what is allowed of them."""
    texts = dict[str, None]()
    for limit in limits:
        actual = limit.shown(limit.actual)
        allowed = limit.shown(limit.allowed)
        word = "at least" if limit.is_floor else "of"
        texts[f"{actual} {word} {allowed}"] = None
    return ", ".join(texts)


def _accepted(check: ContextCheck) -> Items:
    for finding, reason in check.accepted:
        yield Prose(visible(f"   accepted: {finding.message} ({reason})"), 5)


def _refusal(check: ContextCheck, remedies: _Remedies, look: Look) -> Sections:
    """Yield the reasons of a refusal, the largest parts, what grew and what helps."""
    reasons = [Prose(f"  {reason}", 4, fit=Fit(2)) for reason in _reasons(check)]
    lines = few(reasons, _MOST_REASONS, look, "reason")
    lines += _accepted(check)
    yield Section(lines, f"Refused: {quoted(check.name)}", style="red")
    parts = check.culprits
    if parts:
        room = Room(look.top, len(parts), leaves="half")
        table = table_of("size files %", "path", parts, check.report.context.totals, room)
        yield Section([table], "Largest parts")
    grown = check.grown
    if grown:
        room = Room(look.top, len(grown), "path", spare=_MORE_ROWS)
        since = visible(check.since or "the baseline")
        yield Section([changes(grown, room)], f"Grown since {since}")
    yield Section([*_untracked(check)])
    yield Section([*remedies.of(check)])


class _Remedies:
    """Steps that help: the command for an ignore file once, that for all if it helps several."""

    def __init__(self, outcome: CheckReport) -> None:
        checks = [check for check in outcome.checks if not check.policy]
        remedies = [check.remedy for check in checks if check.remedy]
        self._for_all = ""
        if len(remedies) > 1:
            is_link = any(remedy.is_link for remedy in remedies)
            self._for_all = writing_all(outcome.root, is_link=is_link)
        self._told = set[str]()

    def of(self, check: ContextCheck) -> Items:
        """Yield the command that helps, then what to do by hand if it is not enough."""
        remedy = check.remedy
        report = check.report
        missed = check.missed
        codes = {finding.code for finding in check.findings if finding.severity is Severity.ERROR}
        if codes == {"CTX407"}:
            yield NextStep("", "add --update-baseline", "Fix")
            return
        if codes & {"CTX411", "CTX412"}:
            # Sizes matter only once the build succeeds.
            yield replace(next_step(report), label="Fix")
            return
        broken = [
            finding.help for finding in check.findings if finding.code in ("CTX409", "CTX410")
        ]
        for text in dict.fromkeys(broken[:EXAMPLES]):
            yield NextStep("", visible(text), "Fix")
        if broken and not missed:
            return
        if remedy:
            yield from self._saving(check, remedy)
        elif missed and all(limit.is_floor for limit in missed):
            by_pattern = command(report, "measure", "--by", "pattern")
            yield NextStep(by_pattern, f"shows what {_ignore_file(check)} hides", "Fix")
        else:
            yield from self._once(_by_hand(check, "Fix"))

    def _saving(self, check: ContextCheck, remedy: Remedy) -> Items:
        """Yield the command for an ignore file that no other build had, and what it leaves."""
        step = saving_step(check.report, remedy)
        if self._for_all and not check.policy:
            step = replace(step, command=self._for_all)
        label = "Fix"
        if remedy.ignore_file not in self._told:
            self._told.add(remedy.ignore_file)
            yield step
            label = "Or"
        if not remedy.enough:
            yield from self._once(_by_hand(check, label))

    def _once(self, step: NextStep) -> Items:
        if step.purpose not in self._told:
            self._told.add(step.purpose)
            yield step


def _by_hand(check: ContextCheck, label: str) -> NextStep:
    """Return what a person has to decide, about the largest part if there is one."""
    text = f"add what the build does not need to {_ignore_file(check)}"
    if check.doubtful:
        name = quoted(check.doubtful)
        text = f"if the build does not need {name}, add it to {_ignore_file(check)}"
    if any(limit.since for limit in check.missed):
        text += ", or accept it: raise --growth"
    elif check.since:
        text += ", or accept it: raise the budget"
    elif not check.policy:
        text += ", or accept it: raise the budget or add --update-baseline"
    return NextStep("", text, label, Fit(4))


def _ignore_file(check: ContextCheck) -> str:
    ignore_file = check.report.ignore_file
    if ignore_file:
        return quoted(ignore_file.path)
    return "the ignore file"
