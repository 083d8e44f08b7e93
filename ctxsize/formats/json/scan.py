"""The JSON shape of a scan; `scan.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from ctxsize.formats.json import findings
from ctxsize.model import Amount
from ctxsize.scanning import Row, Scan


def shape(scan: Scan) -> dict[str, Any]:
    """`scan` as plain JSON values."""
    return {
        "version": 1,
        "root": scan.root,
        "lower_bound": scan.lower_bound,
        "builds": [_row(each) for each in scan.rows],
        "findings": findings.shapes(scan.findings),
        "advice": scan.advice,
        "problems": [
            {"code": each.code, "message": each.message, "path": each.path, "line": each.line}
            for each in scan.problems
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "context": row.build.context,
        "dockerfile": row.dockerfile,
        "target": row.build.shown_target,
        # Their values come from files and the environment: they may be secrets.
        "build_arguments": dict.fromkeys(map(row.build.masked, row.build.build_arguments)),
        "platforms": list(map(row.build.masked, row.build.platforms)),
        "builder": row.build.builder,
        "guessed": row.found.guessed,
        "places": [
            {
                "how": each.how,
                "name": each.name,
                "path": each.where.path,
                "line": each.where.line,
            }
            for each in row.places
        ],
        "ignore_file": row.ignore_file,
        "context_size": _amount(row.context),
        "transfer": _amount(row.transfer),
        "saving": _amount(row.saving),
        "findings": row.findings,
        "error": row.error,
    }


def _amount(amount: Amount | None) -> dict[str, int] | None:
    if amount is None:
        return None
    return {"content_bytes": amount.content_bytes, "files": amount.files}
