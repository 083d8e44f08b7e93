"""Text for a person at a terminal: sections no wider than it, with colours where it has some."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ctxsize.findings import Finding, Severity
from ctxsize.formats import Look
from ctxsize.formats.finding_text import EVIDENCE, fix_text, place, summary
from ctxsize.formats.names import columns, fit, quoted, visible
from ctxsize.formats.sections import (
    Answer,
    Card,
    Findings,
    Item,
    Name,
    NextStep,
    Prose,
    Section,
    SizeTree,
    Table,
)

SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}
_NARROWEST_NAME = 8
_NARROWEST_HEAD = 12


def render(sections: Iterable[Section], look: Look) -> str:
    """Return `sections` with a blank line between each two."""
    shown = (_section(each, look) for each in sections if each.items)
    return "\n".join("\n".join(lines) + "\n" for lines in shown if lines)


def _section(section: Section, look: Look) -> list[str]:
    lines = [look.paint(section.title, section.style) + section.more] if section.title else []
    before: Item | None = None
    for item in section.items:
        if isinstance(item, Card) and isinstance(before, Card):
            lines.append("")
        lines += _item(item, look)
        before = item
    return lines


def _item(item: Item, look: Look) -> Iterable[str]:
    match item:
        case Prose():
            return _line(item, look)
        case Answer():
            text = f"{item.label}: {item.sentence}"
            return _line(Prose(text, 0, ((f"{item.label}:", item.style),)), look)
        case NextStep():
            return _step(item, look)
        case Card():
            return _entry(item, look)
        case Table():
            return _table(item, look)
        case Findings():
            return _findings(item, look)
        case SizeTree():
            from ctxsize.formats import size_tree

            return size_tree.lines(item.root, look, limit=item.limit)


def _line(line: Prose, look: Look) -> list[str]:
    lines = [line.text] if line.whole else _wrapped(line.text, look, line.hang)
    if not look.colour:
        return lines
    if line.style:
        return [look.paint(each, line.style) for each in lines]
    return [_marked(lines[0], line.marks, look), *lines[1:]]


def _marked(line: str, marks: Sequence[tuple[str, str]], look: Look) -> str:
    """Return `line` with each mark painted where it first occurs behind the one before."""
    at = 0
    for part, style in marks:
        start = line.find(part, at)
        if start >= 0:
            shown = look.paint(part, style) if style else part
            line = line[:start] + shown + line[start + len(part) :]
            at = start + len(shown)
    return line


def _wrapped(text: str, look: Look, hang: int, *, lead: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        look.width,
        subsequent_indent=lead or " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [text]


def _step(step: NextStep, look: Look) -> list[str]:
    label = f"{step.label}: "
    if not step.command:
        return _wrapped(label + step.purpose, look, len(label))
    # A command is one line, however long, so that it can be copied.
    shown = label + look.paint(step.command, "bold")
    if columns(f"{label}{step.command}  {step.purpose}") <= look.width:
        return [f"{shown}  {step.purpose}"]
    return [shown, *_wrapped(" " * len(label) + step.purpose, look, len(label))]


def _entry(entry: Card, look: Look) -> Iterator[str]:
    room = look.width - 4 - columns(entry.figures)
    head = fit(entry.head, max(_NARROWEST_HEAD, room))
    gap = " " * max(2, look.width - 2 - columns(head) - columns(entry.figures))
    yield f"  {look.paint(head, 'bold')}{gap}{entry.figures}".rstrip()
    for text in entry.texts:
        yield from _wrapped(f"    {text}", look, 6)


def _table(table: Table, look: Look) -> Iterator[str]:
    """Yield the rows, all columns to the right but the last.

    Written out, as tabulate takes longer to import than a small context to measure.
    """
    whole = [row for row in table.rows if len(row) == len(table.headers)]
    widths = [max(map(columns, cells)) for cells in zip(table.headers, *whole, strict=True)][:-1]
    room = max(_NARROWEST_NAME, look.width - 2 - sum(width + 2 for width in widths))
    yield look.paint(_row(table.headers, widths, table.headers[-1]), "dim")
    for row in table.rows:
        name = quoted(row[-1]) if isinstance(row[-1], Name) else row[-1]
        if len(row) == len(table.headers):
            yield _row(row, widths, fit(name, room))
        else:
            blanks = [""] * (len(widths) + 1)
            notes = textwrap.wrap(name, room, initial_indent="    ", subsequent_indent="    ")
            yield from (look.paint(_row(blanks, widths, each), "dim") for each in notes)
    if table.rest:
        yield look.paint(f"  {table.rest}", "dim")


def _row(row: Sequence[str], widths: Sequence[int], name: str) -> str:
    numbers = zip(row[:-1], widths, strict=True)
    cells = [" " * (width - columns(cell)) + cell for cell, width in numbers]
    return "  ".join(["", *cells, name]).rstrip()


def _findings(item: Findings, look: Look) -> Iterator[str]:
    """Yield findings, with a blank line between files, and their number at the end."""
    for at, (_, group) in enumerate(groupby(item.findings, lambda each: each.location.path)):
        yield from [""] * bool(at)
        for finding in group:
            yield from _finding(finding, look)
    if item.findings and item.counted:
        yield from ("", summary(item.findings))


def _finding(finding: Finding, look: Look) -> Iterator[str]:
    where, severity = place(finding), finding.severity.value
    head = f"{where} {severity} {finding.code} {visible(finding.message)}"
    marks = ((where, ""), (severity, SEVERITY_STYLES[finding.severity]))
    yield from _line(Prose(head, 4, marks), look)
    for each in finding.evidence[:EVIDENCE]:
        yield from _wrapped(f"    | {visible(each)}", look, 0, lead="    |   ")
    if len(finding.evidence) > EVIDENCE:
        yield f"    | and {len(finding.evidence) - EVIDENCE:,} more"
    if finding.help:
        yield from _wrapped(f"    help: {visible(finding.help)}", look, 10)
    if finding.fix is not None:
        unsure = "" if finding.fix.certain else " (unsafe: review first)"
        text = visible(fix_text(finding.fix, finding.evidence))
        yield from _wrapped(f"    fix: {text}{unsure}", look, 9)
