"""JUnit XML, which most CI servers show: a failed test for each finding that is more than a note.

What an outcome found in order are its passed tests, so that a green run has some too.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from ctxsize.findings import Finding, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.wording import EVIDENCE, place


def render(kind: str, findings: Sequence[Finding], passed: Sequence[str]) -> str:
    """Return `findings` of the command `kind` as JUnit XML, and the names of what `passed`."""
    cases = [_passed(kind, each) for each in passed]
    cases += [_case(each) for each in findings]
    cases = cases or [_passed(kind, "no findings")]
    failures = sum(each.severity is not Severity.INFO for each in findings)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="ctxsize" {counts}>',
            f'  <testsuite name={_attribute(f"ctxsize {kind}")} {counts} skipped="0">',
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _passed(kind: str, name: str) -> str:
    return f"    <testcase classname={_attribute(f'ctxsize.{kind}')} name={_attribute(name)}/>"


def _case(finding: Finding) -> str:
    name = f"{finding.code} {place(finding)}"
    opening = (
        f"    <testcase classname={_attribute(finding.location.path)} name={_attribute(name)}>"
    )
    body = escape("\n".join(_body(finding)))
    if finding.severity is Severity.INFO:
        return f"{opening}\n      <system-out>{body}</system-out>\n    </testcase>"
    said = f"message={_attribute(finding.message)} type={_attribute(finding.code)}"
    return f"{opening}\n      <failure {said}>{body}</failure>\n    </testcase>"


def _body(finding: Finding) -> list[str]:
    head = f"{place(finding)} {finding.severity.value} {finding.code}"
    lines = [f"{head} {visible(finding.message)}"]
    lines += [f"  | {visible(each)}" for each in finding.evidence[:EVIDENCE]]
    lines += [f"  help: {visible(finding.help)}"] if finding.help else []
    return lines + ([f"  fix: {visible(finding.fix.message)}"] if finding.fix else [])


def _attribute(value: str) -> str:
    """Return `value` in quotes; what XML cannot hold is escaped as on a terminal."""
    return quoteattr(visible(value))
