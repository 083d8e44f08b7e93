"""The JSON shape of advice on Dockerfiles; `advise.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from ctxsize.advice import DockerfileAdvice
from ctxsize.formats.json import findings


def shape(advice: DockerfileAdvice) -> dict[str, Any]:
    """`advice` as plain JSON values."""
    return {
        "version": 1,
        "root": advice.root,
        "dockerfiles": list(advice.dockerfiles),
        "findings": findings.shapes(advice.findings),
        "mended": findings.shapes(advice.mended),
        "edits": [findings.edit(each) for each in advice.edits],
        "problems": [
            {"code": each.code, "message": each.message, "path": each.path, "line": each.line}
            for each in advice.problems
        ],
    }
