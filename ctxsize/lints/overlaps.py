"""Patterns that undo each other by their order, or add nothing to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.engine.covers import Cover, covers
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.trace import Matcher
from ctxsize.findings import Finding
from ctxsize.lints.case import MOVE_TO_END, NOTHING, REMOVE, Case
from ctxsize.lints.lines import Line
from ctxsize.lints.lookup import LintTree

_CLASS = re.compile(r"\[[^]]*\]|\?")


def shadowed(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns for directories that earlier exceptions partly re-include."""
    for line in case.patterns:
        if not line.ignores or not case.count_between(0, line.number, exceptions=True):
            continue
        tops = filter(tree.is_directory, case.matched(line.pattern))
        # Paths that an earlier exception re-includes and the pattern does not match itself.
        left = {
            path
            for path in case.below([*tops])
            if (by := case.let_in_by(path)) and by.number < line.number and not line.matches(path)
        }
        if tree.has_files(left):
            empty = len(case.now.empty.intersection(left))
            note = f", {empty:,} of them without content" if empty else ""
            text = f"{line.text}/**"
            yield case.finding(
                "CTX108",
                line,
                f"exceptions above `{line.written}` still re-include {case.amount(left)}{note}",
                paths=left,
                fix=case.fix(f"write `{text}`", {line.number: text}, means=left),
            )


def empty(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files that arrive without their content."""
    by_line: dict[int, list[str]] = {}
    for path in sorted(case.now.empty):
        # fsutil's sender asks MatchesOrParentMatches before it opens what its walk has listed.
        withheld = case.builder.refuses_to_open and case.spec.refuses(path)
        by = case.decider(path) if withheld else None
        by_line.setdefault(by.number if by else 0, []).append(path)
    for number, paths in by_line.items():
        amount, they = case.amount(paths), "they arrive" if paths[1:] else "it arrives"
        line, fix, hint = None, None, "permit reading, or ignore what cannot be read"
        message = f"a build may not read {amount}, so {they} empty"
        if number:
            line, hint = case.lines[number - 1], ""
            fix = case.fix(MOVE_TO_END, {number: None}, line.written)
            message = (
                f"`{line.written}` re-includes {amount}, but {they} empty: a pattern below ignores "
                "the directory"
            )
        yield case.finding("CTX120", line, message, paths=paths, help=hint, fix=fix)


def undone(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns that a later exception for a directory undoes."""
    for line in case.patterns if case.exceptions else ():
        if not line.ignores:
            continue
        tops = [path for path in case.matched(line.pattern) if _is_undone(case, line, path)]
        # A path that a later exception matches itself is re-included on purpose.
        back = {
            path
            for path in case.below(tops)
            if not any(each.exception and each.number > line.number for each in case.matching(path))
        }
        by = case.decider(tops[0]) if tree.has_files(back) else None
        if by is not None:
            change = {line.number: None, by.number: f"{by.raw}\n{line.raw}"}
            yield case.finding(
                "CTX130",
                line,
                f"line {by.number} (`{by.written}`) re-includes {case.amount(back)} "
                f"that `{line.written}` ignores",
                paths=back,
                fix=case.fix(f"move the line below line {by.number}", change, means=back),
            )


def _is_undone(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` re-includes `path` through a parent."""
    parent = path.rpartition("/")[0]
    if path not in case.now or not parent or line.matches(parent):
        return False
    by = case.let_in_by(path)
    return by is not None and by.number > line.number and not by.matches(path)


def redundant(case: Case) -> Iterator[Finding]:
    """Yield patterns that others imply in every tree."""
    by_text: dict[str, list[Line]] = {}
    for line in case.patterns:
        if line.ignores and not line.control:
            by_text.setdefault(line.text, []).append(line)
    texts = [*by_text]
    patterns = (lines[0].pattern for lines in by_text.values())
    finder = Matcher(case.builder.spec_class(each for each in patterns if each is not None))
    for text, lines in by_text.items():
        # A pattern that implies it matches an example of its paths, or a parent.
        found = {at for path in _example(text) for at in finder.indexes(path)}
        ordered = sorted(found, key=lambda at: ("*" in texts[at], at))
        wide = [each for at in ordered if texts[at] != text for each in by_text[texts[at]]]
        for line in lines:
            wider = next((each for each in wide if _implies(case, each, line)), None)
            if wider is not None:
                by = f"line {wider.number} (`{wider.written}`)"
                message = f"{by} already ignores all that `{text}` matches"
                fix = case.fix(REMOVE, {line.number: None}, means=NOTHING, in_any_tree=True)
                yield case.finding("CTX112", line, message, fix=fix)


def _example(text: str) -> list[str]:
    """Return an example path that a pattern matches, with its parents; none if `text` is no path.

    Each wildcard becomes one character.
    """
    one = _CLASS.sub("\ue001", text.removeprefix("**/"))
    path = one.replace("**", "*").replace("*", "\ue000")
    return up_to(path) if all(path.split("/")) else []


def _implies(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether `wide` makes `narrow` redundant in every tree.

    If `wide` matches every path that `narrow` matches, the order does not matter, as long as no
    exception lies between. If it matches only parents of these paths, no exception may precede
    either: the builder would skip the pattern for an ignored directory.
    """
    if wide.pattern is None or narrow.pattern is None or _other_kind_between(case, wide, narrow):
        return False
    cover = covers(wide.pattern, narrow.pattern)
    if cover is Cover.ITSELF:
        equal = covers(narrow.pattern, wide.pattern) is Cover.ITSELF
        return not equal or wide.number < narrow.number
    last = max(wide.number, narrow.number)
    # `**/name` is meant to override exceptions, even if it precedes them.
    meant = narrow.text.startswith("**/") and bool(case.exceptions)
    is_first = not case.count_between(0, last, exceptions=True)
    return cover is Cover.ABOVE and is_first and not meant


def duplicate(case: Case) -> Iterator[Finding]:
    """Yield patterns that an earlier line repeats."""
    seen: dict[tuple[str, bool], Line] = {}
    for line in (each for each in case.patterns if not each.control):
        key = (line.text, line.exception)
        first = seen.setdefault(key, line)
        if _other_kind_between(case, first, line):
            seen[key] = line
        elif first is not line:
            fix = case.fix(REMOVE, {line.number: None}, means=NOTHING, in_any_tree=True)
            yield case.finding("CTX113", line, f"this pattern repeats line {first.number}", fix=fix)


def _other_kind_between(case: Case, one: Line, other: Line) -> bool:
    start, end = sorted((one.number, other.number))
    return case.count_between(start, end, exceptions=not one.exception) > 0
