"""Markdown for a step summary or a comment, as GitHub and GitLab read it."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Sequence
from itertools import accumulate

from ctxsize.findings import Finding, Severity
from ctxsize.formats.sections import (
    Fact,
    Findings,
    NextStep,
    Prose,
    SectionItem,
    Sections,
    Table,
)
from ctxsize.formats.wording import code, details, more, place, summary, visible

_MOST = 50  # number of items of a section to show; a comment may have 65,536 characters
_REST = "\n\nThe rest does not fit into a comment.\n"
_SIGNS = {Severity.ERROR: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
_SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")  # code, up to a fence of the same length
_LOUD = re.compile(r"([@#!](?=\w)|(?:https?|ftp):(?=//)|www(?=\.))", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")


def render(title: str, sections: Sections, most: int = sys.maxsize) -> str:
    """Return `sections` under a heading, within `most` characters; folded ones are `<details>`."""
    blocks = [f"### {title}"]
    for section in sections:
        text = _items(section.items)
        if not text:
            continue
        if section.folded:
            text = _folded(_silent(html.escape(section.title)), text)
        elif section.title:
            blocks.append(f"#### {prose(section.title)}")
        blocks.append(text)
    most -= len(_REST)
    ends = accumulate(len(block) + 2 for block in blocks)
    fitting = blocks[: sum(end <= most for end in ends)]
    whole = "\n\n".join(fitting)
    if len(fitting) < len(blocks):
        return whole + _REST
    return f"{whole}\n"


def _items(items: Sequence[SectionItem]) -> str:
    """Return the items, with an empty line between two, except within a list."""
    texts = [_item(item) for item in items[:_MOST]]
    texts.append(prose(more(len(items) - _MOST)))
    text = "\n\n".join(filter(None, texts))
    return re.sub(r"^(- .*)\n\n(?=- )", r"\1\n", text, flags=re.MULTILINE)


def _item(item: SectionItem) -> str:
    match item:
        case Prose(text) if text.startswith(" "):
            return f"- {prose(text.strip())}"
        case Prose(text):
            return prose(text)
        case Fact(label, text):
            return f"- **{label}**: {prose(item.path + text)}"
        case NextStep("", purpose, label):
            return f"{label}: {prose(purpose)}"
        case NextStep(command, purpose, label):
            return f"{label}: {code(command)} {prose(purpose)}"
        case Table() if item.rows:
            return _table(item)
        case Findings(findings) if findings or item.fixed:
            return _findings(findings, item.fixed)
    return ""


def _table(table: Table) -> str:
    import tabulate

    # The same text with and without wcwidth, which tabulate uses if it is installed.
    tabulate.WIDE_CHARS_MODE = False
    headers = table.headers
    others = len(headers) - table.figures
    sides = ["right"] * table.figures
    sides += ["left"] * others
    text: str = tabulate.tabulate(
        [_row(row, table) for row in table.rows],
        headers,
        "pipe",
        colalign=sides,
        disable_numparse=True,
    )
    if table.rest:
        text += f"\n\n{prose(table.rest)}"
    return text


def _row(row: Sequence[str], table: Table) -> list[str]:
    """Return the cells of a row, in which names are code; a note stands in the last column."""
    figures = table.figures
    names = range(figures, figures + table.names)
    cells = []
    if len(row) < len(table.headers):
        cells += [""] * (len(table.headers) - 1)
    for number, text in enumerate(row):
        cell = prose(text)
        if text and number in names:
            cell = code(text)
        # A bar ends a cell even inside a code span.
        cells.append(re.sub(r"(?<!\\)\|", r"\\|", cell))
    return cells


def _findings(findings: Sequence[Finding], fixed: int) -> str:
    texts = [_finding(finding) for finding in findings[:_MOST]]
    left = more(len(findings) - _MOST)
    if left:
        texts.append(f"- {left}")
    is_open = any(finding.severity is Severity.ERROR for finding in findings)
    return _folded(summary(findings, fixed), "\n".join(texts), is_open=is_open)


def _finding(finding: Finding) -> str:
    sign = _SIGNS[finding.severity]
    where = code(place(finding))
    text = f"- {sign} {where} **{finding.code}**: {prose(finding.message)}"
    for label, detail in details(finding):
        if label == "|":
            text += f"\n  - {code(detail)}"
        else:
            text += f"\n  - {label} {prose(detail)}"
    return text


def _folded(title: str, text: str, *, is_open: bool = False) -> str:
    """Return a `<details>` element with `text`; `title` is HTML."""
    state = ""
    if is_open:
        state = " open"
    return f"<details{state}>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def prose(text: str) -> str:
    """Escape a sentence of ours, except its code spans."""
    text = visible(text)
    escaped = ""
    end = 0
    for span in _SPAN.finditer(text):
        escaped += _plain(text[end : span.start()]) + span[0]
        end = span.end()
    return escaped + _plain(text[end:])


def _plain(text: str) -> str:
    return _silent(_SPECIAL.sub(r"\\\1", text))


def _silent(text: str) -> str:
    """Return `text` with a zero-width space in mentions like `@team` and `#1`, and in addresses."""
    return _LOUD.sub(r"\1&#8203;", text)
