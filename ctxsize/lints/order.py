"""Patterns and exceptions that undo each other by the order in which they stand."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Finding
from ctxsize.lints.case import Case
from ctxsize.lints.changes import Proposal
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree
from ctxsize.units import plural


def shadowed(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns for directories in which exceptions above them still let something in."""
    for line in case.patterns:
        if not line.ignores or not case.count_between(0, line.number, exceptions=True):
            continue
        left = _left_below(case, tree, line)
        if not left:
            continue
        empty = len(tree.now.empty.intersection(left))
        note = f", {plural(empty, 'file')} of it without content" if empty else ""
        yield case.finding(
            "CTX108",
            line,
            f"does not keep out what it names: {tree.amount(left)} are sent{note}",
            paths=left,
            fix=Proposal.write(line.number, f"{line.text}/**", means=frozenset(left)),
        )


def _left_below(case: Case, tree: LintTree, line: Line) -> list[str]:
    """Return what is sent below the directories that `line` matches, by exceptions above it."""
    assert line.pattern is not None
    tops = [path for path in tree.matched(line.pattern) if tree.is_directory(path)]
    found = []
    for path in tree.below(tops):
        if line.pattern.match_file(path) is not None:
            continue
        by = case.decider(path)
        if by is not None and by.number < line.number and not case.step(path).ignored:
            found.append(path)
    return found if tree.has_files(found) else []


def empty(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files that arrive without their content."""
    by_line: dict[int, list[str]] = {}
    for path in sorted(tree.now.empty):
        withheld = tree.request.builder.refuses_to_open and case.spec.refuses(path)
        by = case.decider(path) if withheld else None
        by_line.setdefault(0 if by is None else by.number, []).append(path)
    for number, paths in by_line.items():
        if not number:
            yield case.finding(
                "CTX120",
                None,
                f"no permission to read {tree.amount(paths)}: they arrive without content",
                paths=paths,
                help="make them readable, or ignore them",
            )
            continue
        line = case.lines[number - 1]
        yield case.finding(
            "CTX120",
            line,
            f"lists {tree.amount(paths)} that arrive without their content, as a pattern below "
            "ignores a directory above them",
            paths=paths,
            fix=Proposal(
                "put the exception last", {line.number: None}, append=line.written, means=None
            ),
        )


def undone(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns whose work an exception for a directory undoes."""
    if not case.has_exceptions:
        return
    for line in case.patterns:
        if not line.ignores or line.pattern is None:
            continue
        tops = [path for path in tree.matched(line.pattern) if _is_undone(case, tree, line, path)]
        back = [path for path in tree.below(tops) if not _is_named_later(case, line, path)]
        if not tree.has_files(back):
            continue
        by = case.decider(tops[0])
        assert by is not None
        yield case.finding(
            "CTX130",
            line,
            f"line {by.number} ({by.written}) brings back {tree.amount(back)} of what it ignores",
            paths=back,
            fix=Proposal(
                f"put {line.text} below line {by.number}",
                {line.number: None, by.number: f"{by.raw}\n{line.raw}"},
                means=frozenset(back),
            ),
        )


def _is_named_later(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` names `path` itself, not only a parent."""
    return any(each.exception and each.number > line.number for each in case.matching(path))


def _is_undone(case: Case, tree: LintTree, line: Line, path: str) -> bool:
    """Return whether an exception below `line` for a parent brings `path` back."""
    parent = path.rpartition("/")[0]
    assert line.pattern is not None
    if path not in tree.now or not parent or line.pattern.match_file(parent) is not None:
        return False
    by = case.decider(path)
    if by is None or by.number < line.number or by.pattern is None or case.step(path).ignored:
        return False
    return by.pattern.match_file(path) is None
