"""A code quality report for GitLab: `artifacts:reports:codequality`."""

from __future__ import annotations

import json
import os
from typing import Any

from ctxsize.findings import Finding, Severity
from ctxsize.formats.fingerprints import fingerprints
from ctxsize.formats.look import Look
from ctxsize.formats.names import visible

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(outcome: Any, look: Look | None = None) -> str:
    """The findings of `outcome` as GitLab's code quality JSON; `look` does not matter."""
    marks = fingerprints(outcome.findings)
    issues = [_issue(each, mark) for each, mark in zip(outcome.findings, marks, strict=True)]
    return json.dumps(issues, indent=2) + "\n"


def _issue(finding: Finding, mark: str) -> dict[str, Any]:
    more = f" ({finding.help})" if finding.help else ""
    return {
        "description": visible(finding.message + more),
        "check_name": finding.code,
        "fingerprint": mark,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": visible(os.path.normpath(finding.location.path)),
            "lines": {"begin": finding.location.line or 1},
        },
    }
