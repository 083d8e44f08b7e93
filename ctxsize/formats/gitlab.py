"""A code quality report for GitLab: `artifacts:reports:codequality`."""

from __future__ import annotations

import json
import os
from typing import Any

from ctxsize.findings import Finding, Severity
from ctxsize.formats.findings import fingerprints
from ctxsize.formats.names import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.formats import Outcome

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(outcome: Outcome) -> str:
    """Return the findings of `outcome` as GitLab's code quality JSON."""
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
