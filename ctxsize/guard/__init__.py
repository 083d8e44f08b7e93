"""Judge a context that was measured: limits, findings, and the parts that exceed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

from ctxsize.codes import severity_of
from ctxsize.config import Budget
from ctxsize.engine.plan import ELSEWHERE
from ctxsize.findings import (
    Confidence,
    Finding,
    FrozenFindings,
    Location,
    Severity,
    merge_alike,
)
from ctxsize.guard.baseline import (
    NOTHING_KNOWN,
    Baseline,
    Known,
    RankedChanges,
    SizeChanges,
    of_measurement,
)
from ctxsize.model import Amount, Counted, Problem, Problems, Report, Share, Shares
from ctxsize.units import Tolerance, human, plural
from ctxsize.values import Value

TOO_LARGE = ("CTX401", "CTX402", "CTX404")  # findings that a smaller context solves
DEFAULT_GROWTH = Tolerance(percent=5)  # growth that is allowed by default
_NOT_BUILT = "no-dockerfile"  # the code of the problem of a context without a Dockerfile
_NO_DOCKERFILE = (
    "there is no Dockerfile, so nothing is built of this context: "
    "name the Dockerfile with -f, or check the context that is built"
)
_SUBJECTS = {"context": "the context has", "transfer": "the build sends"}
_MOST = 5  # number of parts that are named
_LEAST = 0.001  # share of the context below which no part is named


class Limit(Value):
    """A limit of a context, and the actual amount."""

    code: str  # the code of the finding that reports a violation
    name: str  # as in the configuration: `max-files`, `growth`, …
    of: str  # `context`, or `transfer` for what the build sends of it
    unit: str  # `bytes` or `files`
    allowed: int
    actual: int
    baseline: int | None = None  # the former amount, for `growth` and `shrink`
    tolerance: str = ""  # the tolerance as written, for `growth` and `shrink`
    since: str = ""  # the commit with the former amount; `""` for the baseline

    @property
    def is_floor(self) -> bool:
        """Return whether this limits the amount from below."""
        return self.name in ("min", "min-files", "shrink")

    @property
    def over(self) -> int:
        """Return the excess, or the shortage for a floor; 0 if the limit is kept."""
        excess = self.actual - self.allowed
        if self.is_floor:
            excess = -excess
        return max(0, excess)

    def shown(self, amount: int) -> str:
        """Return an amount as text, in the unit of this limit."""
        if self.unit == "bytes":
            return human(amount)
        return plural(amount, "file")


class Accepted(NamedTuple):
    """A finding that the configuration accepts, and why."""

    finding: Finding
    reason: str


class Remedy(Value):
    """The proved saving of `ctxsize suggest --write` for the same build."""

    saves: Amount
    enough: bool  # True if it meets every budget
    of: str = "transfer"  # or `context`: of which size it is the saving
    ignore_file: str = ""  # the path of the file to write
    is_link: bool = False  # True if that is a symlink, which `--write` refuses


class ContextCheck(Value):
    """The check of one context against its budget."""

    name: str
    report: Report
    limits: tuple[Limit, ...]
    findings: FrozenFindings = ()
    culprits: Shares = ()  # the largest parts if it is too large; none contains another
    grown: RankedChanges | None = None  # since the baseline, the greatest first
    remedy: Remedy | None = None
    doubtful: str | None = None  # the largest of `culprits` about which a person may decide
    accepted: tuple[Accepted, ...] = ()  # findings that the configuration accepts
    assertions: int = 0  # number of patterns that are required or forbidden
    policy: bool = False  # the limits are those of a policy, which no configuration loosens
    since: str = ""  # the commit with which it was compared; `""` for the baseline
    untracked: Share | None = None  # what git does not track of what is sent, by the largest file

    @property
    def missed(self) -> tuple[Limit, ...]:
        """Return the limits that are violated, except accepted ones."""
        accepted_codes = {accepted.finding.code for accepted in self.accepted}
        return tuple(
            limit for limit in self.limits if limit.over and limit.code not in accepted_codes
        )

    @property
    def passes(self) -> bool:
        """Return whether there is no error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


class Unchecked(NamedTuple):
    """A build that cannot be measured, and why."""

    name: str
    error: str


class CheckReport(Value):
    """The outcome of `ctxsize check`."""

    kind: ClassVar[Literal["check"]] = "check"

    checks: tuple[ContextCheck, ...]
    root: str = "."  # the directory below which all of them are
    unchecked: tuple[Unchecked, ...] = ()  # beside those of `checks`
    baseline: str | None = None  # path of the baseline, if there is one
    against: str | None = None  # the revision that takes its place
    problems: Problems = ()  # what was not compared with that
    updated: bool = False  # True if the baseline was rewritten
    unused: FrozenFindings = ()  # about tables of the configuration that accept nothing

    @property
    def passes(self) -> bool:
        """Return whether every context passes."""
        return not self.unchecked and all(check.passes for check in self.checks)

    @property
    def findings(self) -> FrozenFindings:
        """Return the findings of the guard, and the warnings of the reports."""
        findings = list[Finding]()
        for check in self.checks:
            findings += check.findings
            findings += (
                problem
                for problem in check.report.findings_but(_is_of_fate)
                if problem.severity is not Severity.INFO
            )
        return (*findings, *self.unused)


def judged_size(budget: Budget, report: Report) -> str:
    """Return which size is judged: unless `budget` says it, what the build sends, if known."""
    if budget.of is not None:
        return budget.of
    if report.transfers:
        return "transfer"
    return "context"


def judge(
    name: str,
    report: Report,
    budget: Budget,
    baseline: Baseline | None,
    sent: Callable[[], Known] | None = None,
) -> ContextCheck:
    """Judge `report` by `budget`, and by whether the build can succeed.

    `sent` returns the sizes of what the build sends, for one that sends a part of the context.
    """
    of = judged_size(budget, report)
    recorded = (baseline or {}).get(name)
    limits = tuple(_limits(budget, of, report, recorded))
    missed = [limit for limit in limits if limit.over]
    units = {limit.unit for limit in missed if limit.code in TOO_LARGE}
    judged = of_measurement(report.context)
    if missed and sent is not None and not _is_whole(report, of):
        judged = sent()
    blamed: Shares = ()
    if units:
        blamed = culprits(judged, by_files="bytes" not in units)
    messages = [(limit.code, f"{name}: {_violation(limit)}") for limit in missed]
    if baseline is not None and recorded is None:
        messages.append(("CTX407", f"{name} is not in the baseline"))
    confidence = Confidence.CERTAIN
    if report.lower_bound:
        confidence = Confidence.LIKELY
    if report.lower_bound and not missed:
        why = "a part of it could not be counted, so it may be over its budget"
        least = human(actual(report, of).content_bytes)
        messages.append(("CTX408", f"{name} has at least {least}: {why}"))
    messages += (("CTX406", f"{name} has shrunk: {why}") for why in _lowerings(limits))
    place = _place(report, of)
    evidence = dict.fromkeys(
        TOO_LARGE, tuple(f"{human(part.content_bytes)} in {part.name}" for part in blamed)
    )
    findings = [
        Finding(
            code=code,
            severity=severity_of(code),
            message=message,
            location=place,
            confidence=confidence,
            evidence=evidence.get(code, ()),
        )
        for code, message in messages
    ]
    findings += merge_alike(_fate(name, report))
    grown = None
    since = ""
    untracked = None
    if recorded is not None:
        since = recorded.since
        untracked = recorded.untracked
        grown = SizeChanges(recorded.compared or recorded, recorded.now or judged).parts()
    return ContextCheck(
        name=name,
        report=report,
        limits=limits,
        findings=tuple(findings),
        culprits=blamed,
        grown=grown,
        since=since,
        untracked=untracked,
    )


def _lowerings(limits: Iterable[Limit]) -> Iterator[str]:
    """Yield a clause for a baseline from which the context shrank by more than it may grow."""
    for limit in limits:
        before = limit.baseline
        if limit.name != "growth" or limit.unit != "bytes" or before is None:
            continue
        if limit.since:
            continue  # nobody writes that one
        if before - limit.actual > limit.allowed - before:
            yield f"its baseline of {human(before)} can be lowered to {human(limit.actual)}"


def _fate(name: str, report: Report) -> Iterator[Finding]:
    """Yield a finding for each reason why the build fails, or because nothing is built."""
    for problem in report.failures:
        finding = fatal_finding(problem, report.place_of(problem))
        yield replace(finding, message=f"{name}: {finding.message}")
    for problem in report.problems:
        if problem.code != _NOT_BUILT:
            continue
        message = _NO_DOCKERFILE
        if problem.message.startswith(ELSEWHERE):
            message = problem.message  # it names a build that was found nearby
        yield Finding(
            code="CTX412",
            severity=Severity.ERROR,
            message=f"{name}: {message}",
            location=Location(report.context_path),
        )


def fatal_finding(problem: Problem, path: str) -> Finding:
    """Return the finding for a problem at `path` with which the build is known to fail."""
    return Finding(
        code="CTX411",
        severity=Severity.ERROR,
        message=problem.message,
        location=Location(path, problem.line),
    )


def _is_of_fate(problem: Problem) -> bool:
    """Return whether `_fate` reports a problem."""
    return problem.is_fatal or problem.code == _NOT_BUILT


def actual(report: Report, of: str) -> Amount:
    """Return the size of the context, or of all transfers together, named contexts included."""
    if of == "context":
        return Amount.of(report.context.totals)
    parts = [*report.transfers]
    for named in report.named_contexts:
        parts += named.transfers
    return Amount.of(*parts)


def _limits(budget: Budget, of: str, report: Report, recorded: Known | None) -> Iterator[Limit]:
    size = actual(report, of)
    for code, name, unit, allowed in (
        ("CTX401", "max", "bytes", budget.max_bytes),
        ("CTX402", "max-files", "files", budget.max_files),
        ("CTX403", "min", "bytes", budget.min_bytes),
        ("CTX403", "min-files", "files", budget.min_files),
    ):
        if allowed is not None:
            yield Limit(
                code=code,
                name=name,
                of=of,
                unit=unit,
                allowed=allowed,
                actual=in_unit(unit, size),
            )
    if recorded is None:
        return
    if of == "transfer" and recorded.transfer is not None:
        old = recorded.transfer
    else:
        of = "context"  # like is compared with like
        size = actual(report, of)
        old = Amount.of(recorded)
    size -= recorded.apart
    for code, name, tolerance, sign in (
        ("CTX404", "growth", budget.growth or DEFAULT_GROWTH, 1),
        ("CTX405", "shrink", budget.shrink, -1),
    ):
        if tolerance is None:
            continue
        units = ["bytes"]
        if tolerance.percent is not None:
            units.append("files")  # a percentage is one of both
        for unit in units:
            before = in_unit(unit, old)
            yield Limit(
                code=code,
                name=name,
                of=of,
                unit=unit,
                allowed=max(0, before + sign * tolerance.limit(before)),
                actual=in_unit(unit, size),
                baseline=before,
                tolerance=str(tolerance),
                since=recorded.since,
            )


def in_unit(unit: str, amount: Counted) -> int:
    """Return the number of files, or of bytes."""
    if unit == "files":
        return amount.files
    return amount.content_bytes


def _violation(limit: Limit) -> str:
    """Return a clause about a violated limit, with its figures."""
    shown = limit.shown
    now = shown(limit.actual)
    before = limit.baseline
    if before is None:
        side = "over its budget"
        if limit.is_floor:
            side = "under its minimum"
        subject = _SUBJECTS[limit.of]
        return f"{subject} {now}, {shown(limit.over)} {side} of {shown(limit.allowed)}"
    what = "grew"
    if limit.is_floor:
        what = "shrank"
    since = limit.since or "the baseline"
    return (
        f"the {limit.of} {what} by {shown(abs(limit.actual - before))} since {since}, "
        f"from {shown(before)} to {now}; "
        f"the tolerance is {limit.tolerance}"
    )


def _is_whole(report: Report, of: str) -> bool:
    """Return whether the whole context is judged."""
    return of == "context" or any(transfer.everything for transfer in report.transfers)


def _place(report: Report, of: str) -> Location:
    """Return the ignore file, or the largest source of the Dockerfile."""
    if report.ignore_file is not None and _is_whole(report, of):
        return Location(report.ignore_file.path, 1)
    sources = [source for transfer in report.transfers for source in transfer.sources]
    largest = max(sources, key=lambda source: source.content_bytes, default=None)
    line = None
    if report.dockerfile is not None and largest is not None:
        line = largest.line
    return Location(report.dockerfile or report.context_path, line)


def culprits(known: Known, *, by_files: bool = False) -> Shares:
    """Return the largest parts, each as deep as a single part has nearly all of it."""
    unit = "bytes"
    if by_files:
        unit = "files"
    least = max(1, _LEAST * in_unit(unit, known))
    known = replace(
        known,
        directories={
            path: size for path, size in known.directories.items() if in_unit(unit, size) >= least
        },
    )
    largest = []
    for part in SizeChanges(NOTHING_KNOWN, known).parts(by_files=by_files, most=_MOST):
        share = Share(part.path, content_bytes=part.delta_bytes, files=1)
        if part.is_directory:
            share = replace(share, name=f"{part.path}/", files=part.delta_files)
        largest.append(share)
    return tuple(share for share in largest if in_unit(unit, share) >= least)
