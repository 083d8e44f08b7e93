"""What `ctxsize scan` has to say: values for people's and programs' formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ctxsize.build import Build
from ctxsize.discovery import FoundBuild, Place
from ctxsize.engine.need import Include
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Snapshot
from ctxsize.findings import Finding
from ctxsize.model import Amount, Effect, Problem


@dataclass(frozen=True)
class Row:
    """One build: what it sends, and what it need not."""

    found: FoundBuild
    dockerfile: str | None
    """The one that is read; None without one, and where the Compose or Bake file holds it."""
    ignore_file: str | None
    """The one that governs, None if there is none."""
    context: Amount | None = None
    """What the ignore file leaves; None where `error` says why."""
    transfer: Amount | None = None
    """What of it travels; None where that is not known."""
    saving: Amount | None = None
    """What the safe suggestions keep out of what travels."""
    findings: int = 0
    """Of the scan and of `ctxsize advise`, about this build."""
    error: str | None = None

    @property
    def build(self) -> Build:
        """Return what `docker build` is told."""
        return self.found.build

    @property
    def places(self) -> tuple[Place, ...]:
        """Return what asks for it."""
        return self.found.places

    @property
    def cost(self) -> Amount:
        """Return what travels, or the context where that is not known; nothing where neither is."""
        return self.transfer or self.context or Amount()


@dataclass
class Measured:
    """A row with what it is computed from, as far as that is there."""

    row: Row
    request: Request | None = None
    snapshot: Snapshot | None = None
    includes: list[Include] | None = None
    """The transfers of the build context; None where it is not known what travels."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Scan:
    """Everything that `ctxsize scan` has to say."""

    kind: ClassVar[Literal["scan"]] = "scan"

    root: str
    rows: tuple[Row, ...]
    """The most costly first."""
    findings: tuple[Finding, ...] = ()
    """Across builds; those on Dockerfiles are told by `ctxsize advise`."""
    advice: int = 0
    """How many of the latter there are."""
    problems: tuple[Problem, ...] = ()

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be counted, so that each total is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)
