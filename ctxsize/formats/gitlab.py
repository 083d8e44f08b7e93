"""A code quality report for GitLab: `artifacts:reports:codequality`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from ctxsize.findings import Finding, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.wording import fingerprints

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(findings: Sequence[Finding]) -> str:
    """Return `findings` as GitLab's code quality JSON."""
    marks = fingerprints(findings)
    issues = [_issue(each, mark) for each, mark in zip(findings, marks, strict=True)]
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
