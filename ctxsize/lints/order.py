"""Patterns and exceptions that undo each other by the order in which they stand."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Finding
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import Proposal
from ctxsize.lints.tree import LintTree
from ctxsize.units import plural


def shadowed(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns for directories in which exceptions above them still let something in."""
    for line in case.patterns:
        if not line.ignores or not case.count_between(0, line.number, exceptions=True):
            continue
        tops = [path for path in case.matched(line.pattern) if tree.is_directory(path)]
        left = [path for path in case.below(tops) if _is_let_in(case, line, path)]
        if tree.has_files(left):
            empty = len(case.now.empty.intersection(left))
            note = f", {plural(empty, 'file')} of it without content" if empty else ""
            yield case.finding(
                "CTX108",
                line,
                f"does not keep out what it names: {case.amount(left)} are sent{note}",
                paths=left,
                fix=Proposal.write(line.number, f"{line.text}/**", means=frozenset(left)),
            )


def _is_let_in(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception above `line`, which does not match `path` itself, lets it in."""
    by = case.decider(path)
    above = by is not None and by.number < line.number and not line.matches(path)
    return above and not case.step(path).ignored


def empty(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files that arrive without their content."""
    by_line: dict[int, list[str]] = {}
    for path in sorted(case.now.empty):
        # fsutil's sender asks MatchesOrParentMatches before it opens what its walk has listed.
        withheld = case.builder.refuses_to_open and case.spec.refuses(path)
        by = case.decider(path) if withheld else None
        by_line.setdefault(by.number if by else 0, []).append(path)
    for number, paths in by_line.items():
        line = case.lines[number - 1] if number else None
        if line is None:
            message = f"no permission to read {case.amount(paths)}: they arrive without content"
        else:
            message = (
                f"lists {case.amount(paths)} that arrive without their content, as a pattern "
                "below ignores a directory above them"
            )
        yield case.finding(
            "CTX120",
            line,
            message,
            paths=paths,
            help="make them readable, or ignore them" if line is None else "",
            fix=None if line is None else Proposal.last(line.number, line.written),
        )


def undone(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns whose work an exception for a directory undoes."""
    for line in case.patterns if case.exceptions else ():
        if not line.ignores:
            continue
        tops = [path for path in case.matched(line.pattern) if _is_undone(case, line, path)]
        back = [path for path in case.below(tops) if not _is_named_later(case, line, path)]
        by = case.decider(tops[0]) if tree.has_files(back) else None
        if by is not None:
            change = {line.number: None, by.number: f"{by.raw}\n{line.raw}"}
            yield case.finding(
                "CTX130",
                line,
                f"line {by.number} ({by.written}) brings back {case.amount(back)} "
                "of what it ignores",
                paths=back,
                fix=Proposal(
                    f"put {line.text} below line {by.number}", change, means=frozenset(back)
                ),
            )


def _is_undone(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` for a parent brings `path` back."""
    parent = path.rpartition("/")[0]
    if path not in case.now or not parent or line.matches(parent):
        return False
    by = case.decider(path)
    if by is None or by.number < line.number or case.step(path).ignored:
        return False
    return not by.matches(path)


def _is_named_later(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` names `path` itself, not only a parent."""
    return any(each.exception and each.number > line.number for each in case.matching(path))
