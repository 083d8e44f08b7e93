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
    Name,
    NextStep,
    Prose,
    Section,
    SizeTree,
    Table,
)
from ctxsize.formats.verdict import hides_all, is_large, level, sent
from ctxsize.formats.wording import amount, command, listed, more, path_argument
from ctxsize.model import (
    Amount,
    Effect,
    Ignored,
    IgnoreFileInfo,
    Measurement,
    NamedContext,
    Report,
    Share,
    SourceShare,
    Transfer,
)
from ctxsize.units import human, percent, plural

_CLAUSES = {
    "unneeded": "{part} looks unneeded: {paths}",
    "git-ignored": "{part} matches .gitignore: {paths}",
    "large-file": "{part} is in large files: {paths}",
    "secret": "possible secrets: {paths}",
}
"""Clauses about the reasons of a verdict, by their kinds."""


def sections(report: Report, look: Look) -> Iterator[Section]:
    """Yield the whole report, or only one table if `look.only`."""
    yield Section([_answer(report), _next_step(report)])
    found = [Findings(report.findings, brief=True)] if report.findings else []
    problems = Section(found, "Problems", "yellow" if report.suspicious else "bold")
    if look.only is not None:
        yield from _tables(report, look)
        yield problems
        return
    yield Section([*_facts(report)])
    for each in report.named_contexts:
        yield Section([*_about_named(report, each)], f"Named context {visible(each.name)}")
    yield problems
    tree, count = report.context.tree, report.context.totals.directories
    largest = [SizeTree(tree, 2 * look.top + 1)] if tree.children else []
    yield Section(largest, f"Size tree, of {plural(count, 'directory')}", folded=True)
    yield from _tables(report, look)


def _facts(report: Report) -> Iterator[Fact]:
    yield Fact("Context", quoted(report.context_path))
    is_stdin = report.dockerfile == "-"
    yield Fact("Dockerfile", "from stdin" if is_stdin else quoted(report.dockerfile or "none"))
    yield _ignore_file(report.ignore_file)
    yield from _sizes(report, report.context, report.transfers, "context")
    images = [
        problem.message.rpartition(" ")[2]
        for transfer in report.transfers
        for problem in transfer.problems
        if problem.code == "unknown-onbuild" and not transfer.everything
    ]
    if images:
        names = ", ".join(dict.fromkeys(images))
        yield Fact("Assumed", visible(f"no ONBUILD triggers in {names}"))
    yield Fact("Ignored", _ignored(report.context.ignored))


def _about_named(report: Report, named: NamedContext) -> Iterator[Fact]:
    yield Fact("Stands for", quoted(named.value))
    if named.context is not None:
        yield _ignore_file(named.ignore_file)
        yield from _sizes(report, named.context, named.transfers, named.announced)
    elif not named.local:
        yield Fact("Transfer", "nothing: the builder fetches it, and no ignore file is read")
    elif named.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")


def _ignore_file(info: IgnoreFileInfo | None) -> Fact:
    if info is None:
        return Fact("Ignore file", "none, so nothing is ignored")
    return Fact("Ignore file", f"{quoted(info.path)} ({plural(len(info.patterns), 'pattern')})")


def _sizes(
    report: Report, context: Measurement, transfers: Sequence[Transfer], name: str
) -> Iterator[Fact]:
    """Yield the size of a context, and for each transfer its size and the printed figure."""
    yield Fact("Context size", _least(report) + amount(context.totals))
    several = len({each.platforms for each in transfers}) > 1
    for each in transfers:
        lead = f"{', '.join(each.platforms)}: " if several else ""
        yield Fact("Transfer", lead + _taken(report, each))
        yield Fact("Build prints", lead + _printed(report, each, name))
    if not transfers and not report.failing:
        yield Fact("Build prints", _printed(report, context, name))


def _least(report: Report) -> str:
    return "at least " if report.lower_bound else ""


def _taken(report: Report, transfer: Transfer) -> str:
    if not transfer.context_used:
        return "nothing: the Dockerfile takes nothing from the context"
    sources = [
        f"{visible(_taking(each))} ({quoted(report.dockerfile or '')}:{each.line})"
        for each in transfer.sources
        if not transfer.everything or each.path == "."
    ]
    size = "all of it" if transfer.everything else amount(transfer)
    return f"{size}, by {listed(sources)}" if sources else size


def _taking(source: SourceShare) -> str:
    """Return the instruction with this one source, and the path that its variables come to."""
    if source.instruction == "RUN":
        return f"RUN --mount, {source.kind} of {source.path}"
    path = f" ({source.path})" if "$" in source.source else ""
    return f"{source.instruction} {source.source}{path}"


def _printed(report: Report, part: Transfer | Measurement, name: str) -> str:
    """Return the figure that the builder prints."""
    builder = BUILDERS[report.builder]
    if builder.announces is None or part.printed is None:
        return f"nothing: {builder.title} sends nothing of it"
    when = "in each build" if builder.resends else "in a cold build"
    if isinstance(part, Measurement) and builder.asks_for_paths:
        when += ", if all of it is transferred"
    line = builder.announces.replace("context:", f"{visible(name)}:").format(part.printed)
    return f"{_least(report)}{line} ({builder.title}, {when})"


def _ignored(ignored: Ignored) -> str:
    if not ignored.totals.entries:
        return "nothing"
    if ignored.complete:
        return amount(ignored.totals)
    entries = plural(ignored.totals.entries, "entry")
    unopened = plural(ignored.unopened, "directory")
    return f"at least {entries}, with {unopened} not opened" if ignored.unopened else entries


def _answer(report: Report) -> Answer:
    """Return the verdict and its reasons in one sentence."""
    concern = level(report)
    return Answer(concern.title, concern.style, "; ".join(_clauses(report)))


def _clauses(report: Report) -> Iterator[str]:
    if report.failing:
        yield "nothing is built; see the problems below"
        return
    if hides_all(report):
        yield "everything is ignored, so COPY and ADD find nothing"
        return
    whole, named = sent(report), [each.context for each in report.named_contexts if each.context]
    # Podman reads the context in place.
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{_least(report)}{amount(whole)} {'would be sent' if is_sent else 'can be read'}"
    all_contexts = Amount.of(report.context.totals, *(each.totals for each in named))
    yield text if all_contexts == whole else f"{text}, of {human(all_contexts.content_bytes)}"
    for reason in report.reasons:
        paths = listed([*map(quoted, reason.paths)], of=reason.count)
        share = percent(reason.content_bytes, whole.content_bytes)
        part = f"{human(reason.content_bytes)} ({share})"
        yield _CLAUSES[reason.kind].format(part=part, paths=paths)
    unneeded = {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}
    if unneeded and report.ignore_file is None:
        yield "there is no ignore file"
    if report.suspicious:
        yield "see the problems below"


def _next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to correct first."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        return NextStep("", f"correct {where}{f':{problem.line}' if problem.line else ''}")
    for problem in report.all_problems:
        if problem.code == "arrives-empty" and problem.path:
            arguments = ("explain", "--trace", path_argument(problem.path))
            return NextStep(command(report, *arguments), "shows why it arrives empty")
        if problem.code == "source-not-found" and problem.line:
            arguments = ("explain", "--source", str(problem.line))
            return NextStep(command(report, *arguments), "shows why the build does not find it")
    if hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows what each pattern ignores")
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        return NextStep(command(report, "measure"), "again, when the tree can be read")
    if report.reasons or is_large(sent(report)):
        # Review comes before --write.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")


def _tables(report: Report, look: Look) -> Iterator[Section]:
    """Yield the tables that are not empty, or those of one choice of `--by`."""
    context = report.context
    for usual, by, title, columns, header, parts in (
        (False, "dir", "Largest directories, own files only", "size files %", "directory",
         context.largest_directories),
        (True, "", "Taken by the Dockerfile", "size files line", "source", _sources(report)),
        (True, "file", "Largest files", "size %", "file", context.largest_files),
        (True, "ext", "By extension", "size files %", "extension", context.by_extension),
        (True, "pattern", "Ignored, by the pattern that decided", "size files line", "pattern",
         context.ignored.by_pattern),
        (False, "pattern", "Sent, by the pattern that decided", "size files line", "pattern",
         context.by_pattern),
    ):  # fmt: skip
        if look.only == by and not parts:
            yield Section([Prose(f"{title}: none")])
        elif look.only == by or (look.only is None and usual and parts):
            table = table_of(columns, header, parts[: look.top], context.totals.content_bytes)
            rest = more(len(parts) - look.top, header)
            yield Section([table._replace(rest=rest)], title, folded=look.only is None)


def _sources(report: Report) -> list[Share]:
    """Return the share of each source of the Dockerfile, the largest first."""
    if all(each.everything for each in report.transfers):
        return []
    taken = dict.fromkeys(each for transfer in report.transfers for each in transfer.sources)
    shares = (Share(_taking(each), each.content_bytes, each.files, each.line) for each in taken)
    return sorted(shares, key=lambda each: (-each.content_bytes, each.line or 0))


def table_of(columns: str, header: str, parts: Sequence[Share], total: int) -> Table:
    """Return a table of `parts` of a whole of `total` bytes, with `columns` and their names."""
    names = columns.split()
    rows = []
    for part in parts:
        cells = {
            "size": human(part.content_bytes),
            "files": f"{part.files:,}",
            "%": percent(part.content_bytes, total),
            "line": str(part.line or ""),
        }
        rows.append((*(cells[each] for each in names), Name(part.name or "(none)")))
    return Table((*names, header), rows, numbers=len(names))
