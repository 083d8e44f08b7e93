"""What made an answer incomplete, or is worth knowing beside it: a value, and no exception."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a report without problems needs none of it
    from ctxsize.findings import Finding


class Effect(str, Enum):
    """What a problem does to the numbers."""

    NONE = "none"
    """The numbers are exact, but the user should know."""
    LOWER_BOUND = "lower_bound"
    """Something could not be counted: each total is "at least"."""


@dataclass(frozen=True)
class Problem:
    """Something worth knowing that did not stop the measurement."""

    code: str
    """A stable word for programs, for instance `arrives-empty`."""
    message: str
    path: str | None = None
    line: int | None = None
    effect: Effect = Effect.NONE
    count: int = 1
    """How many entries it concerns; `path` is the first of them."""
    fails: bool = False
    """Whether the builder rejects the Dockerfile, so that nothing is built of it."""


def found(problem: Problem, path: str) -> Finding:
    """Return a problem as a finding about `path`."""
    from ctxsize.codes import code_of, names
    from ctxsize.findings import Confidence, Finding, Location, Severity

    by_slug = {each.slug: each for each in map(code_of, names("CTX0"))}
    code = by_slug.get(problem.code, code_of("CTX000"))
    return Finding(
        code.name,
        Severity.ERROR if problem.fails else code.severity,
        problem.message,
        Location(path, problem.line),
        Confidence.CERTAIN if problem.effect is Effect.NONE else Confidence.LIKELY,
        files=problem.count if problem.count > 1 else None,
    )


def of_edits(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """Return the problems of writing files, whose paths are those of the edits, as findings."""
    from ctxsize.findings import in_order

    return in_order([found(each, each.path or "") for each in problems])
