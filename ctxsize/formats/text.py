"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Location
from ctxsize.formats import Look, sections
from ctxsize.formats.wording import (
    SEVERITY_STYLES,
    columns,
    cut,
    details,
    fit,
    more,
    place,
    summary,
    visible,
)

_NARROWEST_NAME = 8
_LABEL_WIDTH = 13
_BRIEF, _EVIDENCE = 10, 2
"""Numbers of findings to show of a report, and of lines of evidence below one."""


def render(parts: Iterable[sections.Section], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    shown = (_section(each, look) for each in parts)
    return "\n".join("\n".join(lines) + "\n" for lines in shown if lines)


def _section(section: sections.Section, look: Look) -> list[str]:
    lines = [line for item in section.items for line in _item(item, look)]
    head = [look.paint(section.title, "bold")] if section.title and lines else []
    return head + lines


def _item(item: sections.Item, look: Look) -> Iterable[str]:
    match item:
        case sections.Prose(line, hang, mark, style):
            first, *others = _wrapped(line, look, hang)
            return [first.replace(mark, look.paint(mark, style), 1), *others]
        case sections.Fact(label, text):
            lead = f"  {label:<{_LABEL_WIDTH}}"
            return _item(sections.Prose(lead + text, len(lead), label, "dim"), look)
        case sections.NextStep("", purpose, label):
            return _wrapped(f"{label}: {purpose}", look, len(label) + 2)
        case sections.NextStep(command, purpose, label):
            # A command is one line, however long, so that it can be copied.
            shown = f"{label}: {look.paint(command, 'bold')}"
            if columns(f"{label}: {command}  {purpose}") <= look.width:
                return [f"{shown}  {purpose}"]
            indent = len(label) + 2
            return [shown, *_wrapped(" " * indent + purpose, look, indent)]
        case sections.Table():
            return _table(item, look) if item.rows else []
        case sections.Findings():
            return _brief(item.findings, look) if item.brief else _findings(item, look)


def _wrapped(text: str, look: Look, hang: int) -> list[str]:
    """Wrap `text`, with `hang` blanks before each line except the first; not at all if negative."""
    if hang < 0:
        return [text]
    wrapper = textwrap.TextWrapper(look.width, "", " " * hang, break_long_words=False)
    wrapper.break_on_hyphens = False
    return wrapper.wrap(text) or [text]


def _table(table: sections.Table, look: Look) -> Iterator[str]:
    """Yield the rows, with all columns aligned right except the last."""
    whole = [row for row in table.rows if len(row) == len(table.headers)]
    widths = [max(map(columns, cells)) for cells in zip(table.headers, *whole, strict=True)][:-1]
    indent = 2 + sum(width + 2 for width in widths)
    room = max(_NARROWEST_NAME, look.width - indent)
    yield look.paint(_row(table.headers[:-1], widths, table.headers[-1]), "dim")
    for *cells, last in table.rows:
        if len(cells) == len(widths):
            yield _row(cells, widths, fit(last, room))
        else:
            for each in textwrap.wrap(last, room - 4):
                yield " " * (indent + 4) + look.paint(each, "dim")
    if table.rest:
        yield look.paint(f"  {table.rest}", "dim")


def _row(cells: Sequence[str], widths: Sequence[int], last: str) -> str:
    right = (
        " " * (width - columns(cell)) + cell for cell, width in zip(cells, widths, strict=True)
    )
    return "  ".join(["", *right, last]).rstrip()


def _brief(findings: Sequence[Finding], look: Look) -> Iterator[str]:
    """Yield a line for each finding, the most severe first, at most `_BRIEF`."""
    shown = sorted(findings, key=lambda each: each.severity.rank)
    for each in shown if look.full else shown[:_BRIEF]:
        yield from _wrapped(f"  ! {place(each)}: {visible(each.message)}", look, 4)
    if not look.full and (left := more(len(findings) - _BRIEF)):
        yield f"    {left}; -v lists all"


def _findings(item: sections.Findings, look: Look) -> Iterator[str]:
    """Yield each finding below its head line, then a summary; head lines alone if quiet."""
    explained = set[str]()
    for each in item.findings:
        severity = f"{each.severity.value} {each.code}"
        head = f"{place(each)} {severity} {visible(each.message)}"
        style, hang = SEVERITY_STYLES[each.severity], -1 if look.quiet else 4
        yield from _item(sections.Prose(head, hang, severity, style), look)
        if look.quiet:
            continue
        if item.at_length or look.full:
            yield from _excerpts(each, look, style)
        reason = code_of(each.code).reason if item.at_length and each.code not in explained else ""
        explained.add(each.code)
        yield from _below(each, look, reason, at_length=item.at_length)
    if not look.quiet and (item.findings or item.fixed):
        yield from _wrapped(summary(item.findings, item.fixed), look, 4)


def _below(finding: Finding, look: Look, reason: str, *, at_length: bool) -> Iterator[str]:
    """Yield the reason, the evidence, and what to do: if there is a fix, that alone."""
    most = len(finding.evidence)
    if not look.full:
        most = (most if most <= _EVIDENCE else _EVIDENCE - 1) if at_length else 0
    for label, text in (*([("why:", reason)] if reason else []), *details(finding, most)):
        if look.full or finding.fix is None or label != "help:":
            lead = f"    {'-' if label == '|' else label} "
            yield from _item(sections.Prose(lead + visible(text), len(lead), label, "blue"), look)
    if at_length:
        yield ""


def _excerpts(finding: Finding, look: Look, style: str) -> Iterator[str]:
    """Yield the line of a finding with its number and carets; if full, its other lines too."""
    places = [finding.location, *(finding.more_locations if look.full else ())]
    digits = max(len(str(each.line)) for each in places)
    for each in places:
        if each.text and each.text.strip():
            gutter = f"    {each.line:>{digits}} | "
            head, marks, tail = _around(each, each.text, look.width - len(gutter))
            yield look.paint(gutter, "blue") + head + marks + tail
            if each is finding.location:
                gutter = look.paint(f"{'':{digits + 4}} | ", "blue")
                yield gutter + " " * columns(head) + look.paint("^" * columns(marks), style)


def _around(location: Location, text: str, room: int) -> tuple[str, str, str]:
    """Return what is before, at and after a location in its line, cut to `room` columns."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip(" \\"))
    if location.column is not None and location.end_column is not None:
        start, end = location.column - 1, location.end_column - 1
    head, marks, tail = map(visible, (text[:start], text[start:end], text[end:]))
    head = cut(head[::-1], max(room // 3, room - columns(marks + tail)))[::-1]
    marks = cut(marks, room - columns(head))
    return head, marks, cut(tail, room - columns(head + marks))
