"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Location, Severity
from ctxsize.formats import fitting
from ctxsize.formats.sections import (
    Fact,
    Findings,
    NextStep,
    Prose,
    ScreenPart,
    SectionItem,
    Table,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import EVIDENCE, details, fit, more, place, summary, visible
from ctxsize.formats.wrapping import brief, wrapped
from ctxsize.units import columns, cut

_FACT_INDENT = 15  # number of columns before the text of a fact
_LEAST_PATH = 20  # number of columns that a path before a text has at least
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}
_NARROWEST_NAME = 8
_NARROW_NAME = 24
_NOTE_INDENT = 6
_EVIDENCE = 2  # number of lines of evidence below a finding that is no group


class _Excerpt(NamedTuple):
    """A line of a file as it is shown: before and from the column of a finding."""

    head: str
    body: str
    marked: int  # number of columns of `body` that carets mark


def render(parts: Iterable[ScreenPart], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    blocks = []
    for section in fitting.fitted(parts, look, height):
        lines = [line for item in section.items for line in _item(item, look)]
        if lines and section.title:
            title = look.paint(section.title, section.style)
            lines.insert(0, title)
        if lines:
            lines.append("")
            block = "\n".join(lines)
            blocks.append(block)
    return "\n".join(blocks)


def height(items: Iterable[SectionItem], look: Look) -> int:
    """Return the number of lines of `items`."""
    lines = 0
    for item in items:
        drawn = [*_item(item, look)]
        lines += len(drawn)
    return lines


def _item(item: SectionItem, look: Look) -> Iterable[str]:
    match item:
        case Prose():
            return _prose(item, look)
        case Fact():
            return _fact(item, look)
        case NextStep():
            return _next_step(item, look)
        case Table() if item.rows:
            return _table(item, look)
        case Findings() if item.brief:
            return _briefly(item, look)
        case Findings():
            return _findings(item, look)
    return []


def _prose(prose: Prose, look: Look) -> list[str]:
    text = prose.text
    if prose.fit and not look.full:
        hang = max(0, prose.hang)
        most = prose.fit.of(look)
        text = brief(text, look.width, most, hang)
    lines = wrapped(text, look.width, prose.hang)
    mark = look.paint(prose.mark, prose.style)
    lines[0] = lines[0].replace(prose.mark, mark, 1)
    return lines


def _fact(fact: Fact, look: Look) -> list[str]:
    room = look.width - _FACT_INDENT
    text = fact.text
    if fact.short and columns(text) > room:
        text = fact.short
    if fact.path:
        left = room - columns(text)
        left = max(_LEAST_PATH, left)
        text = fit(fact.path, left) + text
    if fact.fit and not look.full:
        most = fact.fit.of(look)
        text = brief(text, room, most)
    lead = f"  {fact.label}".ljust(_FACT_INDENT)
    return _after(lead, text, fact.label, "dim", look)


def _after(lead: str, text: str, mark: str, style: str, look: Look) -> list[str]:
    """Return a text after `lead`, which its further lines leave blank."""
    prose = Prose(lead + text, len(lead), mark, style)
    return _prose(prose, look)


def _next_step(step: NextStep, look: Look) -> list[str]:
    lead = f"{step.label}: "
    purpose = step.purpose
    indent = len(lead)
    if not step.command:
        if step.fit and not look.full:
            room = look.width - indent
            most = step.fit.of(look)
            purpose = brief(purpose, room, most)
        return wrapped(lead + purpose, look.width, indent)
    # A command is one line, however long, so that it can be copied.
    line = lead + look.paint(step.command, "bold")
    if columns(f"{lead}{step.command}  {purpose}") <= look.width:
        return [f"{line}  {purpose}"]
    blanks = " " * indent
    below = wrapped(blanks + purpose, look.width, indent)
    return [line, *below]


def _briefly(item: Findings, look: Look) -> Iterator[str]:
    """Yield the most severe findings in at most three lines each, or all of them if full."""
    findings = sorted(item.findings, key=_by_severity)
    if look.full:
        most = len(findings)
    elif look.is_low:
        most = item.brief_on_low or item.brief
    else:
        most = item.brief
    for finding in findings[:most]:
        where = place(finding)
        message = visible(finding.message)
        text = f"  ! {where}: {message}"
        if "/" in where and where in message.split():
            text = f"  ! {message}"
        if not look.full:
            text = brief(text, look.width, 3, 4)
        yield from wrapped(text, look.width, 4)
    rest = more(len(findings) - most)
    if rest:
        yield f"    {rest}; -v lists all"


def _by_severity(finding: Finding) -> tuple[int, int]:
    size = finding.content_bytes or 0
    return finding.severity.rank, -size


def screen(text: str, width: int, height: int) -> str:
    """Return `text` as it replaces a screen, row by row, which does not flicker.

    Of a longer text, `height` rows remain: the first ones, and the last two.
    """
    rows = text.removesuffix("\n").split("\n")
    widths = [columns(re.sub(r"\x1b\[[0-9;]*m", "", row)) for row in rows]
    heights = [max(1, -(-used // width)) for used in widths]
    if sum(heights) > height:
        room = height - 1 - sum(heights[-2:])
        ends = accumulate(heights[:-2])
        shown = sum(end <= room for end in ends)
        left = len(rows) - 2 - shown
        note = more(left, "line")
        rows[shown:-2] = [note]
        widths[shown:-2] = [0]
    drawn = []
    for row, used in zip(rows, widths, strict=True):
        if used and used % width == 0:
            # The cursor is still on the last character of a full row, so nothing is cleared there.
            drawn.append(f"{row}\n")
        else:
            drawn.append(f"{row}\x1b[K\n")
    return f"\x1b[H{''.join(drawn)}\x1b[J"


def _table(table: Table, look: Look) -> Iterator[str]:
    """Yield the rows, with columns of figures aligned right; names are cut if they are too wide."""
    figures = len(table.headers) - table.names - table.prose
    widths = _widths(table, figures, look.width)
    head = _row(table.headers, widths, figures)
    yield look.paint(head, "dim")
    for row in table.rows:
        if len(row) < len(widths):
            note = " " * _NOTE_INDENT + row[-1]
            lines = wrapped(note, look.width, _NOTE_INDENT)
            yield from _dim(lines, look)
        elif table.prose:
            yield from _with_words(row, widths, figures, look)
        else:
            yield _row(row, widths, figures)
    if table.rest:
        rest = wrapped(f"  {table.rest}", look.width, 2)
        yield from _dim(rest, look)


def _widths(table: Table, figures: int, width: int) -> list[int]:
    """Return the widths of the columns of a table; the first `figures` are never cut."""
    count = len(table.headers)
    whole = [row for row in table.rows if len(row) == count]
    columns_of_cells = zip(table.headers, *whole, strict=True)
    widths = [max(map(columns, cells)) for cells in columns_of_cells]
    indent = _indent(widths[:figures])
    room = width - indent
    room = max(_NARROWEST_NAME, room)
    last = widths[-1]
    if table.names + table.prose == 2:
        name = widths[figures]
        both = room - 2
        if table.prose:
            least = both - _NARROW_NAME
        else:
            least = both // 2
        most = max(least, both - name, _NARROWEST_NAME)
        last = min(last, most)
        widths[figures] = min(name, both - last)
    widths[-1] = min(last, room)
    return widths


def _indent(widths: Iterable[int]) -> int:
    """Return the number of columns before the one that follows columns of these widths."""
    return 2 + sum(width + 2 for width in widths)


def _dim(lines: Iterable[str], look: Look) -> Iterator[str]:
    for line in lines:
        yield look.paint(line, "dim")


def _with_words(
    row: Sequence[str], widths: Sequence[int], figures: int, look: Look
) -> Iterator[str]:
    """Yield a row, with its last cell wrapped."""
    lead = _row(row[:-1], widths[:-1], figures)
    indent = _indent(widths[:-1])
    for line in wrapped(row[-1], widths[-1], 0):
        blanks = " " * (indent - columns(lead))
        words = look.paint(line, "dim")
        text = lead + blanks + words
        yield text.rstrip()
        lead = ""


def _row(cells: Sequence[str], widths: Sequence[int], figures: int) -> str:
    """Return a row, whose first `figures` cells are aligned right and never cut."""
    padded = [""]
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if index < figures:
            blanks = " " * (width - columns(cell))
            padded.append(blanks + cell)
        else:
            name = fit(cell, width)
            blanks = " " * (width - columns(name))
            padded.append(name + blanks)
    return "  ".join(padded).rstrip()


def _findings(item: Findings, look: Look) -> Iterator[str]:
    """Yield each finding below its head line, then a summary; head lines alone if quiet."""
    explained = set[str]()
    for finding in item.findings:
        style = _STYLES[finding.severity]
        severity = f"{finding.severity.value} {finding.code}"
        head = f"{place(finding)} {severity} {visible(finding.message)}"
        if look.quiet:
            yield from _prose(Prose(head, -1, severity, style), look)
            continue
        yield from _prose(Prose(head, 4, severity, style), look)
        yield from _excerpts(finding, look, style)
        if finding.code not in explained:
            reason = code_of(finding.code).reason
            if reason:
                yield from _labelled("why:", reason, look)
        yield from _below(finding, look)
        yield ""
        explained.add(finding.code)
    if not look.quiet and (item.findings or item.fixed):
        text = summary(item.findings, item.fixed)
        yield from wrapped(text, look.width, 4)


def _below(finding: Finding, look: Look) -> Iterator[str]:
    """Yield the evidence, and what to do: if there is a fix, that alone."""
    most = len(finding.evidence)
    few = _EVIDENCE
    if finding.shared:
        few = EVIDENCE
    if most > few and not look.full:
        most = few - 1
    for label, text in details(finding, most):
        if look.full or finding.fix is None or label != "help:":
            yield from _labelled(label, text, look)


def _labelled(label: str, text: str, look: Look) -> list[str]:
    """Return a line about a finding; that of its evidence has a dash."""
    sign = label
    if label == "|":
        sign = "-"
    return _after(f"    {sign} ", visible(text), label, "blue", look)


def _excerpts(finding: Finding, look: Look, style: str) -> Iterator[str]:
    """Yield the line of a finding with its number and carets; if full, its other lines too."""
    locations = [finding.location]
    if look.full:
        locations += finding.more_locations
    numbers = [str(location.line) for location in locations]
    digits = max(map(len, numbers))
    for location in locations:
        if location.text and location.text.strip():
            gutter = f"    {location.line:>{digits}} | "
            excerpt = _excerpt(location, location.text, look.width - len(gutter))
            shown = excerpt.head + excerpt.body
            yield look.paint(gutter, "blue") + shown
            if location is finding.location:
                gutter = look.paint(f"{'':{digits + 4}} | ", "blue")
                blanks = " " * columns(excerpt.head)
                carets = look.paint("^" * excerpt.marked, style)
                yield gutter + blanks + carets


def _excerpt(location: Location, text: str, room: int) -> _Excerpt:
    """Return a line cut to `room` columns; without columns of a finding, all of it is marked."""
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip(" \\"))
    if location.column is not None and location.end_column is not None:
        start = location.column - 1
        end = location.end_column - 1
    head = visible(text[:start])
    body = visible(text[start:])
    room_of_head = max(room // 3, room - columns(body))
    head = cut(head[::-1], room_of_head)[::-1]
    body = cut(body, room - columns(head))
    marked = visible(text[start:end])
    width = min(columns(marked), columns(body))
    return _Excerpt(head, body, max(1, width))
