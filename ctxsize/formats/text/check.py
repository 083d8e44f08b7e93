"""The guard's answer for a person: what is refused, why, who is to blame, what mends it.

A context that passes is one line. The report of one that does not comes first,
so that the last lines on the screen are the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text import measure
from ctxsize.formats.text.advice import command, plural
from ctxsize.formats.text.findings import lines as finding_lines
from ctxsize.formats.text.size_tree import percent
from ctxsize.formats.text.tables import Table, lines
from ctxsize.guard.judge import said
from ctxsize.guard.known import SizeChange
from ctxsize.guard.outcome import MOST_TRIED, CheckReport, ContextCheck, Limit

_GROWN = 5


def render(outcome: CheckReport, look: Look) -> str:
    """`outcome` as text no wider than `look.width`: reports, then verdicts, then the sum of it."""
    refused = [each for each in outcome.checks if not each.passes]
    sections = [measure.render(each.report, look, refused=True) for each in refused]
    sections += ["\n".join(_refusal(each, look)) + "\n" for each in refused]
    sections.append("".join(f"{line}\n" for line in _lines(outcome, look)))
    return "\n".join(section for section in sections if section)


def _lines(outcome: CheckReport, look: Look) -> Iterator[str]:
    """A line for each context that passes, with a note where there is one, and what is the sum."""
    for each in outcome.checks:
        if each.passes:
            yield f"{look.paint('ok', 'green')} {quoted(each.name)}: {_kept(each)}"
            yield from (f"   {finding.message}" for finding in each.findings)
            yield from _accepted(each, look)
    yield from (f"{visible(each.message)}: {each.help}" for each in outcome.unused)
    refused = [quoted(each.name) for each in outcome.checks if not each.passes]
    if refused and len(outcome.checks) > 1:
        total = plural(len(outcome.checks), "context")
        yield look.paint(f"{len(refused)} of {total} refused: {', '.join(refused)}", "red")


def _kept(check: ContextCheck) -> str:
    """The limits and what is used of them, in one line."""
    if not check.limits:
        return "nothing is limited"
    parts = []
    for limit in check.limits:
        room = shown(limit.allowed, limit)
        bound = f"at least {room}" if limit.is_floor else f"of {room}"
        parts.append(f"{shown(limit.actual, limit)} {bound}")
    of = check.limits[0].of
    return f"{', '.join(dict.fromkeys(parts))} ({of})"


def _refusal(check: ContextCheck, look: Look) -> Iterator[str]:
    title = f"Refused: {quoted(check.name)}"
    yield look.paint(title, "red")
    yield from _limits(check, look)
    yield from _accepted(check, look)
    others = [each for each in check.findings if each.code in ("CTX407", "CTX408")]
    yield from finding_lines(others, look)[:-2]
    if check.culprits:
        yield ""
        yield from lines(_culprits(check), look)
    if check.grown:
        yield ""
        yield from lines(_grown(check.grown), look)
    yield ""
    yield from _remedy(check, look)


def _accepted(check: ContextCheck, look: Look) -> Iterator[str]:
    for each in check.accepted:
        text = f"   accepted: {each.finding.message} ({each.reason})"
        yield from measure.wrapped(visible(text), look, indent="     ")


def _limits(check: ContextCheck, look: Look) -> Iterator[str]:
    for limit in check.missed:
        yield from measure.wrapped(f"  {limit.name}: {said(limit)}", look, indent="    ")


def _culprits(check: ContextCheck) -> Table:
    total = check.report.context.totals.content_bytes
    rows = [
        (
            units.human(each.content_bytes),
            f"{each.files:,}",
            percent(each.content_bytes / total if total else 0),
            quoted(each.path),
        )
        for each in check.culprits
    ]
    return Table("Largest parts", ("size", "files", "%", "path"), rows)


def _grown(changes: tuple[SizeChange, ...]) -> Table:
    rows = [(delta(each), happened(each), quoted(_named(each))) for each in changes[:_GROWN]]
    rest = len(changes) - _GROWN
    more = f"and {plural(rest, 'more')}".removesuffix("s") if rest > 0 else ""
    return Table("Grown since the baseline", ("change", "", "path"), rows, more)


def _named(change: SizeChange) -> str:
    return f"{change.path}/" if change.delta_files else change.path


def _remedy(check: ContextCheck, look: Look) -> Iterator[str]:
    remedy = check.remedy
    if check.untried:
        step = look.paint(command(check.report, "suggest", "--write"), "bold")
        yield f"Fix: {step}"
        most = f"{MOST_TRIED:,}"
        yield f"     is not tried here on more than {most} files; alone it says what it saves"
    if remedy is not None:
        step = look.paint(command(check.report, "suggest", "--write"), "bold")
        saved = f"{units.human(remedy.saves.content_bytes)} in {plural(remedy.saves.files, 'file')}"
        yield f"Fix: {step}"
        yield f"     saves {saved}{'' if remedy.enough else ', which is not enough'}"
    if remedy is not None and remedy.enough:
        return
    label = "Fix: " if remedy is None and not check.untried else "Then "
    yield from measure.wrapped(f"{label}{_by_hand(check)}", look, indent="     ")


def _by_hand(check: ContextCheck) -> str:
    """What a person can do, where no command does it."""
    report = check.report
    where = "the ignore file" if report.ignore_file is None else quoted(report.ignore_file.path)
    if any(each.code == "CTX407" for each in check.findings):
        return "add --update-baseline to record it"
    if any(each.code == "CTX408" for each in check.findings):
        return "run it again when the tree is readable and quiet"
    if all(each.is_floor for each in check.missed):
        return f"{command(report, 'measure', '--by', 'rule')} shows what {where} hides"
    first = quoted(check.culprits[0].path) if check.culprits else "what the build does not need"
    accept = (
        ", or accept it with --update-baseline"
        if any(each.name == "growth" for each in check.missed)
        else ", or raise the budget"
    )
    return f"if the build does not need {first}, add it to {where}{accept}"


def shown(amount: int, limit: Limit) -> str:
    """`amount` in the unit of `limit`."""
    return units.human(amount) if limit.unit == "bytes" else plural(amount, "file")


def delta(change: SizeChange) -> str:
    """By how much, with a sign; a change of files alone in files."""
    least = "" if change.exact else ">"
    if not change.delta_bytes and change.delta_files:
        return f"{change.delta_files:+,} files"
    sign = "+" if change.delta_bytes >= 0 else "-"
    return f"{least}{sign}{units.human(abs(change.delta_bytes))}"


def happened(change: SizeChange) -> str:
    """What happened, with care where it may have been there before, unlisted."""
    if change.exact:
        return change.what.value
    return "new or grown" if change.delta_bytes > 0 else "gone or shrunk"
