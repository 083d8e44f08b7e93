"""The guard's answer for programs, described in `check.schema.json`."""

from __future__ import annotations

from typing import Any

from ctxsize.formats.json import changes, findings, measure
from ctxsize.guard.outcome import CheckReport, ContextCheck, Limit

VERSION = 1


def shape(outcome: CheckReport) -> dict[str, Any]:
    """`outcome` as plain JSON values."""
    return {
        "version": VERSION,
        "passes": outcome.passes,
        "baseline": outcome.baseline,
        "updated": outcome.updated,
        "checks": [_check(each) for each in outcome.checks],
        "unused": findings.shapes(outcome.unused),
    }


def _check(check: ContextCheck) -> dict[str, Any]:
    remedy = check.remedy
    return {
        "name": check.name,
        "passes": check.passes,
        "limits": [_limit(each) for each in check.limits],
        "culprits": [
            {"path": each.path, "content_bytes": each.content_bytes, "files": each.files}
            for each in check.culprits
        ],
        "grown": None if check.grown is None else [changes.change(each) for each in check.grown],
        "remedy": None
        if remedy is None
        else {
            "saves_bytes": remedy.saves.content_bytes,
            "saves_files": remedy.saves.files,
            "enough": remedy.enough,
        },
        "untried": check.untried,
        "findings": findings.shapes(check.findings),
        "accepted": [
            {"code": each.finding.code, "message": each.finding.message, "reason": each.reason}
            for each in check.accepted
        ],
        "report": measure.shape(check.report, refused=not check.passes),
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "name": limit.name,
        "of": limit.of,
        "unit": limit.unit,
        "allowed": limit.allowed,
        "actual": limit.actual,
        "over": limit.over,
        "baseline": limit.baseline,
        "tolerance": limit.tolerance or None,
    }
