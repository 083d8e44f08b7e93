"""Markdown for a step summary or a comment, as GitHub and GitLab read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ctxsize.codes import slug_of
from ctxsize.findings import Finding, Severity
from ctxsize.formats.finding_text import EVIDENCE, fix_text, place, summary
from ctxsize.formats.names import visible
from ctxsize.formats.sections import (
    Answer,
    Findings,
    Item,
    Name,
    NextStep,
    Prose,
    Section,
    Table,
)

MOST_FINDINGS = 50
"""Number of findings that are shown; a comment holds 65,536 characters."""
_SIGNS = {Severity.ERROR: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")


def render(sections: Iterable[Section]) -> str:
    """Return `sections`; the first one is the heading of all."""
    blocks: list[str] = []
    for section in sections:
        lines = [line for each in section.items if (line := "\n".join(_item(each)))]
        if not lines and blocks:
            continue
        if section.folded:
            blocks.append("\n".join(_details(section.title, ["\n\n".join(lines)])))
        else:
            level = "####" if blocks else "###"
            more = f" {code(section.more)}" if section.more else ""
            blocks += [f"{level} {prose(section.title)}{more}"] if section.title else []
            blocks += lines
    return "\n\n".join(blocks) + "\n"


def _item(item: Item) -> Iterable[str]:
    match item:
        case Prose():
            return [prose(item.text)]
        case Answer():
            return [f"{item.sign} **{item.label}**: {prose(item.sentence)}."]
        case NextStep():
            command = f"{code(item.command)} " if item.command else ""
            return [f"{item.label}: {command}{prose(item.purpose)}."]
        case Table():
            return _table(item)
        case Findings():
            return _findings(item.findings)
        case _:
            raise TypeError(item)


def _table(table: Table) -> list[str]:
    if not table.rows:
        return [table.rest] if table.rest else []
    from tabulate import tabulate

    sides = ["right" if at < table.numbers else "left" for at in range(len(table.headers))]
    rows = [
        [each if at < table.numbers else _cell(each) for at, each in enumerate(row)]
        for row in table.rows
    ]
    text = tabulate(
        rows,
        table.headers,
        tablefmt="pipe",
        colalign=sides,
        disable_numparse=True,
        colglobalalign=None,
    )
    return [text, *(["", prose(table.rest)] if table.rest else [])]


def _cell(cell: str) -> str:
    text = code(cell) if isinstance(cell, Name) else prose(cell)
    # A bar ends a cell even inside a code span.
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _findings(findings: Sequence[Finding]) -> list[str]:
    """Return `findings` to unfold, unfolded already where one of them is an error."""
    if not findings:
        return []
    lines = [line for each in findings[:MOST_FINDINGS] for line in _finding(each)]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"- and {len(findings) - MOST_FINDINGS:,} more")
    found = _details(summary(findings), lines)
    if any(each.severity is Severity.ERROR for each in findings):
        found[0] = "<details open>"
    return found


def _finding(finding: Finding) -> Iterator[str]:
    where = code(place(finding))
    head = f"- {_SIGNS[finding.severity]} {where} **{finding.code}** {slug_of(finding.code)}"
    yield f"{head.rstrip()}: {prose(finding.message)}"
    for each in finding.evidence[:EVIDENCE]:
        yield f"  - {code(each)}"
    if len(finding.evidence) > EVIDENCE:
        yield f"  - and {len(finding.evidence) - EVIDENCE:,} more"
    if finding.help:
        yield f"  - help: {prose(finding.help)}"
    if finding.fix is not None:
        unsure = "" if finding.fix.certain else " (unsafe: review first)"
        yield f"  - fix: {prose(fix_text(finding.fix, finding.evidence))}{unsure}"


def _details(title: str, lines: Sequence[str]) -> list[str]:
    """Return `lines` to unfold under `title`, which is HTML."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>"]


def code(text: str) -> str:
    """Return `text` in a code span, whatever it holds.

    >>> code("a`b"), code("x")
    ('``a`b``', '`x`')
    """
    text = visible(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    r"""Return a sentence of ours, whose code spans stay what they are.

    >>> prose("`*.log` keeps <b>")
    '`*.log` keeps \\<b\\>'
    """
    text = visible(text)
    parts = text.split("`")
    # A longer fence would end elsewhere, and leave what we took for code as it is.
    if len(parts) % 2 == 0 or "``" in text:
        return _escaped(text)
    return "`".join(part if at % 2 else _escaped(part) for at, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
