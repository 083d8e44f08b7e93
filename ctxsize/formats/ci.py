"""Formats for CI: annotations of GitHub Actions, code quality of GitLab, and JUnit XML."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from ctxsize.codes import code_of
from ctxsize.findings import Finding, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.wording import details, fingerprints, place, summary

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_OF_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
SHOWN = 10
"""Number of annotations of a level that GitHub shows for a step."""


def github(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as workflow commands, and a summary.

    The most severe become annotations. The others follow as folded lines, escaped so that
    the runner does not parse them as commands.
    """
    lines: list[str] = []
    rest: list[Finding] = []
    for severity in Severity:
        of_level = [each for each in findings if each.severity is severity]
        lines += map(_command, of_level[:SHOWN])
        rest += of_level[SHOWN:]
    if rest:
        lines.append(f"::group::{len(rest)} more, as GitHub shows {SHOWN} annotations per level")
        for each in rest:
            text = f"- {place(each)} {each.severity.value} {each.code} {visible(each.message)}"
            lines.append(text.replace("##[", "# #["))
        lines.append("::endgroup::")
    return "\n".join([*lines, f"ctxsize {kind}: {summary(findings)}", ""])


def _command(finding: Finding) -> str:
    location = finding.location
    properties = {"file": os.path.normpath(location.path), "line": location.line}
    if location.line is not None:
        properties["endLine"] = location.end_line
        if location.end_line in (None, location.line):
            properties |= {"col": location.column, "endColumn": location.end_column}
    properties["title"] = f"{finding.code} {code_of(finding.code).slug}"
    said = ",".join(f"{key}={_value(value)}" for key, value in properties.items() if value)
    more = (f"{label} {text}" for label, text in details(finding) if label.endswith(":"))
    message = "\n".join((finding.message, *more))
    text = "\n".join(map(visible, message.split("\n")))
    return f"::{_LEVELS[finding.severity]} {said}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(value: object) -> str:
    text = str(value).encode("utf-8", "backslashreplace").decode()
    # GitHub has no escape for other control characters, and its log is a terminal.
    text = "".join(char if char in "\r\n" else visible(char) for char in text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(findings: Sequence[Finding]) -> str:
    """Return `findings` as a code quality report for GitLab: `artifacts:reports:codequality`."""
    issues = [
        {
            "description": visible(
                finding.message + (f" ({finding.help})" if finding.help else "")
            ),
            "check_name": finding.code,
            "fingerprint": mark,
            "severity": _OF_GITLAB[finding.severity],
            "location": {
                "path": visible(os.path.normpath(finding.location.path)),
                "lines": {"begin": finding.location.line or 1},
            },
        }
        for finding, mark in zip(findings, fingerprints(findings), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"


def junit(kind: str, findings: Sequence[Finding], passed: Sequence[str]) -> str:
    """Return JUnit XML: a failed test for each finding, except those of severity info.

    Each name in `passed` is a successful test, so that a green run has some.
    """
    found = [line for each in findings for line in _case(each)]
    names = passed if passed or findings else ["no findings"]
    succeeded = [
        f"    <testcase classname={_attribute(f'ctxsize.{kind}')} name={_attribute(each)}/>"
        for each in names
    ]
    failures = sum(each.severity is not Severity.INFO for each in findings)
    counts = f'tests="{len(names) + len(findings)}" failures="{failures}" errors="0"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="ctxsize" {counts}>',
            f'  <testsuite name={_attribute(f"ctxsize {kind}")} {counts} skipped="0">',
            *succeeded,
            *found,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _case(finding: Finding) -> Iterator[str]:
    name = f"{finding.code} {place(finding)}"
    head = f"{place(finding)} {finding.severity.value} {finding.code} {visible(finding.message)}"
    more = (f"  {label or '|'} {visible(text)}" for label, text in details(finding))
    body = escape("\n".join([head, *more]))
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
