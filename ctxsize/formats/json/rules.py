"""The JSON shape of explained codes; `rules.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from ctxsize.codes import Rules


def shape(rules: Rules) -> dict[str, Any]:
    """`rules` as plain JSON values."""
    return {
        "version": 1,
        "codes": [
            {
                "code": code.name,
                "slug": code.slug,
                "severity": code.severity.value,
                "summary": code.summary,
                "why": code.why,
                "bad": code.bad,
                "good": code.good,
            }
            for code in rules.codes
        ],
    }
