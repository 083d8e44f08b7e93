"""Patterns that add nothing to others."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Code, Finding, Severity
from ctxsize.lints.case import Case, Line, Lint
from ctxsize.lints.changes import NOTHING, Proposal
from ctxsize.lints.implication import covers_all_of, matches_all_of

REDUNDANT = Code(
    "CTX112",
    "redundant-pattern",
    Severity.INFO,
    "All that the pattern matches is ignored by another pattern.",
    "The line can go without any effect, in this tree and in every other one.",
    "logs\nlogs/*.log",
    "logs",
)
DUPLICATE = Code(
    "CTX113",
    "duplicate-pattern",
    Severity.INFO,
    "The same pattern stands in the file twice.",
    "Docker drops `/` at both ends and `./` in front, so that lines may be equal that do not look "
    "so. The second one can go, unless a pattern of the other kind between them undoes the first.",
    "dist\n/dist/",
    "dist",
)


def redundant(case: Case) -> Iterator[Finding]:
    """Patterns that others imply."""
    wide = [line for line in _lasting(case) if line.ignores and "*" in line.text]
    literal: dict[str, list[Line]] = {}
    for line in _lasting(case):
        if line.ignores and "*" not in line.text:
            literal.setdefault(line.text, []).append(line)
    for line in case.patterns:
        if not line.ignores:
            continue
        above = [each for path in _above(line.text) for each in literal.get(path, ())]
        wider = next((each for each in (*above, *wide) if _implies(case, each, line)), None)
        if wider is not None:
            yield case.finding(
                REDUNDANT,
                line,
                f"line {wider.number} ({wider.written}) ignores all that {line.text} matches",
                fix=_removed(line),
            )


def _lasting(case: Case) -> Iterator[Line]:
    """The patterns that may stand in for others: not those that stop the build."""
    return (line for line in case.patterns if not line.controls)


def _above(text: str) -> Iterator[str]:
    """The directories above the path or pattern `text`."""
    return (text[:at] for at, char in enumerate(text) if char == "/")


def duplicate(case: Case) -> Iterator[Finding]:
    """Patterns that stand there already."""
    seen: dict[tuple[str, bool], Line] = {}
    for line in _lasting(case):
        key = (line.text, line.exception)
        first = seen.setdefault(key, line)
        if first is line:
            continue
        if _other_kind_between(case, first, line):
            seen[key] = line
            continue
        yield case.finding(DUPLICATE, line, f"the same as line {first.number}", fix=_removed(line))


def _implies(case: Case, wide: Line, narrow: Line) -> bool:
    """Whether `narrow` can go, as `wide` stays; it is proved for every tree.

    What matches all that `narrow` matches leaves it nothing to do, wherever it
    stands, as no exception comes between. What only matches directories above
    counts if no exception comes before either: else they may not be looked at.
    """
    if wide is narrow or not wide.ignores or wide.text == narrow.text or wide.pattern is None:
        return False
    odd = not case.spec_class.remembers_parents and set("+()$") & {*wide.text, *narrow.text}
    if odd or _other_kind_between(case, wide, narrow):
        return False
    if matches_all_of(wide.pattern, narrow.text):
        assert narrow.pattern is not None
        equal = matches_all_of(narrow.pattern, wide.text)
        return not equal or wide.number < narrow.number
    last = max(wide.number, narrow.number)
    if case.count_between(0, last, exceptions=True):
        return False
    return covers_all_of(wide.pattern, narrow.text)


def _other_kind_between(case: Case, one: Line, other: Line) -> bool:
    start, end = sorted((one.number, other.number))
    return case.count_between(start, end, exceptions=not one.exception) > 0


def _removed(line: Line) -> Proposal:
    return Proposal("remove the line", {line.number: None}, means=NOTHING, without_tree=True)


LINTS = (Lint(REDUNDANT, redundant), Lint(DUPLICATE, duplicate))
