"""A report for a person: first what to think of it and what to do, then where it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import columns, quoted, visible
from ctxsize.formats.text import advice, size_tree, tables, transfers
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.transfers import NO_FILE
from ctxsize.formats.verdict import Concern, level
from ctxsize.model import Difference, Ignored, NamedContext, Problem, Report

_LABEL = 15
_PROBLEMS = 3
"""How many problems of one kind are shown."""


def render(report: Report, look: Look, *, refused: bool = False) -> str:
    """`report` as text no wider than `look.width`; only one table of it if `look.only`.

    `check` may have `refused` it.
    """
    sections = [_verdict(report, look, level(report, refused=refused))]
    if look.only is not None:
        makers = tables.TABLES[look.only]
        sections += [_table(maker(report, look.top), look) for maker in makers]
        sections.append(_problems(report, look))
    else:
        sections += _whole(report, look)
    return "\n".join("\n".join(section) + "\n" for section in sections if section)


def _whole(report: Report, look: Look) -> list[list[str]]:
    """The sections of the whole report."""
    makers = [tables.files, tables.directories, tables.extensions]
    if any(not each.everything for each in report.transfers):
        makers.insert(0, tables.sources)
    if report.context.ignored.by_pattern:
        makers.insert(0, tables.saved)
    return [
        _facts(report, look),
        *(_named(report, each, look) for each in report.named_contexts),
        _problems(report, look),
        _tree(report, look),
        *(_table(maker(report, look.top), look) for maker in makers),
        _differences(report, look),
    ]


def _verdict(report: Report, look: Look, concern: Concern) -> list[str]:
    label = f"{concern.title}:"
    command, purpose = advice.next_step(report)
    first = wrapped(f"{label} {advice.verdict(report)}", look, indent="")
    first[0] = look.paint(label, concern.style) + first[0].removeprefix(label)
    if not command:
        return first + wrapped(f"Next: {purpose}", look, indent="      ")
    # A command is one line, however long, so that it can be copied.
    step = f"Next: {look.paint(command, 'bold')}"
    if columns(f"Next: {command}  {purpose}") <= look.width:
        return [*first, f"{step}  {purpose}"]
    return [*first, step, *wrapped(f"      {purpose}", look, indent="      ")]


def _facts(report: Report, look: Look) -> list[str]:
    facts = [
        ("Context", quoted(report.context_path)),
        ("Dockerfile", _dockerfile(report)),
        ("Ignore file", transfers.ignore_file(report.ignore_file)),
        (
            "Context size" if report.transfer or report.failing else "Sent",
            transfers.size(report, report.context),
        ),
        *transfers.facts(report, look),
        *([("Assumed", text)] if (text := _assumed(report)) else []),
        ("Ignored", _ignored(report.context.ignored, report)),
    ]
    return [line for label, text in facts for line in _fact(label, text, look)]


def _dockerfile(report: Report) -> str:
    if report.dockerfile is None:
        return "none found"
    return "from stdin" if report.dockerfile == "-" else quoted(report.dockerfile)


def _named(report: Report, context: NamedContext, look: Look) -> list[str]:
    facts = transfers.named(report, context, look)
    title = look.paint(f"Named context {visible(context.name)}", "bold")
    return [title, *(line for label, text in facts for line in _fact(label, text, look))]


def _fact(label: str, text: str, look: Look) -> list[str]:
    lines = wrapped(f"  {label:<{_LABEL - 2}}{text}", look, indent=" " * _LABEL)
    lines[0] = lines[0].replace(label, look.paint(label, "dim"), 1)
    return [line.replace(NO_FILE, look.paint(NO_FILE, "yellow")) for line in lines]


def _assumed(report: Report) -> str:
    """What the transfer takes for granted, as far as it can matter."""
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
        return f"{units.human(totals.content_bytes)} in {transfers.counts(totals)}"
    if not ignored.unopened:
        return transfers.counts(totals)
    unopened = plural(ignored.unopened, "directory")
    return f"at least {transfers.counts(totals)} ({unopened} not opened)"


def _tree(report: Report, look: Look) -> list[str]:
    tree, count = report.context.tree, report.context.totals.directories
    if not tree.children:
        return []
    title = look.paint("Size tree", "bold")
    limit = 2 * look.top + 1
    return [f"{title}, of {plural(count, 'directory')}", *size_tree.lines(tree, look, limit=limit)]


def _table(table: tables.Table, look: Look) -> list[str]:
    if not table.rows and not table.rest:
        return [f"{look.paint(table.title, 'bold')}: none"] if look.only else []
    return tables.lines(table, look)


def _problems(report: Report, look: Look) -> list[str]:
    suspicious = _listed("Suspicious", "yellow", report.suspicious, look)
    return suspicious + _listed("Worth knowing", "bold", report.notes, look)


def _listed(title: str, style: str, problems: Iterable[Problem], look: Look) -> list[str]:
    """Problems under a title, those of one kind together; nothing where there are none."""
    lines: list[str] = []
    ordered = sorted(problems, key=lambda problem: problem.code)
    for code, group in groupby(ordered, key=lambda problem: problem.code):
        alike = list(group)
        for problem in alike[:_PROBLEMS]:
            lines += wrapped(f"  ! {_problem(problem)}", look, indent="    ")
        if len(alike) > _PROBLEMS:
            lines.append(f"    and {len(alike) - _PROBLEMS:,} more of the same ({code})")
    return [look.paint(title, style), *lines] if lines else []


def _problem(problem: Problem) -> str:
    where = "" if problem.path is None else quoted(problem.path)
    if problem.line is not None:
        where += f":{problem.line}"
    if problem.count > 1:
        return f"{visible(problem.message)}; the first is {where}"
    return f"{where}: {visible(problem.message)}" if where else visible(problem.message)


def _differences(report: Report, look: Look) -> list[str]:
    if not report.differences:
        return []
    lines = [look.paint(f"Other builders, compared with {report.builder}", "bold")]
    for difference in report.differences:
        lines += wrapped(f"  {difference.builder:<{_LABEL - 2}}{_said(difference)}", look)
        for sign, word, paths, count in _samples(difference):
            names = ", ".join(map(quoted, paths)) + (", …" if count > len(paths) else "")
            lines += wrapped(f"{' ' * _LABEL}{sign} {count:,} {word}: {names}", look)
    return lines


def _said(difference: Difference) -> str:
    if difference.error is not None:
        return f"the build fails: {visible(difference.error)}"
    read = f" ({quoted(difference.ignore_file)})" if difference.ignore_file else " (no ignore file)"
    return ("sends the same" if difference.same else "sends something else") + read


def _samples(difference: Difference) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    samples = (
        ("-", "not sent", difference.only_here, difference.only_here_count),
        ("+", "sent in addition", difference.only_there, difference.only_there_count),
        (
            "~",
            "empty in one of them only",
            difference.content_differs,
            difference.content_differs_count,
        ),
    )
    return (sample for sample in samples if sample[3])


def wrapped(text: str, look: Look, *, indent: str = " " * (_LABEL + 2)) -> list[str]:
    """`text` in lines no wider than the look; a word that is wider is cut."""
    lead = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        text,
        look.width,
        drop_whitespace=True,
        initial_indent="",
        subsequent_indent=indent,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return lines or [lead]
