"""Markdown for a step summary or a comment, as GitHub and GitLab read it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Severity
from ctxsize.formats import Look, sections
from ctxsize.formats.text import size_tree
from ctxsize.formats.wording import details, more, place, summary, visible

MOST = 50
"""Number of items of a section to show; a comment may have 65,536 characters."""
_SIGNS = {Severity.ERROR: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
_LIGHTS = {"green": "🟢", "yellow": "🟡", "red": "🔴"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")


def render(title: str, parts: Iterable[sections.Section]) -> str:
    """Return `parts` under a heading; folded ones become `<details>`."""
    blocks = [f"### {title}"]
    for section in parts:
        if section.items:
            items = _items(section.items)
            if section.folded:
                items = _details(html.escape(section.title), items)
            elif section.title:
                blocks.append(f"#### {prose(section.title)}")
            blocks.append(items)
    return "\n\n".join(blocks) + "\n"


def _items(items: Sequence[sections.Item]) -> str:
    """Return the items, with an empty line between two, except within a list."""
    left = more(len(items) - MOST)
    shown = [*items[:MOST], *([sections.Prose(f"  {left}")] if left else [])]
    text = "\n\n".join("\n".join(_item(each)) for each in shown)
    return re.sub(r"^( *- .*)\n\n(?=- )", r"\1\n", text, flags=re.MULTILINE)


def _item(item: sections.Item) -> Iterable[str]:
    match item:
        case sections.Prose(text, _, mark, style) if mark and style in _LIGHTS:
            before, _, after = map(prose, text.partition(mark))
            return [f"{_LIGHTS[style]} {before}**{prose(mark)}**{after}"]
        case sections.Prose(text):
            return [f"- {prose(text.strip())}" if text.startswith(" ") else prose(text)]
        case sections.Fact(label, text):
            return [f"- **{label}**: {prose(text)}"]
        case sections.NextStep(command, purpose, label):
            typed = f"{code(command)} " if command else ""
            return [f"{label}: {typed}{prose(purpose)}."]
        case sections.Card(head, figures, texts):
            head = f"- {code(head)} {prose(figures)}".rstrip()
            return [head, *(f"  - {prose(text)}" for text in texts)]
        case sections.Table():
            return _table(item)
        case sections.SizeTree():
            return _item(sections.Example([*size_tree(item, Look())]))
        case sections.Example(lines):
            fence = "`" * max(3, _longest_fence("\n".join(lines)) + 1)
            return [fence, *lines, fence]
        case sections.Findings(findings):
            return [_findings(findings)]


def _table(table: sections.Table) -> Iterator[str]:
    from tabulate import tabulate

    width = len(table.headers)
    rows = [[*[""] * (width - len(row)), *map(_cell, row)] for row in table.rows]
    sides = ["right" if at < table.numbers else "left" for at in range(width)]
    yield tabulate(rows, table.headers, "pipe", colalign=sides, disable_numparse=True)
    if table.rest:
        yield f"\n{prose(table.rest)}"


def _cell(cell: str) -> str:
    text = code(cell) if isinstance(cell, sections.Name) else prose(cell)
    # A bar ends a cell even inside a code span.
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _findings(findings: Sequence[Finding]) -> str:
    lines = [line for each in findings[:MOST] for line in _finding(each)]
    lines += [f"- {more(len(findings) - MOST)}"] if len(findings) > MOST else []
    is_open = any(each.severity is Severity.ERROR for each in findings)
    return _details(summary(findings), "\n".join(lines), is_open=is_open)


def _finding(finding: Finding) -> Iterator[str]:
    where = code(place(finding))
    head = f"- {_SIGNS[finding.severity]} {where} **{finding.code}** {code_of(finding.code).slug}"
    yield f"{head}: {prose(finding.message)}"
    for label, text in details(finding):
        yield f"  - {code(text) if label == '|' else f'{label} {prose(text)}'}"


def _details(title: str, text: str, *, is_open: bool = False) -> str:
    """Return a `<details>` element with `text`; `title` is HTML."""
    opening = "<details open>" if is_open else "<details>"
    return f"{opening}\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def code(text: str) -> str:
    """Return `text` in a code span, with a fence that is long enough.

    >>> code("a`b"), code("x")
    ('``a`b``', '`x`')
    """
    text = visible(text)
    fence = "`" * (_longest_fence(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longest_fence(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def prose(text: str) -> str:
    r"""Escape a sentence of ours, except its code spans.

    >>> prose("`*.log` keeps <b>")
    '`*.log` keeps \\<b\\>'
    """
    text = visible(text)
    parts = text.split("`")
    # Longer fences, and those without an end, are not parsed: everything is escaped.
    if len(parts) % 2 == 0 or "``" in text:
        return _SPECIAL.sub(r"\\\1", text)
    escaped = (part if at % 2 else _SPECIAL.sub(r"\\\1", part) for at, part in enumerate(parts))
    return "`".join(escaped)
