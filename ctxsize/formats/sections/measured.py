"""Sections of `measure`: on one screen the verdict, the next step, and what is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize.build import path_argument
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.filesystem import READS_ATTRIBUTES
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    Items,
    NextStep,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    Sections,
    SizeTree,
    Table,
)
from ctxsize.formats.styles import TABLES, Look
from ctxsize.formats.wording import (
    LEVELS,
    amount,
    cells,
    command,
    directory_argument,
    hides_all,
    is_large,
    level,
    listed,
    located,
    more,
    quoted,
    sent,
    typed,
    visible,
)
from ctxsize.hidden import shown
from ctxsize.model import (
    Amount,
    Counted,
    Ignored,
    IgnoreFileInfo,
    Measurement,
    NamedContext,
    Problem,
    Report,
    Share,
    SourceShare,
    Transfer,
)
from ctxsize.units import human, percent, plural
from ctxsize.values import Value

_VERDICT = Fit(4, on_low=2)
_FACT = Fit(2)
_LINE = Fit(1)
_PRINTED = Fit(3)
_FULL_TREE = 100
_FEW = 3  # number of problems and of sources to show on a screen
_MANY = 10  # number of problems to show with one table
_MOST_TRANSFERS = 2


class _Breakdown(Value):
    """A table of the parts of a context."""

    title: str
    columns: str
    header: str  # that of the names; `--by` has its first letters
    parts: Sequence[Share]
    most: int  # number of rows on a screen, or in full


def sections(report: Report, look: Look) -> Iterator[ScreenPart]:
    """Yield the report, or only one table if `look.only`, or only the verdict if `look.quiet`."""
    judgement = verdict(level(report), clauses(report), look, _VERDICT)
    answer = Section([judgement, next_step(report)])
    if look.only in TABLES:
        yield answer
        yield from _only_tables(report, look, look.only)
        yield Section([Findings(report.findings, _MANY)], "Problems")
    elif look.quiet:
        yield answer
    else:
        yield Screen([answer, *body(report, look)])


def verdict(name: str, clauses: Iterable[str], look: Look, lines: Fit) -> Prose:
    """Return the verdict of a level of concern, in a single line if quiet."""
    title, style = LEVELS[name]
    text = f"{title}: {'; '.join(clauses)}"
    if look.quiet:
        return Prose(text, mark=title, style=style)
    return Prose(text, 0, title, style, lines)


def body(report: Report, look: Look, title: str = "") -> Sections:
    """Yield facts, problems and tables."""
    yield Section([*_facts(report, look)], title, folded=bool(title))
    if look.full:
        for named in report.named_contexts:
            name = visible(named.name)
            yield Section([*_about_named(report, named, look)], f"Named context {name}")
    yield Section([Findings(report.findings, _FEW, brief_on_low=1)], "Problems")
    context = report.context
    directories = plural(context.totals.directories, "directory")
    room = _room_of_tree(look)
    yield Section([SizeTree(context.tree, room)], f"Size tree, of {directories}", folded=True)
    for breakdown in _breakdowns(report, look):
        table = _table_of(report, breakdown, breakdown.most)
        if table.rows:
            yield Section([table], breakdown.title, folded=True)
    if not look.full:
        text = f"More: --full shows all, --by {'|'.join(TABLES)} a table, --depth N more levels"
        yield Section([Prose(text, 6, text, "dim")])


def _room_of_tree(look: Look) -> Room:
    if look.tree:
        return Room(look.tree, look.tree, is_shared=False)
    if look.full:
        return Room(_FULL_TREE, _FULL_TREE)
    most = 2 * look.top + 1
    return Room(most, most, "directory", least=_FEW, leaves="all")


def _breakdowns(report: Report, look: Look) -> Iterator[_Breakdown]:
    """Yield the tables of a report; `most` is 0 for those that only a full one has."""
    context = report.context
    most = look.top
    of_sources = _FEW
    in_full = 0
    if look.full:
        of_sources = in_full = most
    yield _Breakdown(
        title="Ignored, by the pattern that decided",
        columns="size files line",
        header="pattern",
        parts=context.ignored.by_pattern,
        most=most,
    )
    yield _Breakdown(
        title="Largest directories, own files only",
        columns="size files %",
        header="directory",
        parts=context.largest_directories,
        most=in_full,
    )
    yield _Breakdown(
        title="Taken by the Dockerfile",
        columns="size files line",
        header="source",
        parts=sources_of(report),
        most=of_sources,
    )
    yield _Breakdown(
        title="Largest files",
        columns="size %",
        header="file",
        parts=context.largest_files,
        most=most,
    )
    yield _Breakdown(
        title="By extension",
        columns="size files %",
        header="extension",
        parts=context.by_extension,
        most=in_full,
    )
    if not any(part.name for part in context.by_pattern):
        in_full = 0
    yield _Breakdown(
        title="Sent, by the pattern that decided",
        columns="size files line",
        header="pattern",
        parts=context.by_pattern,
        most=in_full,
    )


def _only_tables(report: Report, look: Look, choice: str) -> Sections:
    """Yield the tables of one choice of `--by`."""
    for breakdown in _breakdowns(report, look):
        if not breakdown.header.startswith(choice):
            continue
        title = breakdown.title
        if breakdown.parts:
            yield Section([_table_of(report, breakdown, look.top)], title)
        else:
            yield Section([Prose(f"{title}: none")])


def _table_of(report: Report, breakdown: _Breakdown, most: int) -> Table:
    parts = breakdown.parts
    header = breakdown.header
    room = Room(most, len(parts), header)
    return table_of(breakdown.columns, header, parts, report.context.totals, room)


def clauses(report: Report, about_need: Iterable[str] = ()) -> Iterator[str]:
    """Yield the clauses of the verdict."""
    if report.failing:
        yield "nothing is built; see the problems below"
        return
    if hides_all(report):
        yield "everything is ignored, so COPY and ADD find nothing"
        return
    if report.failures:
        yield "an instruction does not find its source"
    problems = {problem.code for problem in report.all_problems}
    if "not-utf8" in problems:
        yield "Docker cannot send a name that is not UTF-8"
    whole = sent(report)
    yield _size_clause(report, whole)
    yield from about_need
    if problems:
        yield "see the problems below"


def _size_clause(report: Report, whole: Amount) -> str:
    """Return how much is sent, and of how much if that is more."""
    size = _least(report, amount(whole))
    if report.dockerfile is None:
        text = f"there is no Dockerfile here; the directory has {size}"
        if report.context.ignored.totals.entries:
            text += ", besides what is ignored"
    elif BUILDERS[report.builder].announces is None:
        text = f"{size} can be read"  # Podman reads the context in place
    else:
        text = f"{size} would be sent"
    contexts = [named.context.totals for named in report.named_contexts if named.context]
    everything = human(Amount.of(report.context.totals, *contexts).content_bytes)
    if everything != human(whole.content_bytes):
        text += f", of {everything}"
    return text


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to correct first."""
    step = urgent_step(report)
    if step:
        return step
    if is_large(sent(report)):
        return NextStep(command(report, "suggest"), "checks how much of it the build needs")
    return listing_step(report)


def urgent_step(report: Report) -> NextStep | None:
    """Return what to correct first, or the command to type before any other one; None if fine."""
    context = report.context_path
    for problem in report.failing:
        return NextStep("", _correction(problem, context))
    problems = report.all_problems
    for problem in problems:
        step = _step_for(problem, report)
        if step:
            return step
    if any(problem.code == "no-dockerfile" for problem in problems):
        scan = typed("scan", *directory_argument(context))
        return NextStep(scan, "finds the builds below this directory")
    if hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows what each pattern ignores")
    return None


def listing_step(report: Report) -> NextStep:
    """Return the command that shows more of what is sent."""
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    options = ["--size"]
    transfer = report.transfer
    if transfer and not transfer.everything:
        options.insert(0, "--transfer")
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")


def _step_for(problem: Problem, report: Report) -> NextStep | None:
    """Return what to do about a problem, None if there is nothing that helps for certain."""
    code = problem.code
    line = problem.line
    if code == "arrives-empty" and problem.path:
        trace = command(report, "explain", "--trace", path_argument(problem.path))
        return NextStep(trace, "shows why it arrives empty")
    if code == "source-not-found" and line:
        explain = command(report, "explain", "--source", str(line))
        return NextStep(explain, "shows why the build does not find it")
    if problem.is_fatal and line:
        return NextStep("", _correction(problem))
    return None


def _correction(problem: Problem, path: str = "") -> str:
    return f"correct {located(problem.path or path, problem.line or None)}"


def _facts(report: Report, look: Look) -> Items:
    """Yield facts about the build."""
    dockerfile = quoted(report.dockerfile or "none")
    if dockerfile == "-":
        dockerfile = "from stdin"
    yield Fact("Context", quoted(report.context_path), _LINE)
    yield Fact("Dockerfile", dockerfile, _LINE)
    yield from _sizes(report, report, "context", look)
    if report.named_contexts and not look.full:
        names = [visible(named.name) for named in report.named_contexts]
        yield Fact("Named", listed(names), _FACT)
    images = ", ".join(dict.fromkeys(_unknown_images(report)))
    if images:
        yield Fact("Assumed", f"no ONBUILD triggers in {images}", _FACT)
    yield Fact("Ignored", _ignored(report.context.ignored), _FACT)


def _unknown_images(report: Report) -> Iterator[str]:
    """Yield the base images whose triggers could ask for more than is transferred."""
    for transfer in report.transfers:
        if transfer.everything:
            continue
        for problem in transfer.problems:
            if problem.code == "unknown-onbuild":
                yield visible(problem.message.rpartition(" ")[2])


def _ignored(ignored: Ignored) -> str:
    totals = ignored.totals
    if not totals.entries:
        return "nothing"
    if ignored.complete:
        return amount(totals)
    text = plural(totals.entries, "entry")
    if ignored.unopened:
        unopened = plural(ignored.unopened, "directory")
        text = f"at least {text}, with {unopened} not opened"
    return text


def _about_named(report: Report, named: NamedContext, look: Look) -> Items:
    yield Fact("Stands for", quoted(named.value))
    if named.context:
        yield from _sizes(report, named, named.announced, look)
    elif not named.local:
        yield Fact("Transfer", "nothing: the builder fetches it, and no ignore file is read")
    elif named.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")


def _sizes(report: Report, owner: Report | NamedContext, name: str, look: Look) -> Items:
    """Yield ignore file and size of a context, and for its transfers their sizes as printed."""
    ignore_file = ignore_text(owner.ignore_file)
    yield Fact("Ignore file", ignore_file or "none, so nothing is ignored", _FACT)
    context = owner.context
    if context:
        yield Fact("Context size", _least(report, amount(context.totals)), _FACT)
    transfers = owner.transfers
    platforms = {transfer.platforms for transfer in transfers}
    most = len(transfers) if look.full else _MOST_TRANSFERS
    for transfer in transfers[:most]:
        lead = ""
        if len(platforms) > 1:
            lead = f"{', '.join(transfer.platforms)}: "
        yield Fact("Transfer", lead + _transferred(transfer), _FACT)
        yield Fact("Build prints", lead + printed(report, transfer, name), _PRINTED)
    left = more(len(transfers) - most, "platform")
    if left:
        yield Fact("", left, _FACT)
    if context and not (transfers or report.failing):
        yield Fact("Build prints", printed(report, context, name), _PRINTED)


def _transferred(transfer: Transfer) -> str:
    if not transfer.context_used:
        return "nothing: the Dockerfile takes nothing from the context"
    if transfer.everything:
        return "all of it"
    return amount(transfer)


def ignore_text(info: IgnoreFileInfo | None) -> str:
    """Return an ignore file and the number of its patterns, `""` for none."""
    if info:
        return f"{quoted(info.path)} ({plural(len(info.patterns), 'pattern')})"
    return ""


def _least(report: Report, text: str) -> str:
    if report.lower_bound:
        return f"at least {text}"
    return text


def printed(report: Report, part: Transfer | Measurement, name: str, *, short: bool = False) -> str:
    """Return the figure that the builder prints, and when; `short`, only on what it depends."""
    builder = BUILDERS[report.builder]
    if builder.announces is None or part.printed is None:
        return f"nothing: {builder.title} sends nothing of it"
    condition = ""
    if isinstance(part, Measurement) and builder.asks_for_paths:
        condition = ", if all of it is transferred"
    announced = builder.announces.replace("context:", f"{visible(name)}:")
    line = _least(report, announced.format(part.printed))
    if short:
        return line + condition
    when = "in each build" if builder.resends else "in a cold build"
    when += condition
    if not READS_ATTRIBUTES:
        when += ", without extended attributes"
    return f"{line} ({builder.title}, {when})"


def sources_of(report: Report) -> list[Share]:
    """Return the share of each source of the Dockerfile, the largest first."""
    sources = dict[SourceShare, None]()
    for transfer in report.parts:
        if isinstance(transfer, Transfer):
            for source in transfer.sources:
                if not transfer.everything or source.path == ".":
                    sources[source] = None
    return sorted(map(_share, sources), key=lambda share: (-share.content_bytes, share.line or 0))


def _share(source: SourceShare) -> Share:
    """Return the share of a source; where it has variables, with the path that it stands for."""
    written = shown(source.source)
    path = shown(source.path)
    name = f"{source.instruction} {written}"
    if source.instruction == "RUN":
        name = f"RUN --mount, {source.kind} of {path}"
    elif "$" in written and path != written:
        name += f" ({path})"
    return Share(name, source.content_bytes, source.files, source.line)


def table_of(
    columns: str,
    header: str,
    parts: Sequence[Share],
    whole: Counted,
    room: Room,
) -> Table:
    """Return a table of the first parts of a whole, with these columns."""
    names = columns.split()
    rows = []
    for part in parts[: room.most]:
        size, files = cells(part)
        figures = {
            "size": size,
            "files": files,
            "%": percent(part.content_bytes, whole.content_bytes),
            "line": str(part.line or ""),
        }
        name = quoted(part.name or "(none)")
        rows.append([*(figures[column] for column in names), name])
    return Table((*names, header), rows, room=room)
