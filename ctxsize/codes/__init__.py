"""What each code of a finding means: the pages beside this module are the only source.

A code is never used for anything else, also when it is retired. `CTX0` are problems, `CTX1`
lints, `CTX2` advice, `CTX3` discovery, `CTX4` the guard, `CTX5` suggestions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from ctxsize.findings import Finding, Severity

_PAGE = re.compile(
    r"# (?P<name>CTX\d{3}) (?P<slug>[a-z0-9-]+)\n\n"
    r"(?P<summary>.+)\n\n"
    r"Usual severity: (?P<severity>\w+)\.\n\n"
    r"(?P<why>.+)\n"
    r"(?:\n## Bad\n\n```text\n(?P<bad>(?s:.+?))\n```\n)?"
    r"(?:\n## Good\n\n```text\n(?P<good>(?s:.+?))\n```\n)?"
)
_ESCAPED = re.compile(rb"\\([0-3][0-7]{2})")
"""A byte that no one can see, as pages and the terminal show it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding."""

    name: str
    """`CTX101`."""
    slug: str
    """`root-only-name`: the same for people."""
    severity: Severity
    """The usual one; a finding may be worse or lighter."""
    summary: str
    """One sentence: what is wrong, in general."""
    why: str
    """What Docker does, and what to do instead."""
    bad: str = ""
    """An example that is found."""
    good: str = ""
    """The same without the fault."""


@dataclass(frozen=True)
class Rules:
    """The codes that `ctxsize rule` explains."""

    kind: ClassVar[Literal["rules"]] = "rules"

    codes: tuple[Code, ...]
    asked: bool = False
    """Whether they were asked for by name, so that each is explained at length."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return nothing: to explain finds nothing."""
        return ()


@cache
def names(start: str = "CTX") -> tuple[str, ...]:
    """Return all codes that begin so, in order."""
    pages = (each.partition(".") for each in os.listdir(os.path.dirname(__file__)))
    return tuple(sorted(name for name, _, end in pages if end == "md" and name.startswith(start)))


@cache
def code_of(name: str) -> Code:
    """Return what the page of a code says. Raises `KeyError` if there is none."""
    if name not in names():
        raise KeyError(name)
    path = os.path.join(os.path.dirname(__file__), f"{name}.md")
    with open(path, encoding="utf-8") as page:
        found = _PAGE.fullmatch(page.read())
    assert found is not None, path
    parts = {key: text or "" for key, text in found.groupdict().items()}
    examples = {key: _unescaped(parts.pop(key)) for key in ("bad", "good")}
    severity = Severity(parts.pop("severity"))
    return Code(severity=severity, **parts, **examples)


def all_codes() -> tuple[Code, ...]:
    """Return what all pages say, in the order of their names."""
    return tuple(map(code_of, names()))


def severity_of(name: str) -> Severity:
    """Return the usual severity of a code."""
    return code_of(name).severity


def codes_of(findings: Iterable[Finding]) -> list[Code]:
    """Return the codes of `findings`, each once, in the order of their names."""
    by_name = {each.code: each for each in findings}
    return [
        code_of(name) if name in names() else _unknown(found)
        for name, found in sorted(by_name.items())
    ]


def slug_of(name: str) -> str:
    """Return the code's name for people, or nothing for one that is not ours."""
    return code_of(name).slug if name in names() else ""


def _unknown(finding: Finding) -> Code:
    return Code(finding.code, finding.code.lower(), finding.severity, finding.message, "")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), text.encode()).decode()
