"""Findings in Markdown: how many there are, and each of them to unfold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ctxsize.codes import slug_of
from ctxsize.findings import Finding, Severity
from ctxsize.formats import fixes
from ctxsize.formats.markdown.words import code, details, prose
from ctxsize.formats.text import findings as text

SHOWN = 50
"""How many findings are shown; a comment holds 65,536 characters."""
_SIGNS = {Severity.ERROR: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}


def render(outcome: Any) -> str:
    """The findings of `outcome`, whatever else it is."""
    lines = [f"### ctxsize {outcome.kind}", "", f"{text.summary(outcome.findings)}."]
    if outcome.findings:
        lines += ["", *section(outcome.findings)]
    return "\n".join(lines) + "\n"


def section(findings: Sequence[Finding]) -> list[str]:
    """`findings` to unfold, unfolded already where one of them is an error."""
    lines = [line for each in findings[:SHOWN] for line in _finding(each)]
    if len(findings) > SHOWN:
        lines.append(f"- and {len(findings) - SHOWN:,} more")
    found = details(text.summary(findings), lines)
    if any(each.severity is Severity.ERROR for each in findings):
        found[0] = "<details open>"
    return found


def _finding(finding: Finding) -> Iterator[str]:
    where = code(text.place(finding))
    head = (
        f"- {_SIGNS[finding.severity]} {where} **{finding.code}** {slug_of(finding.code)}".rstrip()
    )
    yield f"{head}: {prose(finding.message)}"
    for each in finding.evidence[: text.EVIDENCE]:
        yield f"  - {code(each)}"
    if len(finding.evidence) > text.EVIDENCE:
        yield f"  - and {len(finding.evidence) - text.EVIDENCE:,} more"
    if finding.help:
        yield f"  - help: {prose(finding.help)}"
    if finding.fix is not None:
        unsure = "" if finding.fix.certain else " (to be checked by a person)"
        effect = fixes.effect(finding.fix, told=finding.evidence)
        said = finding.fix.message + (f"; {effect}" if effect else "")
        yield f"  - fix: {prose(said)}{unsure}"
