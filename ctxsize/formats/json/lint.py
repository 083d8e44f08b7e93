"""The JSON shape of what was found in ignore files; `lint.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from ctxsize.findings import Finding
from ctxsize.formats.json import findings
from ctxsize.lints.run import Linted, LintedFile


def shape(linted: Linted) -> dict[str, Any]:
    """`linted` as plain JSON values."""
    return {
        "version": 1,
        "findings": findings.shapes(linted.findings),
        "files": [_file(each) for each in linted.files],
        "problems": [
            {"code": each.code, "message": each.message, "path": each.path, "line": each.line}
            for each in linted.problems
        ],
    }


def _file(file: LintedFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "context": file.context,
        "dockerfiles": list(file.dockerfiles),
        "patterns": file.patterns,
        "content_bytes": file.content_bytes,
        "files": file.files,
        "suppressed": file.suppressed,
        "mended": [_mended(each) for each in file.mended],
        "edit": None if file.edit is None else findings.edit(file.edit),
    }


def _mended(finding: Finding) -> dict[str, Any]:
    assert finding.fix is not None
    return {
        "code": finding.code,
        "line": finding.location.line,
        "message": finding.fix.message,
        "certain": finding.fix.certain,
    }
