"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Location, Severity
from ctxsize.formats import fitting
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    Items,
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
_BRIEF = Fit(3)  # lines of a finding without details

Printed = Iterable[str]  # lines as they are printed


def render(parts: Iterable[ScreenPart], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    blocks = []
    for section in fitting.fitted(parts, look, height):
        lines = _lines(section.items, look)
        if lines and section.title:
            lines.insert(0, look.paint(section.title, section.style))
        if lines:
            block = "\n".join(lines)
            blocks.append(f"{block}\n")
    return "\n".join(blocks)


def height(items: Items, look: Look) -> int:
    """Return the number of lines of `items`."""
    return len(_lines(items, look))


def _lines(items: Items, look: Look) -> list[str]:
    return [line for item in items for line in _item(item, look)]


def _item(item: SectionItem, look: Look) -> Printed:
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


def _prose(prose: Prose, look: Look) -> Printed:
    text = _fitting(prose.text, prose.fit, look.width, look, max(0, prose.hang))
    first, *others = wrapped(text, look.width, prose.hang)
    first = first.replace(prose.mark, look.paint(prose.mark, prose.style), 1)
    return [first, *others]


def _fitting(text: str, fit: Fit | None, width: int, look: Look, hang: int = 0) -> str:
    """Return a text in as many lines as it may have."""
    if fit and not look.full:
        return brief(text, width, fit.of(look), hang)
    return text


def _fact(fact: Fact, look: Look) -> Printed:
    room = look.width - _FACT_INDENT
    text = fact.text
    if fact.short and columns(text) > room:
        text = fact.short
    if fact.path:
        text = fit(fact.path, max(_LEAST_PATH, room - columns(text))) + text
    text = _fitting(text, fact.fit, room, look)
    label = fact.label
    lead = f"  {label}".ljust(_FACT_INDENT)
    return _prose(Prose(lead + text, len(lead), label, "dim"), look)


def _next_step(step: NextStep, look: Look) -> Printed:
    lead = f"{step.label}: "
    width = look.width
    indent = len(lead)
    if not step.command:
        purpose = _fitting(step.purpose, step.fit, width - indent, look)
        return wrapped(lead + purpose, width, indent)
    # A command is one line, however long, so that it can be copied.
    line = lead + look.paint(step.command, "bold")
    purpose = step.purpose
    if columns(f"{lead}{step.command}  {purpose}") <= width:
        return [f"{line}  {purpose}"]
    return [line, *wrapped(" " * indent + purpose, width, indent)]


def _briefly(item: Findings, look: Look) -> Printed:
    """Yield the most severe findings in at most three lines each, or all of them if full."""
    most = item.brief
    if look.is_low and item.brief_on_low:
        most = item.brief_on_low
    findings = sorted(item.findings, key=_by_severity)
    if look.full:
        most = len(findings)
    for finding in findings[:most]:
        where = place(finding)
        message = visible(finding.message)
        text = f"  ! {where}: {message}"
        if "/" in where and where in message.split():
            text = f"  ! {message}"
        yield from _prose(Prose(text, 4, fit=_BRIEF), look)
    rest = more(len(findings) - most)
    if rest:
        yield f"    {rest}; -v lists all"


def _by_severity(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, -(finding.content_bytes or 0)


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
        rows[shown:-2] = [more(len(rows) - 2 - shown, "line")]
        widths[shown:-2] = [0]
    drawn = ""
    for row, used in zip(rows, widths, strict=True):
        drawn += row
        # The cursor is still on the last character of a full row, so nothing is cleared there.
        if not used or used % width:
            drawn += "\x1b[K"
        drawn += "\n"
    return f"\x1b[H{drawn}\x1b[J"


def _table(table: Table, look: Look) -> Printed:
    """Yield the rows, with columns of figures aligned right; names are cut if they are too wide."""
    headers = table.headers
    figures = table.figures
    widths = _widths(table, look.width)
    yield look.paint(_row(headers, widths, figures), "dim")
    for row in table.rows:
        if len(row) < len(headers):
            yield from _dim(row[-1], _NOTE_INDENT, look)
        elif table.prose:
            yield from _with_words(row, widths, figures, look)
        else:
            yield _row(row, widths, figures)
    if table.rest:
        yield from _dim(table.rest, 2, look)


def _widths(table: Table, width: int) -> list[int]:
    """Return the widths of the columns of a table; those of figures are never cut."""
    headers = table.headers
    figures = table.figures
    whole = [row for row in table.rows if len(row) == len(headers)]
    columns_of_cells = zip(headers, *whole, strict=True)
    widths = [max(map(columns, cells)) for cells in columns_of_cells]
    room = max(_NARROWEST_NAME, width - _indent(widths[:figures]))
    last = widths[-1]
    if table.names + table.prose == 2:
        name = widths[figures]
        both = room - 2
        least = both // 2
        if table.prose:
            least = both - _NARROW_NAME
        last = min(last, max(least, both - name, _NARROWEST_NAME))
        widths[figures] = min(name, both - last)
    widths[-1] = min(last, room)
    return widths


def _indent(widths: Iterable[int]) -> int:
    """Return the number of columns before the one that follows columns of these widths."""
    return 2 + sum(width + 2 for width in widths)


def _dim(text: str, indent: int, look: Look) -> Printed:
    """Yield the lines of a text in the dim style, each with an indent."""
    blanks = " " * indent
    for line in wrapped(blanks + text, look.width, indent):
        yield look.paint(line, "dim")


def _with_words(row: Sequence[str], widths: Sequence[int], figures: int, look: Look) -> Printed:
    """Yield a row, with its last cell wrapped."""
    *cells, words = row
    *widths, width = widths
    lead = _row(cells, widths, figures)
    indent = _indent(widths)
    for line in wrapped(words, width, 0):
        text = _padded(lead, indent) + look.paint(line, "dim")
        yield text.rstrip()
        lead = ""


def _row(cells: Sequence[str], widths: Sequence[int], figures: int) -> str:
    """Return a row, whose first `figures` cells are aligned right and never cut."""
    padded = [""]
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if index < figures:
            padded.append(" " * (width - columns(cell)) + cell)
        else:
            padded.append(_padded(fit(cell, width), width))
    return "  ".join(padded).rstrip()


def _padded(text: str, width: int) -> str:
    """Return a text with blanks after it."""
    return text + " " * (width - columns(text))


def _findings(item: Findings, look: Look) -> Printed:
    """Yield each finding below its head line, then a summary; head lines alone if quiet."""
    findings = item.findings
    hang = 4
    if look.quiet:
        hang = -1
    explained = set()
    for finding in findings:
        code = finding.code
        style = _STYLES[finding.severity]
        mark = f"{finding.severity.value} {code}"
        head = f"{place(finding)} {mark} {visible(finding.message)}"
        yield from _prose(Prose(head, hang, mark, style), look)
        if look.quiet:
            continue
        yield from _excerpts(finding, look, style)
        if code not in explained and code_of(code).reason:
            yield from _labelled("why:", code_of(code).reason, look)
        yield from _below(finding, look)
        yield ""
        explained.add(code)
    if not look.quiet and (findings or item.fixed):
        yield from wrapped(summary(findings, item.fixed), look.width, 4)


def _below(finding: Finding, look: Look) -> Printed:
    """Yield the evidence, and what to do: if there is a fix, that alone."""
    most = len(finding.evidence)
    few = _EVIDENCE
    if finding.shared:
        few = EVIDENCE
    if most > few and not look.full:
        most = few - 1
    has_fix = bool(finding.fix) and not look.full
    for label, text in details(finding, most):
        if label != "help:" or not has_fix:
            yield from _labelled(label, text, look)


def _labelled(label: str, text: str, look: Look) -> Printed:
    """Return a line about a finding; that of its evidence has a dash."""
    sign = label
    if label == "|":
        sign = "-"
    lead = f"    {sign} "
    return _prose(Prose(lead + visible(text), len(lead), label, "blue"), look)


def _excerpts(finding: Finding, look: Look, style: str) -> Printed:
    """Yield the line of a finding with its number and carets; if full, its other lines too."""
    locations = [finding.location]
    if look.full:
        locations += finding.more_locations
    digits = max(len(str(location.line)) for location in locations)
    for location in locations:
        if location.text and location.text.strip():
            gutter = f"    {location.line:>{digits}} | "
            line, carets = _excerpt(location, location.text, gutter, style, look)
            yield line
            if location is finding.location:
                yield carets


def _excerpt(location: Location, text: str, gutter: str, style: str, look: Look) -> Printed:
    """Yield a line, and carets below it; without columns of a finding, all of it is marked."""
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip(" \\"))
    if location.column and location.end_column:
        start = location.column - 1
        end = location.end_column - 1
    head = visible(text[:start])
    body = visible(text[start:])
    room = look.width - len(gutter)
    room_of_head = max(room // 3, room - columns(body))
    head = cut(head[::-1], room_of_head)[::-1]
    width_of_head = columns(head)
    body = cut(body, room - width_of_head)
    yield look.paint(gutter, "blue") + head + body
    below = look.paint("| ".rjust(len(gutter)), "blue")
    marked = visible(text[start:end])
    width = min(columns(marked), columns(body))
    carets = "^" * max(1, width)
    yield below + " " * width_of_head + look.paint(carets, style)
