"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Location, Severity
from ctxsize.formats import Look, sections
from ctxsize.formats.wording import EVIDENCE, clipped, details, fit, more, place, summary, visible
from ctxsize.units import columns, cut

FACT_INDENT = 15  # number of columns before the text of a fact
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}
_PAD = "\ue000"
_NARROWEST_NAME = 8
_NARROW_NAME = 24
_NOTE_INDENT = 6
_EVIDENCE = 2  # number of lines of evidence below a finding that is no group


def render(parts: Iterable[sections.Section], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    blocks = []
    for each in parts:
        lines = [line for item in each.items for line in _item(item, look)]
        if each.title and lines:
            head = [look.paint(each.title, each.style)]
        else:
            head = []
        if lines:
            blocks += ["\n".join([*head, *lines, ""])]
    return "\n".join(blocks)


def _item(item: sections.Item, look: Look) -> Iterable[str]:
    match item:
        case sections.Prose(line, hang, mark, style):
            first, *others = wrapped(line, look.width, hang)
            return [first.replace(mark, look.paint(mark, style), 1), *others]
        case sections.Fact(label, text):
            lead = f"  {label}".ljust(FACT_INDENT)
            return _item(sections.Prose(lead + text, len(lead), label, "dim"), look)
        case sections.NextStep("", purpose, label):
            return wrapped(f"{label}: {purpose}", look.width, len(label) + 2)
        case sections.NextStep(command, purpose, label):
            # A command is one line, however long, so that it can be copied.
            shown = f"{label}: {look.paint(command, 'bold')}"
            if columns(f"{label}: {command}  {purpose}") <= look.width:
                return [f"{shown}  {purpose}"]
            indent = len(label) + 2
            return [shown, *wrapped(" " * indent + purpose, look.width, indent)]
        case sections.Table():
            if item.rows:
                return _table(item, look)
            return []
        case sections.Findings():
            if item.brief:
                return _briefly(item, look)
            return _findings(item, look)


def height(items: Iterable[sections.Item], look: Look) -> int:
    """Return the number of lines of `items`."""
    return sum(len([*_item(item, look)]) for item in items)


def _briefly(item: sections.Findings, look: Look) -> Iterator[str]:
    """Yield the most severe findings in at most three lines each, or all of them if full."""
    shown = sorted(item.findings, key=lambda e: (e.severity.rank, -(e.content_bytes or 0)))
    for each in shown[: None if look.full else item.brief]:
        where = place(each)
        message = visible(each.message)
        is_said = "/" in where and where in message.split()
        if is_said:
            text = f"  ! {message}"
        else:
            text = f"  ! {where}: {message}"
        if look.full:
            short = text
        else:
            short = brief(text, look.width, 3, 4)
        yield from wrapped(short, look.width, 4)
    if rest := "" if look.full else more(len(shown) - item.brief):
        yield f"    {rest}; -v lists all"


def screen(text: str, width: int, height: int) -> str:
    """Return `text` as it replaces a screen, row by row, which does not flicker.

    Of a longer text, `height` rows remain: the first ones, and the last two.
    """
    rows = text.removesuffix("\n").split("\n")
    used = [columns(re.sub(r"\x1b\[[0-9;]*m", "", row)) for row in rows]
    heights = [max(1, -(-each // width)) for each in used]
    if sum(heights) > height:
        room = height - 1 - sum(heights[-2:])
        kept = sum(each <= room for each in accumulate(heights[:-2]))
        rows[kept:-2], used[kept:-2] = [more(len(rows) - 2 - kept, "line")], [0]
    # The cursor is still on the last character of a full row, so nothing is cleared there.
    ends = ("\n" if each and each % width == 0 else "\x1b[K\n" for each in used)
    return "\x1b[H" + "".join(map(str.__add__, rows, ends)) + "\x1b[J"


def wrapped(text: str, width: int, hang: int) -> list[str]:
    """Wrap `text`, with `hang` blanks before each line except the first; not at all if negative."""
    if hang < 0:
        return [text]
    wrapper = textwrap.TextWrapper(width, "", " " * hang, break_long_words=False)
    wrapper.break_on_hyphens = False
    # It counts characters: each wide one becomes two.
    wide = "".join(char + _PAD * (columns(char) - 1) for char in text)
    return [line.replace(_PAD, "") for line in wrapper.wrap(wide)] or [text]


def brief(text: str, width: int, lines: int, hang: int = 0) -> str:
    """Return `text` in at most so many lines: wide words are cut, then some are left out."""

    def fits(text: str) -> bool:
        found = wrapped(text, width, hang) if len(text) <= lines * width else ()
        return 0 < len(found) <= lines and max(map(columns, found)) <= width

    room = lines * width
    # A word without directories is cut only if it is wider than a line.
    words = [fit(each, width - hang) for each in text.split(" ")]
    for most in (width - hang, width - hang - 5, width // 2, width // 3):
        words = [fit(each, most) if "/" in each else each for each in words]
        if fits(short := " ".join(words)):
            return short
    while not fits(text := clipped(short, room)) and room > width // 2:
        room -= 4
    return text


def _table(table: sections.Table, look: Look) -> Iterator[str]:
    """Yield the rows, with columns of figures aligned right; names are cut if they are too wide."""
    count = len(table.headers) - table.names - table.prose
    whole = [row for row in table.rows if len(row) == len(table.headers)]
    columns_of = [*zip(table.headers, *whole, strict=True)]
    widths = [max(map(columns, cells)) for cells in columns_of]
    indent = 2 + sum(width + 2 for width in widths[:count])
    room = max(_NARROWEST_NAME, look.width - indent)
    if table.names + table.prose == 2:
        if table.prose:
            least = room - 2 - _NARROW_NAME
        else:
            least = (room - 2) // 2
        widths[-1] = min(widths[-1], max(least, room - 2 - widths[count], _NARROWEST_NAME))
        widths[count] = min(widths[count], room - 2 - widths[-1])
    widths[-1] = min(widths[-1], room)
    yield look.paint(_row(table.headers, widths, count), "dim")
    for row in table.rows:
        if len(row) < len(widths):
            note = wrapped(" " * _NOTE_INDENT + row[-1], look.width, _NOTE_INDENT)
            yield from (look.paint(each, "dim") for each in note)
        elif table.prose:
            yield from _with_words(row, widths, count, look)
        else:
            yield _row(row, widths, count)
    if table.rest:
        yield from (look.paint(each, "dim") for each in wrapped(f"  {table.rest}", look.width, 2))


def _with_words(row: Sequence[str], widths: Sequence[int], count: int, look: Look) -> Iterator[str]:
    """Yield a row, with its last cell wrapped."""
    lead = _row(row[:-1], widths[:-1], count)
    for each in wrapped(row[-1], widths[-1], 0):
        pad = " " * (2 + sum(width + 2 for width in widths[:-1]) - columns(lead))
        yield (lead + pad + look.paint(each, "dim")).rstrip()
        lead = ""


def _row(cells: Sequence[str], widths: Sequence[int], count: int) -> str:
    """Return a row, whose first `count` cells are figures."""
    padded = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if at < count:
            shown = cell
        else:
            shown = fit(cell, width)
        blanks = " " * (width - columns(shown))
        padded.append(blanks + shown if at < count else shown + blanks)
    return "  ".join(["", *padded]).rstrip()


def _findings(item: sections.Findings, look: Look) -> Iterator[str]:
    """Yield each finding below its head line, then a summary; head lines alone if quiet."""
    explained = set[str]()
    for each in item.findings:
        severity = f"{each.severity.value} {each.code}"
        head = f"{place(each)} {severity} {visible(each.message)}"
        style = _STYLES[each.severity]
        if look.quiet:
            hang = -1
        else:
            hang = 4
        yield from _item(sections.Prose(head, hang, severity, style), look)
        if look.quiet:
            continue
        yield from _excerpts(each, look, style)
        yield from _below(each, look, "" if each.code in explained else code_of(each.code).reason)
        yield ""
        explained.add(each.code)
    if not look.quiet and (item.findings or item.fixed):
        yield from wrapped(summary(item.findings, item.fixed), look.width, 4)


def _below(finding: Finding, look: Look, reason: str) -> Iterator[str]:
    """Yield the reason, the evidence, and what to do: if there is a fix, that alone."""
    most = len(finding.evidence)
    if finding.shared:
        few = EVIDENCE
    else:
        few = _EVIDENCE
    if most > few and not look.full:
        most = few - 1
    else:
        most = most
    for label, text in (*([("why:", reason)] if reason else []), *details(finding, most)):
        if look.full or finding.fix is None or label != "help:":
            lead = f"    {'-' if label == '|' else label} "
            yield from _item(sections.Prose(lead + visible(text), len(lead), label, "blue"), look)


def _excerpts(finding: Finding, look: Look, style: str) -> Iterator[str]:
    """Yield the line of a finding with its number and carets; if full, its other lines too."""
    places = [finding.location, *(finding.more_locations if look.full else ())]
    digits = max(len(str(each.line)) for each in places)
    for each in places:
        if each.text and each.text.strip():
            gutter = f"    {each.line:>{digits}} | "
            head, body, marked = _around(each, each.text, look.width - len(gutter))
            yield look.paint(gutter, "blue") + head + body
            if each is finding.location:
                gutter = look.paint(f"{'':{digits + 4}} | ", "blue")
                yield gutter + " " * columns(head) + look.paint("^" * marked, style)


def _around(location: Location, text: str, room: int) -> tuple[str, str, int]:
    """Return a line before and from a location, cut to `room` columns, and the width to mark."""
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip(" \\"))
    if location.column is not None and location.end_column is not None:
        start = location.column - 1
        end = location.end_column - 1
    head = visible(text[:start])
    body = visible(text[start:])
    head = cut(head[::-1], max(room // 3, room - columns(body)))[::-1]
    body = cut(body, room - columns(head))
    return head, body, max(1, min(columns(visible(text[start:end])), columns(body)))
