"""Sections of `measure`: on one screen the verdict, the next step, and what is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.filesystem import READS_ATTRIBUTES
from ctxsize.formats import wording
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    NextStep,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    SizeTree,
    Table,
)
from ctxsize.formats.styles import TABLES, Look
from ctxsize.formats.wording import amount, command, listed, more, quoted, sent, visible
from ctxsize.hidden import shown
from ctxsize.model import (
    Amount,
    IgnoreFileInfo,
    Measurement,
    NamedContext,
    Problem,
    Reason,
    Report,
    Share,
    SourceShare,
    Transfer,
)
from ctxsize.units import human, percent, plural

_CLAUSES = {
    "unneeded": "looks unneeded",
    "git-ignored": "matches .gitignore",
    "large-file": "is in large files",
}
"""Clauses about the reasons of a verdict, by their kinds."""
_VERDICT = Fit(4, on_low=2)
_FACT = Fit(2)
_LINE = Fit(1)
_PRINTED = Fit(3)
_FULL_TREE = 100
_FEW = 3  # number of problems and of sources to show on a screen
_MANY = 10  # number of problems to show with one table
_MOST_TRANSFERS = 2
_LONGEST_PATH = 40  # number of columns of a path in the verdict


class _Breakdown(NamedTuple):
    """A table of the parts of a context."""

    name: str  # as `--by` has it
    title: str
    columns: str
    header: str  # that of the names
    parts: Sequence[Share]
    most: int  # number of rows on a screen, or in full


def sections(report: Report, look: Look) -> Iterator[ScreenPart]:
    """Yield the report, or only one table if `look.only`, or only the verdict if `look.quiet`."""
    head = Section([verdict(report, look, clauses(report), _VERDICT), next_step(report)])
    if look.only is not None:
        yield head
        yield from _only_table(report, look)
        yield Section([Findings(report.findings, _MANY)], "Problems")
    elif look.quiet:
        yield head
    else:
        yield Screen([head, *body(report, look)])


def verdict(report: Report, look: Look, texts: Iterable[str], fit: Fit) -> Prose:
    """Return the verdict with its reasons, in a single line if quiet."""
    title, style = wording.LEVELS[wording.level(report)]
    text = f"{title}: {'; '.join(texts)}"
    if look.quiet:
        return Prose(text, -1, title, style)
    return Prose(text, 0, title, style, fit)


def body(report: Report, look: Look, title: str = "") -> Iterator[Section]:
    """Yield facts, problems and tables."""
    yield Section([*_facts(report, look)], title, folded=bool(title))
    if look.full:
        for named in report.named_contexts:
            yield Section([*_about_named(report, named)], f"Named context {visible(named.name)}")
    yield Section([Findings(report.findings, _FEW, brief_on_low=1)], "Problems")
    directories = plural(report.context.totals.directories, "directory")
    yield Section([_size_tree(report, look)], f"Size tree, of {directories}", folded=True)
    for breakdown in _breakdowns(report, look):
        total = len(breakdown.parts)
        room = Room(min(breakdown.most, total), total, breakdown.header)
        if room.most:
            table = _table_of(report, breakdown, room.most)._replace(rest="", room=room)
            yield Section([table], breakdown.title, folded=True)
    if not look.full:
        text = f"More: --full shows all, --by {'|'.join(TABLES)} a table, --depth N more levels"
        yield Section([Prose(text, 6, text, "dim")])


def _size_tree(report: Report, look: Look) -> SizeTree:
    root = report.context.tree
    if look.tree:
        return SizeTree(root, Room(look.tree, look.tree, is_shared=False))
    if look.full:
        return SizeTree(root, Room(_FULL_TREE, _FULL_TREE))
    most = 2 * look.top + 1
    return SizeTree(root, Room(most, most, "directory", least=_FEW, leaves="all"))


def _breakdowns(report: Report, look: Look) -> Iterator[_Breakdown]:
    """Yield the tables of a report; `most` is 0 for those that only a full one has."""
    context = report.context
    most = look.top
    of_sources = _FEW
    in_full = 0
    if look.full:
        of_sources = in_full = look.top
    title = "Ignored, by the pattern that decided"
    ignored = context.ignored.by_pattern
    yield _Breakdown("pattern", title, "size files line", "pattern", ignored, most)
    title = "Largest directories, own files only"
    directories = context.largest_directories
    yield _Breakdown("dir", title, "size files %", "directory", directories, in_full)
    title = "Taken by the Dockerfile"
    sources = sources_of(report)
    yield _Breakdown("taken", title, "size files line", "source", sources, of_sources)
    yield _Breakdown("file", "Largest files", "size %", "file", context.largest_files, most)
    extensions = context.by_extension
    yield _Breakdown("ext", "By extension", "size files %", "extension", extensions, in_full)
    if not any(part.name for part in context.by_pattern):
        in_full = 0
    title = "Sent, by the pattern that decided"
    yield _Breakdown("sent", title, "size files line", "pattern", context.by_pattern, in_full)


def _only_table(report: Report, look: Look) -> Iterator[Section]:
    """Yield the tables of one choice of `--by`."""
    for breakdown in _breakdowns(report, look):
        if look.only not in (breakdown.name, breakdown.header):
            continue
        if breakdown.parts:
            yield Section([_table_of(report, breakdown, look.top)], breakdown.title)
        else:
            yield Section([Prose(f"{breakdown.title}: none")])


def _table_of(report: Report, breakdown: _Breakdown, most: int) -> Table:
    total = report.context.totals.content_bytes
    return table_of(breakdown.columns, breakdown.header, breakdown.parts, total, most)


def clauses(report: Report, *, short: bool = False) -> Iterator[str]:
    """Yield the reasons of the verdict; `short` ones have no paths."""
    if report.failing:
        yield "nothing is built; see the problems below"
        return
    if wording.hides_all(report):
        yield "everything is ignored, so COPY and ADD find nothing"
        return
    if report.fatal:
        yield "an instruction does not find its source"
    if any(problem.code == "not-utf8" for problem in report.all_problems):
        yield "Docker cannot send a name that is not UTF-8"
    whole = sent(report)
    yield _size_clause(report, whole)
    for reason in report.reasons:
        yield _clause(reason, whole.content_bytes, short=short)
    unneeded = {"unneeded", "git-ignored"} & {reason.kind for reason in report.reasons}
    if unneeded and report.ignore_file is None and not short:
        yield "there is no ignore file"
    if report.all_problems:
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
    bytes_of_all = Amount.of(report.context.totals, *contexts).content_bytes
    if human(bytes_of_all) == human(whole.content_bytes):
        return text
    return f"{text}, of {human(bytes_of_all)}"


def _clause(reason: Reason, whole_bytes: int, *, short: bool) -> str:
    names = [wording.fit(quoted(path), _LONGEST_PATH) for path in reason.paths]
    paths = listed(names, of=reason.count)
    share = percent(reason.content_bytes, whole_bytes)
    if reason.kind == "secret":
        if short:
            return plural(reason.count, "possible secret")
        return f"possible secrets: {paths}"
    if short:
        return f"{share} {_CLAUSES[reason.kind]}"
    return f"{human(reason.content_bytes)} ({share}) {_CLAUSES[reason.kind]}: {paths}"


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to correct first."""
    for problem in report.failing:
        return NextStep("", _correction(problem, report.context_path))
    for problem in report.all_problems:
        step = _step_for(problem, report)
        if step is not None:
            return step
    if any(problem.code == "no-dockerfile" for problem in report.all_problems):
        words = ["scan"]
        if report.context_path != ".":
            words.append(wording.path_argument(report.context_path))
        return NextStep(wording.typed(*words), "finds the builds below this directory")
    if wording.hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows what each pattern ignores")
    if report.reasons or wording.is_large(sent(report)):
        # Review comes before --write.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    options = ["--size"]
    if report.transfer is not None and not report.transfer.everything:
        options.insert(0, "--transfer")
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")


def _step_for(problem: Problem, report: Report) -> NextStep | None:
    """Return what to do about a problem, None if there is nothing that helps for certain."""
    if problem.code == "arrives-empty" and problem.path:
        path = wording.path_argument(problem.path)
        trace = command(report, "explain", "--trace", path)
        return NextStep(trace, "shows why it arrives empty")
    if problem.code == "source-not-found" and problem.line:
        explain = command(report, "explain", "--source", str(problem.line))
        return NextStep(explain, "shows why the build does not find it")
    if problem.is_fatal and problem.line:
        return NextStep("", _correction(problem))
    return None


def _correction(problem: Problem, path: str = "") -> str:
    place = quoted(problem.path or path)
    if problem.line:
        place += f":{problem.line}"
    return f"correct {place}"


def _facts(report: Report, look: Look) -> Iterator[Fact]:
    """Yield facts about the build."""
    dockerfile = quoted(report.dockerfile or "none")
    if dockerfile == "-":
        dockerfile = "from stdin"
    yield Fact("Context", quoted(report.context_path), _LINE)
    yield Fact("Dockerfile", dockerfile, _LINE)
    most = _MOST_TRANSFERS
    if look.full:
        most = len(report.transfers)
    yield from _sizes(report, report, "context", most)
    if report.named_contexts and not look.full:
        names = [visible(named.name) for named in report.named_contexts]
        yield Fact("Named", listed(names), _FACT)
    images = dict.fromkeys(_unknown_images(report))
    if images:
        yield Fact("Assumed", f"no ONBUILD triggers in {', '.join(images)}", _FACT)
    yield Fact("Ignored", _ignored(report), _FACT)


def _unknown_images(report: Report) -> Iterator[str]:
    """Yield the base images whose triggers could ask for more than is transferred."""
    for transfer in report.transfers:
        if transfer.everything:
            continue
        for problem in transfer.problems:
            if problem.code == "unknown-onbuild":
                yield visible(problem.message.rpartition(" ")[2])


def _ignored(report: Report) -> str:
    ignored = report.context.ignored
    if not ignored.totals.entries:
        return "nothing"
    if ignored.complete:
        return amount(ignored.totals)
    text = plural(ignored.totals.entries, "entry")
    if ignored.unopened:
        unopened = plural(ignored.unopened, "directory")
        return f"at least {text}, with {unopened} not opened"
    return text


def _about_named(report: Report, named: NamedContext) -> Iterator[Fact]:
    yield Fact("Stands for", quoted(named.value))
    if named.context is not None:
        yield from _sizes(report, named, named.announced, len(named.transfers))
    elif not named.local:
        yield Fact("Transfer", "nothing: the builder fetches it, and no ignore file is read")
    elif named.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")


def _sizes(report: Report, owner: Report | NamedContext, name: str, most: int) -> Iterator[Fact]:
    """Yield ignore file and size of a context, and for `most` transfers its size as printed."""
    ignore_file = ignore_text(owner.ignore_file)
    yield Fact("Ignore file", ignore_file or "none, so nothing is ignored", _FACT)
    context = owner.context
    if context is not None:
        yield Fact("Context size", _least(report, amount(context.totals)), _FACT)
    transfers = owner.transfers
    has_several = len({transfer.platforms for transfer in transfers}) > 1
    for transfer in transfers[:most]:
        lead = ""
        if has_several:
            lead = f"{', '.join(transfer.platforms)}: "
        yield Fact("Transfer", lead + _transferred(transfer), _FACT)
        yield Fact("Build prints", lead + printed(report, transfer, name), _PRINTED)
    left = more(len(transfers) - most, "platform")
    if left:
        yield Fact("", left, _FACT)
    if context is not None and not transfers and not report.failing:
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
    line = builder.announces.replace("context:", f"{visible(name)}:").format(part.printed)
    line = _least(report, line)
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
    shares = [_share(source) for source in sources]
    return sorted(shares, key=lambda share: (-share.content_bytes, share.line or 0))


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


def table_of(columns: str, header: str, parts: Sequence[Share], total: int, top: int) -> Table:
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
        figures = [cells[name] for name in names]
        rows.append((*figures, quoted(part.name or "(none)")))
    return Table((*names, header), rows, more(len(parts) - top, header))
