"""Apply fixes one after the other, each on what the last one left, until none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ctxsize.findings import Finding
from ctxsize.lints.case import Case

_MOST = 1000


@dataclass(frozen=True)
class FixedCase:
    """A case after its fixes."""

    case: Case
    applied: tuple[Finding, ...]
    """The findings whose fixes were applied, in that order."""
    left: tuple[Finding, ...]
    """What is found afterwards."""


def apply_fixes(
    case: Case,
    lint: Callable[[Case], Sequence[Finding]],
    *,
    unsafe: bool = False,
) -> FixedCase:
    """Return `case` with the certain fixes applied, with `unsafe` all of them.

    A fix that would bring a worse finding than it removes is left out, and so
    is one after which the finding is still there, or another one in its place.
    """
    applied: list[Finding] = []
    seen = {case.file.data}
    found = lint(case)
    while True:
        before = len(applied)
        # Refused fixes are tried again once a round, not after every applied fix.
        refused: set[tuple[str, str, str]] = set()
        while step := _step(case, lint, found, refused, seen, unsafe=unsafe):
            applied.append(step.finding)
            case, found = step.case, step.found
            seen.add(case.file.data)
        if not before < len(applied) < _MOST:
            return FixedCase(case, tuple(applied), tuple(found))


class _Step(NamedTuple):
    """A fix that was applied, and what is there after it."""

    finding: Finding
    case: Case
    found: Sequence[Finding]


def _step(
    case: Case,
    lint: Callable[[Case], Sequence[Finding]],
    found: Sequence[Finding],
    refused: set[tuple[str, str, str]],
    seen: set[bytes],
    *,
    unsafe: bool,
) -> _Step | None:
    """Return the first useful fix, None for none; the others are noted in `refused`.

    What leads back to what was `seen` is left alone.
    """
    for finding in found:
        fix = finding.fix
        if fix is None or not (fix.certain or unsafe):
            continue
        after = fix.edits[0].after
        key = (finding.code, _text(case, finding), fix.message)
        if key in refused or after in seen or len(seen) > _MOST:
            continue
        other = case.with_data(after)
        then = lint(other)
        if not _is_worse(case, found, other, then, finding):
            return _Step(finding, other, then)
        refused.add(key)
    return None


def _is_worse(
    case: Case,
    before: Iterable[Finding],
    other: Case,
    after: Iterable[Finding],
    fixed: Finding,
) -> bool:
    """Return whether `fixed` is found as often as before, or something worse is new.

    For a fix that is not certain, what is new and as grave is enough: two such fixes
    could undo each other for ever.
    """
    known = Counter((each.code, _text(case, each)) for each in before)
    found = Counter((each.code, _text(other, each)) for each in after)
    mine = (fixed.code, _text(case, fixed))
    if found[mine] >= known[mine]:
        return True
    assert fixed.fix is not None
    limit = fixed.severity.rank + (not fixed.fix.certain)
    new = [each for each in after if (each.code, _text(other, each)) in found - known]
    return any(each.severity.rank < limit or _overrides(case, each) for each in new)


def _overrides(case: Case, finding: Finding) -> bool:
    """Return whether the fix hides what a removed exception of `case` names."""
    changes = None if finding.fix is None else finding.fix.changes
    hidden = () if changes is None else changes.ignored.paths
    return case.lets_in_one_of(path.rstrip("/") for path in hidden)


def _text(case: Case, finding: Finding) -> str:
    number = finding.location.line
    return case.lines[number - 1].written if number else ""
