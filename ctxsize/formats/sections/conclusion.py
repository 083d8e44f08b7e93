"""What a report comes to in one sentence, and the next command to type."""

from __future__ import annotations

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.command_line import command, path_argument
from ctxsize.formats.names import quoted
from ctxsize.formats.sections import Answer, NextStep
from ctxsize.formats.verdict import hides_all, is_large, level, misses_source, reasons, sent
from ctxsize.formats.wording import amount
from ctxsize.model import Amount, Effect, Reason, Report
from ctxsize.units import human, percent, plural

DOMINANT = 0.5
"""The share of the whole from which on one directory is named as the cause."""


def answer(report: Report, *, refused: bool = False) -> Answer:
    """Return how much would be sent, and what of it is worth a look, in one sentence."""
    concern = level(report, refused=refused)
    return Answer(concern.title, concern.style, "; ".join(_clauses(report)), concern.sign)


def _clauses(report: Report) -> list[str]:
    if report.failing:
        context = amount(report.context.totals)
        return [f"nothing is built from the context of {context}; see why below"]
    if hides_all(report):
        return ["everything is ignored, so COPY and ADD find nothing"]
    whole = sent(report)
    clauses = [_size(report, whole), *(_reason(each, whole) for each in report.reasons)]
    if {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}:
        clauses += ["there is no ignore file"] if report.ignore_file is None else []
    if report.suspicious:
        fails = misses_source(report)
        clauses.append("see why below" if fails else "see what is suspicious below")
    return clauses


def _size(report: Report, part: Amount) -> str:
    least = "at least " if report.lower_bound else ""
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{least}{amount(part)} {'would be sent' if is_sent else 'are in the context'}"
    transfer = report.transfer
    if transfer is not None and (len(report.parts) > 1 or not transfer.everything):
        named = [each.context.totals for each in report.named_contexts if each.context is not None]
        size = human(Amount.of(report.context.totals, *named).content_bytes)
        whole = f"{plural(1 + len(named), 'context')} with" if named else "a context of"
        return f"{text}, of {whole} {size}"
    if report.reasons or not reasons(report):
        return text
    tree = report.context.tree
    for largest in tree.children[:1]:
        if largest.content_bytes >= max(1, DOMINANT * tree.content_bytes):
            share = percent(largest.content_bytes, tree.content_bytes)
            return f"{text}, {share} of it in {quoted(largest.path)}"
    return text


_CLAUSES = {
    "unneeded": ("{part} looks unneeded: {paths}",) * 2,
    "git-ignored": ("{part} matches .gitignore: {paths}",) * 2,
    "large-file": ("{part} is one file: {paths}", "{part} is {count} files: {paths}"),
    "secret": ("{paths} looks like a secret", "{count} paths look like secrets: {paths}"),
}
"""What is said of one path and of several, by the kind of a reason."""


def _reason(reason: Reason, whole: Amount) -> str:
    share = percent(reason.content_bytes, whole.content_bytes)
    paths = ", ".join(map(quoted, reason.paths)) + ", …" * (reason.count > len(reason.paths))
    text = _CLAUSES[reason.kind][reason.count > 1]
    part = f"{human(reason.content_bytes)} ({share})"
    return text.format(part=part, paths=paths, count=f"{reason.count:,}")


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to write first."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        return NextStep("", f"correct {where}{f':{problem.line}' if problem.line else ''}")
    for problem in report.problems:
        if problem.code == "arrives-empty" and problem.path:
            explain = command(report, "explain", "--trace", path_argument(problem.path))
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
    if report.reasons or is_large(sent(report)):
        # It only finds what can go; --write is the step after it.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")
