"""Text for a terminal: sections within its width, with colours if it supports them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import groupby

from ctxsize.findings import Finding
from ctxsize.formats import Look, sections
from ctxsize.formats.wording import (
    EXAMPLES,
    SEVERITY_STYLES,
    columns,
    details,
    fit,
    more,
    pad,
    place,
    quoted,
    summary,
    visible,
)
from ctxsize.model import Directory
from ctxsize.units import human, percent

_NARROWEST_NAME = 8
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
            return (_brief if item.brief else _findings)(item.findings, look)


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
        name = quoted(last) if isinstance(last, sections.Name) else last
        if len(cells) == len(widths):
            yield _row(cells, widths, fit(name, room))
        else:
            for each in textwrap.wrap(name, room - 4):
                yield " " * (indent + 4) + look.paint(each, "dim")
    if table.rest:
        yield look.paint(f"  {table.rest}", "dim")


def _row(cells: Sequence[str], widths: Sequence[int], last: str) -> str:
    right = (
        " " * (width - columns(cell)) + cell for cell, width in zip(cells, widths, strict=True)
    )
    return "  ".join(["", *right, last]).rstrip()


def size_tree(tree: sections.SizeTree, look: Look) -> Iterator[str]:
    """Yield a line with a bar for each directory; where it is narrow, names replace the bars."""
    rows = [*_with_guides(tree)]
    figures = [(human(node.content_bytes), f"{node.files:,}") for _, node in rows]
    header = ("size", "files")
    widths = [max(map(len, cells)) for cells in zip(header, *figures, strict=True)]
    room = look.width - sum(widths) - 13  # that of the gaps and of the percentage
    label_width = min(room, max(columns(label) for label, _ in rows))
    bar_width = min(_WIDEST_BAR, room - label_width)
    yield look.paint(_row(header, widths, ""), "dim")
    for (label, node), cells in zip(rows, figures, strict=True):
        shown = pad(fit(label, label_width), label_width)
        if bar_width >= _NARROWEST_BAR:
            share = node.content_bytes / (tree.root.content_bytes or 1)
            whole, rest = divmod(round(share * bar_width * 8), 8)
            shown += "  " + look.paint(("█" * whole + _EIGHTHS[rest]).ljust(bar_width), "blue")
        share_text = percent(node.content_bytes, tree.root.content_bytes)
        yield _row(cells, widths, f"{shown} {share_text:>4}")


def _with_guides(tree: sections.SizeTree) -> Iterator[tuple[str, Directory]]:
    """Yield the largest directories, parents first, with their names behind guides."""
    every = [tree.root]
    for node in every:
        every += node.children
    # A parent is never smaller, and its path is less: no child is chosen without it.
    largest = nsmallest(tree.limit, every, lambda each: (-each.content_bytes, each.path))
    chosen, pending = {each.path for each in largest}, [(tree.root, "", "")]
    while pending:
        node, guides, below = pending.pop()
        yield guides + (quoted(node.path.rpartition("/")[2]) or "."), node
        shown = [each for each in node.children if each.path in chosen]
        for child in reversed(shown):
            lead, under = ("└─ ", "   ") if child is shown[-1] else ("├─ ", "│  ")
            pending.append((child, below + lead, below + under))


def _brief(findings: Sequence[Finding], look: Look) -> Iterator[str]:
    """Yield a line for each finding, at most `EXAMPLES` for each code."""
    in_order = sorted(findings, key=lambda each: each.code)
    for code, group in groupby(in_order, lambda each: each.code):
        alike = list(group)
        for each in alike[:EXAMPLES]:
            yield from _wrapped(f"  ! {place(each)}: {visible(each.message)}", look, 4)
        if len(alike) > EXAMPLES:
            yield f"    {more(len(alike) - EXAMPLES)} of the same ({code})"


def _findings(findings: Sequence[Finding], look: Look) -> Iterator[str]:
    for each in findings:
        severity = f"{each.severity.value} {each.code}"
        head = f"{place(each)} {severity} {visible(each.message)}"
        yield from _item(sections.Prose(head, 4, severity, SEVERITY_STYLES[each.severity]), look)
        for label, text in details(each):
            yield from _wrapped(f"    {label} {visible(text)}", look, 6)
    yield summary(findings)
