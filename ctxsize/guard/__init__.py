"""Judge a context: its limits, what is said against it, and which parts are to blame.

Nothing is read or measured here: the values are what `check` and `diff` answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ctxsize.accepting import Accepted
from ctxsize.config import Budget
from ctxsize.config.keys import Tolerance
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.guard.baseline import Baseline
from ctxsize.guard.known import Known, SizeChange, SizeChanges, between
from ctxsize.model import Amount, Clue, Counted, Directory, Measurement, Report
from ctxsize.units import human, plural

MOST_TRIED = 500_000
"""The files of a context up to which a remedy is tried when it is refused: some seconds."""
DEFAULT_GROWTH = Tolerance(percent=5)
"""What a context may grow since its baseline where nobody says."""
_MOST = 0.95
"""Share of a directory from which on the one part of it that holds it is named instead."""
_LEAST = 0.001
"""Share of the context below which nothing is to blame."""
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

    def shown(self, amount: int) -> str:
        """Return an amount in the unit of this limit, for a person."""
        return human(amount) if self.unit == "bytes" else plural(amount, "file")


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
    """The largest parts where it is over, none of which holds another."""
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


def judge(
    name: str, report: Report, budget: Budget, *, known: Known, baseline: Baseline | None = None
) -> ContextCheck:
    """Return what there is to say about `report` under `budget`; `known` is what is known of it."""
    of = budget.of or "context"
    size = actual(report, of)
    entry = None if baseline is None else baseline.get(name)
    limits = tuple(_limits(budget, of, size, entry))
    missed = [each for each in limits if each.over]
    units = [each.unit for each in missed if not each.is_floor]
    blamed = culprits(report.context, by_files="bytes" not in units) if units else ()
    found: list[Finding] = []
    for each in missed:
        evidence = (f"{human(part.content_bytes)} in {part.path}" for part in blamed)
        finding = _finding(each.code, f"{name}: {said(each)}", report, each.of)
        found.append(finding if each.is_floor else replace(finding, evidence=tuple(evidence)))
    if baseline is not None and entry is None:
        found.append(_finding("CTX407", f"{name} is not in the baseline", report, of))
    if report.lower_bound and not missed:
        least = f"{name} holds at least {human(size.content_bytes)}"
        message = f"{least}: a part of it could not be counted"
        found.append(_finding("CTX408", message, report, of))
    for each in limits:
        if each.name == "growth" and each.unit == "bytes" and each.baseline is not None:
            # The baseline could follow the context down, by more than it may grow.
            slack = each.baseline - each.actual
            if slack > each.allowed - each.baseline and slack > 0:
                was, now = human(each.baseline), human(each.actual)
                message = f"{name}: the baseline of {was} could shrink to {now}"
                found.append(_finding("CTX406", message, report, of, severity=Severity.INFO))
    grown = None if entry is None else between(entry, known).grown
    return ContextCheck(name, report, limits, tuple(found), blamed, grown)


def actual(report: Report, of: str) -> Amount:
    """Return what is in the context, or in all its transfers together."""
    return Amount.of(report.context.totals) if of == "context" else Amount.of(*report.transfers)


def _limits(budget: Budget, of: str, size: Amount, entry: Known | None) -> Iterator[Limit]:
    for name, unit, allowed in (
        ("max", "bytes", budget.max_bytes),
        ("max-files", "files", budget.max_files),
        ("min", "bytes", budget.min_bytes),
        ("min-files", "files", budget.min_files),
    ):
        if allowed is not None:
            yield Limit(name, of, unit, allowed, in_unit(unit, size))
    if entry is None:
        return
    was = Amount.of(entry)
    old = was if of == "context" or entry.transfer is None else entry.transfer
    growth = budget.growth or DEFAULT_GROWTH
    for name, tolerance, sign in (("growth", growth, 1), ("shrink", budget.shrink, -1)):
        if tolerance is None:
            continue
        # A size says nothing about files; a percentage is one of both.
        for unit in ("bytes",) if tolerance.percent is None else ("bytes", "files"):
            before, now = in_unit(unit, old), in_unit(unit, size)
            allowed = max(0, before + sign * tolerance.limit(before))
            yield Limit(name, of, unit, allowed, now, before, str(tolerance))


def in_unit(unit: str, amount: Amount) -> int:
    """Return the files or the bytes of `amount`."""
    return amount.files if unit == "files" else amount.content_bytes


def said(limit: Limit) -> str:
    """Return what is wrong, with its figures."""
    what = f"the {limit.of}"
    now, allowed, over = map(limit.shown, (limit.actual, limit.allowed, limit.over))
    if limit.baseline is None:
        side = "under its minimum" if limit.is_floor else "over its budget"
        return f"{what} has {now}, {over} {side} of {allowed}"
    was = limit.shown(limit.baseline)
    change = limit.shown(abs(limit.actual - limit.baseline))
    verb = "shrank" if limit.is_floor else "grew"
    return (
        f"{what} {verb} by {change} since the baseline, from {was} to {now}; "
        f"the tolerance is {limit.tolerance}"
    )


def _finding(
    code: str, message: str, report: Report, of: str, *, severity: Severity = Severity.ERROR
) -> Finding:
    """Return a finding at what is to be changed: the ignore file, or what takes most."""
    place = Location(report.dockerfile or report.context_path)
    if of == "context" and report.ignore_file is not None:
        place = Location(report.ignore_file.path, 1)
    elif report.dockerfile is not None:
        sources = [source for each in report.transfers for source in each.sources]
        most = max(sources, key=lambda each: each.content_bytes, default=None)
        place = Location(report.dockerfile, None if most is None else most.line)
    confidence = Confidence.LIKELY if report.lower_bound else Confidence.CERTAIN
    return Finding(code, severity, message, place, confidence)


def culprits(context: Measurement, count: int = 5, *, by_files: bool = False) -> tuple[Clue, ...]:
    """Return the `count` largest parts, each named as deep as one part holds nearly all of it."""

    def weight(part: Counted) -> int:
        return part.files if by_files else part.content_bytes

    def deepest(directory: Directory) -> Clue:
        inside: list[Clue | Directory] = [*directory.children]
        if not by_files:
            inside += (each for each in files if each.path.rpartition("/")[0] == directory.path)
        most = max(inside, key=weight, default=None)
        if most is None or weight(most) < max(1, _MOST * weight(directory)):
            return Clue("directory", f"{directory.path}/", directory.content_bytes, directory.files)
        return most if isinstance(most, Clue) else deepest(most)

    files = [Clue("file", each.name, each.content_bytes, 1) for each in context.largest_files]
    parts = [
        *map(deepest, context.tree.children),
        *(each for each in files if "/" not in each.path),
    ]
    parts.sort(key=lambda each: (-weight(each), -each.content_bytes, -each.files, each.path))
    least = max(1, _LEAST * weight(context.totals))
    return tuple(each for each in parts[:count] if weight(each) >= least)
