"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import heapq
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ctxsize.findings import Finding
from ctxsize.formats import Look, sections
from ctxsize.formats.names import columns, fit, pad, quoted, visible
from ctxsize.formats.wording import (
    EXAMPLES,
    SEVERITY_STYLES,
    details,
    more,
    place,
    summary,
)
from ctxsize.model import Directory
from ctxsize.units import human, percent

_NARROWEST_NAME = 8
_NARROWEST_HEAD = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST_BAR = 40
_NARROWEST_BAR = 8
_SHORTEST_NAME = 6


def render(parts: Iterable[sections.Section], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    shown = (_section(each, look) for each in parts if each.items)
    return "\n".join("\n".join(lines) + "\n" for lines in shown if lines)


def _section(section: sections.Section, look: Look) -> list[str]:
    lines = [look.paint(section.title, section.style)] if section.title else []
    before: sections.Item | None = None
    for item in section.items:
        if isinstance(item, sections.Card) and isinstance(before, sections.Card):
            lines.append("")
        lines += _item(item, look)
        before = item
    return lines


def _item(item: sections.Item, look: Look) -> Iterable[str]:
    match item:
        case sections.Prose():
            return _line(item, look)
        case sections.Fact(label, text, width, mark):
            marks = ((label, "dim"), *([(mark, "yellow")] if mark else []))
            return _line(sections.Prose(f"  {label:<{width}}{text}", width + 2, marks), look)
        case sections.Answer(label, style, sentence):
            return _line(sections.Prose(f"{label}: {sentence}", 0, ((f"{label}:", style),)), look)
        case sections.NextStep():
            return _step(item, look)
        case sections.Card():
            return _card(item, look)
        case sections.Table():
            return _table(item, look)
        case sections.SizeTree():
            return size_tree(item, look)
        case sections.Example(lines):
            return [f"    {each}" for each in lines]
        case sections.Findings():
            return _brief(item, look) if item.brief else _findings(item, look)


def _line(line: sections.Prose, look: Look) -> list[str]:
    lines = [line.text] if line.whole else _wrapped(line.text, look, " " * line.hang)
    if not look.colour:
        return lines
    if line.style:
        return [look.paint(each, line.style) for each in lines]
    at, first = 0, lines[0]
    for part, style in line.marks:
        start = first.find(part, at)
        if start >= 0:
            shown = look.paint(part, style) if style else part
            first = first[:start] + shown + first[start + len(part) :]
            at = start + len(shown)
    return [first, *lines[1:]]


def _wrapped(text: str, look: Look, follows: str) -> list[str]:
    """Wrap `text`, with `follows` before each line except the first."""
    wrapper = textwrap.TextWrapper(look.width, "", follows, break_long_words=False)
    wrapper.break_on_hyphens = False
    return wrapper.wrap(text) or [text]


def _step(step: sections.NextStep, look: Look) -> list[str]:
    label = f"{step.label}: "
    blanks = " " * len(label)
    if not step.command:
        return _wrapped(label + step.purpose, look, blanks)
    # A command is one line, however long, so that it can be copied.
    shown = label + look.paint(step.command, "bold")
    if columns(f"{label}{step.command}  {step.purpose}") <= look.width:
        return [f"{shown}  {step.purpose}"]
    return [shown, *_wrapped(blanks + step.purpose, look, blanks)]


def _card(card: sections.Card, look: Look) -> Iterator[str]:
    room = look.width - 4 - columns(card.figures)
    head = fit(card.head, max(_NARROWEST_HEAD, room))
    gap = " " * max(2, look.width - 2 - columns(head) - columns(card.figures))
    yield f"  {look.paint(head, 'bold')}{gap}{card.figures}".rstrip()
    for text in card.texts:
        yield from _wrapped(f"    {text}", look, " " * 6)


def _table(table: sections.Table, look: Look) -> Iterator[str]:
    """Yield the rows, with all columns aligned right except the last."""
    whole = [row for row in table.rows if len(row) == len(table.headers)]
    widths = [max(map(columns, cells)) for cells in zip(table.headers, *whole, strict=True)][:-1]
    room = max(_NARROWEST_NAME, look.width - 2 - sum(width + 2 for width in widths))
    yield look.paint(_row(table.headers, widths, table.headers[-1]), "dim")
    for row in table.rows:
        name = quoted(row[-1]) if isinstance(row[-1], sections.Name) else row[-1]
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


def _brief(item: sections.Findings, look: Look) -> Iterator[str]:
    """Yield a line for each finding, at most `EXAMPLES` for each code."""
    in_order = sorted(item.findings, key=lambda each: each.code)
    for code, group in groupby(in_order, lambda each: each.code):
        alike = list(group)
        for each in alike[:EXAMPLES]:
            is_known = each.location.line is None and each.location.path in item.known
            where = "" if is_known else f"{place(each)}: "
            yield from _line(sections.Prose(f"  ! {where}{visible(each.message)}", 4), look)
        if len(alike) > EXAMPLES:
            yield f"    {more(len(alike) - EXAMPLES)} of the same ({code})"


def _findings(item: sections.Findings, look: Look) -> Iterator[str]:
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
    yield from _line(sections.Prose(head, 4, marks), look)
    for label, text in details(finding):
        indent = f"    {label} " if label.endswith(":") else "    | "
        follows = " " * len(indent) if label.endswith(":") else "    |   "
        yield from _wrapped(indent + visible(text), look, follows)


def size_tree(tree: sections.SizeTree, look: Look) -> Iterator[str]:
    """Yield the directories with bars, in lines of at most `look.width` columns."""
    rows = [*_size_rows(tree, look)]
    sizes = [human(node.content_bytes) for _, _, node in rows]
    counts = [f"{node.files:,}" for _, _, node in rows]
    size_width, count_width = max(map(len, sizes)), max(5, *map(len, counts))
    free = look.width - 2 - size_width - 2 - count_width - 2 - len(" 100%")
    widest = max(columns(guides + name) for guides, name, _ in rows)
    bar_width = min(_WIDEST_BAR, max(_NARROWEST_BAR, free - widest - 2))
    if free < 3 * _NARROWEST_BAR:
        bar_width = 0
    label_width = min(widest, free - (bar_width + 2 if bar_width else 0))
    yield look.paint(f"  {'size':>{size_width}}  {'files':>{count_width}}", "dim")
    for (guides, name, node), size, count in zip(rows, sizes, counts, strict=True):
        whole = tree.root.content_bytes
        share = node.content_bytes / whole if whole else 0.0
        guides = fit(guides, label_width - min(_SHORTEST_NAME, columns(name)))
        name = pad(fit(name, label_width - columns(guides)), label_width - columns(guides))
        bar = f"  {look.paint(_bar(share, bar_width, look), 'bar')}" if bar_width else ""
        figures = f"  {size:>{size_width}}  {count:>{count_width}}"
        yield f"{figures}  {look.paint(guides, 'dim')}{name}{bar} {percent(share):>4}"


def _bar(share: float, width: int, look: Look) -> str:
    if look.ascii:
        return pad("#" * round(share * width), width)
    whole, rest = divmod(round(share * width * 8), 8)
    return pad("█" * whole + (_EIGHTHS[rest] if rest else ""), width)


def _size_rows(tree: sections.SizeTree, look: Look) -> Iterator[tuple[str, str, Directory]]:
    tee, corner, bar = ("|- ", "`- ", "|  ") if look.ascii else ("├─ ", "└─ ", "│  ")
    chosen, pending = _largest(tree), [(tree.root, "", "")]
    while pending:
        node, guides, below = pending.pop()
        yield guides, quoted(node.path.rpartition("/")[2]) or ".", node
        shown = [child for child in node.children if child.path in chosen]
        for child in reversed(shown):
            lead, under = (corner, "   ") if child is shown[-1] else (tee, bar)
            pending.append((child, below + lead, below + under))


def _largest(tree: sections.SizeTree) -> set[str]:
    """Return the paths of the largest directories, with all their parents."""
    chosen: set[str] = set()
    pending = [(-tree.root.content_bytes, tree.root.path, tree.root)]
    while pending and len(chosen) < tree.limit:
        _, path, node = heapq.heappop(pending)
        chosen.add(path)
        for child in node.children:
            heapq.heappush(pending, (-child.content_bytes, child.path, child))
    return chosen
