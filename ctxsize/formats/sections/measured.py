"""Sections of `measure`: on one screen the verdict, the next step, and what is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.filesystem import READS_ATTRIBUTES
from ctxsize.formats import TABLES, Look, wording
from ctxsize.formats.sections import Fact, Findings, Item, NextStep, Prose, Section, Table, tree
from ctxsize.formats.text import FACT_INDENT, brief, height
from ctxsize.formats.wording import amount, command, listed, more, quoted, sent, visible
from ctxsize.hidden import shown
from ctxsize.model import Amount, IgnoreFileInfo, Measurement, NamedContext, Report, Share, Transfer
from ctxsize.units import human, percent, plural

_CLAUSES = {
    "unneeded": ("{part} looks unneeded: {paths}", "{share} looks unneeded"),
    "git-ignored": ("{part} matches .gitignore: {paths}", "{share} matches .gitignore"),
    "large-file": ("{part} is in large files: {paths}", "{share} is in large files"),
    "secret": ("possible secrets: {paths}", "{count}"),
}
"""Clauses about the reasons of a verdict, by their kinds: with and without paths."""
_HIGH = 30  # lines of a screen with room for long facts and several problems
_USUAL_TOP = 5
_FULL_TREE = 100
_FEW, _MANY = 3, 10  # number of problems and of sources to show, on a screen and in full
_MOST_TRANSFERS = 2
_FACT_LINES = {"Context": 1, "Dockerfile": 1, "Build prints": 3}  # else two; in full any
_LONGEST_PATH = 40  # number of columns of a path in the verdict


def sections(report: Report, look: Look) -> Iterator[Section]:
    """Yield the report, or only one table if `look.only`, or only the verdict if `look.quiet`."""
    if look.height >= _HIGH:
        lines = 4
    else:
        lines = 2
    head: list[Item] = [verdict(report, look, clauses(report), lines), next_step(report)]
    yield Section(head)
    if look.only is not None:
        yield from _tables(report, look, {})
        yield Section([Findings(report.findings, _MANY)], "Problems")
    elif not look.quiet:
        yield from body(report, look, height(head, look))


def verdict(report: Report, look: Look, texts: Iterable[str], lines: int) -> Prose:
    """Return the verdict, with its reasons in so many lines, or in a single one if quiet."""
    title, style = wording.LEVELS[wording.level(report)]
    text = f"{title}: {'; '.join(texts)}"
    if look.full or look.quiet:
        shown = text
    else:
        shown = brief(text, look.width, lines)
    return Prose(shown, -1 if look.quiet else 0, title, style)


def body(report: Report, look: Look, used: int = 0, title: str = "") -> Iterator[Section]:
    """Yield facts, problems and tables, on a screen with some lines `used`."""
    if look.height >= _HIGH:
        few = _FEW
    else:
        few = 1
    problems = Findings(report.findings, _MANY if look.full else few)
    room = look.width - FACT_INDENT
    facts = [*_facts(report, look)]
    if not look.full:
        facts = [Fact(e.label, brief(e.text, room, _FACT_LINES.get(e.label, 2))) for e in facts]
    yield Section(facts, title, folded=bool(title))
    if look.full:
        for each in report.named_contexts:
            yield Section([*_about_named(report, each)], f"Named context {visible(each.name)}")
    yield Section([problems], "Problems")
    used += height(facts, look) + (3 if report.findings else 1)
    text = f"More: --full shows all, --by {'|'.join(TABLES)} a table, --depth N more levels"
    foot = [Prose(text, 6, text, "dim")]
    room = look.height - used - height([problems, *foot], look) - 1
    if look.full or look.top > _USUAL_TOP:
        room = 1_000
    rows = _rows(report, look, room)
    whole = tree(report.context.tree, rows["tree"], look.width)
    directories = plural(report.context.totals.directories, "directory")
    yield Section([whole] if rows["tree"] else [], f"Size tree, of {directories}", folded=True)
    yield from _tables(report, look, rows)
    if not look.full:
        yield Section(foot)


def _rows(report: Report, look: Look, room: int) -> dict[str, int]:
    """Return the number of rows of each table, which together have `room` lines."""
    context = report.context
    is_low = look.height < _HIGH
    wanted = {
        "pattern": min(look.top, len(context.ignored.by_pattern)),
        "taken": min(look.top if look.full else _FEW, len(sources_of(report))),
        "file": min(look.top, len(context.largest_files)),
    }
    if look.full:
        if any(each.name for each in context.by_pattern):
            sent_by = look.top
        else:
            sent_by = 0
        rows = {"tree": look.tree or _FULL_TREE, "dir": look.top, "ext": look.top}
        return {**wanted, **rows, "sent": sent_by}
    # A table has a blank line, a title, headers, and a line about the rows that are not shown.
    if is_low:
        others = 0
    else:
        others = sum(each + 4 for each in wanted.values() if each)
    if is_low:
        least = 0
    else:
        least = _FEW
    rows = {"tree": look.tree or max(least, min(2 * look.top + 1, room - 4 - others))}
    if look.tree:
        room -= 0
    else:
        room -= rows["tree"] + 4
    for name, count in wanted.items():
        rows[name] = max(0, min(count, room - 4))
        if rows[name]:
            room -= rows[name] + 4
    return rows


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
    if any(each.code == "not-utf8" for each in report.all_problems):
        yield "Docker cannot send a name that is not UTF-8"
    whole = sent(report)
    named = [each.context for each in report.named_contexts if each.context]
    size = _least(report, amount(whole))
    # Podman reads the context in place.
    is_sent = BUILDERS[report.builder].announces is not None
    text = f"{size} {'would be sent' if is_sent else 'can be read'}"
    if report.dockerfile is None:
        if report.context.ignored.totals.entries:
            besides = ", besides what is ignored"
        else:
            besides = ""
        text = f"there is no Dockerfile here; the directory has {size}{besides}"
    bytes_of_all = Amount.of(report.context.totals, *(each.totals for each in named)).content_bytes
    is_all = human(bytes_of_all) == human(whole.content_bytes)
    yield text if is_all else f"{text}, of {human(bytes_of_all)}"
    for reason in report.reasons:
        names = [wording.fit(quoted(each), _LONGEST_PATH) for each in reason.paths]
        share = percent(reason.content_bytes, whole.content_bytes)
        yield _CLAUSES[reason.kind][short].format(
            part=f"{human(reason.content_bytes)} ({share})",
            share=share,
            count=plural(reason.count, "possible secret"),
            paths=listed(names, of=reason.count),
        )
    unneeded = {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}
    if unneeded and report.ignore_file is None and not short:
        yield "there is no ignore file"
    if report.all_problems:
        yield "see the problems below"


def next_step(report: Report) -> NextStep:
    """Return the command to type next, or what to correct first."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        return NextStep("", f"correct {where}{f':{problem.line}' if problem.line else ''}")
    for problem in report.all_problems:
        if problem.code == "arrives-empty" and problem.path:
            arguments = ("explain", "--trace", wording.path_argument(problem.path))
            return NextStep(command(report, *arguments), "shows why it arrives empty")
        if problem.code == "source-not-found" and problem.line:
            arguments = ("explain", "--source", str(problem.line))
            return NextStep(command(report, *arguments), "shows why the build does not find it")
        if problem.is_fatal and problem.line:
            return NextStep("", f"correct {quoted(problem.path or '')}:{problem.line}")
    if any(each.code == "no-dockerfile" for each in report.all_problems):
        if report.context_path == ".":
            below = []
        else:
            below = [wording.path_argument(report.context_path)]
        return NextStep(wording.typed("scan", *below), "finds the builds below this directory")
    if wording.hides_all(report):
        by_pattern = command(report, "measure", "--by", "pattern")
        return NextStep(by_pattern, "shows what each pattern ignores")
    if report.reasons or wording.is_large(sent(report)):
        # Review comes before --write.
        purpose = "finds what the build does not need, and proves it"
        return NextStep(command(report, "suggest"), purpose)
    if not report.context.ignored.complete:
        return NextStep(command(report, "measure", "--ignored"), "shows what each pattern saves")
    narrow = report.transfer is not None and not report.transfer.everything
    options = ("--transfer", "--size") if narrow else ("--size",)
    return NextStep(command(report, "ls", *options), "lists every entry that is sent")


def _facts(report: Report, look: Look) -> Iterator[Fact]:
    """Yield facts about the build."""
    dockerfile = quoted(report.dockerfile or "none")
    yield Fact("Context", quoted(report.context_path))
    yield Fact("Dockerfile", "from stdin" if dockerfile == "-" else dockerfile)
    yield from _sizes(
        report, report, "context", len(report.transfers) if look.full else _MOST_TRANSFERS
    )
    if report.named_contexts and not look.full:
        yield Fact("Named", listed([visible(each.name) for each in report.named_contexts]))
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
        yield from _sizes(report, named, named.announced, len(named.transfers))
    elif not named.local:
        yield Fact("Transfer", "nothing: the builder fetches it, and no ignore file is read")
    elif named.used is False:
        yield Fact("Transfer", "nothing: this build takes nothing from it")


def _sizes(report: Report, held: Report | NamedContext, name: str, most: int) -> Iterator[Fact]:
    """Yield ignore file and size of a context, and for `most` transfers its size as printed."""
    yield Fact("Ignore file", ignore_text(held.ignore_file) or "none, so nothing is ignored")
    if held.context is not None:
        yield Fact("Context size", _least(report, amount(held.context.totals)))
    several = len({each.platforms for each in held.transfers}) > 1
    for each in held.transfers[:most]:
        if several:
            lead = f"{', '.join(each.platforms)}: "
        else:
            lead = ""
        if each.everything:
            whole = "all of it"
        else:
            whole = amount(each)
        none = "nothing: the Dockerfile takes nothing from the context"
        yield Fact("Transfer", lead + (whole if each.context_used else none))
        yield Fact("Build prints", lead + printed(report, each, name))
    if left := more(len(held.transfers) - most, "platform"):
        yield Fact("", left)
    if held.context is not None and not held.transfers and not report.failing:
        yield Fact("Build prints", printed(report, held.context, name))


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
    if_all = isinstance(part, Measurement) and builder.asks_for_paths
    if if_all:
        depends = ", if all of it is transferred"
    else:
        depends = ""
    line = builder.announces.replace("context:", f"{visible(name)}:").format(part.printed)
    if short:
        return _least(report, line) + depends
    when = f"{'in each build' if builder.resends else 'in a cold build'}{depends}"
    if not READS_ATTRIBUTES:
        when += ", without extended attributes"
    return f"{_least(report, line)} ({builder.title}, {when})"


def _tables(report: Report, look: Look, rows: Mapping[str, int]) -> Iterator[Section]:
    """Yield tables with so many `rows`, or those of one choice of `--by`."""
    context = report.context
    for name, title, columns, header, parts in (
        ("pattern", "Ignored, by the pattern that decided", "size files line", "pattern",
         context.ignored.by_pattern),
        ("dir", "Largest directories, own files only", "size files %", "directory",
         context.largest_directories),
        ("taken", "Taken by the Dockerfile", "size files line", "source", sources_of(report)),
        ("file", "Largest files", "size %", "file", context.largest_files),
        ("ext", "By extension", "size files %", "extension", context.by_extension),
        ("sent", "Sent, by the pattern that decided", "size files line", "pattern",
         context.by_pattern),
    ):  # fmt: skip
        is_wanted = look.only is not None and look.only in (name, header)
        if is_wanted and not parts:
            yield Section([Prose(f"{title}: none")])
        elif parts and (count := look.top if is_wanted else rows.get(name, 0)):
            table = table_of(columns, header, parts, context.totals.content_bytes, count)
            yield Section([table], title, folded=not is_wanted)


def sources_of(report: Report) -> list[Share]:
    """Return the share of each source of the Dockerfile, the largest first."""
    transfers = [each for each in report.parts if isinstance(each, Transfer)]
    shares = []
    pairs = [(source, each.everything) for each in transfers for source in each.sources]
    taken = dict.fromkeys(source for source, every in pairs if not every or source.path == ".")
    for each in taken:
        source = shown(each.source)
        place = shown(each.path)
        is_other = "$" in source and place != source
        if is_other:
            path = f" ({place})"
        else:
            path = ""
        is_run = each.instruction == "RUN"
        mount = f"RUN --mount, {each.kind} of {place}"
        if is_run:
            name = mount
        else:
            name = f"{each.instruction} {source}{path}"
        shares.append(Share(name, each.content_bytes, each.files, each.line))
    return sorted(shares, key=lambda each: (-each.content_bytes, each.line or 0))


def table_of(columns: str, header: str, parts: Sequence[Share], total: int, top: int) -> Table:
    """Return a table of the first parts of a whole of `total` bytes, with these columns."""
    names = columns.split()
    rows = []
    for part in parts[:top]:
        cells = {"size": human(part.content_bytes), "files": f"{part.files:,}"}
        cells |= {"%": percent(part.content_bytes, total), "line": str(part.line or "")}
        rows.append((*(cells[each] for each in names), quoted(part.name or "(none)")))
    return Table((*names, header), rows, more(len(parts) - top, header))
