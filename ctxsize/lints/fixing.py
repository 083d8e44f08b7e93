"""Fixes one after the other, each on what the last one left, until there is none to apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ctxsize.findings import Finding
from ctxsize.lints.case import Case

_MOST = 1000


@dataclass(frozen=True)
class Mended:
    """A case after its fixes."""

    case: Case
    applied: tuple[Finding, ...]
    """The findings whose fixes were applied, in that order."""
    left: tuple[Finding, ...]
    """What is found afterwards."""


def mend(
    case: Case,
    lint: Callable[[Case], Sequence[Finding]],
    *,
    unsafe: bool = False,
) -> Mended:
    """`case` with the certain fixes applied, with `unsafe` all of them.

    One that would bring a graver finding than the one it mends is left out, and so
    is one after which the finding is still there, or another one in its place.
    """
    found = lint(case)
    applied: list[Finding] = []
    refused: set[tuple[str, str, bytes]] = set()
    seen = {case.file.data}
    while len(applied) < _MOST:
        for finding in found:
            fix = finding.fix
            if fix is None or not (fix.certain or unsafe):
                continue
            after = fix.edits[0].after
            key = (finding.code, _text(case, finding), after)
            if key in refused or after in seen:
                continue
            other = case.with_data(after)
            found_then = lint(other)
            if _is_worse(case, found, other, found_then, finding):
                refused.add(key)
                continue
            case, found = other, found_then
            seen.add(after)
            applied.append(finding)
            break
        else:
            break
    return Mended(case, tuple(applied), tuple(found))


def _is_worse(
    case: Case,
    before: Iterable[Finding],
    other: Case,
    after: Iterable[Finding],
    mended: Finding,
) -> bool:
    """Whether `mended` is found as often as before, or something new that is graver.

    For a fix that is not certain, what is new and as grave is enough: two such fixes
    could undo each other for ever.
    """
    known = Counter((each.code, _text(case, each)) for each in before)
    found = Counter((each.code, _text(other, each)) for each in after)
    mine = (mended.code, _text(case, mended))
    if found[mine] >= known[mine]:
        return True
    assert mended.fix is not None
    limit = mended.severity.rank + (not mended.fix.certain)
    new = found - known
    return any(
        each.severity.rank < limit for each in after if (each.code, _text(other, each)) in new
    )


def _text(case: Case, finding: Finding) -> str:
    number = finding.location.line
    return case.lines[number - 1].written if number else ""
