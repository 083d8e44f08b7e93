"""Patterns that undo each other by their order, or add nothing to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.engine.covers import Cover, covers, is_literal
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.trace import Matcher
from ctxsize.findings import Finding
from ctxsize.lints.case import Case
from ctxsize.lints.lines import NOTHING, Line, Proposal
from ctxsize.lints.lookup import LintTree

_CLASS = re.compile(r"\[[^]]*\]|\?")


def shadowed(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns for directories that earlier exceptions partly re-include."""
    for line in case.patterns:
        if not line.ignores or not case.count_between(0, line.number, exceptions=True):
            continue
        tops = filter(tree.is_directory, case.matched(line.pattern))
        # Paths that an earlier exception re-includes and the pattern does not match itself.
        left = [
            path
            for path in case.below([*tops])
            if (by := case.let_in_by(path)) and by.number < line.number and not line.matches(path)
        ]
        if tree.has_files(left):
            empty = len(case.now.empty.intersection(left))
            note = f", {empty:,} of them without content" if empty else ""
            yield case.finding(
                "CTX108",
                line,
                f"exceptions above `{line.written}` still re-include {case.amount(left)}{note}",
                paths=left,
                fix=Proposal.write(line, f"{line.text}/**", means=frozenset(left)),
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
        if number:
            line = case.lines[number - 1]
            message = (
                f"`{line.written}` re-includes {amount}, but {they} empty: a pattern below ignores "
                "the directory"
            )
            yield case.finding("CTX120", line, message, paths=paths, fix=Proposal.last(line))
        else:
            message = f"a build may not read {amount}, so {they} empty"
            hint = "permit reading, or ignore what cannot be read"
            yield case.finding("CTX120", None, message, paths=paths, help=hint)


def undone(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns that a later exception for a directory undoes."""
    for line in case.patterns if case.exceptions else ():
        if not line.ignores:
            continue
        tops = [path for path in case.matched(line.pattern) if _is_undone(case, line, path)]
        # A path that a later exception matches itself is re-included on purpose.
        back = [
            path
            for path in case.below(tops)
            if not any(each.exception and each.number > line.number for each in case.matching(path))
        ]
        by = case.decider(tops[0]) if tree.has_files(back) else None
        if by is not None:
            message, means = f"move the line below line {by.number}", frozenset(back)
            change = {line.number: None, by.number: f"{by.raw}\n{line.raw}"}
            yield case.finding(
                "CTX130",
                line,
                f"line {by.number} (`{by.written}`) re-includes {case.amount(back)} "
                f"that `{line.written}` ignores",
                paths=back,
                fix=Proposal(message, change, means=means),
            )


def _is_undone(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` re-includes `path` through a parent."""
    parent = path.rpartition("/")[0]
    if path not in case.now or not parent or line.matches(parent):
        return False
    by = case.let_in_by(path)
    return by is not None and by.number > line.number and not by.matches(path)


def redundant(case: Case) -> Iterator[Finding]:
    """Yield patterns and exceptions that others imply."""
    for exceptions in (False, True):
        by_text: dict[str, list[Line]] = {}
        for line in case.patterns:
            if line.exception == exceptions and not line.controls:
                by_text.setdefault(line.text, []).append(line)
        texts = [*by_text]
        patterns = (lines[0].pattern for lines in by_text.values())
        finder = Matcher(case.builder.spec_class(each for each in patterns if each is not None))
        for text, lines in by_text.items():
            # A pattern that implies it matches an example of its paths, or a parent.
            found = {at for path in _example(text) for at in finder.indexes(path)}
            ordered = sorted(found, key=lambda at: ("*" in texts[at], at))
            wide = [texts[at] for at in ordered if texts[at] != text]
            for line in lines:
                candidates = (each for other in wide for each in by_text[other])
                wider = next((each for each in candidates if _implies(case, each, line)), None)
                if wider is not None:
                    by = f"line {wider.number} (`{wider.written}`)"
                    does = "re-includes" if line.exception else "ignores"
                    yield case.finding(
                        "CTX112",
                        line,
                        f"{by} already {does} all that `{text}` matches",
                        fix=Proposal.remove(line, means=NOTHING, without_tree=not line.exception),
                    )


def _example(text: str) -> list[str]:
    """Return an example path that a pattern matches, with its parents; none if `text` is no path.

    Each wildcard becomes one character.
    """
    one = _CLASS.sub("\ue001", text.removeprefix("**/"))
    path = one.replace("**", "*").replace("*", "\ue000")
    return up_to(path) if all(path.split("/")) else []


def duplicate(case: Case) -> Iterator[Finding]:
    """Yield patterns that an earlier line repeats."""
    seen: dict[tuple[str, bool], Line] = {}
    for line in case.patterns:
        if line.controls:
            continue
        key = (line.text, line.exception)
        first = seen.setdefault(key, line)
        if _other_kind_between(case, first, line):
            seen[key] = line
        elif first is not line:
            message = f"this pattern repeats line {first.number}"
            fix = Proposal.remove(line, means=NOTHING, without_tree=True)
            yield case.finding("CTX113", line, message, fix=fix)


def _implies(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether `wide` makes `narrow` redundant in every tree.

    If `wide` matches every path that `narrow` matches, the order does not matter, as long as
    no line of the other kind lies between. If it matches only parents of these paths, the
    builder must surely have looked at them: there is no exception before either pattern, or
    `wide` is an exception for a directory that the patterns above it ignore.
    """
    if wide.pattern is None or narrow.pattern is None or _other_kind_between(case, wide, narrow):
        return False
    # `!dir` after `dir/*` is written for the exceptions inside `dir`.
    within = not case.ignoring.isdisjoint((f"{wide.text}/*", f"{wide.text}/**"))
    if narrow.exception and (within or not _is_led_to(case, narrow)):
        return False
    cover = covers(wide.pattern, narrow.pattern)
    if cover is Cover.ITSELF:
        equal = covers(narrow.pattern, wide.pattern) is Cover.ITSELF
        return not equal or wide.number < narrow.number
    return cover is Cover.ABOVE and _is_looked_at(case, wide, narrow)


def _is_looked_at(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether `wide` counts as matched wherever it matches a directory above `narrow`."""
    if wide.exception:
        literal = wide.pattern is not None and is_literal(wide.pattern)
        memory = case.builder.spec_class.remembers_parents
        return memory and literal and case.ignored_before(wide, wide.text)
    # `**/name` is meant to override exceptions, even if it precedes them.
    meant = narrow.text.startswith("**/") and bool(case.exceptions)
    last = max(wide.number, narrow.number)
    return not meant and not case.count_between(0, last, exceptions=True)


def _is_led_to(case: Case, line: Line) -> bool:
    """Return whether other exceptions lead to the parent, for builders that read paths.

    For the classic builder and Podman an exception with wildcards leads nowhere.
    """
    directory = line.text.rpartition("/")[0]
    others = case.exceptions_below[directory] > 1 or directory in case.exceptions
    return not directory or others


def _other_kind_between(case: Case, one: Line, other: Line) -> bool:
    start, end = sorted((one.number, other.number))
    return case.count_between(start, end, exceptions=not one.exception) > 0
