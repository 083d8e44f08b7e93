"""What a report comes to in one sentence, and the next command to type."""

from __future__ import annotations

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.command_line import command
from ctxsize.formats.names import quoted
from ctxsize.formats.sections import NextStep
from ctxsize.formats.verdict import hides_all, is_missing_source, is_sizeable, reasons, sent
from ctxsize.model import Directory, Effect, Reason, Report
from ctxsize.units import human, percent, plural

DOMINANT = 0.5
"""The share of the whole from which on one directory is named as the cause."""


def verdict(report: Report) -> str:
    """Return the one sentence that says how much would be sent, and what of it is worth a look."""
    if report.failing:
        totals = report.context.totals
        context = f"{human(totals.content_bytes)} in {plural(totals.files, 'file')}"
        return f"nothing is built from the context of {context}; see why below"
    sends = BUILDERS[report.builder].announces is not None
    would = "would be sent" if sends else "are in the context"
    if hides_all(report):
        return "everything is ignored, so COPY and ADD find nothing"
    least = "at least " if report.lower_bound else ""
    content_bytes, count = sent(report)
    sentence = f"{least}{human(content_bytes)} in {plural(count, 'file')} {would}"
    cause = dominant(report)
    if _narrower(report):
        sentence += f", of {_whole(report)}"
    elif cause is not None and reasons(report) and not report.reasons:
        share = percent(cause.content_bytes, report.context.totals.content_bytes)
        sentence += f", {share} of it in {quoted(cause.path)}"
    clauses = [sentence, *(_clause(each, content_bytes) for each in report.reasons)]
    if {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}:
        clauses += ["there is no ignore file"] if report.ignore_file is None else []
    if report.suspicious:
        fails = is_missing_source(report)
        clauses.append("see why below" if fails else "see what is suspicious below")
    return "; ".join(clauses)


_CLAUSES = {
    "unneeded": ("{part} looks unneeded: {paths}",) * 2,
    "git-ignored": ("{part} matches .gitignore: {paths}",) * 2,
    "large-file": ("{part} is one file: {paths}", "{part} is {count} files: {paths}"),
    "secret": ("{paths} looks like a secret", "{count} paths look like secrets: {paths}"),
}
"""What is said of one path and of several, by the kind of a reason."""


def _clause(reason: Reason, total: int) -> str:
    share = percent(reason.content_bytes, total)
    paths = ", ".join(map(quoted, reason.paths)) + ", …" * (reason.count > len(reason.paths))
    text = _CLAUSES[reason.kind][reason.count > 1]
    part = f"{human(reason.content_bytes)} ({share})"
    return text.format(part=part, paths=paths, count=f"{reason.count:,}")


def _narrower(report: Report) -> bool:
    """Return whether something else travels than just the whole build context."""
    single = len(report.transfers) == 1 and report.transfers[0].everything
    named = any(each.transfers for each in report.named_contexts)
    return bool(report.transfers) and not (single and not named)


def _whole(report: Report) -> str:
    """Return what there is to take from."""
    named = [each.context for each in report.named_contexts if each.context is not None]
    size = sum(each.totals.content_bytes for each in (report.context, *named))
    several = plural(1 + len(named), "context")
    return f"{several} with {human(size)}" if named else f"a context of {human(size)}"


def dominant(report: Report) -> Directory | None:
    """Return the top-level directory that holds most of the context, if one does."""
    tree = report.context.tree
    first = tree.children[0] if tree.children else None
    if first is None or first.content_bytes < max(1, DOMINANT * tree.content_bytes):
        return None
    return first


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to write first."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        where += f":{problem.line}" if problem.line else ""
        return NextStep("", f"correct {where}")
    for problem in report.problems:
        if problem.code == "arrives-empty" and problem.path:
            explain = command(report, "explain", "--trace", problem.path)
            return NextStep(explain, "says why it arrives empty")
    for problem in report.all_problems:
        if problem.code == "source-not-found" and problem.line:
            explain = command(report, "explain", "--source", str(problem.line))
            return NextStep(explain, "says why the build does not find it")
    if hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows which pattern keeps what out")
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        again = "again, when what is listed below is readable and quiet"
        return NextStep(command(report, "measure"), again)
    if report.reasons or is_sizeable(report):
        # It only finds what can go; --write is the step after it.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")
