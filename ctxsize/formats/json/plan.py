"""A mode's plan for programs; see `plan.schema.json`."""

from __future__ import annotations

from typing import Any

from ctxsize.formats.json import findings
from ctxsize.formats.json.suggest import problem_shape, size_shape
from ctxsize.recommender.modes.plan import Plan

VERSION = 1


def shape(plan: Plan) -> dict[str, Any]:
    """`plan` as plain JSON values."""
    change = plan.change
    return {
        "version": VERSION,
        "mode": plan.mode,
        "context_path": plan.context_path,
        "dockerfile": plan.dockerfile,
        "builder": plan.builder,
        "ignore_file": plan.ignore_file,
        "new_file": plan.new_file,
        "changes": plan.edit is not None,
        "written": plan.written,
        "impossible": change.impossible or None,
        "hint": change.hint or None,
        "before": size_shape(plan.before),
        "after": size_shape(plan.after),
        "added": [
            {"line": each.line, "heading": each.heading, "reason": each.reason}
            for each in change.added
        ],
        "removed": [
            {"line": each.line, "text": each.text, "why": each.why} for each in change.removed
        ],
        "notes": [
            {"subject": each.subject, "why": each.why, "path": each.path or None, "line": each.line}
            for each in change.notes
        ],
        "findings": findings.shapes(plan.findings),
        "problems": [problem_shape(each) for each in plan.problems],
    }
