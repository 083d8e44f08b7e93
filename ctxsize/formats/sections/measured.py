"""A report: first what to think of it and what to do, then where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Answer,
    Findings,
    Name,
    Prose,
    Section,
    SizeTree,
    Table,
    breakdowns,
    conclusion,
    fact,
    transfers,
)
from ctxsize.formats.verdict import level
from ctxsize.model import Difference, Ignored, NamedContext, Problem, Report, Transfer
from ctxsize.units import human, percent, plural

_LABEL = 15
_MOST_PROBLEMS = 3
"""Number of problems of one kind that are shown."""


def sections(report: Report, look: Look, *, refused: bool = False) -> Iterator[Section]:
    """Yield all of `report`, or only one table of it if `look.only`.

    `check` may have `refused` it.
    """
    yield Section([_verdict(report, refused=refused), conclusion.next_step(report)])
    if look.only is not None:
        for breakdown in breakdowns.TABLES[look.only]:
            section = breakdown(report, look.top)
            none = f"{section.title}: none"
            yield (
                section
                if _is_filled(section)
                else Section([Prose(none, marks=((section.title, "bold"),))])
            )
        yield problems(report)
        return
    yield _facts(report, look)
    for each in report.named_contexts:
        yield _named(report, each, look)
    yield problems(report)
    yield _tree(report, look)
    yield from filter(_is_filled, _breakdowns(report, look.top))
    yield _differences(report)


def _is_filled(section: Section) -> bool:
    return any(isinstance(item, Table) and (item.rows or item.rest) for item in section.items)


def _breakdowns(report: Report, top: int) -> Iterator[Section]:
    if report.context.ignored.by_pattern:
        yield breakdowns.saved(report, top)
    if any(not each.everything for each in report.transfers):
        yield breakdowns.sources(report, top)
    yield breakdowns.files(report, top)
    yield breakdowns.directories(report, top)
    yield breakdowns.extensions(report, top)


def _verdict(report: Report, *, refused: bool = False) -> Answer:
    concern = level(report, refused=refused)
    return Answer(concern.title, concern.style, conclusion.verdict(report), concern.sign)


def _facts(report: Report, look: Look) -> Section:
    size = "Context size" if report.transfer or report.failing else "Sent"
    assumed = _assumed(report)
    return Section(
        [
            fact("Context", quoted(report.context_path)),
            fact("Dockerfile", _dockerfile(report)),
            transfers.ignore_file(report.ignore_file),
            fact(size, transfers.size(report, report.context)),
            *transfers.facts(report, look),
            *([fact("Assumed", assumed)] if assumed else []),
            fact("Ignored", _ignored(report.context.ignored, report)),
        ]
    )


def _dockerfile(report: Report) -> str:
    if report.dockerfile is None:
        return "none found"
    return "from stdin" if report.dockerfile == "-" else quoted(report.dockerfile)


def _named(report: Report, context: NamedContext, look: Look) -> Section:
    title = f"Named context {visible(context.name)}"
    return Section([*transfers.named(report, context, look)], title)


def _assumed(report: Report) -> str:
    """Return what the transfer takes for granted, as far as it can matter."""
    texts, images = dict[str, None](), dict[str, None]()
    for transfer in report.transfers:
        for problem in transfer.problems:
            if problem.code != "unknown-onbuild":
                texts[problem.message] = None
            elif not transfer.everything:
                images[problem.message.rpartition(" ")[2]] = None
    if images:
        texts[f"no ONBUILD triggers in {', '.join(images)}"] = None
    return visible("; ".join(texts))


def _ignored(ignored: Ignored, report: Report) -> str:
    totals = ignored.totals
    if not totals.entries:
        return "nothing" if report.ignore_file is None else "nothing: no entry matches a pattern"
    if ignored.complete:
        return f"{human(totals.content_bytes)} in {transfers.counts(totals)}"
    if not ignored.unopened:
        return transfers.counts(totals)
    unopened = plural(ignored.unopened, "directory")
    return f"at least {transfers.counts(totals)} ({unopened} not opened)"


def _tree(report: Report, look: Look) -> Section:
    tree, count = report.context.tree, report.context.totals.directories
    items = [SizeTree(tree, 2 * look.top + 1)] if tree.children else []
    return Section(items, "Size tree", more=f", of {plural(count, 'directory')}")


def problems(report: Report) -> Section:
    """Return what is suspicious, then what is worth knowing."""
    suspicious = [*_listed(report.suspicious)]
    notes = [*_listed(report.notes)]
    if suspicious and notes:
        notes.insert(0, Prose("Worth knowing", style="bold"))
    if suspicious:
        return Section([*suspicious, *notes], "Suspicious", "yellow")
    return Section(notes, "Worth knowing")


def _listed(found: Iterable[Problem]) -> Iterator[Prose]:
    """Yield a line for each problem, those of one kind together."""
    ordered = sorted(found, key=lambda problem: problem.code)
    for code, group in groupby(ordered, key=lambda problem: problem.code):
        alike = list(group)
        for problem in alike[:_MOST_PROBLEMS]:
            yield Prose(f"  ! {_problem(problem)}", 4)
        if len(alike) > _MOST_PROBLEMS:
            yield Prose(f"    and {len(alike) - _MOST_PROBLEMS:,} more of the same ({code})")


def _problem(problem: Problem) -> str:
    where = "" if problem.path is None else quoted(problem.path)
    if problem.line is not None:
        where += f":{problem.line}"
    if problem.count > 1:
        return f"{visible(problem.message)}; the first is {where}"
    return f"{where}: {visible(problem.message)}" if where else visible(problem.message)


def _differences(report: Report) -> Section:
    lines: list[Prose] = []
    for each in report.differences:
        lines.append(Prose(f"  {each.builder:<{_LABEL - 2}}{_said(each)}", _LABEL + 2))
        for sign, word, paths, count in _samples(each):
            names = ", ".join(map(quoted, paths)) + (", …" if count > len(paths) else "")
            lines.append(Prose(f"{' ' * _LABEL}{sign} {count:,} {word}: {names}", _LABEL + 2))
    return Section(lines, f"Other builders, compared with {report.builder}")


def _said(difference: Difference) -> str:
    if difference.error is not None:
        return f"the build fails: {visible(difference.error)}"
    read = f" ({quoted(difference.ignore_file)})" if difference.ignore_file else " (no ignore file)"
    return ("sends the same" if difference.same else "sends something else") + read


def _samples(difference: Difference) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    here, there = difference.only_here, difference.only_there
    differs, count = difference.content_differs, difference.content_differs_count
    samples = (
        ("-", "not sent", here, difference.only_here_count),
        ("+", "sent in addition", there, difference.only_there_count),
        ("~", "empty in one of them only", differs, count),
    )
    return (sample for sample in samples if sample[3])


def summary(report: Report, look: Look) -> list[Section]:
    """Return the verdict, the figures, the largest directories and files, and the findings."""
    return [
        Section(
            [_verdict(report), conclusion.next_step(report), _figures(report)],
            "Build context",
            more=Name(report.context_path),
        ),
        Section(largest(report, look.top), "The largest", folded=True),
        Section([Findings(report.findings)]),
    ]


def _figures(report: Report) -> Table:
    """Return the sizes: of each context, and of what of it travels."""
    totals = report.context.totals
    least = "at least " if report.lower_bound else ""
    sizes = [("context", totals.content_bytes, totals.files)]
    sizes += _transferred(report.transfers, "transfer")
    for named in report.named_contexts:
        if named.context is not None:
            whole = named.context.totals
            sizes.append((f"context `{named.name}`", whole.content_bytes, whole.files))
        sizes += _transferred(named.transfers, f"transfer of `{named.name}`")
    rows = [
        (f"{least}{human(size)}", f"{size:,}", f"{files:,}", name) for name, size, files in sizes
    ]
    return Table(("size", "bytes", "files", "of"), rows, numbers=3)


def _transferred(found: Sequence[Transfer], name: str) -> list[tuple[str, int, int]]:
    return [
        (f"{name}, {lead[:-2]}" if lead else name, each.content_bytes, each.files)
        for lead, each in transfers.led(found)
    ]


def largest(report: Report, top: int) -> list[Table]:
    """Return the largest directories, with all that they hold, and files."""
    total = report.context.totals.content_bytes
    children = report.context.tree.children
    directories = [
        (
            human(each.content_bytes),
            f"{each.files:,}",
            percent(each.content_bytes / total if total else 0),
            Name(f"{each.path}/"),
        )
        for each in children[:top]
    ]
    more = len(children) - top
    rest = f"and {plural(more, 'more directory')}" if more > 0 else ""
    files = [item for item in breakdowns.files(report, top).items if isinstance(item, Table)]
    return [Table(("size", "files", "%", "directory"), directories, rest, numbers=3), *files]
