"""SARIF 2.1.0, for code scanning: findings with their rules, fingerprints and fixes.

Paths are relative to the working directory, which `%SRCROOT%` stands for;
columns count characters.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ctxsize.codes import Code, codes_of
from ctxsize.findings import Finding, Fix, Location, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.patch import lines, replaced
from ctxsize.formats.wording import fingerprints
from ctxsize.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as a SARIF log."""
    codes = codes_of(findings)
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
            "%SRCROOT%": {"description": {"text": "The directory that ctxsize ran in."}}
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
    why = code.why or code.summary
    name = "".join(part.capitalize() for part in code.slug.split("-"))
    return {
        "id": code.name,
        **({} if name.upper() == code.name else {"name": name}),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": why},
        "help": {"text": why + plain, "markdown": why + shown},
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
    """Return where the file is: below `%SRCROOT%`, or anywhere else by its absolute path."""
    path = os.path.normpath(path)
    if path.startswith("/") or path.split("/")[0] == "..":
        return {"uri": "file://" + quote(os.fsencode(os.path.abspath(path)))}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "%SRCROOT%"}


def _region(location: Location) -> dict[str, int]:
    """Return the place in the file; a finding about all of it is at its first line."""
    numbers = {
        "startLine": location.line or 1,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }
    return {key: value for key, value in numbers.items() if value is not None}


def _changes(fix: Fix) -> list[dict[str, Any]]:
    """Return the edits of `fix`, or none at all if one of them is of a file that is no text.

    A new file is written in one replacement, from nothing.
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
    """Return line and column just before the line `at`, which may be the end of the file."""
    if at == len(lines) and lines and not lines[-1].endswith("\n"):
        return at, len(lines[-1]) + 1
    return at + 1, 1
