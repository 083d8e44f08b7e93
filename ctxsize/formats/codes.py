"""What is known of a code, wherever its package is."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from ctxsize.findings import Code, Finding

_REGISTRIES = {
    "CTX0": "ctxsize.problems",
    "CTX1": "ctxsize.lints",
    "CTX2": "ctxsize.advice",
    "CTX3": "ctxsize.projects",
    "CTX4": "ctxsize.guard",
    "CTX5": "ctxsize.recommender",
}
"""The package whose `CODES` hold the codes that begin so."""


def code_of(name: str) -> Code | None:
    """What is known of the code `name`, None if nothing is."""
    package = _REGISTRIES.get(name[:4])
    if package is None:
        return None
    try:
        codes: dict[str, Code] = getattr(import_module(package), "CODES", {})
    except ModuleNotFoundError as missing:
        if missing.name != package:
            raise
        return None
    return codes.get(name)


def codes_of(findings: Iterable[Finding]) -> list[Code]:
    """The codes of `findings`, each once, in the order of their names."""
    names = {each.code: each for each in findings}
    return [code_of(name) or _unknown(names[name]) for name in sorted(names)]


def _unknown(finding: Finding) -> Code:
    """What one finding tells of its code."""
    return Code(finding.code, finding.code.lower(), finding.severity, finding.message, "")
