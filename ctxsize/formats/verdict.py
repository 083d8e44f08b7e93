"""The level of concern of a report, and the reasons, for every format."""

from __future__ import annotations

from typing import NamedTuple

from ctxsize.model import Amount, Measurement, Reason, Report

LARGE_BYTES = 50_000_000
"""Number of bytes from which a context is worth a look: every cold build sends them."""
TOO_LARGE_BYTES = 500_000_000
MANY_FILES = 5_000
TOO_MANY_FILES = 50_000


class Concern(NamedTuple):
    """A level of concern: its name in JSON, its title, and the style of that."""

    name: str
    title: str
    style: str


FINE = Concern("fine", "Fine", "green")
LOOK = Concern("worth-a-look", "Worth a look", "yellow")
TOO_BIG = Concern("too-big", "Too big", "red")
FAILS = Concern("build-fails", "The build fails", "red")


def level(report: Report) -> Concern:
    """Return the level of concern of `report`."""
    amount = sent(report)
    if report.failing or any(each.code == "source-not-found" for each in report.all_problems):
        return FAILS
    if amount.content_bytes >= TOO_LARGE_BYTES or amount.files >= TOO_MANY_FILES:
        return TOO_BIG
    return LOOK if reasons(report) else FINE


def reasons(report: Report) -> tuple[Reason, ...]:
    """Return the reasons for which `report` is not fine."""
    amount = sent(report)
    size = [Reason("size", (), 0, amount.content_bytes, amount.files)] if is_large(amount) else []
    nothing = [Reason("everything-ignored", (), 0, 0, 0)] if hides_all(report) else []
    suspicious = len(report.suspicious)
    problems = [Reason("problems", (), suspicious, 0, 0)] if suspicious else []
    return (*size, *report.reasons, *nothing, *problems)


def sent(report: Report) -> Amount:
    """Return the size of the transfers, or of the context if they are not known.

    Named contexts are included: a build waits for all of them.
    """
    parts = (each.totals if isinstance(each, Measurement) else each for each in report.parts)
    return Amount.of(*parts)


def is_large(amount: Amount) -> bool:
    """Return whether this is too much to call the report fine."""
    return amount.content_bytes >= LARGE_BYTES or amount.files >= MANY_FILES


def hides_all(report: Report) -> bool:
    """Return whether the ignore file ignores everything."""
    return report.context.totals.entries == 0 and report.ignore_file is not None
