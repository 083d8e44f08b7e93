"""The shape of a finding in every JSON output; `findings.schema.json` describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxsize.findings import Changes, Edit, Finding, Fix, Paths

PATHS = 1000
"""How many paths of a change are listed; the figures are of all."""


def shape(finding: Finding) -> dict[str, Any]:
    """`finding` as plain JSON values."""
    location = finding.location
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "location": {
            "path": location.path,
            "line": location.line,
            "column": location.column,
            "end_line": location.end_line,
            "end_column": location.end_column,
        },
        "evidence": list(finding.evidence),
        "content_bytes": finding.content_bytes,
        "files": finding.files,
        "help": finding.help,
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def shapes(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Each of `findings` as plain JSON values."""
    return [shape(each) for each in findings]


def edit(change: Edit) -> dict[str, Any]:
    """A file before and after; bytes that are not UTF-8 are lone surrogates."""
    return {
        "path": change.path,
        "before": None if change.before is None else _text(change.before),
        "after": _text(change.after),
        "changes": list(_changes(_lines(change.before or b""), _lines(change.after))),
    }


def _changes(before: list[str], after: list[str]) -> Iterator[dict[str, Any]]:
    """The runs of lines to replace, for editors: whole lines, 1-based, the end excluded."""
    from difflib import SequenceMatcher

    for kind, start, end, first, last in SequenceMatcher(None, before, after, False).get_opcodes():
        if kind != "equal":
            text = "".join(after[first:last])
            yield {"start_line": start + 1, "end_line": end + 1, "text": text}


def _lines(data: bytes) -> list[str]:
    """The lines with their ends; only a line feed ends one."""
    *parts, last = _text(data).split("\n")
    return [f"{part}\n" for part in parts] + ([last] if last else [])


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "message": fix.message,
        "certain": fix.certain,
        "edits": [edit(each) for each in fix.edits],
        "effect": None if fix.changes is None else _sent_otherwise(fix.changes),
    }


def _sent_otherwise(changes: Changes) -> dict[str, Any]:
    return {
        "ignored": _group(changes.ignored),
        "sent": _group(changes.sent),
        "emptied": _group(changes.emptied),
        "filled": _group(changes.filled),
    }


def _group(group: Paths) -> dict[str, Any]:
    return {
        "files": group.files,
        "content_bytes": group.content_bytes,
        "paths": list(group.paths[:PATHS]),
        "left_out": max(0, len(group.paths) - PATHS),
    }


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
