"""Sections of `measure`, `check` and `diff`: a report, why it is refused, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.source import READS_ATTRIBUTES
from ctxsize.formats import Look
from ctxsize.formats.sections import Fact, Findings, Item, NextStep, Prose, Section, Table, tree
from ctxsize.formats.wording import (
    EXAMPLES,
    LEVELS,
    amount,
    change,
    command,
    hides_all,
    is_large,
    level,
    listed,
    more,
    path_argument,
    quoted,
    sent,
    visible,
)
from ctxsize.model import Amount, Measurement, NamedContext, Report, Share, Transfer
from ctxsize.units import human, percent, plural

if TYPE_CHECKING:
    from ctxsize.guard import CheckReport, ContextCheck, DiffReport
    from ctxsize.guard.baseline import SizeChange

_CLAUSES = {
    "unneeded": "{part} looks unneeded: {paths}",
    "git-ignored": "{part} matches .gitignore: {paths}",
    "large-file": "{part} is in large files: {paths}",
    "secret": "possible secrets: {paths}",
}
"""Clauses about the reasons of a verdict, by their kinds."""


def sections(outcome: Report | CheckReport | DiffReport, look: Look) -> Iterable[Section]:
    """Return the report, or only one table if `look.only`; the refusals; or the changes."""
    match outcome.kind:
        case "measure":
            return _measured(outcome, look)
        case "check":
            return _checked(outcome, look)
    return _compared(outcome, look)


def _measured(report: Report, look: Look) -> Iterator[Section]:
    title, style = LEVELS[level(report)]
    answer = Prose(f"{title}: {'; '.join(_clauses(report))}", 0, title, style)
    yield Section([answer, _next_step(report)])
    problems = Section([Findings(report.findings, brief=True)], "Problems")
    if look.only is not None:
        yield from _tables(report, look)
        yield problems
        return
    yield Section([*_facts(report)])
    for each in report.named_contexts:
        yield Section([*_about_named(report, each)], f"Named context {visible(each.name)}")
    yield problems
    title = f"Size tree, of {plural(report.context.totals.directories, 'directory')}"
    table = tree(report.context.tree, 2 * look.top + 1, look.width)
    yield Section([table], title, folded=True)
    yield from _tables(report, look)


def _clauses(report: Report) -> Iterator[str]:
    """Yield the reasons of the verdict."""
    if report.failing:
        yield "nothing is built; see the problems below"
        return
    if hides_all(report):
        yield "everything is ignored, so COPY and ADD find nothing"
        return
    whole, named = sent(report), [each.context for each in report.named_contexts if each.context]
    # Podman reads the context in place.
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{_least(report, amount(whole))} {'would be sent' if is_sent else 'can be read'}"
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
    if report.reasons or is_large(sent(report)):
        # Review comes before --write.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")


def _facts(report: Report) -> Iterator[Fact]:
    dockerfile = quoted(report.dockerfile or "none")
    yield Fact("Context", quoted(report.context_path))
    yield Fact("Dockerfile", "from stdin" if dockerfile == "-" else dockerfile)
    yield from _sizes(report, report, "context")
    images = dict.fromkeys(
        visible(problem.message.rpartition(" ")[2])
        for transfer in report.transfers
        for problem in transfer.problems
        if problem.code == "unknown-onbuild" and not transfer.everything
    )
    if images:
        yield Fact("Assumed", f"no ONBUILD triggers in {', '.join(images)}")
    ignored = report.context.ignored
    if ignored.complete or not ignored.totals.entries:
        yield Fact("Ignored", amount(ignored.totals) if ignored.totals.entries else "nothing")
    else:
        text = plural(ignored.totals.entries, "entry")
        if ignored.unopened:
            unopened = plural(ignored.unopened, "directory")
            text = f"at least {text}, with {unopened} not opened"
        yield Fact("Ignored", text)


def _about_named(report: Report, named: NamedContext) -> Iterator[Fact]:
    yield Fact("Stands for", quoted(named.value))
    if named.context is not None:
        yield from _sizes(report, named, named.announced)
    elif not named.local:
        yield Fact("Transfer", "nothing: the builder fetches it, and no ignore file is read")
    elif named.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")


def _sizes(report: Report, held: Report | NamedContext, name: str) -> Iterator[Fact]:
    """Yield ignore file and size of a context, and for each transfer its size as printed."""
    info = held.ignore_file
    text = f"{quoted(info.path)} ({plural(len(info.patterns), 'pattern')})" if info else ""
    yield Fact("Ignore file", text or "none, so nothing is ignored")
    if held.context is not None:
        yield Fact("Context size", _least(report, amount(held.context.totals)))
    several = len({each.platforms for each in held.transfers}) > 1
    for each in held.transfers:
        lead = f"{', '.join(each.platforms)}: " if several else ""
        whole = "all of it" if each.everything else amount(each)
        none = "nothing: the Dockerfile takes nothing from the context"
        yield Fact("Transfer", lead + (whole if each.context_used else none))
        yield Fact("Build prints", lead + _printed(report, each, name))
    if held.context is not None and not held.transfers and not report.failing:
        yield Fact("Build prints", _printed(report, held.context, name))


def _least(report: Report, text: str) -> str:
    return f"at least {text}" if report.lower_bound else text


def _printed(report: Report, part: Transfer | Measurement, name: str) -> str:
    """Return the figure that the builder prints."""
    builder = BUILDERS[report.builder]
    if builder.announces is None or part.printed is None:
        return f"nothing: {builder.title} sends nothing of it"
    when = "in each build" if builder.resends else "in a cold build"
    if isinstance(part, Measurement) and builder.asks_for_paths:
        when += ", if all of it is transferred"
    if not READS_ATTRIBUTES:
        when += ", without extended attributes"
    line = builder.announces.replace("context:", f"{visible(name)}:").format(part.printed)
    return f"{_least(report, line)} ({builder.title}, {when})"


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
            table = _table(columns, header, parts, context.totals.content_bytes, look.top)
            yield Section([table], title, folded=look.only is None)


def _sources(report: Report) -> list[Share]:
    """Return the share of each source of the Dockerfile, the largest first."""
    taken = dict.fromkeys(
        source
        for each in report.parts
        if isinstance(each, Transfer)
        for source in each.sources
        if not each.everything or source.path == "."
    )
    shares = []
    for each in taken:
        path = f" ({each.path})" if "$" in each.source else ""
        name = f"{each.instruction} {each.source}{path}"
        if each.instruction == "RUN":
            name = f"RUN --mount, {each.kind} of {each.path}"
        shares.append(Share(name, each.content_bytes, each.files, each.line))
    return sorted(shares, key=lambda each: (-each.content_bytes, each.line or 0))


def _table(columns: str, header: str, parts: Sequence[Share], total: int, top: int) -> Table:
    """Return a table of the first parts of a whole of `total` bytes, with these columns."""
    names = columns.split()
    rows = []
    for part in parts[:top]:
        cells = {
            "size": human(part.content_bytes),
            "files": f"{part.files:,}",
            "%": percent(part.content_bytes, total),
            "line": str(part.line or ""),
        }
        rows.append((*(cells[each] for each in names), quoted(part.name or "(none)")))
    return Table((*names, header), rows, more(len(parts) - top, header))


def _checked(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the refusals, then a line for each context that passes; the verdict comes last."""
    refused = [each for each in outcome.checks if not each.passes]
    for each in refused:
        yield from _refusal(each, look.top)
    lines = [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}") for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = ", ".join(quoted(each.name) for each in refused)
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


def _refusal(check: ContextCheck, top: int) -> Iterator[Section]:
    """Yield the reasons of a refusal, the largest parts, what grew, and what helps."""
    lines = [Prose(f"  {each.code} {visible(each.message)}", 4) for each in check.findings]
    problems = check.report.all_problems[:EXAMPLES]
    lines += [Prose(f"  {visible(each.message)}", 4) for each in problems]
    yield Section([*lines, *_accepted(check)], f"Refused: {quoted(check.name)}")
    total = check.report.context.totals.content_bytes
    parts = [Share(each.path, each.content_bytes, each.files) for each in check.culprits]
    yield Section([_table("size files %", "path", parts, total, len(parts))], "Largest parts")
    yield Section([_changes("path", check.grown or (), top)], "Grown since the baseline")
    yield Section([*_remedies(check)])


def _remedies(check: ContextCheck) -> Iterator[Item]:
    """Yield the command that helps, then what to do by hand if it is not enough."""
    remedy, report = check.remedy, check.report
    where = "the ignore file" if report.ignore_file is None else quoted(report.ignore_file.path)
    if remedy is not None:
        enough = "" if remedy.enough else ", which is not enough"
        suggest = command(report, "suggest", "--write")
        yield NextStep(suggest, f"saves {amount(remedy.saves)}{enough}", "Fix")
    elif check.missed and all(each.is_floor for each in check.missed):
        by_pattern = command(report, "measure", "--by", "pattern")
        yield NextStep(by_pattern, f"shows what {where} hides", "Fix")
        return
    if remedy is None or not remedy.enough:
        first = quoted(check.culprits[0].path) if check.culprits else "what the build does not need"
        accept = "raise the budget or add --update-baseline"
        order = f"if the build does not need {first}, add it to {where}, or accept it: {accept}"
        yield NextStep("", order, "Or" if remedy else "Fix")


def _compared(outcome: DiffReport, look: Look) -> Iterator[Section]:
    before, after, changes = outcome.before, outcome.after, outcome.changes
    delta = after.content_bytes - before.content_bytes
    verb = f"{'Grew' if delta > 0 else 'Shrank'} by {human(abs(delta))}"
    lines = [Prose(f"{verb if delta else 'The same size'}: {change(before, after)}")]
    if not (before.complete and after.complete):
        lines.append(Prose("A report has only the largest parts: smaller changes are missed."))
    yield Section(lines)
    for noun, found in (("directory", changes.directories), ("file", changes.files)):
        yield Section([_changes(noun, found, look.top)], f"By {noun}")


def _changes(noun: str, changes: Sequence[SizeChange], top: int) -> Table:
    """Return a table of the first `top` of `changes`; it marks those that are not exact."""
    rows = []
    for each in changes[:top]:
        delta = f"{'-' if each.delta_bytes < 0 else '+'}{human(abs(each.delta_bytes))}"
        files = f"{each.delta_files:+,}" if each.delta_files else ""
        what = each.what if each.exact else "at least"
        is_directory = noun == "directory" or each.delta_files
        rows.append((delta, files, what, quoted(f"{each.path}/" if is_directory else each.path)))
    return Table(("change", "files", "", noun), rows, more(len(changes) - top, noun))
