"""What is known of a code, wherever its package is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from ctxsize.findings import Code, Finding


@dataclass(frozen=True)
class Rules:
    """The codes that `ctxsize rule` explains."""

    kind: ClassVar[Literal["rules"]] = "rules"

    codes: tuple[Code, ...]
    asked: bool = False
    """Whether they were asked for by name, so that each is explained at length."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None: to explain finds nothing."""
        return ()


def all_codes() -> tuple[Code, ...]:
    """The codes of all packages, in the order of their names."""
    found = (code for number in range(6) for code in _codes_like(f"CTX{number}").values())
    return tuple(sorted(found, key=lambda code: code.name))


def code_of(name: str) -> Code | None:
    """What is known of the code `name`, None if nothing is."""
    return _codes_like(name[:4]).get(name)


def _codes_like(start: str) -> Mapping[str, Code]:
    """The codes that begin so, of the package that finds them."""
    match start:
        case "CTX0":
            from ctxsize.problem_kinds import CODES
        case "CTX1":
            from ctxsize.lints import CODES
        case "CTX2":
            from ctxsize.advice.codes import CODES
        case "CTX3":
            from ctxsize.projects.codes import CODES
        case "CTX4":
            from ctxsize.guard.codes import CODES
        case "CTX5":
            from ctxsize.recommender.codes import CODES
        case _:
            return {}
    return CODES


def codes_of(findings: Iterable[Finding]) -> list[Code]:
    """The codes of `findings`, each once, in the order of their names."""
    names = {each.code: each for each in findings}
    return [code_of(name) or _unknown(names[name]) for name in sorted(names)]


def _unknown(finding: Finding) -> Code:
    """What one finding tells of its code."""
    return Code(finding.code, finding.code.lower(), finding.severity, finding.message, "")
