"""What made an answer incomplete, or is worth knowing beside it: a value, and no exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Effect(str, Enum):
    """What a problem does to the numbers."""

    NONE = "none"
    """The numbers are exact; the user should know all the same."""
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
