"""What is known of a code, wherever its package is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

from ctxsize.findings import Code, Finding

_REGISTRIES = {
    "CTX0": "ctxsize.problem_kinds",
    "CTX1": "ctxsize.lints",
    "CTX2": "ctxsize.advice",
    "CTX3": "ctxsize.projects",
    "CTX4": "ctxsize.guard",
    "CTX5": "ctxsize.recommender",
}
"""The package whose `CODES` hold the codes that begin so."""


@dataclass(frozen=True)
class Rules:
    """The codes that `ctxsize rule` explains."""

    kind: ClassVar[str] = "rules"

    codes: tuple[Code, ...]
    asked: bool = False
    """Whether they were asked for by name, so that each is explained at length."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None: to explain finds nothing."""
        return ()


def all_codes() -> tuple[Code, ...]:
    """The codes of all packages, in the order of their names."""
    found = (code for package in _REGISTRIES.values() for code in _codes_in(package).values())
    return tuple(sorted(found, key=lambda code: code.name))


def code_of(name: str) -> Code | None:
    """What is known of the code `name`, None if nothing is."""
    package = _REGISTRIES.get(name[:4])
    return None if package is None else _codes_in(package).get(name)


def _codes_in(package: str) -> dict[str, Code]:
    """The codes of a package, none where it is not there."""
    try:
        codes: dict[str, Code] = getattr(import_module(package), "CODES", {})
    except ModuleNotFoundError as missing:
        if missing.name != package:
            raise
        return {}
    return codes


def codes_of(findings: Iterable[Finding]) -> list[Code]:
    """The codes of `findings`, each once, in the order of their names."""
    names = {each.code: each for each in findings}
    return [code_of(name) or _unknown(names[name]) for name in sorted(names)]


def _unknown(finding: Finding) -> Code:
    """What one finding tells of its code."""
    return Code(finding.code, finding.code.lower(), finding.severity, finding.message, "")
