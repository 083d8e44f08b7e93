"""What a report comes to: its level of concern, one sentence, and the next command to type."""

from __future__ import annotations

from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.command_line import command, path_argument
from ctxsize.formats.names import quoted
from ctxsize.formats.sections import Answer, NextStep
from ctxsize.formats.wording import amount
from ctxsize.model import Amount, Effect, Measurement, Reason, Report
from ctxsize.units import human, percent, plural

LARGE_BYTES = 50_000_000
"""From here on a context is worth a look: every cold build waits for it."""
TOO_LARGE_BYTES = 500_000_000
MANY_FILES = 5_000
TOO_MANY_FILES = 50_000
DOMINANT = 0.5
"""The share of the whole from which on one directory is named as the cause."""


class Concern(NamedTuple):
    """A level of concern."""

    name: str
    """For programs."""
    title: str
    style: str
    sign: str


FINE = Concern("fine", "Fine", "green", "🟢")
LOOK = Concern("worth-a-look", "Worth a look", "yellow", "🟡")
TOO_BIG = Concern("too-big", "Too big", "red", "🔴")
FAILS = Concern("build-fails", "The build fails", "red", "🔴")
REFUSED = Concern("refused", "Refused", "red", "🔴")


def level(report: Report, *, refused: bool = False) -> Concern:
    """Return how worrying `report` is; `check` may have `refused` it."""
    sent = _sent(report)
    if refused:
        return REFUSED
    if report.failing or _misses_source(report):
        return FAILS
    if sent.content_bytes >= TOO_LARGE_BYTES or sent.files >= TOO_MANY_FILES:
        return TOO_BIG
    return LOOK if reasons(report) else FINE


def reasons(report: Report) -> tuple[Reason, ...]:
    """Return why `report` is not fine; nothing if it is."""
    sent = _sent(report)
    size = [Reason("size", (), 0, sent.content_bytes, sent.files)] if _is_large(sent) else []
    nothing = [Reason("everything-ignored", (), 0, 0, 0)] if _hides_all(report) else []
    suspicious = len(report.suspicious)
    problems = [Reason("problems", (), suspicious, 0, 0)] if suspicious else []
    return (*size, *report.reasons, *nothing, *problems)


def _sent(report: Report) -> Amount:
    """Return what travels, or the context where that is not known.

    Of named contexts too: a build waits for all of them.
    """
    parts = (each.totals if isinstance(each, Measurement) else each for each in report.parts)
    return Amount.of(*parts)


def _is_large(sent: Amount) -> bool:
    return sent.content_bytes >= LARGE_BYTES or sent.files >= MANY_FILES


def _hides_all(report: Report) -> bool:
    return report.context.totals.entries == 0 and report.ignore_file is not None


def _misses_source(report: Report) -> bool:
    """Return whether the build fails on a source, once its contexts are sent."""
    return any(each.code == "source-not-found" for each in report.all_problems)


def answer(report: Report, *, refused: bool = False) -> Answer:
    """Return how much would be sent, and what of it is worth a look, in one sentence."""
    concern = level(report, refused=refused)
    return Answer(concern.title, concern.style, "; ".join(_clauses(report)), concern.sign)


def _clauses(report: Report) -> list[str]:
    if report.failing:
        return [
            f"nothing is built from the context of {amount(report.context.totals)}; see why below"
        ]
    if _hides_all(report):
        return ["everything is ignored, so COPY and ADD find nothing"]
    sent = _sent(report)
    clauses = [_size(report, sent), *(_reason(each, sent) for each in report.reasons)]
    if {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}:
        clauses += ["there is no ignore file"] if report.ignore_file is None else []
    if report.suspicious:
        fails = _misses_source(report)
        clauses.append("see why below" if fails else "see what is suspicious below")
    return clauses


def _size(report: Report, sent: Amount) -> str:
    least = "at least " if report.lower_bound else ""
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{least}{amount(sent)} {'would be sent' if is_sent else 'are in the context'}"
    if report.transfers and not all(
        each == report.transfer and each.everything for each in report.parts
    ):
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


def _reason(reason: Reason, sent: Amount) -> str:
    share = percent(reason.content_bytes, sent.content_bytes)
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
    if _hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows which pattern keeps what out")
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        again = "again, when what is listed below is readable and quiet"
        return NextStep(command(report, "measure"), again)
    if report.reasons or _is_large(_sent(report)):
        # It only finds what can go; --write is the step after it.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")
