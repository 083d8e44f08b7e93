"""How worrying a report is and why, for every format."""

from __future__ import annotations

from typing import NamedTuple

from ctxsize.model import Measurement, Reason, Report

LARGE_BYTES = 50_000_000
"""From here on a context is worth a look: every cold build waits for it."""
TOO_LARGE_BYTES = 500_000_000
MANY_FILES = 5_000
TOO_MANY_FILES = 50_000


class Concern(NamedTuple):
    """A level of concern."""

    name: str
    """For programs."""
    title: str
    style: str
    sign: str


FINE = Concern("fine", "Fine", "green", "🟢")
LOOK = Concern("worth-a-look", "Worth a look", "yellow", "🟡")
TOO_BIG = Concern("too-big", "Too big", "red", "🔴")
FAILS = Concern("build-fails", "The build fails", "red", "🔴")
REFUSED = Concern("refused", "Refused", "red", "🔴")


def level(report: Report, *, refused: bool = False) -> Concern:
    """Return how worrying `report` is; `check` may have `refused` it."""
    size, files = sent(report)
    if refused:
        return REFUSED
    if report.failing or is_missing_source(report):
        return FAILS
    if size >= TOO_LARGE_BYTES or files >= TOO_MANY_FILES:
        return TOO_BIG
    return LOOK if reasons(report) else FINE


def reasons(report: Report) -> tuple[Reason, ...]:
    """Return why `report` is not fine; nothing if it is."""
    found = list(report.reasons)
    size, files = sent(report)
    if is_sizeable(report):
        found.insert(0, Reason("size", (), 0, size, files))
    if hides_all(report):
        found.append(Reason("everything-ignored", (), 0, 0, 0))
    if report.suspicious:
        found.append(Reason("problems", (), len(report.suspicious), 0, 0))
    return tuple(found)


def sent(report: Report) -> tuple[int, int]:
    """Return the bytes and files that travel, or those of the context where that is not known.

    Of named contexts too: a build waits for all of them.
    """
    parts = [each.totals if isinstance(each, Measurement) else each for each in report.parts]
    return sum(each.content_bytes for each in parts), sum(each.files for each in parts)


def is_sizeable(report: Report) -> bool:
    """Return whether much is sent."""
    size, files = sent(report)
    return size >= LARGE_BYTES or files >= MANY_FILES


def hides_all(report: Report) -> bool:
    """Return whether the ignore file leaves nothing."""
    return report.context.totals.entries == 0 and report.ignore_file is not None


def is_missing_source(report: Report) -> bool:
    """Return whether the build fails on a source, once its contexts are sent."""
    return any(each.code == "source-not-found" for each in report.all_problems)
