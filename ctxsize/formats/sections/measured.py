"""Sections of a report: the verdict and the next step, then the breakdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Answer,
    Fact,
    Findings,
    NextStep,
    Section,
    SizeTree,
    breakdowns,
)
from ctxsize.formats.sections.breakdowns import taking
from ctxsize.formats.verdict import hides_all, is_large, level, misses_source, reasons, sent
from ctxsize.formats.wording import amount, command, listed, path_argument
from ctxsize.model import (
    Amount,
    Effect,
    Ignored,
    IgnoreFileInfo,
    Measurement,
    NamedContext,
    Reason,
    Report,
    Totals,
    Transfer,
)
from ctxsize.units import human, percent, plural

_DOMINANT = 0.5
"""Share of the whole from which one directory is named as the cause."""
_CLAUSES = {
    "unneeded": ("{part} looks unneeded: {paths}",) * 2,
    "git-ignored": ("{part} matches .gitignore: {paths}",) * 2,
    "large-file": ("{part} is one file: {paths}", "{part} is {count} files: {paths}"),
    "secret": ("{paths} looks like a secret", "{count} paths look like secrets: {paths}"),
}
"""Clauses about one path and about several, by the kind of a reason."""


def sections(report: Report, look: Look, *, refused: bool = False) -> Iterator[Section]:
    """Yield the whole report, or only one table if `look.only`.

    `check` may have `refused` it.
    """
    yield Section([answer(report, refused=refused), next_step(report)])
    if look.only is not None:
        yield from breakdowns.sections(report, look.top, by=look.only)
        yield _problems(report)
        return
    yield Section([*_facts(report)])
    for each in report.named_contexts:
        facts = _about_named(report, each)
        yield Section([*facts], f"Named context {visible(each.name)}")
    yield _problems(report)
    tree, count = report.context.tree, report.context.totals.directories
    largest = [SizeTree(tree, 2 * look.top + 1)] if tree.children else []
    yield Section(largest, f"Size tree, of {plural(count, 'directory')}", folded=True)
    yield from breakdowns.sections(report, look.top)


def _problems(report: Report) -> Section:
    title, style = ("Suspicious", "yellow") if report.suspicious else ("Worth knowing", "bold")
    # A problem without a path is about the build, whose paths are shown above.
    known = {report.context_path, report.dockerfile} - {each.path for each in report.all_problems}
    found = [Findings(report.findings, brief=True, known=known)] if report.findings else []
    return Section(found, title, style)


def _facts(report: Report) -> Iterator[Fact]:
    dockerfile = "from stdin" if report.dockerfile == "-" else quoted(report.dockerfile or "")
    yield Fact("Context", quoted(report.context_path))
    yield Fact("Dockerfile", dockerfile or "none found")
    yield _ignore_file(report.ignore_file)
    is_known = report.transfer or report.failing
    yield Fact("Context size" if is_known else "Sent", _size(report, report.context))
    yield from _travels(report, report.transfers)
    if not is_known:
        yield from _printed(report, report.context)
    images = {
        problem.message.rpartition(" ")[2]: None
        for transfer in report.transfers
        for problem in transfer.problems
        if problem.code == "unknown-onbuild" and not transfer.everything
    }
    if images:
        yield Fact("Assumed", visible(f"no ONBUILD triggers in {', '.join(images)}"))
    yield Fact("Ignored", _ignored(report.context.ignored, report))


def _about_named(report: Report, context: NamedContext) -> Iterator[Fact]:
    yield Fact("Stands for", quoted(context.value))
    if context.kind != "local":
        yield Fact("Sent", "nothing: the builder fetches it, and no ignore file is read")
    if context.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")
    if context.context is not None:
        yield _ignore_file(context.ignore_file)
        yield Fact("Context size", _size(report, context.context))
        yield from _travels(report, context.transfers, context.announced)


def _ignore_file(info: IgnoreFileInfo | None) -> Fact:
    if info is None:
        none = "no ignore file"
        return Fact("Ignore file", f"{none}, so nothing is ignored", mark=none)
    kind = ", for this Dockerfile only" if info.dockerfile_specific else ""
    patterns = plural(len(info.patterns), "pattern")
    return Fact("Ignore file", f"{quoted(info.path)} ({patterns}{kind})")


def _size(report: Report, context: Measurement) -> str:
    least = "at least " if report.lower_bound else ""
    links = plural(context.hardlinks, "hard link")
    more = f" ({links} without content)" if context.hardlinks else ""
    return f"{least}{human(context.totals.content_bytes)} in {_counts(context.totals)}{more}"


def _counts(totals: Totals) -> str:
    """Return the number of entries of each kind that occurs, files first."""
    kinds = ((totals.directories, "directory"), (totals.symlinks, "symlink"))
    others = [plural(count, noun) for count, noun in kinds if count]
    return ", ".join([plural(totals.files, "file"), *others])


def _ignored(ignored: Ignored, report: Report) -> str:
    totals = ignored.totals
    if not totals.entries:
        return "nothing" if report.ignore_file is None else "nothing: no entry matches a pattern"
    if ignored.complete:
        return f"{human(totals.content_bytes)} in {_counts(totals)}"
    if not ignored.unopened:
        return _counts(totals)
    return f"at least {_counts(totals)} ({plural(ignored.unopened, 'directory')} not opened)"


def _travels(
    report: Report, transfers: Sequence[Transfer], name: str = "context"
) -> Iterator[Fact]:
    """Yield the transfer of a context and the printed figure, for all or each platform."""
    several = len({each.platforms for each in transfers}) > 1
    for each in transfers:
        lead = f"{', '.join(each.platforms)}: " if several else ""
        yield Fact("Transfer", lead + _taken(report, each))
        for label, text, *_ in _printed(report, each, name):
            yield Fact(label, lead + text)


def _taken(report: Report, transfer: Transfer) -> str:
    if not transfer.context_used:
        return "nothing: the Dockerfile takes nothing from the context"
    whole = [each for each in transfer.sources if transfer.everything and each.path == "."]
    sources = [
        f"{taking(each)} ({quoted(report.dockerfile or '')}:{each.line})"
        for each in whole[:1] or transfer.sources
    ]
    size = "all of it" if transfer.everything else amount(transfer)
    return f"{size}, by {listed(sources, 'source')}" if sources else size


def _printed(
    report: Report, context: Transfer | Measurement, name: str = "context"
) -> Iterator[Fact]:
    """Yield the figure that the builder prints."""
    builder = BUILDERS[report.builder]
    least = "at least " if report.lower_bound else ""
    line = least + (builder.announces or "").replace("context:", f"{visible(name)}:")
    if isinstance(context, Transfer) and not context.context_used:
        yield Fact("Build prints", "nothing")
    elif builder.announces is None or context.wire_bytes is None:
        yield Fact(
            "Build prints", f"nothing: {builder.title} reads the context in place and sends nothing"
        )
    else:
        when = "in each build" if builder.resends else "in a cold build, less in a warm one"
        if isinstance(context, Measurement) and builder.asks_for_paths:
            when = "in a cold build, if all of it is transferred"
        yield Fact("Build prints", f"{line.format(context.printed)} ({builder.title}, {when})")


def answer(report: Report, *, refused: bool = False) -> Answer:
    """Return the verdict and its reasons in one sentence."""
    concern = level(report, refused=refused)
    return Answer(concern.title, concern.style, "; ".join(_clauses(report)), concern.sign)


def _clauses(report: Report) -> list[str]:
    if report.failing:
        context = amount(report.context.totals)
        return [f"nothing is built from the context of {context}; see why below"]
    if hides_all(report):
        return ["everything is ignored, so COPY and ADD find nothing"]
    whole = sent(report)
    clauses = [_whole_size(report, whole), *(_reason(each, whole) for each in report.reasons)]
    unneeded = {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}
    if unneeded and report.ignore_file is None:
        clauses.append("there is no ignore file")
    if report.suspicious:
        fails = misses_source(report)
        clauses.append("see why below" if fails else "see what is suspicious below")
    return clauses


def _whole_size(report: Report, part: Amount) -> str:
    least = "at least " if report.lower_bound else ""
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{least}{amount(part)} {'would be sent' if is_sent else 'are in the context'}"
    transfer = report.transfer
    if transfer is not None and (len(report.parts) > 1 or not transfer.everything):
        named = [each.context.totals for each in report.named_contexts if each.context is not None]
        size = human(Amount.of(report.context.totals, *named).content_bytes)
        whole = f"{plural(1 + len(named), 'context')} with" if named else "a context of"
        return f"{text}, of {whole} {size}"
    tree = report.context.tree
    largest = tree.children[0] if tree.children else tree
    dominates = 0 < largest.content_bytes >= _DOMINANT * tree.content_bytes
    # Where there are reasons, they name the causes.
    if largest is tree or not dominates or report.reasons or not reasons(report):
        return text
    share = percent(largest.content_bytes, tree.content_bytes)
    return f"{text}, {share} of it in {quoted(largest.path)}"


def _reason(reason: Reason, whole: Amount) -> str:
    share = percent(reason.content_bytes, whole.content_bytes)
    paths = ", ".join(map(quoted, reason.paths)) + ", …" * (reason.count > len(reason.paths))
    text = _CLAUSES[reason.kind][reason.count > 1]
    part = f"{human(reason.content_bytes)} ({share})"
    return text.format(part=part, paths=paths, count=f"{reason.count:,}")


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to correct first."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        return NextStep("", f"correct {where}{f':{problem.line}' if problem.line else ''}")
    for problem in report.problems:
        if problem.code == "arrives-empty" and problem.path:
            explain = command(report, "explain", "--trace", path_argument(problem.path))
            return NextStep(explain, "shows why it arrives empty")
    for problem in report.all_problems:
        if problem.code == "source-not-found" and problem.line:
            explain = command(report, "explain", "--source", str(problem.line))
            return NextStep(explain, "shows why the build does not find it")
    if hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows what each pattern ignores")
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        again = "again, when the paths below are readable and do not change"
        return NextStep(command(report, "measure"), again)
    if report.reasons or is_large(sent(report)):
        # Review comes before --write.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")
