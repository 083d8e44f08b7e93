"""Patterns that match nothing, in this tree or in any."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.artefacts import ARTEFACTS
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import Proposal
from ctxsize.lints.tree import LintTree


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
