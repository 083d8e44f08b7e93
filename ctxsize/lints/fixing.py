"""Apply fixes one after the other, each on what the last one left, until none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from ctxsize.findings import Finding
from ctxsize.lints.case import Case
from ctxsize.recommender.matches import names

_MOST_FIXES = 1000
_MOST_EXCEPTIONS = 2_000

Lint = Callable[[Case], tuple[Finding, ...]]


def apply_fixes(
    case: Case, found: tuple[Finding, ...], lint: Lint, *, unsafe: bool = False
) -> Fixing:
    """Apply the certain fixes of `case`, in which `lint` has `found`; with `unsafe` all of them.

    A fix is left out if it brings a finding more severe than its own, or if its own is
    found as often afterwards.
    """
    fixing, before = Fixing(case, found, lint, unsafe=unsafe), -1
    while before < len(fixing.applied) < _MOST_FIXES:
        before = len(fixing.applied)
        # Refused fixes are tried again once a round, not after every applied fix.
        refused: set[tuple[str, str, str]] = set()
        while fixing.apply_one(refused):
            pass
    return fixing


class Fixing:
    """A case, and what the fixes so far made of it."""

    def __init__(self, case: Case, found: tuple[Finding, ...], lint: Lint, *, unsafe: bool) -> None:
        self.case, self.found = case, found
        """What is there now: the file with its fixes, and what is found in it."""
        self.applied: list[Finding] = []
        """The findings whose fixes were applied, in that order."""
        self._lint, self._unsafe = lint, unsafe
        self._seen = {case.file.data}

    def apply_one(self, refused: set[tuple[str, str, str]]) -> bool:
        """Apply the first useful fix, but none that restores an earlier text of the file."""
        for finding in self.found:
            fix = finding.fix
            if fix is None or not (fix.certain or self._unsafe):
                continue
            after, key = fix.edits[0].after, (*_key(self.case, finding), fix.message)
            if key in refused or after in self._seen or len(self.applied) >= _MOST_FIXES:
                continue
            other = self.case.with_data(after)
            then = self._lint(other)
            if self._is_worse(other, then, finding, certain=fix.certain):
                refused.add(key)
                continue
            self.case, self.found = other, then
            self.applied.append(finding)
            self._seen.add(after)
            return True
        return False

    def _is_worse(
        self, other: Case, then: Iterable[Finding], fixed: Finding, *, certain: bool
    ) -> bool:
        """Return whether `fixed` is found as often as before, or something more severe is new.

        For a fix that is not certain something as severe is enough: two such fixes could
        undo each other without end.
        """
        known = Counter(_key(self.case, each) for each in self.found)
        found = Counter(_key(other, each) for each in then)
        mine = _key(self.case, fixed)
        if found[mine] >= known[mine]:
            return True
        limit = fixed.severity.rank + (not certain)
        new = [each for each in then if _key(other, each) in found - known]
        return any(each.severity.rank < limit or _overrides(self.case, each) for each in new)


def _overrides(case: Case, finding: Finding) -> bool:
    """Return whether the fix hides what an exception of `case`, which may be gone, names."""
    changes = None if finding.fix is None else finding.fix.changes
    hidden = [] if changes is None else [path.rstrip("/") for path in changes.ignored.paths]
    exceptions = [each.pattern for each in case.patterns if each.exception]
    if len(exceptions) > _MOST_EXCEPTIONS:
        return True
    return any(names(each, path) for path in hidden for each in exceptions if each is not None)


def _key(case: Case, finding: Finding) -> tuple[str, str]:
    """Return the code and the text of the line, which stay the same where lines move."""
    number = finding.location.line
    return finding.code, case.lines[number - 1].written if number else ""
