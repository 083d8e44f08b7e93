"""Markdown for a step summary or a comment, as GitHub and GitLab read it."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from ctxsize.findings import Finding, Severity
from ctxsize.formats import sections
from ctxsize.formats.wording import code, details, more, place, summary, visible

_MOST = 50  # number of items of a section to show; a comment may have 65,536 characters
_REST = "\n\nThe rest does not fit into a comment.\n"
_SIGNS = {Severity.ERROR: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
_SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")  # code, up to a fence of the same length
_LOUD = re.compile(r"([@#!](?=\w)|(?:https?|ftp):(?=//)|www(?=\.))", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")


def render(title: str, parts: Iterable[sections.Section], most: int = sys.maxsize) -> str:
    """Return `parts` under a heading, within `most` characters; folded ones are `<details>`."""
    blocks = [f"### {title}"]
    for section in parts:
        text = _items(section.items)
        if text and section.folded:
            text = _folded(_silent(html.escape(section.title)), text)
        elif text and section.title:
            blocks.append(f"#### {prose(section.title)}")
        if text:
            blocks += [text]
    ends = [*accumulate(len(block) + 2 for block in blocks)]
    most -= len(_REST)
    kept = [block for block, end in zip(blocks, ends, strict=True) if end <= most]
    return "\n\n".join(kept) + (_REST if len(kept) < len(blocks) else "\n")


def _items(items: Sequence[sections.Item]) -> str:
    """Return the items, with an empty line between two, except within a list."""
    left = more(len(items) - _MOST)
    shown = [*items[:_MOST], *([sections.Prose(left)] if left else [])]
    text = "\n\n".join(filter(None, ("\n".join(_item(each)) for each in shown)))
    return re.sub(r"^(- .*)\n\n(?=- )", r"\1\n", text, flags=re.MULTILINE)


def _item(item: sections.Item) -> Iterable[str]:
    match item:
        case sections.Prose(text):
            return [f"- {prose(text.strip())}" if text.startswith(" ") else prose(text)]
        case sections.Fact(label, text):
            return [f"- **{label}**: {prose(text)}"]
        case sections.NextStep(command, purpose, label):
            return [f"{label}: {code(command) + ' ' if command else ''}{prose(purpose)}"]
        case sections.Table():
            if item.rows:
                return _table(item)
            return []
        case sections.Findings(findings):
            if findings or item.fixed:
                return [_findings(findings, item.fixed)]
            return []


def _table(table: sections.Table) -> Iterator[str]:
    import tabulate

    # The same text with and without wcwidth, which tabulate uses if it is installed.
    tabulate.WIDE_CHARS_MODE = False
    whole = len(table.headers)
    end = whole - table.prose
    count = end - table.names
    rows = []
    for row in table.rows:
        names = (code(each) if each else "" for each in row[count:end])
        padded = [*map(prose, row[:count]), *names, *map(prose, row[end:])]
        if len(row) < whole:  # a note
            padded = [*[""] * (whole - 1), prose(row[-1])]
        # A bar ends a cell even inside a code span.
        rows.append([re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in padded])
    sides = [*["right"] * count, *["left"] * (whole - count)]
    yield tabulate.tabulate(rows, table.headers, "pipe", colalign=sides, disable_numparse=True)
    if table.rest:
        yield f"\n{prose(table.rest)}"


def _findings(findings: Sequence[Finding], fixed: int) -> str:
    lines = [line for each in findings[:_MOST] for line in _finding(each)]
    if len(findings) > _MOST:
        lines += [f"- {more(len(findings) - _MOST)}"]
    is_open = any(each.severity is Severity.ERROR for each in findings)
    return _folded(summary(findings, fixed), "\n".join(lines), is_open=is_open)


def _finding(finding: Finding) -> Iterator[str]:
    sign = _SIGNS[finding.severity]
    where = code(place(finding))
    yield f"- {sign} {where} **{finding.code}**: {prose(finding.message)}"
    for label, text in details(finding):
        yield f"  - {code(text) if label == '|' else f'{label} {prose(text)}'}"


def _folded(title: str, text: str, *, is_open: bool = False) -> str:
    """Return a `<details>` element with `text`; `title` is HTML."""
    if is_open:
        opening = "<details open>"
    else:
        opening = "<details>"
    return f"{opening}\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def prose(text: str) -> str:
    """Escape a sentence of ours, except its code spans."""
    parts = _SPAN.split(text := visible(text))
    spans = _SPAN.finditer(text)
    plain = (_silent(_SPECIAL.sub(r"\\\1", each)) for each in parts[::2])
    return next(plain) + "".join(span[0] + each for span, each in zip(spans, plain, strict=True))


def _silent(text: str) -> str:
    """Return `text` with a zero-width space in mentions like `@team` and `#1`, and in addresses."""
    return _LOUD.sub(r"\1&#8203;", text)
