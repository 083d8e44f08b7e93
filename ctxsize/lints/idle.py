"""Patterns and exceptions that do nothing, or less than they say."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.engine.evaluate import up_to
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.lints.lines import NOTHING, Line, Proposal
from ctxsize.lints.lookup import LintTree


def outside(case: Case) -> Iterator[Finding]:
    """Yield patterns that can match nothing in any tree."""
    for line in case.lines:
        text = line.text
        if text not in (".", "..", "/") and not text.startswith("../"):
            continue
        inner, leads = text.lstrip("./"), text.startswith("..")
        yield case.finding(
            "CTX114",
            line,
            "leads out of the context" if leads else "names the context itself, which is no entry",
            help=f"{inner} counts from the top of the context" if inner else "* ignores everything",
            fix=Proposal.remove(line.number),
        )


def dead(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns without a match where the cause is known."""
    for line in case.patterns:
        text = line.text
        if line.is_wild or text.startswith(("..", "!")) or text in (".", "/"):
            continue
        if not case.matched(line.pattern):
            yield from _dead(case, tree, line)


def _dead(case: Case, tree: LintTree, line: Line) -> Iterator[Finding]:
    other, plain = tree.by_folded.get(line.text.casefold()), line.text.lstrip(".")
    if other is not None:
        if (other in case.now) != line.exception:
            yield _misnamed(case, line, other, f"{other}, and upper and lower case count")
    elif line.exception and plain in tree.everything and plain not in case.now:
        yield _misnamed(case, line, plain, f"{plain}, without the dot")
    elif "/" in line.text and not any(map(_comes_and_goes, line.text.split("/"))):
        names = tree.by_name.get(line.text.rpartition("/")[2], [])
        elsewhere = [path for path in names if path.endswith(f"/{line.text}")]
        if len(elsewhere) == 1:
            yield case.finding(
                "CTX118",
                line,
                "matches nothing: it counts from the top of the context, "
                f"and there is {elsewhere[0]}",
                confidence=Confidence.POSSIBLE,
            )


def _misnamed(case: Case, line: Line, name: str, what: str) -> Finding:
    return case.finding(
        "CTX118",
        line,
        f"matches nothing: the entry is named {what}",
        severity=Severity.WARNING,
        fix=Proposal.write(line.number, "!" * line.exception + name),
    )


def _comes_and_goes(part: str) -> bool:
    """Return whether a part of a path is the name of something that a tool makes."""
    return part.startswith(".") or part in ARTEFACTS or part.rstrip("*") in ARTEFACTS


def useless(case: Case) -> Iterator[Finding]:
    """Yield exceptions without anything to take back."""
    inside: dict[str, Line] = {}
    """By path the last pattern so far that ignores something below it."""
    for line in case.patterns:
        text = line.text
        if line.ignores:
            inside |= dict.fromkeys(up_to(text)[:-1], line)
        elif not _takes_back(case, line) and text not in (".", "/") and text[:3] != "../":
            yield _useless(case, line, inside.get(text))


def _takes_back(case: Case, line: Line) -> bool:
    """Return whether the exception does something, or will once the order is right."""
    if case.count_between(0, line.number, exceptions=False) and (
        line.is_wild or case.ignored_before(line, line.text)
    ):
        return True
    if not line.is_wild and _undone_by(case, line) is not None:
        return True
    # A pattern names the path or a parent, and only an exception undid it: it is right.
    matching = (each for path in up_to(line.text) for each in case.matching(path))
    return any(each.ignores and each.number < line.number for each in matching)


def _useless(case: Case, line: Line, inside: Line | None) -> Finding:
    ordinary = case.count_between(0, line.number, exceptions=False)
    message = f"{line.text} is not ignored" if ordinary else "nothing above ignores anything"
    if inside is not None:
        message += f", and what {inside.text} ignores in it stays ignored"
    idiom = bool(case.exceptions_below[line.text])
    # A name at the top that is meant at any depth would ignore it.
    names = (each for name in line.text.split("/")[1:] for each in case.matching(name))
    missed = any(each.ignores and "/" not in each.text for each in names)
    return case.finding(
        "CTX106",
        line,
        f"does nothing: {message}",
        severity=Severity.INFO if idiom else Severity.WARNING,
        help=f"name what is in it: !{line.text}/*" if inside and not idiom else "",
        fix=None if inside else Proposal.remove(line.number, means=None if missed else NOTHING),
    )


def overridden(case: Case) -> Iterator[Finding]:
    """Yield exceptions that a later pattern undoes completely."""
    last = {line.text: line for line in case.patterns if line.exception}
    for line in last.values():
        by = _undone_by(case, line)
        if by is not None:
            yield case.finding(
                "CTX107",
                line,
                f"line {by.number} ({by.written}) ignores it again",
                fix=Proposal.last(line.number, line.written),
            )


def _undone_by(case: Case, line: Line) -> Line | None:
    """Return the later pattern that ignores again all that `line` matches, if there is one."""
    names = case.matched(line.pattern) if line.is_wild else [line.text]
    if not names or (case.tree is not None and any(case.below(names))):
        return None
    steps = [case.step(name) for name in names]
    deciders = [each.decider for each in steps if each.ignored and each.decider is not None]
    lines = [case.patterns[at] for at in deciders]
    if len(lines) < len(names) or any(each.number < line.number for each in lines):
        return None
    return max(lines, key=lambda each: each.number)


def pruned(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield exceptions for what lies in directories that the builder skips."""
    for line in case.patterns:
        if not line.exception:
            continue
        lost = [path for path in case.matched(line.pattern) if _is_pruned(case, line, path)]
        below = tree.below(lost, tree.everything)
        kept = [path for path in below if path not in case.now and not case.step(path).ignored]
        if tree.has_files(kept):
            proposal = Proposal.write(line.number, f"!{line.text}/*", means=frozenset(kept))
            yield case.finding(
                "CTX125",
                line,
                f"{case.builder.title} does not look into the directory, "
                f"so {case.amount(kept)} stay out",
                paths=kept,
                help="name the directories without wildcards",
                fix=proposal if line.text.endswith("/*/**") else None,
            )


def _is_pruned(case: Case, line: Line, path: str) -> bool:
    if path in case.now or case.step(path).ignored:
        return False
    return case.decider(path) is line
