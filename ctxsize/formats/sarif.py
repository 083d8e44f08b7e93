"""SARIF 2.1.0, for code scanning: findings with their rules, fingerprints and fixes.

Paths are relative to the working directory (`%SRCROOT%`); columns count characters.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ctxsize.codes import Code, code_of
from ctxsize.findings import Finding, Fix, Location, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.patch import lines, replaced
from ctxsize.formats.wording import fingerprints
from ctxsize.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as a SARIF log."""
    codes = [code_of(name) for name in sorted({each.code for each in findings})]
    index = {each.name: at for at, each in enumerate(codes)}
    marks = fingerprints(findings)
    run = {
        "tool": {
            "driver": {
                "name": "ctxsize",
                "semanticVersion": __version__,
                "rules": [_rule(each) for each in codes],
            }
        },
        "automationDetails": {"id": f"ctxsize/{kind}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The working directory of ctxsize."}}
        },
        "results": [
            _result(each, index[each.code], mark)
            for each, mark in zip(findings, marks, strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: Code) -> dict[str, Any]:
    examples = [("Found", code.bad), ("Better", code.good)]
    shown = "".join(f"\n\n{title}:\n\n```\n{text}\n```" for title, text in examples if text)
    plain = "".join(f"\n\n{title}:\n{text}" for title, text in examples if text)
    return {
        "id": code.name,
        "name": "".join(part.capitalize() for part in code.slug.split("-")),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": code.why},
        "help": {"text": code.why + plain, "markdown": code.why + shown},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(finding: Finding, rule: int, mark: str) -> dict[str, Any]:
    text = visible(finding.message)
    text += f"\n{visible(finding.help)}" if finding.help else ""
    place = {
        "artifactLocation": _artifact(finding.location.path),
        "region": _region(finding.location),
    }
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"ctxsize/v1": mark},
        "properties": {
            "confidence": finding.confidence.value,
            "evidence": [visible(each) for each in finding.evidence],
            "contentBytes": finding.content_bytes,
            "files": finding.files,
        },
    }
    changes = [] if finding.fix is None else _changes(finding.fix)
    if finding.fix is not None and changes:
        description = {"text": visible(finding.fix.message)}
        result["fixes"] = [{"description": description, "artifactChanges": changes}]
    return result


def _artifact(path: str) -> dict[str, str]:
    """Return the URI of a file: below `%SRCROOT%`, or else absolute."""
    path = os.path.normpath(path)
    if path.startswith("/") or path.split("/")[0] == "..":
        return {"uri": "file://" + quote(os.fsencode(os.path.abspath(path)))}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "%SRCROOT%"}


def _region(location: Location) -> dict[str, int]:
    """Return the region of a finding; line 1 if it concerns the whole file."""
    numbers = {
        "startLine": location.line or 1,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }
    return {key: value for key, value in numbers.items() if value is not None}


def _changes(fix: Fix) -> list[dict[str, Any]]:
    """Return the edits of `fix`, or none if one of the files is not text.

    A new file is one replacement of an empty region.
    """
    changes = []
    for edit in fix.edits:
        try:
            before, after = (lines((each or b"").decode()) for each in (edit.before, edit.after))
        except UnicodeDecodeError:
            return []
        replacements = []
        for start, end, text in replaced(before, after):
            region = Location("", *_position(before, start), *_position(before, end))
            inserted = {"insertedContent": {"text": text}} if text else {}
            replacements.append({"deletedRegion": _region(region), **inserted})
        if replacements:
            artifact = _artifact(edit.path)
            changes.append({"artifactLocation": artifact, "replacements": replacements})
    return changes


def _position(lines: list[str], at: int) -> tuple[int, int]:
    """Return line and column of the start of the line with this index, which may be the end."""
    if at == len(lines) and lines and not lines[-1].endswith("\n"):
        return at, len(lines[-1]) + 1
    return at + 1, 1
