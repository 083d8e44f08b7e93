"""The values of `ctxsize scan`: a row for each build, and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from os.path import join, normpath
from typing import Any, ClassVar, Literal

from ctxsize.build import Build
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.findings import FrozenFindings, Location
from ctxsize.hidden import shown
from ctxsize.model import Amount, Effect, Problem, Problems, Texts
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
    saving: Amount | None = None  # the part of `cost` that the safe suggestions avoid
    findings: int = 0  # number of findings about this build, also those of `ctxsize advise`
    failures: Problems = ()  # why the build is known to fail
    error: str | None = None
    is_unread: bool = False  # True if the builder cannot read what `error` names

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
        usual = join(self.build.context, "Dockerfile")
        file = self.dockerfile or usual
        options = []
        if normpath(file) != normpath(usual):
            options += ["-f", file]
        target = shown(self.build.target)
        if target:
            options += ["--target", target]
        return options

    @property
    def cost(self) -> Amount:
        """Return the transfer; if unknown, the context; if both are unknown, nothing."""
        return self.transfer or self.context or Amount()

    def order(self) -> tuple[int, int, str]:
        """Return a key: the most costly comes first."""
        return -self.cost.content_bytes, -self.cost.files, self.build.context


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


class Measured(Mutable):
    """A row, and the values that it is computed from as far as they are known."""

    row: Row
    plan: Plan | None = None
    snapshot: Snapshot | None = None
    includes: Sequence[Include] = (None,)  # those of the transfers; the context if unknown
    problems: list[Problem] = field(default_factory=list)

    def update(self, **fields: Any) -> None:
        """Set fields of the row."""
        self.row = replace(self.row, **fields)
