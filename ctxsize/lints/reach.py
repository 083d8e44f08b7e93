"""Patterns that match nothing, in this tree or in any."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.artefacts import is_known
from ctxsize.lints.case import Case
from ctxsize.lints.changes import Proposal
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree

_WILD = frozenset("*?[\\")


def outside(case: Case) -> Iterator[Finding]:
    """Yield patterns that can match nothing in any tree."""
    for line in case.lines:
        text = line.text
        if text not in (".", "..", "/") and not text.startswith("../"):
            continue
        inner = text.lstrip("./")
        leads = text.startswith("..")
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
        if line.pattern is None or text.startswith(("..", "!")) or text in (".", "/"):
            continue
        if _WILD.intersection(text) or tree.matched(line.pattern):
            continue
        yield from _told(case, tree, line)


def _told(case: Case, tree: LintTree, line: Line) -> Iterator[Finding]:
    other = tree.by_folded.get(line.text.casefold())
    if other is not None:
        if (other in tree.now) == line.exception:
            return
        mark = "!" if line.exception else ""
        yield case.finding(
            "CTX118",
            line,
            f"matches nothing: the entry is named {other}, and upper and lower case count",
            severity=Severity.WARNING,
            fix=Proposal.write(line.number, mark + other, means=None),
        )
        return
    plain = line.text.lstrip(".")
    if line.exception and plain != line.text and plain in tree.everything and plain not in tree.now:
        yield case.finding(
            "CTX118",
            line,
            f"matches nothing: the entry is named {plain}, without the dot",
            severity=Severity.WARNING,
            fix=Proposal.write(line.number, f"!{plain}", means=None),
        )
        return
    elsewhere = [
        path
        for path in tree.by_name.get(line.text.rpartition("/")[2], [])
        if path.endswith(f"/{line.text}")
    ]
    if "/" in line.text and len(elsewhere) == 1 and not _is_artefact_path(line.text):
        yield case.finding(
            "CTX118",
            line,
            f"matches nothing: it counts from the top of the context, and there is {elsewhere[0]}",
            confidence=Confidence.POSSIBLE,
        )


def _is_artefact_path(text: str) -> bool:
    """Return whether some part of it is made by a tool, so that it comes and goes."""
    return any(is_known(part) or part.startswith(".") for part in text.split("/"))
