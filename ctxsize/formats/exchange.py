"""Findings for other programs: SARIF, annotations of GitHub, code quality of GitLab, JUnit XML."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from ctxsize.codes import Code, code_of
from ctxsize.findings import Finding, Fix, Location, Severity
from ctxsize.formats.patch import lines, replaced
from ctxsize.formats.wording import details, place, summary, visible
from ctxsize.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
SHOWN = 10
"""Number of annotations of a level that GitHub shows for a step."""
_OF_SARIF = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_OF_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_OF_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
_Object = dict[str, object]


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a unique fingerprint of each finding, to track it over time.

    It does not depend on line numbers and figures, which change often.
    """
    seen: Counter[str] = Counter()
    found = []
    for each in findings:
        words = re.sub(r"[0-9][0-9,.]*( [kMGT]?B)?", "#", each.message)
        identity = "\0".join((each.code, each.location.path, words))
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        found.append(f"{digest}:{seen[digest]}")
    return found


def sarif(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as SARIF 2.1.0, for code scanning.

    Paths are relative to the working directory (`%SRCROOT%`); columns count characters.
    """
    codes = [code_of(name) for name in sorted({each.code for each in findings})]
    index = {each.name: at for at, each in enumerate(codes)}
    rules = [*map(_rule, codes)]
    driver = {"name": "ctxsize", "semanticVersion": __version__, "rules": rules}
    root = {"description": {"text": "The working directory of ctxsize."}}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"ctxsize/{kind}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": root},
        "results": [
            _result(each, index[each.code], mark)
            for each, mark in zip(findings, fingerprints(findings), strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: Code) -> _Object:
    examples = [
        (title, text) for title, text in (("Found", code.bad), ("Better", code.good)) if text
    ]
    shown = "".join(f"\n\n{title}:\n\n```\n{text}\n```" for title, text in examples)
    plain = "".join(f"\n\n{title}:\n{text}" for title, text in examples)
    return {
        "id": code.name,
        "name": "".join(part.capitalize() for part in code.slug.split("-")),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": code.why},
        "help": {"text": code.why + plain, "markdown": code.why + shown},
        "defaultConfiguration": {"level": _OF_SARIF[code.severity]},
    }


def _result(finding: Finding, rule: int, mark: str) -> _Object:
    text = visible(finding.message)
    text += f"\n{visible(finding.help)}" if finding.help else ""
    artifact, region = _artifact(finding.location.path), _region(finding.location)
    result: _Object = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _OF_SARIF[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {"ctxsize/v1": mark},
        "properties": {
            "confidence": finding.confidence.value,
            "evidence": [visible(each) for each in finding.evidence],
            "contentBytes": finding.content_bytes,
            "files": finding.files,
        },
    }
    if finding.fix is not None and (changes := _changes(finding.fix)):
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


def _changes(fix: Fix) -> list[_Object]:
    """Return the edits of `fix`, or none if one of the files is not text.

    A new file is one replacement of an empty region.
    """
    changes: list[_Object] = []
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


def github(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as workflow commands, and a summary.

    The most severe become annotations. The others follow as folded lines, escaped so that
    the runner does not parse them as commands.
    """
    shown: list[str] = []
    folded: list[str] = []
    for severity in Severity:
        of_level = [each for each in findings if each.severity is severity]
        shown += map(_command, of_level[:SHOWN])
        folded += (f"- {_line(each)}".replace("##[", "# #[") for each in of_level[SHOWN:])
    if folded:
        title = f"::group::{len(folded)} more, as GitHub shows {SHOWN} annotations per level"
        folded = [title, *folded, "::endgroup::"]
    return "\n".join([*shown, *folded, f"ctxsize {kind}: {summary(findings)}", ""])


def _line(finding: Finding) -> str:
    severity = finding.severity.value
    return f"{place(finding)} {severity} {finding.code} {visible(finding.message)}"


def _command(finding: Finding) -> str:
    location = finding.location
    properties = {"file": os.path.normpath(location.path), "line": location.line}
    if location.line is not None:
        properties["endLine"] = location.end_line
        if location.end_line in (None, location.line):
            properties |= {"col": location.column, "endColumn": location.end_column}
    properties["title"] = f"{finding.code} {code_of(finding.code).slug}"
    said = ",".join(f"{key}={_value(value)}" for key, value in properties.items() if value)
    more = (f"{label} {text}" for label, text in details(finding) if label != "|")
    message = "\n".join((finding.message, *more))
    text = "\n".join(map(visible, message.split("\n")))
    return f"::{_OF_GITHUB[finding.severity]} {said}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(value: object) -> str:
    text = str(value).encode("utf-8", "backslashreplace").decode()
    # GitHub has no escape for other control characters, and its log is a terminal.
    text = "".join(char if char in "\r\n" else visible(char) for char in text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(findings: Sequence[Finding]) -> str:
    """Return `findings` as a code quality report for GitLab: `artifacts:reports:codequality`."""
    issues = []
    for finding, mark in zip(findings, fingerprints(findings), strict=True):
        path = visible(os.path.normpath(finding.location.path))
        help_text = f" ({finding.help})" if finding.help else ""
        issues.append(
            {
                "description": visible(finding.message + help_text),
                "check_name": finding.code,
                "fingerprint": mark,
                "severity": _OF_GITLAB[finding.severity],
                "location": {"path": path, "lines": {"begin": finding.location.line or 1}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"


def junit(kind: str, findings: Sequence[Finding], passed: Sequence[str]) -> str:
    """Return JUnit XML: a failed test for each finding, except those of severity info.

    Each name in `passed` is a successful test, so that a green run has some.
    """
    names = passed if passed or findings else ["no findings"]
    succeeded = (
        f"    <testcase classname={_attribute(f'ctxsize.{kind}')} name={_attribute(each)}/>"
        for each in names
    )
    failures = sum(each.severity is not Severity.INFO for each in findings)
    counts = f'tests="{len(names) + len(findings)}" failures="{failures}" errors="0"'
    xml = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="ctxsize" {counts}>',
        f'  <testsuite name={_attribute(f"ctxsize {kind}")} {counts} skipped="0">',
        *succeeded,
        *(line for each in findings for line in _case(each)),
        "  </testsuite>",
        "</testsuites>",
        "",
    ]
    return "\n".join(xml)


def _case(finding: Finding) -> Iterator[str]:
    name = f"{finding.code} {place(finding)}"
    more = (f"  {label} {visible(text)}" for label, text in details(finding))
    body = escape("\n".join([_line(finding), *more]))
    yield f"    <testcase classname={_attribute(finding.location.path)} name={_attribute(name)}>"
    if finding.severity is Severity.INFO:
        yield f"      <system-out>{body}</system-out>"
    else:
        said = f"message={_attribute(finding.message)} type={_attribute(finding.code)}"
        yield f"      <failure {said}>{body}</failure>"
    yield "    </testcase>"


def _attribute(value: str) -> str:
    """Return `value` in quotes; characters that XML forbids are escaped as on a terminal."""
    return quoteattr(visible(value))
