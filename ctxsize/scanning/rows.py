"""The values of `ctxsize scan`: a row for each build, and their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from os.path import basename, dirname, realpath
from typing import Any, ClassVar, Literal

from ctxsize.build import Build
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Edit, FrozenFindings, Location
from ctxsize.model import Amount, Effect, Problem, Problems, Texts
from ctxsize.recommender.outcome import Advice
from ctxsize.repository import FoundBuild, Place
from ctxsize.values import Mutable, Value
from ctxsize.version import __version__


class Row(Value):
    """One build: the amount that it sends, and the part that the safe suggestions avoid."""

    found: FoundBuild
    dockerfile: str | None  # None without one, and if a Compose or Bake file contains it
    ignore_file: str | None = None  # the path of the ignore file that applies
    context: Amount | None = None  # what the ignore file leaves; None if `error` gives a reason
    transfer: Amount | None = None  # the part of the context that is sent; None if unknown
    named_contexts: Amount = Amount()  # what is sent of directories that are named contexts
    saving: Amount | None = None  # the part of `cost` that the safe suggestions avoid
    is_link: bool = False  # True if the ignore file to write is a symlink
    findings: int = 0  # number of findings about this build, also those of `ctxsize advise`
    failures: Problems = ()  # why the build is known to fail
    error: str | None = None
    is_unread: bool = False  # True if the builder cannot read what `error` names
    count: int = 1  # number of builds that it stands for

    @property
    def build(self) -> Build:
        """Return the options of `docker build`."""
        return self.found.build

    @property
    def places(self) -> tuple[Place, ...]:
        """Return the places that define it."""
        return self.found.places

    @property
    def where(self) -> Location:
        """Return the location of the Dockerfile, or of the place that contains it."""
        if self.dockerfile is None:
            return self.found.where
        return Location(self.dockerfile)

    @property
    def options(self) -> list[str]:
        """Return the options that select its Dockerfile, if it has no usual name, and target."""
        return self.found.options

    @property
    def cost(self) -> Amount:
        """Return all transfers; of a context whose transfer is unknown, the whole of it."""
        return self.with_named(self.transfer or self.context or Amount())

    def with_named(self, amount: Amount) -> Amount:
        """Return an amount with what is sent of the named contexts, which no suggestion changes."""
        return Amount.of(amount, self.named_contexts)

    @property
    def after(self) -> Amount:
        """Return what is left of `cost` by the safe suggestions."""
        return self.cost - (self.saving or Amount())

    def order(self) -> tuple[int, int, str]:
        """Return a key: the most costly comes first."""
        return -self.cost.content_bytes, -self.cost.files, self.build.context

    @property
    def likeness(self) -> object:
        """Return what two builds have in common if a table need not distinguish them.

        They may differ in arguments, which nothing that they take depends on.
        """
        place = None
        if self.dockerfile is None:
            place = self.where
        sizes = (self.context, self.transfer, self.named_contexts, self.saving)
        fate = (self.failures, self.error)
        target = str(self.build.target)
        return self.build.context, self.dockerfile, place, target, self.ignore_file, sizes, fate


def merged_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in order, those that are alike as one with their number."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.likeness].append(row)
    return [*map(_merged_row, groups.values())]


def _merged_row(rows: Sequence[Row]) -> Row:
    first = rows[0]
    if len(rows) == 1:
        return first
    return replace(first, findings=max(row.findings for row in rows), count=len(rows))


class Scan(Value):
    """The answer of `ctxsize scan`."""

    kind: ClassVar[Literal["scan"]] = "scan"

    root: str
    rows: tuple[Row, ...]  # the builds, the most costly first
    findings: FrozenFindings = ()  # across builds; `advise` reports those about Dockerfiles
    advice: int = 0  # number of findings of `ctxsize advise`
    problems: Problems = ()
    merged: Texts = ()  # the reports, if it is not about files here
    ctxsize_version: str = __version__

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be counted, so that each total is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)


class Proposal(Value):
    """The suggestions for one ignore file, and the builds of the context that it is for."""

    advice: Advice
    rows: tuple[Row, ...]  # each with what the chosen suggestions save of it


class Proposals(Value):
    """The answer of `ctxsize suggest --all`."""

    kind: ClassVar[Literal["suggest-all"]] = "suggest-all"

    root: str
    proposals: tuple[Proposal, ...]  # one for each ignore file, the largest saving first
    left_out: tuple[Row, ...] = ()  # builds that cannot be measured, each with its error
    problems: Problems = ()
    written: bool = False

    @property
    def advice(self) -> list[Advice]:
        """Return the suggestions."""
        return [proposal.advice for proposal in self.proposals]

    @property
    def rows(self) -> list[Row]:
        """Return all builds, the most costly first."""
        rows = [row for proposal in self.proposals for row in proposal.rows]
        return sorted([*rows, *self.left_out], key=Row.order)

    @property
    def before(self) -> Amount:
        """Return the amount that all builds send; those that are alike count once."""
        return Amount.of(*(row.cost for row in merged_rows(self.rows)))

    @property
    def saving(self) -> Amount:
        """Return the amount that all builds send less; those that are alike count once."""
        return Amount.of(*(row.saving or Amount() for row in merged_rows(self.rows)))

    @property
    def after(self) -> Amount:
        """Return the amount that all builds send with the chosen suggestions."""
        return self.before - self.saving

    @property
    def edits(self) -> list[Edit]:
        """Return the change of each ignore file, none twice."""
        edits = {}
        for proposal in self.proposals:
            edit = proposal.advice.edit
            if edit is not None:
                edits[realpath(dirname(edit.path)), basename(edit.path)] = edit
        return [*edits.values()]

    @property
    def findings(self) -> FrozenFindings:
        """Return the findings of all proposals, none twice."""
        findings = (finding for proposal in self.proposals for finding in proposal.advice.findings)
        return tuple(dict.fromkeys(findings))


class Measured(Mutable):
    """A row, and the values that it is computed from as far as they are known."""

    row: Row
    plan: Plan | None = None
    snapshot: Snapshot | None = None
    advice: Advice | None = None
    includes: Sequence[Include] = (None,)  # those of the transfers; the context if unknown
    problems: list[Problem] = field(default_factory=list)
    error: CtxsizeError | None = None  # that of the row

    def update(self, **fields: Any) -> None:
        """Set fields of the row."""
        self.row = replace(self.row, **fields)
