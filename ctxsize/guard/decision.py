"""What `ctxsize check` and `ctxsize diff` have to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ctxsize.accepting import Accepted
from ctxsize.findings import Finding, Severity
from ctxsize.guard.known import SizeChange, SizeChanges
from ctxsize.model import Amount, Clue, Report

MOST_TRIED = 500_000
"""The files of a context up to which a remedy is tried when it is refused: some seconds."""

_CODES = {
    "max": "CTX401",
    "max-files": "CTX402",
    "min": "CTX403",
    "min-files": "CTX403",
    "growth": "CTX404",
    "shrink": "CTX405",
}


@dataclass(frozen=True)
class Limit:
    """One limit of a context, and what it is."""

    name: str
    """`max`, `max-files`, `min`, `min-files`, `growth` or `shrink`, as in the configuration."""
    of: str
    """`context` or `transfer`."""
    unit: str
    """`bytes` or `files`."""
    allowed: int
    actual: int
    baseline: int | None = None
    """For `growth` and `shrink`: what it was."""
    tolerance: str = ""
    """For `growth` and `shrink`: as it was written."""

    @property
    def code(self) -> str:
        """Return the code of the finding that says that it is missed."""
        return _CODES[self.name]

    @property
    def is_floor(self) -> bool:
        """Return whether less is wrong, not more."""
        return self.name in ("min", "min-files", "shrink")

    @property
    def over(self) -> int:
        """Return by how much it is missed, 0 if it is kept."""
        missed = self.allowed - self.actual if self.is_floor else self.actual - self.allowed
        return max(0, missed)


@dataclass(frozen=True)
class Remedy:
    """What `ctxsize suggest --write` is proved to save for the same build."""

    saves: Amount
    enough: bool
    """Whether every budget is kept then."""


@dataclass(frozen=True)
class ContextCheck:
    """One context, held against its budget."""

    name: str
    report: Report
    limits: tuple[Limit, ...]
    findings: tuple[Finding, ...] = ()
    culprits: tuple[Clue, ...] = ()
    """The largest parts, where it is over: files, and directories with a trailing `/`.

    None of those named holds another.
    """
    grown: tuple[SizeChange, ...] | None = None
    """What grew since the baseline, the greatest first; None without one."""
    remedy: Remedy | None = None
    untried: bool = False
    """Whether no remedy was looked for, as there are more files than `MOST_TRIED`."""
    accepted: tuple[Accepted, ...] = ()
    """What there is against it and the configuration accepts."""

    @property
    def missed(self) -> tuple[Limit, ...]:
        """Return the limits that it does not keep, but for those of which that is accepted."""
        accepted = {each.finding.code for each in self.accepted}
        return tuple(each for each in self.limits if each.over and each.code not in accepted)

    @property
    def passes(self) -> bool:
        """Return whether nothing is to be said against it."""
        return not any(each.severity is Severity.ERROR for each in self.findings)


@dataclass(frozen=True)
class CheckReport:
    """Everything that `ctxsize check` has to say."""

    kind: ClassVar[Literal["check"]] = "check"

    checks: tuple[ContextCheck, ...]
    baseline: str | None = None
    """The file, if there is one."""
    updated: bool = False
    """Whether the baseline was rewritten."""
    unused: tuple[Finding, ...] = ()
    """Tables of the configuration that accept nothing."""

    @property
    def passes(self) -> bool:
        """Return whether every context does."""
        return all(each.passes for each in self.checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what the guard has against each context, then what its report warns of."""
        said = [
            finding
            for each in self.checks
            for finding in (
                *each.findings,
                *(found for found in each.report.findings if found.severity is not Severity.INFO),
            )
        ]
        return (*said, *self.unused)

    @property
    def passed(self) -> tuple[str, ...]:
        """Return the contexts that pass, for formats that name what is in order."""
        return tuple(each.name for each in self.checks if each.passes)


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    name: str
    """The file, or the context that was measured now."""
    content_bytes: int
    files: int
    complete: bool
    """Whether all of its files are known."""


@dataclass(frozen=True)
class DiffReport:
    """Everything that `ctxsize diff` has to say."""

    kind: ClassVar[Literal["diff"]] = "diff"

    before: Side
    after: Side
    changes: SizeChanges
    findings: tuple[Finding, ...] = ()
