"""Exceptions that do nothing, or less than they say."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.changes import NOTHING, Proposal
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree

_WILD = frozenset("*?[\\")


def useless(case: Case) -> Iterator[Finding]:
    """Yield exceptions without anything to take back."""
    for line in case.patterns:
        if not line.exception or line.text in (".", "/") or line.text.startswith("../"):
            continue
        ordinary = case.count_between(0, line.number, exceptions=False)
        wild = bool(_WILD.intersection(line.text))
        if ordinary and (wild or case.ignored_before(line, line.text)):
            continue
        if _is_ignored_later(case, line) or _is_meant(case, line):
            continue
        inside = case.last_inside(line)
        message = (
            "nothing above ignores anything" if not ordinary else f"{line.text} is not ignored"
        )
        if inside:
            message += f", and what {inside.text} ignores in it stays ignored"
        idiom = case.leading[line.text] > case.exception_texts[line.text]
        yield case.finding(
            "CTX106",
            line,
            f"does nothing: {message}",
            severity=Severity.INFO if idiom else Severity.WARNING,
            help=f"name what is in it: !{line.text}/*" if inside and not idiom else "",
            fix=None
            if inside
            else Proposal.remove(line.number, means=None if _is_missed(case, line) else NOTHING),
        )


def _is_meant(case: Case, line: Line) -> bool:
    """Return whether a pattern names the path or a parent, and only an exception undid it.

    The exception then does nothing today, but it is right.
    """
    parts = line.text.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return any(
        each.ignores and each.number < line.number for name in above for each in case.matching(name)
    )


def _is_missed(case: Case, line: Line) -> bool:
    """Return whether a top-level name, meant at any depth, would ignore it."""
    names = line.text.split("/")[1:]
    return any(
        each.ignores and "/" not in each.text for name in names for each in case.matching(name)
    )


def overridden(case: Case) -> Iterator[Finding]:
    """Yield exceptions that a later pattern undoes completely."""
    for line in case.patterns:
        if not line.exception or case.last_exceptions[line.text] > line.number:
            continue
        by = _undone_by(case, line)
        if by is not None:
            yield case.finding(
                "CTX107",
                line,
                f"line {by.number} ({by.written}) ignores it again",
                fix=Proposal(
                    "put the exception last", {line.number: None}, append=line.written, means=None
                ),
            )


def _undone_by(case: Case, line: Line) -> Line | None:
    """Return the later pattern that ignores again all that `line` matches, if there is one."""
    names = [line.text]
    if _WILD.intersection(line.text):
        if case.tree is None or line.pattern is None:
            return None
        names = case.tree.matched(line.pattern)
    if case.tree is not None and any(case.tree.below(names)):
        return None
    deciders = [case.decider(name) for name in names if case.step(name).ignored]
    if not names or len(deciders) < len(names):
        return None
    last = max((each for each in deciders if each is not None), key=lambda each: each.number)
    later = all(each is not None and each.number > line.number for each in deciders)
    return last if later else None


def _is_ignored_later(case: Case, line: Line) -> bool:
    return not _WILD.intersection(line.text) and _undone_by(case, line) is not None


def pruned(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield exceptions for what lies in directories that the builder skips."""
    for line in case.patterns:
        if not line.exception or line.pattern is None:
            continue
        lost = [path for path in tree.matched(line.pattern) if _is_pruned(case, line, path)]
        if not lost:
            continue
        below = [path for path in tree.below(lost, of=tree.everything) if path not in tree.now]
        kept = [path for path in below if not case.step(path).ignored]
        if not tree.has_files(kept):
            continue
        title = tree.request.builder.title
        yield case.finding(
            "CTX125",
            line,
            f"{title} does not look into the directory, so {tree.amount(kept)} stay out",
            paths=kept,
            help="name the directories without wildcards",
            fix=_reaching(line, frozenset(kept)),
        )


def _reaching(line: Line, means: frozenset[str]) -> Proposal | None:
    if not line.text.endswith("/*/**"):
        return None
    return Proposal.write(line.number, f"!{line.text}/*", means=means)


def _is_pruned(case: Case, line: Line, path: str) -> bool:
    assert case.tree is not None
    is_kept_out = path not in case.tree.now and not case.step(path).ignored
    return is_kept_out and case.decider(path) is line
