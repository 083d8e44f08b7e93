"""The guard's answer in Markdown: a verdict for each context, and what is behind a refusal."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.markdown.findings import section
from ctxsize.formats.markdown.measure import largest
from ctxsize.formats.markdown.words import code, details, plain, table
from ctxsize.formats.text.advice import command, plural
from ctxsize.formats.text.check import delta, happened, shown
from ctxsize.guard.outcome import MOST_TRIED, CheckReport, ContextCheck, Limit


def render(outcome: CheckReport, look: Look) -> str:
    """`outcome` for a step summary or a comment."""
    word = "🟢 kept" if outcome.passes else "🔴 **not kept**"
    lines = [f"### Build context budget: {word}", "", *_limits(outcome)]
    for each in outcome.checks:
        if not each.passes:
            lines += ["", *_refusal(each, look)]
    if outcome.findings:
        lines += ["", *section(outcome.findings)]
    return "\n".join(lines) + "\n"


def _limits(outcome: CheckReport) -> list[str]:
    rows = [
        (
            shown(limit.actual, limit),
            shown(limit.allowed, limit),
            _room(limit, accepted=limit not in check.missed),
            name,
            limit.name,
        )
        for check in outcome.checks
        for limit in check.limits
        for name in [f"{code(check.name)} ({limit.of})"]
    ]
    return table(("actual", "allowed", "", "context", "budget"), rows, right=2)


def _room(limit: Limit, *, accepted: bool) -> str:
    if not limit.over:
        return "🟢"
    way = "under" if limit.is_floor else "over"
    mark, ending = ("🟡", ", accepted") if accepted else ("🔴", "")
    return f"{mark} {way} by {shown(limit.over, limit)}{ending}"


def _refusal(check: ContextCheck, look: Look) -> Iterator[str]:
    yield f"#### {code(check.name)}"
    yield ""
    if check.culprits:
        rows = [
            (units.human(each.content_bytes), f"{each.files:,}", code(each.path))
            for each in check.culprits
        ]
        yield from table(("size", "files", "largest parts"), rows, right=2)
        yield ""
    if check.grown:
        grown = [
            (plain(delta(each)), happened(each), code(each.path))
            for each in check.grown[: look.top]
        ]
        yield from table(("change", "", "grown since the baseline"), grown, right=1)
        yield ""
    if check.remedy is not None:
        saved = units.human(check.remedy.saves.content_bytes)
        files = plural(check.remedy.saves.files, "file")
        enough = "" if check.remedy.enough else ", which is not enough"
        step = code(command(check.report, "suggest", "--write"))
        yield f"Fix: {step} saves {saved} in {files}{enough}."
        yield ""
    if check.untried:
        step = code(command(check.report, "suggest", "--write"))
        yield f"Fix: {step} (not tried here on more than {MOST_TRIED:,} files)."
        yield ""
    yield from details("The report", largest(check.report, look.top))
