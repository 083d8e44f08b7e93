"""Findings for a person: where, how grave, which code, what; then what shows it and what helps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from ctxsize.findings import Finding, Severity
from ctxsize.formats import fixes
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}
EVIDENCE = 5
"""How many pieces of evidence of one finding are shown."""


def lines(findings: Sequence[Finding], look: Look) -> list[str]:
    """`findings` in their order, a blank line between files, and how many there are at the end."""
    shown: list[str] = []
    for _, group in groupby(findings, key=lambda each: each.location.path):
        shown += [""] if shown else []
        for finding in group:
            shown += _finding(finding, look)
    return [*shown, "", summary(findings)] if findings else []


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are, of which severities, and how many can be mended at once."""
    if not findings:
        return "no findings"
    parts = []
    for severity in Severity:
        count = sum(each.severity is severity for each in findings)
        noun = severity.value if count == 1 or severity is Severity.INFO else f"{severity.value}s"
        parts += [f"{count:,} {noun}"] if count else []
    fixable = sum(each.fix is not None for each in findings)
    mended = f"; {fixable:,} with a fix" if fixable else ""
    total = "1 finding" if len(findings) == 1 else f"{len(findings):,} findings"
    return f"{total}: {', '.join(parts)}{mended}"


def place(finding: Finding) -> str:
    """`path:line:column` as far as it is known, safe on a terminal."""
    location = finding.location
    numbers = [str(each) for each in (location.line, location.column) if each is not None]
    return ":".join([quoted(location.path), *numbers])


def _finding(finding: Finding, look: Look) -> Iterator[str]:
    head = f"{place(finding)} {finding.severity.value} {finding.code} "
    text = head + visible(finding.message)
    first, *rest = _wrapped(text, look, "    ")
    painted = look.paint(finding.severity.value, STYLES[finding.severity])
    yield first.replace(f" {finding.severity.value} ", f" {painted} ", 1)
    yield from rest
    for each in finding.evidence[:EVIDENCE]:
        yield from _wrapped(f"    | {visible(each)}", look, "    |   ")
    if len(finding.evidence) > EVIDENCE:
        yield f"    | and {len(finding.evidence) - EVIDENCE:,} more"
    if finding.help:
        yield from _wrapped(f"    help: {visible(finding.help)}", look, "          ")
    if finding.fix is not None:
        unsure = "" if finding.fix.certain else " (to be checked by a person)"
        effect = fixes.effect(finding.fix, told=finding.evidence)
        text = finding.fix.message + (f"; {effect}" if effect else "")
        yield from _wrapped(f"    fix: {visible(text)}{unsure}", look, "         ")


def _wrapped(text: str, look: Look, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        look.width,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
        replace_whitespace=False,
    ) or [text]
