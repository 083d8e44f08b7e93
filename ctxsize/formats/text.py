"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import groupby

from ctxsize.findings import Finding
from ctxsize.formats import Look, sections
from ctxsize.formats.names import columns, fit, pad, quoted, visible
from ctxsize.formats.wording import EXAMPLES, SEVERITY_STYLES, details, more, place, summary
from ctxsize.model import Directory
from ctxsize.units import human, percent

_NARROWEST_NAME = 8
_SHORTEST_NAME = 6
_LABEL_WIDTH = 13
_NARROWEST_BAR, _WIDEST_BAR = 8, 40
_EIGHTHS = ("", *"▏▎▍▌▋▊▉")


def render(parts: Iterable[sections.Section], look: Look) -> str:
    """Return `parts`, separated by blank lines."""
    shown = (_section(each, look) for each in parts if each.items)
    return "\n".join("\n".join(lines) + "\n" for lines in shown if lines)


def _section(section: sections.Section, look: Look) -> list[str]:
    lines = [look.paint(section.title, section.style)] if section.title else []
    for item in section.items:
        lines += _item(item, look)
    return lines


def _item(item: sections.Item, look: Look) -> Iterable[str]:
    match item:
        case sections.Prose():
            return _line(item, look)
        case sections.Fact(label, text):
            lead = f"  {label:<{_LABEL_WIDTH}}"
            return _line(sections.Prose(lead + text, len(lead), ((label, "dim"),)), look)
        case sections.Answer(label, style, sentence):
            return _line(sections.Prose(f"{label}: {sentence}", 0, ((f"{label}:", style),)), look)
        case sections.NextStep(command, purpose, label):
            return _step(f"{label}: ", command, purpose, look)
        case sections.Card(head, figures, texts):
            head = fit(head, max(_NARROWEST_NAME, look.width - 4 - columns(figures)))
            head = pad(head, look.width - 2 - columns(figures))
            lines = [f"  {look.paint(head, 'bold')}{figures}" if figures else f"  {head.rstrip()}"]
            return lines + [line for each in texts for line in _wrapped(f"    {each}", look, 6)]
        case sections.Table():
            return _table(item, look)
        case sections.SizeTree():
            return size_tree(item, look)
        case sections.Example(lines):
            return [f"    {each}" for each in lines]
        case sections.Findings():
            return _brief(item, look) if item.brief else _findings(item, look)


def _line(line: sections.Prose, look: Look) -> list[str]:
    first, *others = [line.text] if line.whole else _wrapped(line.text, look, line.hang)
    at = 0
    for part, style in line.marks if look.colour else ():
        start = first.find(part, at)
        if start >= 0:
            shown = look.paint(part, style) if style else part
            first = first[:start] + shown + first[start + len(part) :]
            at = start + len(shown)
    return [first, *others]


def _wrapped(text: str, look: Look, hang: int) -> list[str]:
    """Wrap `text`, with `hang` blanks before each line except the first."""
    wrapper = textwrap.TextWrapper(look.width, "", " " * hang, break_long_words=False)
    wrapper.break_on_hyphens = False
    return wrapper.wrap(text) or [text]


def _step(label: str, command: str, purpose: str, look: Look) -> list[str]:
    if not command:
        return _wrapped(label + purpose, look, len(label))
    # A command is one line, however long, so that it can be copied.
    shown = label + look.paint(command, "bold")
    if columns(f"{label}{command}  {purpose}") <= look.width:
        return [f"{shown}  {purpose}"]
    return [shown, *_wrapped(" " * len(label) + purpose, look, len(label))]


def _table(table: sections.Table, look: Look) -> Iterator[str]:
    """Yield the rows, with all columns aligned right except the last."""
    whole = [row for row in table.rows if len(row) == len(table.headers)]
    widths = [max(map(columns, cells)) for cells in zip(table.headers, *whole, strict=True)][:-1]
    blanks = " " * (2 + sum(width + 2 for width in widths))
    room = max(_NARROWEST_NAME, look.width - len(blanks))
    yield look.paint(_row(table.headers, widths, table.headers[-1]), "dim")
    for row in table.rows:
        name = quoted(row[-1]) if isinstance(row[-1], sections.Name) else row[-1]
        if len(row) == len(table.headers):
            yield _row(row, widths, fit(name, room))
        else:
            notes = textwrap.wrap(name, room, initial_indent="    ", subsequent_indent="    ")
            yield from (look.paint(blanks + each, "dim") for each in notes)
    if table.rest:
        yield look.paint(f"  {table.rest}", "dim")


def _row(row: Sequence[str], widths: Sequence[int], name: str) -> str:
    numbers = zip(row[:-1], widths, strict=True)
    cells = [" " * (width - columns(cell)) + cell for cell, width in numbers]
    return "  ".join(["", *cells, name]).rstrip()


def size_tree(tree: sections.SizeTree, look: Look) -> Iterator[str]:
    """Yield a line with a bar for each directory; long names lose their fronts, then all bars."""
    rows = [*_with_guides(tree)]
    figures = [(human(node.content_bytes), f"{node.files:,}", "") for *_, node in rows]
    header = ("size", "files", "")
    widths = [max(map(len, cells)) for cells in zip(header, *figures, strict=True)][:-1]
    room = look.width - sum(widths) - 13  # that of the gaps and of the percentage
    widest = max(columns(guides + name) for guides, name, _ in rows)
    deepest = max(len(guides) for guides, *_ in rows) + _SHORTEST_NAME
    label_width = min(widest, max(deepest, room - _NARROWEST_BAR))
    bar_width = min(_WIDEST_BAR, room - label_width)
    yield look.paint(_row(header, widths, ""), "dim")
    for (guides, name, node), cells in zip(rows, figures, strict=True):
        name_width = label_width - len(guides)
        label = look.paint(guides, "dim") + pad(fit(name, name_width, front=True), name_width)
        if bar_width >= _NARROWEST_BAR:
            share = node.content_bytes / (tree.root.content_bytes or 1)
            whole, rest = divmod(round(share * bar_width * 8), 8)
            label += "  " + look.paint(("█" * whole + _EIGHTHS[rest]).ljust(bar_width), "blue")
        share_text = percent(node.content_bytes, tree.root.content_bytes)
        yield _row(cells, widths, f"{label} {share_text:>4}")


def _with_guides(tree: sections.SizeTree) -> Iterator[tuple[str, str, Directory]]:
    """Yield the largest directories, parents first, with the guides before their names."""
    every = [tree.root]
    for node in every:
        every += node.children
    # A parent is never smaller, and its path is less: no child is chosen without it.
    largest = nsmallest(tree.limit, every, lambda each: (-each.content_bytes, each.path))
    chosen, pending = {each.path for each in largest}, [(tree.root, "", "")]
    while pending:
        node, guides, below = pending.pop()
        yield guides, quoted(node.path.rpartition("/")[2]) or ".", node
        shown = [each for each in node.children if each.path in chosen]
        for child in reversed(shown):
            lead, under = ("└─ ", "   ") if child is shown[-1] else ("├─ ", "│  ")
            pending.append((child, below + lead, below + under))


def _brief(item: sections.Findings, look: Look) -> Iterator[str]:
    """Yield a line for each finding, at most `EXAMPLES` for each code."""
    in_order = sorted(item.findings, key=lambda each: each.code)
    for code, group in groupby(in_order, lambda each: each.code):
        alike = list(group)
        for each in alike[:EXAMPLES]:
            yield from _wrapped(f"  ! {place(each)}: {visible(each.message)}", look, 4)
        if len(alike) > EXAMPLES:
            yield f"    {more(len(alike) - EXAMPLES)} of the same ({code})"


def _findings(item: sections.Findings, look: Look) -> Iterator[str]:
    for finding in item.findings:
        yield from _finding(finding, look)
    if item.findings:
        yield summary(item.findings)


def _finding(finding: Finding, look: Look) -> Iterator[str]:
    where, severity = place(finding), finding.severity.value
    head = f"{where} {severity} {finding.code} {visible(finding.message)}"
    marks = ((where, ""), (severity, SEVERITY_STYLES[finding.severity]))
    yield from _line(sections.Prose(head, 4, marks), look)
    for label, text in details(finding):
        yield from _wrapped(f"    {label} {visible(text)}", look, 6)
